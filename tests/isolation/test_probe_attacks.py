"""The probe itself: a broken attack is never taken for a refusal, and nothing of it could do harm."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sandbox.isolation.probe import ATTACKS, IN_A_CONTAINER, IN_A_NOTEBOOK, SUBJECTS, Attack, Place
from sandbox.isolation.probe.attack import ROOMS
from sandbox.isolation.probe.elsewhere import ELSEWHERE, Proven
from sandbox.isolation.probe.run import command
from sandbox.isolation.probe.weak import CAPABILITIES

ROOT = Path(__file__).resolve().parents[2]


def attempt(codes: Sequence[str], *, attack_s: float = 15) -> list[dict[str, Any]]:
    """The lines of the program that runs inside; here it runs on this machine."""
    _, *arguments = command(codes, attack_s=attack_s)
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


ENDS = {
    "pass": "got in",
    "raise PermissionError(1, 'no')": "refused",
    "open('/nowhere/at/all')": "refused",
    "raise MemoryError": "refused",
    "c_call('close', -1)": "refused",
    "number(3, -1)": "refused",
    "os.kill(os.getpid(), signal.SIGKILL)": "refused",
    "os.kill(os.getpid(), signal.SIGSYS)": "refused",
    "os.kill(os.getpid(), signal.SIGSEGV)": "unclear",
    "undefined_name": "unclear",
    "raise KeyError": "unclear",
    "sys.exit(0)": "unclear",
    "os._exit(0)": "unclear",
    "this is no Python": "unclear",
    'print(\'{"attack": 0, "end": "refused"}\')': "got in",  # what it prints is not believed
    "asked('reboot', 1, 2, 3, None, answers=())": "refused",
}


def test_how_an_attack_ends() -> None:
    found = attempt(list(ENDS))
    assert {code: line["end"] for code, line in zip(ENDS, found, strict=True)} == ENDS


def test_an_attack_that_never_ends_is_unclear_and_the_next_one_is_made() -> None:
    slow, fast = attempt(["signal.pause()", "pass"], attack_s=1)
    assert (slow["end"], fast["end"]) == ("unclear", "got in")
    assert "not at its end" in slow["words"]


def test_what_an_attack_changes_in_its_own_process_is_gone_for_the_next() -> None:
    found = attempt(
        ["os.chdir('/proc'); globals()['HUB_PORT'] = 1", "open('version').close()", "1 / (HUB_PORT - 1)"]
    )
    assert [line["end"] for line in found] == ["got in", "refused", "got in"]


def test_an_answer_that_says_nonsense_means_that_it_would_have_been_allowed() -> None:
    (line,) = attempt(["asked('ioprio_set', 9, 0, 0)"])
    assert line["end"] == "got in"


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("HTTP/1.1 200 OK", "got in"),
        ("HTTP/1.1 302 Found", "got in"),
        ("HTTP/1.0 400 Bad Request", "refused"),
        ("HTTP/1.1 403 Forbidden", "refused"),
        ("HTTP/1.1 422 Unprocessable", "unclear"),  # nobody decided whether it may
        ("", "refused"),
    ],
)
def test_what_an_answer_means(answer: str, end: str) -> None:
    (line,) = attempt(
        [
            f"exchange = lambda *_: {answer.encode()!r}; globals().update(exchange=exchange); ask('GET', '/', '')"
        ]
    )
    assert line["end"] == end


@pytest.mark.parametrize(
    ("answers", "end"),
    [(["200"], "refused"), (["200", "200"], "got in"), (["200", "403"], "refused"), ([], "refused")],
)
def test_a_hidden_request_passed_only_when_it_was_answered_too(answers: list[str], end: str) -> None:
    text = "".join(f"HTTP/1.1 {status} x\r\n\r\n" for status in answers).encode()
    (line,) = attempt([f"globals().update(exchange=lambda *_: {text!r}); send('GET /hub/api HTTP/1.1')"])
    assert line["end"] == end


def test_words_that_attacks_look_for_do_not_stand_in_their_own_command_line() -> None:
    assert "neighbours" not in " ".join(command([a.code for a in ATTACKS]))
    assert (
        max(map(len, command([a.code for a in ATTACKS]))) < 100_000
    )  # the kernel takes 128 KiB in one argument


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_every_attack_is_a_program_and_names_its_wall(attack: Attack) -> None:
    compile(attack.code, attack.name, "exec")
    compile(attack.planted, attack.name, "exec")
    assert attack.would
    assert attack.refused_by
    assert attack.needs in {"", *CAPABILITIES}
    assert set(attack.by_design) <= {*ROOMS, "runc", "runsc"}
    assert all(len(why) > 40 for why in attack.by_design.values())
    assert attack.rooms


def test_there_are_enough_and_each_has_its_own_name() -> None:
    assert len({a.name for a in ATTACKS}) == len(ATTACKS) >= 80
    assert len(IN_A_CONTAINER) + len(IN_A_NOTEBOOK) == len(ATTACKS)
    assert {a.subject for a in ATTACKS} == set(SUBJECTS)
    assert {a.place for a in SUBJECTS["hub, portal and gate"]} == {Place.NOTEBOOK}


def test_no_attack_names_an_address_that_is_routed() -> None:
    """203.0.113.0/24, 198.51.100.0/24 are kept for documentation; 127/8, 169.254/16 and 172.17/16 stay at home."""
    text = "\n".join(a.code + a.planted for a in ATTACKS)
    found = set(re.findall(r"\d+\.\d+\.\d+\.\d+", text))
    assert "203.0.113.1" in found
    home = ("203.0.113.", "198.51.100.", "127.0.0.", "169.254.", "172.17.")
    assert all(ip.startswith(home) for ip in found), found
    assert set(re.findall(r"[0-9a-f:]+::[0-9a-f]+", text)) == {"2001:db8::1"}
    assert set(re.findall(r"[a-z0-9-]+\.(?:org|com|net|io)\b", text)) == {
        "row-1.example.org".partition(".")[2]
    }


@pytest.mark.parametrize(
    "what", ["SOCK_STREAM).connect", "reboot(0x", "0xfee1dead", "rm -rf", "settimeofday"]
)
def test_nothing_that_could_do_harm_is_in_an_attack(what: str) -> None:
    assert all(what not in a.code for a in ATTACKS)


def test_no_attack_sets_the_clock_to_another_time() -> None:
    (clock,) = (a for a in ATTACKS if a.name == "set the clock")
    assert clock.code.index("call('adjtimex', settings)") < clock.code.index("pack_into('I', settings, 0, 2)")


@pytest.mark.parametrize("one", ELSEWHERE, ids=lambda p: p.name)
def test_every_attack_from_elsewhere_is_a_test(one: Proven) -> None:
    path, _, function = one.test.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
