"""One run of sent code in a container of its own, from its start to its removal.

The container gets the package by standard input and gives its outputs by standard output. Whatever happens, a run ends
as a ``JobEnd`` and nothing of it is left: not the container, not a file.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from sandbox.domain.errors import OperatorError
from sandbox.domain.job import Failure, JobEnd, Language, Package, language_of
from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.containers import Containers, answering
from sandbox.isolation.job_profile import job_profile
from sandbox.isolation.job_stream import JobStream, StreamBroken, packed
from sandbox.isolation.lockdown import MIB

RUNNER = ("python3", "/usr/local/lib/sandbox/run_job.py")
LOOK_EVERY_S = 0.2  # at the clock, and whether it was cancelled
STOPS_WITHIN_S = 3.0  # after the end of its stream
_ENDED, _ENDED_BY_ENGINE = "die", "kill"  # of Docker's events
_STDOUT = 1  # of Docker's frames: one byte of stream, three empty, four of length
_FRAME_BYTES = 8
_CHUNK_BYTES = 1 << 18
_STDERR_BYTES = 1 << 20  # the runner writes next to nothing there; code that finds it is cut off
_log = logging.getLogger(__name__)


class Cancelled(Exception):
    """The job is not to run any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalJobRoom:
    """Runs jobs on this machine's container engine.

    Args:
        image: which image a language has, looked up at each start, so that a new one needs no restart.
        prefix: the beginning of the containers' names: of this installation alone.
        runtime: the name by which the container engine knows it, chosen at each start.
    """

    containers: Containers
    image: Callable[[Language], str]
    seccomp: str
    prefix: str
    runtime: Callable[[], str] = lambda: "runc"

    def run(
        self,
        job_id: int,
        package: Package,
        *,
        limits: JobLimits,
        data: Path,
        imports: Path | None,
        cancelled: Callable[[], bool],
    ) -> JobEnd:
        """Run a package to its end.

        Args:
            data: the folder of the rows.
            cancelled: asked several times a second; a yes ends the container.

        Raises:
            Cancelled: it was.
            OperatorError: the image of its language was not built.
        """
        settings = job_profile(
            job_id,
            image=self.image(language_of(package.code[0])),
            limits=limits,
            seccomp=self.seccomp,
            data=data,
            imports=imports,
            runtime=self.runtime(),
        )
        name = f"{self.prefix}{job_id}"
        return run(self.containers, settings, name=name, package=package, limits=limits, cancelled=cancelled)

    def clear(self, *, keep: Collection[str] = ()) -> tuple[str, ...]:
        """Remove the containers of all jobs.

        Args:
            keep: the numbers of those that run; looked at when the names are known, so that a new one is kept.

        Returns:
            The names of the containers.
        """
        names = [n for n in self.containers.names("job") if n.startswith(self.prefix)]
        left = tuple(name for name in names if name.removeprefix(self.prefix) not in keep)
        for name in left:
            self.containers.remove(name)
        return left


def run(
    containers: Containers,
    settings: ContainerSettings,
    *,
    name: str,
    package: Package,
    limits: JobLimits,
    cancelled: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> JobEnd:
    """Start a container, give it the package, read what comes, and remove it.

    Raises:
        Cancelled: it was.
    """
    until = clock() + 60 * limits.minutes
    stream = JobStream(declared=package.outputs, output_bytes=limits.output_mib * MIB)
    failure: Failure | None = None
    image = ""
    try:
        with _attached(containers, settings, name) as (line, image):
            inside = packed(package, output_bytes=limits.output_mib * MIB)
            failure = _converse(line, inside, stream, until=until, clock=clock, cancelled=cancelled)
        if failure is None:
            failure = _how_it_ended(containers, name, stream)
    except StreamBroken as broken:
        _log.warning("%s: the stream was not believed: %s", name, broken)
        failure = Failure.OUTPUTS
    except (OperatorError, DockerException, RequestException, OSError) as lost:
        told = str(lost) if isinstance(lost, OperatorError) else type(lost).__name__
        _log.warning("%s: the container engine failed: %s", name, told)
        failure = Failure.ENGINE
    finally:
        _remove(containers, name)
    return JobEnd(
        failure=failure,
        outputs=() if failure is not None else stream.outputs(),
        log=stream.log,
        image=image,
    )


@contextlib.contextmanager
def _attached(containers: Containers, settings: ContainerSettings, name: str) -> Any:
    """The container's streams, taken before it starts, and the digest of its image."""
    client = containers.client
    containers.remove(name)
    try:
        created = client.create_container(
            **settings.create_kwargs(),
            name=name,
            command=list(RUNNER),
            environment={},
            host_config=containers.host_config(settings),
        )
    except ImageNotFound as error:
        raise OperatorError(
            f"The image {settings['image']} is not there.", fix="Build the images: make images."
        ) from error
    image = str(client.inspect_container(created["Id"])["Image"])
    attached = client.attach_socket(created["Id"], params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    line: socket.socket = getattr(attached, "_sock", attached)
    try:
        client.start(created["Id"])
        yield line, image
    finally:
        with contextlib.suppress(OSError):
            line.close()
            attached.close()


def _converse(
    line: socket.socket,
    inside: bytes,
    stream: JobStream,
    *,
    until: float,
    clock: Callable[[], float],
    cancelled: Callable[[], bool],
) -> Failure | None:
    """Send and read until the stream ends; the clock and a cancellation end it earlier."""
    line.setblocking(False)
    frames = _Frames(stream)
    left = memoryview(inside)
    with selectors.DefaultSelector() as selector:
        selector.register(line, selectors.EVENT_READ | selectors.EVENT_WRITE)
        looked = clock()
        while True:
            if clock() - looked >= LOOK_EVERY_S:
                looked = clock()
                if cancelled():
                    raise Cancelled
            if clock() >= until:
                return Failure.TIME
            for _, events in selector.select(timeout=LOOK_EVERY_S):
                if events & selectors.EVENT_WRITE:
                    left = left[line.send(left[:_CHUNK_BYTES]) :]
                    if not left:
                        selector.modify(line, selectors.EVENT_READ)
                if events & selectors.EVENT_READ:
                    data = line.recv(_CHUNK_BYTES)
                    if not data:
                        return None
                    frames.feed(data)
                    if stream.ended:
                        return None


class _Frames:
    """Takes Docker's own frames apart: standard output goes on, standard error is counted."""

    def __init__(self, stream: JobStream) -> None:
        self._stream, self._held, self._left, self._kind, self._errors = stream, b"", 0, 0, 0

    def feed(self, data: bytes) -> None:
        self._held += data
        while self._held:
            if not self._left:
                if len(self._held) < _FRAME_BYTES:
                    return
                self._kind, self._left = self._held[0], int.from_bytes(self._held[4:_FRAME_BYTES], "big")
                self._held = self._held[_FRAME_BYTES:]
                continue
            piece, self._held = self._held[: self._left], self._held[self._left :]
            self._left -= len(piece)
            if self._kind == _STDOUT:
                self._stream.feed(piece)
            else:
                self._errors += len(piece)
                if self._errors > _STDERR_BYTES:
                    raise StreamBroken("too much on standard error")


def _how_it_ended(containers: Containers, name: str, stream: JobStream) -> Failure | None:
    """Where memory ended, that is the reason for a program that failed; a stream without an end has none.

    An engine that is stopped ends the containers, and one that was killed ends them when it is back: code is blamed
    only for an end that the engine saw and did not make.

    Raises:
        StreamBroken: the outputs are not complete.
        OperatorError: the engine is away.
    """
    if stream.ended and stream.failure is None:
        stream.outputs()
        return None
    if stream.ended and stream.failure is not Failure.PROGRAM:
        return stream.failure
    found = _stopped(containers, name)
    if found is None or found["State"]["Status"] in ("removing", "dead"):
        return Failure.ENGINE  # somebody else took it away
    if found["State"].get("OOMKilled"):
        return Failure.MEMORY
    seen = _seen(containers, str(found["Id"]), stopped=not found["State"]["Running"])
    if _ENDED_BY_ENGINE in seen or not (stream.ended or _ENDED in seen):
        return Failure.ENGINE
    return Failure.PROGRAM  # also a stream without an end: the runner itself was ended, from inside


def _stopped(containers: Containers, name: str) -> dict[str, Any] | None:
    """As it was last: the engine hears that memory ended before it hears that the container did. None: it is gone."""
    until = time.monotonic() + STOPS_WITHIN_S
    while True:
        try:
            with answering():
                found: dict[str, Any] = containers.client.inspect_container(name)
        except NotFound:
            return None
        if not found["State"]["Running"] or time.monotonic() > until:
            return found
        time.sleep(LOOK_EVERY_S / 4)


def _seen(containers: Containers, container: str, *, stopped: bool) -> set[str]:
    """What the engine saw happen to a container. One that was started again since has seen nothing.

    Args:
        container: its id; names are given again.
        stopped: its end is waited for; it is told a moment after the state.
    """
    until = time.monotonic() + STOPS_WITHIN_S
    while True:
        with answering():
            told = containers.client.events(
                since=0,
                until=int(time.time()) + 1,  # whole seconds: it answers until this one is over
                filters={"container": container},
                decode=True,
            )
            seen = {str(event["Action"]) for event in told}
        if not stopped or _ENDED in seen or time.monotonic() > until:
            return seen


def _remove(containers: Containers, name: str) -> None:
    try:
        containers.remove(name)
    except OperatorError as lost:
        # The engine is away: the launcher removes left-overs at its next look.
        _log.warning("%s could not be removed: %s", name, lost.message)
