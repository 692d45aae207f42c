"""The same questions to ``PrivateData``: one budget, priced by their target errors, with all that it remembers.

The asker knows what ``estimate`` says, and, as in the usual way, the real numbers: the least ε at which the noise and
the estimated loss to the bounds keep the target. What the answer then cost is what the ledger says.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from benchmarks.replay.facts import Cell, Facts, Floats, Raw, as_text, places_shown, shown_columns
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
from sandbox.domain.errors import SandboxError
from sandbox.domain.finish import Name, Value
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.question import MeasureKind
from sandbox.privacy import PrivateData
from sandbox.privacy.asking.parse import Asked
from sandbox.privacy.engines.duck import EngineLimits
from sandbox.privacy.mechanisms.noise import Z_95
from sandbox.privacy.mechanisms.quantiles import BRANCHES
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.stored import steps_per_one

LIMITS = EngineLimits(memory_mib=3000, threads=2, timeout_s=300)
EVEN = (
    MeasureKind.AVG,
    MeasureKind.VARIANCE,
    MeasureKind.STDDEV,
    MeasureKind.QUANTILE,
)  # they stay where they are when rows are left out evenly
UNLIKE = (
    0.25  # rows that the bounds leave out are supposed to differ from the others by a quarter of an average
)
FREE_SURE = 0.9  # of a free answer's cells: what costs nothing is taken where it is a little less sure
_NORMAL = NormalDist()
_TRIES = 300
_STEPS = 10
_LEAST = 0.002  # epsilon


@dataclass(frozen=True, slots=True)
class Asking:
    """What became of one question.

    Attributes:
        how: ``paid``, ``free`` (known, or it followed from what was), ``out of reach`` (what is left does not keep it).
        nano: what the ledger was charged.
        good: it was within its target.
    """

    number: int
    session: str
    how: str
    nano: int
    good: bool
    epsilon: float = 0.0


def replayed(
    raw: Raw,
    file: Path,
    questions: Sequence[Wanted],
    folder: Path,
    told: Callable[[str], object],
    *,
    base_percent: int = 0,
    most_percent: int = 100,
) -> tuple[list[Asking], PrivateData]:
    """Publish anew, with a whole budget, and ask all questions in order.

    Args:
        base_percent: what a base release is bought for first (percent of the budget); 0 for none.
        most_percent: what one question may take of the budget: the owner's limit.
    """
    shutil.rmtree(folder, ignore_errors=True)
    assert raw.policy.budget is not None  # noqa: S101
    policy = replace(
        raw.policy,
        budget=replace(raw.policy.budget, base_percent=base_percent, per_question_percent=most_percent),
    )
    data = PrivateData.publish(file, policy, folder=folder, limits=LIMITS)
    if base_percent:
        data.buy_base()
    lot, found = np.random.default_rng(4), []
    for wanted in questions:
        told("ours")
        found.append(_Asker(raw, data, wanted, lot).asking())
    return found, data


class _Asker:
    def __init__(self, raw: Raw, data: PrivateData, wanted: Wanted, lot: np.random.Generator) -> None:
        self.data, self.wanted, self.lot = data, wanted, lot
        self.asked: Asked = raw.read(wanted.sql)
        self.real: Facts = raw.facts(self.asked.question)
        self.truth = exact(self.asked.question, self.real)
        self.places = places_shown(self.asked, self.real, self.truth)
        self.columns = shown_columns(self.asked).columns
        self.noise: dict[tuple[str, str], Floats] = {}

    def asking(self) -> Asking:
        number, session = self.wanted.number, self.wanted.session
        known = self._known()
        if known is not None:
            return Asking(number, session, "free", 0, good=self._good(known))
        epsilon = self._epsilon()
        if epsilon is None:
            return Asking(number, session, "out of reach", 0, good=False)
        before = self.data.budget.spent
        try:
            document = self.data.ask(self.wanted.sql, epsilon=epsilon)
        except SandboxError:
            return Asking(number, session, "out of reach", 0, good=False, epsilon=epsilon)
        nano = self.data.budget.spent.nano - before.nano
        how = "paid" if nano else "free"
        return Asking(number, session, how, nano, good=self._good(document), epsilon=epsilon)

    def _known(self) -> dict[str, Any] | None:
        """A free answer, where its own intervals and its own estimated loss say that it is near enough."""
        words: tuple[dict[str, Any], ...] = (
            ({"free": True}, {}) if self.data.base is not None else ({"free": True},)
        )
        for said in words:  # from stored answers, then from the base release
            try:
                document = self.data.ask(self.wanted.sql, **said)
            except SandboxError:
                continue
            if self._near_enough(document):
                return document
        return None

    def _near_enough(self, document: Mapping[str, Any]) -> bool:
        lost = (document["bounding"]["estimated_loss_percent"] or 0) / 100
        near = []
        for row in document["rows"]:
            for name, value in self.columns:
                cell, counted = row[name], isinstance(value, Name)
                if cell["low"] is None or cell["value"] is None:
                    return False
                width = self.wanted.target_of(name).width(cell["value"])
                share = lost * (UNLIKE if self._average(value) else 1.0 if counted else 0.0)
                bias = share * abs(cell["value"])
                sigma = max((cell["high"] - cell["low"]) / 2 / Z_95, 1e-9)
                near.append(
                    _NORMAL.cdf((width - bias) / sigma) - _NORMAL.cdf((-width - bias) / sigma) >= FREE_SURE
                )
        return counts_as_answered(near)

    def _average(self, value: Value) -> bool:
        names = names_in(value)
        return any(m.alias in names and m.kind in EVEN for m in self.asked.question.measures)

    def _epsilon(self) -> float | None:
        """The least price by which the target is kept; None where none does."""
        terms = self.data.policy.budget
        assert terms is not None  # noqa: S101
        most = min(self.data.budget.left.nano, terms.per_question.nano)
        if most < 2:
            return None
        low, most_epsilon = _LEAST, terms.guarantee.epsilon(Loss(most - 1))
        high = most_epsilon
        if high <= low or not self._keeps(high):
            return None
        for _ in range(_STEPS):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if self._keeps(middle) else (middle, high)
        said = float(f"{high:.3g}")  # as people say it
        return said if said <= most_epsilon and self._keeps(said) else high

    def _keeps(self, epsilon: float) -> bool:
        try:
            plan = self.data.estimate(self.wanted.sql, epsilon=epsilon)
        except SandboxError:
            return False
        noisy = {
            m.alias: self._noisy(m.alias, plan)
            for m in self.asked.question.measures
            if any(m.alias in names_in(value) for _, value in self.columns)
        }
        for name, value in self.columns:
            truth = reckon(value, self.truth)[self.places]
            values = reckon(value, noisy)[..., self.places]
            if not sure(values, truth, widths(self.wanted, name, truth)):
                return False
        return True

    def _noisy(self, alias: str, plan: Plan) -> Floats:
        """Draws of a measure, by the plan's own noise and its own estimate of what the bounds leave out."""
        recipe = next(r for r in plan.recipes if r.measure.alias == alias)
        measure, parts = recipe.measure, self.real.parts[alias]
        column = plan.table.columns.get(measure.column)
        per_one = steps_per_one(column) if column is not None else 1
        middle = recipe.middle / per_one
        lost = plan.bounding_loss.percent / 100 if plan.bounding_loss is not None else 0.0
        moved = 1 - UNLIKE * lost  # of an average or a quantile
        counts_units = any(m.kind is not MeasureKind.COUNT_UNITS for m in plan.question.measures)
        keep = 1.0 if measure.kind is MeasureKind.COUNT_UNITS and counts_units else 1 - lost
        total = plan.noise(recipe.total)
        sigma = total.sigma() / (per_one if measure.kind is not MeasureKind.QUANTILE else 1)
        first = self._draw(alias, "total") * sigma
        match measure.kind:
            case MeasureKind.COUNT_ROWS | MeasureKind.COUNT_FILLED | MeasureKind.COUNT_UNITS:
                return next(iter(parts.values())) * keep + first
            case MeasureKind.QUANTILE:
                target = next(m.target for m in plan.measurements if m.target.name == recipe.total)
                nodes = (BRANCHES + 3 * (target.shape.levels - 1)) / 2  # on average about half of the most
                return moved * measured(measure, parts, first * math.sqrt(nodes), self.real.sorted[alias])
        count = self._draw(alias, "count") * (plan.noise(recipe.count).sigma() if recipe.count else 0.0)
        centred = parts["sum"] * keep - middle * parts["filled"] * keep + first
        filled = parts["filled"] * keep + count
        if measure.kind is MeasureKind.SUM:
            return centred + middle * filled
        if measure.kind is MeasureKind.AVG:
            return moved * measured(measure, {"sum": centred + middle * filled, "filled": filled})
        squares = parts["squares"] - 2 * middle * parts["sum"] + middle**2 * parts["filled"]
        noise = plan.noise(recipe.squares).sigma() / per_one**2
        squares = squares * keep + self._draw(alias, "squares") * noise
        return moved * measured(measure, {"sum": centred, "filled": filled, "squares": squares})

    def _draw(self, alias: str, part: str) -> Floats:
        if (alias, part) not in self.noise:
            self.noise[alias, part] = self.lot.standard_normal((_TRIES, len(self.real.cells)))
        return self.noise[alias, part]

    def _good(self, document: Mapping[str, Any]) -> bool:
        keys = [key.alias for key in self.asked.question.keys]
        at: dict[Cell, int] = {cell: place for place, cell in enumerate(self.real.cells)}
        shown_keys = [c["name"] for c in document["columns"] if c["kind"] == "key"]
        hits = []
        for row in document["rows"]:
            cell = tuple(as_text(row[name]) for name in (shown_keys if keys else ()))
            for name, value in self.columns:
                told = row[name]["value"]
                if cell not in at:
                    continue  # nobody is in it: no real answer to be near to
                truth = reckon(value, self.truth)[at[cell]]
                if np.isfinite(truth):
                    one = np.array([truth])
                    hits.append(
                        told is not None
                        and bool(within(np.array([float(told)]), one, widths(self.wanted, name, one))[0])
                    )
        return counts_as_answered(hits)
