"""Changes of policies, by the API and on the page."""

from __future__ import annotations

from tests.portal.example_world import World


def test_a_program_sees_what_waits_and_the_second_person_approves_it(world: World) -> None:
    made = world.proposed()
    olga, alma = world.program("olga"), world.program("alma")
    (listed,) = olga.get("/policies/proposals").json()
    assert listed == olga.get(f"/policies/proposals/{made.id}").json()
    assert (listed["state"], listed["about"], listed["proposed_by"]) == ("open", "dataset:loans", "alma")
    assert listed["proposal_sha256"] == made.sha256
    assert [(c["key"], c["effect"]) for c in listed["changes"]] == [("budget.epsilon", "loosens")]
    assert listed["allowed_actions"] == ["approve", "reject"]
    assert alma.get(f"/policies/proposals/{made.id}").json()["allowed_actions"] == ["reject"]

    refused = alma.post(f"/policies/proposals/{made.id}/approve", json={})
    assert refused.status_code == 403
    assert refused.json()["error"]["clause"] == "second person"
    done = olga.post(f"/policies/proposals/{made.id}/approve", json={"comment": "Agreed."}).json()
    assert (done["state"], done["decided_by"], done["allowed_actions"]) == ("applied", "olga", [])
    again = olga.post(f"/policies/proposals/{made.id}/approve", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


def test_who_has_no_part_in_it_sees_nothing(world: World) -> None:
    made = world.proposed()
    for name, status in (("ana", 403), ("rita", 403), ("", 401)):
        assert world.program(name).get("/policies/proposals").status_code == status
        answer = world.program(name).post(f"/policies/proposals/{made.id}/approve", json={})
        assert answer.status_code in (401, 404)
    august = world.program("august")  # auditors look, and decide nothing
    assert august.get(f"/policies/proposals/{made.id}").json()["allowed_actions"] == []
    assert august.post(f"/policies/proposals/{made.id}/reject", json={}).status_code == 403
    assert world.browser("ana").get("/policies").status_code == 403
    assert world.sandbox.store.policies.proposal(made.id) == made


def test_what_is_no_verb_or_no_number_is_said(world: World) -> None:
    made = world.proposed()
    olga = world.program("olga")
    assert olga.post(f"/policies/proposals/{made.id}/apply", json={}).status_code == 422
    assert olga.post("/policies/proposals/99/approve", json={}).status_code == 404
    assert olga.get("/policies/proposals/99").status_code == 404
    long = olga.post(f"/policies/proposals/{made.id}/reject", json={"comment": "x" * 501})
    assert long.status_code == 422


def test_a_notebook_decides_nothing(world: World) -> None:
    world.proposed()
    grant = world.granted()
    notebook = world.program(token=f"notebook-{grant.id}-of-ana")
    assert notebook.get("/policies/proposals").status_code == 403


def test_the_page_shows_the_change_and_takes_the_decision(world: World) -> None:
    made = world.proposed()
    page = world.browser("olga").get("/policies").text
    for shown in ("budget.epsilon", "8 → 9", "loosens", "Proposed by"):
        assert shown in page
    world.browser("olga").send(f"/policies/proposals/{made.id}/reject", comment="Not this year.")
    page = world.browser("olga").get("/policies").text
    assert "Not this year." in page
    assert "Nothing waits." in page
