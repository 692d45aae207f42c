"""The way in: what there is, what is new, searches that still come to this address; made-up rows of conditional data."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from sandbox.portal.pages.home import WAYS
from tests.portal.example_world import LOANS, TAXES, World, loans_csv
from tests.portal.markup import dangers, text_of


def test_home_says_what_there_is_and_leads_every_reader_on(world: World) -> None:
    page = world.browser().get("/").text
    words = text_of(page)
    assert words.count("1 dataset ") == 3  # one of each class
    for entry in ("Loan applications", "Restaurant inspections", "Tax files"):
        assert entry in words
    assert 'action="/services/portal/datasets" role="search"' in page
    assert "Go on with your work" not in words
    assert dangers(page) == []
    for way in WAYS:
        for path, label in way.links:
            assert world.browser().get(path).status_code == 200, label


def test_the_newest_come_first_and_what_is_not_listed_does_not_come(world: World) -> None:
    world.clock.now += timedelta(days=1)
    for n in (1, 2, 3, 4):
        policy = TAXES.replace("tax_files", f"tax_files_{n}").replace("Tax files", f"Newer {n}")
        world.publish(f"tax_files_{n}", policy + ("listed: false\n" if n == 4 else ""), {})
    page = world.browser().get("/").text
    assert re.findall(r'/datasets/([a-z_0-9]+)">', page) == [
        "tax_files_3",
        "tax_files_2",
        "tax_files_1",
        "tax_files",
    ]
    assert "Newer 4" not in page


@pytest.mark.parametrize(("name", "first"), [("ana", "/grants"), ("olga", "/decisions"), ("rita", "/review")])
def test_who_is_signed_in_goes_on_with_their_work(world: World, name: str, first: str) -> None:
    page = world.browser(name).get("/").text
    assert f'<a class="button" href="/services/portal{first}">' in page


@pytest.mark.parametrize(
    "query", ["q=bank+loan&mode=sandbox", "page=2", "open_class=closed", "q=%0d%0aSet-Cookie:x"]
)
def test_a_search_that_comes_here_goes_on_to_the_catalogue(world: World, query: str) -> None:
    answer = world.browser().get(f"/?{query}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/services/portal/datasets?{query}"
    assert "set-cookie" not in answer.headers
    assert world.browser().get("/?done=vote").status_code == 200  # the control: no search


def test_conditional_data_show_made_up_rows_that_their_rows_do_not_change(world: World) -> None:
    before = _sample(world, "loans")
    assert before.count("<tr>") == 6  # a head and five rows
    fewer = "\n".join(loans_csv().splitlines()[:50]) + "\n"
    world.publish("loans", LOANS, {"applications": fewer})
    assert _sample(world, "loans") == before
    changed = LOANS.replace("categories: [own, rent, free]", "categories: [castle, boat]")
    rows = loans_csv().replace("own", "castle").replace("rent", "boat").replace("free", "boat")
    world.publish("loans", changed, {"applications": rows})
    assert "castle" in _sample(world, "loans")  # the control: they follow the policy


def test_open_and_closed_data_show_none(world: World) -> None:
    for name in ("inspections", "tax_files"):
        assert world.sandbox.show_sample.rows(name) == {}
        assert "Made-up rows" not in world.browser().get(f"/datasets/{name}").text
    assert len(world.sandbox.show_sample.rows("loans", limit=10**6)["applications"]) == 10


def _sample(world: World, name: str) -> str:
    page = world.browser().get(f"/datasets/{name}").text
    return page[page.index("Made-up rows of applications") : page.index("Drawn from what this page says")]
