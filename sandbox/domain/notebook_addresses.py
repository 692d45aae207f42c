"""What a notebook's token may ask of the portal, as data: the gate and the portal read the same list.

The gate keeps code in a container to it; the portal keeps whoever took the token out of one. What is not listed is
refused: deciding, voting, signing, looking after people. Which grant is meant is the token's, whatever a request says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """One row; the path is below ``/api/v1``."""

    methods: tuple[str, ...]
    path: str  # {name} one plain segment, {number} a whole number
    reason: str
    reviewed: bool = False  # what is sent there is looked at by a person before anybody else sees it


NOTEBOOK_ADDRESSES: tuple[Address, ...] = (
    Address(("GET",), "health", "is the portal up?"),
    Address(("GET",), "datasets", "the catalogue"),
    Address(("GET",), "datasets/{name}", "a dataset's description"),
    Address(("GET",), "datasets/{name}/{name}", "open data, versions and other public documents of it"),
    Address(("GET",), "grants", "its own grant"),
    Address(("GET",), "budget", "what is left of its own grant's budget"),
    Address(("GET",), "sample", "synthetic rows"),
    Address(("POST",), "questions/estimate", "what a question would cost"),
    Address(("POST",), "questions", "a question about its data"),
    Address(("GET",), "releases", "what was handed in under its own grant"),
    Address(("POST",), "releases", "outputs, handed in for review", reviewed=True),
    Address(("GET",), "releases/{number}", "how far one is"),
    Address(("POST",), "releases/{number}/withdraw", "taking one back"),
    Address(("GET",), "releases/{number}/crate", "one that was let out"),
    Address(("GET",), "jobs", "the jobs of its own grant"),
    Address(("POST",), "jobs", "a job: what it makes of the synthetic rows is shown to its sender"),
    Address(("GET",), "jobs/{number}", "how far one is"),
    Address(("POST",), "jobs/{number}/raw", "the same code, beside the raw rows"),
    Address(("POST",), "jobs/{number}/cancel", "stopping one"),
    Address(("GET",), "jobs/{number}/files/{name}", "what it made of the synthetic rows"),
    Address(("GET",), "imports", "the import requests of its own grant"),
    Address(("POST",), "imports", "files that somebody looks at before they come in", reviewed=True),
    Address(("GET",), "imports/{number}", "how far one is"),
)

_PARTS = {"{name}": r"[A-Za-z0-9_.@:+-]+", "{number}": r"[0-9]{1,9}"}


def notebook_may(method: str, path: str) -> bool:
    """Whether a notebook's token is taken there.

    >>> notebook_may("POST", "questions"), notebook_may("POST", "releases/3/vote")
    (True, False)
    """
    return any(
        method.replace("HEAD", "GET") in row.methods and _expression(row.path).fullmatch(path)
        for row in NOTEBOOK_ADDRESSES
    )


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(
        "".join(_PARTS.get(part, re.escape(part)) for part in re.split(r"(\{[a-z]+\})", pattern))
    )
