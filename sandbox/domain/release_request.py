"""What a request to let files out has to hold before anything is staged."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from sandbox.domain.errors import BadInput
from sandbox.domain.plain_text import length
from sandbox.domain.release import check_file_name

MAX_FILES = 20


def check_request(
    files: Sequence[tuple[str, bytes]], context: str, sql: Mapping[str, str], *, max_bytes: int
) -> None:
    """Raise unless a request can be staged.

    Args:
        files: (name, content).
        context: what the files are and why they may leave.
        sql: for a file's name, the question that made it.
        max_bytes: of one file.

    Raises:
        BadInput: what is wrong, and with which part.
    """
    if not files:
        raise BadInput(
            "A request needs at least one file.", where="files", fix="Write it to the outbox first."
        )
    if len(files) > MAX_FILES:
        raise BadInput(f"{len(files)} files are more than {MAX_FILES}.", where="files", fix="Submit fewer.")
    names = [check_file_name(name) for name, _ in files]
    if len({n.lower() for n in names}) != len(names):
        raise BadInput("Two files have the same name.", where="files", fix="Rename one.")
    unknown = set(sql) - set(names)
    if unknown:
        raise BadInput(f"SQL was given for {min(unknown)!r}, which is not among the files.", where="sql")
    check_context(context)
    for name, content in files:
        if len(content) > max_bytes:
            raise BadInput(
                f"{name} has {len(content)} bytes; {max_bytes} may leave.", where=name, fix="Send less."
            )


def check_context(context: str) -> None:
    """Raise unless reviewers are told in readable words what it is about.

    Raises:
        BadInput: too short, too long, or with characters that nobody sees.
    """
    if length(context) < 10:
        raise BadInput(
            "A request needs a context.",
            where="context",
            fix="Say in a sentence what the files are and who is counted in them.",
        )
    if len(context) > 4000:
        raise BadInput("The context is longer than 4000 characters.", where="context", fix="Shorten it.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in context if c not in "\n\r\t"):
        raise BadInput("The context holds control characters.", where="context", fix="Type it again.")
