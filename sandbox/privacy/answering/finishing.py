"""A paid answer → the answer as it was asked to look: arithmetic, HAVING, ORDER BY and LIMIT on noisy values.

- Only an answer that left already, or is about to, is read here: no row, no exact number. So it is free.
- A derived value keeps an interval where one is known to cover, and none (None) where none is:
  a value times and plus constants has its own interval, moved; a sum of counts and sums is normal, with a variance
  that follows from the plan (``_Linear``); a ratio of two such is Fieller's (``ratio``); all else has none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any

from sandbox.domain.answer import document_of, document_to_bytes
from sandbox.domain.evidence import is_count
from sandbox.domain.finish import (
    Arithmetic,
    Cell,
    EmptyAt,
    Finish,
    Name,
    Number,
    Otherwise,
    Rounded,
    Value,
    finished_rows,
    finished_sql,
    rounded,
    valued,
)
from sandbox.domain.question import MeasureKind, Question
from sandbox.privacy.mechanisms.fieller import ratio
from sandbox.privacy.mechanisms.noise import Z_95
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.stored import steps_per_one

NOTE = "Arithmetic, HAVING, ORDER BY and LIMIT used noisy values, and cost nothing."
HAVING_NOTE = (
    "HAVING kept rows by their noisy values: near the limit, a row may be here or missing by chance."
)


@dataclass(frozen=True, slots=True)
class _Linear:
    """``constant`` + Σ ``weights[name]`` · name, over columns of the answer."""

    weights: Mapping[str, float]
    constant: float = 0.0

    def plus(self, other: _Linear, times: float = 1.0) -> _Linear:
        names = {**self.weights, **other.weights}
        weights = {n: self.weights.get(n, 0.0) + times * other.weights.get(n, 0.0) for n in names}
        return _Linear({n: w for n, w in weights.items() if w}, self.constant + times * other.constant)

    def at(self, values: Mapping[str, float]) -> float:
        return self.constant + math.fsum(w * values[n] for n, w in self.weights.items())


@dataclass(frozen=True, slots=True)
class _Ratio:
    over: _Linear
    under: _Linear


def finished(body: bytes, finish: Finish, plan: Plan | None, *, question: Question | None = None) -> bytes:
    """The bytes of an answer with ``finish`` applied.

    Args:
        body: the answer of the plan's question, as it is stored.
        plan: None for an answer that is not one of independent noise: then what is reckoned from several of its
            values has no interval.
        question: what it answers, where there is no plan.
    """
    asked = question if plan is None else plan.question
    if asked is None:
        raise ValueError("an answer is finished by its plan or its question")
    document = document_of(body)
    kinds = {column["name"]: column for column in document["columns"]}
    cells = [_values(row) for row in document["rows"]]
    kept = finished_rows(finish, list(enumerate(cells)))
    notes = list(document.get("notes", ())) + [NOTE] + ([HAVING_NOTE] if finish.having is not None else [])
    document |= {
        "shown": finished_sql(asked, finish),
        "columns": [_column(name, value, kinds) for name, value in finish.columns],
        "rows": [
            {name: _cell(value, document["rows"][place], row, plan) for name, value in finish.columns}
            for place, row in kept
        ],
        "notes": notes,
    }
    return document_to_bytes(document)


def _values(row: Mapping[str, Any]) -> dict[str, Cell]:
    """A row's plain values, without intervals."""
    return {name: cell["value"] if isinstance(cell, dict) else cell for name, cell in row.items()}


def _column(name: str, value: Value, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(value, Name):
        return {**known[value.name], "name": name}
    return {"name": name, "kind": "derived", "error_95": None, "measured_in": ""}


def _cell(value: Value, row: Mapping[str, Any], values: Mapping[str, Cell], plan: Plan | None) -> Any:
    match value:
        case Name(name):
            return row[name]
        case Rounded(inner, digits):
            return _rounded(_cell(inner, row, values, plan), digits)
        case Otherwise(inner, _) | EmptyAt(inner, _) if valued(value, values) == valued(inner, values):
            return _cell(inner, row, values, plan)
        case Otherwise() | EmptyAt():
            return {"value": valued(value, values), "low": None, "high": None}
    found = valued(value, values)
    if found is None or isinstance(found, bool | str):
        return {"value": None, "low": None, "high": None}
    form = _form(value)
    interval = None if form is None else _interval(form, row, plan)
    if isinstance(form, _Ratio) and interval is None and plan is not None and _gaussian(form.under, plan):
        return {"value": None, "low": None, "high": None}  # too near 0 to divide by
    low, high = interval if interval is not None and all(map(math.isfinite, interval)) else (None, None)
    return {"value": found, "low": low, "high": high}


def _rounded(cell: Any, digits: int) -> Any:
    """The value rounded, and its interval outwards: what it covered it covers still."""
    if not isinstance(cell, dict):
        return cell
    return {
        "value": rounded(cell["value"], digits),
        "low": rounded(cell["low"], digits, ROUND_FLOOR),
        "high": rounded(cell["high"], digits, ROUND_CEILING),
    }


def _form(value: Value) -> _Linear | _Ratio | None:
    """The value as a sum, or as a ratio of two; None where it is neither."""
    match value:
        case Name(name):
            return _Linear({name: 1.0})
        case Number(number):
            return _Linear({}, float(number))
        case Arithmetic(op, left, right):
            one, other = _form(left), _form(right)
            if one is None or other is None:
                return None
            if op in "+-":
                return _added(one, other, 1.0 if op == "+" else -1.0)
            if op == "*":
                return _times(one, other) or _times(other, one)
            return _over(one, other)
        case Otherwise(inner, _) | EmptyAt(inner, _):
            return _form(inner)  # where it is another number, an empty value leaves no interval
        case Rounded():
            return None


def _added(one: _Linear | _Ratio, other: _Linear | _Ratio, sign: float) -> _Linear | _Ratio | None:
    if isinstance(one, _Linear) and isinstance(other, _Linear):
        return one.plus(other, sign)
    if isinstance(one, _Ratio) and isinstance(other, _Linear) and not other.weights:
        return _Ratio(one.over.plus(one.under, sign * other.constant), one.under)
    if isinstance(one, _Linear) and isinstance(other, _Ratio) and not one.weights:
        minus = _Linear({}).plus(other.over, sign)
        return _Ratio(minus.plus(other.under, one.constant), other.under)
    return None


def _times(one: _Linear | _Ratio, other: _Linear | _Ratio) -> _Linear | _Ratio | None:
    """``one`` times ``other``, where ``other`` is a constant."""
    if not isinstance(other, _Linear) or other.weights:
        return None
    if isinstance(one, _Linear):
        return _Linear({}).plus(one, other.constant)
    return _Ratio(_Linear({}).plus(one.over, other.constant), one.under)


def _over(one: _Linear | _Ratio, other: _Linear | _Ratio) -> _Linear | _Ratio | None:
    if isinstance(other, _Linear) and not other.weights:
        return _times(one, _Linear({}, 1 / other.constant)) if other.constant else None
    if isinstance(one, _Linear) and isinstance(other, _Linear):
        return _Ratio(one, other)
    if isinstance(one, _Linear) and isinstance(other, _Ratio) and not one.weights:
        return (
            None  # the reciprocal of a ratio is empty where its upper part may be 0: no interval is claimed
        )
    return None


def _interval(
    form: _Linear | _Ratio, row: Mapping[str, Any], plan: Plan | None
) -> tuple[float, float] | None:
    if isinstance(form, _Ratio):
        if plan is None or not (_gaussian(form.over, plan) and _gaussian(form.under, plan)):
            return None
        values = {name: row[name]["value"] for name in (*form.over.weights, *form.under.weights)}
        return ratio(
            over=form.over.at(values),
            under=form.under.at(values),
            over_variance=_covariance(form.over, form.over, plan),
            under_variance=_covariance(form.under, form.under, plan),
            covariance=_covariance(form.over, form.under, plan),
        )
    if not form.weights:
        return form.constant, form.constant
    if len(form.weights) == 1:
        ((name, weight),) = form.weights.items()
        ends = (row[name]["low"], row[name]["high"])
        if None in ends:
            return None
        low, high = sorted(form.constant + weight * end for end in ends)
        return low, high
    if plan is None or not _gaussian(form, plan):
        return None
    middle = form.at({name: row[name]["value"] for name in form.weights})
    # Noise moves in whole steps: half of the widest one covers what the normal law leaves out where it is small.
    half_step = max(abs(c) for c in _over_targets(form, plan).values()) / 2
    width = Z_95 * math.sqrt(_covariance(form, form, plan)) + half_step
    return middle - width, middle + width


def _gaussian(form: _Linear, plan: Plan) -> bool:
    """True for a sum of counts and sums: their noise is normal, and known before the answer."""
    kinds = {m.alias: m.kind for m in plan.question.measures}
    return all(n in kinds and (is_count(kinds[n]) or kinds[n] is MeasureKind.SUM) for n in form.weights)


def _over_targets(form: _Linear, plan: Plan) -> dict[str, float]:
    """The weight of each measured vector in the sum: aggregates of one question may share some."""
    found: dict[str, float] = {}
    for recipe in plan.recipes:
        weight = form.weights.get(recipe.measure.alias)
        if weight is None:
            continue
        if recipe.measure.kind is MeasureKind.SUM:
            weight /= steps_per_one(plan.table.columns[recipe.measure.column])
        found[recipe.total] = found.get(recipe.total, 0.0) + weight
        if recipe.count:
            found[recipe.count] = found.get(recipe.count, 0.0) + weight * recipe.middle
    return found


def _covariance(one: _Linear, other: _Linear, plan: Plan) -> float:
    first, second = _over_targets(one, plan), _over_targets(other, plan)
    return math.fsum(w * second[t] * plan.noise(t).sigma() ** 2 for t, w in first.items() if t in second)
