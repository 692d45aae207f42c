"""Which courses a person lacks for an action: a fact that ``Permission`` hands to the agreement's decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.people_policy import Activity, TrainingTerms
from sandbox.domain.permission import Action
from sandbox.domain.training import missing_training
from sandbox.store import Store

# What a course stands before. Handing outputs in is nothing that a notebook was not open for.
NEEDS: dict[Action, Activity] = {
    Action.ASK: Activity.ASK,
    Action.SAMPLE: Activity.ASK,
    Action.OPEN_NOTEBOOK: Activity.NOTEBOOK,
    Action.REVIEW: Activity.REVIEW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The journey's parts."""

    store: Store
    terms: TrainingTerms
    today: Callable[[], date]

    def __call__(self, name: str, action: Action) -> tuple[str, ...]:
        """The courses, with when they ended; none when the action needs none."""
        activity = NEEDS.get(action)
        if activity is None or not any(activity in c.before for c in self.terms.courses.values()):
            return ()
        person = self.store.people.get(name)
        if person is None:
            return (f"everything, for {name} is nobody here",)
        missing = missing_training(person, self.store.training.records(name), self.terms, self.today())
        return tuple(m.words for m in missing if activity in m.before)
