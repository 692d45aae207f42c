"""What publishing adds up by unit and key serves groups plans with the very numbers that the rows would give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.errors import Tampered
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy
from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.answering import run
from sandbox.privacy.answering.contributions import kept_keys, key_served
from sandbox.privacy.asking.parse import read
from sandbox.privacy.planning.bounding import groups_plan
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.publishing import views
from tests.privacy.made_up import LIMITS, hospital, many_visits, published, row

MOST = 12


def policy() -> DatasetPolicy:
    made = hospital(max_rows_per_unit=MOST, city=Column(type=ColumnType.TEXT, unlisted_keys=True))
    return replace(made, budget=BudgetTerms(epsilon="8", unlisted_delta="5e-7"))


def rows() -> list[dict[str, object]]:
    """Many, and nasty ones: empty cells, cells beyond their bounds, long names, units with more rows than may be."""
    nasty = [
        row(f"heavy{n % 2}", sex="female", ward=str(1 + n % 3), age=str(300 - n), cost=f"{-40 + n}.25")
        for n in range(60)
    ]
    nasty += [row(f"long{n}", city="x" * (199 + n), age="5") for n in range(4)]
    return [*many_visits(80), *nasty, row("alone"), row("empty", ward="2", age="", cost="")]


SERVED = [
    "select ward, count(*) n from visits group by ward",
    "select ward, count(distinct patient_id) u, count(age) a from visits group by ward",
    "select sex, sum(cost) s, avg(age) m from visits group by sex",
    "select smoker, sum(age) s, avg(cost) m, count(cost) c from visits group by smoker",
    "select count(*) n, sum(cost) s from visits",
    "select city, count(*) n, sum(age) s from visits group by city",
]
NOT_SERVED = [
    "select ward, count(*) n from visits where age > 30 group by ward",
    "select ward, sex, count(*) n from visits group by ward, sex",
    "select floor(age / 10) * 10 as bin, count(*) n from visits group by bin",
    "select ward, stddev(age) s from visits group by ward",
    "select ward, count(*) n from visits group by ward having count(*) filter (where age > 30) > 0",
    "select sex, count(*) filter (where age > 40) n from visits group by sex",
    "select sex, count(distinct patient_id) filter (where age > 40) n from visits group by sex",
    "select sex, sum(case when age > 40 then cost end) n from visits group by sex",
    "select sex, corr(age, cost) n from visits group by sex",
]


def bounded(sql: str, groups: int, rows_per_group: int, *, most: int = MOST, cut: int = 0) -> Plan:
    question = read(sql, policy()).question
    cuts = (("sum_cost", cut),) if cut else ()
    bounding = groups_plan(
        rows_per_unit=most, cells=3, groups_per_unit=groups, rows_per_group=rows_per_group, cuts=cuts
    )
    return plan(question, policy(), target=Loss(100_000_000), bounding=bounding)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> views.View:
    return published(tmp_path_factory.mktemp("view"), rows(), policy())[1]


@pytest.mark.parametrize("sql", SERVED)
@pytest.mark.parametrize(
    ("groups", "rows_per_group", "cut"), [(1, 1, 0), (2, 3, 700), (3, MOST, 0), (1, 4, 12_345)]
)
def test_they_give_the_numbers_that_the_rows_give(
    view: views.View, sql: str, groups: int, rows_per_group: int, cut: int
) -> None:
    ready = bounded(sql, groups, rows_per_group, cut=cut)
    assert key_served(ready, unit_column="patient_id") in view.contributions
    the_long_way = replace(view, contributions={})
    found = run.count_found(ready, view, LIMITS)
    assert found == run.count_found(ready, the_long_way, LIMITS)
    assert any(any(numbers.values()) for numbers in found.values())


def test_the_comparison_can_fail(view: views.View) -> None:
    """The control: another key's contributions give other numbers."""
    ready = bounded(SERVED[0], 2, 3)
    other = replace(view, contributions={"ward": view.contributions["sex"]})
    with pytest.raises(Exception, match="ward"):
        run.count_found(ready, other, LIMITS)
    tighter = bounded(SERVED[0], 1, 1)
    assert run.count_found(ready, view, LIMITS) != run.count_found(tighter, view, LIMITS)


@pytest.mark.parametrize("sql", NOT_SERVED)
def test_what_was_not_added_up_goes_the_long_way(view: views.View, sql: str) -> None:
    ready = bounded(sql, 2, 3)
    assert key_served(ready, unit_column="patient_id") is None
    assert run.count_found(ready, view, LIMITS)


def test_rows_that_are_made_are_not_those_that_were_added_up(view: views.View) -> None:
    """One row for each patient and ward counts once, however many visits are behind it."""
    made = "(select patient_id, ward, count(*) c from visits group by patient_id, ward)"
    ready = bounded(f"select ward, count(*) n from {made} group by ward", 3, 4, most=4)
    assert key_served(ready, unit_column="patient_id") is None
    found = run.count_found(ready, view, LIMITS)
    assert found != run.count_found(bounded(SERVED[0], 3, 4), view, LIMITS)  # the control


def test_a_bound_on_all_rows_of_a_unit_goes_the_long_way() -> None:
    assert key_served(bounded(SERVED[0], 2, 3, most=5), unit_column="patient_id") is None


def test_with_one_row_per_unit_there_is_nothing_to_add_up(tmp_path: Path) -> None:
    one = hospital(max_rows_per_unit=1)
    assert kept_keys(one.tables["visits"]) == ()
    assert published(tmp_path, many_visits(5), one)[1].contributions == {}


def test_changed_contributions_are_noticed(tmp_path: Path) -> None:
    _, view = published(tmp_path, many_visits(20), policy())
    where = {"dataset": "hospital", "snapshot": view.snapshot}
    views.find(tmp_path / "views", **where)  # the control
    file = view.contributions["ward"]
    file.chmod(0o600)
    file.write_bytes(view.contributions["sex"].read_bytes())
    with pytest.raises(Tampered):
        views.find(tmp_path / "views", **where)
