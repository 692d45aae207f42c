"""Text as people write it in a form: visible, long enough to decide by, not endless."""

from __future__ import annotations

import unicodedata

from sandbox.domain.errors import BadInput

# Controls, marks of direction, halves of characters, unassigned ones, odd line ends.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def hidden(text: str, *, lines: bool = True) -> bool:
    """Whether a text holds characters that nobody sees.

    Args:
        lines: it may have several lines.
    """
    return any(unicodedata.category(c) in _HIDDEN for c in text if not (lines and c in "\n\r\t"))


def check_text(name: str, text: str, *, least: int, most: int) -> None:
    """Raise unless a text can be what a field asks for.

    Args:
        name: the field's.
        least, most: characters, without blanks around it.
    """
    said = name.replace("_", " ")
    if hidden(text):
        raise BadInput(
            f"{said} holds invisible characters.", where=name, fix="Type it again, in plain words."
        )
    if len(text.strip()) < least:
        raise BadInput(
            f"{said} is too short ({len(text.strip())} characters).",
            where=name,
            fix=f"Write at least {least} characters: the owner decides by it.",
        )
    if len(text) > most:
        raise BadInput(f"{said} is longer than {most} characters.", where=name, fix="Shorten it.")
