"""Openness about ourselves: what is here, who uses it, what it cost, what left, what was objected to.

Everything is summed from the books (policies, grants, ledger, releases, log): nothing from private rows, and no
person's name. Datasets that are hidden from the catalogue are in no figure.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median

from sandbox.domain.objection import OPEN, STEPS
from sandbox.domain.planted import Share, planted_figures
from sandbox.domain.release import Status
from sandbox.flows.listed import Listed
from sandbox.flows.project_register import ProjectLine, ProjectRegister
from sandbox.store import Store
from sandbox.store.catalogue import ListedDataset

NEWEST = 20  # so many of a list that has its own address
MONTHS = 12
DECIDED = sorted({step.event for step in STEPS if step.end not in OPEN})  # what the log calls a decision
OUTCOMES: dict[Status, str] = {
    Status.CHECKING: "in work",
    Status.SUBMITTED: "in work",
    Status.PARTIALLY_REVIEWED: "in work",
    Status.REVIEWED: "in work",
    Status.APPROVED: "in work",
    Status.RELEASED: "released",
    Status.SUPERSEDED: "released",
    Status.RETURNED: "returned for changes",
    Status.REJECTED: "rejected by reviewers",
    Status.BLOCKED: "stopped by checks",
    Status.WITHDRAWN: "withdrawn",
    Status.ON_HOLD: "on hold",
    Status.RECALLED: "recalled",
}
_OF_ITS_OWN = Status.PLANTED  # no request of a project: it has figures of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """The log's end, for anybody to note down: whoever has an old one can tell whether the log still holds it."""

    size: int  # entries; 0 while no head was kept
    root: str  # of their Merkle tree, hexadecimal; its leaves are blinded, so that nothing can be tried against it
    at: str  # when it was kept; ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageSpent:
    """A budget for life, and how much of it is used."""

    lineage: str
    datasets: tuple[str, ...]
    spent_percent: float  # 0 to 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Objections:
    """How objections went."""

    received: int
    decided: int
    median_days: float | None  # from receipt to decision; None before the first one
    longest_days: float | None

    @property
    def open(self) -> int:
        return self.received - self.decided


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """A dataset got another policy than before."""

    dataset: str
    version: int
    policy_sha256: str
    at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it, at one moment."""

    head: LogHead
    datasets_by_class: dict[str, int]
    datasets_suspended: int
    projects_by_state: dict[str, int]
    projects_by_mode: dict[str, int]
    newest_projects: tuple[ProjectLine, ...]
    budgets: tuple[LineageSpent, ...]
    questions_by_dataset: dict[str, int]
    questions_by_month: dict[str, int]  # the last twelve, those without a question too
    releases_by_outcome: dict[str, int]  # without what was planted, once it is decided
    planted: Share  # how much reviewers found of what was planted
    objections: Objections
    policy_changes: tuple[PolicyChange, ...]  # the newest
    policy_changes_total: int
    breaches_by_measure: dict[str, int]
    demands_by_state: dict[str, int]
    results: int

    @property
    def questions(self) -> int:
        return sum(self.questions_by_dataset.values())


@dataclass(slots=True)
class _Kept:
    """The last report: as long as the log's head stays, so do the figures."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    key: tuple[str, date] | None = None
    report: Report | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transparency:
    """The journey's parts."""

    store: Store
    listed: Listed
    projects: ProjectRegister
    today: Callable[[], date]
    _kept: _Kept = field(default_factory=_Kept, compare=False, repr=False)

    def __call__(self) -> Report:
        """The report; made anew only when something happened, or the day changed."""
        key = (self.store.log.head().hash, self.today())
        with self._kept.lock:
            if self._kept.report is None or self._kept.key != key:
                self._kept.key, self._kept.report = key, self._make()
            return self._kept.report

    def _make(self) -> Report:
        listed = self.listed.all()
        known = set(listed)
        figures, lines = self.store.figures, self.projects.all()
        head = self.store.log_tree.heads.newest()
        changes = self._policy_changes(known)
        return Report(
            head=LogHead(
                size=head.size if head else 0, root=head.root if head else "", at=head.at if head else ""
            ),
            datasets_by_class=dict(Counter(str(d.open_class) for d in listed.values())),
            datasets_suspended=sum(1 for d in listed.values() if d.suspended),
            projects_by_state=dict(Counter(line.state for line in lines)),
            projects_by_mode=dict(Counter(mode for line in lines for mode in line.modes)),
            newest_projects=lines[:NEWEST],
            budgets=self._budgets(listed),
            questions_by_dataset=figures.questions_by_dataset(known),
            questions_by_month=last_months(figures.questions_by_month(known), self.today()),
            releases_by_outcome=_outcomes(figures.releases_by_status(known)),
            planted=planted_figures(self.store.planted_outputs.decided(known)).all,
            objections=self._objections(),
            policy_changes=tuple(changes[:NEWEST]),
            policy_changes_total=len(changes),
            breaches_by_measure=dict(
                Counter(
                    str(b.notice.measure)
                    for b in self.store.breaches.all()
                    if b.dataset in known and not b.lifted
                )
            ),
            demands_by_state=figures.demands_by_state(),
            results=self.store.results.confirmed(offset=0, limit=1).total,
        )

    def _budgets(self, listed: Mapping[str, ListedDataset]) -> tuple[LineageSpent, ...]:
        spent = self.store.figures.lineages()
        users: dict[str, list[str]] = {}
        for dataset in listed.values():
            users.setdefault(dataset.lineage, []).append(dataset.name)
        return tuple(
            LineageSpent(
                lineage=lineage,
                datasets=tuple(sorted(datasets)),
                spent_percent=round(spent[lineage].percent, 1),
            )
            for lineage, datasets in sorted(users.items())
            if lineage in spent
        )

    def _policy_changes(self, known: set[str]) -> list[PolicyChange]:
        changes: list[PolicyChange] = []
        before: dict[str, str] = {}
        for version in self.store.figures.policy_versions():
            if version.dataset in known and before.get(version.dataset) != version.policy_sha256:
                changes.append(
                    PolicyChange(
                        dataset=version.dataset,
                        version=version.version,
                        policy_sha256=version.policy_sha256,
                        at=version.published_at,
                    )
                )
            before[version.dataset] = version.policy_sha256
        return sorted(changes, key=lambda change: change.at, reverse=True)

    def _objections(self) -> Objections:
        received = self.store.figures.moments("objection.received")
        decided: dict[str, str] = {}
        for event in DECIDED:
            for objection, at in self.store.figures.moments(event).items():
                decided[objection] = min(at, decided.get(objection, at))
        days = [_days(received[o], at) for o, at in decided.items() if o in received]
        return Objections(
            received=len(received),
            decided=len(days),
            median_days=round(median(days), 1) if days else None,
            longest_days=round(max(days), 1) if days else None,
        )


def _days(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 86_400


def _outcomes(by_status: dict[str, int]) -> dict[str, int]:
    told: Counter[str] = Counter()
    for status, n in by_status.items():
        if status != _OF_ITS_OWN:
            told[OUTCOMES.get(Status(status), status)] += n
    return dict(told)


def last_months(counts: dict[str, int], today: date) -> dict[str, int]:
    """The last twelve months, the oldest first."""
    last = today.year * 12 + today.month - 1
    months = [f"{m // 12:04}-{m % 12 + 1:02}" for m in range(last - MONTHS + 1, last + 1)]
    return {month: counts.get(month, 0) for month in months}
