"""Spreads and quantiles computed again: exact, with whose they are."""

from __future__ import annotations

import random
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.evidence import (
    Contributors,
    EvidenceRow,
    Sides,
    evidence_document,
    evidence_from_document,
)
from sandbox.domain.policy import Column, ColumnType
from tests.privacy.made_up import Asked, hospital, row

POLICY = hospital(max_rows_per_unit=3, wide=Column(type=ColumnType.INTEGER, lower=0, upper=9 * 10**15))


def visits(count: int = 200) -> list[dict[str, Any]]:
    lot = random.Random(4)
    return [
        row(f"p{n % 150}", sex=lot.choice(["female", "male"]), age=lot.choice(["", "7", "7", "31", "64", "100"]),
            cost=f"{lot.uniform(-9, 499):.2f}", wide=lot.choice([3, 10**15]))
        for n in range(count)
    ]  # fmt: skip


def of(box: Asked, aggregate: str, *, where: str = "") -> dict[str, EvidenceRow]:
    sql = f"select sex, {aggregate} as x from visits {where} group by sex"
    return {str(r.key[0]): r for r in box.engine.evidence(**box.where, sql=sql).rows}


@pytest.mark.parametrize(
    ("aggregate", "column", "truth"),
    [
        ("stddev(cost)", "cost", statistics.stdev),
        ("var_samp(cost)", "cost", statistics.variance),
        ("stddev(age)", "age", statistics.stdev),
        ("variance(age)", "age", statistics.variance),
        ("median(cost)", "cost", statistics.median),
        ("median(age)", "age", statistics.median),
        ("quantile_cont(cost, 0.05)", "cost", lambda v: np.quantile(v, 0.05)),
        ("quantile_cont(age, 0.333)", "age", lambda v: np.quantile(v, 0.333)),
        ("percentile_cont(0.9) within group (order by cost)", "cost", lambda v: np.quantile(v, 0.9)),
        ("stddev(wide)", "wide", statistics.stdev),
        ("median(wide)", "wide", statistics.median),
    ],
)
def test_spreads_and_quantiles_are_the_exact_ones(
    tmp_path: Path, aggregate: str, column: str, truth: Any
) -> None:
    found = of(Asked(tmp_path, visits(), POLICY), aggregate)
    for sex in ("female", "male"):
        cells = [float(r[column]) for r in visits() if r["sex"] == sex and r[column] != ""]
        assert float(str(found[sex].values["x"])) == pytest.approx(float(truth(cells)), rel=1e-10)


def test_each_units_part_of_a_spread_is_its_squared_distance_from_the_mean(tmp_path: Path) -> None:
    rows = [row(f"p{n}", sex="male", age=age) for n, age in enumerate([10, 10, 10, 10, 90])]
    rows.append(row("p4", sex="male", age=20))  # the far one again, near the mean of 25
    found = of(Asked(tmp_path, rows, POLICY), "stddev(age)")["male"].contributors["x"]
    fine = 1000**2
    assert found == Contributors(
        largest=(65**2 + 5**2) * fine, second=15**2 * fine, total=(65**2 + 5**2 + 4 * 15**2) * fine, givers=5, equal=False
    )  # fmt: skip


def test_units_on_each_side_are_distinct_and_the_one_in_the_middle_is_on_none(tmp_path: Path) -> None:
    rows = [row(f"p{n}", sex="male", age=n) for n in range(11)]
    rows += [row("p0", sex="male", age=0), row("p10", sex="male", age=99)]  # rows, and nobody new
    box = Asked(tmp_path, rows, POLICY)
    assert of(box, "median(age)")["male"].sides["x"] == Sides(below=5, above=5, equal=False)
    assert of(box, "quantile_cont(age, 0.25)")["male"].sides["x"] == Sides(below=2, above=8, equal=False)
    same = of(box, "median(age)", where="where age = 3")["male"]
    assert same.sides["x"] == Sides(below=0, above=0, equal=True)


def test_cells_without_enough_values_have_none(tmp_path: Path) -> None:
    box = Asked(tmp_path, [row("a", sex="male", age=4), row("b", sex="female")], POLICY)
    assert [of(box, "stddev(age)")[sex].values["x"] for sex in ("female", "male")] == [None, None]
    assert [of(box, "median(age)")[sex].values["x"] for sex in ("female", "male")] == [None, "4.000000000000"]


def test_a_value_too_large_to_be_squared_leaves_the_spread_unknown_and_fails_nothing(tmp_path: Path) -> None:
    rows = [
        row("a", sex="male", wide=8 * 10**15),
        row("b", sex="male", wide=2),
        row("c", sex="female", wide=2),
    ]
    found = of(Asked(tmp_path, rows, POLICY), "stddev(wide)")
    assert "x" not in found["male"].values
    assert found["female"].values == {"x": None}


def test_evidence_goes_between_processes_whole(tmp_path: Path) -> None:
    box = Asked(tmp_path, visits(), POLICY)
    sql = "select sex, median(age) as m, stddev(cost) as s from visits group by sex"
    evidence = box.engine.evidence(**box.where, sql=sql)
    assert evidence_from_document(evidence_document(evidence)) == evidence


@pytest.mark.parametrize(
    "aggregate", ["corr(age, cost)", "median(age) filter (where smoker)", "count(distinct city)"]
)
def test_what_has_no_units_to_hold_it_beside_is_no_evidence(tmp_path: Path, aggregate: str) -> None:
    with pytest.raises(QuestionRefused, match="exact rows"):
        of(Asked(tmp_path, visits(20), POLICY), aggregate)
