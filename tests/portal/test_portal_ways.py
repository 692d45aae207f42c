"""How people find their way: groups of the navigation, the way in from a dataset, what waits elsewhere, plain errors."""

from __future__ import annotations

import re

import pytest

from sandbox.domain.objection import Kind
from sandbox.flows.object import Wish
from sandbox.flows.visitors import Visitor
from tests.portal.example_world import World
from tests.portal.markup import text_of


def current(page: str) -> list[str]:
    """The rooms that the navigation marks as the one in view."""
    return re.findall(r'aria-current="page">([^<]*)</a>', page)


def test_the_navigation_keeps_public_rooms_and_own_work_apart(world: World) -> None:
    page = world.browser("ravi").get("/").text
    public, own = page[page.index('aria-label="For everybody"') : page.index("</nav>")].split("Your work")
    assert ">Transparency</a>" in public
    assert ">My data</a>" not in public
    assert ">My data</a>" in own
    assert ">Review</a>" in own
    assert "Your work" not in world.browser().get("/").text


def test_inner_pages_are_marked_in_the_room_they_belong_to(world: World) -> None:
    grant = world.granted()
    for name, path, room in (
        ("ana", f"/applications/{grant.application}", "My data"),
        ("olga", f"/applications/{grant.application}", "Decisions"),
        ("", "/breaches", "Transparency"),
        ("", "/datasets/loans", "Catalogue"),
        ("olga", "/datasets/loans/destroy", "Objections"),
        ("ana", f"/imports/new?grant={grant.id}", "Imports"),
    ):
        assert current(world.browser(name).get(path).text) == [room], path


def test_a_dataset_begins_with_the_way_in(world: World) -> None:
    assert 'href="#apply">Get access</a>' in world.browser().get("/datasets/loans").text
    assert "Preview and download" in world.browser().get("/datasets/inspections").text
    assert "Get access" not in world.browser("olga").get("/datasets/loans").text


def test_a_holder_is_led_to_the_grant_first(world: World) -> None:
    grant = world.granted()
    page = world.browser("ana").get("/datasets/loans").text
    assert f"/grants#application-{grant.application}" in page
    assert page.index("Your grant in Fair credit") < page.index("Apply again")
    assert "Your grant in" not in world.browser("ben").get("/datasets/loans").text


def test_an_owner_reads_among_the_decisions_what_waits_elsewhere(world: World) -> None:
    assert "1 reported result waits" not in world.browser("olga").get("/decisions").text
    grant = world.granted()
    world.browser("ana").send(
        "/results/report",
        grant=str(grant.id),
        kind="paper",
        title="Loans and their default",
        authors="A. Analyst",
        made_on="2025-03-01",
        how_used="Counts by purpose were modelled.",
        citation_carried="true",
    )
    world.proposed()
    world.program("ana").post(
        "/imports",
        data={"why": "Unemployment by region, to lie beside the loans."},
        files=[("files", ("regions.csv", b"region,rate\nnorth,0.1\n"))],
    )
    wish = Wish(
        dataset="loans", kind=Kind.PRIVACY, text="My loan is among these rows, and I was never asked."
    )
    world.sandbox.object_to_data.receive(Visitor.at("203.0.113.7"), wish)
    page = text_of(world.browser("olga").get("/decisions").text)
    assert "1 reported result waits for you to confirm it or send it back." in page
    assert "1 objection waits for your answer." in page
    assert "1 import request waits for your decision." in page
    assert "1 change of a policy waits for a second person." in page


@pytest.mark.parametrize(
    ("path", "said", "fix"),
    [
        ("/datasets?page=first", "This is no whole number.", "Write a whole number, such as 1."),
        ("/applications/abc", "This is no whole number.", "Write a whole number, such as 1."),
        ("/datasets/loans/apply?renews=1e99", "This is no whole number.", "Write a whole number"),
    ],
)
def test_what_cannot_be_read_is_said_in_plain_words(world: World, path: str, said: str, fix: str) -> None:
    answer = world.browser("ana").get(path)
    assert answer.status_code == 422
    page = text_of(answer.text)
    assert said in page
    assert fix in page
    assert "parse" not in page
