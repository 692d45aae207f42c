"""What depends on the question and the policy alone: prices, shapes, errors. The same on D, on D' and on an empty table.

D' has one patient more, whose cells hold a word that stands nowhere else (the canary) and numbers beyond all bounds.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.testclient import TestClient

from sandbox.domain.answer import document_of, stored, to_bytes
from sandbox.domain.errors import SandboxError
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.measured import measured_by, measured_bytes
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.service import application
from tests.privacy.audit.report import QUESTIONS, found
from tests.privacy.made_up import PRICE, Asked, hospital, many_visits, row
from tests.privacy.test_question_text import HOSTILE

POLICY = hospital()
CANARY = "CANARY7f3a"
CHAPTER = "Outside the formulas"


PER_UNIT = ("least(sum(cost), 900) as cost", "sum(cost) as cost", "avg(cost) as cost")


def random_relation_question(lot: random.Random) -> str:
    """A question about numbers of each patient, or of each patient and ward."""
    by = lot.choice(["patient_id", "patient_id, ward"])
    inner = lot.sample(["smoker", "age > 40", "city = 'Kyiv'", "cost is not null"], lot.randint(0, 2))
    relation = (
        f"(select {by}, count(*) as n, max(age) as age, count(distinct city) as cities, {lot.choice(PER_UNIT)} "
        f"from visits{' where ' + ' or '.join(inner) if inner else ''} group by {by})"
    )
    keys = ["n", "cities", "floor(age / 25) * 25", "cost > 100", *(["ward"] if "ward" in by else [])]
    keys = lot.sample(keys, lot.randint(0, 2))
    measures = lot.sample(
        [
            "count(*)",
            "count(distinct patient_id) u",
            "avg(cost) d",
            "sum(age) s",
            "stddev(age) w",
            *(["median(cost) m"] if len(keys) < 2 else []),
        ],
        lot.randint(1, 3),
    )
    where = lot.sample(["n > 1", "cost <= 99.5", "age is not null"], lot.randint(0, 2))
    return (
        f"select {', '.join(keys + measures)} from {relation}"
        + (f" where {' and '.join(where)}" if where else "")
        + (f" group by {', '.join(keys)}" if keys else "")
    )


def random_lookup_question(lot: random.Random) -> str:
    """A question with public lookups beside the visits."""
    join = lot.choice(["join", "left join"])
    keys = lot.sample(
        ["kind", "country", "cities.city", "floor(beds / 10) * 10", "beds", "sex"], lot.randint(0, 2)
    )
    measures = lot.sample(
        ["count(*)", "count(distinct patient_id) u", "sum(beds) r", "avg(beds) b", "median(beds) m"],
        lot.randint(1, 3),
    )
    where = lot.sample(["beds > 8", "kind = 'surgery'", "country is not null", "age > 40"], lot.randint(0, 2))
    return (
        f"select {', '.join(keys + measures)} from visits {join} wards using (ward) "
        f"{join} cities on cities.city = visits.city"
        + (f" where {' or '.join(where)}" if where else "")
        + (f" group by {', '.join(keys)}" if keys else "")
    )


def random_join_question(lot: random.Random) -> str:
    """Each visit with numbers of its patient, and of its patient and ward, beside it."""
    totals = (
        "(select patient_id, count(*) as n, sum(cost) as total from visits where age > 30 group by 1) as t"
    )
    wards = "(select patient_id, ward, max(age) as oldest from visits group by patient_id, ward) as w"
    joins = lot.sample(
        [f"{lot.choice(['join', 'left join'])} {side}" for side in (totals, wards)], lot.randint(1, 2)
    )
    sides = "".join(joins)
    keys = [
        "sex",
        *(["n", "total > 100"] if " as t" in sides else []),
        *(["w.ward", "floor(oldest / 25) * 25"] if " as w" in sides else []),
    ]
    keys = lot.sample(keys, lot.randint(0, 2))
    measures = ["count(*)", "count(distinct patient_id) u", "sum(cost) c", "avg(age) a"]
    measures += ["avg(total) m"] if " as t" in sides else ["median(oldest) o"]
    measures = lot.sample(measures, lot.randint(1, 3))
    return (
        f"select {', '.join(keys + measures)} from visits "
        + " ".join(f"{join} using (patient_id)" for join in joins)
        + lot.choice(["", " where smoker", " where age > 40"])
        + (f" group by {', '.join(keys)}" if keys else "")
    )


def random_question(lot: random.Random) -> str:
    if lot.random() < 0.4:
        return lot.choice([random_relation_question, random_lookup_question, random_join_question])(lot)
    keys = lot.sample(
        [
            "sex",
            "ward",
            "smoker",
            "floor(age / 25) * 25",
            "month(admitted)",
            "age >= 40",
            "case when cost > 100 then 'dear' when smoker then 'smoker' else 'other' end",
        ],
        lot.randint(0, 2),
    )
    measures = lot.sample(
        [
            "count(*)",
            "count(distinct patient_id) u",
            "sum(age)",
            "avg(age)",
            "sum(cost) c",
            "avg(cost) d",
            "count(cost) f",
            "variance(age) v",
            "stddev(cost) w",
            "median(age) m",
            "quantile_cont(age, 0.9) q",
            "count(distinct city) k",
            "corr(age, cost) r",
            "covar_samp(age, cost) t",
            "count(*) filter (where smoker) x",
            "sum(case when sex = 'male' then cost else 0 end) y",
            "count(distinct case when age > 40 then patient_id end) z",
            "stddev(age) filter (where cost > 100) o",
        ],
        lot.randint(1, 3),
    )
    atoms = [
        "age > 40",
        "cost <= 99.5",
        "sex = 'male'",
        "smoker",
        "city in ('Kyiv')",
        "admitted < '2013-07-01'",
    ]
    where = f" {lot.choice(['and', 'or'])} ".join(lot.sample(atoms, lot.randint(0, 3)))
    return (
        f"select {', '.join(keys + measures)} from visits"
        + (f" where {where}" if where else "")
        + (f" group by {', '.join(keys)}" if keys else "")
    )


def without_values(document: dict[str, Any]) -> dict[str, Any]:
    """All of an answer but the numbers that carry noise, and the name of the snapshot."""
    rows = [{n: v for n, v in r.items() if not isinstance(v, dict)} for r in document["rows"]]
    found = {**document, "rows": rows, "snapshot": ""}
    if "measured" in document:  # kept for refining: noisy vectors, of which only the length is compared
        kept = document["measured"]
        vectors = {name: {**v, "values": len(v["values"])} for name, v in kept["vectors"].items()}
        found["measured"] = {**kept, "vectors": vectors}
    return found


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[Asked]:
    """D, D' with one more patient, and an empty table."""
    heavy = [row("new", sex="male", ward=2, age=99, cost="499.99", city=CANARY) for _ in range(9)]
    heavy += [
        row("new", sex="female", ward=1, age=10**17, cost="-99999999.99", city=CANARY, admitted="0001-01-01")
    ]
    return [
        Asked(tmp_path_factory.mktemp("world"), rows) for rows in (many_visits(), many_visits() + heavy, [])
    ]


def test_random_questions_cost_and_look_the_same_whatever_the_rows_are(worlds: list[Asked]) -> None:
    """Each answer, on whichever table, is what the plan alone says, up to the noisy numbers."""
    lot = random.Random(20)
    everywhere = QUESTIONS // 10 if QUESTIONS <= 200 else QUESTIONS
    asked = 0
    for n in range(QUESTIONS):
        sql = random_question(lot)
        ready = plan(parse(sql, POLICY), POLICY, target=PRICE)
        zeros = {m.target.name: [0] * len(ready.cells) * m.target.per_cell for m in ready.measurements}
        answer = to_bytes(assemble(ready, zeros, dataset="hospital", snapshot=""))
        kept = measured_bytes(measured_by(ready, zeros, planned_at=PRICE.nano, profile=""))
        promised = document_of(stored(answer, kept))
        for world in worlds if n < everywhere else [worlds[n % 3]]:
            asked += 1
            assert without_values(world.ask(sql)) == without_values(promised), sql
    told = {json.dumps(without_values(with_a_leak(world))) for world in worlds}
    found(
        CHAPTER,
        f"{QUESTIONS:,} random questions on D, D' and an empty table",
        claimed="same price and shape",
        measured=f"same in {asked:,} answers",
        control=f"an error fitted to the rows: {len(told)} of 3 tables told apart",
    )
    assert len(told) == 3


def with_a_leak(world: Asked) -> dict[str, Any]:
    """The control: an answer whose promised error is a share of the rows that there are."""
    sql = "select count(*) from visits"
    (cell,) = world.engine.evidence(**world.where, sql=sql).rows
    document = world.ask(sql)
    return {**document, "columns": [{**c, "error_95": cell.rows / 100} for c in document["columns"]]}


def error_text(call: Callable[[], object]) -> str:
    try:
        call()
    except SandboxError as error:
        return f"{type(error).__name__} {error} {getattr(error, 'position', '')}"
    return "answered"


def test_errors_are_the_same_bytes_on_neighbours_and_hold_no_canary(
    worlds: list[Asked], caplog: pytest.LogCaptureFixture
) -> None:
    """Status, headers and body of whatever is refused, as they leave the engine's process."""
    caplog.set_level(logging.DEBUG)
    assert len(HOSTILE) >= 40
    clients = [TestClient(application(world.engine), raise_server_exceptions=False) for world in worlds]

    def sent(
        place: int, sql: str, snapshot: str | None = None
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        where = {"dataset": "hospital", "snapshot": snapshot or worlds[place].where["snapshot"]}
        response = clients[place].post("/answer", json={**where, "sql": sql, "nano": PRICE.nano})
        return response.status_code, tuple(sorted(response.headers.items())), response.content

    for sql, _, _ in HOSTILE:
        texts = {error_text(lambda w=world, s=sql: w.ask(s)) for world in worlds}  # type: ignore[misc]
        (text,) = texts
        assert text.startswith("QuestionRefused")
        ((status, _, body),) = {sent(place, sql) for place in range(len(worlds))}
        assert 400 <= status < 500
        assert CANARY not in text
        assert CANARY.encode() not in body
    nowhere = {sent(place, "select count(*) from visits", "0" * 64) for place in range(len(worlds))}
    assert len(nowhere) == 1
    answered = [sent(place, "select count(*) from visits")[2] for place in range(len(worlds))]
    assert len(set(answered)) == 3, "the control: bytes that are an answer do differ"
    assert CANARY not in caplog.text
    found(
        CHAPTER,
        f"{len(HOSTILE)} hostile payloads on D, D' and an empty table",
        claimed="same error bytes",
        measured="same status, headers and body",
        control="bytes of answers: told apart",
    )


def test_what_fails_while_rows_are_touched_is_the_same_bytes_and_log_on_neighbours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that fails under a question: who is in the table shows neither in the body nor in the log."""
    caplog.set_level(logging.DEBUG)
    bodies, logs = set(), []
    for which, rows in (("one", many_visits(9)), ("other", [*many_visits(9), row("new", city=CANARY)])):
        box = Asked(tmp_path / which, rows)
        client = TestClient(application(box.engine), raise_server_exceptions=False)
        body = {**box.where, "sql": "select count(*) from visits", "nano": PRICE.nano}
        assert client.post("/answer", json=body).status_code == 200
        box.parquet.write_bytes(b"PAR1" + CANARY.encode() * 40 + b"PAR1")
        caplog.clear()
        response = client.post("/answer", json=body)
        bodies.add((response.status_code, response.content))
        logs.append([record.getMessage() for record in caplog.records if record.name.startswith("sandbox")])
    ((_, content),) = bodies
    assert logs[0] == logs[1] != []
    assert CANARY not in content.decode() + str(logs)


def test_the_canary_is_in_no_answer_and_no_log_of_any_question(
    worlds: list[Asked], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lot = random.Random(21)
    seen = "".join(json.dumps(worlds[1].ask(random_question(lot))) for _ in range(40))
    assert CANARY not in seen + caplog.text
    assert CANARY.encode() in worlds[1].parquet.read_bytes(), "the control: it stands in the view"
    found(
        CHAPTER,
        "a canary among the rows",
        claimed="in no response, no log",
        measured="not found",
        control="found in the view, and in what a plain DuckDB prints",
    )


def test_the_canary_would_be_seen_where_it_may_stand(tmp_path: Path) -> None:
    """The control: the same search finds it in the published rows, and in a text that DuckDB would have printed."""
    box = Asked(tmp_path, [row("a", city=CANARY)])
    with duckdb.connect() as plain, pytest.raises(duckdb.Error, match=CANARY):
        plain.execute(f"SELECT error(string_agg(city, ',')) FROM '{box.parquet}'").fetchall()
    assert CANARY not in json.dumps(box.ask("select count(*) from visits where city is not null"))
