"""How a question is refused: what is wrong, at which character, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sqlglot import exp

from sandbox.domain.errors import QuestionRefused


def position_of(node: exp.Expression | None) -> int:
    """0-based offset of the first character that belongs to the node; 0 where the parser kept none."""
    if node is None:
        return 0
    starts = [n.meta["start"] for n in node.walk() if "start" in n.meta]
    if starts:
        return int(min(starts))
    parent = node.parent
    return position_of(parent) if isinstance(parent, exp.Expression) else 0


def refused(message: str, node: exp.Expression | None, *, fix: str) -> QuestionRefused:
    return QuestionRefused(message, position=position_of(node), fix=fix)


def nearest(name: str, known: Iterable[str], *, what: str) -> str:
    """A sentence that leads from a wrong name to a right one."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    shown = ", ".join(names[:30]) + (" …" if len(names) > 30 else "")
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{meant}{what}: {shown}."
