"""Bars with their intervals. matplotlib is loaded when the first plot is drawn; no display is needed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Told apart by people who see few colours. Source: Okabe & Ito 2008, "Color Universal Design".
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")
_INK, _FAINT = "#222222", "#666666"
_LABEL_CHARACTERS = 34
_DPI = 144
_BAR_OPACITY = 0.78  # so that the interval shows where it lies on its bar


class Plot:
    """A drawn figure; a notebook shows it.

    Attributes:
        figure: the matplotlib figure, to be changed at will.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure

    def save(self, path: str | Path) -> Path:
        """Write it; the ending (.png, .svg, .pdf) says how."""
        target = Path(path)
        self.figure.savefig(target, dpi=_DPI)
        return target

    def _repr_png_(self) -> bytes:
        out = io.BytesIO()
        self.figure.savefig(out, format="png", dpi=_DPI)
        return out.getvalue()


def draw(
    frame: pd.DataFrame,
    keys: Sequence[str],
    measures: Sequence[Mapping[str, Any]],
    *,
    title: str | None,
    footer: str,
) -> Plot:
    """One panel for each measure: horizontal bars by key, coloured by the last of several keys.

    Args:
        frame: keys, and each measure with its ``_low`` and ``_high``.
        measures: the columns to draw: ``name``, ``kind`` and ``measured_in``.
        footer: what a reader has to know, below the panels.
    """
    from matplotlib.figure import Figure

    hue = keys[-1] if len(keys) > 1 else None
    group_keys = list(keys[:-1] if hue else keys)
    labels = [_label(row, group_keys) for row in frame.to_dict("records")]
    groups = list(dict.fromkeys(labels))
    hues = list(dict.fromkeys(str(v) for v in frame[hue])) if hue else [""]
    bars = len(groups) * (len(hues) + 0.6)
    height = 1.5 + 0.3 * bars if hue else 1.5 + 0.36 * len(groups)
    # Inches. A notebook scales a wide figure down to its column, and its letters with it.
    width = 1.2 + len(measures) * {1: 5.6, 2: 4.4}.get(len(measures), 3.4)
    figure = Figure(figsize=(width, min(24.0, max(2.1, height))), layout="constrained")
    panels = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        _panel(axes, frame, labels, groups, hues, hue, measure)
    if group_keys:
        panels[0].set_ylabel(", ".join(_words(k) for k in group_keys), color=_INK)
    if hue:
        panels[-1].legend(
            title=_words(hue), frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), alignment="left"
        )
    figure.suptitle(
        title or _title(keys, measures), x=0.01, ha="left", fontsize=12, fontweight="bold", color=_INK
    )
    figure.supxlabel(footer, x=0.01, ha="left", fontsize=7.5, color=_FAINT)
    return Plot(figure)


def _panel(
    axes: Axes,
    frame: pd.DataFrame,
    labels: Sequence[str],
    groups: Sequence[str],
    hues: Sequence[str],
    hue: str | None,
    measure: Mapping[str, Any],
) -> None:
    from matplotlib.ticker import MaxNLocator

    name = str(measure["name"])
    thick = 0.72 / len(hues)
    for at, shade in enumerate(hues):
        rows = [i for i in range(len(frame)) if not hue or str(frame[hue].iloc[i]) == shade]
        # Rows without a value (too much noise) leave a gap and say so.
        shown = [i for i in rows if not pd.isna(frame[name].iloc[i])]
        places = [groups.index(labels[i]) + (at - (len(hues) - 1) / 2) * thick for i in shown]
        values = [float(frame[name].iloc[i]) for i in shown]
        lows, highs = (
            # What was reckoned from others may have no interval: then the bar has no line.
            [
                float(v if pd.isna(end := frame[f"{name}_{side}"].iloc[i]) else end)
                for i, v in zip(shown, values, strict=True)
            ]
            for side in ("low", "high")
        )
        below = [max(0.0, v - low) for v, low in zip(values, lows, strict=True)]
        above = [max(0.0, high - v) for v, high in zip(values, highs, strict=True)]
        axes.barh(
            places,
            values,
            height=thick * 0.94,
            color=_COLOURS[at % len(_COLOURS)],
            label=shade,
            alpha=_BAR_OPACITY,
            zorder=2,
        )
        axes.errorbar(
            values,
            places,
            xerr=[below, above],
            fmt="none",
            ecolor=_INK,
            elinewidth=1.1,
            capsize=3,
            capthick=1.1,
            zorder=3,
        )
        for i in set(rows) - set(shown):
            place = groups.index(labels[i]) + (at - (len(hues) - 1) / 2) * thick
            axes.annotate("too little to say", (0, place), xytext=(4, 0), textcoords="offset points",
                          va="center", fontsize=7.5, color=_FAINT)  # fmt: skip
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.4, -0.6)  # the first group on top, as in the table
    axes.set_xlabel(_axis(measure), color=_INK)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}" if x == int(x) else f"{x:,g}")
    axes.grid(axis="x", color="#dddddd", linewidth=0.7, zorder=0)
    axes.axvline(0, color="#999999", linewidth=0.8, zorder=1)
    axes.tick_params(length=0, colors=_INK)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def _label(row: Mapping[Any, Any], keys: Sequence[str]) -> str:
    text = ", ".join(str(row[k]) for k in keys) or "all"
    return text if len(text) <= _LABEL_CHARACTERS else text[: _LABEL_CHARACTERS - 1] + "…"


def _axis(measure: Mapping[str, Any]) -> str:
    unit = measure.get("measured_in")
    return _words(str(measure["name"])) + (f" ({unit})" if unit else "")


def _title(keys: Sequence[str], measures: Sequence[Mapping[str, Any]]) -> str:
    *most, last = (_words(str(m["name"])) for m in measures)
    what = f"{', '.join(most)} and {last}" if most else last
    return what + (f" by {' and '.join(_words(k) for k in keys)}" if keys else ", everybody")


def _words(name: str) -> str:
    return name.replace("_", " ")
