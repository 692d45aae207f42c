"""A request beside what was before it: its files of earlier turns, its numbers recomputed, and what has left of them.

Reading only, and for those who may see the request: its requester sees the earlier turns, which they sent; the rest is
for its independent reviewers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sandbox.disclosure.cells import read_number
from sandbox.disclosure.columns import normal
from sandbox.disclosure.declaration import split
from sandbox.disclosure.judge import Judged, judge
from sandbox.disclosure.table import MAX_FINDINGS, Table
from sandbox.disclosure.table_difference import Difference, table_difference, text_difference
from sandbox.domain.agreement import release_terms
from sandbox.domain.errors import BadInput, NotFound, QuestionRefused
from sandbox.domain.findings import Finding
from sandbox.domain.output_cell import NO_LABELS, EarlierCell, OutputCell, labels_text
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import Action
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.release import Release, StagedFile, may_review, sealed
from sandbox.domain.suspension import touching
from sandbox.flows.permission import Permission
from sandbox.flows.published import in_use
from sandbox.privacy.asking.parse import parse
from sandbox.store import Store

MOST_EARLIER = 8  # earlier releases that are laid beside, newest first
MOST_LOOKED_AT = 24  # to find so many that this reviewer may see
MOST_CELLS = 60  # of each


class Recomputed(StrEnum):
    """What is known of a number."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    NOT_COMPUTED = "not computed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierTurn:
    """A file of an earlier turn, beside the one of now.

    Attributes:
        same: the very same bytes.
        difference: None where one of the two cannot be read, as a picture cannot.
    """

    turn: int
    file: StagedFile
    same: bool
    difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideCell:
    """A number of this request, and what was said of the same people before."""

    labels: str
    column: str
    now: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRelease:
    """What has left of the same tables.

    Attributes:
        named: how this request names it: ``supersedes``, ``builds on``; empty: it does not.
        cells: numbers about the same people, those that differ first.
        differing: how many of them differ.
    """

    release: Release
    named: str
    cells: tuple[BesideCell, ...]
    total: int
    differing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """All of it that this reviewer may see."""

    releases: tuple[EarlierRelease, ...]
    more: int  # further ones: of data that this person does not review, of their own projects, or older


Place = tuple[int, str]  # 0-based data row, column


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOutputs:
    """The journey's parts."""

    store: Store
    permission: Permission

    def turns(self, person: Person, release_id: int) -> dict[str, tuple[EarlierTurn, ...]]:
        """By file name, the same file in earlier turns, newest first.

        Raises:
            NotFound: the request is not this person's to see.
            NotAllowed: the data are suspended, or the files are a job's and this is who sent it.
        """
        release, policy = self._seen(person, release_id)
        by_turn = self.store.releases.files_by_turn(release.id)
        earlier = sorted((turn for turn in by_turn if turn < release.turn), reverse=True)
        if not earlier:
            return {}
        read = {turn: self._read(release, by_turn[turn], policy) for turn in (release.turn, *earlier)}
        found: dict[str, tuple[EarlierTurn, ...]] = {}
        for file in release.files:
            found[file.name] = tuple(
                EarlierTurn(
                    turn=turn,
                    file=before,
                    same=before.sha256 == file.sha256,
                    difference=_difference(read[turn].get(file.name), read[release.turn].get(file.name)),
                )
                for turn in earlier
                for before in by_turn[turn]
                if before.name == file.name
            )
        return found

    def recomputed(self, person: Person, release_id: int, file: str, table: Table) -> dict[Place, Recomputed]:
        """For every number of a file whether it holds when computed again. For reviewers alone: it tells of rows."""
        release, policy = self._seen(person, release_id, reviewers_only=True)
        staged = next((f for f in release.files if f.name == file), None)
        found = [f for f in self.store.releases.findings(release.id) if f.file == file]
        measured = _measured(staged.sql if staged else "", policy)
        return recomputed(table, found, measured)

    def lineage(self, person: Person, release_id: int) -> Lineage:
        """What has left of the same tables, over all projects, as far as this reviewer may review it."""
        release, policy = self._seen(person, release_id, reviewers_only=True)
        own = [c for c in self.store.output_cells.of_release(release.id) if not c.margin]
        beside = self._beside(policy.budget_lineage, own, but=release.id)
        numbers = sorted({*beside, *release.builds_on, *filter(None, [release.supersedes])}, reverse=True)
        shown: list[EarlierRelease] = []
        hidden = 0
        for at, number in enumerate(numbers):
            earlier = self.store.releases.get(number) if at < MOST_LOOKED_AT else None
            if (
                earlier is None
                or len(shown) == MOST_EARLIER
                or not self._may_review(person, earlier)
                or touching(self.store.suspensions.of(earlier.dataset), None) is not None
            ):
                hidden += 1
                continue
            cells = _side_by_side(own, beside.get(number, ()))
            shown.append(
                EarlierRelease(
                    release=earlier,
                    named="supersedes"
                    if number == release.supersedes
                    else "builds on"
                    if number in release.builds_on
                    else "",
                    cells=tuple(cells[:MOST_CELLS]),
                    total=len(cells),
                    differing=sum(c.now != c.then for c in cells),
                )
            )
        return Lineage(releases=tuple(shown), more=hidden)

    def _beside(self, lineage: str, own: Sequence[OutputCell], *, but: int) -> dict[int, list[EarlierCell]]:
        cells = self.store.output_cells
        found: list[EarlierCell] = []
        for source in sorted({c.source for c in own} - {""}):
            populations = {c.population for c in own if c.source == source}
            found += cells.of_populations(lineage, source, populations, but=but, left_only=True)
        labels = {labels_text(c) for c in own if not c.source} - {NO_LABELS}
        if labels:
            found += cells.of_labels(lineage, labels, unasked=True, but=but, left_only=True)
        by_release: dict[int, list[EarlierCell]] = {}
        for one in found:
            if not one.cell.margin:
                by_release.setdefault(one.release, []).append(one)
        return by_release

    def _read(
        self, release: Release, files: Sequence[StagedFile], policy: DatasetPolicy
    ) -> dict[str, Judged]:
        grant = self.store.grants.get(release.grant_id)
        if grant is None:
            raise NotFound(f"There is no request {release.id}.")
        terms = release_terms(self.permission.agreement(grant, Action.CHECK))
        originals = [(f.name, self.store.vault.get(f.sha256)) for f in files]
        try:
            declared, outputs = split(originals)
        except BadInput:  # a policy of today may not read a declaration of then
            declared, outputs = {}, originals
        return {
            name: judge(name, content, terms=terms, policy=policy, declared=declared.get(name))
            for name, content in outputs
        }

    def _seen(
        self, person: Person, release_id: int, *, reviewers_only: bool = False
    ) -> tuple[Release, DatasetPolicy]:
        release = self.store.releases.get(release_id)
        if release is None:
            raise NotFound(f"There is no request {release_id}.")
        policy = in_use(self.store, release.dataset).policy
        by_job = self.store.jobs.of_release(release.id) is not None
        own = person.name == release.requester and not sealed(release, person, by_job=by_job)
        if not (self._may_review(person, release) or (own and not reviewers_only)):
            raise NotFound(f"There is no request {release_id}.")
        return release, policy

    def _may_review(self, person: Person, release: Release) -> bool:
        row = self.store.datasets.get(release.dataset)
        return (
            row is not None
            and person.has(Role.REVIEWER)
            and may_review(
                person.name,
                release,
                pool=row.policy.release.pool,
                project_members=self.store.access.members_of(release.project),
            )
        )


def recomputed(table: Table, found: Sequence[Finding], measured: frozenset[str]) -> dict[Place, Recomputed]:
    """The verdict for each number of a table.

    Args:
        found: the file's findings.
        measured: the question's numbers, by their normal names; empty where no question was given.
    """
    checked = {f.check for f in found}
    not_held = [f for f in found if f.check == "not_reproduced"]
    unsure = {(f.row, f.column) for f in found if f.check == "not_recomputed"}
    whole = any(f.row is None and f.column is None for f in not_held)
    rows = {f.row for f in not_held if f.column is None and f.row is not None}
    cells = {(f.row, f.column) for f in not_held}
    # Beyond so many, findings are not listed: then nothing is said of the others.
    full = {c for c in table.columns if sum(f.column == c for f in not_held) >= MAX_FINDINGS}
    verdicts: dict[Place, Recomputed] = {}
    for column in table.columns:
        for at, text in enumerate(table.column(column)):
            if normal(column) not in measured or read_number(text) is None:
                continue
            if whole or at in rows or (at, column) in cells:
                verdicts[at, column] = Recomputed.NOT_REPRODUCED
            elif "reproduced" not in checked or (at, column) in unsure or column in full:
                verdicts[at, column] = Recomputed.NOT_COMPUTED
            else:
                verdicts[at, column] = Recomputed.REPRODUCED
    return verdicts


def _measured(sql: str, policy: DatasetPolicy) -> frozenset[str]:
    try:
        return frozenset(normal(m.alias) for m in parse(sql, policy).measures) if sql else frozenset()
    except QuestionRefused:  # by a policy of today
        return frozenset()


def _difference(before: Judged | None, now: Judged | None) -> Difference | None:
    if before is None or now is None:
        return None
    if before.table is not None and now.table is not None:
        return table_difference(before.table, now.table)
    if before.shown and now.shown:
        return text_difference(before.shown.decode(), now.shown.decode())
    return None


def _side_by_side(own: Sequence[OutputCell], earlier: Sequence[EarlierCell]) -> list[BesideCell]:
    then: Mapping[tuple[str, ...], OutputCell] = {_about(e.cell): e.cell for e in earlier}
    found = [
        BesideCell(
            labels=", ".join(label for _, label in cell.dims) or "all",
            column=cell.column,
            now=_shown(cell.value),
            then=_shown(then[_about(cell)].value),
        )
        for cell in own
        if _about(cell) in then
    ]
    return sorted(found, key=lambda c: c.now == c.then)


def _about(cell: OutputCell) -> tuple[str, ...]:
    whom = cell.population if cell.source else labels_text(cell)
    return cell.source, whom, cell.counted, cell.of, cell.base


def _shown(value: Decimal | None) -> str:
    return "suppressed" if value is None else format(value.normalize(), "f")
