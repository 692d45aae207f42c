"""The worker of the jobs' queue, put together of the system's parts. One of them runs in an installation."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.domain.errors import OperatorError
from sandbox.flows.work_jobs import WorkJobs
from sandbox.isolation.job_launcher import LaunchedJobs
from sandbox.isolation.launcher_client import LauncherClient
from sandbox.isolation.reach import held
from sandbox.settings import Settings
from sandbox.store.workers import this_process
from sandbox.wiring import Sandbox


def worker_of(sandbox: Sandbox) -> WorkJobs:
    """The real one."""
    return WorkJobs(
        store=sandbox.store,
        run_job=sandbox.run_job,
        hold_jobs=sandbox.hold_jobs,
        review=sandbox.review_release,
        rows=sandbox.extracts,
        room=LaunchedJobs(launcher=LauncherClient(sandbox.settings.jobs_socket)),
        worker=this_process(),
    )


def run_worker(sandbox: Sandbox) -> None:
    """Work until this process is told to end; jobs that run then are queued again."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with alone(sandbox.settings):
        worker_of(sandbox).serve(ended)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the worker's lock: whoever holds it may take what an earlier worker left for dead.

    Raises:
        OperatorError: another worker runs.
    """
    descriptor = _opened(settings)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError("Another worker runs here.", fix="Stop it first: sandbox down.") from None
        yield
    finally:
        os.close(descriptor)


def works(settings: Settings) -> bool:
    """Whether a worker runs here."""
    return held(_lock(settings))


def _opened(settings: Settings) -> int:
    return os.open(_lock(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(settings: Settings) -> Path:
    path: Path = settings.run_dir / "worker.lock"
    return path
