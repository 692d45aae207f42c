"""Flat tables as JSON: a list of objects, an object of lists, or columns and rows. Nothing nested is a table."""

from __future__ import annotations

import json
from typing import Any

from sandbox.disclosure.cells import read_number
from sandbox.disclosure.file_type import wrong_type
from sandbox.disclosure.table import Table, checked_table
from sandbox.domain.findings import Finding

_FIX = "Write it with pandas' to_json(orient='records')."


class _Wrong(ValueError):
    """Why a document is no flat table."""


def read_json_table(name: str, data: bytes) -> tuple[Table | None, list[Finding]]:
    """Read a flat table; every cell is the text that stood there.

    Args:
        data: bytes that passed ``check_file_type``.

    Returns:
        The table and no findings, or None and what is wrong.
    """
    try:
        # Numbers stay the text that they were; a key that stands twice would be dropped in silence.
        document = json.loads(
            data, parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits, object_pairs_hook=_once
        )
        header, rows = _table(document)
        lines = [[*header], *([_cell(v) for v in row] for row in rows)]
    except _Wrong as wrong:
        return None, [wrong_type(name, f"{wrong}.", _FIX)]
    except (ValueError, RecursionError):
        return None, [wrong_type(name, "The content is no JSON that can be read.", _FIX)]
    return checked_table(name, list(enumerate(lines, start=1)))


def write_json_table(table: Table) -> bytes:
    """A rebuilt table as a list of objects, with numbers as numbers."""
    rows = [{c: _value(cell) for c, cell in zip(table.columns, row, strict=True)} for row in table.rows]
    return json.dumps(rows, ensure_ascii=False, indent=0).encode() + b"\n"


class _Digits(str):
    """A number's own text."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Wrong("A name stands twice in one object")
    return found


def _table(document: Any) -> tuple[list[str], list[list[Any]]]:
    if isinstance(document, dict) and set(document) == {"columns", "rows"}:
        columns, rows = document["columns"], document["rows"]
        if not isinstance(columns, list) or not all(type(c) is str for c in columns):
            raise _Wrong("'columns' is no list of names")
        if not isinstance(rows, list) or not all(isinstance(r, list) for r in rows):
            raise _Wrong("'rows' is no list of lists")
        return columns, rows
    if isinstance(document, dict) and document and all(isinstance(v, list) for v in document.values()):
        lengths = {len(v) for v in document.values()}
        if len(lengths) != 1:
            raise _Wrong("Its lists have different lengths")
        return list(document), [list(row) for row in zip(*document.values(), strict=True)]
    if isinstance(document, list) and document and all(isinstance(r, dict) for r in document):
        header = list(document[0])
        if any(list(r) != header for r in document):
            raise _Wrong("Its objects have different names, or in another order")
        return header, [list(r.values()) for r in document]
    raise _Wrong("The content is no flat table: a list of objects, or an object of lists")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return str(value)
    raise _Wrong("A cell holds a list or an object")


def _value(cell: str) -> Any:
    number = read_number(cell)
    if number is None or number.percent:
        return cell or None
    # A text such as 007 stays one.
    try:
        value = json.loads(cell)
    except ValueError:
        return cell
    return value if isinstance(value, int | float) and not isinstance(value, bool) else cell
