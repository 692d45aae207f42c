"""One ledger for both worlds: exact numbers beside private answers about the same people.

A private answer is a number with noise. Once the exact number is out, the noise protects nothing there any more, and
the budget that it cost bought nothing. That is nobody's mistake alone, so it is told and not refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from sandbox.disclosure.differencing.asked import Asked
from sandbox.disclosure.differencing.check import Compared
from sandbox.disclosure.differencing.earlier import EarlierNumbers
from sandbox.disclosure.differencing.members import alike, by_space, member
from sandbox.disclosure.differencing.solve import determined, nearest
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.output_cell import Counted, OutputCell
from sandbox.domain.population import columns_of_population, every, population_from_text, population_text

CHECK = "covers_private_answer"
MAX_ANSWER_CELLS = 2_000  # of one answer
MAX_WORKED_OUT = 40  # populations of answers that are tried against several numbers at once
_SOURCE = "Dwork & Roth (2014), 2.3: what is added to a private answer is not protected by it"
_FIX = "Release the private answer's own number, or round to 10; else say in the context why the exact one is needed."


@dataclass(frozen=True, slots=True)
class AnswerCell:
    """What one number of a private answer is about."""

    source: str
    counted: Counted
    of: str
    population: str


@dataclass(frozen=True, slots=True)
class Covered:
    """An exact number that is also behind a private answer.

    Attributes:
        exact: the request's own number; of several that give it together, the first.
        question: the ledger's number.
    """

    exact: OutputCell
    question: int
    together: bool = False


def cells_of_answer(question: Asked) -> Iterator[AnswerCell]:
    """What the numbers of an answer are about; of larger answers than are looked at, none."""
    keys = [list(key.cells.values()) for key in question.keys]
    many = 1
    for cells in keys:
        many *= len(cells)
    for parts in product(*keys) if many <= MAX_ANSWER_CELLS else ():
        for measure in question.measures:
            population = every([question.where, *parts, measure.within])
            yield AnswerCell(question.source, measure.counted, measure.of, population_text(population))


def covered(
    new: Sequence[OutputCell],
    earlier: EarlierNumbers,
    answers: Mapping[int, Sequence[AnswerCell]],
    *,
    steps: Mapping[str, Fraction],
) -> tuple[Covered, ...]:
    """The exact numbers, new or from new and earlier ones together, that private answers give with noise.

    Args:
        new: with their margins.
        answers: by question, newest first.
    """
    exact = {
        AnswerCell(c.source, c.counted, c.of, c.population): c
        for c in reversed(new)
        if c.source and c.step == 0 and c.value is not None
    }
    found: list[Covered] = []
    open_: dict[AnswerCell, int] = {}
    for question, cells in answers.items():
        for cell in cells:
            if cell in exact:
                found.append(Covered(exact[cell], question))
            elif cell.counted in (Counted.UNITS, Counted.ROWS):
                open_.setdefault(cell, question)
    return (*found, *_worked_out(new, earlier, open_, steps))


def _worked_out(
    new: Sequence[OutputCell],
    earlier: EarlierNumbers,
    answers: Mapping[AnswerCell, int],
    steps: Mapping[str, Fraction],
) -> Iterator[Covered]:
    """Answers about people whom several exact numbers count together."""
    spaces = by_space([member(c) for c in new if not c.margin])
    for space, own in spaces.items():
        looked = frozenset[str]().union(*(columns_of_population(m.population) for m in own))
        near = {
            cell: question
            for cell, question in answers.items()
            if (cell.source, str(cell.counted)) == (space.source, space.counts)
            and columns_of_population(population_from_text(cell.population)) <= looked
        }
        wanted = list(near)[:MAX_WORKED_OUT]
        populations = [population_from_text(cell.population) for cell in wanted]
        by_text = {cell.population: near[cell] for cell in wanted}
        if not wanted:
            continue
        chosen, _ = nearest(space, alike(own), earlier.briefs(space), earlier, steps)
        for population, used in determined(chosen, populations, steps=steps):
            named = next(m.cell for m in used if m.new)
            yield Covered(named, by_text[population_text(population)], together=True)


def finding_of(
    found: Sequence[Covered], compared: Compared, *, projects: Mapping[int, str]
) -> Finding | None:
    """One finding for a file, however many of its numbers are covered.

    Args:
        compared: of cells that isolate somebody more is said already.
        projects: by question, whose it was.
    """
    isolating = {(i.cell.file, i.cell.row, i.cell.column) for i in compared.isolated}
    told = [c for c in found if (c.exact.file, c.exact.row, c.exact.column) not in isolating]
    if not told:
        return None
    first = min(told, key=lambda c: (c.exact.row < 0, c.exact.row)).exact
    numbers = len({(c.exact.row, c.exact.column) for c in told})
    questions = sorted({c.question for c in told})
    said = "1 number is" if numbers == 1 else f"{numbers} numbers are"
    listed = ", ".join(f"{q} (project {projects[q]})" for q in questions[:10])
    return Finding(
        file=first.file,
        check=CHECK,
        verdict=Verdict.REVIEW,
        place=f"column {first.column}",
        reason=f"{said} exact where a private answer gives the same with noise: there the noise protects nothing.",
        fix=_FIX,
        source=_SOURCE,
        row=first.row if first.row >= 0 else None,
        column=first.column,
        detail=f"Covered: the answers to {'question' if len(questions) == 1 else 'questions'} {listed}"
        + (", and others." if len(questions) > 10 else "."),
    )
