"""Jobs without containers: rows that are a folder, and a room that does what a test says.

>>> room = FakeRoom()
>>> from sandbox.domain.job import Package
>>> package = Package(code=("a.py", b"1"), inputs=(), outputs=("t.csv",))
>>> room.run(1, cancelled=lambda: False).outputs
(('t.csv', b'n\\n50\\n'),)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.job import Job, JobEnd, Phase, RowFiles
from sandbox.domain.policy import Mode
from sandbox.domain.release import Decision, Release
from sandbox.flows.work_jobs import WorkJobs
from tests.flows.conftest import World

CODE = ("analysis.py", b"import sandbox\nprint(len(sandbox.data('loans')))\n")
CONTEXT = "Mean amounts by sex, of all applicants."
SECRET = b"n\n4711\n"


@dataclass
class FakeRows:
    """Notes what was made, and what is still there."""

    made: list[tuple[str, str, Mapping[str, frozenset[str]]]] = field(default_factory=list)
    there: set[str] = field(default_factory=set)
    forms: list[RowFiles] = field(default_factory=list)
    fails: Exception | None = None

    def make(
        self, grant: Grant, *, target: str, tables: Mapping[str, frozenset[str]], form: RowFiles
    ) -> Path:
        return self._made("raw", tables, target, form)

    def make_sample(self, grant: Grant, *, target: str, form: RowFiles) -> Path:
        return self._made("sample", {}, target, form)

    def sweep(self, prefix: str) -> None:
        self.there = {target for target in self.there if not target.startswith(prefix)}

    def remove(self, target: str) -> None:
        self.there.discard(target)

    def _made(self, kind: str, tables: Mapping[str, frozenset[str]], target: str, form: RowFiles) -> Path:
        if self.fails is not None:
            raise self.fails
        self.made.append((kind, target, tables))
        self.forms.append(form)
        self.there.add(target)
        return Path("/nowhere") / target


@dataclass
class FakeRoom:
    """Ends every run with ``end``; ``during`` happens while it runs."""

    end: JobEnd = JobEnd(failure=None, outputs=(("t.csv", b"n\n50\n"),), log=b"50\n", image="sha256:1")
    during: Callable[[], object] = lambda: None
    ran: list[int] = field(default_factory=list)

    def run(self, job_id: int, *, cancelled: Callable[[], bool]) -> JobEnd:
        self.ran.append(job_id)
        self.during()
        return self.end

    def clear(self) -> tuple[str, ...]:
        return ()


@dataclass
class Working:
    """A world where ana holds a grant that runs code."""

    world: World
    clock: list[datetime]
    grant: Grant
    worker: WorkJobs
    rows: FakeRows
    room: FakeRoom
    rested_s: list[float]

    @property
    def run_job(self) -> Any:
        return self.world.sandbox.run_job

    def send(self, phase: Phase = Phase.SAMPLE, **more: Any) -> Job:
        words: dict[str, Any] = {"code": CODE, "outputs": ("t.csv",), "phase": phase, "context": CONTEXT}
        sent: Job = self.run_job.send(self.world.person("ana"), self.grant, **{**words, **more})
        return sent

    def done(self) -> Job:
        job = self.worker.once()
        assert job is not None
        return job

    def tried(self) -> Job:
        """The package ran to its end on the sample."""
        self.send()
        return self.done()

    def handed_in(self) -> tuple[Job, Release]:
        """Raw rows were read; what was written of them waits for reviewers."""
        self.tried()
        self.room.end = replace(self.room.end, outputs=(("t.csv", SECRET),), log=b"amount 4711\n")
        self.send(Phase.RAW)
        job = self.done()
        release = self.world.sandbox.store.releases.get(job.release)
        assert release is not None
        return job, release

    def vote(self, name: str, release: Release) -> Release:
        store = self.world.sandbox.store.releases
        now = store.get(release.id)
        assert now is not None
        return self.world.sandbox.review_release.vote(
            self.world.person(name), release.id, version=now.version, decision=Decision.APPROVE, comment=""
        )


def working(world: World, clock: list[datetime], *, limits: str = "") -> Working:
    """Ana's grant in mode job, under a policy that offers it."""
    world.policy_file.write_text(world.policy_file.read_text() + "access: {modes: [query, job]}\n")
    world.agreed()
    grant = world.granted(project="code", mode=Mode.JOB)
    rows, room, rested_s = FakeRows(), FakeRoom(), list[float]()

    def rest(lost: threading.Event, seconds: float) -> None:
        rested_s.append(seconds)
        clock[0] += timedelta(seconds=seconds)

    sandbox = world.sandbox
    worker = WorkJobs(
        store=sandbox.store,
        run_job=sandbox.run_job,
        hold_jobs=sandbox.hold_jobs,
        review=sandbox.review_release,
        rows=rows,
        room=room,
        worker="worker-1",
        rest=rest,
    )
    return Working(world, clock, grant, worker, rows, room, rested_s)
