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
from decimal import ROUND_HALF_EVEN, Decimal

from sandbox.disclosure.cells import plain, read_number
from sandbox.disclosure.table import Table, is_formula

SIGNIFICANT_DIGITS = 6  # of fractions; whole numbers keep all of theirs
_LEADING_ZERO = re.compile(r"0\d+", re.ASCII)  # a code such as 007: its zeros mean something


def rebuild_csv(table: Table) -> bytes:
    """The table as UTF-8 CSV: comma, LF, quotes only where needed, rows in their order."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow([_text(cell) for cell in table.columns])
    writer.writerows([_cell(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode()


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
