"""The worker of the jobs' queue, put together of the system's parts. One of them runs in an installation.

``alone`` and ``works`` are for every process of which one runs.
"""

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
    with alone(sandbox.settings, "worker"):
        worker_of(sandbox).serve(ended)


@contextmanager
def alone(settings: Settings, name: str) -> Iterator[None]:
    """Hold a process's lock: whoever holds it may take what an earlier one left for dead.

    Raises:
        OperatorError: another one runs.
    """
    descriptor = _opened(settings, name)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(f"Another {name} runs here.", fix="Stop it first: sandbox down.") from None
        yield
    finally:
        os.close(descriptor)


def works(settings: Settings, name: str) -> bool:
    """Whether a process of this name runs here."""
    return held(settings.lock_file(name))


def _opened(settings: Settings, name: str) -> int:
    path: Path = settings.lock_file(name)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
