"""Public lists as CSV, for spreadsheets: every cell quoted, none of them a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Response

from sandbox.domain.plain_text import harmless_cell


def csv_text(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows' values under these columns; lists are joined, nothing is left out silently.

    >>> csv_text(["title", "votes"], [{"title": "=1+1", "votes": 3}])
    '"title","votes"\\r\\n"\\'=1+1","3"\\r\\n'
    """
    names = list(columns)
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in names])
    return out.getvalue()


def csv_file(name: str, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """The same as a download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(csv_text(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return harmless_cell("; ".join(str(item) for item in value))
    return harmless_cell(value) if isinstance(value, str) else str(value)
