"""The owner, or an administrator, looks at an objection and decides it.

What it suspended goes on by its decision alone: corrected and published anew, a unit withheld, or dismissed with a
reason. Upheld, the data stay withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain import objection as rules
from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.objection import Effect, Objection, Scope, State, Step, Verb
from sandbox.domain.people import Person
from sandbox.domain.suspension import Suspension
from sandbox.flows.publish_dataset import PublishDataset
from sandbox.flows.suspend_dataset import SuspendDataset
from sandbox.flows.withheld_units import WithheldUnits
from sandbox.store import Dataset, Store

_FORGETS = frozenset({State.DISMISSED, State.DISMISSED_AS_ABUSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideObjection:
    """The journey's parts."""

    store: Store
    suspending: SuspendDataset
    units: WithheldUnits
    publishing: PublishDataset

    def __call__(
        self, person: Person, objection_id: int, verb: str, *, reason: str = "", version: int | None = None
    ) -> Objection:
        """Take one of the objection's verbs.

        Args:
            reason: the objector reads it.
            version: the version that was looked at; a change in between is a Conflict.

        Raises:
            NotFound: no such objection to data that this person decides about.
            Conflict: decided by somebody else meanwhile; or nothing was corrected yet.
        """
        objection, row = self._objection(person, objection_id)
        step = rules.step(objection, verb, row.policy, person)
        answer = rules.check_answer(step.verb, reason)
        if version is not None and version != objection.version:
            raise Conflict(
                f"Objection {objection.id} changed since you opened it.",
                fix="Open it again and look once more.",
            )
        if step.verb is Verb.CORRECT:
            rules.check_corrected(objection, row.version)
        if step.verb is Verb.WITHHOLD:
            self.publishing.without(person, objection.dataset, objection.unit_file)
        with self.store.transaction():
            moved, begun = self._moved(person, objection, row, step, answer)
        if step.end in _FORGETS:
            self.units.forget(objection.unit_file)
        if begun is not None:
            self.suspending.stop_notebooks(begun)
        self.suspending.let_out()
        return moved

    def _moved(
        self, person: Person, objection: Objection, row: Dataset, step: Step, answer: str
    ) -> tuple[Objection, Suspension | None]:
        facts: dict[str, Fact] = {"dataset": objection.dataset, **({"reason": answer} if answer else {})}
        moved = self.store.objections.move(
            objection,
            step,
            answer=answer,
            decided_by=person.name,
            forget_unit=step.end in _FORGETS,
            event=Event(person.name, step.event, f"objection:{objection.id}", facts),
        )
        in_force = self.store.suspensions.by_objection(objection.id)
        if step.effect is Effect.ENDS:
            for suspension in in_force:
                self.suspending.end(suspension, actor=person.name, reason=_words(moved))
        if step.effect is Effect.BEGINS and not in_force:
            made = rules.suspension_of(objection, row.policy, made_by=person.name)
            return moved, self.suspending.begin(made, actor=person.name)
        return moved, None

    def evidence(self, person: Person, objection_id: int, position: int) -> tuple[str, bytes]:
        """A file that came with it, under a name of ours, to be downloaded and never shown.

        Returns:
            Its name and its bytes.
        """
        objection, _ = self._objection(person, objection_id)
        if not 1 <= position <= len(objection.evidence):
            raise NotFound(f"Objection {objection_id} has no evidence {position}.")
        file = objection.evidence[position - 1]
        self.store.log.record(
            Event(
                person.name,
                "objection.evidence_read",
                f"objection:{objection_id}",
                {"sha256": file.sha256},
            )
        )
        return f"objection-{objection_id}-evidence-{position}.{file.kind}", self.store.vault.get(file.sha256)

    def _objection(self, person: Person, objection_id: int) -> tuple[Objection, Dataset]:
        objection = self.store.objections.get(objection_id)
        row = self.store.datasets.get(objection.dataset) if objection is not None else None
        if objection is None or row is None or not rules.decides(row.policy, person):
            raise NotFound(f"There is no objection {objection_id} that you decide.")
        return objection, row


def _words(objection: Objection) -> str:
    """Why the data go on, in words that everybody may read: nothing of a unit, nor of what anybody wrote."""
    if objection.state is State.CORRECTED_RESUMED:
        done = "processed again" if objection.scope is not Scope.UNIT else "published anew"
        return f"Objection {objection.id} was decided: the data were {done}."
    return f"Objection {objection.id} was decided: it was dismissed."
