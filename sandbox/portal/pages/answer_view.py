"""A private answer as people read it: cells with their intervals, bars, and what they mean in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.language import gettext

DRAWN = 40  # bars of a picture; the table has all rows
Three = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One cell; places are percent of the picture's width, from the left.

    Attributes:
        start, width: of the bar, from nought to the value.
        low, high: where the interval ends; None where there is none.
    """

    label: str
    text: str
    interval: str
    start: float = 0.0
    width: float = 0.0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One measure over the keys."""

    name: str
    measured_in: str
    bars: tuple[Bar, ...]
    nought: float  # where 0 lies, percent
    least: str
    most: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAnswer:
    """An answer for a page.

    Attributes:
        heads: (name, unit of measure, True for a measure) of each column.
        rows: for each cell its text, and its interval, empty for keys.
        meaning: sentences.
    """

    heads: tuple[tuple[str, str, bool], ...]
    rows: tuple[tuple[tuple[str, str], ...], ...]
    pictures: tuple[Picture, ...]
    meaning: tuple[str, ...]


def shown_answer(document: Mapping[str, Any]) -> ShownAnswer:
    """An answer's document, as ``Answer.document`` makes it."""
    columns, rows = document["columns"], document["rows"]
    measures = [c for c in columns if c["kind"] != "key"]
    keys = [c["name"] for c in columns if c["kind"] == "key"]
    return ShownAnswer(
        heads=tuple((c["name"], c["measured_in"], c["kind"] != "key") for c in columns),
        rows=tuple(tuple(_cell(row[c["name"]], c["kind"]) for c in columns) for row in rows),
        pictures=tuple(_picture(measure, keys, rows[:DRAWN]) for measure in measures if rows),
        meaning=tuple(_meaning(measures, keys, rows)),
    )


def number(value: float | None) -> str:
    """In at most five significant digits, with thousands separated; a dash for none.

    >>> number(1234567), number(0.0123456), number(None)
    ('1,234,567', '0.012346', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, int) or value.is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.5g}"


def three_texts(value: float | None, low: float | None, high: float | None) -> tuple[str, str, str]:
    """A value and its interval, with the digits that the interval leaves room for; whole numbers keep all of theirs.

    >>> three_texts(3337.8665, 2696.3304, 3943.5445), three_texts(232, 223, 241)
    (('3,338', '2,696', '3,944'), ('232', '223', '241'))
    """
    if value is None or low is None or high is None or not low < high:
        return number(value), number(low), number(high)
    if all(isinstance(one, int) for one in (value, low, high)):
        return number(value), number(low), number(high)
    decimals = min(9, max(0, 1 - math.floor(math.log10((high - low) / 2))))
    first, second, third = (f"{one:,.{decimals}f}" for one in (value, low, high))
    return first, second, third


def _three(cell: Mapping[str, Any]) -> Three:
    return cell["value"], cell["low"], cell["high"]


def _cell(value: Any, kind: str) -> tuple[str, str]:
    if kind == "key":
        return key_text(value), ""
    text, low, high = three_texts(*_three(value))
    return text, "" if low == "–" else gettext("%(low)s to %(high)s") % {"low": low, "high": high}


def key_text(value: Any) -> str:
    """A key's value, as SQL writes it."""
    if value is None:
        return gettext("(none)")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _label(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    return ", ".join(key_text(row[key]) for key in keys) or gettext("all rows")


def _picture(measure: Mapping[str, Any], keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Picture:
    name = measure["name"]
    ends = [one for row in rows for one in _three(row[name]) if one is not None]
    least, most = min([0, *ends]), max([0, *ends])
    span = (most - least) or 1

    def place(value: float) -> float:
        return round(100 * (value - least) / span, 2)

    def bar(row: Mapping[str, Any]) -> Bar:
        value, low, high = _three(row[name])
        text, interval = _cell(row[name], "measure")
        if value is None:
            return Bar(label=_label(row, keys), text=text, interval=interval)
        known = low is not None and high is not None
        return Bar(
            label=_label(row, keys),
            text=text,
            interval=interval,
            start=place(min(0, value)),
            width=round(place(max(0, value)) - place(min(0, value)), 2),
            low=place(low) if known and low is not None else None,
            high=place(high) if known and high is not None else None,
        )

    return Picture(
        name=name,
        measured_in=measure["measured_in"],
        bars=tuple(bar(row) for row in rows),
        nought=place(0),
        least=number(least),
        most=number(most),
    )


def _meaning(
    measures: Sequence[Mapping[str, Any]], keys: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """What to read into it: one value in words, and whether the largest and the smallest can be told apart."""
    if not rows or not measures:
        yield "No row passed what was asked of the noisy values."
        return
    name = measures[0]["name"]
    first = next((row for row in rows if row[name]["value"] is not None), None)
    if first is None:
        yield f"Too little is behind {name} to tell it from the noise. Spend more on the question, or group it less."
        return
    value, low, high = three_texts(*_three(first[name]))
    where = _label(first, keys)
    if low == "–":
        yield f"For {where}, {name} is about {value}; how far the noise takes it is not known."
    else:
        yield (
            f"For {where}, {name} is about {value}: without the noise it would lie between {low} and {high}, in 95 of "
            "100 such cases."
        )
    known = [row for row in rows if row[name]["low"] is not None]
    if len(known) < 2:
        return
    top = max(known, key=lambda row: row[name]["value"])
    bottom = min(known, key=lambda row: row[name]["value"])
    a, b = _label(top, keys), _label(bottom, keys)
    if top[name]["low"] > bottom[name]["high"]:
        yield f"The largest ({a}) and the smallest ({b}) differ by more than the noise."
    else:
        yield f"The intervals of the largest ({a}) and the smallest ({b}) meet: the noise may have made the difference."
