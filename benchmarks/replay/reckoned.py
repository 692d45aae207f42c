"""Noisy numbers → shown values → how surely a cell is within its target. By many draws at once, for all kinds alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.replay.facts import Facts, Floats
from benchmarks.workloads.told import Wanted
from sandbox.domain.finish import Finish, Name, Number, Value
from sandbox.domain.question import Measure, MeasureKind, Question

SURE, ENOUGH = 0.95, 0.9  # of draws; of cells


def measured(measure: Measure, parts: Mapping[str, Floats], ranks: Any = None, lists: Any = ()) -> Floats:
    """A measure's value in each cell (last axis) from its numbers."""
    with np.errstate(all="ignore"):
        match measure.kind:
            case (
                MeasureKind.COUNT_ROWS | MeasureKind.COUNT_FILLED | MeasureKind.COUNT_UNITS | MeasureKind.SUM
            ):
                return next(iter(parts.values()))
            case MeasureKind.AVG:
                return np.where(parts["filled"] > 0, parts["sum"] / parts["filled"], np.nan)
            case MeasureKind.VARIANCE | MeasureKind.STDDEV:
                n = parts["filled"]
                found = (parts["squares"] / n - (parts["sum"] / n) ** 2) * n / (n - 1)
                found = np.maximum(found, 0)
                return np.sqrt(found) if measure.kind is MeasureKind.STDDEV else found
            case _:
                if ranks is None:
                    return parts["value"]
                found = [
                    x[
                        np.clip(np.rint(float(measure.share or 0) * (len(x) - 1) + r), 0, len(x) - 1).astype(
                            int
                        )
                    ]
                    if len(x)
                    else np.full(r.shape, np.nan)
                    for x, r in zip(lists, np.moveaxis(ranks, -1, 0), strict=True)
                ]
                return np.stack(found, axis=-1)


def exact(question: Question, facts: Facts) -> dict[str, Floats]:
    """Every measure's real value by cell."""
    return {m.alias: measured(m, facts.parts[m.alias]) for m in question.measures}


def reckon(value: Value, measures: Mapping[str, Floats]) -> Floats:
    """The same arithmetic as in the answer, on arrays."""
    if isinstance(value, Name):
        return measures[value.name]
    if isinstance(value, Number):
        return np.float64(value.value)  # type: ignore[return-value]
    left, right = reckon(value.left, measures), reckon(value.right, measures)
    with np.errstate(all="ignore"):
        return {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[value.op](left, right)


def names_in(value: Value) -> set[str]:
    if isinstance(value, Name):
        return {value.name}
    return set() if isinstance(value, Number) else names_in(value.left) | names_in(value.right)


def widths(wanted: Wanted, column: str, truth: Floats) -> Floats:
    target = wanted.target_of(column)
    return np.array([target.width(value) for value in truth])


def within(values: Floats, truth: Floats, width: Floats) -> Any:
    """True where a value is within its target; where nothing is real, nothing is asked."""
    with np.errstate(all="ignore"):
        return np.abs(values - truth) <= width * (1 + 1e-12)


def sure(values: Floats, truth: Floats, width: Floats) -> bool:
    """Whether enough cells are within their targets in enough draws (first axis)."""
    real = np.isfinite(truth)
    if not real.any():
        return False
    kept = within(values[..., real], truth[real], width[real]).mean(axis=0)
    return bool((kept >= SURE).mean() >= ENOUGH)


def counts_as_answered(hits: list[bool]) -> bool:
    """An answer is within its target when nine of ten of its cells are."""
    return bool(hits) and sum(hits) >= math.ceil(ENOUGH * len(hits))


def columns_of(finish: Finish) -> list[tuple[str, Value]]:
    return list(finish.columns)
