"""Comments beside outputs."""

from __future__ import annotations

from typing import Any

from sandbox.domain.review_comment import ReviewComment


def review_comment(value: ReviewComment, *, may_void: bool) -> dict[str, Any]:
    return {
        "author": value.author,
        "number": value.number or None,
        "turn": value.turn,
        "file": value.file,
        "row": value.row,
        "column": value.column,
        "text": value.text,
        "written_at": value.written_at or None,
        "voided": value.voided,
        "allowed_actions": ["void"] if may_void else [],
    }
