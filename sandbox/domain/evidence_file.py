"""Evidence that a stranger sends with an objection: what it may be, found by its bytes.

Its name is not kept, and nothing here or elsewhere shows or opens it: it is stored by hash and handed to the owner as
a download under a name of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.errors import BadInput, TooLarge


class EvidenceKind(StrEnum):
    """A kind, named as its files end."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpg"
    TEXT = "txt"


_BEGINNINGS = (
    (b"%PDF-", EvidenceKind.PDF),
    (b"\x89PNG\r\n\x1a\n", EvidenceKind.PNG),
    (b"\xff\xd8\xff", EvidenceKind.JPEG),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file as the vault holds it."""

    sha256: str
    kind: EvidenceKind
    size_bytes: int


def kind_of(content: bytes, *, place: str) -> EvidenceKind:
    """What a file is: PDF, PNG, JPEG or plain UTF-8 text (CSV too).

    Args:
        place: how the error names it, such as ``evidence 2``.

    Raises:
        BadInput: anything else, or nothing.
    """
    for beginning, kind in _BEGINNINGS:
        if content.startswith(beginning):
            return kind
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if not text.strip() or any(c < " " and c not in "\n\r\t\f" for c in text):
        raise BadInput(
            f"{place} is neither PDF, PNG, JPEG nor plain text.",
            where="evidence",
            fix="Save it as one of these; archives and office files are not taken.",
        )
    return EvidenceKind.TEXT


def kinds_of(contents: Sequence[bytes], *, max_files: int, max_bytes: int) -> tuple[EvidenceKind, ...]:
    """The kinds of all files of one objection.

    Args:
        max_bytes: of one file.

    Raises:
        TooLarge, BadInput: none of them is kept.
    """
    if len(contents) > max_files:
        raise BadInput(
            f"There are {len(contents)} files.", where="evidence", fix=f"Send {max_files} at most."
        )
    for number, content in enumerate(contents, start=1):
        if len(content) > max_bytes:
            raise TooLarge(
                f"Evidence {number} has more than {max_bytes:,} bytes.", fix="Send a smaller file."
            )
    return tuple(kind_of(c, place=f"Evidence {number}") for number, c in enumerate(contents, start=1))
