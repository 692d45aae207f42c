"""The intervals that an answer shows cover the truth in 95 of 100 draws: real vectors, real noise, real answer.

The truth here is the bounded one: how much the bounds leave out is told by another number of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.noise import draw
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.publishing.views import View
from tests.privacy.audit.report import INTERVALS, found
from tests.privacy.made_up import LIMITS, hospital, many_visits, published

POLICY = hospital()
SLACK = 5 * (0.95 * 0.05 / INTERVALS) ** 0.5  # five deviations: 1.1 % over 10 000 intervals
FEW, MANY = Loss(200_000), Loss(40_000_000)  # noise of about 200 and 14 rows
RICH = Loss(20_000_000_000)  # spreads are small beside their bounds' squares: they need more

# Name, question, price, and the most that may cover: where the noise is a few whole numbers wide, or values that
# cannot be are cut off, intervals are wider than they would have to be.
AGGREGATES: list[tuple[str, str, Loss, float]] = [
    ("COUNT(*)", "select count(*) v from visits", FEW, 0.95),
    ("COUNT(*) by key", "select ward, count(*) v from visits group by ward", MANY, 0.96),
    ("COUNT(DISTINCT unit)", "select count(distinct patient_id) v from visits", FEW, 0.95),
    (
        "COUNT(DISTINCT unit) by key",
        "select ward, count(distinct patient_id) v from visits group by ward",
        MANY,
        0.98,
    ),
    ("SUM", "select sum(cost) v from visits", MANY, 0.95),
    ("SUM by key", "select ward, sum(cost) v from visits group by ward", MANY, 0.95),
    (
        "SUM beside AVG (noise of both)",
        "select sum(age) v, avg(age) a from visits",
        MANY,
        0.95,
    ),
    ("AVG over many rows", "select avg(age) v from visits", Loss(20_000_000_000), 0.96),
    ("AVG over few rows", "select ward, avg(cost) v from visits group by ward", Loss(2_000_000_000), 1.0),
    ("COUNT(DISTINCT column)", "select count(distinct cost) v from visits", FEW, 0.95),
    (
        "COUNT(*) FILTER by key",
        "select ward, count(*) filter (where smoker) v from visits group by ward",
        MANY,
        0.96,
    ),
    ("SUM of CASE", "select sum(case when smoker then cost else 0 end) v from visits", MANY, 0.95),
    ("VAR_SAMP", "select var_samp(age) v from visits", RICH, 0.95),
    ("VAR_SAMP by key", "select ward, var_samp(cost) v from visits group by ward", RICH, 0.95),
    ("VAR_SAMP over few rows", "select var_samp(age) v from visits", Loss(60_000_000), 1.0),
    ("STDDEV", "select stddev(cost) v from visits", RICH, 0.95),
    ("COVAR_SAMP", "select covar_samp(age, cost) v from visits", RICH, 0.95),
    ("COVAR_POP by key", "select ward, covar_pop(age, cost) v from visits group by ward", RICH, 0.95),
    ("COVAR_SAMP over few rows", "select covar_samp(age, cost) v from visits", Loss(60_000_000), 1.0),
    ("CORR", "select corr(age, cost) v from visits", RICH, 0.95),
    ("CORR of some rows", "select corr(age, cost) filter (where age > 25) v from visits", RICH, 0.95),
]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return published(tmp_path_factory.mktemp("intervals"), many_visits(400))[1]


def answered(ready: Plan, noisy: Mapping[str, list[int]]) -> list[dict[str, Any]]:
    document = assemble(ready, noisy, dataset="hospital", snapshot="").document()
    return [row["v"] for row in document["rows"]]


def covered(
    ready: Plan, exact: dict[str, list[int]], change: Callable[[float], float]
) -> tuple[float, float]:
    """The share of intervals that hold the truth, and of cells that say anything.

    Args:
        change: what the answer is made to believe of a noise's scale.
    """
    certain = plan(ready.question, POLICY, target=Loss(10**22))
    truths = [cell["value"] for cell in answered(certain, exact)]
    believed = replace(
        ready,
        measurements=tuple(
            replace(m, noise=replace(m.noise, scale=change(m.noise.scale))) for m in ready.measurements
        ),
    )
    times = -(-INTERVALS // len(truths))
    drawn = {
        m.target.name: [draw([value] * times, m.noise) for value in exact[m.target.name]]
        for m in ready.measurements
    }
    right = said = 0
    for n in range(times):
        noisy = {name: [cell[n] for cell in cells] for name, cells in drawn.items()}
        for truth, shown in zip(truths, answered(believed, noisy), strict=True):
            if shown["value"] is not None:
                said += 1
                right += shown["low"] <= truth <= shown["high"]
    return right / max(1, said), said / (times * len(truths))


@pytest.mark.parametrize(("name", "sql", "price", "most"), AGGREGATES, ids=[a[0] for a in AGGREGATES])
def test_an_interval_covers_the_truth_in_95_of_100_draws(
    view: View, name: str, sql: str, price: Loss, most: float
) -> None:
    ready = plan(parse(sql, POLICY), POLICY, target=price)
    exact = count_exactly(ready, view, LIMITS)
    share, shown = covered(ready, exact, lambda scale: scale)
    too_sure, _ = covered(ready, exact, lambda scale: 0.7 * scale)
    found(
        "Coverage of 95 % intervals",
        f"{name}, {INTERVALS:,} intervals",
        claimed="95 %" if most < 0.96 else f"95 % to {most:.0%}",
        measured=f"{share:.1%}" + (f" (of the {shown:.0%} that say anything)" if shown < 1 else ""),
        control=f"intervals for 0.7 of the noise: {too_sure:.1%}",
    )
    assert share >= 0.95 - SLACK
    assert share <= most + SLACK
    assert too_sure < 0.95 - SLACK
    assert shown > 0.5


def test_the_truth_that_is_compared_with_is_the_one_of_the_rows(tmp_path: Path) -> None:
    """So that coverage is not measured around a number of the audit's own making."""
    _, view = published(tmp_path, many_visits(30))
    question = parse("select count(*) v from visits where sex = 'male'", POLICY)
    ready = plan(question, POLICY, target=MANY)
    (shown,) = answered(ready, count_exactly(ready, view, LIMITS))
    assert shown["value"] == sum(r["sex"] == "male" for r in many_visits(30))
