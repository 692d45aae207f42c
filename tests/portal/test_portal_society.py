"""What everybody sees, asks and says on the portal: pages, documents and tables."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.portal.example_world import World
from tests.portal.markup import dangers, text_of
from tests.portal.society_world import CONTACT, NOTICE, REPORT, WISH, furnished

PUBLIC_PAGES = ("/demands", "/demands/new", "/projects", "/results", "/transparency", "/breaches")
PUBLIC_LISTS = ("demands", "results", "projects", "breaches")


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_everybody_reads_it_empty_and_full(world: World, path: str) -> None:
    empty = world.browser().get(path)
    assert empty.status_code == 200
    assert path in ("/demands/new",) or 'class="empty"' in empty.text
    furnished(world)
    full = world.browser().get(path)
    assert full.status_code == 200
    assert dangers(full.text) == []
    assert 'style="' not in full.text


def test_the_navigation_leads_to_each_for_everybody(world: World) -> None:
    for door in (world.browser(), world.browser("ana"), world.browser("august")):
        page = door.get("/").text
        navigation = page[page.index('aria-label="Main"') : page.index("</nav>")]
        for path in ("/demands", "/projects", "/results", "/transparency"):
            assert f'href="/services/portal{path}"' in navigation


def test_a_visitor_asks_and_votes_without_an_account(world: World) -> None:
    visitor = world.browser()
    sent = visitor.send_public("/demands/new", **WISH, contact=CONTACT)
    assert (sent.status_code, sent.headers["location"]) == (303, "/services/portal/demands/1?done=asked")
    page = text_of(visitor.get("/demands/1").text)
    for words in (WISH["title"], WISH["holder"], "waits for an answer", "0 visitors without"):
        assert words in page
    assert visitor.send_public("/demands/1/vote").status_code == 303
    assert "1 visitor without" in text_of(visitor.get("/demands/1").text)
    again = visitor.send_public("/demands/1/vote")
    assert again.status_code == 409
    assert "Sign in to be counted as yourself" in text_of(again.text)


def test_a_mistake_brings_the_form_back_with_what_was_written(world: World) -> None:
    visitor = world.browser()
    sent = visitor.send_public("/demands/new", **{**WISH, "data": "too few"})
    assert sent.status_code == 422
    assert WISH["purpose"] in sent.text
    assert "data is too short" in text_of(sent.text)


def test_an_owner_answers_and_everybody_reads_it(world: World) -> None:
    world.browser().send_public("/demands/new", **WISH)
    olga = world.browser("olga")
    form = {"verb": "refuse", "version": "1", "text": ""}
    assert "too short" in text_of(olga.send("/demands/1/answer", **form).text)
    form["text"] = "The law forbids it: see article 7."
    assert olga.send("/demands/1/answer", **form).status_code == 303
    page = text_of(world.browser().get("/demands/1").text)
    assert "The law forbids it" in page
    assert "I want this too" not in page
    assert "olga" not in page
    old = olga.send("/demands/1/answer", **{**form, "verb": "plan"})
    assert old.status_code == 409


def test_a_demand_leads_to_the_dataset_it_was_opened_as(world: World) -> None:
    world.browser().send_public("/demands/new", **WISH)
    oscar = world.browser("oscar")
    form = {"verb": "open", "version": "1", "dataset": "loans"}
    assert oscar.send("/demands/1/answer", **form).status_code == 403  # it is not his
    assert oscar.send("/demands/1/answer", **{**form, "dataset": "inspections"}).status_code == 303
    assert 'href="/services/portal/datasets/inspections"' in world.browser().get("/demands/1").text


def test_a_result_goes_from_its_maker_by_the_owner_to_everybody(world: World) -> None:
    grant = world.granted()
    ana, olga = world.browser("ana"), world.browser("olga")
    form = ana.get("/results/report").text
    assert "Example Savings Bank, loan register" in form  # the citation
    assert ana.send("/results/report", **REPORT, grant=str(grant.id)).status_code == 303
    assert REPORT["title"] not in world.browser().get("/results").text
    assert "Waiting for you" in olga.get("/results").text
    assert olga.send("/results/1/confirm", version="1").status_code == 303
    page = world.browser().get("/results").text
    link = '<a href="https://doi.org/10.1000/182" rel="noopener noreferrer nofollow ugc">'
    assert link in page
    assert "does not name the source" in text_of(page)
    assert link in world.browser().get("/datasets/loans").text
    assert "Signed in" not in page
    assert ">ana<" not in page


def test_a_returned_result_is_changed_and_handed_in_again(world: World) -> None:
    grant = world.granted()
    ana, olga = world.browser("ana"), world.browser("olga")
    ana.send("/results/report", **REPORT, grant=str(grant.id))
    olga.send("/results/1/return", version="1", reason="Which table is it?")
    assert "Which table is it?" in ana.get("/results").text
    form = ana.get("/results/1/amend").text
    assert REPORT["how_used"] in form
    assert world.browser("olga").get("/results/1/amend").status_code == 404
    changed = {**REPORT, "how_used": "Table 2 and Figure 1.", "citation_carried": "true"}
    assert ana.send("/results/1/amend", **changed, version="2").status_code == 303
    assert "Table 2 and Figure 1." in olga.get("/results").text


def test_the_dataset_page_shows_its_ratings_as_numbers_and_bars(world: World) -> None:
    world.granted()
    assert "Rate it" not in world.browser("ben").get("/datasets/loans").text
    ana = world.browser("ana")
    assert "Rate it" in ana.get("/datasets/loans").text
    assert ana.send("/datasets/loans/rate", stars="4", sentence="Well described.").status_code == 303
    page = world.browser().get("/datasets/loans").text
    assert "4.0 of 5, by 1 person who used it" in text_of(page)
    assert "Well described." in page
    assert 'aria-label="4 stars: 1"' in page
    alma = world.browser("alma")
    hide = {"sentence": "Well described.", "reason": "An advertisement."}
    assert alma.send("/datasets/loans/ratings/hide", **hide).status_code == 303
    assert "Well described." not in world.browser().get("/datasets/loans").text


def test_a_breach_is_recorded_by_its_form_and_read_by_everybody(world: World) -> None:
    world.granted()
    olga = world.browser("olga")
    assert "Record a breach" not in world.browser("oscar").get("/breaches").text
    form = {**NOTICE, "measure": "closure", "subject": "loans|Fair credit|ana"}
    assert olga.send("/breaches", **{**form, "subject": "nobody"}).status_code == 422
    assert olga.send("/breaches", **form).status_code == 303
    page = text_of(world.browser().get("/breaches").text)
    assert NOTICE["notice"] in page
    assert "the grants were revoked" in page
    assert "revoked" in text_of(world.browser().get("/projects").text)
    assert olga.send("/breaches/1/lift", reason="It was named on page 2.").status_code == 303
    assert "It was named on page 2." in world.browser().get("/breaches").text


@pytest.mark.parametrize("name", PUBLIC_LISTS)
def test_lists_come_in_parts(world: World, name: str) -> None:
    furnished(world)
    program = world.program()
    whole = program.get(f"/{name}").json()
    assert whole["total"] == len(whole[name]) >= 1
    assert program.get(f"/{name}?offset=1000").json()[name] == []
    for wrong in ("limit=0", "limit=201", "offset=-1", "limit=x", "offset=99999999999999999999"):
        assert program.get(f"/{name}?{wrong}").status_code == 422, wrong


@pytest.mark.parametrize("name", [*PUBLIC_LISTS, "transparency"])
def test_lists_come_as_tables_too(world: World, name: str) -> None:
    furnished(world)
    answer = world.program().get(f"/{name}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert rows
    assert all(len(row) == len(head) for row in rows)


def test_documents_say_what_the_one_who_asks_may_do(world: World) -> None:
    numbers = furnished(world)
    actions = {
        name: set(world.program(name).get(f"/demands/{numbers.demand}").json()["allowed_actions"])
        for name in ("", "ana", "olga", "alma")
    }
    assert actions == {
        "": {"vote"},
        "ana": {"vote"},
        "olga": {"vote", "open", "refuse", "merge"},
        "alma": {"vote", "open", "refuse", "merge", "hide"},
    }
    (waiting,) = world.program("olga").get("/results/waiting").json()
    assert waiting["allowed_actions"] == ["confirm", "return"]
    assert world.program("ana").get("/results/mine").json()[0]["allowed_actions"] == ["amend"]
    assert world.program("ana").get("/datasets/loans/ratings").json()["allowed_actions"] == ["rate"]
    assert world.program("olga").get("/breaches").json()["breaches"][0]["allowed_actions"] == ["lift"]


def test_a_program_goes_the_whole_way(world: World) -> None:
    grant = world.granted()
    ana, olga = world.program("ana"), world.program("olga")
    asked = ana.post("/demands", json=WISH)
    assert asked.status_code == 201
    assert olga.post("/demands/1/vote").json()["votes"] == 1
    planned = olga.post("/demands/1/answer", json={"verb": "plan", "version": 1})
    assert planned.json()["state"] == "planned"
    body: dict[str, Any] = {**REPORT, "citation_carried": True, "grant": grant.id}
    made = ana.post("/results", json=body)
    assert (made.status_code, made.json()["state"]) == (201, "reported")
    assert olga.post("/results/1/confirm", json={"version": 1}).json()["state"] == "confirmed"
    rated = ana.post("/datasets/loans/ratings", json={"stars": 5, "sentence": "Good."})
    assert (rated.json()["n"], rated.json()["mean"]) == (1, 5.0)
    breach = {"dataset": "loans", "project": "Fair credit", "measure": "warning", **NOTICE}
    assert olga.post("/breaches", json=breach).status_code == 201
    report = world.program().get("/transparency").json()
    assert report["demands"] == {"planned": 1}
    assert report["results"] == 1
    assert report["breaches"] == {"warning": 1}
    assert report["log_head"] == {"size": 0, "root": "", "at": ""}  # none was kept yet
    assert report["purposes"][0]["purpose"].startswith("To see whether")


def test_the_project_register_is_narrowed_by_dataset_and_state(world: World) -> None:
    world.granted()
    program = world.program()
    assert program.get("/projects?dataset=loans&state=active").json()["total"] == 1
    assert program.get("/projects?state=ended").json()["total"] == 0
    assert program.get("/projects?dataset=nothing").json()["total"] == 0


def test_an_answer_may_hold_a_filter_that_means_nothing(world: World) -> None:
    furnished(world)
    for path in ("/demands?state=&sort=x", "/demands?state=nonsense", "/results?kind=", "/results?kind=x"):
        assert world.browser().get(path).status_code == 200, path
