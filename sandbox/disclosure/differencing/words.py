"""What was found, as findings: one text for the requester, and one for reviewers and the owner.

The requester's own numbers may be named to them. A number of another project's release may not, nor one of a job that
nobody has seen yet: it follows from private rows, and a verdict about it answers somebody who may only ask (ADR 6).
"""

from __future__ import annotations

from dataclasses import replace

from sandbox.disclosure.differencing.check import Because, Compared, Isolated
from sandbox.disclosure.differencing.members import Member
from sandbox.disclosure.differencing.rules import CONTRADICTION, GUESSED, ISOLATED, MAY_ISOLATE, UNSETTLED
from sandbox.disclosure.table import MAX_FINDINGS
from sandbox.domain.findings import Finding
from sandbox.domain.population import population_words


def findings_of(compared: Compared, *, file: str, project: str, noun: str, threshold: int) -> list[Finding]:
    """The findings of a comparison.

    Args:
        file: the name under which findings stand that are about no single number.
        project: the requester's; its own releases are named to them.
        noun: what a unit is, in the singular.
    """
    found = [_finding(one, project, noun, threshold) for one in compared.isolated]
    if compared.contradicting:
        found.append(_contradiction(file, compared))
    if compared.unsettled:
        found.append(_unsettled(file, compared))
    return found[:MAX_FINDINGS]


def _finding(one: Isolated, project: str, noun: str, threshold: int) -> Finding:
    others = [m for m in one.used if not m.new]
    foreign = [m for m in others if m.project != project or m.sealed]
    sure = not one.guessed and one.because in (Because.REST, Because.SOLVED)
    pending = any(m.pending for m in foreign)
    size = _size(one, noun)
    whose = f"{size}: {one.words}."
    detail = f"{_where(others)} this number gives {whose} {_numbers(one)}"
    reason = detail
    if foreign or one.private:
        whole = "earlier releases" if len({m.release for m in others}) > 1 else "an earlier release"
        reason = (
            f"Together with {whole} of these data this number singles out fewer than {threshold} {noun}s."
        )
    match one.because:
        case Because.GROWTH:
            reason += (
                " Both count the same, at two times: who came or went in between is in nobody else's number."
            )
        case Because.SAME_LABELS:
            reason += " Both are called the same, and it is not known whom the one without a question counts."
        case _:
            pass
    rule = GUESSED if one.guessed else ISOLATED if sure and not pending else MAY_ISOLATE
    return replace(
        rule.file(one.cell.file, reason, place=_place(one)),
        row=one.cell.row if one.cell.row >= 0 else None,
        column=one.cell.column,
        from_rows=bool(foreign) or one.private,
        detail=detail,
    )


def _size(one: Isolated, noun: str) -> str:
    plural = "" if one.low == one.high == 1 else "s"
    if one.low == one.high:
        return f"exactly {one.low} {noun}{plural}"
    return f"{one.low} to {one.high} {noun}s"


def _where(others: list[Member]) -> str:
    """``Together with release 3``."""
    if not others:
        return "Together with the request's other numbers"
    named = {m.release: m for m in others}
    words = [
        f"{'request' if m.pending else 'release'} {number} (project {m.project})"
        for number, m in sorted(named.items())
    ]
    return "Together with " + " and ".join(words)


def _numbers(one: Isolated) -> str:
    """The numbers that say so, each with whom it counts."""
    if one.private:
        return "The numbers of units behind these sums say so."
    told = []
    for m in one.used[:6]:
        shown = "suppressed" if m.cell.value is None else _shown(m)
        what = population_words(m.population)
        if m.base is not None:
            what += f" as a share of {population_words(m.base)}"
        told.append(f"{'here' if m.new else f'release {m.release}'}: {shown} ({what})")
    return "Used: " + "; ".join(told) + ("; and others." if len(one.used) > 6 else ".")


def _shown(m: Member) -> str:
    value = f"{m.cell.value:f}"
    return f"{value}, rounded to {int(m.cell.step)}" if m.cell.step else value


def _place(one: Isolated) -> str:
    if one.cell.row < 0:
        return f"column {one.cell.column}, added up"
    return f"row {one.cell.row + 1}, column {one.cell.column}"


def _contradiction(file: str, compared: Compared) -> Finding:
    others = [n for n in compared.contradicting if n]
    reason = "These numbers and those of earlier releases cannot all be true of the same people."
    if not others:
        reason = "The request's own numbers cannot all be true of the people they are said to count."
    return replace(
        CONTRADICTION.file(file, reason),
        from_rows=bool(others),
        detail=f"Releases: {', '.join(map(str, others))}." if others else "",
    )


def _unsettled(file: str, compared: Compared) -> Finding:
    reason = "There are too many earlier numbers to solve all combinations of them; a person looks."
    return replace(
        UNSETTLED.file(file, reason),
        detail=f"{compared.unsettled} earlier numbers were compared by twos and threes alone.",
    )
