"""Several tables of one dataset, joined by the unit: neighbours differ by one unit with its rows in all of them.

``by_hand`` joins one unit's rows in plain Python: it cannot look at another unit. The engine's rows are held against it,
and what is measured on them against what was paid for.
"""

from __future__ import annotations

import csv
import itertools
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.domain.answer import document_of
from sandbox.domain.derived import declared, profiled_table
from sandbox.domain.errors import BadInput, NotFound, QuestionRefused, Tampered
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Table
from sandbox.domain.question import canonical_sql
from sandbox.domain.relation import MAX_TABLES, Joined
from sandbox.privacy import PrivateData
from sandbox.privacy.answering.relations import RANK, UNIT
from sandbox.privacy.answering.run import count_exactly, rows_behind
from sandbox.privacy.asking.parse import parse, read
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.engines.duck import quoted
from sandbox.privacy.planning.bounding import rows_plan
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.profile import offer
from sandbox.privacy.publishing import views
from sandbox.privacy.publishing.publish import publish, publish_tables
from sandbox.privacy.publishing.views import View, table_snapshot
from tests.privacy.audit.test_same_on_neighbours import without_values
from tests.privacy.made_up import LIMITS, PRICE, SALT, hospital, write_csv
from tests.privacy.test_sensitivity import moved_too_far

LOWER, UPPER = -2, 5
UNIT_COLUMN = Column(type=ColumnType.TEXT)
TABLES = {
    "patients": Table(
        columns={
            "patient_id": UNIT_COLUMN,
            "sex": Column(type=ColumnType.TEXT, categories=("f", "m")),
            "x": Column(type=ColumnType.INTEGER, lower=0, upper=9),
        },
        max_rows=50,
    ),
    "visits": Table(
        columns={
            "patient_id": UNIT_COLUMN,
            "ward": Column(type=ColumnType.INTEGER, categories=(0, 1), max_rows_per_unit=2),
            "x": Column(type=ColumnType.INTEGER, lower=LOWER, upper=UPPER),
        },
        max_rows=200,
        max_rows_per_unit=3,
    ),
    "claims": Table(
        columns={
            "patient_id": UNIT_COLUMN,
            "kind": Column(type=ColumnType.TEXT, categories=("a", "b")),
            "amount": Column(type=ColumnType.INTEGER, lower=0, upper=4),
        },
        max_rows=100,
        max_rows_per_unit=2,
    ),
}
POLICY = replace(hospital(), tables=TABLES, lookups={})


@dataclass(frozen=True)
class Patient:
    """One unit's rows in each table, without its name, by rank."""

    patients: tuple[tuple[Any, ...], ...] = ()
    visits: tuple[tuple[Any, ...], ...] = ()
    claims: tuple[tuple[Any, ...], ...] = ()


def view_with(folder: Path, units: Sequence[Patient], policy: DatasetPolicy = POLICY) -> View:
    """A snapshot as publishing would write it, with the ranks in the given order."""
    tables = {}
    for name, table in policy.tables.items():
        columns = [c for c in table.columns if c != "patient_id"]
        types = {c: "VARCHAR" if table.columns[c].type is ColumnType.TEXT else "BIGINT" for c in columns}
        path = folder / f"{name}.parquet"
        rows = [
            (unit, rank, *cells)
            for unit, one in enumerate(units)
            for rank, cells in enumerate(getattr(one, name))
        ]
        with duckdb.connect() as connection:
            typed = ", ".join(f"{c} {type_}" for c, type_ in types.items())
            connection.execute(f"CREATE TABLE v (_unit BIGINT, _rank BIGINT, {typed})")
            if rows:
                marks = ", ".join("?" * (len(columns) + 2))
                connection.executemany(f"INSERT INTO v VALUES ({marks})", rows)
            connection.execute(f"COPY v TO {quoted(str(path))} (FORMAT parquet)")
        tables[name] = View(policy=policy, table_name=name, snapshot="0" * 64, parquet=path)
    return replace(tables["claims"], tables=tables)


def of(view: View, *names: str) -> View:
    found = view.of(set(names))
    assert found is not None
    return found


def some_patients(lot: random.Random, count: int) -> list[Patient]:
    """Some have rows beyond what may be published, and some none in a table."""

    def rows(most: int, *cells: Sequence[Any]) -> tuple[tuple[Any, ...], ...]:
        return tuple(tuple(lot.choice(c) for c in cells) for _ in range(lot.randint(0, most)))

    return [
        Patient(
            rows(2, ("f", "m", None), (0, 4, 99, None)),
            rows(5, (0, 1, None), (LOWER - 3, 0, UPPER + 3, None)),
            rows(4, ("a", "b", None), (-1, 0, 4, 9, None)),
        )
        for _ in range(count)
    ]


def by_hand(one: Patient, inner: Sequence[str], optional: Sequence[str]) -> list[tuple[Any, ...]]:
    """One unit's rows: rank, then the cells of each table."""
    sides = []
    for name in (*inner, *optional):
        kept = list(enumerate(getattr(one, name)[: TABLES[name].max_rows_per_unit]))
        width = len(TABLES[name].columns) - 1
        sides.append(kept or ([(0, (None,) * width)] if name in optional else []))
    several = [at for at, name in enumerate((*inner, *optional)) if TABLES[name].max_rows_per_unit > 1]

    def order(row: tuple[tuple[int, tuple[Any, ...]], ...]) -> tuple[int, ...]:
        ranks = [row[at][0] for at in several]
        return (max(ranks, default=0), *ranks)

    rows = sorted(itertools.product(*sides), key=order)
    return [(rank, *itertools.chain(*(cells for _, cells in row))) for rank, row in enumerate(rows)]


CELLS = {
    "patients": ["sex", "patients_x"],
    "visits": ["ward", "visits_x"],
    "claims": ["kind", "amount"],
}
ALL = "sex is null and patients_x > 0 and ward = 1 and visits_x > 0 and kind = 'a' and amount > 0"
RELATIONS = [
    ("patients p join visits using (patient_id) join claims c on c.patient_id = p.patient_id", 3, 0),
    ("claims left join visits using (patient_id) join patients using (patient_id)", 2, 1),
    ("patients left join visits using (patient_id) left join claims using (patient_id)", 1, 2),
    ("visits left join (select * from patients join claims using (patient_id)) as o using (patient_id)", 1, 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "inner", "optional"), RELATIONS[:3])
def test_the_engine_joins_of_each_unit_what_can_be_joined_of_its_rows_alone(
    tmp_path: Path, text: str, inner: int, optional: int
) -> None:
    units = some_patients(random.Random(4), 80)
    question = parse(f"select count(*) from {text} where {ALL}", POLICY)
    relation = question.source
    assert isinstance(relation, Joined)
    assert (len(relation.parts), len(relation.optional)) == (inner, optional)
    sides = [side.table for side in relation.sides]  # type: ignore[union-attr]
    names = list(itertools.chain(*(CELLS[name] for name in sides)))
    view = of(view_with(tmp_path, units), *TABLES)
    with view.opened(LIMITS) as rows_of:
        found = rows_of(rows_behind(question, view).select(UNIT, RANK, *names).order_by(UNIT, RANK))
    expected = [
        (unit, *row) for unit, one in enumerate(units) for row in by_hand(one, sides[:inner], sides[inner:])
    ]
    assert found == expected
    table = declared(relation, POLICY)
    assert max(row[1] for row in found) + 1 <= table.max_rows_per_unit == 6
    assert {row[1] for row in found} >= set(range(6)), "some unit has as many rows as it may"


def test_a_join_has_no_more_rows_than_is_declared(tmp_path: Path) -> None:
    """Every unit has all rows that it may: as many units as the smallest table's ``max_rows`` allows."""
    full = Patient((("f", 1),), ((0, 1),) * 3, (("a", 1),) * 2)
    units = [full] * 50  # patients 50 of 50, visits 150 of 200, claims 100 of 100
    question = parse(f"select count(*) from {RELATIONS[0][0]}", POLICY)
    ready = plan(question, POLICY, target=PRICE)
    view = of(view_with(tmp_path, units), *TABLES)
    assert count_exactly(ready, view, LIMITS)["rows"] == [300]
    assert declared(question.source, POLICY).max_rows == 300


ASKED = (
    "select count(*) as n, count(distinct patient_id) as u, sum(visits_x) as s from {relation}",
    "select sex, avg(visits_x) as a, sum(amount) as s from {relation} group by sex",
    "select ward, kind, count(*) as n from {relation} where patients_x > 3 or amount > 1 group by ward, kind",
    "select kind, median(visits_x) as m, variance(amount) as v from {relation} group by kind",
    "select s, count(*) as n from (select patient_id, count(amount) as s from {relation} group by patient_id) group by s",
    "select ward, sum(t) as t from (select patient_id, ward, sum(visits_x) as t from {relation} "
    "group by patient_id, ward) group by ward",
)


@pytest.mark.parametrize("relation", [text for text, _, _ in RELATIONS[:3]])
@pytest.mark.parametrize("sql", ASKED)
def test_taking_any_unit_away_from_all_tables_moves_a_join_no_further_than_was_paid_for(
    tmp_path: Path, sql: str, relation: str
) -> None:
    question = parse(sql.format(relation=relation), POLICY)
    lot = random.Random(9)
    extreme = [
        Patient((("f", 99),) * 3, ((1, UPPER + 1),) * 6, (("a", 99),) * 6),
        Patient((("m", 0),), ((0, LOWER - 1), (1, LOWER), (0, 0)), (("b", 0), ("a", 4))),
        Patient((), ((0, 1),), ()),
    ]
    units = [*some_patients(lot, 4), *extreme]
    whole_view = of(view_with(tmp_path, units), *TABLES)
    bounds = [None, rows_plan(rows_per_unit=1, cells=1)]
    for bounding in bounds if "group" not in sql else [None]:
        ready = plan(question, POLICY, target=PRICE, bounding=bounding)
        whole = count_exactly(ready, whole_view, LIMITS)
        for left_out in range(len(units)):
            folder = tmp_path / str(left_out)
            folder.mkdir(exist_ok=True)
            neighbour = of(view_with(folder, units[:left_out] + units[left_out + 1 :]), *TABLES)
            assert moved_too_far(ready, whole, count_exactly(ready, neighbour, LIMITS)) == []


def test_a_join_that_is_paid_for_as_one_of_its_tables_is_caught(tmp_path: Path) -> None:
    """The control: a unit's claims count once for each of its visits."""
    joined = parse("select sum(amount) as s from visits join claims using (patient_id)", POLICY)
    alone = parse("select sum(amount) as s from claims", POLICY)
    units = [Patient((), ((0, 1),) * 3, (("a", 4),) * 2)]
    view = of(view_with(tmp_path, units), "visits", "claims")
    found = count_exactly(plan(joined, POLICY, target=PRICE), view, LIMITS)
    assert found == {"sum_amount": [24]}
    assert moved_too_far(plan(joined, POLICY, target=PRICE), found, {"sum_amount": [0]}) == []
    assert moved_too_far(plan(alone, POLICY, target=PRICE), found, {"sum_amount": [0]}) == ["sum_amount"]


SAME = [
    [
        "select sex, sum(amount) as s from patients join claims using (patient_id) where patients.x > 3 group by sex",
        "select p.sex, sum(c.amount) s from claims c join patients p on p.patient_id = c.patient_id where p.x >= 4 "
        "group by p.sex",
        "with p as (select patient_id as who, sex as s, x from patients where x > 3) "
        "select s as sex, sum(amount) s from claims inner join p on claims.patient_id = p.who group by p.s",
        "select sex, sum(a) s from (select patient_id, amount a from claims) c "
        "join (select sex, patient_id, x from patients) q on (q.patient_id) = c.patient_id where not q.x < 4 group by 1",
        "select sex, sum(amount) as s from (select sex, amount, x from patients join claims using (patient_id)) "
        "where x > 3 group by sex",
    ],
    [
        "select kind, avg(visits.x) a from patients join visits using (patient_id) join claims using (patient_id) "
        "group by kind",
        "select kind, avg(v.x) a from claims join (select patient_id, visits.x from visits "
        "join patients using (patient_id)) v using (patient_id) group by kind",
        "select kind, avg(visits_x) a from (select patient_id, visits.x as vx, kind, visits_x from claims "
        "join visits using (patient_id) join patients using (patient_id)) group by kind",
    ],
    [
        "select sex, count(*) as n from patients left join (select patient_id, count(*) as n, sum(amount) as t "
        "from claims where kind = 'a' group by 1) c using (patient_id) where c.n > 1 group by sex",
        "with c as (select patient_id as p, count(1) m from claims where kind in ('a') group by p) "
        "select sex, count(*) n from patients left outer join c on c.p = patients.patient_id where m >= 2 group by sex",
    ],
    [
        "select count(*) as n from visits join (select patient_id, count(*) as k from visits group by 1) u "
        "using (patient_id) where k = 3",
        "select count(*) as n from (select patient_id, count(*) as k, max(x) as unused from visits group by 1) u "
        "join visits v on v.patient_id = u.patient_id where u.k = 3",
    ],
]


@pytest.mark.parametrize("ways", SAME, ids=lambda ways: ways[0][:60])
def test_every_way_to_write_a_join_is_one_question_that_reads_back(ways: list[str]) -> None:
    texts = {canonical_sql(read(way, POLICY).question) for way in ways}
    assert len(texts) == 1
    (text,) = texts
    assert canonical_sql(parse(text, POLICY)) == text
    assert parse(text, POLICY) == read(ways[0], POLICY).question


REFUSED = [
    ("select count(*) from patients join claims on patients.sex = claims.kind", "patients.sex", "USING (patient_id)"),
    ("select count(*) from patients join claims on patients.x = claims.amount", "patients.x", "patient_id"),
    ("select count(*) from patients join claims using (x)", "x", "USING (patient_id)"),
    ("select count(*) from patients join claims using (patient_id, x)", "patient_id, x", "USING"),
    ("select count(*) from patients p join claims c on p.patient_id = p.patient_id", "p.patient_id", "c.patient_id"),
    ("select count(*) from patients p join claims c on patient_id = c.patient_id", "patient_id", "c.patient_id"),
    ("select count(*) from patients p join claims c on p.patient_id > c.patient_id", "p.patient_id", "USING"),
    (
        "select count(*) from patients p join claims c on p.patient_id = c.patient_id and c.amount > 1",
        "p.patient_id",
        "USING",
    ),
    ("select count(*) from patients join claims on true", "", "USING (patient_id)"),
    ("select count(*) from patients, claims", "claims", "USING"),
    ("select count(*) from patients cross join claims", "claims", "USING"),
    ("select count(*) from patients natural join claims", "claims", "USING"),
    ("select count(*) from patients full join claims using (patient_id)", "claims", "USING"),
    ("select count(*) from patients right join claims using (patient_id)", "claims", "USING"),
    ("select count(*) from visits a join visits b using (patient_id)", "visits b", "COUNT(*)"),
    ("select count(*) from visits join (select * from visits where x > 3) b using (patient_id)", "*", "COUNT(*)"),
    ("select count(*) from visits v join claims v using (patient_id)", "claims v", "Rename"),
    ("select count(*) from patients left join (select * from claims where amount > 1) c using (patient_id)", "*",
     "LEFT"),
    ("select count(*) from visits join nothing using (patient_id)", "nothing", "claims"),
    ("select x, count(*) from patients join visits using (patient_id) group by x", "x", "patients.x or visits.x"),
    ("select avg(c.x) from patients p join claims c using (patient_id)", "c.x", "amount"),
    ("select avg(z.x) from patients p join claims c using (patient_id)", "z.x", "p.column or c.column"),
    ("select patient_id, count(*) from patients join claims using (patient_id) group by 1", "patient_id", "DISTINCT"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "at", "fix"), REFUSED, ids=lambda value: value[:70])
def test_what_could_put_one_unit_beside_another_is_refused_with_its_place(
    sql: str, at: str, fix: str
) -> None:
    with pytest.raises(QuestionRefused) as refusal:
        parse(sql, POLICY)
    error = refusal.value
    assert error.position is not None
    assert sql[error.position :].startswith(at), (sql[error.position :][:30], str(error))
    assert fix in f"{error.message} {error.fix}", str(error)


def test_rows_that_could_leave_64_bits_and_joins_of_many_tables_are_refused() -> None:
    wide = {name: replace(table, max_rows=10**12, max_rows_per_unit=10**12) for name, table in TABLES.items()}
    with pytest.raises(QuestionRefused, match="rows in this join"):
        parse(f"select count(*) from {RELATIONS[0][0]}", replace(POLICY, tables=wide))
    part = "(select patient_id, count(*) as n from visits where x > {} group by 1) as s{}"
    many = "visits" + "".join(f" join {part.format(n, n)} using (patient_id)" for n in range(MAX_TABLES))
    with pytest.raises(QuestionRefused, match="Too many tables"):
        parse(f"select count(*) from {many}", POLICY)
    few = "visits" + "".join(f" join {part.format(n, n)} using (patient_id)" for n in range(3))
    assert parse(f"select count(*) from {few} where s0.n + 0 > 1".replace(" + 0", ""), POLICY)


def test_the_profile_of_the_table_with_many_rows_is_that_of_the_join() -> None:
    def suits(relation: str) -> str:
        return profiled_table(parse(f"select count(*) from {relation}", POLICY).source, POLICY)

    assert suits("visits") == "visits"
    assert suits("patients join visits using (patient_id)") == "visits"
    assert suits("visits join claims using (patient_id)") == ""
    assert suits("(select patient_id, count(*) as n from visits group by 1)") == ""
    several = "visits join (select patient_id, count(*) as n from claims group by 1) c using (patient_id)"
    assert suits(several) == "visits"


# Publishing: one snapshot, in which a unit has one number everywhere.

FILES: Mapping[str, list[dict[str, Any]]] = {
    "patients": [{"patient_id": f"p{n}", "sex": "fm"[n % 2], "x": n % 10} for n in range(30)],
    "visits": [{"patient_id": f"p{n % 40}", "ward": n % 2, "x": n % 6} for n in range(90)],
    "claims": [{"patient_id": f"p{2 * n % 50}", "kind": "ab"[n % 2], "amount": n % 5} for n in range(60)],
}


def raw_files(folder: Path, files: Mapping[str, list[dict[str, Any]]] = FILES) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: write_csv(folder / f"{name}.csv", rows, list(TABLES[name].columns))
        for name, rows in files.items()
    }


def test_a_unit_has_one_number_in_all_tables_and_ranks_of_its_own_in_each(tmp_path: Path) -> None:
    report = publish_tables(
        raw_files(tmp_path / "raw"), POLICY, tmp_path / "views" / "hospital", salt=SALT, limits=LIMITS
    )
    view = views.find(tmp_path / "views", dataset="hospital", snapshot=report.snapshot)
    assert sorted(view.tables) == ["claims", "patients", "visits"]
    names = {row["patient_id"] for rows in FILES.values() for row in rows}
    assert report.units == len(names)
    with duckdb.connect() as connection:
        units = {
            name: connection.execute(f"SELECT _unit, _rank FROM '{one.parquet}'").fetchall()
            for name, one in view.tables.items()
        }
        # A patient has its own x: by it each unit can be told, without its name.
        pairs = connection.execute(
            f"SELECT p.x, v.x FROM '{view.tables['patients'].parquet}' p JOIN '{view.tables['visits'].parquet}' v USING (_unit)"
        ).fetchall()
    assert {unit for rows in units.values() for unit, _ in rows} == set(range(len(names)))
    for name, rows in units.items():
        assert max(rank for _, rank in rows) < TABLES[name].max_rows_per_unit
        assert len(set(rows)) == len(rows)
    wanted = {
        (p["x"], v["x"])
        for p in FILES["patients"]
        for v in FILES["visits"]
        if p["patient_id"] == v["patient_id"]
    }
    assert set(pairs) <= wanted
    assert "claims: " in " ".join(report.warnings)  # rows beyond max_rows_per_unit, told with their table
    again = publish_tables(
        raw_files(tmp_path / "raw"), POLICY, tmp_path / "views" / "hospital", salt=SALT, limits=LIMITS
    )
    assert again.snapshot == report.snapshot
    assert again.rows == report.rows == sum(len(rows) for rows in units.values())


def test_a_changed_table_is_noticed_and_an_old_snapshot_of_one_table_still_opens(tmp_path: Path) -> None:
    out = tmp_path / "views" / "hospital"
    report = publish_tables(raw_files(tmp_path / "raw"), POLICY, out, salt=SALT, limits=LIMITS)
    where = {"dataset": "hospital", "snapshot": report.snapshot}
    file = views.find(tmp_path / "views", **where).tables["visits"].parquet
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Tampered):
        views.find(tmp_path / "views", **where)
    file.write_bytes(data)
    assert views.find(tmp_path / "views", **where).tables
    for path in out.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.name == "hospital"
    one = replace(POLICY, tables={"visits": TABLES["visits"]})
    old = publish(raw_files(tmp_path / "raw")["visits"], one, "visits", out, salt=SALT, limits=LIMITS)
    found = views.find(tmp_path / "views", dataset="hospital", snapshot=old.snapshot)
    assert (found.table_name, dict(found.tables)) == ("visits", {})
    assert json.loads((found.parquet.parent / "manifest.json").read_bytes())["format"] == "sandbox-view-v1"
    with pytest.raises(NotFound):
        views.find(tmp_path / "views", dataset="hospital", snapshot="1" * 64)


def test_a_table_without_a_file_is_named(tmp_path: Path) -> None:
    files = raw_files(tmp_path / "raw")
    del files["claims"]
    with pytest.raises(BadInput, match="patients, visits, claims; files came for patients, visits"):
        publish_tables(files, POLICY, tmp_path / "views" / "hospital", salt=SALT, limits=LIMITS)
    assert list((tmp_path / "views").rglob("*.parquet")) == []


def test_each_table_has_a_profile_and_they_share_what_the_owner_gives(tmp_path: Path) -> None:
    assert POLICY.budget is not None
    losses = [offered.loss.nano for name in TABLES if (offered := offer(POLICY, name)) is not None]
    assert len(losses) == 2  # patients have one row each
    assert sum(losses) <= POLICY.budget.profile.nano
    assert sum(losses) > 0.9 * POLICY.budget.profile.nano
    engine = LocalEngine(tmp_path / "views", limits=LIMITS)
    report = engine.publish_tables(
        policy=POLICY, files={name: str(path) for name, path in raw_files(tmp_path / "raw").items()}
    )
    drawn = {}
    for name in ("visits", "claims"):
        snapshot = table_snapshot(POLICY, report.snapshot, name)
        drawn[name] = engine.profile(dataset="hospital", snapshot=snapshot)
        assert (drawn[name].table, drawn[name].snapshot) == (name, snapshot)
        assert engine.profile(dataset="hospital", snapshot=snapshot) == drawn[name]
    with pytest.raises(BadInput, match="claims and patients and visits"):
        engine.profile(dataset="hospital", snapshot=report.snapshot)


def test_three_tables_are_published_and_asked_without_a_server(tmp_path: Path) -> None:
    raw = raw_files(tmp_path / "raw")
    policy = replace(POLICY, budget=replace(POLICY.budget, epsilon="100", per_question_percent=100))  # type: ignore[type-var]
    data = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    assert sorted(data.profiles) == ["claims", "visits"]
    assert data.profile is None
    for sql in (
        "select sex, count(*) as n from patients group by sex",
        "select count(distinct patient_id) as n from visits",
        "select sex, sum(amount) as s from patients join claims using (patient_id) group by sex",
        "select n, count(*) as c from (select patient_id, count(*) as n from visits group by 1) group by n",
    ):
        answer = data.ask(sql, epsilon=20.0)
        assert answer["snapshot"] == data.snapshot
        assert answer == data.ask(sql, epsilon=20.0)
    estimate = data.estimate("select count(*) as n from patients join visits using (patient_id)", epsilon=1.0)
    assert estimate.bounding_loss is not None
    with pytest.raises(BadInput, match="patients, visits, claims"):
        PrivateData.publish(raw["visits"], policy, folder=tmp_path / "other", limits=LIMITS)
    again = PrivateData.publish(raw, policy, folder=tmp_path / "private", limits=LIMITS)
    assert {t: p.id for t, p in again.profiles.items()} == {t: p.id for t, p in data.profiles.items()}
    assert again.budget == data.budget


CANARY = "CANARY7f3a"


def test_prices_shapes_and_errors_of_joins_are_the_same_on_neighbours(tmp_path: Path) -> None:
    """D, D' with one patient more in every table, and empty tables."""
    heavy = {
        "patients": [*FILES["patients"], {"patient_id": "new", "sex": "f", "x": 10**9}],
        "visits": [*FILES["visits"], *[{"patient_id": "new", "ward": 1, "x": 10**17}] * 9],
        "claims": [*FILES["claims"], *[{"patient_id": "new", "kind": CANARY, "amount": -5}] * 9],
    }
    worlds = []
    for name, files in (("one", FILES), ("other", heavy), ("empty", {name: [] for name in FILES})):
        engine = LocalEngine(tmp_path / name, limits=LIMITS)
        raw = {table: str(path) for table, path in raw_files(tmp_path / f"raw-{name}", files).items()}
        worlds.append((engine, engine.publish_tables(policy=POLICY, files=raw).snapshot))
    lot = random.Random(6)
    for _ in range(12):
        relation, _, _ = lot.choice(RELATIONS[:3])
        sql = canonical_sql(parse(lot.choice(ASKED).format(relation=relation), POLICY))
        told = set()
        for engine, snapshot in worlds:
            body = engine.answer(dataset="hospital", snapshot=snapshot, sql=sql, nano=PRICE.nano)
            told.add(json.dumps(without_values(document_of(body)), sort_keys=True))
            assert CANARY.encode() not in body
        assert len(told) == 1, sql
    for sql, _, _ in REFUSED:
        texts = set()
        for engine, snapshot in worlds:
            with pytest.raises(QuestionRefused) as refusal:
                engine.answer(dataset="hospital", snapshot=snapshot, sql=sql, nano=PRICE.nano)
            texts.add((str(refusal.value), refusal.value.position))
        assert len(texts) == 1
    with (tmp_path / "raw-other" / "claims.csv").open() as file:
        assert any(CANARY in cell for row in csv.reader(file) for cell in row), "the control"


def test_a_join_in_which_one_unit_could_make_very_many_rows_is_refused() -> None:
    """Whether she is there would be told by whether the engine's memory holds: by the policy alone it is refused."""
    policy = hospital(max_rows_per_unit=20)
    side = "(select patient_id, ward, count(*) c from visits where age > {n} group by patient_id, ward)"
    sides = [f"{side.format(n=n)} s{n}" for n in range(7)]
    sql = f"select count(*) n from {sides[0]}" + "".join(
        f" join {s} on s0.patient_id = s{n}.patient_id" for n, s in enumerate(sides) if n
    )
    with pytest.raises(QuestionRefused, match="rows in this join"):
        read(sql, policy)
    few = f"select count(*) n from {sides[0]} join {sides[1]} on s0.patient_id = s1.patient_id"
    read(few, policy)  # the control
