"""Private answers over a table that stays where it is: publish, estimate, ask, budget, profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.errors import OverBudget
from sandbox.domain.policy import BudgetTerms
from sandbox.privacy import PrivateData
from tests.privacy.engines.conftest import House
from tests.privacy.engines.world import NAMES, POLICY, raw_rows
from tests.privacy.made_up import LIMITS

FRUGAL = replace(POLICY, budget=BudgetTerms(epsilon="2", per_question_percent=60))
SQL = "SELECT sex, COUNT(*) AS n, AVG(age) AS mean FROM visits GROUP BY sex"


def test_answers_over_a_table_that_stays_where_it_is(house: House, tmp_path: Path) -> None:
    source = house.load("stays", raw_rows(), NAMES)
    data = PrivateData.over(house.warehouse, source, FRUGAL, folder=tmp_path, limits=LIMITS)
    assert data.report.rows > 150
    assert data.profile is not None
    bought = data.budget.spent
    assert bought.nano > 0

    planned = data.estimate(SQL, epsilon=1.0)
    assert data.budget.spent == bought
    answer = data.ask(SQL, epsilon=1.0)
    assert [row["sex"] for row in answer["rows"]] == ["female", "male"]
    assert all(row["n"]["low"] < row["n"]["value"] < row["n"]["high"] for row in answer["rows"])
    assert data.budget.spent.nano == bought.nano + planned.loss.nano
    assert data.ask(SQL.lower(), epsilon=1.0) == answer, "paid for once"
    with pytest.raises(OverBudget):
        data.ask("SELECT COUNT(*) AS n FROM visits", epsilon=1.9)

    again = PrivateData.over(house.warehouse, source, FRUGAL, folder=tmp_path, limits=LIMITS)
    assert (again.snapshot, again.budget, again.profile) == (data.snapshot, data.budget, data.profile)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"p17" not in kept, "no unit's name"
    assert not list(tmp_path.rglob("*.parquet")), "and no row is in the folder"
