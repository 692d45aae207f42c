"""The probe itself: a broken attack is never taken for a refusal."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sandbox.isolation.probe import ATTACKS, Attack
from sandbox.isolation.probe.run import End, end_of, script


def attempt(code: str) -> End:
    attack = Attack(name="x", would="x", code=code, refused_by="x")
    done = subprocess.run([sys.executable, "-c", script(attack)], capture_output=True, check=False)
    return end_of(done.returncode)


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("pass", End.GOT_IN),
        ("raise PermissionError(1, 'no')", End.REFUSED),
        ("open('/nowhere/at/all')", End.REFUSED),
        ("raise MemoryError", End.REFUSED),
        ("c_call('close', -1)", End.REFUSED),
        ("undefined_name", End.UNCLEAR),
        ("raise KeyError", End.UNCLEAR),
        ("os._exit(1)", End.UNCLEAR),
        ("this is no Python", End.UNCLEAR),
    ],
)
def test_how_an_attack_ends(code: str, end: End) -> None:
    assert attempt(code) is end


def test_a_killed_attack_was_refused() -> None:
    assert end_of(137) is End.REFUSED
    assert end_of(139) is End.UNCLEAR


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_every_attack_is_a_program_and_names_its_wall(attack: Attack) -> None:
    compile(script(attack), attack.name, "exec")
    assert attack.would
    assert attack.refused_by


def test_no_attack_names_an_address_that_is_routed() -> None:
    """203.0.113.0/24 is kept for documentation, 169.254/16 and 172.16/12 stay at home."""
    import re

    found = {ip for a in ATTACKS for ip in re.findall(r"\d+\.\d+\.\d+\.\d+", a.code)}
    assert found
    assert all(ip.startswith(("203.0.113.", "169.254.", "172.17.")) for ip in found)


def test_names_are_told_apart() -> None:
    assert len({a.name for a in ATTACKS}) == len(ATTACKS) >= 12
