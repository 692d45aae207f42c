"""Jobs, as the launcher runs them, and as the worker has the launcher run them.

The worker names a job, and nothing else: what was sent, what it may take and what it may read is found out anew on
the launcher's side, where the agreement is asked once more. The answer is one JSON document at the end; before it come
empty lines, so that each side hears soon when the other is gone.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox.domain.errors import OperatorError
from sandbox.domain.job import Failure, JobEnd, Package
from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.job_container import Cancelled, LocalJobRoom
from sandbox.isolation.launcher_client import LauncherClient, Refused

BEAT_S = 0.5
_UNHEARD_S = 30  # without a line for so long, the launcher is gone
_START_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a container is started with, for a job that may run now.

    Attributes:
        data: the folder of its rows.
        imports: what was let in for its project.
    """

    package: Package
    limits: JobLimits
    data: Path
    imports: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLauncher:
    """The launcher's part.

    Args:
        opening: asks whether a job may run now; raises CallerError.
    """

    room: LocalJobRoom
    opening: Callable[[int], Opening]
    _running: set[str] = field(default_factory=set)

    def run(self, job_id: int, *, cancelled: Callable[[], bool]) -> JobEnd:
        """Run a job to its end.

        Raises:
            CallerError: it may not run.
            OperatorError: its rows are not there.
            Cancelled: it was.
        """
        found = self.opening(job_id)
        if found.data.is_symlink() or not found.data.is_dir():
            raise OperatorError(
                f"The rows of job {job_id} are not there.", fix="It is sent to the engine again."
            )
        self._running.add(str(job_id))
        try:
            return self.room.run(
                job_id,
                found.package,
                limits=found.limits,
                data=found.data,
                imports=found.imports,
                cancelled=cancelled,
            )
        finally:
            self._running.discard(str(job_id))

    def clear(self) -> tuple[str, ...]:
        """Remove what was left behind by a worker that died; the names of the containers."""
        return self.room.clear()

    def sweep(self) -> tuple[str, ...]:
        """Remove what no job that runs owns: a launcher died beside it, or the engine was away at its end."""
        return self.room.clear(keep=self._running)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchedJobs:
    """The worker's part: a ``JobRoom`` that has the launcher do it.

    Args:
        wait_s: how long a launcher that is away is waited for.
    """

    launcher: LauncherClient
    wait_s: float = _UNHEARD_S

    def run(self, job_id: int, *, cancelled: Callable[[], bool]) -> JobEnd:
        """Have a job run to its end. A launcher that is away is waited for: it is being restarted.

        Raises:
            Cancelled: it was, and its container is gone.
            Refused: the launcher found that it may not run.
        """
        deadline = time.monotonic() + self.wait_s
        while not self._listens() and time.monotonic() < deadline:
            if cancelled():
                raise Cancelled
            time.sleep(BEAT_S)
        try:
            with (
                self.launcher.open(httpx.Timeout(_UNHEARD_S, connect=5, read=_START_S)) as client,
                client.stream("POST", f"/jobs/{job_id}") as answer,
            ):
                if answer.status_code != 200:
                    found = json.loads(answer.read())
                    raise Refused(found["message"], code=found["code"], status=answer.status_code)
                return _last(answer, cancelled)
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError):
            return JobEnd(
                failure=Failure.ENGINE
            )  # the launcher is gone, and ends what it ran when it is back

    def _listens(self) -> bool:
        try:
            with self.launcher.open(BEAT_S):
                return True
        except OSError:
            return False

    def clear(self) -> None:
        """Remove what a worker that died left behind."""
        deadline = time.monotonic() + self.wait_s
        while True:
            try:
                with self.launcher.open(httpx.Timeout(_UNHEARD_S)) as client:
                    client.delete("/jobs").raise_for_status()
                    return
            except (httpx.HTTPError, OSError) as error:
                if time.monotonic() > deadline:  # both start at the same time
                    raise OperatorError(
                        "The launcher does not answer.", fix="Start it: sandbox up. See 'sandbox doctor'."
                    ) from error
                time.sleep(BEAT_S)


def _last(answer: httpx.Response, cancelled: Callable[[], bool]) -> JobEnd:
    for line in answer.iter_lines():
        if cancelled():
            raise Cancelled  # the stream is closed on the way, and with it the container
        if line:
            return end_of(json.loads(line))
    return JobEnd(failure=Failure.ENGINE)


def document_of(end: JobEnd) -> dict[str, Any]:
    """An end as JSON."""
    return {
        "failure": str(end.failure) if end.failure else None,
        "outputs": [[name, base64.b64encode(content).decode()] for name, content in end.outputs],
        "log": base64.b64encode(end.log).decode(),
        "image": end.image,
    }


def end_of(document: Mapping[str, Any]) -> JobEnd:
    """The reverse; raises ValueError, KeyError or TypeError for what is none."""
    return JobEnd(
        failure=Failure(document["failure"]) if document["failure"] else None,
        outputs=tuple((str(name), base64.b64decode(content)) for name, content in document["outputs"]),
        log=base64.b64decode(document["log"]),
        image=str(document["image"]),
    )
