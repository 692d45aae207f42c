"""Raw table → private view: every cell is what was declared or empty, every unit is bounded, nothing is half done."""

from __future__ import annotations

import datetime
import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.policy import Column, ColumnType
from sandbox.privacy.publishing import views
from sandbox.privacy.publishing.publish import publish
from tests.privacy.made_up import LIMITS, SALT, hospital, many_visits, published, row, with_table, write_csv

TODAY = datetime.date(2013, 1, 5)


def cells(view: views.View, name: str) -> list[Any]:
    """A column of a view, in the order of units and ranks."""
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {name} FROM '{view.parquet}' ORDER BY _unit, _rank").fetchall()
    return [value for (value,) in found]


def kept(tmp_path: Path, column: str, raw: list[str]) -> tuple[list[Any], int]:
    """What becomes of some raw cells, in their order, and how many were emptied."""
    declared = hospital().tables["visits"].columns
    columns = {
        "patient_id": declared["patient_id"],
        column: declared[column],
        "tag": Column(type=ColumnType.INTEGER),
    }
    policy = with_table(hospital(max_rows_per_unit=1000), columns=columns)
    path = write_csv(
        tmp_path / "raw.csv",
        [{"patient_id": "p", column: text, "tag": i} for i, text in enumerate(raw)],
        list(columns),
    )
    report = publish(path, policy, "visits", tmp_path / "views" / "hospital", salt=SALT, limits=LIMITS)
    view = views.find(tmp_path / "views", dataset="hospital", snapshot=report.snapshot)
    in_order = dict(zip(cells(view, "tag"), cells(view, column), strict=True))
    return [in_order[i] for i in range(len(raw))], report.emptied[column]


CELLS: list[tuple[str, list[tuple[str, Any]], int]] = [
    (
        "age",
        [
            ("1", 1),
            ("12.0", 12),
            (" 5 ", 5),
            ("+7", 7),
            ("-3", -3),
            ("1e3", 1000),
            ("-0.0", 0),
            ("1000000000000000000", 10**18),
            ("200", 200),  # beyond its bounds: the plan clamps, publishing does not
            ("", None),
            ("NA", None),
            ("nan", None),
            ("12.7", None),
            ("1e-3", None),
            ("inf", None),
            ("-Infinity", None),
            ("0x10", None),
            ("1_000", None),
            ("1,000", None),
            ("9223372036854775807", None),
            ("9223372036854775808", None),
            ("1000000000000000001", None),
            ("1e99", None),
            ("9" * 400, None),
            ("twelve", None),
            ("١٢", None),
        ],
        14,
    ),
    (
        "cost",
        [
            ("1", 100),
            ("0.125", 13),  # halves go away from zero
            ("-0.125", -13),
            ("0.005", 1),
            ("-0.005", -1),
            ("12.345", 1235),
            ("12.3449999", 1234),
            (".5", 50),
            ("5.", 500),
            ("1e2", 10000),
            ("9999999999999999", 10**18 - 100),
            ("1e17", None),
            ("NaN", None),
            ("-inf", None),
            ("1.2.3", None),
        ],
        3,
    ),
    (
        "admitted",
        [
            ("2013-01-05", TODAY),
            ("2013-1-5", TODAY),
            ("2013-01-05 23:59:59", TODAY),
            ("2013-01-05T05:00:00Z", TODAY),
            ("2013-02-30", None),
            ("0000-01-01", None),
            ("infinity", None),
            ("epoch", None),
            ("05/01/2013", None),
            ("", None),
        ],
        5,
    ),
    (
        "smoker",
        [
            *[("true", True), ("T", True), ("1", True), ("yes", True)],
            *[("false", False), ("0.0", False), ("no", False)],
            *[("maybe", None), ("2", None), ("", None), ("NA", None)],
        ],
        2,
    ),
    ("sex", [("male", "male"), ("female", "female"), ("Male", None), ("'; DROP", None), ("", None)], 2),
    ("ward", [("1", 1), ("3.0", 3), ("4", None), ("one", None)], 2),
    (
        "city",
        [("Łódź", "Łódź"), (" x ", " x "), ("it's", "it's"), ("x" * 10_000, "x" * 10_000), ("", None)],
        0,
    ),
]


@pytest.mark.parametrize(("column", "expected", "emptied"), CELLS, ids=[c for c, _, _ in CELLS])
def test_a_cell_is_what_its_column_declares_or_empty(
    tmp_path: Path, column: str, expected: list[tuple[str, Any]], emptied: int
) -> None:
    found, lost = kept(tmp_path, column, [raw for raw, _ in expected])
    assert list(zip((raw for raw, _ in expected), found, strict=True)) == expected
    assert lost == emptied


def test_csv_and_parquet_of_the_same_table_give_the_same_view(tmp_path: Path) -> None:
    rows = many_visits(20)
    typed = {
        "patient_id": pa.array([r["patient_id"] for r in rows]),
        "sex": pa.array([r["sex"] for r in rows]),
        "ward": pa.array([float(r["ward"]) for r in rows], pa.float64()),
        "smoker": pa.array([{"true": True, "false": False, "": None}[r["smoker"]] for r in rows]),
        "age": pa.array([float(r["age"]) if r["age"] else float("nan") for r in rows], pa.float64()),
        "cost": pa.array([float(r["cost"]) if r["cost"] else None for r in rows], pa.float64()),
        "weight": pa.array([float(r["weight"]) for r in rows], pa.float32()),
        "admitted": pa.array([datetime.date.fromisoformat(r["admitted"]) for r in rows]),
        "city": pa.array([r["city"] for r in rows]).dictionary_encode(),
    }
    pq.write_table(pa.table(typed), tmp_path / "raw.parquet")
    write_csv(tmp_path / "raw.csv", rows)
    snapshots = {
        publish(tmp_path / name, hospital(), "visits", tmp_path / "views", salt=SALT, limits=LIMITS).snapshot
        for name in ("raw.csv", "raw.parquet")
    }
    assert len(snapshots) == 1


def test_a_unit_keeps_at_most_its_rows_with_ranks_from_0_without_gaps(tmp_path: Path) -> None:
    rows = [row("heavy", age=n) for n in range(50)] + [row("light", age=1), row("", age=2), row("NA", age=3)]
    report, view = published(tmp_path, rows)
    assert (report.rows, report.units, report.dropped_rows, report.rows_without_unit) == (5, 2, 46, 2)
    ranks: dict[int, list[int]] = {}
    for unit, rank in zip(cells(view, "_unit"), cells(view, "_rank"), strict=True):
        ranks.setdefault(unit, []).append(rank)
    assert sorted(map(tuple, ranks.values())) == [(0,), (0, 1, 2, 3)]
    assert any("max_rows_per_unit" in warning for warning in report.warnings)


def test_a_view_holds_first_rows_first_so_that_a_bound_need_not_read_the_rest(tmp_path: Path) -> None:
    _, view = published(tmp_path, [row(f"p{n % 7}", age=n) for n in range(40)])
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT _rank, _unit FROM '{view.parquet}'").fetchall()
        types = connection.execute(f"SELECT typeof(_unit), typeof(_rank) FROM '{view.parquet}'").fetchall()
    assert found == sorted(found)
    assert set(types) == {("INTEGER", "SMALLINT")}, "wide enough for what the policy allows, and no wider"


def test_which_rows_are_kept_is_a_fair_lot_of_the_salt(tmp_path: Path) -> None:
    rows = [row("heavy", age=n) for n in range(12)]
    seen: Counter[int] = Counter()
    for lot in range(12):
        _, view = published(tmp_path, rows, salt=lot.to_bytes(32, "big"))
        seen.update(cells(view, "age"))
    assert len(seen) == 12, "every row is kept now and then"
    assert max(seen.values()) < 12, "and none of them always"


def test_adding_a_unit_changes_nothing_about_what_is_kept_of_the_others(tmp_path: Path) -> None:
    """What the sensitivity proofs rest on."""
    rows = [row(f"p{n % 3}", age=n) for n in range(30)]
    _, view = published(tmp_path, rows)
    _, neighbour = published(tmp_path, [*rows, *(row("new", age=99) for _ in range(9))])
    before = sorted(zip(cells(view, "_rank"), cells(view, "age"), strict=True))
    after = sorted(zip(cells(neighbour, "_rank"), cells(neighbour, "age"), strict=True))
    assert [pair for pair in after if pair[1] != 99] == before


def test_names_of_units_are_not_kept_and_their_numbers_are_in_no_order_of_the_file(tmp_path: Path) -> None:
    rows = [row(f"CANARY-{n:03d}", age=n) for n in range(50)]
    _, view = published(tmp_path, rows)
    assert b"CANARY" not in view.parquet.read_bytes()
    assert cells(view, "age") not in (list(range(50)), list(reversed(range(50))))
    assert sorted(cells(view, "_unit")) == list(range(50))


def test_a_snapshot_is_the_same_for_the_same_and_another_for_anything_else(tmp_path: Path) -> None:
    rows = [row("a", age=1), row("b", age=2)]
    first, _ = published(tmp_path, rows)
    assert published(tmp_path, rows)[0].snapshot == first.snapshot
    others = [
        published(tmp_path, [row("a", age=1), row("b", age=3)])[0],
        published(tmp_path, rows, hospital(max_rows_per_unit=5))[0],
        published(tmp_path, rows, salt=b"x" * 32)[
            0
        ],  # without the salt nobody can check a guess of the table
    ]
    assert len({first.snapshot, *(o.snapshot for o in others)}) == 4


def test_the_owner_is_told_what_the_declaration_costs(tmp_path: Path) -> None:
    rows = [row("a", age=150, ward=1, sex="robot") for _ in range(3)] + [row("b", age=-4, ward=9)]
    report, _ = published(tmp_path, rows)
    told = " ".join(report.warnings)
    assert report.emptied["sex"] == 3
    assert report.emptied["ward"] == 1
    assert "in SUM and AVG: 4 of age (0 to 100)" in told
    assert "1 rows lie beyond max_rows_per_unit of ward (2)" in told


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_usual_delimiters_quotes_and_line_ends_are_read(tmp_path: Path, delimiter: str) -> None:
    policy = with_table(
        hospital(), columns={n: hospital().tables["visits"].columns[n] for n in ("patient_id", "city")}
    )
    lines = [
        f'"City"{delimiter}Patient_ID',
        f'"a{delimiter}b ""c"""{delimiter}p1',
        f'"two\nlines"{delimiter}p2',
    ]
    path = _broken(tmp_path, "raw.csv", b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    report = publish(path, policy, "visits", tmp_path / "views" / "hospital", salt=SALT, limits=LIMITS)
    view = views.find(tmp_path / "views", dataset="hospital", snapshot=report.snapshot)
    assert sorted(cells(view, "city")) == [f'a{delimiter}b "c"', "two\nlines"]


def test_a_file_with_a_nameless_row_index_is_read(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "plain.csv", many_visits(5))
    lines = plain.read_text().splitlines()
    path = _broken(
        tmp_path,
        "raw.csv",
        "\n".join([f",{lines[0]}", *(f"{n},{x}" for n, x in enumerate(lines[1:]))]).encode(),
    )
    out = tmp_path / "views"
    snapshots = {
        publish(p, hospital(), "visits", out, salt=SALT, limits=LIMITS).snapshot for p in (plain, path)
    }
    assert len(snapshots) == 1


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "raw.csv", many_visits(5))
    path = _broken(tmp_path, "raw.csv.gz", gzip.compress(plain.read_bytes()))
    out = tmp_path / "views"
    snapshots = {
        publish(p, hospital(), "visits", out, salt=SALT, limits=LIMITS).snapshot for p in (plain, path)
    }
    assert len(snapshots) == 1


def test_an_empty_table_is_published(tmp_path: Path) -> None:
    report, view = published(tmp_path, [])
    assert (report.rows, report.units) == (0, 0)
    assert cells(view, "age") == []


def _broken(tmp_path: Path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


HEADER = ",".join(hospital().tables["visits"].columns)
BAD_FILES: list[tuple[str, bytes | None, str]] = [
    ("gone.csv", None, "There is no file gone.csv"),
    ("visits.xlsx", b"PK", "neither CSV nor Parquet"),
    ("visits.parquet", b"not parquet", "cannot be read"),
    ("visits.csv", b"patient_id,age\nCANARY,4\n", "has no column 'sex'. Its columns: patient_id, age"),
    ("visits.csv", b"", "has no header"),
    ("visits.csv.gz", b"CANARY", "cannot be read"),
    ("visits.csv", b"a,b,A\n1,2,3\n", "two columns 'a'"),
    ("visits.csv", HEADER.encode() + b"\nCANARY,male,1\n", "cannot be read"),
    ("visits.csv", HEADER.replace("patient_id", "name").encode() + b"\n", "has no column 'patient_id'"),
    (
        "visits.csv",
        HEADER.encode() + b"\n" + b"CANARY,male,1,true,4,5,6,2013-01-01,x,too,many\n" * 3,
        "cannot be read",
    ),
    (
        "visits.csv",
        HEADER.encode() + b"\n" + b"CANARY\xff\xfe,male,1,true,4,5,6,2013-01-01,x\n",
        "cannot be read",
    ),
]


@pytest.mark.parametrize(("name", "content", "problem"), BAD_FILES)
def test_a_bad_file_is_named_without_quoting_it_and_leaves_nothing_behind(
    tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    path = tmp_path / name if content is None else _broken(tmp_path, name, content)
    out = tmp_path / "views"
    with pytest.raises(BadInput) as error:
        publish(path, hospital(), "visits", out, salt=SALT, limits=LIMITS)
    assert problem in str(error.value)
    assert "CANARY" not in str(error.value) + error.value.where
    assert list(out.iterdir()) == []


def test_a_file_longer_than_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has 4 rows; the policy says at most 3"):
        published(tmp_path, [row(f"p{n}") for n in range(4)], hospital(max_rows=3))


def test_a_salt_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="salt"):
        published(tmp_path, [], salt=b"short")


def test_a_table_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "raw.csv", [])
    with pytest.raises(BadInput, match="no private table 'stays'"):
        publish(path, hospital(), "stays", tmp_path / "views", salt=SALT)


# Views on disk


def test_a_changed_view_or_manifest_is_noticed(tmp_path: Path) -> None:
    report, view = published(tmp_path, [row("a", age=1)])
    where = {"dataset": "hospital", "snapshot": report.snapshot}
    manifest = view.parquet.parent / "manifest.json"
    original, rows = manifest.read_bytes(), view.parquet.read_bytes()

    assert views.find(tmp_path / "views", **where).table_name == "visits"  # the control: unchanged, it opens
    for broken in (original.replace(b'"epsilon":"8"', b'"epsilon":"9"'), b"{", b"{}", b"[]"):
        manifest.write_bytes(broken)
        with pytest.raises(Tampered):
            views.find(tmp_path / "views", **where)
    manifest.write_bytes(original)
    view.parquet.write_bytes(rows[:-1] + bytes([rows[-1] ^ 1]))
    with pytest.raises(Tampered, match="rows were changed"):
        views.find(tmp_path / "views", **where)
    view.parquet.unlink()
    with pytest.raises(Tampered):
        views.find(tmp_path / "views", **where)


@pytest.mark.parametrize(
    ("dataset", "snapshot", "error"),
    [
        ("hospital", "0" * 64, NotFound),
        ("hospital", "../" * 3, BadInput),
        ("..", "0" * 64, BadInput),
        ("hospital/x", "0" * 64, BadInput),
        ("", "0" * 64, BadInput),
        ("hospital", "0" * 63, BadInput),
        ("hospital", "0" * 64 + "\n", BadInput),
    ],
)
def test_only_snapshots_are_found(
    tmp_path: Path, dataset: str, snapshot: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        views.find(tmp_path, dataset=dataset, snapshot=snapshot)


def test_views_are_for_their_owner_s_eyes_only(tmp_path: Path) -> None:
    _, view = published(tmp_path, [row("a")])
    for path in (view.parquet, view.parquet.parent / "manifest.json"):
        assert path.stat().st_mode & 0o077 == 0
    assert view.parquet.parent.stat().st_mode & 0o077 == 0


def test_a_unit_s_rows_are_ranked_without_regard_to_anybody_else_s(tmp_path: Path) -> None:
    """Taking one unit away, or putting the file in another order, moves no other unit's rank: else versions of a table
    would differ by more than that unit."""
    policy = hospital(max_rows_per_unit=2)
    others = [row(f"p{n}", ward=str(1 + k % 3), age=str(20 + k)) for n in range(40) for k in range(1 + n % 4)]
    others += [row("twin", ward="1", age="7")] * 3  # rows that are just alike
    hers = [row("she", ward="2", age=str(k)) for k in range(3)]

    def ranks(name: str, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        _, view = published(tmp_path / name, rows, policy)
        with duckdb.connect() as connection:
            found = connection.execute(
                f"SELECT _rank, ward, age FROM '{view.parquet}' ORDER BY ALL"
            ).fetchall()
        return [r for r in found if not (r[1] == 2 and r[2] is not None and r[2] < 3)]  # all but hers

    with_her = ranks("with", [*hers, *others])
    assert with_her == ranks("without", others)
    assert with_her == ranks("reversed", [*hers, *others][::-1])
    assert with_her != ranks("other", [*others, row("p0", ward="1", age="99")])  # the control
