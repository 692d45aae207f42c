"""The kinds of output stand in three places: what runs in notebooks and in R imports nothing of the domain."""

from __future__ import annotations

import re

from sandbox.client.declare import KINDS
from sandbox.domain.outputs import OutputKind
from sandbox.settings import CHECKOUT

KNOWN = [str(kind) for kind in OutputKind if kind is not OutputKind.UNKNOWN]


def test_notebooks_know_the_kinds_that_the_checks_know() -> None:
    assert list(KINDS) == KNOWN


def test_so_does_r() -> None:
    text = (CHECKOUT / "images" / "r" / "sandbox" / "R" / "outbox.R").read_text()
    (listed,) = re.findall(r"^KINDS <- c\((.*?)\)$", text, re.MULTILINE | re.DOTALL)
    assert re.findall(r'"([a-z]+)"', listed) == KNOWN
