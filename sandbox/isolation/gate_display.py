"""How much a container with raw rows has shown, and whether more may be: counted outside of it, and kept.

- What is to be shown is written down before it is shown. A gate that was killed has rather counted too much.
- The day's total is the grant's and outlives notebook, door and gate; the session's is that of one opening.
- What was shown once in this session, to the byte, costs nothing again: the lab asks for its lists every ten seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sandbox.domain.site_policy import RoomLimits
from sandbox.isolation.gate_messages import RESULTS

LINE = 200  # characters of a row of text
PICTURE_ROWS = 40  # a screenful: it may be a picture of a table
REMEMBERED = 4096  # answers of which the hash is kept
_BLOCKS = re.compile(r"<(?:tr|br|p|div|li)\b", re.IGNORECASE)
_PARTS = 16  # of a limit: so much may be written down ahead, so that not every line waits for the disk
SPENT = "the display budget is used up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What one answer or message shows."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What was shown: today, and in this session."""

    day: str
    session: str  # the hash of the token it was opened with
    rows: int = 0
    bytes: int = 0
    page_bytes: int = 0
    session_rows: int = 0
    session_bytes: int = 0


class DisplayBudget:
    """One grant's, in mode room.

    Args:
        file: where its totals are kept. One that cannot be read means that all was used.
        session: what tells this opening from the next.
        today: the day, in UTC.
    """

    def __init__(self, limits: RoomLimits, file: Path, *, session: str, today: Callable[[], date]) -> None:
        self._limits, self._file, self._session, self._today = limits, file, session, today
        self._seen: dict[bytes, None] = {}
        self._written = self._read()
        self.total = self._written
        self._turn()

    def take(self, amount: Amount) -> bool:
        """Count what is about to be shown. False: it is too much, and nothing was counted."""
        self._turn()
        total, limits = self.total, self._limits
        return self._count(
            replace(
                total,
                rows=total.rows + amount.rows,
                bytes=total.bytes + amount.bytes,
                session_rows=total.session_rows + amount.rows,
                session_bytes=total.session_bytes + amount.bytes,
            ),
            rows=limits.display_rows,
            bytes=limits.display_bytes,
            session_rows=limits.session_rows,
            session_bytes=limits.session_bytes,
        )

    def take_page(self, n_bytes: int) -> bool:
        """The same for what the server says beside results."""
        self._turn()
        more = replace(self.total, page_bytes=self.total.page_bytes + n_bytes)
        return self._count(more, page_bytes=self._limits.page_bytes)

    def take_body(self, body: bytes, rows: int | None) -> bool:
        """The same for a whole answer, which is free when it was shown before.

        Args:
            rows: of a file; None for what the server says beside results.
        """
        seen = hashlib.sha256(body).digest()
        if seen in self._seen:
            return True
        taken = self.take_page(len(body)) if rows is None else self.take(Amount(rows=rows, bytes=len(body)))
        if taken:
            self._seen[seen] = None
            while len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return taken

    def close(self) -> None:
        """Write the totals as they are."""
        self._write(self.total)

    def _count(self, more: Total, **limits: int) -> bool:
        if any(getattr(more, name) > most for name, most in limits.items()):
            return False
        if any(getattr(more, name) > getattr(self._written, name) for name in limits):
            ahead = {name: min(getattr(more, name) + most // _PARTS, most) for name, most in limits.items()}
            self._write(replace(more, **{**_numbers(self._written), **ahead}))
        self.total = more
        return True

    def _turn(self) -> None:
        """A new day has a new budget; a clock that was put back gives none."""
        day = self._today().isoformat()
        if day > self.total.day:
            self.total = replace(self.total, day=day, rows=0, bytes=0, page_bytes=0)
            self._write(self.total)

    def _read(self) -> Total:
        try:
            kept = Total(**json.loads(self._file.read_text()))
        except FileNotFoundError:
            return Total(day=self._today().isoformat(), session=self._session)
        except (OSError, ValueError, TypeError):
            limits = self._limits
            return Total(
                day=self._today().isoformat(),
                session=self._session,
                rows=limits.display_rows,
                bytes=limits.display_bytes,
                page_bytes=limits.page_bytes,
            )
        if kept.session != self._session:
            return replace(kept, session=self._session, session_rows=0, session_bytes=0)
        return kept

    def _write(self, total: Total) -> None:
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        draft = self._file.with_suffix(".new")
        with draft.open("w") as out:
            json.dump(asdict(total), out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._file)
        self._written = total


def _numbers(total: Total) -> dict[str, int]:
    return {name: value for name, value in asdict(total).items() if isinstance(value, int)}


def rows_of_text(text: str) -> int:
    """Lines that are not empty; a long one counts for each 200 characters.

    >>> rows_of_text("a\\n\\nb"), rows_of_text("x" * 201)
    (2, 2)
    """
    return sum(-(-len(line) // LINE) for line in text.splitlines())


def rows_of_html(text: str) -> int:
    """Rows of tables, or whatever else begins a line; the text's own lines when there is nothing of the kind.

    >>> rows_of_html("<table><tr><td>1</td></tr><tr><td>2</td></tr></table>")
    2
    """
    return len(_BLOCKS.findall(text)) or rows_of_text(text)


def rows_of_bundle(data: Any) -> int:
    """Of one thing shown in several kinds, the kind with most rows."""
    return (
        max((_rows_of_kind(kind, value) for kind, value in data.items()), default=0)
        if isinstance(data, dict)
        else 0
    )


def rows_of_message(message: Mapping[str, Any]) -> int:
    """The rows that a kernel's message shows."""
    kind, content = message["msg_type"], message["content"]
    if kind in RESULTS or kind == "inspect_reply":
        return rows_of_bundle(content.get("data"))
    return sum(rows_of_text(text) for part in _TELLING.get(kind, ()) for text in _texts(content.get(part)))


def rows_of_file(model: Mapping[str, Any]) -> int:
    """The rows in an answer of the contents API: a file's lines, a folder's names, a notebook's code and results."""
    content = model.get("content")
    if isinstance(content, str):
        return rows_of_text(content)
    if isinstance(content, list):
        return len(content)
    cells = content.get("cells") if isinstance(content, dict) else None
    return (
        sum(_rows_of_cell(cell) for cell in cells if isinstance(cell, dict)) if isinstance(cells, list) else 0
    )


# Of other messages, the parts that are read on the screen.
_TELLING: Mapping[str, tuple[str, ...]] = {
    "stream": ("text",),
    "error": ("ename", "evalue", "traceback"),
    "input_request": ("prompt",),
    "complete_reply": ("matches",),
    "history_reply": ("history",),
    "execute_reply": ("payload",),
}


def _rows_of_cell(cell: Mapping[str, Any]) -> int:
    rows = rows_of_text(_joined(cell.get("source")))
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        if isinstance(output, dict):
            data = output.get("data")
            rest = {key: value for key, value in output.items() if key != "data"}
            rows += rows_of_bundle(data) or sum(rows_of_text(text) for text in _texts(rest))
    return rows


def _rows_of_kind(kind: str, value: Any) -> int:
    if kind.startswith("image/"):
        return PICTURE_ROWS
    text = _joined(value)
    return rows_of_html(text) if kind == "text/html" else rows_of_text(text)


def _joined(value: Any) -> str:
    """A text, or the lines that a notebook's file holds it as; JSON for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return json.dumps(value, indent=0)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
