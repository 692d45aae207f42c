"""Bounds chosen by the profile: against the real answer, on rows as skewed as flights are over planes."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from sandbox.domain.limits import Limits
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    OpenClass,
    Table,
    Unit,
)
from sandbox.domain.privacy_loss import Loss, loss_for_epsilon
from sandbox.domain.question import MeasureKind
from sandbox.privacy.answering.recompute import recompute
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning import choice
from sandbox.privacy.planning.bounding import Bounding, BoundingPlan, groups_plan, rows_plan
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.profile import Counted, Profile, filled_in, ladder, offer
from sandbox.privacy.planning.ways import Setting
from sandbox.privacy.publishing.profiling import count_units
from sandbox.privacy.publishing.views import View
from tests.privacy.made_up import LIMITS

UNITS, MOST, CARRIERS = 98_000, 900, 16
PRICE = loss_for_epsilon(1.0, delta=1e-6)
FIXED = 10  # the bound that gateways are usually given
COUNT = "SELECT COUNT(*) AS n FROM flights"
BY_KEY = "SELECT carrier, COUNT(*) AS n FROM flights GROUP BY carrier"
SUM_AVG = "SELECT carrier, SUM(distance) AS s, AVG(distance) AS a FROM flights GROUP BY carrier"
AVG = "SELECT carrier, AVG(distance) AS a FROM flights GROUP BY carrier"
POLICY = DatasetPolicy(
    name="flights",
    title="Flights",
    open_class=OpenClass.CONDITIONAL,
    provider="nobody",
    source="made up",
    licence="CC0",
    owner="olga",
    unit=Unit(column="plane", noun="plane"),
    budget=BudgetTerms(epsilon="8"),
    tables={
        "flights": Table(
            max_rows=2_000_000,
            max_rows_per_unit=MOST,
            columns={
                "plane": Column(type=ColumnType.INTEGER),
                "carrier": Column(type=ColumnType.INTEGER, categories=tuple(range(CARRIERS))),
                "distance": Column(type=ColumnType.INTEGER, lower=0, upper=5000),
            },
        )
    },
)
Exact = dict[tuple[object, str], list[int]]


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return flown(tmp_path_factory.mktemp("flights"))


@pytest.fixture(scope="module")
def tilted(tmp_path_factory: pytest.TempPathFactory) -> View:
    """Planes with many flights fly much farther."""
    return flown(tmp_path_factory.mktemp("tilted"), longer="(1 + ln(flights))")


def flown(folder: Path, *, longer: str = "1") -> View:
    """98 000 planes with 1 to 900 flights each (lognormal), most of them for one carrier.

    Args:
        longer: by how much a plane's distances are longer, in SQL.
    """
    lot, path = random.Random(20), folder / "view.parquet"
    flights = [min(MOST, max(1, int(lot.lognormvariate(0.9, 1.4)))) for _ in range(UNITS)]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE planes (plane BIGINT, flights BIGINT)")
        for start in range(0, UNITS, 7000):
            values = ", ".join(f"({u}, {flights[u]})" for u in range(start, min(UNITS, start + 7000)))
            connection.execute(f"INSERT INTO planes VALUES {values}")
        # A plane's ranks are in no order that matters: its carriers and distances are hashes of plane and rank.
        connection.execute(
            f"""COPY (SELECT plane AS _unit, r AS _rank,
                CASE WHEN hash(plane, r, 1) % 10 < 6 THEN (hash(plane) % {CARRIERS})::BIGINT
                     ELSE (hash(plane, r, 2) % {CARRIERS})::BIGINT END AS carrier,
                least(5000, {longer} * (-400 * ln((hash(plane, r, 3) % 10000 + 1) / 10000.0))::BIGINT + 100) AS distance
            FROM (SELECT plane, flights, unnest(range(flights)) AS r FROM planes) ORDER BY plane, r)
            TO '{path}' (FORMAT parquet)"""
        )
    return View(policy=POLICY, table_name="flights", snapshot="0" * 64, parquet=path)


@pytest.fixture(scope="module")
def profiles(view: View) -> list[Profile]:
    return drawn(view)


def drawn(view: View) -> list[Profile]:
    """Profiles as they may be drawn: normal noise at the paid scale, the same in each run."""
    offered = offer(POLICY, "flights")
    assert offered is not None
    exact, lot = count_units(offered, view, LIMITS), random.Random(4)
    return [
        filled_in(
            offered,
            {
                (w.counted, w.column): [
                    round(n + lot.gauss(0, w.noise.scale)) for n in exact[w.counted, w.column]
                ]
                for w in offered.wanted
            },
            snapshot="0" * 64,
        )
        for _ in range(7)
    ]


def planned(sql: str, profile: Profile | None = None, bounding: Bounding | None = None) -> Plan:
    return plan(parse(sql, POLICY), POLICY, target=PRICE, profile=profile, bounding=bounding)


def error(ready: Plan, view: View) -> dict[str, float]:
    """Root of mean (bias² + noise²) over the cells against the real answer, relative to its mean, by column."""
    vectors = count_exactly(ready, view, LIMITS)
    real = recompute(ready.question, view, LIMITS)
    found = {}
    for recipe in ready.recipes:
        squares, sizes = [], []
        middle = next(m.target.middle for m in ready.measurements if m.target.name == recipe.total)
        for place, row in enumerate(real.rows):
            truth = float(row.values[recipe.measure.alias] or 0)
            total, sigma = vectors[recipe.total][place], ready.noise(recipe.total).scale
            count, count_sigma = (
                (vectors[recipe.count][place], ready.noise(recipe.count).scale) if recipe.count else (0, 0.0)
            )
            if recipe.measure.kind is MeasureKind.AVG:
                value = total / count + middle
                noise = math.hypot(sigma, (value - middle) * count_sigma) / count
            else:
                value, noise = total + recipe.middle * count, math.hypot(sigma, recipe.middle * count_sigma)
            squares.append((value - truth) ** 2 + noise**2)
            sizes.append(truth)
        found[recipe.measure.alias] = math.sqrt(statistics.mean(squares)) / statistics.mean(sizes)
    return found


def grid(sql: str) -> Sequence[Bounding]:
    cells = CARRIERS if "GROUP BY" in sql else 1
    steps = [k for k in ladder(MOST) if k >= 12]
    by_rows = [rows_plan(rows_per_unit=k, cells=cells) for k in steps]
    by_groups = [
        groups_plan(rows_per_unit=MOST, cells=cells, groups_per_unit=CARRIERS, rows_per_group=c)
        for c in steps[::2]
    ]
    return [*by_rows, *(by_groups if cells > 1 else [])]


FINE = [rows_plan(rows_per_unit=k, cells=CARRIERS) for k in ladder(MOST)] + [
    groups_plan(rows_per_unit=MOST, cells=CARRIERS, groups_per_unit=CARRIERS, rows_per_group=c)
    for c in ladder(MOST)
]


@pytest.mark.parametrize(
    ("sql", "times_better", "of_best"), [(COUNT, 30, 1.3), (BY_KEY, 10, 1.2), (SUM_AVG, 2, 1.2)]
)
def test_the_chosen_bounds_are_near_the_best_and_far_better_than_the_usual_one(
    view: View, profiles: list[Profile], sql: str, times_better: float, of_best: float
) -> None:
    """Of each question's columns together. An average alone bears the usual bound well; counts and sums do not."""
    best = min(sum(error(planned(sql, bounding=b), view).values()) for b in grid(sql))
    usual = rows_plan(rows_per_unit=FIXED, cells=CARRIERS if "GROUP BY" in sql else 1)
    fixed = sum(error(planned(sql, bounding=usual), view).values())
    known: dict[Bounding, float] = {}
    for profile in profiles:
        ready = planned(sql, profile)
        known.setdefault(ready.bounding, sum(error(ready, view).values()))
    chosen = [known[planned(sql, profile).bounding] for profile in profiles]
    assert statistics.median(chosen) <= of_best * best
    assert fixed >= times_better * max(chosen)
    assert fixed > of_best * best  # the control: the usual bound would not have passed


def test_the_sum_is_five_times_nearer_than_with_the_usual_bound(view: View, profiles: list[Profile]) -> None:
    usual = error(planned(SUM_AVG, bounding=rows_plan(rows_per_unit=FIXED, cells=CARRIERS)), view)
    assert usual["s"] > 5 * statistics.median(error(planned(SUM_AVG, p), view)["s"] for p in profiles[:3])


def without_tilt(profile: Profile) -> Profile:
    """As profiles were before there was one: rows left out are supposed to differ by a tenth."""
    kept = tuple(h for h in profile.histograms if h.counted is not Counted.TILT)
    return replace(profile, histograms=kept)


def test_an_average_of_units_that_are_alike_is_taken_with_a_tight_bound(
    view: View, profiles: list[Profile]
) -> None:
    best = min(error(planned(AVG, bounding=b), view)["a"] for b in FINE)
    known: dict[Bounding, float] = {}

    def chosen(profile: Profile) -> float:
        ready = planned(AVG, profile)
        return known.setdefault(ready.bounding, error(ready, view)["a"])

    found = statistics.median(chosen(profile) for profile in profiles)
    assert found <= 1.3 * best
    supposed = statistics.median(chosen(without_tilt(profile)) for profile in profiles)
    assert supposed > 2 * found  # the control: what was supposed before


def test_where_heavy_units_differ_their_average_is_not_bent(tilted: View) -> None:
    """The attack on the choice: a bound as tight as is best for units that are alike."""
    bought = drawn(tilted)
    best = min(error(planned(AVG, bounding=b), tilted)["a"] for b in FINE)
    known: dict[Bounding, float] = {}
    for profile in bought:
        ready = planned(AVG, profile)
        known.setdefault(ready.bounding, error(ready, tilted)["a"])
        assert known[ready.bounding] <= 1.5 * best
    tight = groups_plan(rows_per_unit=MOST, cells=CARRIERS, groups_per_unit=CARRIERS, rows_per_group=1)
    assert error(planned(AVG, bounding=tight), tilted)["a"] > 2 * best  # the control


@pytest.mark.parametrize("sql", [COUNT, BY_KEY, SUM_AVG, AVG])
def test_a_search_that_walks_finds_what_one_that_tries_all_does(
    profiles: list[Profile], monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    def all_of(steps: Sequence[object], error: Callable[[object], float], start: int | None = None) -> object:
        best = min(steps, key=error)
        return best, error(best)

    walked = [planned(sql, profile) for profile in profiles]
    monkeypatch.setattr(choice, "least", all_of)
    for profile, ready in zip(profiles, walked, strict=True):
        thorough = planned(sql, profile)
        assert estimated(ready, profile) <= 1.01 * estimated(thorough, profile)


def estimated(ready: Plan, profile: Profile) -> float:
    """The error that a choice expects of its bounds."""
    setting = Setting(
        question=ready.question,
        cells=len(ready.cells),
        recipes=ready.recipes,
        targets=tuple(m.target for m in ready.measurements),
        nano=PRICE.nano,
        accounting=ready.guarantee.accounting,
        profile=profile,
    )
    return choice.Weighing(setting).error(ready.bounding)


@pytest.mark.parametrize("sql", [COUNT, BY_KEY, "SELECT SUM(distance) AS s FROM flights"])
def test_the_estimated_loss_is_near_the_real_one(view: View, profiles: list[Profile], sql: str) -> None:
    for profile in profiles[:3]:
        ready = planned(sql, profile)
        (target,) = (m.target for m in ready.measurements)
        kept = sum(count_exactly(ready, view, LIMITS)[target.name])
        real = recompute(ready.question, view, LIMITS)
        whole = sum(int(next(iter(row.values.values())) or 0) for row in real.rows)
        assert ready.bounding_loss is not None
        assert ready.bounding_loss.percent == pytest.approx(100 * (1 - kept / whole), abs=3)


def test_a_bound_that_costs_more_than_the_noise_is_warned_of(profiles: list[Profile]) -> None:
    tight = plan(
        parse(COUNT, POLICY), POLICY, target=PRICE, profile=profiles[0], limits=Limits(max_rows_per_unit=10)
    )
    assert tight.bounding_loss is not None
    assert tight.bounding_loss.over_noise
    assert tight.bounding_loss.percent > 30
    assert tight.bounding.rows_per_unit <= 10
    free = planned(COUNT, profiles[0]).bounding_loss  # the control
    assert free is not None
    assert free.percent < 1


def test_limits_only_ever_tighten(profiles: list[Profile]) -> None:
    for limits in (Limits(max_groups=2), Limits(max_rows_per_unit=5, max_groups=1), Limits(max_groups=10**9)):
        for profile in (None, profiles[0]):
            ready = plan(parse(BY_KEY, POLICY), POLICY, target=PRICE, profile=profile, limits=limits)
            assert ready.bounding.rows_per_unit <= min(MOST, limits.max_rows_per_unit or MOST)
            assert ready.bounding.groups_per_unit <= min(CARRIERS, limits.max_groups or CARRIERS)


def test_distinct_values_are_bounded_by_rows_and_what_they_lose_is_told(profiles: list[Profile]) -> None:
    """As if each row had a value of its own: never less than what is really lost."""
    ready = planned(
        "SELECT carrier, COUNT(DISTINCT distance) AS d FROM flights GROUP BY carrier", profiles[0]
    )
    assert ready.bounding.plan is BoundingPlan.ROWS
    assert 1 < ready.bounding.rows_per_unit < MOST
    assert ready.bounding_loss is not None
    assert ready.bounding_loss.percent > 1


@pytest.mark.parametrize(
    "sql",
    [
        COUNT,
        BY_KEY,
        SUM_AVG,
        COUNT + " WHERE distance > 300",
        "SELECT carrier, COUNT(DISTINCT distance) AS d, COUNT(*) AS n FROM flights GROUP BY carrier",
        "SELECT carrier, SUM(distance) FILTER (WHERE distance > 300) AS s, AVG(distance) AS a FROM flights "
        "GROUP BY carrier",
    ],
)
def test_the_engine_plans_the_same_at_the_price_that_was_charged(profiles: list[Profile], sql: str) -> None:
    for profile in profiles[:3]:
        first = planned(sql, profile)
        again = plan(parse(sql, POLICY), POLICY, target=Loss(first.loss.nano), profile=profile)
        assert again.bounding == first.bounding
        assert [m.target for m in again.measurements] == [m.target for m in first.measurements]
        assert again.loss.fits_in(first.loss)
        assert first.loss.fits_in(PRICE)


def test_a_plan_is_a_function_of_the_profile(profiles: list[Profile]) -> None:
    """It follows from question, policy, price and profile, and from nothing else."""
    ready = planned(BY_KEY, profiles[0])
    assert ready == planned(BY_KEY, profiles[0])
    assert ready.bounding != planned(BY_KEY).bounding  # the control: the profile is what it is chosen by
