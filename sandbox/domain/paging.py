"""Which part of a long list somebody asks for."""

from __future__ import annotations

from sandbox.domain.errors import BadInput

MAX_PAGE = 200


def check_page(offset: int, limit: int) -> None:
    """Raise unless a part of a list can be given.

    >>> check_page(40, 20)
    """
    if not 0 <= offset <= 10**9 or not 1 <= limit <= MAX_PAGE:
        raise BadInput(
            f"offset is at least 0 and limit 1 to {MAX_PAGE}.", where="limit", fix="Ask for another part."
        )
