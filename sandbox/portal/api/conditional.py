"""Answers that a program may keep: with a tag, and without a body when the program has it already."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request, Response

from sandbox.domain.errors import BadInput


def headers_for(tag: str) -> dict[str, str]:
    """Headers that let a program keep an answer, and make it ask whether it still holds.

    Args:
        tag: letters and digits; the same for the same bytes only.
    """
    return {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}


def not_modified(request: Request, tag: str) -> Response | None:
    """The answer without a body, when the program's own copy has this tag."""
    known = request.headers.get("if-none-match", "")
    tags = {part.strip().removeprefix("W/") for part in known.split(",")}
    if known.strip() != "*" and f'"{tag}"' not in tags:
        return None
    return Response(status_code=304, headers=headers_for(tag))


def only_parameters(request: Request, known: Iterable[str]) -> None:
    """Raise when an address has a parameter that nobody reads: a misspelt filter must not silently be none."""
    for name in request.query_params:
        if name not in known:
            raise BadInput(
                f"There is no parameter {name[:60]!r} here.", where=name[:60], fix=f"Use: {', '.join(known)}."
            )
