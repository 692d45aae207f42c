"""The worker: claims what waits, gives it rows and a container, and says how it ended.

claim -> ask once more whether it may run -> rows -> container -> rows away -> the end is told. On the sample what it
wrote is kept for its sender. On raw rows it becomes a request to let files out, in the transaction that ends the job.

- The end of a job on raw rows is told on a tick (``domain.ticks``): until then the job counts as running.
- A job that is cancelled, held or stopped while it runs loses its container at once, and what it made is thrown away.
- A worker that dies is found out by its silence: its job is queued again, once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import (
    BadInput,
    Conflict,
    NotAllowed,
    OperatorError,
    SandboxError,
    Tampered,
    TooLarge,
)
from sandbox.domain.job import ATTEMPTS, Failure, Job, JobEnd, JobFile, JobState, Phase, RowFiles, Verb, step
from sandbox.domain.release import Release
from sandbox.domain.ticks import leaves_after_ms
from sandbox.flows.extracts import Columns
from sandbox.flows.hold_jobs import HoldJobs
from sandbox.flows.review_release import ReviewRelease
from sandbox.flows.run_job import JobOpening, RunJob
from sandbox.isolation.job_container import Cancelled
from sandbox.store import Store
from sandbox.store.jobs import NOTHING, Outcome
from sandbox.store.workers import is_gone

LOOK_EVERY_S = 0.5  # whether the job still is to run
BEAT_EVERY_S = 10.0
UNHEARD_S = 60.0  # a worker that was silent for so long is dead
IDLE_S = 0.5
PAUSE_S = 10.0  # before what the platform broke off is tried again
_ACTOR = "system:jobs"
ROWS = "job-"  # how the names of the jobs' extracts begin
_log = logging.getLogger(__name__)


class Rows(Protocol):
    """Where the rows for a container come from. A target is a safe name."""

    def make(self, grant: Grant, *, target: str, tables: Columns, form: RowFiles) -> Path:
        """A folder with raw rows of these columns."""
        ...

    def make_sample(self, grant: Grant, *, target: str, form: RowFiles) -> Path:
        """A folder of the same shape with synthetic rows."""
        ...

    def sweep(self, prefix: str) -> object:
        """All folders whose names begin so go."""
        ...

    def remove(self, target: str) -> None:
        """The folder goes, if there is one."""
        ...


class JobRoom(Protocol):
    """What runs a job in a container; see ``isolation.job_launcher``. It finds out for itself what the job may have."""

    def run(self, job_id: int, *, cancelled: Callable[[], bool]) -> JobEnd: ...

    def clear(self) -> object: ...


def _rest(lost: threading.Event, seconds: float) -> None:
    lost.wait(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkJobs:
    """The journey's parts.

    Args:
        room: finds a job's rows in the extract that was made for it (``rows_of``).
        worker: the name of this process: no other has it.
        rest: waits until a job's tick, or until the job is lost.
    """

    store: Store
    run_job: RunJob
    hold_jobs: HoldJobs
    review: ReviewRelease
    rows: Rows
    room: JobRoom
    worker: str
    rest: Callable[[threading.Event, float], None] = _rest

    def serve(self, ended: threading.Event) -> None:
        """Work until told to end; as many jobs at a time as the site's policy lets. What runs then is ended."""
        self.room.clear()
        self.rows.sweep(ROWS)
        threads = [
            threading.Thread(target=self._work_on, args=(ended,), name=f"job-{number}")
            for number in range(self.run_job.limits.at_once)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def once(self, ended: threading.Event | None = None) -> Job | None:
        """Take the next job to its end.

        Returns:
            The job as it stands afterwards; None when nothing waited.
        """
        self.recover()
        limits = self.run_job.limits
        event = Event(_ACTOR, "job.started", "job:next", {})
        job = self.store.jobs.claim(worker=self.worker, at_once=limits.at_once, event=event)
        if job is None:
            return None
        try:
            with self._watched(job, ended or threading.Event()) as lost:
                self._try(job, lost)
        except Cancelled:
            if ended is not None and ended.is_set():
                self._give_back(job)
        except Conflict as changed:  # cancelled, held or stopped in the last moment: its end does not count
            _log.info("job %d: %s", job.id, changed.message)
        return self.store.jobs.get(job.id)

    def recover(self) -> tuple[int, ...]:
        """Queue again what dead workers ran; what died twice has ended.

        Returns:
            The numbers of the jobs.
        """
        running = self.store.jobs.in_state(JobState.RUNNING)
        gone = {job.worker for job in running if job.worker != self.worker and is_gone(job.worker)}
        before = self.store.now() - timedelta(seconds=UNHEARD_S)
        found = self.store.jobs.unheard(before=before, workers=gone)
        for job in found:
            self._try_again(job)
        return tuple(job.id for job in found)

    def _work_on(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                idle = self.once(ended) is None
            except SandboxError as failure:  # such as a database that is away
                _log.error("no job could be taken: %s", failure.message)
                idle = True
            except Exception as failure:
                _log.error("no job could be taken: %s", type(failure).__name__)
                idle = True
            if idle:
                ended.wait(IDLE_S)

    def _try(self, job: Job, lost: threading.Event) -> None:
        """Take it to its end. What breaks off is the platform's, and being restarted: it gets time for that."""
        try:
            if self._take(job, lost):
                return
        except (Cancelled, Conflict):
            raise
        except Exception as failure:
            told = failure.message if isinstance(failure, SandboxError) else type(failure).__name__
            _log.error("job %d broke off: %s", job.id, told)
        if job.attempts < ATTEMPTS:
            self.rest(lost, PAUSE_S)
        self._try_again(job)

    def _take(self, job: Job, lost: threading.Event) -> bool:
        """Returns: False when it is to be tried again."""
        target = rows_of(job.id)
        try:
            opening = self.run_job.opening(job.id)
            self.rows.remove(target)
            self._rows(opening, target)
            end = self.room.run(job.id, cancelled=lost.is_set)
        except NotAllowed as refused:
            self.hold_jobs.stop(job, reason=refused.message)
            return True
        finally:
            self.rows.remove(target)
        if end.failure is Failure.ENGINE and job.attempts < ATTEMPTS:
            return False
        if job.phase is Phase.SAMPLE:
            self._end_on_sample(job, opening, end)
        else:
            self._wait_for_tick(job, lost)
            self._end_on_raw(job, opening, end)
        return True

    def _rows(self, opening: JobOpening, target: str) -> Path:
        """The folder to be read; of the version that the job will be said to have read."""
        form = opening.job.language.row_files
        if opening.job.phase is Phase.SAMPLE:
            return self.rows.make_sample(opening.grant, target=target, form=form)
        folder = self.rows.make(opening.grant, target=target, tables=opening.columns, form=form)
        if self.run_job.opening(opening.job.id).snapshot != opening.snapshot:
            raise OperatorError("The data were published anew meanwhile.", fix="The job is tried again.")
        return folder

    def _end_on_sample(self, job: Job, opening: JobOpening, end: JobEnd) -> None:
        """All of it is for the sender's eyes."""
        outcome = Outcome(
            failure=end.failure,
            image=end.image,
            snapshot=opening.snapshot,
            log=self._put("log.txt", end.log),
            results=tuple(self._put(name, content) for name, content in end.outputs),
        )
        self._move(job, Verb.FAIL if end.failure else Verb.FINISH, outcome)

    def _end_on_raw(self, job: Job, opening: JobOpening, end: JobEnd) -> None:
        """A request to let its outputs out; or a reason without a word of what it printed."""
        if end.failure is not None:
            self._move(job, Verb.FAIL, Outcome(failure=end.failure))
            return
        log = self._put("log.txt", end.log)

        def handed_in(release: Release) -> None:
            outcome = Outcome(release=release.id, image=end.image, snapshot=opening.snapshot, log=log)
            self._move(job, Verb.HAND_IN, outcome)

        person = self.store.people.get(job.person)
        if person is None:
            raise Tampered("The job's sender is gone.", place=f"job {job.id}")
        try:
            snapshot = self.run_job.opening(job.id).snapshot
        except NotAllowed as refused:
            self.hold_jobs.stop(job, reason=refused.message)
            return
        if snapshot != opening.snapshot:
            raise OperatorError("The data were published anew while it ran.", fix="The job is tried again.")
        try:
            self.review.submit(
                person,
                opening.grant,
                files=end.outputs,
                context=job.context,
                sql={},
                made_by={
                    "job": job.id,
                    "package_sha256": job.package_sha256,
                    "code_sha256": job.code.sha256,
                    "image": end.image,
                    "snapshot": opening.snapshot,
                },
                then=handed_in,
            )
        except (NotAllowed, BadInput, TooLarge):
            # The grant holds: the no is about what was written beside the rows, and its words are told to nobody.
            self._move(job, Verb.FAIL, Outcome(failure=Failure.OUTPUTS))

    def _wait_for_tick(self, job: Job, lost: threading.Event) -> None:
        tick_ms = 1000 * self.run_job.limits.tick_s
        elapsed_ms = _elapsed_ms(job.started_at, self.store)
        leaves_ms = leaves_after_ms(elapsed_ms, tick_ms=tick_ms)
        while not lost.is_set() and elapsed_ms < leaves_ms:
            self.rest(lost, (leaves_ms - elapsed_ms) / 1000)
            elapsed_ms = _elapsed_ms(job.started_at, self.store)
        if lost.is_set():
            raise Cancelled

    def _try_again(self, job: Job) -> None:
        """The platform's fault: once more, and then it has ended."""
        try:
            if job.attempts < ATTEMPTS:
                self._move(job, Verb.QUEUE_AGAIN, NOTHING)
            else:
                self._move(job, Verb.FAIL, Outcome(failure=Failure.ENGINE))
        except Conflict as changed:
            _log.info("job %d: %s", job.id, changed.message)

    def _give_back(self, job: Job) -> None:
        """This worker is told to end: the job is run by the next one."""
        try:
            self._move(job, Verb.QUEUE_AGAIN, NOTHING)
        except Conflict as changed:
            _log.info("job %d: %s", job.id, changed.message)

    def _move(self, job: Job, verb: Verb, outcome: Outcome) -> None:
        row = step(job.state, verb)
        facts = {"failure": str(outcome.failure)} if outcome.failure else {}
        event = Event(_ACTOR, row.event, f"job:{job.id}", facts)
        self.store.jobs.move(job, row, event=event, outcome=outcome)

    def _put(self, name: str, content: bytes) -> JobFile:
        stored = self.store.vault.put(content)
        return JobFile(name=name, sha256=stored.sha256, size_bytes=stored.size_bytes)

    @contextmanager
    def _watched(self, job: Job, ended: threading.Event) -> Iterator[threading.Event]:
        """An event that is set as soon as the job is not this worker's any more; beats for as long as it is."""
        lost, over = threading.Event(), threading.Event()

        def watch() -> None:
            beats_in_s = BEAT_EVERY_S
            while not over.wait(LOOK_EVERY_S):
                beats_in_s -= LOOK_EVERY_S
                try:
                    now = self.store.jobs.get(job.id)
                    mine = now is not None and (now.state, now.version) == (job.state, job.version)
                    if mine and beats_in_s <= 0:
                        mine, beats_in_s = self.store.jobs.beat(job), BEAT_EVERY_S
                except SandboxError as failure:  # a database that is away for a moment takes no job with it
                    _log.warning("job %d: %s", job.id, failure.message)
                    continue
                if not mine or ended.is_set():
                    lost.set()

        watcher = threading.Thread(target=watch, name=f"watch-job-{job.id}", daemon=True)
        watcher.start()
        try:
            yield lost
        finally:
            over.set()
            watcher.join()


def rows_of(job_id: int) -> str:
    """The name of the extract that a job reads."""
    return f"{ROWS}{job_id}"


def _elapsed_ms(began: str, store: Store) -> float:
    return (store.now() - datetime.fromisoformat(began)).total_seconds() * 1000
