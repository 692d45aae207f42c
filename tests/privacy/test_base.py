"""The base release: what one unit can move in it, what it costs, and that it is bought once."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput, NotFound, OverBudget, Tampered, Unanswered
from sandbox.domain.key_forms import Bins, DateUnit, Truncated
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy
from sandbox.domain.privacy_loss import Accounting
from sandbox.privacy import PrivateData
from sandbox.privacy.base import buy as buying
from sandbox.privacy.base.buy import count_rows, gathered
from sandbox.privacy.base.keeping import base_of
from sandbox.privacy.base.offer import BaseOffer, columns_of, offer, tables_of, width_of
from sandbox.privacy.base.release import BaseRelease, base_document, base_from_document
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.mechanisms.noise import price
from sandbox.privacy.publishing.publish import publish
from tests.privacy.made_up import LIMITS, SALT, hospital, many_visits, published, row, write_csv
from tests.privacy.test_sensitivity import Cell, view_with

MOST = 3
GROUP = Column(type=ColumnType.INTEGER, categories=(0, 1, 2))
X = Column(type=ColumnType.INTEGER, lower=-3, upper=5)
OTHERS = [[Cell(0, 2), Cell(0, 2), Cell(1, None)], [Cell(None, 5)], [Cell(2, -3)] * 6]
DAYS = Column(type=ColumnType.DATE, earliest="2013-01-01", latest="2013-12-31")
Counts = dict[tuple[int, ...], list[int]]


def with_base(policy: DatasetPolicy, percent: int = 20, **terms: Any) -> DatasetPolicy:
    return replace(policy, budget=BudgetTerms(epsilon="8", base_percent=percent, **terms))


POLICY = with_base(hospital(max_rows_per_unit=MOST, group=GROUP, x=X))


def offered(policy: DatasetPolicy) -> BaseOffer:
    found = offer(policy, "visits")
    assert found is not None
    return found


def narrow(policy: DatasetPolicy = POLICY) -> BaseOffer:
    """The tables over two columns alone: few enough to be enumerated."""
    whole = offered(policy)
    here = {i for i, c in enumerate(whole.columns) if c.name in ("group", "x")}
    return replace(whole, wanted=tuple(w for w in whole.wanted if set(w.axes) <= here))


def counted(folder: Path, units: list[list[Cell]]) -> Counts:
    view = view_with(folder, units, POLICY)
    return {wanted.axes: counts for wanted, counts in count_rows(narrow(), view, LIMITS)}


def moved(one: Counts, other: Counts) -> tuple[int, int]:
    """The largest squared L2 and the largest L1 difference of any table."""
    away = [[abs(a - b) for a, b in zip(one[t], other[t], strict=True)] for t in one]
    return max(sum(d * d for d in table) for table in away), max(sum(table) for table in away)


def test_no_unit_moves_a_table_by_more_than_its_rows(tmp_path: Path) -> None:
    """Every unit of up to two rows over these cells, and heavy ones, added to the same others: D and D'."""
    without = counted(tmp_path, OTHERS)
    cells = [Cell(g, x) for g in (0, 1, None) for x in (None, 5, 99)]
    units = [list(u) for n in (1, 2) for u in itertools.combinations_with_replacement(cells, n)]
    units += [[Cell(0, 5)] * 6, [Cell(g, 5) for g in (0, 1, 2)] * 2, [Cell(None, None)] * 4]
    found = [moved(counted(tmp_path, [*OTHERS, unit]), without) for unit in units]
    assert max(square for square, _ in found) == MOST**2
    assert max(absolute for _, absolute in found) == MOST
    for wanted in narrow().wanted:
        assert wanted.noise.sensitivity >= MOST


def test_a_base_that_counts_every_row_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: no bound on the rows of a unit."""
    monkeypatch.setattr(buying, "bounded_rows", lambda table, rows_per_unit: table)
    square, _ = moved(counted(tmp_path, [*OTHERS, [Cell(0, 5)] * 6]), counted(tmp_path, OTHERS))
    assert square > MOST**2


def test_each_row_is_in_one_cell_of_each_table_and_python_counts_the_same(tmp_path: Path) -> None:
    policy = with_base(hospital(admitted=DAYS))
    rows = many_visits()
    _, view = published(tmp_path, rows, policy, salt=SALT)
    whole = offered(policy)
    tables = {w.axes: counts for w, counts in count_rows(whole, view, LIMITS)}
    names = [c.name for c in whole.columns]
    assert names == ["sex", "ward", "smoker", "age", "cost", "admitted"]
    assert set(tables) == {w.axes for w in whole.wanted}
    assert {sum(counts) for counts in tables.values()} == {len(rows)}
    found = Counter(
        (
            ("false", "true", "").index(str(r["smoker"])),
            int(r["age"]) // 10 if r["age"] else 11,
        )
        for r in rows
    )
    cells = list(itertools.product(range(3), range(12)))
    assert tables[2, 3] == [found[cell] for cell in cells]
    by_month = Counter(int(str(r["admitted"])[5:7]) for r in rows)
    months = [sum(tables[0, 5][i] for i in range(m, 39, 13)) for m in range(13)]
    assert months == [by_month[m + 1] for m in range(12)] + [0]


def test_the_price_is_opendp_s_and_within_the_declared_share() -> None:
    for accounting in Accounting:
        policy = with_base(hospital(max_rows_per_unit=MOST), accounting=accounting)
        whole = offered(policy)
        assert policy.budget is not None
        for wanted in whole.wanted:
            own = price(scale=wanted.noise.scale, sensitivity=MOST, accounting=accounting)
            assert own <= wanted.noise.nano
        assert sum(w.noise.nano for w in whole.wanted) == whole.loss.nano
        assert 0.99 * whole.price.nano < whole.loss.nano <= whole.price.nano == policy.budget.base.nano
        assert whole.price.nano == policy.budget.cap.nano * 20 // 100
        first = whole.wanted[0].noise
        half = price(scale=first.scale / 2, sensitivity=MOST, accounting=accounting)
        assert half > first.nano, "the control: half the noise costs more than was set aside for it"


def test_an_offer_follows_from_the_policy_alone() -> None:
    assert offer(POLICY, "visits") == offer(
        with_base(hospital(max_rows_per_unit=MOST, group=GROUP, x=X)), "visits"
    )
    assert offer(with_base(POLICY, 0), "visits") is None
    assert offer(POLICY, "elsewhere") is None
    nothing = with_base(hospital())
    bare = {name: Column(type=ColumnType.TEXT) for name in nothing.tables["visits"].columns}
    tables = {"visits": replace(nothing.tables["visits"], columns=bare)}
    with pytest.raises(BadInput, match="can be counted by"):
        offer(replace(nothing, tables=tables), "visits")


def test_columns_are_those_with_public_values_in_round_bins() -> None:
    days = Column(type=ColumnType.DATE, earliest="1990-01-01", latest="1999-12-31")
    table = hospital(
        admitted=DAYS, born=days, long=Column(type=ColumnType.INTEGER, categories=tuple(range(101)))
    ).tables["visits"]
    found = {c.name: c.form for c in columns_of(table, "patient_id")}
    assert found == {
        "sex": None,
        "ward": None,
        "smoker": None,
        "age": Bins(10),
        "cost": Bins(50),
        "admitted": Truncated(DateUnit.MONTH),
        "born": Truncated(DateUnit.QUARTER),
    }


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**9))
def test_bins_are_few_and_hold_all_that_is_declared(lower: int, span: int) -> None:
    width = width_of(lower, lower + span)
    assert 1 <= (lower + span) // width - lower // width + 1 <= 14
    assert str(width).strip("0") in ("1", "2", "5")


@given(st.lists(st.integers(2, 60), min_size=1, max_size=12))
def test_every_table_is_counted_once(sizes: list[int]) -> None:
    tables = tables_of(sizes)
    lots = gathered(tables, sizes)
    assert all(any(set(axes) <= set(lot) for lot in lots) for axes in tables)
    assert len(lots) <= len(tables)


def test_a_base_survives_being_written_down(tmp_path: Path) -> None:
    base = bought(tmp_path)
    again = base_from_document(json.loads(json.dumps(base_document(base))))
    assert (again, again.id) == (base, base.id)
    with pytest.raises(BadInput):
        replace(base, tables=(replace(base.tables[0], counts=(1,)), *base.tables[1:]))


# bought once


def bought(folder: Path, policy: DatasetPolicy | None = None) -> BaseRelease:
    policy = policy or with_base(hospital(admitted=DAYS))
    engine = LocalEngine(folder / "views", limits=LIMITS)
    return engine.base(dataset="hospital", snapshot=snapshot_of(engine, folder, policy))


def snapshot_of(engine: LocalEngine, folder: Path, policy: DatasetPolicy) -> str:
    raw = write_csv(folder / "raw.csv", many_visits())
    return engine.publish(policy=policy, table="visits", file=str(raw)).snapshot


def test_an_engine_draws_a_snapshot_s_base_once_also_in_the_next_process(tmp_path: Path) -> None:
    policy = with_base(hospital())
    engine = LocalEngine(tmp_path / "views", limits=LIMITS)
    snapshot = snapshot_of(engine, tmp_path, policy)
    first = engine.base(dataset="hospital", snapshot=snapshot)
    for asked in (engine, LocalEngine(tmp_path / "views", limits=LIMITS)):
        assert asked.base(dataset="hospital", snapshot=snapshot) == first
    fresh = LocalEngine(tmp_path / "elsewhere", limits=LIMITS)  # the control: fresh noise is another base
    other = fresh.base(dataset="hospital", snapshot=snapshot_of(fresh, tmp_path, policy))
    assert other.tables != first.tables


def test_a_base_that_was_changed_is_not_answered_from(tmp_path: Path) -> None:
    base = bought(tmp_path)
    file = tmp_path / "views" / ".bases" / f"{base.id}.json"
    file.write_bytes(file.read_bytes().replace(b'"nano":', b'"nano":1'))
    with pytest.raises(Tampered):
        base_of(tmp_path / "views", snapshot=base.snapshot)
    with pytest.raises(BadInput):
        base_of(tmp_path / "views", snapshot="../../etc/passwd")


def test_a_policy_without_a_share_sells_no_base(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no base release"):
        bought(tmp_path, hospital())


def test_it_is_charged_once_for_a_version_before_a_row_is_read(tmp_path: Path) -> None:
    policy, folder = with_base(hospital(), profile_percent=0), tmp_path / "private"
    assert policy.budget is not None
    once = policy.budget.base.nano
    raw = write_csv(tmp_path / "raw.csv", many_visits())
    data = PrivateData.publish(raw, policy, folder=folder, limits=LIMITS)
    assert data.base is None
    with pytest.raises(NotFound):
        data.sample()
    said: list[tuple[float, str]] = []
    base = data.buy_base(lambda fraction, words: said.append((fraction, words)))
    assert data.budget.spent.nano == once
    assert [f for f, _ in said] == sorted(f for f, _ in said)
    assert (said[0][0], said[-1][0]) == (0.0, 1.0)
    assert len(said) == len(base.tables) + 1
    again = PrivateData.publish(
        raw, policy, folder=folder, limits=LIMITS
    )  # the attack: the same, for another draw
    assert again.buy_base() == base == again.base
    assert again.budget.spent.nano == once
    sql = "SELECT sex, COUNT(*) AS n FROM visits GROUP BY sex"
    assert data.ask(sql) == again.ask(sql)
    assert data.budget.spent.nano == once
    assert data.ask(sql, epsilon=0.1) != data.ask(sql)  # who names a price pays for an answer of its own
    assert data.budget.spent.nano > once


def test_a_base_that_broke_off_is_asked_for_again_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = with_base(hospital(), profile_percent=0)
    assert policy.budget is not None
    raw = write_csv(tmp_path / "raw.csv", many_visits())
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)

    def breaks(fraction: float, words: str) -> None:
        if fraction > 0.5:
            raise RuntimeError("the machine stopped")

    with pytest.raises(Unanswered):
        data.buy_base(breaks)
    assert (data.base, data.budget.spent) == (None, policy.budget.base)
    assert data.buy_base() == data.base
    assert data.budget.spent == policy.budget.base


def test_a_budget_too_small_for_a_base_is_not_overspent(tmp_path: Path) -> None:
    policy = with_base(hospital(), 50, per_question_percent=100, project_percent=100, profile_percent=0)
    raw = write_csv(tmp_path / "raw.csv", many_visits())
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    data.ask("SELECT COUNT(*) AS n FROM visits", epsilon=7)
    spent = data.budget.spent
    with pytest.raises(OverBudget):
        data.buy_base()
    assert (data.budget.spent, data.base) == (spent, None)


def test_whatever_goes_wrong_among_rows_is_one_error(tmp_path: Path) -> None:
    """The same words for D, D' and nothing: where a view cannot be read, nobody learns why."""
    told = set()
    for name, rows in (("d", many_visits()), ("neighbour", many_visits(59)), ("empty", [])):
        engine = LocalEngine(tmp_path / name, limits=replace(LIMITS, timeout_s=30))
        raw = write_csv(tmp_path / f"{name}.csv", rows)
        snapshot = engine.publish(policy=with_base(hospital()), table="visits", file=str(raw)).snapshot
        engine.answer(
            dataset="hospital", snapshot=snapshot, sql="SELECT COUNT(*) AS n FROM visits", nano=10**7
        )
        (tmp_path / name / "hospital" / snapshot / "view.parquet").write_bytes(b"PAR1 no more PAR1")
        with pytest.raises(Unanswered) as failed:
            engine.base(dataset="hospital", snapshot=snapshot)
        told.add(str(failed.value))
    assert len(told) == 1


def test_progress_is_the_same_on_neighbours_and_on_nothing(tmp_path: Path) -> None:
    told = []
    for name, rows in (("d", many_visits()), ("neighbour", many_visits(59)), ("empty", [])):
        engine = LocalEngine(tmp_path / name, limits=LIMITS)
        raw = write_csv(tmp_path / f"{name}.csv", rows)
        snapshot = engine.publish(policy=with_base(hospital()), table="visits", file=str(raw)).snapshot
        said: list[tuple[float, str]] = []
        base = engine.base(
            dataset="hospital", snapshot=snapshot, progress=lambda f, w, said=said: said.append((f, w))
        )
        told.append((said, base.columns, [(t.axes, t.scale) for t in base.tables], base.nano))
    assert told[0] == told[1] == told[2]


# the bound


def test_rows_of_a_unit_are_bounded_by_the_profile(tmp_path: Path) -> None:
    """Nearly all have one row and few have many: the bound is far below the policy's."""
    rows = [row(f"p{n}", sex="male", ward=1 + n % 3) for n in range(3000)]
    rows += [row(f"heavy{n}", sex="female", ward=2) for n in range(3) for _ in range(40)]
    policy = with_base(hospital(max_rows_per_unit=64))
    raw = write_csv(tmp_path / "raw.csv", rows)
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    base = data.buy_base()
    assert base.rows_per_unit < 16
    assert float(base.lost_percent) < 15
    answer = data.ask("SELECT COUNT(*) AS n FROM visits")
    assert answer["bounding"]["rows_per_unit"] == base.rows_per_unit
    assert any("leave out" in note for note in answer["notes"]) == (float(base.lost_percent) > 0)
    without = replace(policy, budget=replace(policy.budget, profile_percent=0))  # type: ignore[type-var]
    plain = offer(without, "visits")
    assert plain is not None
    assert plain.rows_per_unit == 64  # the control: nothing is known, so nothing is left out


# synthetic rows


def test_a_sample_has_the_policy_s_columns_and_publishes_under_it(tmp_path: Path) -> None:
    policy = with_base(hospital(admitted=DAYS), profile_percent=0)
    raw = write_csv(tmp_path / "raw.csv", many_visits(400))
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    data.buy_base()
    made = data.sample(500)
    assert made.columns == tuple(policy.tables["visits"].columns)
    assert len(made.rows) == 500
    assert made == data.sample(500)  # everybody's is the same
    assert abs(len(data.sample().rows) - 1000) < 200
    file = tmp_path / "made-up.csv"
    file.write_text(made.csv(), encoding="utf-8")
    report = publish(file, policy, "visits", tmp_path / "again", salt=SALT, limits=LIMITS)
    assert (report.rows, report.units, sum(report.emptied.values())) == (500, 500, 0)
    for rows in (-1, 10**6, True):
        with pytest.raises(BadInput):
            data.sample(rows)


def test_a_canary_is_never_in_base_or_sample(tmp_path: Path) -> None:
    """Values that only one row has: free text, an unlisted value, a number off every bound, a name of a unit."""
    canaries = ("kanarienvogel", "31.41592", "p-271828", "1999-09-19", "99999.5")
    odd = row(
        "p-271828", sex="kanarienvogel", ward=2, city="kanarienvogel", cost="99999.5", weight="31.41592",
        admitted="1999-09-19",
    )  # fmt: skip
    policy = with_base(hospital(admitted=DAYS), 50, profile_percent=0)
    raw = write_csv(tmp_path / "raw.csv", [*many_visits(300), odd])
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    text = json.dumps(base_document(data.buy_base())) + data.sample(300).csv()
    for canary in canaries:
        assert canary not in text
    assert "kanarienvogel" in raw.read_text()  # the control: it was there to be found
    assert "2013-" in text
