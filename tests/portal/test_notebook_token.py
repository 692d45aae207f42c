"""A notebook's token at the portal: every address there is, and which of them take it."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI

from sandbox.domain.notebook_addresses import NOTEBOOK_ADDRESSES, notebook_may
from sandbox.isolation.gate_rules import OUT, PORTAL_API, Refusal, find_rule
from sandbox.portal import api
from tests.portal.example_world import World


def _routes() -> list[tuple[str, str]]:
    """Every address of the API, with a number for each part that is open."""
    app = FastAPI()
    app.include_router(api.router)
    return sorted(
        (method.upper(), re.sub(r"\{[a-z_]+\}", "1", path).removeprefix("/"))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    )


ROUTES = _routes()
DECIDING = re.compile(
    r"vote|verb|people|account|policies|log|blocks|breaches|suspend|resume|hold|let_go|recall|lift|answer|hide|show"
    r"|amend|applications|results|destroy|rotate|training|roles|objections|demands"
)


def test_no_address_that_decides_is_on_the_list() -> None:
    assert not [row.path for row in NOTEBOOK_ADDRESSES if DECIDING.search(row.path)]
    assert all(row.reason for row in NOTEBOOK_ADDRESSES)
    assert ("POST", "releases/1/vote") in ROUTES  # the control: such addresses are found


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_gate_and_portal_read_the_same_list(method: str, path: str) -> None:
    rule = find_rule(OUT, method, PORTAL_API + path, person="ana")
    assert isinstance(rule, Refusal) is not notebook_may(method, path)


@pytest.mark.parametrize(("method", "path"), [r for r in ROUTES if not notebook_may(*r) and r[0] != "GET"])
def test_what_is_not_listed_refuses_it(world: World, method: str, path: str) -> None:
    """Also one that was taken out of its container. Bodies do not matter: nobody reads them."""
    grant = world.granted()
    answer = world.program(token=f"notebook-{grant.id}-of-ana").request(method, f"/{path}", json={})
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["clause"] == "notebook token"


def test_another_grant_of_the_same_person_is_refused(world: World) -> None:
    own, other = world.granted(), world.granted(project="Another study")
    notebook = world.program(token=f"notebook-{own.id}-of-ana")
    for path in ("budget",):
        assert notebook.get(f"/{path}?grant={own.id}").status_code == 200  # the control
        refused = notebook.get(f"/{path}?grant={other.id}")
        assert (refused.status_code, refused.json()["error"]["clause"]) == (403, "notebook token")
    asked = notebook.post("/questions", json={"sql": "SELECT COUNT(*) FROM loans", "grant": other.id})
    assert asked.status_code == 403
    assert notebook.get(f"/budget?grant={own.id}").status_code == 200
