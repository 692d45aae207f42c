"""The loss that an attacker measures of a whole base release stays below the one that was paid.

The attacker knows every row of D and of D', which has one person less, and looks at all tables at once through the
statistic that tells the two apart best: the answers' projection on the difference, each table weighed by 1 / σ². That
person has as many rows as the bound allows, all in the same cells. Then the base is broken in each way that applies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.domain.policy import BudgetTerms, Column, ColumnType
from sandbox.domain.privacy_loss import epsilon_of
from sandbox.privacy.base import buy as buying
from sandbox.privacy.base.buy import count_rows
from sandbox.privacy.base.offer import BaseOffer, Wanted, offer
from sandbox.privacy.mechanisms.noise import draw
from tests.privacy.audit.loss import epsilon_at_least
from tests.privacy.audit.report import PAIRS, found
from tests.privacy.made_up import LIMITS, hospital, with_table
from tests.privacy.test_sensitivity import Cell, view_with

DELTA = 1e-3
WHOLE = hospital(max_rows_per_unit=4)
COLUMNS = {
    "patient_id": Column(type=ColumnType.TEXT),
    "city": Column(type=ColumnType.TEXT),
    "group": Column(type=ColumnType.INTEGER, categories=(0, 1, 2)),
    "x": Column(type=ColumnType.INTEGER, lower=0, upper=8),
}
POLICY = replace(
    with_table(WHOLE, columns=COLUMNS), budget=BudgetTerms(epsilon="4", delta="1e-3", base_percent=20)
)
PERSON = [Cell(0, 5)] * 6
OTHERS = [[Cell(n % 3, n % 8)] for n in range(12)]


@dataclass(frozen=True)
class Looked:
    """The counts of a table with and without the person, and its noise."""

    wanted: Wanted
    with_her: list[int]
    without: list[int]


def offered() -> BaseOffer:
    whole = offer(POLICY, "visits")
    assert whole is not None
    return whole


def counted(folder: Path) -> list[Looked]:
    one, other = (
        {w.axes: (w, c) for w, c in count_rows(offered(), view_with(folder, units, POLICY), LIMITS)}
        for units in ([*OTHERS, PERSON], OTHERS)
    )
    return [Looked(*one[axes], other[axes][1]) for axes in one]


def measured(looks: list[Looked], weaker: float = 1.0) -> float:
    """What the attacker measures; ``weaker`` divides the noise that is really drawn."""
    first, second = [0.0] * PAIRS, [0.0] * PAIRS
    for look in looks:
        noise = replace(look.wanted.noise, scale=look.wanted.noise.scale / weaker)
        away = [
            (i, a - b) for i, (a, b) in enumerate(zip(look.with_her, look.without, strict=True)) if a != b
        ]
        for statistic, counts in ((first, look.with_her), (second, look.without)):
            for i, difference in away:
                values = draw([counts[i]] * PAIRS, noise)
                for n, value in enumerate(values):
                    statistic[n] += difference * value / noise.scale**2
    return epsilon_at_least(first, second, delta=DELTA)


def test_a_whole_base_loses_no_more_than_was_paid(tmp_path: Path) -> None:
    whole = offered()
    claim = epsilon_of(whole.loss, delta=DELTA)
    looks = counted(tmp_path)
    loss = measured(looks)
    faults: dict[str, Callable[[], float]] = {
        "noise too small": lambda: measured(looks, weaker=6),
        "sensitivity of one row": lambda: measured(looks, weaker=4),
    }
    caught = {name: fault() for name, fault in faults.items()}
    found(
        "Whole releases (epsilon at δ = 0.001)",
        f"base release, {len(whole.wanted)} tables, {PAIRS:,} pairs",
        claimed=f"≤ {claim:.3f}",
        measured=f"≥ {loss:.3f}",
        control="; ".join(f"{name}: ≥ {value:.2f}" for name, value in caught.items()),
    )
    assert loss <= claim
    assert all(value > claim for value in caught.values()), caught


def test_the_person_weighs_all_that_was_paid_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero-concentrated loss of Gaussian noise: ρ = Σ ‖difference‖² / 2σ². Without the bound on rows it is more."""

    def rho(looks: list[Looked]) -> float:
        return sum(
            sum((a - b) ** 2 for a, b in zip(look.with_her, look.without, strict=True))
            / (2 * look.wanted.noise.scale**2)
            for look in looks
        )

    paid = offered().loss.measure
    assert math.isclose(rho(counted(tmp_path)), paid, rel_tol=1e-6)
    monkeypatch.setattr(buying, "bounded_rows", lambda table, rows_per_unit: table)
    assert rho(counted(tmp_path)) > 2 * paid
