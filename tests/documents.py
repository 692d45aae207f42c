"""The project's documents as the tests read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("policies/*.md"),
        *ROOT.glob("sandbox/**/*.md"),
    ]
)

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def links(text: str) -> list[str]:
    """Relative links and pictures.

    >>> links("[a](b.md#c), ![d](e.png), [f](https://example.org)")
    ['b.md', 'e.png']
    """
    found = (target.partition("#")[0] for target in _LINK.findall(text))
    return [target for target in found if target and "://" not in target]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def typed(text: str) -> Iterator[str]:
    """What a reader types at a terminal: lines after ``$``, without remarks.

    >>> list(typed("```console\\n$ make up   # start\\nRunning.\\n```\\n"))
    ['make up']
    """
    for block in blocks(text, "console"):
        for line in block.splitlines():
            if line.strip().startswith("$ "):
                for command in line.strip()[2:].split(" #")[0].split("&&"):
                    yield command.strip()
