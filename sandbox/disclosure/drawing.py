"""A plot drawn by us from a table that leaves: it shows what that table shows, and nothing else.

The researcher says how to draw (bars, a line, points, bins) and which columns; no title, colour, size or position is
theirs. Two people who draw the same columns of the same table get the same pixels.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from sandbox.disclosure.cells import is_suppressed, read_number
from sandbox.disclosure.columns import is_total, normal
from sandbox.disclosure.table import Table
from sandbox.domain.outputs import Declared, Draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 2000
MAX_PLACES = 60  # words or bins along an axis: more cannot be read
MAX_SERIES = 8
_MAX_LABEL = 32  # characters
_SIZE, _DPI = (7.0, 4.4), 120  # inches, dots per inch
_MARGIN = 0.12  # inches
# Source: Okabe & Ito (2008), Color Universal Design: told apart by the colour-blind as well.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")
_INK, _FAINT = "#333333", "#dddddd"
_PLAIN, _TURNED = 60, 35  # characters along an axis that stand level; degrees


class CannotDraw(ValueError):
    """Why a table cannot be drawn so."""


@dataclass(frozen=True, slots=True)
class _Series:
    """Numbers along an axis; nan where the table shows none."""

    name: str
    numbers: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """What is drawn.

    Attributes:
        places: what stands along the axis, without repetition, in the table's order.
        numbers: the same as numbers; empty when they are words.
    """

    places: tuple[str, ...]
    numbers: tuple[float, ...]
    series: tuple[_Series, ...]


def draw(table: Table, declared: Declared, *, name: str) -> Image.Image:
    """The picture, in red, green and blue.

    Args:
        table: as it leaves.
        declared: how and what: ``draw``, ``x``, ``y`` and ``by``.
        name: of the table's file, which is written under the picture.

    Raises:
        CannotDraw: its columns are not there, hold no numbers, or are more than can be seen.
    """
    read = _read(table, declared)
    # Imported when first needed: it takes a third of a second, and most requests have no plot.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=_MARGIN, h_pad=_MARGIN)
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout=layout, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _draw_series(axes, declared.draw, read)
    _label(axes, declared, read)
    figure.supxlabel(f"drawn from {_words(name)}", x=0.99, ha="right", fontsize=7, color="#888888")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sign that no font here has: drawn as a box
        pixels, (width, height) = canvas.print_to_buffer()  # type: ignore[no-untyped-call]
    return Image.frombytes("RGBA", (width, height), pixels).convert("RGB")


def _read(table: Table, declared: Declared) -> _Read:
    names = {normal(c): c for c in table.columns}
    missing = [c for c in (declared.x, *declared.y, declared.by) if c and normal(c) not in names]
    if missing:
        raise CannotDraw(f"The table has no column '{missing[0]}'")
    if not declared.x or not declared.y:
        raise CannotDraw("Nobody said what stands along its axes")
    if len(table.rows) > MAX_POINTS:
        raise CannotDraw(f"The table has more than {MAX_POINTS} rows")
    if declared.by and len(declared.y) > 1:
        raise CannotDraw("With 'by' it has one column of numbers")
    x = table.column(names[normal(declared.x)])
    by = table.column(names[normal(declared.by)]) if declared.by else None
    # A total beside its parts would make them small.
    rows = [r for r in range(len(x)) if not is_total(x[r]) and not (by is not None and is_total(by[r]))]
    places = tuple(dict.fromkeys(x[r].strip() for r in rows))
    if declared.draw is not Draw.SCATTER and by is None and len(places) < len(rows):
        raise CannotDraw(f"'{declared.x}' holds the same value in several rows; say 'by' which column")
    y = {c: table.column(names[normal(c)]) for c in declared.y}
    cells = {(c, r): _number(column[r], c) for c, column in y.items() for r in rows}
    if declared.draw is Draw.SCATTER:
        return _scattered(
            declared, [x[r].strip() for r in rows], by and [by[r].strip() for r in rows], cells, rows
        )
    if by is None:
        series = [_Series(c, tuple(cells[c, r] for r in rows)) for c in declared.y]
    else:
        column = declared.y[0]
        found: dict[str, dict[str, float]] = {}
        for r in rows:
            of_one = found.setdefault(by[r].strip(), {})
            if x[r].strip() in of_one:
                raise CannotDraw(f"Several rows are of the same '{declared.x}' and '{declared.by}'")
            of_one[x[r].strip()] = cells[column, r]
        series = [_Series(n, tuple(of.get(p, math.nan) for p in places)) for n, of in found.items()]
    return _checked(_Read(places, _numbers(places), tuple(series)), words=declared.draw is not Draw.LINE)


def _scattered(
    declared: Declared,
    x: Sequence[str],
    by: Sequence[str] | None,
    cells: dict[tuple[str, int], float],
    rows: Sequence[int],
) -> _Read:
    """A point for each row: here the axis may hold the same number twice."""
    numbers = _numbers(x)
    if not numbers:
        raise CannotDraw(f"'{declared.x}' holds words; points stand at numbers")
    names = declared.y if by is None else tuple(dict.fromkeys(by))
    series = []
    for name in names:
        column = name if by is None else declared.y[0]
        series.append(
            _Series(
                name,
                tuple(
                    cells[column, r] if by is None or by[at] == name else math.nan
                    for at, r in enumerate(rows)
                ),
            )
        )
    return _checked(_Read(tuple(x), numbers, tuple(series)), words=False)


def _checked(read: _Read, *, words: bool) -> _Read:
    if not read.places:
        raise CannotDraw("The table has no rows to draw")
    if len(read.series) > MAX_SERIES:
        raise CannotDraw(f"It would have more than {MAX_SERIES} series")
    if (words or not read.numbers) and len(read.places) > MAX_PLACES:
        raise CannotDraw(f"More than {MAX_PLACES} values would stand along its axis")
    if all(math.isnan(n) for s in read.series for n in s.numbers):
        raise CannotDraw("None of its numbers is shown in the table")
    return read


def _number(cell: str, column: str) -> float:
    number = read_number(cell)
    if number is not None:
        return float(number.value)
    if not is_suppressed(cell):
        raise CannotDraw(f"'{column}' holds words")
    return math.nan


def _numbers(cells: Sequence[str]) -> tuple[float, ...]:
    """As numbers, or nothing when one of them is none."""
    found = [read_number(c) for c in cells]
    return tuple(float(n.value) for n in found if n is not None) if all(n is not None for n in found) else ()


def _draw_series(axes: Axes, how: Draw, read: _Read) -> None:
    along = read.numbers if read.numbers and how in (Draw.LINE, Draw.SCATTER) else range(len(read.places))
    count = len(read.series)
    for at, (series, colour) in enumerate(zip(read.series, _COLOURS, strict=False)):
        label = _words(series.name)
        if how is Draw.LINE:
            order = sorted(range(len(along)), key=along.__getitem__)
            axes.plot(
                [along[i] for i in order],
                [series.numbers[i] for i in order],
                color=colour,
                label=label,
                marker="o",
                markersize=3.5 if len(along) <= MAX_PLACES else 0,
                linewidth=1.8,
            )
        elif how is Draw.SCATTER:
            axes.scatter(along, series.numbers, color=colour, label=label, s=24, alpha=0.85, linewidths=0)
        else:
            whole = 1.0 if how is Draw.HISTOGRAM else 0.8
            width = whole / count
            shift = (at - (count - 1) / 2) * width
            edge = 0.8 if how is Draw.HISTOGRAM else 0.0
            axes.bar(
                [p + shift for p in along],
                series.numbers,
                width,
                color=colour,
                label=label,
                edgecolor="white",
                linewidth=edge,
            )


def _label(axes: Axes, declared: Declared, read: _Read) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_INK)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.grid(axis="both" if declared.draw is Draw.SCATTER else "y", color=_FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(_words(declared.x), color=_INK)
    one = len(declared.y) == 1
    axes.set_ylabel(_words(declared.y[0]) if one else "", color=_INK)
    if not (read.numbers and declared.draw in (Draw.LINE, Draw.SCATTER)):
        labels = [_words(p) or "–" for p in read.places]
        turned = sum(len(t) + 2 for t in labels) > _PLAIN
        axes.set_xticks(
            range(len(labels)),
            labels,
            rotation=_TURNED if turned else 0,
            ha="right" if turned else "center",
            rotation_mode="anchor" if turned else "default",
        )
    if len(read.series) > 1:
        title = _words(declared.by) if declared.by else None
        axes.legend(
            title=title,
            frameon=False,
            fontsize=9,
            title_fontsize=9,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
        )


def _words(text: str) -> str:
    """A text as it is drawn: short, on one line, and no formula (which would be a program for the library)."""
    short = text.strip() if len(text.strip()) <= _MAX_LABEL else text.strip()[: _MAX_LABEL - 1] + "…"
    return " ".join(short.split()).replace("$", r"\$")
