"""Jobs whose data are stopped, or whose grant ends. A worker that runs one sees it and ends the container.

Suspended: what waits is held, and what runs is ended and held; both are queued again, from their beginning, when the
data are resumed. A grant that ended: its jobs are over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import SandboxError
from sandbox.domain.job import LIVE, Job, JobState, Verb, step
from sandbox.domain.permission import Action
from sandbox.domain.suspension import Suspension, touching
from sandbox.flows.permission import Permission
from sandbox.store import Store
from sandbox.store.jobs import Outcome

SUSPENDING = "system:suspension"
ENDED = "The grant ended."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldJobs:
    """The journey's parts."""

    store: Store
    permission: Permission

    def hold_all(self, dataset: str) -> None:
        """Hold every job that a suspension in force touches; within the caller's transaction."""
        suspensions = self.store.suspensions.of(dataset)
        for job in self.store.jobs.of_dataset(dataset, states=(JobState.QUEUED, JobState.RUNNING)):
            found = self._touching(job, suspensions)
            if found is not None:
                self._move(job, Verb.HOLD, SUSPENDING, reason=f"{found.place} is suspended.")

    def resume_all(self, dataset: str) -> None:
        """Queue what no suspension in force touches any more; within the caller's transaction."""
        suspensions = self.store.suspensions.of(dataset)
        for job in self.store.jobs.of_dataset(dataset, states=(JobState.HELD,)):
            if self._touching(job, suspensions) is None:
                self._move(job, Verb.RESUME, SUSPENDING)

    def stop_of(self, grants: Sequence[Grant]) -> tuple[int, ...]:
        """End the jobs of grants that hold no more. Does not raise.

        Returns:
            The numbers of the jobs.
        """
        stopped = []
        for job in self.store.jobs.of_grants([grant.id for grant in grants], states=LIVE):
            try:
                self.stop(job, reason=ENDED)
                stopped.append(job.id)
            except SandboxError as failure:  # such as: it ended just now
                _log.warning("job %d was not stopped: %s", job.id, failure.message)
        return tuple(stopped)

    def stop(self, job: Job, *, reason: str) -> Job:
        """End one job.

        Raises:
            Conflict: it changed since.
        """
        return self._move(job, Verb.STOP, "system:jobs", reason=reason)

    def _touching(self, job: Job, suspensions: Sequence[Suspension]) -> Suspension | None:
        """The suspension of anything that the job's agreement opens."""
        if not suspensions:
            return None
        grant = self.store.grants.get(job.grant_id)
        if grant is None:
            return suspensions[0]
        tables = self.permission.agreement(grant, Action.RUN_JOB)["data"]["tables"]
        return touching(suspensions, {table: frozenset(columns) for table, columns in tables.items()})

    def _move(self, job: Job, verb: Verb, actor: str, *, reason: str = "") -> Job:
        row = step(job.state, verb)
        facts = {"reason": reason} if reason else {}
        event = Event(actor, row.event, f"job:{job.id}", facts)
        return self.store.jobs.move(job, row, event=event, outcome=Outcome(reason=reason))
