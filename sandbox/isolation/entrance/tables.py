"""Tables that come in: by which of their columns could rows of the data be named?

A table beside the data is how rows get names again: one column that tells people apart, or a few that both share. The
owner knows what can be joined; the finding says which columns to look at.
Source: L. Sweeney, Simple demographics often identify people uniquely, 2000.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence

from sandbox.domain.findings import Finding
from sandbox.isolation.entrance.found import Refused, fine, listed, look

CHECK = "linkage"
_LOOKED_AT = 5000  # rows
_ENOUGH = 20  # rows from which distinct values say something
_COLUMNS = 2000

_NAMES = re.compile(
    r"(?:^|_)(?:id|ids|uid|uuid|guid|key|name|names|surname|firstname|lastname|email|mail|phone|tel|telephone|mobile|"
    r"address|street|postcode|zip|zipcode|plz|birth|birthday|birthdate|dob|ssn|nin|nid|passport|iban|account|card|"
    r"licence|plate|vin|ip|mac|imei|lat|lon|lng|latitude|longitude|patient|insured|customer|person|user|tax)(?:_|$)"
)
_VALUES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("e-mail addresses", re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")),
    ("bank account numbers", re.compile(r"[A-Z]{2}\d{2}[A-Z0-9 ]{11,30}")),
    ("telephone numbers", re.compile(r"\+\d[\d ()/-]{7,}\d")),
    ("addresses of computers", re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")),
    ("universal identifiers", re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
)


def judge_table(name: str, text: str, *, known: Collection[str], unit: str) -> list[Finding]:
    """What the owner should look at before this table lies beside the data.

    Args:
        text: comma- or tab-separated, with a header.
        known: columns of the dataset.
        unit: the column that says whose a row is; empty where there is none.

    Raises:
        Refused: it cannot be read as a table.
    """
    head, rows = _read(name, text)
    found = list(_columns(name, head, rows, unit=unit))
    of_the_data = {_plain(column) for column in known}
    shared = [column for column in head if _plain(column) in of_the_data]
    if shared:
        these, by = ("this column", "it") if len(shared) == 1 else ("these columns", "them")
        found.append(
            look(
                name,
                CHECK,
                f"{listed(shared)}: the data have {these} too, so rows can be joined by {by}. A few such columns "
                "together often single one unit out.",
                "Ask for coarser values, or for a table of groups instead of rows.",
            )
        )
    return found or [fine(name, CHECK, "No column looks as if it named anybody or were of the data.")]


def _read(name: str, text: str) -> tuple[list[str], list[list[str]]]:
    tabs = name.lower().endswith(".tsv")
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
        head = [cell.strip() for cell in next(lines)]
        if len(head) > _COLUMNS:
            raise Refused("table", f"It has {len(head):,} columns.", "Bring in those that are needed.")
        rows = [line for line, _ in zip(lines, range(_LOOKED_AT), strict=False) if line]
    except (csv.Error, StopIteration) as broken:
        raise Refused("table", f"It cannot be read as a table: {broken}.", "Write it as plain CSV.") from None
    return head, rows


def _columns(
    name: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, unit: str
) -> Iterator[Finding]:
    for at, column in enumerate(head):
        values = [row[at].strip() for row in rows if at < len(row) and row[at].strip()]
        why = _why(column, values, unit=unit)
        if why:
            yield look(
                name,
                CHECK,
                f"The column '{column}' {why}: beside the data it can say whose a row is.",
                "Ask for it to be left out, unless the purpose needs it.",
                place=f"column {column}",
            )


def _why(column: str, values: Sequence[str], *, unit: str) -> str:
    if unit and _plain(column) == _plain(unit):
        return "has the name of the column that says whose a row is"
    if _NAMES.search(_plain(column)):
        return "is named like an identifier"
    for kind, pattern in _VALUES:
        if values and sum(pattern.fullmatch(v) is not None for v in values) > len(values) / 2:
            return f"holds {kind}"
    exact = [v for v in values if not _is_measure(v)]
    if len(exact) >= _ENOUGH and len(set(exact)) >= 0.95 * len(values):
        return "has another value in nearly every row"
    return ""


def _is_measure(value: str) -> bool:
    """Numbers with decimals differ in every row and name nobody."""
    return re.fullmatch(r"[+-]?\d*[.,]\d+(?:[eE][+-]?\d+)?", value) is not None


def _plain(column: str) -> str:
    """``ApplicantID`` and ``applicant-id`` as ``applicant_id``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
