"""The exact numbers behind a question: from the raw rows, or from at most so many rows of each unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from sandbox.domain.finish import Finish, Name, finished_rows
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.question import Measure, MeasureKind, Question, from_and_where, key_text
from sandbox.privacy.asking.parse import Asked, read

Floats = np.ndarray[Any, np.dtype[np.float64]]
Cell = tuple[str, ...]  # the keys' values as text
SPREAD = (MeasureKind.VARIANCE, MeasureKind.STDDEV)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is so, for each cell of an answer.

    Attributes:
        parts: by measure, then by part: ``rows`` or ``units`` or ``filled`` for counts, ``sum``, ``squares``; for a
            quantile ``value``.
        sorted: for a quantile, by measure: each cell's sorted values.
    """

    cells: tuple[Cell, ...]
    parts: Mapping[str, Mapping[str, Floats]]
    sorted: Mapping[str, tuple[Floats, ...]]


class Raw:
    """The raw rows, each with a random place among the rows of its unit."""

    def __init__(self, raw: Path, policy: DatasetPolicy) -> None:
        (self._table,) = policy.tables
        assert policy.unit is not None  # noqa: S101
        self.policy, self._unit = policy, policy.unit.column
        self._at: int | None = 0
        self._connection = duckdb.connect(config={"threads": 2, "memory_limit": "3GiB"})
        self._connection.execute("SELECT setseed(0.5)")
        self._connection.execute(
            f"CREATE TABLE all_rows AS SELECT *, row_number() OVER (PARTITION BY {self._unit} ORDER BY random()) AS "  # noqa: S608
            f"place FROM '{raw}'"
        )
        self._known: dict[tuple[str, int | None], Facts] = {}

    def read(self, sql: str) -> Asked:
        return read(sql, self.policy)

    def facts(self, question: Question, rows_per_unit: int | None = None) -> Facts:
        """Of all rows, or of at most ``rows_per_unit`` of each unit."""
        name = (repr(question), rows_per_unit)
        if name not in self._known:
            if self._at != rows_per_unit:
                where = "" if rows_per_unit is None else f" WHERE place <= {rows_per_unit}"
                kept = f"SELECT * FROM all_rows{where}"  # noqa: S608 - a name of ours and a number
                self._connection.execute(f"CREATE OR REPLACE VIEW {self._table} AS {kept}")
                self._at = rows_per_unit
            self._known[name] = self._found(question)
        return self._known[name]

    def _found(self, question: Question) -> Facts:
        keys = [key_text(key) for key in question.keys]
        columns = {(m.alias, part): text for m in question.measures for part, text in self._parts(m).items()}
        tail = from_and_where(question)
        rows = self._connection.execute(f"SELECT {', '.join([*keys, *columns.values()])}{tail}").fetchall()
        rows = [row for row in rows if None not in row[: len(keys)]]
        cells = tuple(tuple(as_text(v) for v in row[: len(keys)]) for row in rows)
        parts: dict[str, dict[str, Floats]] = {}
        for place, (alias, part) in enumerate(columns, start=len(keys)):
            numbers = [float(row[place]) if row[place] is not None else 0.0 for row in rows]
            parts.setdefault(alias, {})[part] = np.array(numbers)
        lists = {
            m.alias: self._lists(question, m, cells)
            for m in question.measures
            if m.kind is MeasureKind.QUANTILE
        }
        return Facts(cells=cells, parts=parts, sorted=lists)

    def _parts(self, measure: Measure) -> dict[str, str]:
        x = measure.column
        match measure.kind:
            case MeasureKind.COUNT_ROWS:
                return {"rows": "COUNT(*)"}
            case MeasureKind.COUNT_UNITS:
                return {"units": f"COUNT(DISTINCT {x})"}
            case MeasureKind.COUNT_FILLED:
                return {"filled": f"COUNT({x})"}
            case MeasureKind.SUM:
                return {"sum": f"SUM({x})", "filled": f"COUNT({x})"}
            case MeasureKind.AVG:
                return {"sum": f"SUM({x})", "filled": f"COUNT({x})"}
            case MeasureKind.VARIANCE | MeasureKind.STDDEV:
                return {
                    "sum": f"SUM({x})",
                    "filled": f"COUNT({x})",
                    "squares": f"SUM(CAST({x} AS DOUBLE) * {x})",
                }
            case MeasureKind.QUANTILE:
                return {"value": f"QUANTILE_CONT({x}, {measure.share})", "filled": f"COUNT({x})"}
            case _:
                raise NotImplementedError(f"the replay does not know {measure.kind}")

    def _lists(self, question: Question, measure: Measure, cells: tuple[Cell, ...]) -> tuple[Floats, ...]:
        keys = [f"CAST({key_text(key)} AS VARCHAR) AS k{n}" for n, key in enumerate(question.keys)]
        tail = from_and_where(question).partition(" GROUP BY ")[0]
        found = self._connection.execute(
            f"SELECT {', '.join([*keys, f'CAST({measure.column} AS DOUBLE) AS x'])}{tail}"
        ).fetchnumpy()
        values = np.asarray(found["x"], dtype=np.float64)
        lists = []
        for cell in cells:
            here = np.ones(len(values), dtype=bool)
            for n, text in enumerate(cell):
                here &= np.asarray(found[f"k{n}"]) == text
            lists.append(np.sort(values[here]))
        return tuple(lists)


def as_text(value: Any) -> str:
    """A key's value, the same from an answer and from DuckDB."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def shown_columns(asked: Asked) -> Finish:
    """What is shown, with a finish that does nothing where there is none."""
    keys = {key.alias for key in asked.question.keys}
    finish = asked.finish or Finish(columns=tuple((name, Name(name)) for name in asked.question.select))
    return Finish(
        columns=tuple((n, v) for n, v in finish.columns if not (isinstance(v, Name) and v.name in keys)),
        having=finish.having,
        order=finish.order,
        limit=finish.limit,
        offset=finish.offset,
    )


def places_shown(asked: Asked, facts: Facts, values: Mapping[str, Floats]) -> list[int]:
    """The cells that HAVING and LIMIT would leave, were there no noise."""
    keys = [key.alias for key in asked.question.keys]
    rows = [
        (
            place,
            {
                **dict(zip(keys, cell, strict=True)),
                **{name: float(column[place]) for name, column in values.items()},
            },
        )
        for place, cell in enumerate(facts.cells)
    ]
    return [place for place, _ in finished_rows(shown_columns(asked), rows)]
