"""The bytes that leave. They are written by us from what was read, never copied.

So nothing rides along: no quoting tricks, odd line ends, trailing bytes, byte order mark, formulas or endless digits.
Reviewers see, vote on and release exactly these bytes; the original stays staged, and the crate names both hashes.

>>> rebuild_csv(Table(("sex", "mean"), (("f", " 12.3456789012 "), ("m", "=1+1"))))
b"sex,mean\\nf,12.3457\\nm,'=1+1\\n"
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from sandbox.disclosure.cells import plain, read_number
from sandbox.disclosure.columns import is_total, normal
from sandbox.disclosure.table import Table, is_formula
from sandbox.domain.policy import Scalar

SIGNIFICANT_DIGITS = 6  # of fractions; whole numbers keep all of theirs
_LEADING_ZERO = re.compile(r"0\d+", re.ASCII)  # a code such as 007: its zeros mean something


def rebuild_csv(table: Table, *, order: Mapping[str, Sequence[Scalar]] | None = None) -> bytes:
    """The table as UTF-8 CSV: comma, LF, quotes only where needed, rows sorted.

    Args:
        order: the public values of columns, in the order that their rows stand in.
    """
    return write_csv(sorted_rows(rebuild_table(table), order=order or {}))


def write_csv(rebuilt: Table) -> bytes:
    """A rebuilt table as UTF-8 CSV."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(rebuilt.columns)
    writer.writerows(rebuilt.rows)
    return out.getvalue().encode()


def rebuild_table(table: Table) -> Table:
    """The table's cells as they leave: with fixed digits, none of them a formula."""
    return Table(
        tuple(_text(cell) for cell in table.columns), tuple(tuple(map(_cell, row)) for row in table.rows)
    )


def sorted_rows(rebuilt: Table, *, order: Mapping[str, Sequence[Scalar]]) -> Table:
    """The table with its rows in an order that says nothing: n rows in a chosen one could carry log2(n!) bits.

    How rows are sorted depends on what they hold alone: listed values in their public order, numbers by size, texts by
    letters, totals last.
    """
    places = {
        normal(name): {str(value).casefold(): at for at, value in enumerate(values)}
        for name, values in order.items()
    }
    by_column = [places.get(normal(name), {}) for name in rebuilt.columns]

    def key(row: Sequence[str]) -> list[tuple[bool, int, Decimal, str]]:
        return [_place(cell, listed) for cell, listed in zip(row, by_column, strict=True)]

    return Table(rebuilt.columns, tuple(sorted(rebuilt.rows, key=key)))


def _place(cell: str, listed: Mapping[str, int]) -> tuple[bool, int, Decimal, str]:
    if (at := listed.get(cell.casefold())) is not None:
        return is_total(cell), 0, Decimal(at), ""
    number = read_number(cell)
    if number is not None:
        return False, 1, number.value, cell
    leading = _LEADING_NUMBER.match(cell)  # bands: 5-9 before 10-14
    return is_total(cell), 2, Decimal(leading[0]) if leading else Decimal(10**6), cell


_LEADING_NUMBER = re.compile(r"\d{1,6}", re.ASCII)


def _cell(cell: str) -> str:
    number = read_number(cell)
    if number is None or _LEADING_ZERO.fullmatch(plain(cell)):
        return _text(cell)
    value = number.value
    if not number.whole:
        places = max(0, SIGNIFICANT_DIGITS - 1 - value.adjusted())
        value = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)
    digits = f"{value:f}"
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return ("0" if digits in ("-0", "") else digits) + ("%" if number.percent else "")


def _text(cell: str) -> str:
    # The apostrophe tells spreadsheets that the rest is text. Source: OWASP, CSV injection.
    return "'" + cell.strip() if is_formula(cell) else cell.strip()
