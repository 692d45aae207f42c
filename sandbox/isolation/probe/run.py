"""Makes attacks in a container, one after the other, and says how each ended."""

from __future__ import annotations

import base64
import itertools
import json
import shlex
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from docker.errors import DockerException
from docker.utils.socket import frames_iter
from requests.exceptions import RequestException

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.containers import Containers
from sandbox.isolation.probe.attack import Attack

LIFE_S = 900  # so long at most does a container of a round live, whatever becomes of the round
ATTACK_S = 60.0  # so long at most does one attack go on; on a busy machine some take a while
_INSIDE = Path(__file__).with_name("inside.py")
# Packed, so that the words that attacks look for do not stand in the attacker's own command line.
_UNPACK = "import base64, sys, zlib; exec(zlib.decompress(base64.b64decode(sys.argv[1])))"


class End(StrEnum):
    GOT_IN = "got in"
    REFUSED = "refused"
    UNCLEAR = "unclear"  # the attack itself is broken, which must not be taken for a refusal


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attack ended, in what words, and with which number of an error (0: none)."""

    attack: Attack
    end: End
    words: str = ""
    error: int = 0


def make(containers: Containers, container: str, attacks: Sequence[Attack]) -> Iterator[Outcome]:
    """Make each attack in a container that runs, as its own user.

    Raises:
        OperatorError: the container ended, or has no Python.
    """
    made = 0
    with _engine_errors(container):
        started = containers.client.exec_create(container, command([a.code for a in attacks]))
        for line in _lines(_pieces(containers.client.exec_start(started["Id"], socket=True)), container):
            yield _outcome(line, attacks)
            made += 1
    if made != len(attacks):
        raise OperatorError(
            f"The container {container} ended after {made} of {len(attacks)} attacks.",
            fix="Look at the machine's memory, then run it again.",
        )


def make_from_the_start(
    containers: Containers, settings: ContainerSettings, attacks: Sequence[Attack], *, name: str
) -> Iterator[Outcome]:
    """Make each attack in a container whose own program it is: gVisor locks in no other as well as that one.

    An attack that asks for too much can end the whole container; the next ones are made in a new one.
    """
    waiting = list(attacks)
    for number in itertools.count(1):
        if not waiting:
            return
        one = f"{name}-{number}"  # the engine removes a container that ended when it gets to it
        try:
            with _engine_errors(name):
                printed = _printed(containers, settings, name=one, command=command([a.code for a in waiting]))
                made = 0
                for line in _lines(printed, name):
                    yield _outcome(line, waiting)
                    made += 1
        finally:
            containers.remove(one)
        if waiting := waiting[made:]:
            ended = waiting.pop(0)
            allowed = ended.subject == "limits"
            yield Outcome(ended, End.REFUSED if allowed else End.UNCLEAR, "its container ended")


@contextmanager
def planted(
    containers: Containers, settings: ContainerSettings, attacks: Iterable[Attack], *, name: str
) -> Iterator[None]:
    """A neighbour's container, for as long as the block, with all that attacks look for there.

    What is refused to the neighbour is simply not found.
    """
    try:
        with _engine_errors(name):
            printed = _printed(containers, settings, name=name, command=command(_plants(attacks), plant=True))
            next(_lines(printed, name), None)
        yield
    finally:
        containers.remove(name)


def plant(containers: Containers, container: str, attacks: Iterable[Attack]) -> None:
    """The same in a container that runs."""
    with _engine_errors(container):
        started = containers.client.exec_create(container, command(_plants(attacks), plant=True))
        next(_lines(_pieces(containers.client.exec_start(started["Id"], socket=True)), container), None)


def command(codes: Sequence[str], *, plant: bool = False, attack_s: float = ATTACK_S) -> list[str]:
    """The command line of the program that runs inside."""
    work = json.dumps({"plant": plant, "codes": list(codes), "life_s": LIFE_S, "attack_s": attack_s}).encode()
    return ["python3", "-c", _UNPACK, _packed(_INSIDE.read_bytes()), _packed(work)]


def _printed(
    containers: Containers, settings: ContainerSettings, *, name: str, command: list[str]
) -> Iterator[bytes]:
    """Start a container, and hand over what its own program prints, also where no log is kept."""
    containers.remove(name)
    made = containers.client.create_container(
        **settings.create_kwargs(), name=name, command=command, host_config=containers.host_config(settings)
    )
    attached = containers.client.attach_socket(made["Id"], params={"stdout": 1, "stderr": 1, "stream": 1})
    containers.client.start(made["Id"])
    return _pieces(attached)


def _pieces(attached: Any) -> Iterator[bytes]:
    """What comes over an attached socket, until its end; then the socket is closed, as the client itself does not."""
    try:
        for _, piece in frames_iter(attached, tty=False):  # type: ignore[no-untyped-call]  # docker ships no types for it
            yield piece
    finally:
        getattr(attached, "_sock", attached).close()
        attached.close()


def _plants(attacks: Iterable[Attack]) -> list[str]:
    return sorted({a.planted for a in attacks if a.planted})


def _outcome(line: dict[str, Any], attacks: Sequence[Attack]) -> Outcome:
    return Outcome(attacks[line["attack"]], End(line["end"]), _plain(str(line["words"])), int(line["errno"]))


def _lines(parts: Iterable[bytes], container: str) -> Iterator[dict[str, Any]]:
    text = b""
    for part in parts:
        text += part
        *lines, text = text.split(b"\n")
        yield from (_read(line, container) for line in lines if line.startswith(b"{"))


@contextmanager
def _engine_errors(container: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, RequestException) as error:
        raise OperatorError(
            f"The container engine made no attack in {container} ({type(error).__name__}).",
            fix="Run 'sandbox doctor'.",
        ) from error


def _read(line: bytes, container: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
        return found
    except ValueError as error:
        said = _plain(line.decode(errors="replace"))
        raise OperatorError(
            f"The program that attacks from {container} said {shlex.quote(said)}.",
            fix="Run 'sandbox doctor'.",
        ) from error


def _packed(text: bytes) -> str:
    return base64.b64encode(zlib.compress(text, 9)).decode()


def _plain(words: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in words)[:200]
