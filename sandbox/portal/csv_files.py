"""Public lists as CSV, for spreadsheets: every cell quoted, none of them a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import Response

from sandbox.domain.plain_text import harmless_cell


def csv_text(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows' values under these columns; lists are joined, nothing is left out silently.

    >>> csv_text(["title", "votes"], [{"title": "=1+1", "votes": 3}])
    '"title","votes"\\r\\n"\\'=1+1","3"\\r\\n'
    """
    return "".join(csv_lines(columns, rows))


def csv_lines(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The same line by line, for what is too long to hold at once."""
    names = list(columns)
    yield _line(names)
    for row in rows:
        yield _line([_cell(row[name]) for name in names])


def csv_file(name: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """The same as a download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(csv_text(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return harmless_cell("; ".join(str(item) for item in value))
    return harmless_cell(value) if isinstance(value, str) else str(value)
