"""Destroying data and replacing keys, through the door: pages for people, addresses for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sandbox.privacy.engine import LocalEngine
from sandbox.wiring import build
from tests.portal.example_world import World

WHY = "The contract with the bank ended."


@pytest.fixture
def closed(world: World) -> Iterator[World]:
    """The example world with an engine that has keys, as an installation's has."""
    settings = world.sandbox.settings
    engine = LocalEngine(raw=settings.raw_dir, views=settings.views_dir, keys=settings.data_keys_dir)
    engine.close_all()
    sandbox = build(
        settings, store=world.sandbox.store, engine=engine, notebooks=world.notebooks, clock=world.clock
    )
    before = world.app.state.sandbox
    world.app.state.sandbox = sandbox
    sandbox.close_data.learn()
    yield replace(world, sandbox=sandbox)
    world.app.state.sandbox = before


def test_the_owner_destroys_data_on_a_page_and_everybody_reads_that(closed: World) -> None:
    olga = closed.browser("olga")
    assert "/datasets/loans/destroy" in olga.get("/objections").text
    page = olga.get("/datasets/loans/destroy")
    assert "Nothing brings them back" in page.text
    wrong = olga.send("/datasets/loans/destroy", typed="Loans", reason=WHY)
    assert wrong.status_code == 422
    assert "not the dataset" in wrong.text
    assert WHY in wrong.text, "what was written is still there"
    done = olga.send("/datasets/loans/destroy", typed="loans", reason=WHY)
    assert done.status_code == 303
    assert "no byte of them can be opened" in olga.get(done.headers["location"].split("portal", 1)[1]).text
    seen = closed.browser("").get("/datasets/loans").text
    assert f"Its data were destroyed: {WHY}" in seen
    assert "until it is resumed" not in seen
    assert "/api/v1/datasets/loans/destruction" in seen
    mine = olga.get("/objections").text
    assert "/datasets/loans/destroy" not in mine
    paper = closed.program("").get("/datasets/loans/destruction")
    assert json.loads(paper.json()["certificate"])["dataset"] == "loans"
    assert "attachment" in paper.headers["content-disposition"]


def test_attack_a_page_of_somebody_else_and_a_form_without_its_token(closed: World) -> None:
    for name in ("ana", "rita"):
        assert closed.browser(name).get("/datasets/loans/destroy").status_code == 403
    olga = closed.browser("olga")
    forged = olga.post("/datasets/loans/destroy", data={"typed": "loans", "reason": WHY})
    assert forged.status_code == 403
    assert closed.sandbox.destroy_data.of("loans") is None


def test_a_program_replaces_a_key_and_destroys_data(closed: World) -> None:
    olga, ana = closed.program("olga"), closed.program("ana")
    assert ana.post("/datasets/loans/rotate_key").status_code == 403
    done = olga.post("/datasets/loans/rotate_key").json()
    assert len(done["retired"]) == 1
    assert done["allowed_actions"] == ["rotate_key", "destroy"]
    body = {"name": "loans", "reason": WHY}
    assert ana.post("/datasets/loans/destroy", json=body).status_code == 403
    assert olga.post("/datasets/loans/destroy", json={**body, "name": "x"}).status_code == 422
    said = olga.post("/datasets/loans/destroy", json=body).json()
    assert done["key"] in said["keys"]
    assert said["allowed_actions"] == ["certificate"]
    assert olga.post("/datasets/loans/destroy", json=body).status_code == 409
    assert closed.program("").get("/datasets/inspections/destruction").status_code == 404
