"""Numbers and tables as people read them. All text from outside is escaped."""

from __future__ import annotations

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
