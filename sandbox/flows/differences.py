"""A request's numbers beside all others of the lineage: what they say together, and which private answers they undo.

Numbers of every user and project are looked at, also those of requests that are still pending. What a finding may tell
the requester of them is decided in ``disclosure.differencing.words``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sandbox.disclosure.differencing.asked import asked, steps_of
from sandbox.disclosure.differencing.check import Compared, compare
from sandbox.disclosure.differencing.covered import AnswerCell, cells_of_answer, covered, finding_of
from sandbox.disclosure.differencing.reading import cells_of_labels, cells_of_question, margins_of
from sandbox.disclosure.differencing.rules import ISOLATED
from sandbox.disclosure.differencing.words import findings_of
from sandbox.disclosure.table import Table
from sandbox.domain.errors import NotAllowed, QuestionRefused
from sandbox.domain.evidence import Evidence
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.output_cell import OutputCell
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.question import Question
from sandbox.domain.release import Release
from sandbox.flows.kept_numbers import KeptNumbers
from sandbox.flows.published import Published
from sandbox.privacy.asking.parse import parse
from sandbox.store import Store

MAX_ANSWERS = 500  # private answers that exact numbers are held against, newest first
# The same, found within one request.
_REPEATED = frozenset({"implied_count", "implied_across_files", "differs_by_few"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file that was read as a table.

    Attributes:
        sql: the question that made it; empty where none was given.
        evidence: its numbers computed again; None where they were not.
    """

    name: str
    table: Table
    sql: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A request's numbers, to be kept, and what was found."""

    cells: tuple[OutputCell, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """The journey's parts."""

    store: Store

    def look(
        self,
        dataset: Published,
        files: Sequence[ReadFile],
        found: Iterable[Finding],
        *,
        project: str,
        threshold: int,
    ) -> Looked:
        """Read the numbers of a request's tables, and compare them.

        Args:
            files: without those that are private answers: noise is no number to reckon with.
            found: what other checks said; what they found within the request is not said again.
        """
        cells, steps, several = self._read(dataset, files, threshold)
        if not cells:
            return Looked(cells=(), findings=())
        earlier = KeptNumbers(store=self.store, lineage=dataset.policy.budget_lineage)
        compared = compare(cells, earlier, threshold=threshold, steps=steps, several=several)
        said = {f.file for f in found if f.check in _REPEATED}
        compared = replace(
            compared,
            isolated=tuple(
                i for i in compared.isolated if i.releases or not said & {m.cell.file for m in i.used}
            ),
        )
        noun = dataset.policy.unit.noun if dataset.policy.unit else "unit"
        findings = findings_of(compared, file=cells[0].file, project=project, noun=noun, threshold=threshold)
        return Looked(cells=cells, findings=(*findings, *self._covered(dataset, cells, compared, steps)))

    def look_again(self, dataset: Published, release: Release, *, threshold: int) -> None:
        """Before a release leaves: against what has left since it was looked at.

        Raises:
            NotAllowed: a number would isolate somebody, and the reviewers could not know.
        """
        cells = self.store.output_cells.of_release(release.id)
        questions = [self._question(f.sql, dataset.policy) for f in release.files if f.sql]
        steps, several = self._known(dataset.policy, [q for q in questions if q is not None])
        lineage = dataset.policy.budget_lineage
        earlier = KeptNumbers(store=self.store, lineage=lineage, but=release.id, left_only=True)
        compared = compare(cells, earlier, threshold=threshold, steps=steps, several=several)
        noun = dataset.policy.unit.noun if dataset.policy.unit else "unit"
        now = findings_of(compared, file="", project=release.project, noun=noun, threshold=threshold)
        known = {
            (f.file, f.row, f.column)
            for f in self.store.releases.findings(release.id)
            if f.check == ISOLATED.name
        }
        for finding in now:
            place = (finding.file, finding.row, finding.column)
            if finding.verdict is Verdict.FAIL and place not in known:
                raise NotAllowed(
                    f"{finding.file}, {finding.place}: what left since the review and this number single "
                    f"out fewer than {threshold} {noun}s.",
                    clause="differencing",
                    fix="Take the request back, and submit it again without this number.",
                )

    def _read(
        self, dataset: Published, files: Sequence[ReadFile], threshold: int
    ) -> tuple[tuple[OutputCell, ...], dict[str, Fraction], frozenset[str]]:
        policy = dataset.policy
        questions = {f.name: self._question(f.sql, policy) for f in files if f.sql}
        steps, several = self._known(policy, [q for q in questions.values() if q is not None])
        keys = {
            name: column.key_values
            for table in policy.tables.values()
            for name, column in table.columns.items()
            if column.key_values
        }
        cells: list[OutputCell] = []
        for file in files:
            question = questions.get(file.name)
            if question is not None:
                own = cells_of_question(
                    file.name,
                    file.table,
                    asked(question, policy),
                    snapshot=dataset.snapshot,
                    evidence=file.evidence,
                    threshold=threshold,
                )
            else:
                own = cells_of_labels(
                    file.name, file.table, snapshot=dataset.snapshot, keys=keys, threshold=threshold
                )
            cells += [*own, *margins_of(own, steps)]
        return tuple(cells), steps, several

    def _known(
        self, policy: DatasetPolicy, questions: Sequence[Question]
    ) -> tuple[dict[str, Fraction], frozenset[str]]:
        """The steps of columns, and the relations where a unit may have several rows."""
        steps: dict[str, Fraction] = {}
        several = set()
        for question in questions:
            steps |= steps_of(question, policy)
            about = asked(question, policy)
            if not about.one_row_each:
                several.add(about.source)
        return steps, frozenset(several)

    def _covered(
        self,
        dataset: Published,
        cells: Sequence[OutputCell],
        compared: Compared,
        steps: Mapping[str, Fraction],
    ) -> list[Finding]:
        lineage = dataset.policy.budget_lineage
        sources = {c.source for c in cells} - {""}
        answers: dict[int, tuple[AnswerCell, ...]] = {}
        projects: dict[int, str] = {}
        for charge in self.store.ledger.answered_on(lineage, dataset.snapshot, limit=MAX_ANSWERS):
            question = self._question(charge.canonical, dataset.policy)
            if question is None:
                continue
            about = asked(question, dataset.policy)
            if about.source in sources:
                answers[charge.id] = tuple(cells_of_answer(about))
                projects[charge.id] = charge.project
        if not answers:
            return []
        earlier = KeptNumbers(store=self.store, lineage=lineage, left_only=True)
        found = covered(cells, earlier, answers, steps=steps)
        by_file = {
            name: [c for c in found if c.exact.file == name] for name in dict.fromkeys(c.file for c in cells)
        }
        made = (finding_of(some, compared, projects=projects) for some in by_file.values())
        return [finding for finding in made if finding is not None]

    def _question(self, sql: str, policy: DatasetPolicy) -> Question | None:
        """None for one that the policy does not read any more."""
        try:
            return parse(sql, policy)
        except QuestionRefused:
            return None
