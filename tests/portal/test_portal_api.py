"""The interface for programs: its documents, and its errors in one shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.domain.release import Decision
from tests.portal.example_world import GOOD_TABLE, World

SQL = "SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex"


def _error(body: Any) -> dict[str, Any]:
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert (
        {"code", "message", "fix"} <= set(error) <= {"code", "message", "fix", "position", "where", "clause"}
    )
    assert error["code"] == error["code"].lower()
    assert error["message"].endswith((".", "'", '"', ")"))
    return error


@pytest.mark.parametrize(
    ("question", "status", "code", "more"),
    [
        (
            {"sql": "SELECT COUNT(*) AS n FROM applications WHERE nose = 1"},
            422,
            "question_refused",
            "position",
        ),
        ({"sql": "DROP TABLE applications"}, 422, "question_refused", "position"),
        ({"sql": SQL, "epsilon": 0}, 422, "bad_input", "where"),
        ({"sql": SQL, "epsilon": -1}, 422, "bad_input", "where"),
        ({"sql": SQL, "epsilon": 1e300}, 422, "bad_input", "where"),
        ({"sql": SQL, "epsilon": "much"}, 422, "bad_input", "where"),
        ({"sql": SQL, "epsilon": 7.5}, 402, "over_budget", ""),
        ({"sql": SQL, "grant": 99}, 404, "not_found", ""),
        ({"sql": SQL, "dataset": "nothing"}, 403, "not_allowed", "clause"),
        ({"sql": SQL, "surprise": 1}, 422, "bad_input", "where"),
        ({}, 422, "bad_input", "where"),
        ({"sql": "x" * 10_001}, 422, "bad_input", "where"),
        ({"sql": SQL, "idempotency_key": "k" * 201}, 422, "bad_input", "where"),
    ],
)
def test_a_bad_question_costs_nothing_and_says_what_to_mend(
    world: World, question: dict[str, Any], status: int, code: str, more: str
) -> None:
    grant = world.granted()
    before = world.sandbox.access_views.budget(grant).account.spent
    answer = world.program("ana").post("/questions", json=question)
    error = _error(answer.json())
    assert (answer.status_code, error["code"]) == (status, code)
    assert not more or more in error
    assert world.sandbox.access_views.budget(grant).account.spent == before


@pytest.mark.parametrize("epsilon", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(world: World, epsilon: str) -> None:
    world.granted()
    body = f'{{"sql": {json.dumps(SQL)}, "epsilon": {epsilon}}}'
    answer = world.program("ana").post(
        "/questions", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    _error(answer.json())


@pytest.mark.parametrize(
    ("name", "method", "path", "status"),
    [
        ("", "GET", "/grants", 401),
        ("", "POST", "/questions", 401),
        ("ana", "GET", "/datasets/nothing", 404),
        ("ana", "GET", "/datasets/loans/applications.csv", 403),
        ("ana", "GET", "/datasets/inspections/nothing.csv", 404),
        ("ana", "GET", "/releases/9", 404),
        ("ana", "GET", "/releases/x", 422),
        ("ana", "GET", "/releases/queue", 403),
        ("ana", "GET", "/log", 403),
        ("august", "GET", "/log?limit=100000", 422),
        ("august", "GET", "/log?offset=-1", 422),
        ("ana", "POST", "/applications/9/approve", 404),
        ("ana", "GET", "/nowhere", 404),
        ("ana", "DELETE", "/grants", 405),
        ("ana", "GET", "/budget", 403),
    ],
)
def test_every_error_has_the_documented_shape(
    world: World, name: str, method: str, path: str, status: int
) -> None:
    answer = world.program(name).request(method, path)
    assert answer.status_code == status
    _error(answer.json())


def test_a_body_that_is_no_json_has_the_documented_shape(world: World) -> None:
    answer = world.program("ana").post(
        "/questions", content=b"{", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    _error(answer.json())


@pytest.mark.parametrize(
    ("sql", "status"),
    [("[]", 422), ("{", 422), ('{"t.csv": 1}', 422), ('{"other.csv": "SELECT 1"}', 422), ("{}", 201)],
)
def test_the_questions_behind_files_come_as_one_object(world: World, sql: str, status: int) -> None:
    world.granted()
    answer = world.program("ana").post(
        "/releases",
        data={"context": "Applicants by sex, all of them.", "sql": sql},
        files={"files": ("t.csv", GOOD_TABLE)},
    )
    assert answer.status_code == status


def test_the_catalogue_is_open_and_keeps_reviewers_names(world: World) -> None:
    entries = world.program().get("/datasets").json()["datasets"]
    assert [e["name"] for e in entries] == ["loans", "inspections", "tax_files"]
    assert [e["allowed_actions"] for e in entries] == [["apply"], ["download", "read_rows"], []]
    assert "pool" not in world.program().get("/datasets/loans").json()["release"]


def test_an_answer_comes_with_the_budget_and_the_same_question_is_free(world: World) -> None:
    world.granted()
    ana = world.program("ana")
    estimate = ana.post("/questions/estimate", json={"sql": SQL, "epsilon": 1.0}).json()
    assert estimate["affordable"]
    assert estimate["asks_left"] >= 1
    first = ana.post("/questions", json={"sql": SQL, "epsilon": 1.0}).json()
    again = ana.post("/questions", json={"sql": SQL.lower(), "epsilon": 1.0}).json()
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["answer"] == again["answer"]
    assert first["budget"] == again["budget"]
    assert first["budget"]["percent_left"] < 100


def test_each_document_says_what_its_reader_may_do(world: World) -> None:
    application = world.applied()
    path = "/applications"
    assert world.program("olga").get(path).json()[0]["allowed_actions"] == ["approve", "return", "reject"]
    assert world.program("ana").get(path).json()[0]["allowed_actions"] == ["withdraw"]
    approved = world.program("olga").post(f"/applications/{application.id}/approve").json()
    assert approved["state"] == "approved"
    signed = world.program("ana").post(f"/applications/{application.id}/sign").json()
    assert signed["state"] == "active"
    assert world.program("ana").get("/grants").json()[0]["allowed_actions"] == [
        "open_notebook",
        "ask",
        "submit",
    ]

    release = world.submitted(world.sandbox.store.grants.of_person("ana")[0])
    actions = {
        name: world.program(name).get(f"/releases/{release.id}").json()["allowed_actions"]
        for name in ("ana", "rita")
    }
    assert actions == {"ana": ["withdraw"], "rita": ["vote", "comment"]}
    world.voted(release, ("rita", Decision.APPROVE, ""), ("rosa", Decision.APPROVE, ""))
    assert world.program("ana").get(f"/releases/{release.id}").json()["allowed_actions"] == ["download"]


def test_the_description_of_the_interface_names_no_page(world: World) -> None:
    paths = world.program().get("/openapi.json").json()["paths"]
    assert paths
    assert all(path.startswith("/services/portal/api/v1/") for path in paths)


def test_synthetic_rows_are_for_a_grants_holder_and_need_a_base(world: World) -> None:
    assert world.program().get("/sample").status_code == 401
    assert world.program("ana").get("/sample").status_code == 403
    world.granted()
    missing = world.program("ana").get("/sample?rows=5")
    assert missing.status_code == 404
    assert "No base release" in _error(missing.json())["message"]
    free = world.program("ana").post("/questions", json={"sql": SQL, "free": True})
    assert (free.status_code, _error(free.json())["code"]) == (422, "question_refused")
