"""The queue of jobs: sent, claimed by one worker, ended. Its files are in the vault.

Writing transactions queue up (see ``database``), so two workers never claim the same job. Every change names the
version it saw, and is refused when there has been another one since: an end that comes too late changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.job import Failure, Job, JobFile, JobState, Phase, Step, Verb, step
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import job_files, jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step adds to a job.

    Attributes:
        reason: why it is held, or was stopped.
        release: the request that it handed in.
    """

    failure: Failure | None = None
    reason: str = ""
    image: str = ""
    snapshot: str = ""
    log: JobFile | None = None
    results: tuple[JobFile, ...] = ()
    release: int = 0


NOTHING = Outcome()
_NOT_STARTED: Mapping[str, Any] = {"worker": "", "beat_at": ""}


class Jobs:
    """All jobs, by number."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def send(
        self,
        *,
        grant: Grant,
        phase: Phase,
        code: JobFile,
        inputs: Sequence[JobFile],
        outputs: Sequence[str],
        package_sha256: str,
        context: str,
        event: Event,
    ) -> Job:
        """Queue a job whose files are in the vault."""
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(jobs).values(
                    grant_id=grant.id,
                    dataset=grant.dataset,
                    project=grant.project,
                    person=grant.person,
                    phase=phase,
                    outputs=json.dumps(list(outputs)),
                    package_sha256=package_sha256,
                    context=context,
                    state=JobState.QUEUED,
                    version=1,
                    sent_at=stamp(self._now()),
                )
            )
            number = number_of(made)
            _keep(connection, number, "code", (code,))
            _keep(connection, number, "input", inputs)
            self._log.append(connection, event, facts={"job": number}, id=number)
            return _one(connection, number)

    def claim(self, *, worker: str, at_once: int, event: Event) -> Job | None:
        """The oldest job that waits, now run by this worker; None when nothing waits or enough run.

        Args:
            at_once: so many may run at a time, over all workers.
        """
        row = step(JobState.QUEUED, Verb.START)
        with self._database.transaction() as connection:
            running = connection.execute(
                select(func.count()).select_from(jobs).where(jobs.c.state == JobState.RUNNING)
            ).scalar_one()
            oldest = connection.execute(
                select(jobs.c.id).where(jobs.c.state == row.start).order_by(jobs.c.id).limit(1)
            ).scalar()
            if running >= at_once or oldest is None:
                return None
            now = stamp(self._now())
            connection.execute(
                update(jobs)
                .where(jobs.c.id == oldest)
                .values(
                    state=row.end,
                    version=jobs.c.version + 1,
                    attempts=jobs.c.attempts + 1,
                    worker=worker,
                    beat_at=now,
                    started_at=now,
                )
            )
            self._log.append(
                connection, Event(event.actor, row.event, event.object, event.facts), id=int(oldest)
            )
            return _one(connection, int(oldest))

    def beat(self, job: Job) -> bool:
        """Its worker lives. Not on the log: nothing changed.

        Returns:
            False when the job is not this worker's any more: it was cancelled, held, or given to another.
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(jobs)
                .where(
                    jobs.c.id == job.id,
                    jobs.c.state == JobState.RUNNING,
                    jobs.c.worker == job.worker,
                    jobs.c.version == job.version,
                )
                .values(beat_at=stamp(self._now()))
            )
            return changed.rowcount == 1

    def move(self, job: Job, row: Step, *, event: Event, outcome: Outcome = NOTHING) -> Job:
        """Take a step of the state machine; ``event`` is written under the action that it names.

        Raises:
            Conflict: the job changed since.
        """
        values: dict[str, Any] = {"reason": outcome.reason}
        if row.end is JobState.QUEUED or row.end is JobState.HELD:
            values |= _NOT_STARTED
        elif row.start is JobState.RUNNING:
            values |= {"image": outcome.image, "snapshot": outcome.snapshot}
        if row.end not in (JobState.QUEUED, JobState.HELD):
            values["ended_at"] = stamp(self._now())
        with self._database.transaction() as connection:
            moved = connection.execute(
                update(jobs)
                .where(jobs.c.id == job.id, jobs.c.version == job.version, jobs.c.state == row.start)
                .values(
                    state=row.end,
                    version=job.version + 1,
                    failure=outcome.failure or "",
                    release_id=outcome.release or None,
                    **values,
                )
            )
            if moved.rowcount != 1:
                now = _one(connection, job.id)
                raise Conflict(f"Job {job.id} changed: it is {now.state.replace('_', ' ')} now.")
            _keep(connection, job.id, "result", outcome.results)
            _keep(connection, job.id, "log", (outcome.log,) if outcome.log else ())
            self._log.append(connection, Event(event.actor, row.event, event.object, event.facts))
            return _one(connection, job.id)

    def get(self, job_id: int) -> Job | None:
        """The job, or None."""
        found = self._where(jobs.c.id == job_id)
        return found[0] if found else None

    def of_person(self, name: str) -> tuple[Job, ...]:
        """A person's own, oldest first."""
        return self._where(jobs.c.person == name)

    def sent_later(self, job: Job) -> bool:
        """Whether the same person sent another since, for the same project on the same dataset."""
        again = select(jobs.c.id).where(
            jobs.c.person == job.person,
            jobs.c.project == job.project,
            jobs.c.dataset == job.dataset,
            jobs.c.id > job.id,
        )
        with self._database.reading() as connection:
            return connection.execute(again.limit(1)).first() is not None

    def of_grants(self, grant_ids: Collection[int], *, states: Collection[JobState]) -> tuple[Job, ...]:
        """Those sent under these grants that are in one of these states, oldest first."""
        return self._where(jobs.c.grant_id.in_(list(grant_ids)), jobs.c.state.in_(list(states)))

    def of_dataset(self, name: str, *, states: Collection[JobState]) -> tuple[Job, ...]:
        """Those on a dataset that are in one of these states, oldest first."""
        return self._where(jobs.c.dataset == name, jobs.c.state.in_(list(states)))

    def in_state(self, state: JobState) -> tuple[Job, ...]:
        """All that are in a state, oldest first."""
        return self._where(jobs.c.state == state)

    def counts(self) -> dict[JobState, int]:
        """How many are in each state; states of none are left out."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self._database.reading() as connection:
            return {JobState(state): int(count) for state, count in connection.execute(query)}

    def of_release(self, release_id: int) -> Job | None:
        """The job that handed a request in; None when a person did."""
        found = self._where(jobs.c.release_id == release_id)
        return found[0] if found else None

    def of_releases(self, numbers: Collection[int]) -> dict[int, Job]:
        """The jobs that handed these requests in, by request."""
        return {job.release: job for job in self._where(jobs.c.release_id.in_(sorted(numbers)))}

    def tried(self, *, grant_id: int, package_sha256: str) -> Job | None:
        """The newest job by which this package ran to its end on the sample under this grant."""
        found = self._where(
            jobs.c.grant_id == grant_id,
            jobs.c.package_sha256 == package_sha256,
            jobs.c.phase == Phase.SAMPLE,
            jobs.c.state == JobState.FINISHED,
        )
        return found[-1] if found else None

    def sent_since(self, person: str, phase: Phase, moment: datetime) -> int:
        """How many jobs of a phase a person sent from a moment on."""
        with self._database.reading() as connection:
            count = (
                select(func.count())
                .select_from(jobs)
                .where(and_(jobs.c.person == person, jobs.c.phase == phase, jobs.c.sent_at >= stamp(moment)))
            )
            return int(connection.execute(count).scalar_one())

    def unheard(self, *, before: datetime, workers: Collection[str] = ()) -> tuple[Job, ...]:
        """Running jobs whose worker was not heard of since a moment, or is one of these."""
        late = or_(jobs.c.beat_at < stamp(before), jobs.c.worker.in_(list(workers)))
        return self._where(jobs.c.state == JobState.RUNNING, late)

    def _where(self, *where: Any) -> tuple[Job, ...]:
        with self._database.reading() as connection:
            return _jobs(connection, *where)


def _keep(connection: Connection, job_id: int, role: str, files: Sequence[JobFile]) -> None:
    if files:
        connection.execute(
            insert(job_files),
            [
                {
                    "job_id": job_id,
                    "role": role,
                    "position": position,
                    "name": file.name,
                    "sha256": file.sha256,
                    "size_bytes": file.size_bytes,
                }
                for position, file in enumerate(files)
            ],
        )


def _one(connection: Connection, job_id: int) -> Job:
    found = _jobs(connection, jobs.c.id == job_id)
    if not found:
        raise NotFound(f"There is no job {job_id}.")
    return found[0]


def _jobs(connection: Connection, *where: Any) -> tuple[Job, ...]:
    """Two queries, however many jobs."""
    rows = connection.execute(select(jobs).where(*where).order_by(jobs.c.id)).all()
    files: dict[tuple[int, str], list[JobFile]] = {}
    for f in connection.execute(
        select(job_files)
        .where(job_files.c.job_id.in_(select(jobs.c.id).where(*where)))
        .order_by(job_files.c.position)
    ):
        kept = JobFile(name=f.name, sha256=f.sha256, size_bytes=f.size_bytes)
        files.setdefault((f.job_id, f.role), []).append(kept)
    return tuple(
        Job(
            id=row.id,
            grant_id=row.grant_id,
            dataset=row.dataset,
            project=row.project,
            person=row.person,
            phase=Phase(row.phase),
            code=files[row.id, "code"][0],
            inputs=tuple(files.get((row.id, "input"), ())),
            outputs=tuple(json.loads(row.outputs)),
            package_sha256=row.package_sha256,
            context=row.context,
            state=JobState(row.state),
            version=row.version,
            attempts=row.attempts,
            sent_at=row.sent_at,
            started_at=row.started_at,
            ended_at=row.ended_at,
            worker=row.worker,
            failure=Failure(row.failure) if row.failure else None,
            reason=row.reason,
            image=row.image,
            snapshot=row.snapshot,
            log=next(iter(files.get((row.id, "log"), ())), None),
            results=tuple(files.get((row.id, "result"), ())),
            release=row.release_id or 0,
        )
        for row in rows
    )
