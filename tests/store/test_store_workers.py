"""Only what surely runs no more is taken for gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sandbox.store.workers import is_gone, this_process


def test_this_process_lives() -> None:
    assert not is_gone(this_process())


def test_a_child_is_alive_until_it_is_killed_even_before_it_is_waited_for() -> None:
    code = "from sandbox.store.workers import this_process as t; print(t(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert not is_gone(name)
        child.kill()
        child.stdout.read()  # until its end is closed
        assert is_gone(name) or (child.wait() and is_gone(name))


HOST, SPACE, PID, START = this_process().split("/")
BOOT, INSIDE = SPACE.split(".")


@pytest.mark.parametrize(
    ("worker", "gone"),
    [
        (f"{HOST}/{SPACE}/{PID}/1", True),  # its number was given to us since
        (f"{HOST}/{SPACE}/4194999/{START}", True),
        (f"{HOST}/00000000.{INSIDE}/{PID}/{START}", True),  # before the machine was restarted
        (f"{HOST}/{BOOT}.1/{PID}/{START}", False),  # another container of one name
        (f"elsewhere/{SPACE}/{PID}/1", False),
        ("portal", False),
        ("", False),
        (f"{HOST}//{PID}/", False),
    ],
    # The names hold this process's number, and several processes that share the tests out have to call them alike.
    ids=["given again", "no such", "restarted", "other container", "other host", "plain", "empty", "half"],
)
def test_a_name_tells_whether_its_process_is_gone(worker: str, gone: bool) -> None:
    assert is_gone(worker) is gone
