"""What goes into a job's container and what is believed of what comes out: bytes, read strictly.

In: eight bytes of length, then a tar with ``job.json``, the code and the inputs.

Out: frames of one letter, four bytes of length and a payload, in this order: ``L`` the end of the log; for each output
``F`` its name and size as JSON, and ``D`` pieces of its content; ``E`` how the program ended. Whoever wrote them is not
trusted: code in the container can write to the same stream. A name that was not declared, a size that is not kept, a
byte too many: ``StreamBroken``.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.domain.job import RUNNER_FILE, Failure, Package
from sandbox.domain.outputs import DECLARATIONS

LOG_BYTES = 64 * 1024
PIECE_BYTES = 1 << 20
_HEADER_BYTES = 5
_DESCRIPTION_BYTES = 1024
_ENDS = {"ok": None, "program": Failure.PROGRAM, "memory": Failure.MEMORY, "outputs": Failure.OUTPUTS}


class StreamBroken(Exception):
    """The stream is not what the runner writes. What is in it is not believed."""


def packed(package: Package, *, output_bytes: int) -> bytes:
    """A package as it goes in.

    Args:
        output_bytes: all outputs together hold at most so many.

    Raises:
        StreamBroken: a file of it would take the place of what the runner is told.
    """
    if any(name == RUNNER_FILE for name, _ in (package.code, *package.inputs)):
        raise StreamBroken(f"{RUNNER_FILE} is the runner's own")
    told = {
        "code": package.code[0],
        "outputs": list(package.outputs),
        "about": [name for name in (DECLARATIONS,) if name not in package.outputs],
        "output_bytes": output_bytes,
    }
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        for name, content in ((RUNNER_FILE, json.dumps(told).encode()), package.code, *package.inputs):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    inside = body.getvalue()
    return len(inside).to_bytes(8, "big") + inside


@dataclass(slots=True)
class JobStream:
    """Reads frames as they arrive, in pieces of any size.

    Args:
        declared: the names of the outputs.
        output_bytes: all outputs together hold at most so many.

    >>> stream = JobStream(declared=("t.csv",), output_bytes=10)
    >>> stream.feed(b'E' + (16).to_bytes(4, 'big') + b'{"ended": "oops"')
    Traceback (most recent call last):
    ...
    sandbox.isolation.job_stream.StreamBroken: not JSON
    """

    declared: Sequence[str]
    output_bytes: int
    log: bytes = b""
    ended: bool = False
    failure: Failure | None = None
    _files: dict[str, bytearray] = field(default_factory=dict)
    _missing: int = 0  # bytes of the file at hand that are still to come
    _name: str = ""
    _held: bytearray = field(default_factory=bytearray)
    _total: int = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            StreamBroken: they cannot be what the runner writes.
        """
        self._held += data
        while len(self._held) >= _HEADER_BYTES:
            kind, size = self._held[:1], int.from_bytes(self._held[1:_HEADER_BYTES], "big")
            if size > PIECE_BYTES:
                raise StreamBroken("a frame is too large")
            if len(self._held) < _HEADER_BYTES + size:
                return
            payload = bytes(self._held[_HEADER_BYTES : _HEADER_BYTES + size])
            del self._held[: _HEADER_BYTES + size]
            self._frame(bytes(kind), payload)

    def outputs(self) -> tuple[tuple[str, bytes], ...]:
        """What was declared, in that order, and ``outputs.yaml`` where the code wrote one.

        Raises:
            StreamBroken: the stream ended too early, or a declared output did not come.
        """
        if not self.ended or self._missing or not set(self.declared) <= set(self._files):
            raise StreamBroken("something is missing")
        about = [name for name in self._files if name not in self.declared]
        return tuple((name, bytes(self._files[name])) for name in (*self.declared, *about))

    def _frame(self, kind: bytes, payload: bytes) -> None:
        if self.ended:
            raise StreamBroken("something comes after the end")
        match kind:
            case b"L" if not self.log and not self._files and len(payload) <= LOG_BYTES:
                self.log = payload
            case b"F" if not self._missing:
                self._begin(_read(payload))
            case b"D" if 0 < len(payload) <= self._missing:
                self._files[self._name] += payload
                self._missing -= len(payload)
            case b"E" if not self._missing:
                self._end(_read(payload))
            case _:
                raise StreamBroken("a frame out of turn")

    def _begin(self, told: dict[str, Any]) -> None:
        name, size = told.get("name"), told.get("size")
        if not isinstance(name, str) or name in self._files or not self._awaits(name):
            raise StreamBroken("a file that was not declared")
        if type(size) is not int or not 0 <= size <= self.output_bytes - self._total:
            raise StreamBroken("a file that is too large")
        self._name, self._missing, self._files[name] = name, size, bytearray()
        self._total += size

    def _awaits(self, name: str) -> bool:
        return name in self.declared or name == DECLARATIONS

    def _end(self, told: dict[str, Any]) -> None:
        how = told.get("ended")
        if not isinstance(how, str) or how not in _ENDS:
            raise StreamBroken("an end that there is not")
        self.ended, self.failure = True, _ENDS[how]


def _read(payload: bytes) -> dict[str, Any]:
    if len(payload) > _DESCRIPTION_BYTES:
        raise StreamBroken("a description is too long")
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        raise StreamBroken("not JSON") from None
    if not isinstance(told, dict):
        raise StreamBroken("not an object")
    return told
