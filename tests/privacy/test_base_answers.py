"""Counts from the base release: what they say, how sure they are, and what is not answered from it."""

from __future__ import annotations

import functools
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.policy import BudgetTerms, Column, ColumnType
from sandbox.privacy.answering.recompute import recompute
from sandbox.privacy.asking.parse import read
from sandbox.privacy.base.answer import answer_from, known
from sandbox.privacy.base.buy import count_rows
from sandbox.privacy.base.cells import NotInBase
from sandbox.privacy.base.design import shares
from sandbox.privacy.base.free import free_answer
from sandbox.privacy.base.least_squares import Axes, Measured, reconciled
from sandbox.privacy.base.modelling import Model, fitted, not_negative
from sandbox.privacy.base.offer import offer, tables_of
from sandbox.privacy.base.release import BaseRelease, NoisyTable
from sandbox.privacy.base.sample import drawn, parted
from sandbox.privacy.mechanisms.noise import draw
from sandbox.privacy.publishing.views import View
from tests.privacy.made_up import LIMITS, SALT, hospital, many_visits, published

POLICY = replace(
    hospital(
        max_rows_per_unit=4,
        admitted=Column(type=ColumnType.DATE, earliest="2013-01-01", latest="2013-12-31"),
        cost=Column(type=ColumnType.DECIMAL, resolution="0.01", lower=0, upper=500),
    ),
    budget=BudgetTerms(epsilon="8", base_percent=50),
)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return published(tmp_path_factory.mktemp("base"), many_visits(400), POLICY, salt=SALT)[1]


@pytest.fixture(scope="module")
def exact(view: View) -> BaseRelease:
    """A base without noise: what it says has to be true."""
    whole = offer(POLICY, "visits")
    assert whole is not None
    tables = tuple(
        NoisyTable(axes=wanted.axes, counts=tuple(counts), scale=1e-6)
        for wanted, counts in count_rows(whole, view, LIMITS)
    )
    return BaseRelease(
        table="visits", snapshot=view.snapshot, nano=1, rows_per_unit=4, lost_percent="", columns=whole.columns,
        tables=tables,
    )  # fmt: skip


def noisy(base: BaseRelease, *, believed: float = 1.0) -> BaseRelease:
    """A draw of it at the offered price; ``believed`` is what is said of the noise, against what it is."""
    whole = offer(POLICY, "visits")
    assert whole is not None
    noises = {wanted.axes: wanted.noise for wanted in whole.wanted}
    return replace(
        base,
        tables=tuple(
            replace(
                t,
                counts=tuple(draw(t.counts, noises[t.axes])),
                scale=believed * noises[t.axes].sigma(),
            )
            for t in base.tables
        ),
    )


def rows_of(base: BaseRelease, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = free_answer(base, read(sql, POLICY), POLICY).document["rows"]
    return rows


MEASURED = [
    "SELECT COUNT(*) AS n FROM visits",
    "SELECT sex, COUNT(*) AS n FROM visits GROUP BY sex",
    "SELECT smoker, ward, COUNT(*) AS n FROM visits GROUP BY smoker, ward",
    "SELECT COUNT(age) AS n FROM visits",
    "SELECT COUNT(*) AS n, COUNT(cost) AS c FROM visits WHERE ward = 2",
    "SELECT FLOOR(age / 10) * 10 AS decade, COUNT(*) AS n FROM visits GROUP BY decade",
    "SELECT FLOOR(age / 20) * 20 AS score, COUNT(*) AS n FROM visits GROUP BY score",
    "SELECT COUNT(*) AS n FROM visits WHERE age < 40",
    "SELECT COUNT(*) AS n FROM visits WHERE age >= 30 AND age < 60 AND sex = 'male'",
    "SELECT COUNT(*) AS n FROM visits WHERE age BETWEEN 30 AND 59 OR ward IN (1, 3)",
    "SELECT COUNT(*) AS n FROM visits WHERE NOT (age < 40 AND smoker)",
    "SELECT COUNT(*) AS n FROM visits WHERE age IS NULL",
    "SELECT sex, COUNT(*) AS n FROM visits WHERE smoker IS NOT NULL GROUP BY sex",
    "SELECT COUNT(*) AS n FROM visits WHERE smoker",
    "SELECT COUNT(*) AS n FROM visits WHERE sex <> 'male'",
    "SELECT COUNT(*) AS n FROM visits WHERE ward <= 2",
    "SELECT COUNT(*) AS n FROM visits WHERE cost < 100 AND sex = 'female'",
    "SELECT COUNT(*) AS n FROM visits WHERE cost > 149.99",
    "SELECT DATE_TRUNC('month', admitted) AS m, COUNT(*) AS n FROM visits GROUP BY m",
    "SELECT DATE_TRUNC('quarter', admitted) AS q, sex, COUNT(*) AS n FROM visits GROUP BY q, sex",
    "SELECT EXTRACT(month FROM admitted) AS m, COUNT(*) AS n FROM visits GROUP BY m",
    "SELECT COUNT(*) AS n FROM visits WHERE admitted >= DATE '2013-04-01' AND admitted < DATE '2013-07-01'",
    "SELECT CASE WHEN age < 30 THEN 'young' WHEN age < 70 THEN 'middle' ELSE 'else' END AS a, COUNT(*) AS n "
    "FROM visits GROUP BY a",
    "SELECT CASE WHEN ward = 1 THEN 'first' END AS w, COUNT(*) AS n FROM visits WHERE smoker GROUP BY w",
    "SELECT age >= 50 AS older, COUNT(*) AS n FROM visits GROUP BY older",
]
MODELLED = [
    "SELECT COUNT(*) AS n FROM visits WHERE ward = 2 AND sex = 'male' AND smoker",
    "SELECT sex, ward, smoker, COUNT(*) AS n FROM visits GROUP BY sex, ward, smoker",
]


@pytest.mark.parametrize("sql", MEASURED)
def test_without_noise_a_measured_count_is_what_the_rows_say(
    view: View, exact: BaseRelease, sql: str
) -> None:
    question = read(sql, POLICY).question
    truth = recompute(question, view, LIMITS)
    keys = [key.alias for key in question.keys]
    found = {tuple(r[k] for k in keys): r for r in answer_from(exact, question, POLICY).document()["rows"]}
    for row in truth.rows:
        for name, value in row.values.items():
            shown = found[row.key][name]
            assert shown["value"] == value, (sql, row.key)
            assert shown["low"] <= value <= shown["high"]


def test_rows_that_count_for_one_aggregate_alone_are_those_of_its_own_condition(exact: BaseRelease) -> None:
    by = "FROM visits GROUP BY sex"
    both = rows_of(
        exact,
        "SELECT sex, COUNT(*) AS n, COUNT(*) FILTER (WHERE age >= 60) AS old, "
        f"COUNT(age) FILTER (WHERE ward = 2) AS known {by}",
    )
    for name, sql in {
        "n": f"SELECT sex, COUNT(*) AS v {by}",
        "old": "SELECT sex, COUNT(*) AS v FROM visits WHERE age >= 60 GROUP BY sex",
        "known": "SELECT sex, COUNT(age) AS v FROM visits WHERE ward = 2 GROUP BY sex",
    }.items():
        assert [row[name] for row in both] == [row["v"] for row in rows_of(exact, sql)]


@pytest.mark.parametrize("sql", MODELLED)
def test_a_count_over_more_columns_is_modelled_without_an_interval(exact: BaseRelease, sql: str) -> None:
    answer = free_answer(exact, read(sql, POLICY), POLICY)
    assert not answer.measured
    assert all((r["n"]["low"], r["n"]["high"]) == (None, None) for r in answer.document["rows"])
    assert any(note.startswith("Modelled, no interval") for note in answer.document["notes"])


def test_a_modelled_count_keeps_all_pairs(exact: BaseRelease) -> None:
    _, model = known(exact)
    cells = model.table((0, 1, 2))
    for pair in ((0, 1), (0, 2), (1, 2)):
        rest = next(i for i in range(3) if i not in pair)
        assert np.abs(cells.sum(axis=rest) - model.pair(pair)).max() < 0.1


REFUSED = [
    ("SELECT COUNT(*) AS n FROM visits WHERE age < 33", "multiples of 10"),
    ("SELECT COUNT(*) AS n FROM visits WHERE age = 33", "multiples of 10"),
    ("SELECT FLOOR(age / 5) * 5 AS a, COUNT(*) AS n FROM visits GROUP BY a", "multiples of 10"),
    ("SELECT COUNT(*) AS n FROM visits WHERE admitted < DATE '2013-02-15'", "first day of a month"),
    ("SELECT EXTRACT(dow FROM admitted) AS d, COUNT(*) AS n FROM visits GROUP BY d", "first day of a month"),
    ("SELECT EXTRACT(day FROM admitted) AS d, COUNT(*) AS n FROM visits GROUP BY d", "first day of a month"),
    ("SELECT COUNT(*) AS n FROM visits WHERE admitted IS NULL", "IS NOT NULL"),
    ("SELECT COUNT(*) AS n FROM visits WHERE weight > 3", "It knows sex"),
    ("SELECT COUNT(weight) AS n FROM visits", "It knows sex"),
    ("SELECT AVG(age) AS n FROM visits", "holds counts alone"),
    ("SELECT COUNT(*) FILTER (WHERE age < 33) AS n FROM visits", "multiples of 10"),
    ("SELECT COUNT(DISTINCT sex) AS n FROM visits", "holds counts alone"),
    ("SELECT COUNT(DISTINCT patient_id) AS n FROM visits", "counts rows"),
]


@pytest.mark.parametrize(("sql", "told"), REFUSED)
def test_what_the_base_cannot_say_is_said_with_what_it_could(exact: BaseRelease, sql: str, told: str) -> None:
    with pytest.raises(NotInBase) as refused:
        free_answer(exact, read(sql, POLICY), POLICY)
    assert told in str(refused.value)
    assert refused.value.position == 0


def test_the_same_question_has_the_same_bytes_however_it_is_written(exact: BaseRelease) -> None:
    base = noisy(exact)
    one = free_answer(base, read("SELECT COUNT(*) AS n FROM visits WHERE age < 40", POLICY), POLICY)
    other = free_answer(base, read("select count(*) n from visits where not age >= 40", POLICY), POLICY)
    assert one.body == other.body
    again = replace(base, tables=tuple(base.tables))
    assert free_answer(again, read("SELECT COUNT(*) AS n FROM visits WHERE age < 40", POLICY), POLICY) == one
    price = json.loads(one.body)["price"]
    assert (price["nano"], price["epsilon"]) == (0, 0.0)


def test_having_order_and_limit_are_done_to_it_too(exact: BaseRelease) -> None:
    sql = "SELECT ward, COUNT(*) AS n FROM visits GROUP BY ward HAVING n > 10 ORDER BY n DESC LIMIT 2"
    numbers = [row["n"]["value"] for row in rows_of(exact, sql)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == 2
    (row,) = rows_of(noisy(exact), "SELECT 2 * COUNT(*) AS twice, COUNT(*) - COUNT(age) AS gone FROM visits")
    assert row["twice"]["low"] < row["twice"]["value"] < row["twice"]["high"]
    assert row["gone"]["low"] is None  # what two of its counts have in common is not known here


# how sure


def test_intervals_cover_the_truth_in_95_of_100_draws(exact: BaseRelease) -> None:
    """Over draws of the whole base, for counts of every kind; and the control: intervals for half of the noise."""
    asked = [read(sql, POLICY).question for sql in MEASURED if "COUNT(*) AS n FROM" in sql][:12]
    truths = [answer_from(exact, q, POLICY).document()["rows"] for q in asked]
    right, too_sure, said = 0, 0, 0
    for _ in range(60):
        for believed in (1.0, 0.5):
            base = noisy(exact, believed=believed)
            hits = 0
            for question, truth in zip(asked, truths, strict=True):
                for row, true in zip(
                    answer_from(base, question, POLICY).document()["rows"], truth, strict=True
                ):
                    hits += row["n"]["low"] <= true["n"]["value"] <= row["n"]["high"]
                    said += believed == 1.0
            right += hits if believed == 1.0 else 0
            too_sure += hits if believed != 1.0 else 0
    assert said > 1500
    # Cells of one answer share their noise, so that this is not so many independent looks.
    assert right / said >= 0.935
    assert too_sure / said < 0.9


def test_a_value_is_within_its_interval_and_no_count_is_negative(exact: BaseRelease) -> None:
    base = noisy(exact)
    for sql in MEASURED:
        for row in rows_of(base, sql):
            for cell in row.values():
                if isinstance(cell, dict):
                    assert 0 <= cell["low"] <= cell["value"] <= cell["high"]


def test_it_is_better_than_as_many_counts_that_are_paid_one_by_one(exact: BaseRelease) -> None:
    """All tables over one and two columns, at the same price: each bought for itself, and from the base."""
    whole = offer(POLICY, "visits")
    assert whole is not None
    sizes = list(exact.sizes)
    tables = tables_of(sizes)
    workload = [*tables, *[(0, 1), (2, 3)] * 15]
    assert len(workload) >= 50
    truth = {
        t.axes: np.array(t.counts, dtype=float).reshape([sizes[i] for i in t.axes]) for t in exact.tables
    }
    consistent, _ = known(exact)
    truth |= {axes: consistent.table(axes) for axes in tables if axes not in truth}
    each = math.sqrt(exact.rows_per_unit**2 / (2e-9 * whole.price.nano / len(tables)))
    alone, linear, shown = [], [], []
    for _ in range(5):
        ours, model = known(noisy(exact))
        for axes in workload:
            linear.append(((ours.table(axes) - truth[axes]) ** 2).mean())
            shown.append(((model.table(axes) - truth[axes]) ** 2).mean())
            alone.append(each**2)
    assert math.sqrt(np.mean(linear)) < 0.9 * math.sqrt(np.mean(alone))
    assert math.sqrt(np.mean(shown)) < 0.7 * math.sqrt(np.mean(alone))


# the numbers behind


SIZES = st.lists(st.integers(2, 4), min_size=2, max_size=3)


@settings(deadline=None, max_examples=30)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_least_squares_is_what_solving_the_normal_equations_gives(sizes: list[int], seed: int) -> None:
    """The closed form against the textbook's: build the whole matrix, weigh, solve, and propagate the variance."""
    lot = np.random.default_rng(seed)
    tables = [t for t in tables_of(sizes) if lot.random() < 0.8] or [(0, 1)]
    measured = [
        Measured(axes=t, cells=lot.normal(10, 5, [sizes[i] for i in t]), variance=float(lot.uniform(0.5, 9)))
        for t in tables
    ]
    consistent = reconciled(sizes, measured)
    everything = list(itertools.product(*map(range, sizes)))
    matrix, seen, weight = [], [], []
    for one in measured:
        for cell in itertools.product(*(range(sizes[i]) for i in one.axes)):
            matrix.append([tuple(x[i] for i in one.axes) == cell for x in everything])
            seen.append(one.cells[cell])
            weight.append(1 / one.variance)
    a, w = np.array(matrix, dtype=float), np.array(weight)
    inverse = np.linalg.pinv(a.T @ (w[:, None] * a), rcond=1e-10, hermitian=True)
    solved = inverse @ a.T @ (w * np.array(seen))
    for axes in tables:
        group = np.array([[float(tuple(x[i] for i in axes) == c) for x in everything] for c in itertools.product(*(range(sizes[i]) for i in axes))])  # fmt: skip
        chosen = (lot.random((2, len(group))) < 0.5).astype(float)
        query = chosen @ group
        value, variance = consistent.sums(axes, chosen.reshape([2, *(sizes[i] for i in axes)]))
        assert np.allclose(value, query @ solved, atol=1e-6)
        assert np.allclose(variance, np.einsum("ij,jk,ik->i", query, inverse, query), atol=1e-6)
        assert np.allclose(consistent.table(axes).ravel(), group @ solved, atol=1e-6)


@given(SIZES)
def test_the_split_adds_up_and_is_better_than_an_even_one(sizes: list[int]) -> None:
    tables = tables_of(sizes)
    split = shares(sizes, tables)
    assert math.isclose(sum(split.values()), 1.0)
    assert {t for t in tables if len(t) == 2} <= set(split)

    def error(of: dict[Axes, float]) -> float:
        nothing = [
            Measured(axes=t, cells=np.zeros([sizes[i] for i in t]), variance=1 / p) for t, p in of.items()
        ]
        consistent = reconciled(sizes, nothing)

        @functools.cache
        def cell(axes: Axes) -> float:
            one = np.zeros([1, *(sizes[i] for i in axes)])
            one[(0, *[0] * len(axes))] = 1.0
            return float(consistent.sums(axes, one)[1][0])

        orders = [[cell(t) for t in tables if len(t) == n] for n in (1, 2)]
        return sum(sum(order) / len(order) for order in orders)

    assert error(split) <= error(dict.fromkeys(tables, 1 / len(tables))) * 1.0001


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12), st.floats(0, 100))
def test_moved_counts_are_not_negative_and_add_up(cells: list[float], total: float) -> None:
    found = not_negative(np.array(cells), total)
    assert found.min() >= 0
    assert math.isclose(found.sum(), total, abs_tol=1e-6)


def test_fitting_ends_where_the_sums_are(exact: BaseRelease) -> None:
    cells = fitted(np.ones((2, 3)), {(0,): np.array([4.0, 2.0]), (1,): np.array([1.0, 2.0, 3.0])}, 6.0)
    assert np.allclose(cells, np.outer([4, 2], [1, 2, 3]) / 6)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=9), st.integers(0, 200), st.integers(0, 99))
def test_parts_are_rounded_not_thrown(weights: list[float], rows: int, seed: int) -> None:
    found = np.bincount(parted(np.array(weights), rows, np.random.default_rng(seed)), minlength=len(weights))
    wanted = np.array(weights) / (sum(weights) or 1) * rows
    if sum(weights) > 0:
        assert (np.abs(found - wanted) < 1 + 1e-6).all()
    assert found.sum() == rows


def test_sampled_rows_have_the_counts_of_the_base(exact: BaseRelease) -> None:
    _, model = known(exact)
    places = drawn(model, 4000, np.random.default_rng(1))
    for column, size in enumerate(exact.sizes):
        here = np.bincount(places[column], minlength=size) / 4000
        assert np.abs(here - model.column(column) / model.total).max() < 0.02


def test_an_empty_table_has_an_answer_and_a_sample(tmp_path: Path) -> None:
    whole = offer(POLICY, "visits")
    assert whole is not None
    _, nothing = published(tmp_path, [], POLICY, salt=SALT)
    tables = tuple(
        NoisyTable(axes=w.axes, counts=tuple(c), scale=w.noise.sigma())
        for w, c in count_rows(whole, nothing, LIMITS)
    )
    base = BaseRelease(
        table="visits", snapshot="0" * 64, nano=1, rows_per_unit=4, lost_percent="", columns=whole.columns,
        tables=tables,
    )  # fmt: skip
    assert rows_of(base, MEASURED[1])[0]["n"]["value"] == 0
    assert len(drawn(known(base)[1], 10, np.random.default_rng(1))) == len(base.columns)


def test_a_model_of_only_singles_takes_columns_for_independent() -> None:
    ones: list[Axes] = [(0,), (1,)]
    cells = {(0,): np.array([3.0, 1.0]), (1,): np.array([2.0, 2.0])}
    model = Model(reconciled([2, 2], [Measured(axes=t, cells=cells[t], variance=1.0) for t in ones]))
    assert np.allclose(model.pair((0, 1)), np.outer([3, 1], [2, 2]) / 4)
