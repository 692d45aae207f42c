"""What ends soon is put on the log, once for each day that the policy names; from there its people are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.application import ApplicationState
from sandbox.domain.audit import Event
from sandbox.domain.people_policy import TrainingTerms
from sandbox.domain.training import standing
from sandbox.store import Store

_ACTOR = "system:access"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindEnds:
    """The journey's parts.

    Args:
        days: so many days before access ends its people are told.
    """

    store: Store
    days: tuple[int, ...]
    training: TrainingTerms
    today: Callable[[], date]

    def grants(self) -> int:
        """Access that ends.

        Returns:
            How many events were written.
        """
        told = 0
        for application in self.store.access.applications(states=(ApplicationState.ACTIVE,)):
            holding = [g for g in self.store.grants.under(application.id) if not g.revoked]
            if not holding:
                continue
            ends = max(grant.ends for grant in holding)
            left = (ends - self.today()).days
            # The nearest that was reached: who was away for a week is told once.
            reached = min((days for days in self.days if 0 <= left <= days), default=None)
            if reached is not None:
                facts: dict[str, str | int] = {"ends": ends.isoformat(), "days": reached}
                told += self._once(Event(_ACTOR, "grant.ends_soon", f"application:{application.id}", facts))
        return told

    def courses(self) -> int:
        """Courses that end, of people who need them. Returns as ``grants``."""
        told = 0
        for person in self.store.people.all():
            records = self.store.training.records(person.name) if person.active else ()
            for course in standing(person, records, self.training, self.today()) if records else ():
                if course.needed and course.ends_soon and course.until is not None:
                    facts = {"course": course.course, "until": course.until.isoformat()}
                    told += self._once(Event(_ACTOR, "training.ends_soon", f"person:{person.name}", facts))
        return told

    def _once(self, said: Event) -> bool:
        with self.store.transaction():
            told = self.store.log.entries(action=said.action, object=said.object, limit=1000)
            if any(entry.event.facts == said.facts for entry in told):
                return False
            self.store.log.record(said)
        return True
