"""Files as programs send them: counted while they are read, with the questions behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fastapi import UploadFile

from sandbox.domain.errors import BadInput, TooLarge

MAX_UPLOAD_BYTES = 8 * 2**20


async def uploaded(files: Sequence[UploadFile]) -> list[tuple[str, bytes]]:
    """(name, content) of each file.

    Raises:
        TooLarge: together they have more than ``MAX_UPLOAD_BYTES``.
    """
    contents: list[tuple[str, bytes]] = []
    total = 0
    for upload in files:
        content = await upload.read(MAX_UPLOAD_BYTES + 1)
        total += len(content)
        if total > MAX_UPLOAD_BYTES:
            raise TooLarge(
                f"A request may hold {MAX_UPLOAD_BYTES} bytes.", fix="Submit fewer or smaller files."
            )
        contents.append((upload.filename or "", content))
    return contents


def sql_by_file(text: str) -> dict[str, str]:
    """A JSON object of file name to question; raises ``BadInput`` for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # the second: nested without end
        value = None
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise BadInput(
            "sql is not a JSON object of file name to question.",
            where="sql",
            fix='Send {"t.csv": "SELECT …"}.',
        )
    return value
