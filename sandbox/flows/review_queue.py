"""One queue for reviewers over all projects and datasets, its clock, its reminders, and how long decisions took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.disclosure.declaration import read_declarations
from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput
from sandbox.domain.outputs import DECLARATIONS, Declared
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.rater_agreement import Agreement, rater_agreement
from sandbox.domain.release import WAITING, Release, causes, votes_needed
from sandbox.domain.release_clock import Clock, Turnaround, turnaround
from sandbox.domain.release_clock import clock as how_it_stands
from sandbox.flows.reviewers import reviewers_left
from sandbox.flows.views import ReleaseView, Views
from sandbox.store import Store
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
    """

    dataset: str
    title: str
    days: int
    figures: Turnaround
    causes: dict[str, int]
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewQueue:
    """The journey's parts."""

    store: Store
    views: Views
    today: Callable[[], date]

    def of(self, person: Person) -> tuple[Queued, ...]:
        """What waits for this reviewer's vote, the longest waiting first."""
        return tuple(
            Queued(view=view, clock=self.clock(view.release), kinds=self._kinds(view.release))
            for view in self.views.review_queue(person)
        )

    def voted(self, person: Person) -> tuple[Queued, ...]:
        """What this reviewer has voted on and others have not yet, the longest waiting first."""
        return tuple(
            Queued(view=view, clock=self.clock(view.release), kinds=self._kinds(view.release), voted=True)
            for view in self.views.voted_and_waiting(person)
        )

    def all(self, person: Person) -> tuple[Waiting, ...]:
        """Everything that waits for reviewers, the longest waiting first; for administrators and auditors."""
        check_role(person, Role.ADMINISTRATOR, Role.AUDITOR)
        return self._waiting()

    def turnaround(self, person: Person) -> tuple[DatasetTurnaround, ...]:
        """By dataset: for its owner and its reviewers, and all for administrators and auditors."""
        everything = person.has(Role.ADMINISTRATOR) or person.has(Role.AUDITOR)
        found = []
        for row in self.store.datasets.all():
            policy, terms = row.policy, row.policy.release
            reviews = person.has(Role.REVIEWER) and person.name in terms.pool
            if not policy.private or not (everything or reviews or person.name == policy.owner):
                continue
            cast = self.store.releases.ballots([policy.name])
            found.append(
                DatasetTurnaround(
                    dataset=policy.name,
                    title=policy.title,
                    days=terms.review_days,
                    figures=turnaround(self.store.releases.turns([policy.name]), days=terms.review_days),
                    causes=causes([vote for turn in cast for vote in turn.votes]),
                    agreement=rater_agreement([turn.ballot for turn in cast]),
                )
            )
        return tuple(found)

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
        return tuple(
            Waiting(
                release=release,
                clock=self.clock(release),
                votes_needed=votes_needed(release),
                reviewers_left=len(reviewers_left(self.store, release, self._pool(release.dataset))),
            )
            for release in oldest_first(self.store.releases.in_status(sorted(WAITING)))
        )

    def _kinds(self, release: Release) -> tuple[str, ...]:
        declared: dict[str, Declared] = {}
        for file in release.files:
            if file.name == DECLARATIONS:
                try:
                    declared = read_declarations(self.store.vault.get(file.sha256))
                except BadInput:  # what is known of it by its name will do
                    declared = {}
        outputs = [f.name for f in release.files if f.name != DECLARATIONS]
        kinds = (str(declared[n].kind) if n in declared else n.rpartition(".")[2].lower() for n in outputs)
        return tuple(dict.fromkeys(kinds))

    def clock(self, release: Release) -> Clock:
        """How a waiting request stands against its deadline."""
        row = self.store.datasets.get(release.dataset)
        days = row.policy.release.review_days if row is not None else 1
        return how_it_stands(release.waiting_since, today=self.today(), days=days)

    def _pool(self, dataset: str) -> tuple[str, ...]:
        row = self.store.datasets.get(dataset)
        return row.policy.release.pool if row is not None else ()
