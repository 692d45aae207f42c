"""Plain text: what a person can read is what comes in.

Bytes that are UTF-8 throughout, without a control or invisible character, are no archive, no executable and no picture
under another name: all of those hold bytes that text does not.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator

from sandbox.domain.findings import Finding
from sandbox.domain.import_request import ending
from sandbox.domain.plain_text import HIDDEN
from sandbox.isolation.entrance.found import Refused, look

# What somebody forgets in a file, by the form that its issuer gives it. Sources: the issuers' own documentation.
# No pattern may begin again within what another try of it has read: a file could make that take for ever.
_SECRETS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}\b")),
    ("a Slack token", re.compile(r"\bxox[abposr]-[A-Za-z0-9-]{10,}\b")),
    ("a Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("a registry token", re.compile(r"\b(?:pypi-AgE[A-Za-z0-9_-]{50,}|npm_[A-Za-z0-9]{36})\b")),
    ("a signed web token", re.compile(r"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}", re.ASCII)),
    (
        "an address with a password",
        re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"']{1,200}:[^\s/:@\"']{1,200}@[\w.-]"),
    ),
)
_PERHAPS = re.compile(
    r"\b(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?token)\b[\"']?\s*[:=]\s*[\"'][^\"'\s]{6,}[\"']",
    re.IGNORECASE,
)
_ENCODED = re.compile(
    r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/=]{2000,}|(?<!\\x[0-9a-fA-F][0-9a-fA-F])(?:\\x[0-9a-fA-F]{2}){400,}"
)
_JSON = frozenset({"json", "ipynb"})


def judge_text(name: str, data: bytes, recognise: Callable[[bytes], str]) -> tuple[str, list[Finding]]:
    """A text file's content, and what a person should look at.

    Args:
        recognise: names what bytes are, for the words of a refusal.

    Raises:
        Refused: it is not plain text, or holds a key that should not travel.
    """
    text = _decoded(data, recognise)
    for kind, pattern in _SECRETS:
        found = pattern.search(text)
        if found:
            raise Refused(
                "secrets",
                f"Line {_line(text, found.start())} holds {kind}.",
                "Take it out, and have it replaced: it has been sent.",
                place=f"line {_line(text, found.start())}",
            )
    return text, list(_doubts(name, text))


def _decoded(data: bytes, recognise: Callable[[bytes], str]) -> str:
    if not data:
        raise Refused("content", "The file is empty.", "Leave it out.")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as broken:
        kind = recognise(data) or "not UTF-8 text"
        raise Refused(
            "content",
            f"The content is {kind} (byte {broken.start}).",
            "Bring in plain text: tables as csv, code as py or r, packages as wheels. Write it with encoding='utf-8'.",
        ) from None
    for character in sorted(set(text) - {"\t", "\n", "\r"}):
        if unicodedata.category(character) in HIDDEN:
            line = _line(text, text.index(character))
            kind = recognise(data) if character == "\0" else ""
            hidden = (
                f"Line {line} holds the invisible character U+{ord(character):04X}: it hides what is there."
            )
            raise Refused(
                "content",
                f"The content is {kind}." if kind else hidden,
                "Remove it; a person has to be able to read the file.",
                place=f"line {line}",
            )
    if not text.strip():
        raise Refused("content", "The file holds only blanks.", "Leave it out.")
    return text


def _doubts(name: str, text: str) -> Iterator[Finding]:
    perhaps = _PERHAPS.search(text)
    if perhaps:
        line = _line(text, perhaps.start())
        yield look(
            name, "secrets", "This looks like a password.", "Is it one that is in use?", place=f"line {line}"
        )
    encoded = _ENCODED.search(text)
    if encoded:
        line = _line(text, encoded.start())
        yield look(
            name,
            "encoded",
            f"{encoded.end() - encoded.start():,} characters of encoded data: another file can be inside.",
            "Ask what it is.",
            place=f"line {line}",
        )
    kind = ending(name)
    if kind in _JSON:
        yield from _json(name, kind, text)


def _json(name: str, kind: str, text: str) -> Iterator[Finding]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # the second: nested without end
        raise Refused(
            "content", f"A file ending in '.{kind}' has to be JSON; this is not.", "Mend or rename it."
        ) from None
    if kind == "ipynb":
        cells = document.get("cells") if isinstance(document, dict) else None
        if not isinstance(cells, list):
            raise Refused("content", "This is no notebook.", "Save it again as a notebook.")
        full = sum(isinstance(cell, dict) and bool(cell.get("outputs")) for cell in cells)
        if full:
            yield look(name, "outputs", f"{full} cells carry outputs of an earlier run.", "Are they data?")
    else:
        yield look(
            name,
            "linkage",
            "Identifiers are not searched for in JSON.",
            "Read it: could it say who a row is?",
        )


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
