"""Runs attacks inside a container and says how each ended."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import docker

from sandbox.isolation.probe import Attack

_GOT_IN, _REFUSED, _KILLED = 0, 3, 137

_BEFORE = """
import ctypes, os, platform, resource, shutil, signal, socket, subprocess
libc = ctypes.CDLL(None, use_errno=True)
def checked(value):
    if value < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return value
def c_call(name, *arguments):
    return checked(getattr(libc, name)(*arguments))
def system_call(number, *arguments):
    return checked(libc.syscall(number, *arguments))
"""


class End(StrEnum):
    GOT_IN = "got in"
    REFUSED = "refused"
    UNCLEAR = "unclear"  # the attack itself is broken, which must not be taken for a refusal


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attack ended, and in what words."""

    attack: Attack
    end: End
    words: str


def run_attacks(client: docker.APIClient, container: str, attacks: Iterable[Attack]) -> Iterator[Outcome]:
    """Run each attack as the container's own user, one after the other."""
    for attack in attacks:
        started = client.exec_create(container, ["python3", "-c", script(attack)])
        printed: bytes = client.exec_start(started["Id"])
        code = client.exec_inspect(started["Id"])["ExitCode"]
        yield Outcome(attack, end_of(code), printed.decode(errors="replace").strip()[-300:])


def script(attack: Attack) -> str:
    """A program that exits 0 when the attack got in, and 3 when it was refused."""
    body = textwrap.indent(attack.code.strip(), "    ")
    return (
        f"{_BEFORE}\ntry:\n{body}\n"
        f"except (OSError, ValueError, MemoryError) as why:\n"
        f"    print(type(why).__name__, why)\n    os._exit({_REFUSED})\n"
        f"os._exit({_GOT_IN})\n"
    )


def end_of(exit_code: int) -> End:
    """Killed means refused: it is how limits of memory speak."""
    ends = {_GOT_IN: End.GOT_IN, _REFUSED: End.REFUSED, _KILLED: End.REFUSED}
    return ends.get(exit_code, End.UNCLEAR)
