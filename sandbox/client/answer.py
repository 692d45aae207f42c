"""A private answer: numbers with the intervals that their noise leaves."""

from __future__ import annotations

import json
import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sandbox.client.plot import Plot, draw
from sandbox.client.words import interval, number, percent, table_html, table_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Answer:
    """The answer to one question.

    Attributes:
        frame: the keys, and for each measure its value, ``<name>_low`` and ``<name>_high`` (95 % interval).
        price: ``epsilon`` and ``delta`` that it cost; the same as the ledger keeps it (``nano`` of the ``accounting``).
        bounding: how far one person's rows count, in words under ``text``.
        notes: what to know when reading it.
        raw: the document as it was sent.
        cached: it had been paid for before, and cost nothing now.
        receipt: the platform's signature under it; ``save`` writes both.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.id: int | None = document.get("id")
        self.cached = bool(document.get("cached", False))
        self.budget: Mapping[str, Any] = document.get("budget") or {}
        self.raw: Mapping[str, Any] = document["answer"]
        self.receipt: Mapping[str, Any] = document.get("receipt") or {}
        self.columns: Sequence[Mapping[str, Any]] = self.raw["columns"]
        self.price: Mapping[str, Any] = self.raw["price"]
        self.bounding: Mapping[str, Any] = self.raw["bounding"]
        self.notes: Sequence[str] = self.raw.get("notes", ())
        self.frame = _frame(self.columns, self.raw["rows"])

    @property
    def question(self) -> str:
        """The question in its canonical words; give it to ``submit`` with a table made from this answer."""
        return str(self.raw["question"])

    @property
    def keys(self) -> list[str]:
        """The grouping columns."""
        return [c["name"] for c in self.columns if c["kind"] == "key"]

    @property
    def measures(self) -> list[str]:
        """The columns that carry noise."""
        return [c["name"] for c in self.columns if c["kind"] != "key"]

    def plot(self, measure: str | None = None, *, title: str | None = None) -> Plot:
        """Bars with their 95 % intervals, one panel for each measure.

        Args:
            measure: draw only this one.
            title: instead of the one made from the question.
        """
        wanted = self.measures if measure is None else [measure]
        unknown = set(wanted) - set(self.measures)
        if unknown:
            raise KeyError(
                f"{unknown.pop()!r} is no measure of this answer; it has {', '.join(self.measures)}"
            )
        by_name = {c["name"]: c for c in self.columns}
        footer = f"{self.raw['dataset']}. {_PLOT_NOTE} {self._price()}"
        return draw(self.frame, self.keys, [by_name[m] for m in wanted], title=title, footer=footer)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the answer with its receipt: ``sandbox verify-answer FILE`` checks it anywhere, without a network."""
        target = Path(path)
        document = {"answer": self.raw, "receipt": self.receipt}
        target.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return target

    def summary(self) -> str:
        """Price, what is left, bounding and notes, as plain lines."""
        parts = [self._price()]
        if self.budget:
            parts.append(f"{percent(self.budget.get('percent_left'))} of the agreement's budget is left.")
        lines = [" ".join(parts), str(self.bounding.get("text", "")), *self.notes]
        return "\n".join(line for line in dict.fromkeys(lines) if line)

    def shown(self) -> list[list[str]]:
        """The cells as people read them: keys, and ``232 (223 to 241)`` for each measure."""
        return [
            [
                str(record[c["name"]]) if c["kind"] == "key" else _spanned(*_three(record, c["name"]))
                for c in self.columns
            ]
            for record in self.frame.to_dict("records")
        ]

    def _numeric(self) -> set[int]:
        return {place for place, column in enumerate(self.columns) if column["kind"] != "key"}

    def _price(self) -> str:
        if not self.price["epsilon"]:
            return "It follows from an earlier answer, and cost nothing."
        if self.cached:
            return f"Paid for before (ε = {number(self.price['epsilon'])}); it cost nothing now."
        return f"It cost ε = {number(self.price['epsilon'])}."

    def __getitem__(self, column: str) -> pd.Series[Any]:
        return self.frame[column]

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        heads = [str(c["name"]) for c in self.columns]
        return f"{table_text(heads, self.shown(), numeric=self._numeric())}\n{self.summary()}"

    def _repr_html_(self) -> str:
        rows = []
        for record in self.frame.to_dict("records"):
            cells = []
            for column in self.columns:
                name = column["name"]
                if column["kind"] == "key":
                    cells.append(escape(str(record[name])))
                    continue
                value, low, high = _three(record, name)
                cells.append(
                    f"<b>{value}</b>" + (f"<br><small>{low} to {high}</small>" if low != "–" else "")
                )
            rows.append(cells)
        heads = [
            escape(str(c["name"]))
            + (f" <small>({escape(c['measured_in'])})</small>" if c.get("measured_in") else "")
            for c in self.columns
        ]
        foot = "<br>".join(escape(line) for line in self.summary().split("\n"))
        return table_html(heads, rows, numeric=self._numeric(), foot=foot)


def _three(record: Mapping[Any, Any], name: str) -> tuple[str, str, str]:
    return interval(record[name], record[f"{name}_low"], record[f"{name}_high"])


def _spanned(value: str, low: str, high: str) -> str:
    return value if low == "–" else f"{value} ({low} to {high})"  # what was reckoned may have no interval


_PLOT_NOTE = "Bars are private answers, lines their 95 % intervals."


def _frame(columns: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    data: dict[str, Any] = {}
    for column in columns:
        name = column["name"]
        if column["kind"] == "key":
            data[name] = [row[name] for row in rows]
            continue
        for part, ending in (("value", ""), ("low", "_low"), ("high", "_high")):
            data[name + ending] = _numbers([row[name].get(part) for row in rows])
    return pd.DataFrame(data)


def _numbers(values: Sequence[int | float | None]) -> Any:
    """Whole numbers stay whole, also beside missing ones: a count of 12 is not 12.0."""
    whole = all(v is None or (isinstance(v, int) and not isinstance(v, bool)) for v in values)
    return pd.array([pd.NA if v is None else v for v in values], dtype="Int64" if whole else "Float64")
