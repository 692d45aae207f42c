"""What somebody could try where everybody may write. Each attack has its positive control."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute

from sandbox.domain.errors import BadInput
from sandbox.domain.release import Decision
from sandbox.portal.pages import demands, openness, rendering, results
from sandbox.portal.requests import visitor_of
from tests.portal.example_world import Door, World, open_world
from tests.portal.markup import dangers
from tests.portal.society_world import CONTACT, NOTICE, REPORT, WISH, Numbers, furnished
from tests.portal.test_portal_attacks import SCRIPTED

PAGES = ("/demands", "/demands/1", "/projects", "/results", "/transparency", "/breaches", "/datasets/loans")
DOCUMENTS = (
    "/demands",
    "/demands/1",
    "/datasets/loans/ratings",
    "/results",
    "/projects",
    "/breaches",
    "/transparency",
)
TABLES = ("/demands.csv", "/results.csv", "/projects.csv", "/breaches.csv", "/transparency.csv")


def everything_public(world: World) -> dict[str, str]:
    """Each page, document and table that somebody without an account is given."""
    visitor, program = world.browser(), world.program()
    seen = {path: visitor.get(path) for path in PAGES}
    seen |= {f"api:{path}": program.get(path) for path in (*DOCUMENTS, *TABLES)}
    assert {name: answer.status_code for name, answer in seen.items() if answer.status_code != 200} == {}
    return {name: answer.text for name, answer in seen.items()}


# --- words that want to be more than words

PAYLOADS = (
    "<script>alert(1)</script> and enough further characters",
    '"><img src=x onerror=alert(1)> and enough further characters',
    "</textarea></title><svg onload=alert(1)> enough further characters",
    "[click](javascript:alert(1)) **bold** and enough further characters",
    "javascript:alert(1) https://evil.example/ www.evil.example and enough",
    "{{ 7 * 7 }}{% raw %} and enough further characters",
)


@pytest.mark.parametrize("text", PAYLOADS)
def test_nothing_that_people_write_becomes_part_of_a_page(world: World, text: str) -> None:
    numbers = furnished(world, text=text)
    shown = everything_public(world)
    for name in ("ana", "olga", "alma"):
        for path in (*PAGES, f"/demands/{numbers.hidden}", "/demands?hidden=true", "/results/report"):
            answer = world.browser(name).get(path)
            if answer.status_code == 200:
                shown[f"{name}:{path}"] = answer.text
    for name, html in shown.items():
        if "api:" not in name:
            assert dangers(html) == [], name
            assert "evil.example</a>" not in html, name
            assert 'href="https://evil.example' not in html, name
    assert "49" not in shown["/demands/1"].partition("</h1>")[0]
    assert "enough" in shown["/demands/1"]


def test_the_same_text_would_be_found_on_a_page_that_does_not_escape(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_environment", rendering._environment.overlay(autoescape=False))
    furnished(world, text=PAYLOADS[0])
    found = {path for path, html in everything_public(world).items() if "script" in dangers(html)}
    assert set(PAGES) - {"/transparency"} <= found


FIELDS = ("title", "data", "holder", "purpose", "contact")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("hidden", ["\u202e", "\u2067", "\u200b", "\x1b[31m", "\x00"])
def test_no_field_of_a_demand_takes_what_cannot_be_seen(world: World, field: str, hidden: str) -> None:
    written = {**WISH, "contact": CONTACT}
    sent = world.browser().send_public(
        "/demands/new", **{**written, field: f"{written[field]} {hidden}fdp.exe"}
    )
    assert sent.status_code == 422
    assert world.browser().send_public("/demands/new", **written).status_code == 303


@pytest.mark.parametrize("field", ["title", "authors", "how_used"])
def test_no_field_of_a_result_takes_what_cannot_be_seen(world: World, field: str) -> None:
    grant = world.granted()
    body = {**REPORT, "citation_carried": True, "grant": grant.id}
    ana = world.program("ana")
    assert ana.post("/results", json={**body, field: f"{body[field]} \u202egpj"}).status_code == 422
    assert ana.post("/results", json=body).status_code == 201


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "http://a.example/", "data:text/html,x", "https://a.example@b.example/", "//b"],
)
def test_only_https_and_doi_are_linked(world: World, link: str) -> None:
    grant = world.granted()
    ana = world.program("ana")
    body = {**REPORT, "citation_carried": True, "grant": grant.id}
    refused = ana.post("/results", json={**body, "link": link})
    assert (refused.status_code, refused.json()["error"]["where"]) == (422, "link")
    assert ana.post("/results", json=body).json()["link"] == "https://doi.org/10.1000/182"


def test_a_megabyte_in_any_field_is_refused(world: World) -> None:
    big = "a" * 10**6
    for field in FIELDS:
        sent = world.browser().send_public("/demands/new", **{**WISH, "contact": CONTACT, field: big})
        assert sent.status_code == 422, field
    grant = world.granted()
    ana, olga = world.program("ana"), world.program("olga")
    body = {**REPORT, "citation_carried": True, "grant": grant.id}
    for field in ("title", "authors", "link", "how_used"):
        assert ana.post("/results", json={**body, field: big}).status_code == 422, field
    rating = {"stars": 5, "sentence": big}
    assert ana.post("/datasets/loans/ratings", json=rating).status_code == 422
    breach = {"dataset": "loans", "project": "Fair credit", "measure": "warning", **NOTICE}
    for field in NOTICE:
        assert olga.post("/breaches", json={**breach, field: big}).status_code == 422, field
    assert furnished(world)  # the control: the same fields, of a decent size


# --- tables that are opened in a spreadsheet

FORMULAS = (
    "=HYPERLINK(0)+enough characters",
    "+cmd|' /C calc'!A0 enough",
    "@SUM(1+1) enough characters",
    "-2+3",
)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_a_table_is_a_formula(world: World, formula: str) -> None:
    text = formula if len(formula) > 20 else formula + " and so on and on"
    furnished(world, text=text)
    program = world.program()
    seen = 0
    for path in TABLES:
        for row in csv.reader(io.StringIO(program.get(path).text)):
            assert [cell for cell in row if cell[:1] in tuple("=+-@\t\r")] == [], path
            seen += sum(1 for cell in row if cell.startswith(f"'{text[:4]}"))
    assert seen >= 8  # the control: the formulas were there, as text


# --- who may not be known


def test_a_contact_is_in_nothing_that_others_are_given(world: World) -> None:
    furnished(world)
    for name, text in everything_public(world).items():
        assert CONTACT not in text, name
    for name in ("ana", "ben", "olga", "rita", "august"):
        assert CONTACT not in world.browser(name).get("/demands/1").text, name
        assert CONTACT not in world.program(name).get("/demands/1").text, name
    assert CONTACT not in world.browser("august").get("/log").text
    assert CONTACT not in world.program("alma").get("/log?limit=500").text
    assert CONTACT in world.browser("alma").get("/demands/1").text  # the control


def test_no_public_page_names_a_person(world: World) -> None:
    numbers = furnished(world)
    release = world.submitted(numbers.grant)
    world.voted(release, ("rita", Decision.APPROVE, "Fine."), ("rosa", Decision.APPROVE, "Fine."))
    names = ("ana", "ben", "rita", "ravi", "rosa", "alma", "august")
    for path, text in everything_public(world).items():
        found = [name for name in names if f" {name} " in f" {' '.join(_words(text))} "]
        assert found == [], path
    assert "ana" in _words(world.browser("olga").get("/breaches").text)  # the words would be found


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text)


def test_hidden_spam_is_in_nothing_that_others_are_given(world: World) -> None:
    numbers = furnished(world)
    for name, text in everything_public(world).items():
        assert "Buy" not in text, name
    for name in ("", "ana", "olga"):
        assert world.browser(name).get(f"/demands/{numbers.hidden}").status_code == 404
        assert world.program(name).get(f"/demands/{numbers.hidden}").status_code == 404
    assert world.browser().get("/demands?hidden=true").status_code in (303, 401)
    assert world.browser("olga").get("/demands?hidden=true").status_code == 403
    assert "Buy my things" in world.browser("alma").get("/demands?hidden=true").text


# --- more than one's share


def _at(world: World, address: str) -> Door:
    """A visitor's browser at an address, as our proxy reports it."""
    door = world.browser()
    door.headers = {**door.headers, "X-Forwarded-For": address}
    return door


def test_one_address_votes_once_and_a_forged_header_does_not_help(world: World) -> None:
    world.browser("ana").send("/demands/new", **WISH)
    assert _at(world, "192.0.2.7").send_public("/demands/1/vote").status_code == 303
    assert _at(world, "192.0.2.7").send_public("/demands/1/vote").status_code == 409
    forged = _at(world, "10.9.8.7, 192.0.2.7")  # what a sender wrote stands before what the proxy saw
    assert forged.send_public("/demands/1/vote").status_code == 409
    assert _at(world, "192.0.2.8").send_public("/demands/1/vote").status_code == 303
    assert world.sandbox.store.demands.get(1).visitor_votes == 2  # type: ignore[union-attr]


def test_votes_over_the_limit_are_refused(world: World) -> None:
    limit = world.sandbox.site.society.votes_per_day
    for n in range(limit + 1):
        _at(world, f"198.51.100.{n}").send_public("/demands/new", **{**WISH, "title": f"Demand number {n}"})
    voter = _at(world, "192.0.2.7")
    answers = [voter.send_public(f"/demands/{n + 1}/vote").status_code for n in range(limit + 1)]
    assert answers == [303] * limit + [429]


def test_mass_submission_ends_at_the_limit_for_one_address(world: World) -> None:
    limit = world.sandbox.site.society.demands_per_day
    one = _at(world, "2001:db8::1")
    answers = []
    for n in range(limit + 2):
        one.headers["X-Forwarded-For"] = f"2001:db8::{n}"  # a household's addresses are one visitor
        answers.append(one.send_public("/demands/new", **{**WISH, "title": f"Demand number {n}"}).status_code)
    assert answers == [303] * limit + [429] * 2
    other = _at(world, "2001:db8:1::1")
    assert other.send_public("/demands/new", **WISH).status_code == 303


def test_the_same_form_sent_twice_is_one_demand(world: World) -> None:
    assert world.browser().send_public("/demands/new", **WISH).status_code == 303
    assert world.browser("ana").send("/demands/new", **WISH).status_code == 409
    assert world.program().get("/demands").json()["total"] == 1


def test_a_person_votes_once_by_whichever_door(world: World) -> None:
    world.browser().send_public("/demands/new", **WISH)
    assert world.browser("ana").send("/demands/1/vote").status_code == 303
    assert world.program("ana").post("/demands/1/vote").status_code == 409
    assert world.program("ben").post("/demands/1/vote").json()["votes"] == 2


def test_nobody_rates_without_a_grant_or_twice(world: World) -> None:
    world.granted()
    rating = {"stars": 1, "sentence": "Bad."}
    refused = world.program("ben").post("/datasets/loans/ratings", json=rating)
    assert (refused.status_code, refused.json()["error"]["clause"]) == (403, "grant")
    assert world.program("olga").post("/datasets/loans/ratings", json=rating).status_code == 403
    assert world.program("ben").post("/datasets/tax_files/ratings", json=rating).status_code == 403
    assert world.program("ben").post("/datasets/inspections/ratings", json=rating).status_code == 200
    for stars in (1, 5, 3):
        answer = world.program("ana").post("/datasets/loans/ratings", json={"stars": stars})
    assert answer.json()["counts"] == {"1": 0, "2": 0, "3": 1, "4": 0, "5": 0}


def test_nobody_reports_for_somebody_elses_grant(world: World) -> None:
    grant = world.granted()
    body = {**REPORT, "citation_carried": True, "grant": grant.id}
    for name in ("ben", "olga", "alma"):
        assert world.program(name).post("/results", json=body).status_code == 404
        form = {**REPORT, "grant": str(grant.id)}
        assert world.browser(name).send("/results/report", **form).status_code == 404
    assert world.program("ana").post("/results", json=body).status_code == 201
    for name in ("ben", "rita"):
        assert world.program(name).post("/results/1/confirm", json={"version": 1}).status_code == 404
    assert world.program("ana").post("/results/1/confirm", json={"version": 1}).status_code == 403
    amended = {**body, "version": 1}
    del amended["grant"]
    assert world.program("olga").post("/results/1/amend", json=amended).status_code == 403
    assert world.program("ana").post("/results/1/amend", json=amended).status_code == 200


# --- forms that were not filled in here, and notebooks that want to speak in public

FORM_ROUTES = sorted(
    route.path
    for part in (demands.router, results.router, openness.router)
    for route in part.routes
    if isinstance(route, APIRoute) and "POST" in route.methods
)
WITHOUT_ACCOUNT = ("/demands/new", "/demands/{demand_id}/vote")


def _target(path: str, numbers: Numbers) -> str:
    demand = numbers.hidden if path.endswith("/show") else numbers.demand
    path = path.replace("{demand_id}", str(demand)).replace("{name}", "loans").replace("{verb}", "confirm")
    return path.replace("{result_id}", str(numbers.waiting)).replace("{breach_id}", str(numbers.breach))


def _actor(path: str) -> str:
    last = path.rsplit("/", 1)[-1]
    return {
        "hide": "alma",
        "show": "alma",
        "rate": "ana",
        "report": "ana",
        "amend": "ana",
        "new": "ben",
        "vote": "ben",
    }.get(last, "olga")


def _fields(path: str, numbers: Numbers) -> dict[str, Any]:
    return {
        **WISH,
        **(REPORT if path.startswith("/results") else {}),
        **NOTICE,
        "grant": str(numbers.grant.id),
        "version": "2" if path.endswith("/answer") else "1",
        "verb": "refuse",
        "text": "It cannot be opened.",
        "stars": "3",
        "sentence": "Well described.",
        "reason": "Because of another site.",
        "subject": "loans|Fair credit|ana",
        "measure": "warning",
    }


def test_every_changing_page_is_known_to_these_tests() -> None:
    assert FORM_ROUTES == [
        "/breaches",
        "/breaches/{breach_id}/lift",
        "/datasets/{name}/rate",
        "/datasets/{name}/ratings/hide",
        "/demands/new",
        "/demands/{demand_id}/answer",
        "/demands/{demand_id}/hide",
        "/demands/{demand_id}/show",
        "/demands/{demand_id}/vote",
        "/results/report",
        "/results/{result_id}/amend",
        "/results/{result_id}/{verb}",
    ]


@pytest.mark.parametrize("path", FORM_ROUTES)
def test_a_form_of_another_site_changes_nothing(world: World, path: str) -> None:
    numbers = furnished(world)
    browser = world.browser(_actor(path))
    tokens = {
        "missing": {},
        "empty": {"form_token": ""},
        "guessed": {"form_token": "0" * 64},
        "of another session": {"form_token": world.browser("rita").form_token()},
        "of a visitor": {"form_token": world.browser().form_token("/demands/new")},
        "not ascii": {"form_token": "ü" * 64},
    }
    before = world.sandbox.store.log.head()
    for which, token in tokens.items():
        answer = browser.post(_target(path, numbers), data={**_fields(path, numbers), **token})
        assert answer.status_code == 403, which
        assert "was not filled in on this portal" in answer.text
    assert world.sandbox.store.log.head() == before


@pytest.mark.parametrize("path", FORM_ROUTES)
def test_the_same_form_filled_in_here_is_taken(world: World, path: str) -> None:
    numbers = furnished(world)
    fields = {**_fields(path, numbers), "title": "Something else again"}
    answer = world.browser(_actor(path)).send(_target(path, numbers), **fields)
    assert answer.status_code == 303, answer.text


@pytest.mark.parametrize("path", FORM_ROUTES)
def test_what_needs_an_account_is_not_done_without_one(world: World, path: str) -> None:
    numbers = furnished(world)
    fields = {**_fields(path, numbers), "title": "Something else again"}
    answer = world.browser().send_public(_target(path, numbers), **fields)
    assert answer.status_code == (303 if path in WITHOUT_ACCOUNT else 401)


@pytest.mark.parametrize("path", WITHOUT_ACCOUNT)
def test_a_visitors_token_is_for_their_address_and_for_an_hour_or_two(world: World, path: str) -> None:
    numbers = furnished(world)
    target, fields = _target(path, numbers), {**WISH, "title": "Something else again"}
    token = _at(world, "192.0.2.50").form_token("/demands/new")
    stolen = _at(world, "192.0.2.51").post(target, data={**fields, "form_token": token})
    assert stolen.status_code == 403  # another site's readers cannot send what its owner was given
    world.clock.now += timedelta(hours=3)
    late = _at(world, "192.0.2.50").post(target, data={**fields, "form_token": token})
    assert late.status_code == 403
    fresh = _at(world, "192.0.2.50").form_token("/demands/new")
    world.clock.now += timedelta(hours=1)
    good = _at(world, "192.0.2.50").post(target, data={**fields, "form_token": fresh})
    assert good.status_code == 303


@pytest.mark.parametrize("headers", SCRIPTED)
def test_a_script_in_a_notebook_cannot_speak_as_a_visitor(world: World, headers: dict[str, str]) -> None:
    """It has the same origin, and could carry rows out to a public page."""
    world.browser("ana").send("/demands/new", **WISH)
    visitor = world.browser()
    for path in ("/demands/new", "/demands/1"):
        page = visitor.get(path, headers=headers)
        assert 'name="form_token" value=""' in page.text
    token = visitor.form_token("/demands/new")
    for path in ("/demands/new", "/demands/1/vote"):
        data = {**WISH, "title": "Row 1: 17, female, 2340", "form_token": token}
        assert visitor.post(path, data=data, headers=headers).status_code == 403
    assert visitor.post("/demands/1/vote", data={"form_token": token}).status_code == 303


WRITES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/demands", WISH),
    ("/demands/1/vote", {}),
    ("/datasets/loans/ratings", {"stars": 5, "sentence": "17, female, 2340"}),
    ("/results", {**REPORT, "citation_carried": True, "grant": 1}),
    ("/demands/1/hide", {"reason": "17, female, 2340"}),
    ("/breaches", {"dataset": "loans", "project": "Fair credit", "measure": "warning", **NOTICE}),
)


@pytest.mark.parametrize(("path", "body"), WRITES)
def test_a_notebook_cannot_write_on_a_public_page(world: World, path: str, body: dict[str, Any]) -> None:
    grant = world.granted()
    world.browser("ben").send("/demands/new", **{**WISH, "title": "Something there already"})
    before = world.sandbox.store.log.head()
    bound = world.program(token=f"notebook-{grant.id}-of-ana").post(path, json=body)
    assert (bound.status_code, bound.json()["error"]["clause"]) == (403, "notebook token")
    assert world.program().post(path, json=body).status_code == 401  # and nobody without a token
    assert world.sandbox.store.log.head() == before
    who = {"/breaches": "olga", "/demands/1/hide": "alma"}.get(path, "ana")
    assert world.program(who).post(path, json=body).status_code in (200, 201)


def test_a_notebook_in_a_browser_is_nobody_and_no_visitor(world: World) -> None:
    grant = world.granted()
    bound = world.browser(token=f"notebook-{grant.id}-of-ana")
    token = world.browser().form_token("/demands/new")
    sent = bound.post("/demands/new", data={**WISH, "form_token": token})
    assert sent.status_code == 403
    assert "A notebook cannot do this for you." in sent.text


def test_the_interface_for_programs_takes_no_cookie_for_changes(world: World) -> None:
    world.granted()
    for path, body in WRITES:
        assert world.browser("ana").post(f"/api/v1{path}", json=body).status_code == 401, path


def test_a_proxy_before_ours_is_looked_through(world: World) -> None:
    outer = open_world(world.home, public_url="https://data.example")

    class Asked:
        def __init__(self, app: Any, seen: str) -> None:
            self.app, self.headers, self.client = app, {"x-forwarded-for": seen} if seen else {}, None

    def at(opened: World, seen: str) -> str:
        return visitor_of(Asked(opened.app, seen)).network  # type: ignore[arg-type]

    assert at(outer, "6.6.6.6, 192.0.2.7, 10.0.0.1") == "192.0.2.7/32"
    assert at(outer, "10.0.0.1") == "10.0.0.1/32"
    assert at(world, "6.6.6.6, 192.0.2.7") == "192.0.2.7/32"
    assert at(world, "nonsense") == at(world, "") == "unknown"
    outer.close()


def test_a_look_alike_of_a_demand_is_not_hidden_in_its_blanks(world: World) -> None:
    data = world.sandbox.demand_data
    data.ask(world.person("ana"), **WISH)
    with pytest.raises(BadInput):
        data.ask(world.person("ben"), **{**WISH, "title": WISH["title"] + "\u200b"})
