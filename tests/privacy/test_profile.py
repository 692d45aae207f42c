"""The contribution profile: what one unit can move in it, what it costs, and that it is bought once."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy
from sandbox.privacy import PrivateData
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.mechanisms.noise import price
from sandbox.privacy.mechanisms.sensitivity import histogram_squared, tilt_squared
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.profile import (
    TILT_PARTS,
    Counted,
    Histogram,
    Profile,
    Wanted,
    filled_in,
    ladder,
    offer,
    profile_document,
    profile_from_document,
    sensitivity_of,
    sum_edges,
)
from sandbox.privacy.planning.strata import units_at_least
from sandbox.privacy.publishing import profiling
from sandbox.privacy.publishing.profiles import find_profile, keep_profile
from sandbox.privacy.publishing.profiling import count_units
from tests.privacy.made_up import LIMITS, PRICE, SALT, hospital, many_visits, published, write_csv
from tests.privacy.test_sensitivity import LOWER, UPPER, Cell, view_with

POLICY = hospital(
    max_rows_per_unit=4,
    group=Column(type=ColumnType.INTEGER, categories=(0, 1, 2)),
    x=Column(type=ColumnType.INTEGER, lower=LOWER, upper=UPPER),
)
OTHERS = [[Cell(0, 2), Cell(0, 2), Cell(1, None)], [Cell(None, UPPER)], [Cell(2, LOWER)] * 6]
Counts = dict[tuple[Counted, str], list[int]]


def counted(folder: Path, units: list[list[Cell]]) -> Counts:
    offered = offer(POLICY, "visits")
    assert offered is not None
    keep = ("group", "x", "")
    narrow = replace(offered, wanted=tuple(w for w in offered.wanted if w.column in keep))
    return count_units(narrow, view_with(folder, units, POLICY), LIMITS)


def moved(one: Counts, other: Counts) -> dict[tuple[Counted, str], int]:
    """The squared L2 difference of each histogram."""
    return {h: sum((a - b) ** 2 for a, b in zip(one[h], other[h], strict=True)) for h in one}


def test_no_unit_moves_a_histogram_by_more_than_its_sensitivity_and_some_unit_that_far(
    tmp_path: Path,
) -> None:
    """Every unit of up to two rows over these cells, and some longer ones, added to the same others: D and D'."""
    without = counted(tmp_path, OTHERS)
    cells = [Cell(g, x) for g in (0, 1, None) for x in (None, UPPER + 9)]
    units = [list(rows) for n in (1, 2) for rows in itertools.combinations_with_replacement(cells, n)]
    units += [[Cell(0, x) for x in xs] for xs in itertools.product((None, LOWER - 9, 0, UPPER), repeat=2)]
    units += [[Cell(g, UPPER) for g in (0, 1, 2, 0, 1, 2)], [Cell(0, LOWER)] * 4, [Cell(0, 10**12)] * 3]
    worst: dict[tuple[Counted, str], int] = {}
    for unit in units:
        for histogram, squared in moved(counted(tmp_path, [*OTHERS, unit]), without).items():
            worst[histogram] = max(worst.get(histogram, 0), squared)
    assert set(worst) == {(c, "group") for c in ("peak", "groups")} | {(c, "x") for c in ("sum", "tilt")} | {
        ("rows", "")
    }
    assert worst == {histogram: sensitivity_of(histogram[0]) ** 2 for histogram in worst}
    assert sensitivity_of(Counted.ROWS) == histogram_squared() == 1
    assert sensitivity_of(Counted.TILT) ** 2 == tilt_squared(parts=TILT_PARTS) == TILT_PARTS**2


def test_a_histogram_of_rows_instead_of_units_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a unit that is counted once for each of its rows."""

    def by_row(wanted: object, policy_table: object, table: object) -> object:
        return table.group_by(place=table["_rank"] * 0).aggregate(units=table.count())  # type: ignore[attr-defined]

    monkeypatch.setattr(profiling, "histogram", by_row)
    more = moved(counted(tmp_path, [*OTHERS, [Cell(0, 1)] * 3]), counted(tmp_path, OTHERS))
    assert more[Counted.ROWS, ""] > histogram_squared()


@pytest.mark.parametrize(
    ("fault", "heavy"),
    [("no clamp", [Cell(0, 100 * UPPER)]), ("sums for averages", [Cell(0, UPPER)] * 3)],
)
def test_a_tilt_that_is_not_of_clamped_averages_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, heavy: list[Cell]
) -> None:
    """The control: what a unit adds is not bounded by half the range."""

    def broken(wanted: Wanted, policy_table: object, table: Any) -> Any:
        each = table.x if fault == "no clamp" else table.x.clip(lower=LOWER, upper=UPPER)
        by_unit = table.group_by("_unit").aggregate(s=(each - 1).sum().coalesce(0))
        return by_unit.group_by(place=by_unit.s * 0).aggregate(units=(by_unit.s * TILT_PARTS // 4).sum())

    monkeypatch.setattr(profiling, "histogram", broken)
    more = moved(counted(tmp_path, [*OTHERS, heavy]), counted(tmp_path, OTHERS))
    assert more[Counted.TILT, "x"] > tilt_squared(parts=TILT_PARTS)


def test_the_histograms_say_what_python_counts(tmp_path: Path) -> None:
    found = counted(tmp_path, [*OTHERS, [Cell(0, UPPER + 1), Cell(1, UPPER), Cell(0, LOWER - 9)]])
    assert found[Counted.ROWS, ""] == [
        1,
        0,
        2,
        1,
    ]  # 1, 2, 3 and 4 rows: the fifth and sixth are beyond the bound
    assert found[Counted.PEAK, "group"] == [0, 2, 0, 1]  # the unit without a listed value is in no bin
    assert found[Counted.GROUPS, "group"] == [1, 2, 0]
    edges = sum_edges(UPPER, 4)
    sums = [4, UPPER, 4 * -LOWER, UPPER + UPPER + LOWER]  # of clamped values, their size
    wanted = [sum(low < s <= high for s in sums) for low, high in zip((-1, *edges), edges, strict=False)]
    assert found[Counted.SUM, "x"] == wanted
    # Averages 2 (one cell of two is filled), 5, -3 and (5 + 5 - 3) / 3, from the middle 1, in 1024ths of 4; by rows.
    far = [TILT_PARTS * (a - 1) / 4 for a in (2, UPPER, LOWER, Fraction(UPPER + UPPER + LOWER, 3))]
    assert found[Counted.TILT, "x"] == [far[1], 0, round(far[0] + far[3]), far[2]]


@given(st.integers(1, 5000), st.integers(1, 10**9))
def test_the_bins_are_public_rise_and_end_at_the_bound(most: int, largest: int) -> None:
    for edges, end in ((ladder(most), most), (sum_edges(largest, most), most * largest)):
        assert list(edges) == sorted(set(edges))
        assert edges[0] >= 1
        assert edges[-1] == end


def test_the_price_is_opendp_s_and_within_the_declared_share() -> None:
    offered = offer(POLICY, "visits")
    assert offered is not None
    assert POLICY.budget is not None
    for wanted in offered.wanted:
        noise = wanted.noise
        assert noise.sensitivity == sensitivity_of(wanted.counted)
        assert price(scale=noise.scale, sensitivity=noise.sensitivity) <= noise.nano
    assert sum(w.noise.nano for w in offered.wanted) == offered.loss.nano
    assert 0.99 * POLICY.budget.profile.nano < offered.loss.nano <= POLICY.budget.profile.nano
    assert POLICY.budget.profile.nano == POLICY.budget.cap.nano * 5 // 100
    with pytest.raises(AssertionError):  # the control: half the noise costs more than was set aside for it
        assert price(scale=offered.wanted[0].noise.scale / 2, sensitivity=1.0) <= offered.wanted[0].noise.nano


def test_an_offer_follows_from_the_policy_alone() -> None:
    assert offer(POLICY, "visits") == offer(hospital(max_rows_per_unit=4, **dict(_more())), "visits")
    assert offer(hospital(max_rows_per_unit=1), "visits") is None
    assert offer(replace(POLICY, budget=BudgetTerms(epsilon="8", profile_percent=0)), "visits") is None
    assert offer(POLICY, "elsewhere") is None


def _more() -> list[tuple[str, Column]]:
    return [(name, POLICY.tables["visits"].columns[name]) for name in ("group", "x")]


def test_a_profile_survives_being_written_down() -> None:
    offered = offer(POLICY, "visits")
    assert offered is not None
    noisy = {(w.counted, w.column): [-1] * len(w.edges) for w in offered.wanted}
    profile = filled_in(offered, noisy, snapshot="a" * 64)
    again = profile_from_document(json.loads(json.dumps(profile_document(profile))))
    assert (again, again.id) == (profile, profile.id)
    with pytest.raises(BadInput):
        replace(profile.histograms[0], edges=(2, 1, 3, 4))


def test_a_profile_from_before_there_was_a_tilt_is_still_read_and_planned_by(tmp_path: Path) -> None:
    """As it lies in databases: its name, the hash, stays what it was."""
    offered = offer(POLICY, "visits")
    assert offered is not None
    noisy = {(w.counted, w.column): [40] * len(w.edges) for w in offered.wanted}
    new = filled_in(offered, noisy, snapshot="a" * 64)
    old = replace(new, histograms=tuple(h for h in new.histograms if h.counted is not Counted.TILT))
    document = json.loads(json.dumps(profile_document(old)))
    assert {h["counted"] for h in document["histograms"]} == {"rows", "peak", "groups", "sum"}
    assert profile_from_document(document) == old
    question = parse("SELECT ward, AVG(age) AS a, SUM(x) AS s FROM visits GROUP BY ward", POLICY)
    for profile in (old, new):
        ready = plan(question, POLICY, target=PRICE, profile=profile)
        assert ready.bounding_loss is not None
    assert old.id != new.id


@given(st.lists(st.integers(-30, 5000), min_size=1, max_size=20), st.floats(0.5, 50))
def test_tails_never_rise_and_are_never_below_zero(units: list[int], scale: float) -> None:
    edges = tuple(range(1, len(units) + 1))
    histogram = Histogram(counted=Counted.ROWS, column="", edges=edges, units=tuple(units), scale=scale)
    tails = units_at_least(histogram)
    assert len(tails) == len(units)
    assert all(a >= b >= 0 for a, b in itertools.pairwise(tails)) or len(tails) == 1


# bought once


@pytest.fixture
def engine(tmp_path: Path) -> LocalEngine:
    return LocalEngine(tmp_path / "views", limits=LIMITS)


def snapshot_of(engine: LocalEngine, folder: Path, policy: DatasetPolicy) -> str:
    raw = write_csv(folder / "raw.csv", many_visits())
    return engine.publish(policy=policy, table="visits", file=str(raw)).snapshot


def test_an_engine_draws_a_snapshot_s_profile_once_also_in_the_next_process(
    engine: LocalEngine, tmp_path: Path
) -> None:
    policy = hospital(max_rows_per_unit=4)
    snapshot = snapshot_of(engine, tmp_path, policy)
    first = engine.profile(dataset="hospital", snapshot=snapshot)
    assert snapshot_of(engine, tmp_path, policy) == snapshot  # the same file again is the same snapshot
    for asked in (engine, LocalEngine(tmp_path / "views", limits=LIMITS)):
        assert asked.profile(dataset="hospital", snapshot=snapshot) == first
    fresh = LocalEngine(tmp_path / "elsewhere", limits=LIMITS)  # the control: fresh noise is another profile
    other = fresh.profile(dataset="hospital", snapshot=snapshot_of(fresh, tmp_path, policy))
    assert other.histograms != first.histograms


def test_a_profile_that_was_changed_or_never_bought_is_not_planned_by(
    engine: LocalEngine, tmp_path: Path
) -> None:
    snapshot = snapshot_of(engine, tmp_path, hospital())
    profile = engine.profile(dataset="hospital", snapshot=snapshot)
    assert find_profile(tmp_path / "views", profile.id) == profile
    file = tmp_path / "views" / ".profiles" / f"{profile.id}.json"
    file.write_bytes(file.read_bytes().replace(b'"nano":', b'"nano":1'))
    asked = {"dataset": "hospital", "snapshot": snapshot, "sql": "SELECT COUNT(*) FROM visits", "nano": 9}
    with pytest.raises(Tampered):
        engine.answer(**asked, profile=profile.id)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        engine.answer(**asked, profile="0" * 64)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        engine.answer(**asked, profile="../../etc/passwd")  # type: ignore[arg-type]


def test_publishing_charges_a_profile_once_and_again_only_for_a_new_file_on_request(tmp_path: Path) -> None:
    policy, folder = hospital(max_rows_per_unit=4), tmp_path / "private"
    offered = offer(policy, "visits")
    assert offered is not None
    once = offered.loss.nano

    def publish(patients: int, *, new: bool = False) -> tuple[Profile, int]:
        raw = write_csv(tmp_path / f"raw-{patients}.csv", many_visits(patients))
        data = PrivateData.publish(raw, policy, folder=folder, limits=LIMITS, new_profile=new)
        assert data.profile is not None
        return data.profile, data.budget.spent.nano

    first, spent = publish(60)
    assert spent == once
    assert publish(60) == (first, once)
    assert publish(60, new=True) == (first, once)  # the attack: the same file again, for another draw
    assert publish(61) == (first, once)  # a new version goes on with what is known
    second, spent = publish(61, new=True)  # the control: this one is bought
    assert spent == 2 * once
    assert second != first


def test_a_budget_too_small_for_a_profile_is_not_overspent(tmp_path: Path) -> None:
    policy = replace(
        hospital(), budget=BudgetTerms(epsilon="1", per_question_percent=100, project_percent=100)
    )
    raw = write_csv(tmp_path / "raw.csv", many_visits())
    none = replace(policy, budget=replace(policy.budget, profile_percent=0))  # type: ignore[type-var]
    data = PrivateData.publish(raw, none, folder=tmp_path / "private", limits=LIMITS)
    assert data.profile is None
    data.ask("SELECT COUNT(*) AS n FROM visits", epsilon=0.999)
    spent = data.budget.spent
    again = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    assert (again.profile, again.budget.spent) == (None, spent)


def test_an_answer_carries_the_loss_and_the_engine_plans_as_was_estimated(tmp_path: Path) -> None:
    raw = write_csv(tmp_path / "raw.csv", many_visits(400))
    data = PrivateData.publish(raw, hospital(), folder=tmp_path / "private", limits=LIMITS)
    sql = "SELECT ward, COUNT(*) AS n, AVG(age) AS mean FROM visits GROUP BY ward"
    planned = data.estimate(sql, epsilon=1.0)
    answer = data.ask(sql, epsilon=1.0)
    assert planned.bounding_loss is not None
    bounding = answer["bounding"]
    assert bounding["estimated_loss_percent"] == planned.bounding_loss.percent
    assert (bounding["plan"], bounding["text"]) == (planned.bounding.plan, planned.text)
    assert any("bounds leave out" in note for note in answer["notes"])


def test_by_one_profile_a_question_is_planned_the_same_on_neighbours_and_on_nothing(tmp_path: Path) -> None:
    rows, shown = many_visits(300), []
    source = LocalEngine(tmp_path / "source", limits=LIMITS)
    raw = write_csv(tmp_path / "all.csv", rows)
    snapshot = source.publish(policy=hospital(), table="visits", file=str(raw)).snapshot
    profile = source.profile(dataset="hospital", snapshot=snapshot)
    sql = "SELECT ward, COUNT(*) AS n, SUM(cost) AS s, AVG(age) AS a FROM visits GROUP BY ward"
    for name, left in {
        "d": rows,
        "neighbour": [r for r in rows if r["patient_id"] != "p7"],
        "empty": [],
    }.items():
        engine = LocalEngine(tmp_path / name, limits=LIMITS)
        raw = write_csv(tmp_path / f"{name}.csv", left)
        there = engine.publish(policy=hospital(), table="visits", file=str(raw)).snapshot
        keep_profile(tmp_path / name, profile)
        body = engine.answer(dataset="hospital", snapshot=there, sql=sql, nano=PRICE.nano, profile=profile.id)
        answer = json.loads(body)
        shown.append([answer[part] for part in ("columns", "bounding", "price", "notes")])
    assert shown[0] == shown[1] == shown[2]
    plain = source.answer(dataset="hospital", snapshot=snapshot, sql=sql, nano=PRICE.nano)
    assert json.loads(plain)["bounding"] != shown[0][1]  # the control: without the profile it is another plan


def test_a_published_view_has_every_unit_in_one_bin_of_rows(tmp_path: Path) -> None:
    policy = hospital(max_rows_per_unit=4)
    report, view = published(tmp_path, many_visits(), policy, salt=SALT)
    offered = offer(policy, "visits")
    assert offered is not None
    assert sum(count_units(offered, view, LIMITS)[Counted.ROWS, ""]) == report.units
