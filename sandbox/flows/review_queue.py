"""One queue for reviewers over all projects and datasets, its clock, its reminders, and how long decisions took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.audit import Event
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.release import WAITING, Release, votes_needed
from sandbox.domain.release_clock import Clock, Turnaround, clock, turnaround
from sandbox.flows.reviewers import reviewers_left
from sandbox.flows.views import ReleaseView, Views
from sandbox.store import Store
from sandbox.store.releases import oldest_first

REMINDING = "system:review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A request that waits for this reviewer's vote."""

    view: ReleaseView
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request that waits, for those who look after the machine: nothing of what it holds."""

    release: Release
    clock: Clock
    votes_needed: int
    reviewers_left: int  # who may still vote; too few: the owner has to name more


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTurnaround:
    """How long decisions on a dataset's outputs took."""

    dataset: str
    title: str
    days: int  # working days that reviewers have
    figures: Turnaround


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewQueue:
    """The journey's parts."""

    store: Store
    views: Views
    today: Callable[[], date]

    def of(self, person: Person) -> tuple[Queued, ...]:
        """What waits for this reviewer's vote, the longest waiting first."""
        return tuple(
            Queued(view=view, clock=self._clock(view.release)) for view in self.views.review_queue(person)
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
            figures = turnaround(self.store.releases.turns([policy.name]), days=terms.review_days)
            found.append(
                DatasetTurnaround(
                    dataset=policy.name, title=policy.title, days=terms.review_days, figures=figures
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
                clock=self._clock(release),
                votes_needed=votes_needed(release),
                reviewers_left=len(reviewers_left(self.store, release, self._pool(release.dataset))),
            )
            for release in oldest_first(self.store.releases.in_status(sorted(WAITING)))
        )

    def _clock(self, release: Release) -> Clock:
        row = self.store.datasets.get(release.dataset)
        days = row.policy.release.review_days if row is not None else 1
        return clock(release.waiting_since, today=self.today(), days=days)

    def _pool(self, dataset: str) -> tuple[str, ...]:
        row = self.store.datasets.get(dataset)
        return row.policy.release.pool if row is not None else ()
