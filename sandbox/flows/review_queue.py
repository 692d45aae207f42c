"""One queue for reviewers over all projects and datasets, its clock, its reminders, and how long decisions took."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sandbox.disclosure.declaration import read_declarations
from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput
from sandbox.domain.outputs import DECLARATIONS, Declared
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.planted import PlantedFigures, Planting, Share, own_share, planted_figures
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.rater_agreement import Agreement, rater_agreement
from sandbox.domain.release import WAITING, Release, causes, votes_needed
from sandbox.domain.release_clock import Clock, Turnaround, turnaround
from sandbox.domain.release_clock import clock as how_it_stands
from sandbox.flows.reviewers import reviewers_left
from sandbox.flows.views import ReleaseView, Views
from sandbox.store import Dataset, Store
from sandbox.store.releases import oldest_first

REMINDING = "system:review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A request that waits for votes.

    Attributes:
        kinds: what its outputs are, as declared; of undeclared ones, how their names end.
        voted: this reviewer has voted; it waits for others.
    """

    view: ReleaseView
    clock: Clock
    kinds: tuple[str, ...] = ()
    voted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request that waits, for those who look after the machine: nothing of what it holds."""

    release: Release
    clock: Clock
    votes_needed: int
    reviewers_left: int  # who may still vote; too few: the owner has to name more


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTurnaround:
    """How long decisions on a dataset's outputs took, why they sent back, and how far reviewers agree.

    Attributes:
        days: working days that reviewers have.
        causes: of votes that sent back, how many for what; ``not_said`` among them.
        planted: what reviewers found of outputs with a known flaw, which are in none of the other figures.
    """

    dataset: str
    title: str
    days: int
    figures: Turnaround
    causes: dict[str, int]
    agreement: Agreement
    planted: PlantedFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewQueue:
    """The journey's parts."""

    store: Store
    views: Views
    today: Callable[[], date]

    def of(self, person: Person) -> tuple[Queued, ...]:
        """What waits for this reviewer's vote, the longest waiting first."""
        return tuple(self._queued(view) for view in self.views.review_queue(person))

    def voted(self, person: Person) -> tuple[Queued, ...]:
        """What this reviewer has voted on and others have not yet, the longest waiting first."""
        return tuple(self._queued(view, voted=True) for view in self.views.voted_and_waiting(person))

    def _queued(self, view: ReleaseView, *, voted: bool = False) -> Queued:
        clock = self.clock(view.release, days=view.review_days)
        return Queued(view=view, clock=clock, kinds=self._kinds(view.release), voted=voted)

    def all(self, person: Person) -> tuple[Waiting, ...]:
        """Everything that waits for reviewers, the longest waiting first; for administrators and auditors."""
        check_role(person, Role.ADMINISTRATOR, Role.AUDITOR)
        return self._waiting()

    def turnaround(self, person: Person) -> tuple[DatasetTurnaround, ...]:
        """By dataset: for its owner and its reviewers, and all for administrators and auditors."""
        with self.store.one_moment():
            return tuple(
                self._turnaround(row.policy) for row in self._looked_after(person) if row.policy.private
            )

    def _turnaround(self, policy: DatasetPolicy) -> DatasetTurnaround:
        turns, days = self.store.releases.turns([policy.name]), policy.release.review_days
        cast = self.store.releases.ballots(turns)
        return DatasetTurnaround(
            dataset=policy.name,
            title=policy.title,
            days=days,
            figures=turnaround(turns, days=days),
            causes=causes([vote for turn in cast for vote in turn.votes]),
            agreement=rater_agreement([turn.ballot for turn in cast]),
            planted=planted_figures(self.store.planted_outputs.decided([policy.name])),
        )

    def may_be_planted(self, waiting: Sequence[Queued]) -> bool:
        """Whether planting is allowed, or was while one of these waited; not whether any of them is planted."""
        since = min((one.view.release.waiting_since for one in waiting), default="")
        versions = self.store.policies.site_versions()
        until = (*(later.made_at for later in versions[1:]), "")
        return any(
            version.policy.review.planted is Planting.ALLOWED and (not end or "" < since < end)
            for version, end in zip(versions, until, strict=True)
        )

    def own_planted(self, person: Person) -> Share:
        """What a reviewer found of planted outputs by their own votes; for nobody else to see."""
        check_role(person, Role.REVIEWER)
        return own_share(self.store.planted_outputs.votes_of(person.name))

    def _looked_after(self, person: Person) -> tuple[Dataset, ...]:
        """Those that anything was decided on: all for who looks after the machine, else what one owns and reviews."""
        datasets = self.store.datasets
        if person.has(Role.ADMINISTRATOR) or person.has(Role.AUDITOR):
            return datasets.several(self.store.releases.decided_on())
        mine = set(datasets.owned_by(person.name))
        if person.has(Role.REVIEWER):
            mine |= {row.policy.name for row in datasets.of_reviewer(person.name)}
        return datasets.several(self.store.releases.decided_on(mine))

    def remind(self) -> tuple[int, ...]:
        """Put requests that wait too long on the log, once for each time that they came to the reviewers.

        Returns:
            The numbers of the releases.
        """
        found = []
        for waiting in self._waiting():
            release = waiting.release
            if not waiting.clock.overdue_days:
                continue
            said = Event(
                REMINDING,
                "release.overdue",
                f"release:{release.id}",
                {
                    "due": waiting.clock.due.isoformat(),
                    "turn": release.turn,
                    "votes_missing": waiting.votes_needed - len(release.votes),
                    "reviewers_left": waiting.reviewers_left,
                },
            )
            told = self.store.log.entries(action=said.action, object=said.object, limit=1000)
            now = (said.facts["turn"], said.facts["due"])
            if all((e.event.facts["turn"], e.event.facts["due"]) != now for e in told):
                self.store.log.record(said)
                found.append(release.id)
        return tuple(found)

    def _waiting(self) -> tuple[Waiting, ...]:
        found = oldest_first(self.store.releases.in_status(sorted(WAITING)))
        rows = self.store.datasets.several(sorted({release.dataset for release in found}))
        terms = {row.policy.name: row.policy.release for row in rows}
        return tuple(
            Waiting(
                release=release,
                clock=self.clock(release, days=terms[release.dataset].review_days),
                votes_needed=votes_needed(release),
                reviewers_left=len(reviewers_left(self.store, release, terms[release.dataset].pool)),
            )
            for release in found
        )

    def _kinds(self, release: Release) -> tuple[str, ...]:
        declared: Mapping[str, Declared] = {}
        for file in release.files:
            if file.name == DECLARATIONS:
                declared = _declared(self.store.vault.get(file.sha256))
        outputs = [f.name for f in release.files if f.name != DECLARATIONS]
        kinds = (str(declared[n].kind) if n in declared else n.rpartition(".")[2].lower() for n in outputs)
        return tuple(dict.fromkeys(kinds))

    def clock(self, release: Release, *, days: int) -> Clock:
        """How a waiting request stands against its deadline, ``days`` working days after it came."""
        return how_it_stands(release.waiting_since, today=self.today(), days=days)


@functools.lru_cache(maxsize=4096)
def _declared(content: bytes) -> Mapping[str, Declared]:
    """What a file of declarations says; nothing where it cannot be read: what names say will do."""
    try:
        return read_declarations(content)
    except BadInput:
        return {}
