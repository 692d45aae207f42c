"""The usual way: each question priced by itself in pure ε with Laplace noise, ε adds up, nothing is remembered.

What is assumed, always in its favour where in doubt:

- L1 sensitivities at a bound of k rows of each unit: k for a count of rows, wherever they fall; k·max(|lower|, |upper|)
  for a sum; for an average half the range, and a count; min(k, cells) for a count of units.
- An average, a ratio or a deviation shares its ε evenly over the numbers it is worked out from.
- A quantile is drawn by the exponential mechanism over ranks at its better constant (ε, not ε/2); bins do not blur it.
- A price is the least ε at which the noise keeps the target error, found with the real numbers in hand; what no price
  can keep is not bought. Keys without a list are known for free.
- ``foresight``: the loss to the bound is known before as well, and what it would spoil is not bought. No one can know
  that; it is what the best possible asker of such a system would reach.
- A question that no longer fits is passed over, and later, cheaper ones are still answered.
- ``advanced`` composes the same answers by the zCDP bound (ρ = ε²/2 each) instead of the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.replay.facts import Facts, Floats, Raw, places_shown, shown_columns
from benchmarks.replay.reckoned import (
    counts_as_answered,
    exact,
    measured,
    names_in,
    reckon,
    sure,
    widths,
    within,
)
from benchmarks.workloads.told import Wanted
from sandbox.domain.finish import Value
from sandbox.domain.privacy_loss import loss_for_epsilon
from sandbox.domain.question import Measure, MeasureKind, Question
from sandbox.privacy.asking.parse import Asked

BUDGET, DELTA = 1.0, 1e-6
_TRIES = 300  # draws by which a price is found
_REPLAYS = 20  # replays over which the answers are averaged
_STEPS = 16


@dataclass(frozen=True, slots=True)
class Bought:
    """One question at its price; ``epsilons`` of the vectors that are measured for it."""

    wanted: Wanted
    epsilons: tuple[float, ...]
    answered: float  # the part of replays in which it was within its target


def priced(
    raw: Raw,
    questions: Sequence[Wanted],
    rows_per_unit: int,
    told: Callable[[str], object],
    *,
    foresight: bool,
) -> list[Bought]:
    """Every question that can be kept at this bound, with what it costs by itself."""
    lot, found = np.random.default_rng(3), []
    for wanted in questions:
        told(f"at most {rows_per_unit} rows of each unit")
        asked = raw.read(wanted.sql)
        real, kept = raw.facts(asked.question), raw.facts(asked.question, rows_per_unit)
        one = _One(raw, wanted, asked, real, _along(kept, real), rows_per_unit, lot, foresight)
        epsilons = [one.epsilon(name, value) for name, value in shown_columns(asked).columns]
        if all(e is not None for e, _ in epsilons):
            spent = [share for e, shares in epsilons if e is not None for share in shares]
            hits = one.hits(
                [(e, n) for (e, _), n in zip(epsilons, shown_columns(asked).columns, strict=True)]
            )
            found.append(Bought(wanted, tuple(spent), hits))
    return found


def answered(bought: Sequence[Bought], *, advanced: bool, most_percent: int) -> tuple[float, int]:
    """How many answers are within their targets, and how many were bought, before the budget is gone.

    Args:
        most_percent: what one question may take of the budget.
    """
    cap = loss_for_epsilon(BUDGET, delta=DELTA).measure if advanced else BUDGET
    spent, good, count = 0.0, 0.0, 0
    for one in bought:
        cost = sum(e * e / 2 if advanced else e for e in one.epsilons)
        if cost <= cap * most_percent / 100 and spent + cost <= cap:
            spent, good, count = spent + cost, good + one.answered, count + 1
    return good, count


class _One:
    """One question's numbers at one bound."""

    def __init__(
        self,
        raw: Raw,
        wanted: Wanted,
        asked: Asked,
        real: Facts,
        kept: Facts,
        k: int,
        lot: np.random.Generator,
        foresight: bool,
    ) -> None:
        self.foreseen = kept if foresight else real
        self.wanted, self.real, self.kept, self.k, self.lot = wanted, real, kept, k, lot
        self.question: Question = asked.question
        table = raw.policy.table(self.question.table)
        assert table is not None  # noqa: S101
        self.table = table
        self.truth = exact(self.question, real)
        self.places = places_shown(asked, real, self.truth)

    def epsilon(self, name: str, value: Value) -> tuple[float | None, list[float]]:
        """The least ε of each vector for one shown column (None: no price keeps it), and those of all of them."""
        truth = reckon(value, self.truth)[self.places]
        width = widths(self.wanted, name, truth)
        draws = self._draws(value, _TRIES)

        def keeps(e: float) -> bool:
            return sure(self._values(value, draws, e, self.foreseen)[..., self.places], truth, width)

        low, high = 1e-6, BUDGET
        if not keeps(high):
            return None, []
        for _ in range(_STEPS):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if keeps(middle) else (middle, high)
        return high, [high] * self._vectors(value)

    def hits(self, columns: list[tuple[float | None, tuple[str, Value]]]) -> float:
        """The part of fresh answers that are within."""
        good = [[] for _ in range(_REPLAYS)]  # type: list[list[bool]]
        for e, (name, value) in columns:
            truth = reckon(value, self.truth)[self.places]
            values = self._values(value, self._draws(value, _REPLAYS), e or 0.0, self.kept)[..., self.places]
            inside = within(values, truth, widths(self.wanted, name, truth))
            for replay in range(_REPLAYS):
                good[replay] += [
                    bool(x) for x, t in zip(inside[replay], truth, strict=True) if np.isfinite(t)
                ]
        return sum(counts_as_answered(hits) for hits in good) / _REPLAYS

    def _measures(self, value: Value) -> list[Measure]:
        names = names_in(value)
        return [m for m in self.question.measures if m.alias in names]

    def _scales(self, measure: Measure) -> dict[str, float]:
        """The L1 sensitivity of each number that is measured for a measure."""
        column = self.table.columns.get(measure.column)
        low, high = (column.lower or 0, column.upper or 0) if column is not None else (0, 0)
        half, k = (high - low) / 2, self.k
        match measure.kind:
            case MeasureKind.COUNT_ROWS:
                return {"rows": k}
            case MeasureKind.COUNT_FILLED:
                return {"filled": k}
            case MeasureKind.COUNT_UNITS:
                return {"units": min(k, len(self.real.cells))}
            case MeasureKind.SUM:
                return {"sum": k * max(abs(low), abs(high))}
            case MeasureKind.AVG:
                return {"sum": k * half, "filled": k}
            case MeasureKind.VARIANCE | MeasureKind.STDDEV:
                return {"sum": k * half, "filled": k, "squares": k * half**2}
            case _:
                share = float(measure.share or 0)
                return {"rank": k * max(share, 1 - share)}

    def _vectors(self, value: Value) -> int:
        return sum(len(self._scales(m)) for m in self._measures(value))

    def _draws(self, value: Value, times: int) -> dict[tuple[str, str], Floats]:
        """Laplace noise of scale 1 for all numbers of a column."""
        return {
            (m.alias, part): self.lot.laplace(size=(times, len(self.real.cells)))
            for m in self._measures(value)
            for part in self._scales(m)
        }

    def _values(self, value: Value, draws: dict[tuple[str, str], Floats], e: float, facts: Facts) -> Floats:
        noisy = {}
        for m in self._measures(value):
            exact_parts = facts.parts[m.alias]
            noise = {part: draws[m.alias, part] * scale / e for part, scale in self._scales(m).items()}
            if m.kind is MeasureKind.QUANTILE:
                noisy[m.alias] = measured(m, exact_parts, noise["rank"], facts.sorted[m.alias])
                continue
            middle = self._middle(m)
            parts = {}
            for part, numbers in exact_parts.items():
                parts[part] = numbers + noise.get(part, 0)
            if m.kind is not MeasureKind.SUM and "sum" in parts:
                # Centred: what is measured is the sum less the middle for each row, and the middle is added again.
                n = exact_parts["filled"]
                parts["sum"] = parts["sum"] + middle * (parts["filled"] - n)
                if "squares" in parts:
                    centred = exact_parts["squares"] - 2 * middle * exact_parts["sum"] + middle**2 * n
                    parts = {
                        "sum": parts["sum"] - middle * parts["filled"],
                        "filled": parts["filled"],
                        "squares": centred + noise["squares"],
                    }
            noisy[m.alias] = measured(m, parts)
        return reckon(value, noisy)

    def _middle(self, measure: Measure) -> float:
        column = self.table.columns.get(measure.column)
        return ((column.lower or 0) + (column.upper or 0)) / 2 if column is not None else 0.0


def _along(kept: Facts, real: Facts) -> Facts:
    """Bounded facts in the order of the real cells; a cell that the bound emptied is empty."""
    at = {cell: place for place, cell in enumerate(kept.cells)}
    places = [at.get(cell, -1) for cell in real.cells]

    def ordered(numbers: Floats) -> Floats:
        return np.array([numbers[p] if p >= 0 else 0.0 for p in places])

    return Facts(
        cells=real.cells,
        parts={m: {part: ordered(x) for part, x in parts.items()} for m, parts in kept.parts.items()},
        sorted={
            m: tuple(lists[p] if p >= 0 else np.array([]) for p in places) for m, lists in kept.sorted.items()
        },
    )
