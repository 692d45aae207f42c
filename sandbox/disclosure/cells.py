"""What a cell says: a number, a suppressed number, a count with something beside it, or a label.

Read generously on purpose: digits in other scripts, thousands separators and percent signs are still numbers, or a
small count could be written so that nobody checks it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_NUMBER = re.compile(
    r"(?P<number>[+-]?(?:\d{1,3}(?:[, ']\d{3})+|\d{1,30})?(?:\.\d{0,30})?(?:e[+-]?\d{1,2})?)\s*(?P<percent>%?)",
    re.ASCII | re.IGNORECASE,
)
_COUNT_BESIDE = re.compile(r"(?P<count>\d{1,12})\s*[(\[/;|].*", re.ASCII)  # "7 (3.2 %)", "7/120"
_BELOW = re.compile(
    r"(?P<sign><=?|≤|under |below |fewer than )\s*(?P<bound>\d{1,6})", re.ASCII | re.IGNORECASE
)
_SUPPRESSED = frozenset(
    {
        "",
        "-",
        "--",
        "–",
        "—",
        ".",
        "..",
        "...",
        "…",
        "*",
        "**",
        "#",
        "x",
        "c",
        "s",
        "[c]",
        "[x]",
        "[s]",
        ":",
        "na",
        "n/a",
        "nan",
        "<na>",
        "none",
        "null",
        "suppressed",
        "redacted",
        "hidden",
    }
)


# Cells repeat, and each is looked at by several checks.
_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written.

    Attributes:
        value: exact.
        decimals: digits after the point, as written (may be negative for 1e3).
        percent: it carried a percent sign.
    """

    value: Decimal
    decimals: int
    percent: bool = False

    @property
    def whole(self) -> bool:
        """Also for ``12.0``: counts become floats as soon as one of them is missing."""
        return not self.percent and self.value == self.value.to_integral_value()


@lru_cache(maxsize=_REMEMBERED)
def plain(cell: str) -> str:
    """The cell with digits, signs and blanks of other scripts as ASCII ones, without outer blanks."""
    if cell.isascii():
        return cell.strip()
    folded = unicodedata.normalize("NFKC", cell).replace("−", "-")
    return "".join(
        str(unicodedata.digit(c)) if not c.isascii() and unicodedata.digit(c, None) is not None else c
        for c in folded
    ).strip()


@lru_cache(maxsize=_REMEMBERED)
def read_number(cell: str) -> Number | None:
    """The number a cell holds, or None. NaN and infinities are none."""
    match = _NUMBER.fullmatch(plain(cell))
    if not match or not re.search(r"\d", match["number"].lower().split("e")[0]):
        return None
    value = Decimal(re.sub(r"[, ']", "", match["number"]))
    exponent = value.as_tuple().exponent
    return Number(value, -exponent if isinstance(exponent, int) else 0, bool(match["percent"]))


@lru_cache(maxsize=_REMEMBERED)
def is_suppressed(cell: str) -> bool:
    """True for the usual signs of a value left out, also ``<10``."""
    return plain(cell).casefold() in _SUPPRESSED or suppressed_below(cell) is not None


@lru_cache(maxsize=_REMEMBERED)
def suppressed_below(cell: str) -> int | None:
    """N, when the cell says that a value is below N (for ``≤9``: 10)."""
    match = _BELOW.fullmatch(plain(cell).replace("≤", "<="))
    if not match:
        return None
    return int(match["bound"]) + (match["sign"] in ("<=", "≤"))


@lru_cache(maxsize=_REMEMBERED)
def leading_count(cell: str) -> int | None:
    """The count in a cell such as ``7 (3.2 %)`` or ``7/120``."""
    match = _COUNT_BESIDE.fullmatch(plain(cell))
    return int(match["count"]) if match else None
