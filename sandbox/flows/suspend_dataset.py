"""Data are stopped in one breath, and go on from where they were.

Suspended, in one transaction: the row that every guard reads, the requests and jobs under way, the log. Then, without
undoing any of that when it fails, the open notebooks; one that cannot be stopped now is ended by the launcher's next
look. The worker ends the container of a job that is held.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sandbox.domain import objection as rules
from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotAllowed
from sandbox.domain.people import Person
from sandbox.domain.plain_text import plain_text
from sandbox.domain.policy import Mode
from sandbox.domain.suspension import Suspension
from sandbox.flows.hold_jobs import HoldJobs
from sandbox.flows.hold_releases import HoldReleases
from sandbox.flows.published import decided_by
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspendDataset:
    """The journey's parts.

    Args:
        stop: ends the notebooks of grants; does not raise.
        let_out: lets approved requests leave that were held on the last step.
    """

    store: Store
    today: Callable[[], date]
    holds: HoldReleases
    jobs: HoldJobs
    stop: Callable[[Sequence[Grant]], object]
    let_out: Callable[[], object]

    def suspend(
        self, person: Person, dataset: str, *, reason: str, table: str = "", column: str = ""
    ) -> Suspension:
        """The owner or an administrator stops a dataset, or a column of it, by hand.

        Args:
            reason: in words that everybody may read.
        """
        policy = decided_by(self.store, person, dataset)
        reason = plain_text(reason, where="reason", least=5, most=500)
        if table or column:
            rules.check_column_alone(policy, table, column)
        made = Suspension(dataset=dataset, table=table, column=column, reason=reason, made_by=person.name)
        with self.store.transaction():
            suspension = self.begin(made, actor=person.name)
        self.stop_notebooks(suspension)
        return suspension

    def resume(
        self, person: Person, dataset: str, *, reason: str, table: str = "", column: str = ""
    ) -> tuple[Suspension, ...]:
        """End what suspends this very place, as far as it may be ended by hand.

        Returns:
            What still suspends it, or something else of the dataset.

        Raises:
            NotAllowed: an objection that is not decided suspends it; or its data were destroyed.
            Conflict: nothing does.
        """
        decided_by(self.store, person, dataset)
        reason = plain_text(reason, where="reason", least=5, most=500)
        if not column and self.store.destructions.get(dataset) is not None:
            raise NotAllowed(f"The data of {dataset} were destroyed: nothing resumes.", clause="destruction")
        here = [s for s in self.store.suspensions.of(dataset) if (s.table, s.column) == (table, column)]
        if not here:
            raise Conflict(
                f"{Suspension(dataset=dataset, table=table, column=column).place} is not suspended."
            )
        refused = None
        with self.store.transaction():
            ended = []
            for suspension in here:
                try:
                    rules.check_by_hand(suspension, self._state(suspension))
                except NotAllowed as refusal:
                    refused = refusal
                else:
                    ended.append(self.end(suspension, actor=person.name, reason=reason))
        if not ended and refused is not None:
            raise refused
        self.let_out()
        return self.store.suspensions.of(dataset)

    # for journeys that suspend and resume: within their transaction

    def begin(self, suspension: Suspension, *, actor: str) -> Suspension:
        """Write the suspension, and hold the requests and jobs that it touches."""
        event = Event(actor, "dataset.suspended", f"dataset:{suspension.dataset}", _facts(suspension))
        begun = self.store.suspensions.begin(suspension, event=event)
        self.holds.hold_all(suspension.dataset)
        self.jobs.hold_all(suspension.dataset)
        return begun

    def end(self, suspension: Suspension, *, actor: str, reason: str) -> Suspension:
        """Write its end, and let go of the requests and jobs that nothing holds any more."""
        facts = {**_facts(replace(suspension, reason=reason))}
        event = Event(actor, "dataset.resumed", f"dataset:{suspension.dataset}", facts)
        ended = self.store.suspensions.end(suspension, event=event)
        self.holds.resume_all(suspension.dataset)
        self.jobs.resume_all(suspension.dataset)
        return ended

    def stop_notebooks(self, suspension: Suspension) -> None:
        """End the notebooks in which the data could be used; after the transaction, which holds anyway.

        A notebook that asks questions goes on when a single column is suspended: its questions are refused. One that
        is shown rows ends: they lie in it.
        """
        today = self.today()
        self.stop(
            [
                grant
                for grant in self.store.grants.all(dataset=suspension.dataset)
                if grant.holds_on(today) and (suspension.whole or grant.mode is Mode.ROOM)
            ]
        )

    def _state(self, suspension: Suspension) -> rules.State | None:
        objection = self.store.objections.get(suspension.objection) if suspension.objection else None
        return objection.state if objection is not None else None


def _facts(suspension: Suspension) -> dict[str, str | int]:
    return {
        "reason": suspension.reason,
        **({"column": f"{suspension.table}.{suspension.column}"} if suspension.column else {}),
        **({"objection": suspension.objection} if suspension.objection else {}),
    }
