"""What the checks say about a file, and what mends it in one call.

The repairs work on the researcher's own table, at the cells that the platform named; each writes the file again and
asks once more. Nothing is submitted by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from sandbox.client.errors import BadInput
from sandbox.client.suppression import TOTALS, Cell, cells_to_hide, equations
from sandbox.client.words import table_html

_COLOURS = {"pass": "#d9f0e3", "review": "#fdf0cd", "fail": "#f8d7d3"}
_ORDER = {"fail": 0, "review": 1, "pass": 2}
_SHOWN_ROWS = 60
# Findings that are mended by leaving a cell out.
_CELLS = frozenset({"small_count", "too_few_behind", "share_implies_count", "quantile_tail", "few_at_risk"})


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """The findings on one file of the outbox.

    Attributes:
        raw: the platform's answer: verdict, findings, bits_leaving, threshold.
        path: the file.
        dims: the columns that it is grouped by, as declared; else those that are no numbers.
    """

    raw: Mapping[str, Any]
    path: Path
    dims: tuple[str, ...] = ()
    again: Callable[[], Checked] | None = field(default=None, compare=False)

    @property
    def verdict(self) -> str:
        """pass, review or fail: the worst of the findings."""
        return str(self.raw["verdict"])

    @property
    def bits_leaving(self) -> int:
        """The most that the file would tell, in bits."""
        return int(self.raw["bits_leaving"].get(self.path.name, 0))

    @property
    def findings(self) -> pd.DataFrame:
        """One row for each finding, the worst first."""
        wanted = ["verdict", "file", "place", "check", "reason", "fix", "source"]
        return pd.DataFrame([{k: f.get(k, "") for k in wanted} for f in self._sorted()], columns=wanted)

    @property
    def frame(self) -> pd.DataFrame:
        """The table as text, cell by cell."""
        if self.path.suffix.lower() != ".csv":
            raise BadInput(f"{self.path.name} is no CSV table.", fix="Mend it where it was made.")
        return pd.read_csv(self.path, dtype=str, keep_default_na=False)

    def suppress(self) -> Checked:
        """Leave out the cells that were found too small, all numbers beside them, and as many others as totals need.

        Returns:
            What the checks say of the file as it is now.
        """
        frame = self.frame
        keys = self._keys(frame)
        measures = [c for c in frame.columns if c not in keys]
        small = {(row, m) for row, column in self._bad_cells() for m in self._with(column, row, measures)}
        values = {
            (row, m): number
            for m in measures
            for row, cell in enumerate(frame[m])
            if (number := _number(cell)) is not None
        }
        adding_up = equations(
            {k: list(frame[k]) for k in keys}, self._counted(frame, measures), rows=len(frame)
        )
        hidden = cells_to_hide(small, values, adding_up, threshold=int(self.raw["threshold"]))
        for row, column in hidden:
            frame.loc[row, column] = ""
        return self._written(frame)

    def round(self, base: int = 5) -> Checked:
        """Round every count to a multiple of ``base``; totals become the sums of rounded counts."""
        if base < 2:
            raise BadInput(f"Nothing is rounded to {base}.", fix="Use 5, 6 or 10.")
        frame = self.frame
        keys = self._keys(frame)
        counted = self._counted(frame, [c for c in frame.columns if c not in keys])
        for column in counted:
            for row, cell in enumerate(frame[column]):
                number = _number(cell)
                if number is not None:
                    frame.loc[row, column] = str((int(number) + base // 2) // base * base)
        for equation in equations({k: list(frame[k]) for k in keys}, counted, rows=len(frame)):
            parts = [_number(frame.loc[row, column]) for row, column in equation.parts]
            if all(part is not None for part in parts):
                row, column = equation.total
                frame.loc[row, column] = str(int(sum(p for p in parts if p is not None)))
        return self._written(frame)

    def merge_bands(self, column: str | None = None) -> Checked:
        """Merge rows that are too small with their neighbours, in the order of the file. For tables of counts.

        Args:
            column: the column of bands; the only one of ``dims`` when not given.
        """
        frame = self.frame
        keys = self._keys(frame)
        band = column or (keys[0] if len(keys) == 1 else None)
        if band is None or band not in keys:
            raise BadInput(
                "It is not known which column holds the bands.", fix=f"Name one of {', '.join(keys)}."
            )
        measures = [c for c in frame.columns if c not in keys]
        if self._counted(frame, measures) != measures:
            raise BadInput(
                "Only counts can be added up; this table has other numbers.", fix="Use suppress()."
            )
        others = [k for k in keys if k != band]
        bad = {row for row, _ in self._bad_cells()}
        rows = [
            {**{str(k): v for k, v in r.items()}, "": at in bad}
            for at, r in enumerate(frame.to_dict("records"))
        ]
        merged = _merged(rows, band, others, [str(m) for m in measures], int(self.raw["threshold"]))
        return self._written(pd.DataFrame(merged, columns=list(frame.columns)))

    def _keys(self, frame: pd.DataFrame) -> list[str]:
        if self.dims:
            return [c for c in frame.columns if c in self.dims]
        return [c for c in frame.columns if all(_number(cell) is None for cell in frame[c] if cell)]

    def _counted(self, frame: pd.DataFrame, measures: Sequence[str]) -> list[str]:
        """Columns of whole numbers."""
        return [
            m
            for m in measures
            if all(n is None or n.denominator == 1 for n in map(_number, frame[m]))
            and any(_number(cell) is not None for cell in frame[m])
        ]

    def _bad_cells(self) -> list[tuple[int, str]]:
        return [
            (int(f["row"]), str(f["column"]))
            for f in self.raw["findings"]
            if f["file"] == self.path.name
            and f["check"] in _CELLS | {"small_cell"}
            and f.get("row") is not None
        ]

    def _with(self, column: str, row: int, measures: Sequence[str]) -> list[str]:
        """A cell, or, where it counts the row's units, all numbers of its row."""
        whole = self._counted(self.frame, measures)
        several_counts = len(whole) > 1 and column in whole
        return [column] if several_counts else list(measures)

    def _written(self, frame: pd.DataFrame) -> Checked:
        frame.to_csv(self.path, index=False)
        return self.again() if self.again is not None else self

    def _sorted(self) -> list[Mapping[str, Any]]:
        return sorted(self.raw["findings"], key=lambda f: _ORDER.get(str(f.get("verdict")), 0))

    def _headline(self) -> str:
        word = {"pass": "passes", "review": "goes to a person", "fail": "fails"}[self.verdict]
        return f"{self.path.name} {word}; at most {self.bits_leaving:,} bits would leave."

    def __str__(self) -> str:
        lines = [self._headline()]
        for f in self._sorted():
            place = f", {f['place']}" if f.get("place") else ""
            lines.append(f"  {f['verdict']:<6} {f['file']}{place}: {f['reason']}")
            if f.get("fix") and f["verdict"] != "pass":
                lines.append(f"         → {f['fix']}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = []
        for f in self._sorted():
            colour = _COLOURS.get(str(f.get("verdict")), "#fff")
            mark = f"<span style='background:{colour};padding:0 .4em'>{escape(str(f.get('verdict')))}</span>"
            rows.append([mark, *(escape(str(f.get(k, ""))) for k in ("file", "place", "reason", "fix"))])
        heads = ["verdict", "file", "place", "reason", "what to do"]
        table = self._coloured() if self.path.suffix.lower() == ".csv" and self.path.is_file() else ""
        return table_html(heads, rows, head=f"<b>{escape(self._headline())}</b>{table}")

    def _coloured(self) -> str:
        """The table itself, each flagged cell in the colour of its worst verdict."""
        frame = self.frame
        worst: dict[Cell, Mapping[str, Any]] = {}
        for f in reversed(self._sorted()):
            if f["file"] == self.path.name and f.get("row") is not None:
                columns = [f["column"]] if f.get("column") else list(frame.columns)
                worst |= {(int(f["row"]), c): f for c in columns}
        rows = []
        for at, line in enumerate(frame.head(_SHOWN_ROWS).itertuples(index=False)):
            cells = []
            for column, cell in zip(frame.columns, line, strict=True):
                found = worst.get((at, column))
                style = f"background:{_COLOURS[str(found['verdict'])]};padding:0 .4em" if found else ""
                title = escape(str(found["reason"]), quote=True) if found else ""
                cells.append(f'<span style="{style}" title="{title}">{escape(str(cell)) or "&nbsp;"}</span>')
            rows.append(cells)
        return table_html([escape(str(c)) for c in frame.columns], rows)


def _merged(
    rows: list[dict[str, Any]], band: str, others: Sequence[str], measures: Sequence[str], threshold: int
) -> list[dict[str, Any]]:
    """Neighbours in one group, merged until none is too small: with the next one, the last with the one before it."""
    done: list[dict[str, Any]] = []
    for at, row in enumerate(rows):
        if done and _same(done[-1], row, band, others):
            last = at + 1 == len(rows) or not _same(row, rows[at + 1], band, others)
            if done[-1][""] or (row[""] and last):
                done[-1] = _joined(done[-1], row, band, measures, threshold)
                continue
        done.append(row)
    return [{k: v for k, v in row.items() if k} for row in done]


def _same(one: Mapping[str, Any], other: Mapping[str, Any], band: str, others: Sequence[str]) -> bool:
    totals = any(str(row[band]).strip().casefold() in TOTALS for row in (one, other))
    return not totals and all(one[k] == other[k] for k in others)


def _joined(
    one: Mapping[str, Any], other: Mapping[str, Any], band: str, measures: Sequence[str], threshold: int
) -> dict[str, Any]:
    joined = {**one, band: f"{one[band]} + {other[band]}"}
    for m in measures:
        parts = [n for n in (_number(one[m]), _number(other[m])) if n is not None]
        joined[m] = str(int(sum(parts))) if parts else ""
    joined[""] = any(0 < n < threshold for m in measures if (n := _number(joined[m])) is not None)
    return joined


def _number(cell: Any) -> Fraction | None:
    try:
        return Fraction(str(cell).strip().replace(",", "")) if str(cell).strip() else None
    except (ValueError, ZeroDivisionError):
        return None
