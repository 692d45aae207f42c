"""The engine as a whole: true answers with noise, the same price whatever the rows, and nothing about rows in errors."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sandbox.domain.errors import BadInput, QuestionRefused, SandboxError, Unanswered
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.question import canonical_sql
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.engines.duck import EngineLimits, connection_to, rows_of
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import LIMITS, PRICE, Asked, hospital, many_visits, row, with_table, write_csv

POLICY = hospital()
EXACT = 10**24  # nano-rho that leave next to no noise: the control that answers are about the rows
CANARY = "CANARY7f3a"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("hospital"), many_visits())


def truth(rows: list[dict[str, Any]], test: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    return [r for r in rows if test(r)]


def number(text: str) -> float | None:
    return float(text) if text else None


CONDITIONS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("age > 40", lambda r: bool(r["age"]) and int(r["age"]) > 40),
    ("not age > 40", lambda r: bool(r["age"]) and int(r["age"]) <= 40),
    ("age not between 30 and 50", lambda r: bool(r["age"]) and not 30 <= int(r["age"]) <= 50),
    ("age is null", lambda r: not r["age"]),
    ("cost <= 100.5", lambda r: bool(r["cost"]) and float(r["cost"]) <= 100.5),
    ("smoker", lambda r: r["smoker"] == "true"),
    ("not smoker", lambda r: r["smoker"] == "false"),
    ("smoker or age > 40", lambda r: r["smoker"] == "true" or (bool(r["age"]) and int(r["age"]) > 40)),
    (
        "city in ('Kyiv', 'Köln') and sex = 'male'",
        lambda r: r["city"] in ("Kyiv", "Köln") and r["sex"] == "male",
    ),
    ("city not in ('Kyiv') and ward <> 2", lambda r: r["city"] != "Kyiv" and r["ward"] != 2),
    ("admitted >= '2013-06-01'", lambda r: datetime.date.fromisoformat(r["admitted"]).month >= 6),
    ("weight < 70", lambda r: float(r["weight"]) < 70),
]


@pytest.mark.parametrize(("condition", "test"), CONDITIONS, ids=[c for c, _ in CONDITIONS])
def test_with_next_to_no_noise_an_answer_is_the_truth(
    asked: Asked, condition: str, test: Callable[[dict[str, Any]], bool]
) -> None:
    rows = truth(many_visits(), test)
    document = asked.ask(
        f"select count(*) n, count(distinct patient_id) u, sum(cost) s, avg(age) a from visits where {condition}",
        EXACT,
    )
    (found,) = document["rows"]
    costs = [number(r["cost"]) for r in rows]
    ages = [int(r["age"]) for r in rows if r["age"]]
    assert found["n"]["value"] == len(rows)
    assert found["u"]["value"] == len({r["patient_id"] for r in rows})
    assert found["s"]["value"] == pytest.approx(sum(c for c in costs if c is not None), abs=0.05)
    assert found["a"]["value"] == (pytest.approx(sum(ages) / len(ages), abs=0.05) if ages else None)


def test_every_listed_key_is_answered_in_the_asked_order(asked: Asked) -> None:
    document = asked.ask(
        "select count(*) n, ward, smoker as smokes from visits where sex = 'male' group by 2, 3"
    )
    assert [c["name"] for c in document["columns"]] == ["n", "ward", "smokes"]
    assert [c["kind"] for c in document["columns"]] == ["count", "key", "key"]
    keys = [(r["ward"], r["smokes"]) for r in document["rows"]]
    assert keys == [(w, s) for w in (1, 2, 3) for s in (False, True)]
    assert all(list(r) == ["n", "ward", "smokes"] for r in document["rows"])


def test_a_group_by_agrees_with_the_rows(asked: Asked) -> None:
    document = asked.ask("select sex, ward, count(*) n, avg(cost) c from visits group by sex, ward", EXACT)
    for found in document["rows"]:
        here = truth(many_visits(), lambda r, f=found: (r["sex"], r["ward"]) == (f["sex"], f["ward"]))  # type: ignore[misc]
        costs = [float(r["cost"]) for r in here if r["cost"]]
        # ward declares two rows per patient in one of its values
        cut = sum(min(2, sum(r["patient_id"] == p for r in here)) for p in {r["patient_id"] for r in here})
        assert found["n"]["value"] == cut
        if cut == len(here):
            assert found["c"]["value"] == pytest.approx(sum(costs) / len(costs), abs=0.05)


def test_an_answer_says_what_it_cost_and_how_it_was_bounded(asked: Asked) -> None:
    sql = "select ward, count(*) n, sum(cost) s from visits group by ward"
    ready = plan(parse(sql, POLICY), POLICY, target=PRICE)
    document = asked.ask(canonical_sql(parse(sql, POLICY)), ready.loss.nano)
    assert document["question"] == canonical_sql(ready.question)
    assert (document["dataset"], document["snapshot"]) == ("hospital", asked.report.snapshot)
    assert document["price"]["nano"] == ready.loss.nano
    assert document["price"]["delta"] == 1e-6
    assert document["bounding"]["plan"] == "groups"
    assert document["bounding"]["text"] == ready.text
    assert document["bounding"]["groups_per_unit"] == 3
    errors = {c["name"]: c["error_95"] for c in document["columns"]}
    assert errors == {"ward": None, "n": ready.columns[0].error_95, "s": ready.columns[1].error_95}
    (n,) = {r["n"]["high"] - r["n"]["value"] for r in document["rows"]}
    assert n == errors["n"]


def test_each_answer_is_a_fresh_draw(asked: Asked) -> None:
    values = {asked.ask("select count(*) n from visits")["rows"][0]["n"]["value"] for _ in range(8)}
    assert len(values) > 4


def test_evidence_is_exact_and_unbounded(asked: Asked) -> None:
    evidence = asked.engine.evidence(
        **asked.where,
        sql="select sex, count(*) n, avg(cost) c, sum(cost) s from visits where ward = 1 group by sex",
    )
    assert evidence.keys == ("sex",)
    for found in evidence.rows:
        here = truth(many_visits(), lambda r, f=found: r["ward"] == 1 and r["sex"] == f.key[0])  # type: ignore[misc]
        costs = [round(float(r["cost"]) * 100) for r in here if r["cost"]]
        assert (found.rows, found.units) == (len(here), len({r["patient_id"] for r in here}))
        assert found.values["n"] == len(here)
        assert found.values["s"] == f"{sum(costs) / 100:.2f}"
        assert float(str(found.values["c"])) == pytest.approx(sum(costs) / 100 / len(costs))


def test_evidence_of_an_empty_cell_is_zero_and_nothing(tmp_path: Path) -> None:
    box = Asked(tmp_path, [row("a", sex="male", age=4)])
    evidence = box.engine.evidence(
        **box.where, sql="select sex, count(*) n, avg(age) a from visits group by sex"
    )
    assert [(e.key, dict(e.values), e.units) for e in evidence.rows] == [
        (("female",), {"n": 0, "a": None}, 0),
        (("male",), {"n": 1, "a": "4.000000000000"}, 1),
    ]


# What goes wrong


def error_text(call: Callable[[], object]) -> str:
    try:
        call()
    except SandboxError as error:
        return f"{type(error).__name__} {error} {getattr(error, 'position', '')}"
    return "answered"


def test_a_refused_question_never_touches_a_row(tmp_path: Path) -> None:
    from tests.privacy.test_question_text import HOSTILE

    box = Asked(tmp_path, many_visits(5))
    box.ask("select count(*) from visits")
    box.parquet.unlink()
    for sql, _, _ in HOSTILE:
        with pytest.raises(QuestionRefused):
            box.ask(sql)
    with pytest.raises(Unanswered):  # the control: whoever touches a row fails
        box.ask("select count(*) from visits")


def test_whatever_fails_while_rows_are_touched_is_one_constant_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = Asked(tmp_path, [row(f"p{n}", city=CANARY) for n in range(50)])
    box.ask("select count(*) from visits")
    box.parquet.chmod(0o600)
    half = box.parquet.stat().st_size // 2
    os.truncate(box.parquet, half)
    broken = error_text(lambda: box.ask("select count(*) from visits"))
    box.parquet.unlink()
    gone = error_text(lambda: box.engine.evidence(**box.where, sql="select count(*) from visits"))
    assert {broken, gone} == {f"Unanswered {Unanswered()} "}
    assert "failed: _duckdb." in caplog.text, "the operator learns the kind"
    assert CANARY not in caplog.text
    assert str(box.folder) not in caplog.text
    assert "Traceback" not in caplog.text


# Prices and names that nobody promised


@pytest.mark.parametrize("nano", [0, -1, 1.5, True, "20"])
def test_a_price_that_is_none_is_refused(asked: Asked, nano: Any) -> None:
    with pytest.raises(BadInput, match="whole number"):
        asked.engine.answer(**asked.where, sql="select count(*) from visits", nano=nano)


def test_the_engine_plans_for_itself_and_never_above_what_was_charged(asked: Asked) -> None:
    for nano in (40, 12_345, 20_000_003):
        document = asked.ask("select ward, avg(age), sum(cost), count(*) from visits group by ward", nano)
        assert 0 < document["price"]["nano"] <= nano


def test_a_question_about_another_table_is_refused(tmp_path: Path) -> None:
    policy = hospital()
    two = with_table(policy)
    two = type(two)(
        **{
            **{f: getattr(two, f) for f in two.__dataclass_fields__},
            "tables": {**two.tables, "stays": two.tables["visits"]},
        }
    )
    box = Asked(tmp_path, many_visits(3), two)
    with pytest.raises(QuestionRefused, match="of visits, not of stays"):
        box.ask("select count(*) from stays")


@pytest.mark.parametrize("file", ["../secret.csv", "/etc/passwd", "link.csv", "sub/../../secret.csv"])
def test_raw_files_outside_the_folder_are_refused(tmp_path: Path, file: str) -> None:
    box = Asked(tmp_path, many_visits(2))
    write_csv(tmp_path / "secret.csv", many_visits(2))
    (tmp_path / "raw" / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(BadInput, match="outside the folder"):
        box.engine.publish(policy=POLICY, table="visits", file=file)


def test_publishing_the_same_file_again_gives_the_same_snapshot_and_another_house_another(
    tmp_path: Path,
) -> None:
    one, other = Asked(tmp_path / "one", many_visits(3)), Asked(tmp_path / "other", many_visits(3))
    assert (
        one.engine.publish(policy=POLICY, table="visits", file="visits.csv").snapshot == one.report.snapshot
    )
    assert one.report.snapshot != other.report.snapshot


def test_health_tells_whether_views_can_be_read(asked: Asked, tmp_path: Path) -> None:
    assert asked.engine.health().ready
    assert not LocalEngine(tmp_path / "nowhere").health().ready


# The cage around DuckDB

ESCAPES = [
    "SELECT * FROM read_csv('{other}', header = true, all_varchar = true)",
    "SELECT * FROM '{other}'",
    "SELECT content FROM read_text('{other}')",
    "SELECT * FROM glob('/*')",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "ATTACH '{folder}/new.db'",
    "SET memory_limit = '90%'",
    "SET enable_external_access = true",
    "SET allowed_paths = ['{other}']",
    "RESET lock_configuration",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATABASE '{folder}/dump'",
    "SELECT * FROM local_variable",
    "SELECT getenv('HOME')",
]


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_connection_for_questions_reads_its_view_and_does_nothing_else(
    asked: Asked, tmp_path: Path, escape: str
) -> None:
    local_variable = {"a": [1]}
    other = write_csv(tmp_path / "other.csv", many_visits(1))
    with connection_to(asked.parquet, LIMITS) as connection:
        assert connection.execute("SELECT count(*) FROM private_view").fetchall()[0][0] > 0
        with pytest.raises(duckdb.Error):
            connection.execute(escape.format(other=other, folder=tmp_path)).fetchall()
    assert local_variable
    assert [p.name for p in tmp_path.iterdir()] == ["other.csv"]


@pytest.mark.parametrize("escape", ESCAPES[:5])
def test_an_open_connection_would_have_done_it(tmp_path: Path, escape: str) -> None:
    """The control."""
    other = write_csv(tmp_path / "other.csv", many_visits(1))
    with duckdb.connect() as connection:
        connection.execute(escape.format(other=other, folder=tmp_path)).fetchall()


def test_a_question_that_takes_too_long_is_stopped(asked: Asked) -> None:
    long = "SELECT count(*) FROM range(300000) a, range(300000) b WHERE a.range * b.range % 7 = 3"
    limits = EngineLimits(memory_mib=256, threads=1, timeout_s=0.2)
    with connection_to(asked.parquet, limits) as connection, pytest.raises(duckdb.InterruptException):
        connection.execute(long).fetchall()


def test_a_question_that_needs_too_much_memory_is_stopped_and_spills_nothing(asked: Asked) -> None:
    limits = EngineLimits(memory_mib=32, threads=1, timeout_s=20)
    with connection_to(asked.parquet, limits) as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute("SELECT range, count(*) FROM range(30000000) GROUP BY range ORDER BY 2").fetchall()


def test_texts_of_a_question_stay_texts(tmp_path: Path) -> None:
    """Literals are the only words of an asker that are left in the query."""
    nasty = ["'; DROP VIEW private_view; --", "\\", "%s {0} $1 ?", "''", '"', "a\tb", "\N{ZERO WIDTH SPACE}"]
    box = Asked(tmp_path, [row(f"p{n}", city=text) for n, text in enumerate(nasty)])
    for text in nasty:
        quoted = text.replace("'", "''")
        document = box.ask(
            f"select count(*) n from visits where city = '{quoted}' or city in ('{quoted}')", EXACT
        )
        assert document["rows"][0]["n"]["value"] == 1


def test_as_many_conditions_as_fit_are_answered(asked: Asked) -> None:
    some = " or ".join(f"(age={n % 90} and not smoker)" for n in range(250))
    assert asked.ask(f"select count(*) n from visits where {some}")["rows"]


def test_extreme_numbers_neither_fail_nor_wrap(tmp_path: Path) -> None:
    most = 10**18
    rows = [row(f"p{n}", age=value) for n, value in enumerate([most, -most, most, "", "nan", 2**63, 50])]
    box = Asked(tmp_path, rows)
    (found,) = box.ask("select sum(age) s, avg(age) a, count(*) n from visits", EXACT)["rows"]
    assert (found["s"]["value"], found["n"]["value"]) == (250, 7)
    assert found["a"]["value"] == pytest.approx(62.5)
    beyond = "9" * 30
    (found,) = box.ask(f"select count(*) n from visits where age < {beyond} and age > -{beyond}", EXACT)[
        "rows"
    ]
    assert found["n"]["value"] == 4
    (found,) = box.ask(f"select count(*) n from visits where age >= {most}", EXACT)["rows"]
    assert found["n"]["value"] == 2
    (found,) = box.ask(f"select count(*) n from visits where age > {most} or age = {beyond}", EXACT)["rows"]
    assert found["n"]["value"] == 0


def test_rows_of_reads_nothing_but_the_expression(asked: Asked) -> None:
    import ibis

    with connection_to(asked.parquet, LIMITS) as connection:
        table = ibis.table({"_unit": "int64"}, name="private_view")
        assert rows_of(connection, table.aggregate(n=table.count())) == [(asked.report.rows,)]


def test_a_plan_costs_the_same_wherever_it_is_made(asked: Asked) -> None:
    sql = "select avg(age) a from visits"
    assert (
        asked.ask(sql)["price"]["nano"] == plan(parse(sql, POLICY), POLICY, target=Loss(PRICE.nano)).loss.nano
    )
