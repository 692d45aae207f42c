"""Numbers and tables as people read them. All text from outside is escaped."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

_STYLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"


def number(value: Any) -> str:
    """A number in at most five significant digits, with thousands separated; a dash for none.

    >>> number(1234567), number(0.0123456), number(None)
    ('1,234,567', '0.012346', '–')
    """
    if value is None or value != value or str(value) == "<NA>":
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.5g}"


def percent(value: Any) -> str:
    """A share (0-100) in three digits.

    >>> percent(95.371), percent(100.0), percent(None)
    ('95.4 %', '100 %', '– %')
    """
    return "– %" if value is None else f"{float(value):.3g} %"


def interval(value: Any, low: Any, high: Any) -> tuple[str, str, str]:
    """A value and its interval, with the digits that the interval leaves room for. Whole numbers keep all of theirs.

    >>> interval(3337.8665, 2696.3304, 3943.5445), interval(232, 223, 241), interval(None, None, None)
    (('3,338', '2,696', '3,944'), ('232', '223', '241'), ('–', '–', '–'))
    """
    three = (value, low, high)
    if any(number(v) == "–" for v in three) or all(isinstance(v, int) for v in three) or not low < high:
        return number(value), number(low), number(high)
    # Two digits of the half width: more would be digits of the noise.
    decimals = min(9, max(0, 1 - math.floor(math.log10((high - low) / 2))))
    first, second, third = (f"{v:,.{decimals}f}" for v in three)
    return first, second, third


def table_text(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Collection[int] = ()) -> str:
    """A table for a terminal: columns two blanks apart, numbers to the right."""
    lines = [heads, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in numeric else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def table_html(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numeric: Collection[int] = (),
    head: str = "",
    foot: str = "",
) -> str:
    """A table of cells that are escaped already.

    Args:
        numeric: columns to align right, from 0.
    """
    align = ["text-align:" + ("right" if i in numeric else "left") for i in range(len(heads))]
    top = "".join(f'<th style="{a}">{h}</th>' for a, h in zip(align, heads, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td style="{a}">{c}</td>' for a, c in zip(align, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f"<div>{head}<table style='{_STYLE}'><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
        + (f"<p style='color:#555;max-width:50em'><small>{foot}</small></p>" if foot else "")
        + "</div>"
    )


def meter_html(percent: float, label: str) -> str:
    """A bar that is ``percent`` (0-100) full, with a label that is escaped already."""
    width = max(0.0, min(100.0, percent))
    return (
        "<div style='width:20em;background:#e4e4e4;border-radius:3px'>"
        f"<div style='width:{width:.1f}%;background:#0072b2;height:0.7em;border-radius:3px'></div></div>"
        f"<small>{label}</small>"
    )
