"""Before an activity that needs training: whether the person's courses count today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.people import Person
from sandbox.domain.people_policy import Activity, TrainingTerms
from sandbox.domain.training import check_trained
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Called with a person and an activity; raises NotAllowed with the course as its clause."""

    store: Store
    terms: TrainingTerms
    today: Callable[[], date]

    def __call__(self, person: Person, activity: Activity) -> None:
        if any(activity in course.before for course in self.terms.courses.values()):
            check_trained(
                person,
                self.store.training.records(person.name),
                self.terms,
                activity,
                today=self.today(),
            )
