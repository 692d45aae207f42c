"""What tests with real containers share."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from datetime import date

from sandbox.domain.access import Grant
from sandbox.domain.policy import Mode
from sandbox.isolation.container import Images
from sandbox.settings import Settings


def images() -> Images:
    return Images.read(Settings().images_file)


def grant(number: int = 1, person: str = "alice") -> Grant:
    return Grant(
        id=number,
        person=person,
        dataset="loans",
        project="credit",
        purpose="a model of credit risk",
        mode=Mode.QUERY,
        starts=date(2020, 1, 1),
        ends=date(2099, 1, 1),
        agreement_hash="0" * 64,
    )


def name(kind: str) -> str:
    """Of this test run only, so that two runs on one machine do not meet."""
    return f"test-{os.getpid()}-{kind}"


def five_free_ports() -> int:
    """The first of five free ports in a row."""
    for first in range(21_000, 30_000, 10):
        with ExitStack() as probes:
            try:
                for port in range(first, first + 5):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise RuntimeError("no five free ports")
