"""Access for programs: each step with its event and clause, papers, blocks, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from sandbox.domain.papers import read_paper
from sandbox.store.keys import verify_signature
from tests.portal.example_world import Door, World

WISH: dict[str, Any] = {
    "dataset": "loans",
    "project": "Fair credit",
    "purpose": "To see whether women and men get loans on equal terms.",
    "output_plan": "Counts by sex and housing.",
    "members": ["ben"],
    "epsilon": "1",
    "days": 30,
}
DUTIES = "separation of duties"


def step(door: Door, path: str, **body: Any) -> dict[str, Any]:
    answer = door.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    document: dict[str, Any] = answer.json()
    return document


def told(document: dict[str, Any]) -> tuple[str, str, str]:
    newest = document["events"][-1]
    return newest["actor"], newest["action"], newest["clause"]


def refused(door: Door, path: str, **body: Any) -> tuple[int, str]:
    answer = door.post(path, json=body)
    return answer.status_code, answer.json()["error"].get("clause", "")


def test_the_walk_from_nothing_to_a_grant_and_back(world: World) -> None:
    ana, ben, olga = (world.program(name) for name in ("ana", "ben", "olga"))
    made = step(ana, "/applications", **WISH, draft=True)
    assert (made["state"], told(made)) == ("draft", ("ana", "application.drafted", "open_class"))
    assert olga.get("/applications").json() == []
    edited = ana.request("PUT", "/applications/1", json={**_wish(), "days": 20, "version": 1}).json()
    assert told(edited) == ("ana", "application.edited", DUTIES)
    submitted = step(ana, "/applications/1/submit", version=2)
    assert told(submitted) == ("ana", "application.submitted", "open_class")
    assert submitted["decision_due"] == "2025-03-17"
    back = step(olga, "/applications/1/return", reason="Which columns?", version=3)
    assert told(back) == ("olga", "application.returned", DUTIES)
    tables = {"applications": ["sex", "housing"]}
    ana.request("PUT", "/applications/1", json={**_wish(), "tables": tables})
    again = step(ana, "/applications/1/submit")
    assert [c["name"] for c in again["changes"]] == ["days", "tables"]
    approved = step(
        olga, "/applications/1/approve", conditions=["Send us the paper."], epsilon="0.5", days=10
    )
    assert told(approved) == ("olga", "application.approved", DUTIES)
    assert {"clause": "conditions", "text": "Send us the paper."} in approved["clauses"]
    assert approved["unsigned"] == ["ana", "ben"]
    sha256 = approved["agreement_sha256"]
    first = step(ana, "/applications/1/sign", agreement_sha256=sha256)
    assert (first["state"], told(first)) == ("approved", ("ana", "agreement.signed", "people"))
    assert ben.get("/grants").json() == []
    last = step(ben, "/applications/1/sign", agreement_sha256=sha256)
    assert (last["state"], told(last)) == ("active", ("system:access", "grant.began", "people"))
    (grant,) = ben.get("/grants").json()
    assert grant["allowed_actions"] == ["open_notebook", "ask", "submit"]
    sql = "SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex"
    assert step(ben, "/questions", sql=sql, epsilon=0.1)["budget"]["epsilon_cap"] == pytest.approx(
        0.5, rel=0.01
    )
    outside = "SELECT AVG(amount) AS a FROM applications"
    assert refused(ben, "/questions", sql=outside) == (403, "data")
    removed = step(olga, "/applications/1/remove_member", member="ben", reason="Left the institute.")
    assert told(removed) == ("olga", "grant.member_removed", "people")
    assert removed["gone"] == ["ben"]
    assert refused(ben, "/questions", sql=sql, grant=2) == (403, "revocation")
    ended = step(
        olga, "/applications/1/revoke", reason="Rows were photographed.", clause="purpose", block_days=9
    )
    assert (ended["state"], told(ended)) == ("revoked", ("olga", "grant.revoked", "purpose"))
    assert refused(ana, "/questions", sql=sql, grant=1) == (403, "revocation")
    assert refused(ana, "/applications", **{**WISH, "project": "Another", "members": []}) == (403, "purpose")
    assert [e["entry"] for e in ended["events"]] == sorted(e["entry"] for e in ended["events"])


def test_the_other_ends_of_the_way(world: World) -> None:
    ana, ben, olga = (world.program(name) for name in ("ana", "ben", "olga"))
    step(ana, "/applications", **WISH)
    assert told(step(olga, "/applications/1/reject", reason="Not these data.")) == (
        "olga",
        "application.rejected",
        DUTIES,
    )
    step(ana, "/applications", **WISH)
    assert told(step(ana, "/applications/2/withdraw")) == ("ana", "application.withdrawn", DUTIES)
    step(ana, "/applications", **WISH)
    step(olga, "/applications/3/approve")
    assert told(step(ben, "/applications/3/decline", reason="I have left.")) == (
        "ben",
        "agreement.declined",
        "people",
    )
    step(ana, "/applications", **{**WISH, "days": 29})
    step(olga, "/applications/4/approve")
    step(ana, "/applications/4/sign")
    step(ben, "/applications/4/sign")
    assert told(step(ben, "/applications/4/leave")) == ("ben", "grant.left", "people")
    report = {"usefulness": 4, "text": "A paper on equal terms appeared."}
    assert told(step(ana, "/applications/4/report", **report)) == ("ana", "feedback.given", "feedback")
    closed = step(ana, "/applications/4/close")
    assert (closed["state"], told(closed)) == ("closed", ("ana", "grant.closed", "period"))
    assert closed["allowed_actions"] == ["certificate"]


def test_a_renewal_and_an_expiry_are_told_too(world: World) -> None:
    ana, olga = world.program("ana"), world.program("olga")
    grant = world.granted(days=5)
    path = f"/applications/{grant.application}"
    assert "renew" in ana.get(path).json()["allowed_actions"]
    wish = {name: value for name, value in ana.get(path).json().items() if name in WISH}
    renewal = step(ana, "/applications", **{**wish, "days": 60}, renews=grant.application)
    seen = ana.get(path).json()
    assert (seen["renewal"], "renew" in seen["allowed_actions"]) == (renewal["id"], False)
    world.clock.now += timedelta(days=6)
    world.sandbox.end_access.expire()
    assert told(ana.get(path).json()) == ("system:access", "grant.expired", "period")
    step(olga, f"/applications/{renewal['id']}/approve")
    step(ana, f"/applications/{renewal['id']}/sign")
    assert told(ana.get(path).json()) == ("system:access", "grant.renewed", "period")


def test_what_was_not_seen_is_not_decided_on(world: World) -> None:
    application = world.applied()
    olga = world.program("olga")
    for verb in ("approve", "return", "reject"):
        stale = olga.post(
            f"/applications/{application.id}/{verb}", json={"version": 7, "reason": "Because of it."}
        )
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "conflict")
    for verb in ("submit", "withdraw"):
        assert (
            world.program("ana")
            .post(f"/applications/{application.id}/{verb}", json={"version": 7})
            .status_code
            == 409
        )
    assert (
        step(olga, f"/applications/{application.id}/approve", version=1)["state"] == "approved"
    )  # the control


def test_verbs_that_are_elsewhere_say_where(world: World) -> None:
    application = world.applied()
    for verb, where in (
        ("edit", "PUT"),
        ("renew", "renews"),
        ("certificate", "GET"),
        ("fly", "allowed_actions"),
    ):
        answer = world.program("ana").post(f"/applications/{application.id}/{verb}")
        assert answer.status_code == 422
        assert where in answer.json()["error"]["fix"]


def test_agreement_and_certificate_are_papers_that_verify_offline(world: World) -> None:
    verify = partial(verify_signature, world.sandbox.store.signer.public_pem)
    ana, olga = world.program("ana"), world.program("olga")
    application = world.applied()
    path = f"/applications/{application.id}"
    for kind in ("agreement", "certificate"):
        assert ana.get(f"{path}/{kind}").status_code == 404
    step(olga, f"{path}/approve")
    step(ana, f"{path}/sign")
    step(ana, f"{path}/close")
    for kind in ("agreement", "certificate"):
        for door in (ana, olga):
            kept = door.get(f"{path}/{kind}")
            assert f'filename="{kind}-{application.id}.json"' in kept.headers["content-disposition"]
            paper = read_paper(kept.content, verify=verify)
            assert paper.kind == kind
        assert world.program("ben").get(f"{path}/{kind}").status_code == 404
        assert world.program(token="notebook-1-of-ana").get(f"{path}/{kind}").status_code == 403
    agreed = read_paper(ana.get(f"{path}/agreement").content, verify=verify)
    assert agreed.sha256 == ana.get(path).json()["agreement_sha256"]
    certified = read_paper(ana.get(f"{path}/certificate").content, verify=verify)
    assert certified.body["agreement_sha256"] == agreed.sha256


def test_blocks_are_told_to_both_sides_and_lifted_by_the_owner(world: World) -> None:
    grant = world.granted()
    olga, ana = world.program("olga"), world.program("ana")
    step(olga, f"/applications/{grant.application}/revoke", reason="Photographed.", block_days=30)
    (mine,) = ana.get("/blocks").json()
    (theirs,) = olga.get("/blocks").json()
    assert (mine["allowed_actions"], theirs["allowed_actions"]) == ([], ["lift"])
    assert (mine["person"], mine["until"], mine["clause"]) == ("ana", "2025-04-09", "breach")
    assert world.program("oscar").get("/blocks").json() == []
    for name in ("ana", "oscar", "ben"):
        assert world.program(name).post(f"/blocks/{mine['id']}/lift").status_code == 404
    assert step(olga, f"/blocks/{mine['id']}/lift")["lifted"]
    assert ana.get("/blocks").json() == []
    assert olga.post(f"/blocks/{mine['id']}/lift").status_code == 404
    assert world.sandbox.store.log.newest(limit=1)[0].event.action == "block.lifted"


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "x" * 501},
        {"conditions": ["a"] * 101},
        {"conditions": ["line \u202e turned"]},
        {"conditions": ["x" * 501]},
        {"epsilon": "9" * 41},
        {"days": "soon"},
        {"version": "x"},
        {"surprise": 1},
    ],
)
def test_a_bad_body_decides_nothing(world: World, body: dict[str, Any]) -> None:
    application = world.applied()
    before = world.sandbox.store.log.head()
    assert world.program("olga").post(f"/applications/{application.id}/approve", json=body).status_code == 422
    assert world.sandbox.store.log.head() == before


def test_a_huge_application_is_refused_whole(world: World) -> None:
    ana = world.program("ana")
    for huge in (
        {"purpose": "x" * 1_000_000},
        {"members": [f"m{n}" for n in range(1001)]},
        {"members": [f"m{n}" for n in range(51)]},
        {"tables": {f"t{n}": ["a"] for n in range(1001)}},
        {"tables": {"applications": ["sex"] * 100_000 + ["nothing"]}},
    ):
        assert ana.post("/applications", json={**WISH, **huge}).status_code == 422
    assert ana.post(
        "/applications", content=b"[" * 100_000, headers={"content-type": "application/json"}
    ).status_code in (400, 422)
    assert world.sandbox.store.access.applications() == ()
    assert json.loads(ana.post("/applications", json=WISH).text)["state"] == "submitted"  # the control


def _wish() -> dict[str, Any]:
    return {name: value for name, value in WISH.items() if name != "dataset"}
