"""Notices on the pages and in the API: one's own alone, read by a form, and how one is reached."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import APIRoute

from sandbox.domain.audit import Event
from sandbox.domain.notice_choices import Channel
from sandbox.domain.release import Decision
from sandbox.portal import pages
from tests.portal.example_world import World
from tests.portal.markup import dangers, text_of


@pytest.fixture(autouse=True)
def caught_up(world: World) -> None:
    """What was published when the world was made is no news."""
    world.sandbox.tell_people.catch_up()


def granted(world: World, **words: Any) -> Any:
    """As ``World.granted``, with somebody who tells people between the steps."""
    application = world.applied(**words)
    world.sandbox.request_access.approve(world.person("olga"), application.id)
    world.sandbox.tell_people.catch_up()
    grant = world.sandbox.request_access.sign(world.person("ana"), application.id)
    world.sandbox.tell_people.catch_up()
    return grant


BOTH = (Channel.MAIL, Channel.WEBHOOK)


def with_channels(world: World) -> World:
    """The same installation, as if the operator had set up both ways out."""
    tell = replace(world.sandbox.tell_people, channels=BOTH)
    sandbox = replace(
        world.sandbox, tell_people=tell, my_notices=replace(world.sandbox.my_notices, tell=tell)
    )
    world.app.state.sandbox = sandbox
    return replace(world, sandbox=sandbox)


def told(world: World, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.program(name).get("/notices").json()["notices"]
    return found


def test_a_decision_is_on_the_page_and_counted_in_its_head(world: World) -> None:
    granted(world)
    page = world.browser("ana").get("/notices")
    assert page.status_code == 200
    assert dangers(page.text) == []
    words = text_of(page.text)
    assert "was approved. Read the agreement and sign it." in words
    assert "you may use Loan applications now" in words
    elsewhere = text_of(world.browser("ana").get("/grants").text)
    assert "Notices 2 unread" in elsewhere
    assert "unread" not in text_of(world.browser("ben").get("/grants").text)


def test_nobody_without_an_account_sees_any(world: World) -> None:
    assert world.browser().get("/notices").status_code in (302, 303, 401)
    assert world.program().get("/notices").status_code == 401
    assert world.program(token="notebook-1-of-ana").get("/notices").status_code == 403
    assert "/notices" not in world.browser().get("/").text


def test_opening_one_reads_it_and_leads_on(world: World) -> None:
    granted(world)
    ana = world.browser("ana")
    number = told(world, "ana")[-1]["notice"]
    gone = ana.send(f"/notices/{number}/open")
    assert gone.status_code == 303
    assert gone.headers["location"].startswith("/services/portal/applications/")
    assert ana.get(gone.headers["location"].removeprefix("/services/portal")).status_code == 200
    assert "Notices 1 unread" in text_of(ana.get("/notices").text)
    assert "1 notice ·" in text_of(ana.get("/notices?show=unread").text)


def test_anothers_notice_is_not_there(world: World) -> None:
    granted(world)
    number = told(world, "ana")[0]["notice"]
    assert world.browser("ben").send(f"/notices/{number}/open").status_code == 404
    assert world.program("ben").post(f"/notices/{number}/read").status_code == 404
    assert world.program("alma").post(f"/notices/{number}/read").status_code == 404
    assert world.program("ana").post(f"/notices/{number}/read").json()["read"] is True  # the control


FORMS = sorted(
    route.path
    for route in pages.notices.router.routes
    if isinstance(route, APIRoute) and "POST" in route.methods
)


def test_every_form_is_known_to_these_tests() -> None:
    assert FORMS == [
        "/account/address",
        "/account/address/confirm",
        "/account/address/remove",
        "/account/language",
        "/account/notices",
        "/notices/read",
        "/notices/{number}/open",
    ]


@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_site_changes_nothing(world: World, path: str) -> None:
    world = with_channels(world)
    granted(world)
    ana, number = world.browser("ana"), told(world, "ana")[0]["notice"]
    fields = {"up_to": "99", "language": "zh-Hans", "address": "a@example.org", "code": "x", "mail": "never"}
    tokens: dict[str, dict[str, str]] = {
        "missing": {},
        "guessed": {"form_token": "0" * 64},
        "of another session": {"form_token": world.browser("ben").form_token()},
    }
    before = (world.sandbox.store.log.head(), told(world, "ana"))
    for which, token in tokens.items():
        sent = ana.post(path.replace("{number}", str(number)), data={**fields, **token})
        assert sent.status_code == 403, which
    assert (world.sandbox.store.log.head(), told(world, "ana")) == before
    if path != "/account/address/confirm":  # the control; there is no code to confirm
        assert ana.send(path.replace("{number}", str(number)), **fields).status_code == 303
        assert (world.sandbox.store.log.head(), told(world, "ana")) != before


def test_all_are_read_up_to_what_was_shown(world: World) -> None:
    granted(world)
    ana = world.browser("ana")
    up_to = re.search(r'name="up_to" value="(\d+)"', ana.get("/notices").text)
    assert up_to is not None
    granted(world, project="Another")
    assert ana.send("/notices/read", up_to=up_to[1]).status_code == 303
    assert [one["read"] for one in told(world, "ana")] == [False, False, True, True]


@pytest.mark.parametrize(
    "query", ["?topic=nonsense", "?page=0", "?page=-3", "?page=99999999", "?show=x&topic=<b>"]
)
def test_odd_addresses_show_a_page(world: World, query: str) -> None:
    granted(world)
    page = world.browser("ana").get(f"/notices{query}")
    assert page.status_code == 200
    assert dangers(page.text) == []


def test_topics_can_be_picked(world: World) -> None:
    world.submitted(granted(world))
    page = text_of(world.browser("rita").get("/notices?topic=review").text)
    assert "waits for your review" in page
    assert "No notice is like that." in text_of(world.browser("rita").get("/notices?topic=policy").text)


def test_a_requester_sees_no_trace_of_a_vote_before_all_are_in(world: World) -> None:
    release = world.submitted(granted(world))
    told(world, "ana")
    pages = ("/notices", "/account")

    def seen() -> list[Any]:
        texts = [text_of(world.browser("ana").get(path).text) for path in pages]
        return [*texts, told(world, "ana")]

    before = seen()
    world.voted(release, ("rita", Decision.RETURN, "Say more."))
    assert seen() == before
    world.voted(release, ("rosa", Decision.RETURN, "Say more."))
    assert seen() != before  # the control
    assert "rita" not in str(seen())


def test_every_document_says_what_may_be_done(world: World) -> None:
    granted(world)
    page = world.program("ana").get("/notices").json()
    assert page["allowed_actions"] == ["read_all"]
    assert {one["read"]: one["allowed_actions"] for one in page["notices"]} == {False: ["read"]}
    assert world.program("ana").post("/notices/read", json={"up_to": 10**6}).json() == {"read": 2}
    page = world.program("ana").get("/notices").json()
    assert (page["unread"], page["allowed_actions"]) == (0, [])


# How one is reached


def test_without_ways_out_the_account_says_so(world: World) -> None:
    page = world.browser("ana").get("/account")
    assert "This installation sends nothing by other ways." in text_of(page.text)
    assert 'name="address"' not in page.text
    assert world.program("ana").get("/account/notices").json()["allowed_actions"] == [
        "choose",
        "set_language",
    ]
    assert world.program("ana").put("/account/address", json={"address": "a@example.org"}).status_code == 422


def test_an_address_is_given_confirmed_and_taken_away(world: World) -> None:
    world = with_channels(world)
    ana = world.browser("ana")
    assert ana.send("/account/address", address="ana@example.org").status_code == 303
    page = ana.get("/account")
    assert "ana@example.org" in page.text
    assert dangers(page.text) == []
    wrong = ana.send("/account/address/confirm", code="aaaaa-aaaaa")
    assert wrong.status_code == 422
    assert "That is not the code." in text_of(wrong.text)
    from sandbox.domain.mail_address import confirming_code

    mail = world.sandbox.store.contacts.mail("ana")
    code = confirming_code(
        world.sandbox.my_notices.code_key, person="ana", address=mail.asked, asked_at=mail.asked_at
    )
    assert ana.send("/account/address/confirm", code=code).status_code == 303
    how = world.program("ana").get("/account/notices").json()
    assert (how["address"], how["address_to_confirm"]) == ("ana@example.org", "")
    assert ana.send("/account/address/remove").status_code == 303
    assert world.program("ana").put("/account/address", json={"address": "b@example.org"}).status_code == 200
    gone = world.program("ana").request("DELETE", "/account/address").json()
    assert (gone["address"], gone["address_to_confirm"]) == ("", "")
    assert world.program("ana").get("/account/notices").json()["address"] == ""


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org\r\nBcc: b@example.org",
        "<script>alert(1)</script>@example.org",
        "a@b, c@d.org",
        "x" * 300,
    ],
)
def test_what_is_no_address_is_refused_and_shown_as_text(world: World, address: str) -> None:
    world = with_channels(world)
    sent = world.browser("ana").send("/account/address", address=address)
    assert sent.status_code == 422
    assert dangers(sent.text) == []
    assert world.sandbox.store.contacts.mail("ana").asked == ""
    assert world.sandbox.store.outbox.newest() == ()


def test_paces_are_chosen_by_form_and_by_program(world: World) -> None:
    world = with_channels(world)
    assert world.browser("ana").send("/account/notices", mail="daily", webhook="never").status_code == 303
    how = world.program("ana").get("/account/notices").json()
    assert how["channels"] == {"mail": "daily", "webhook": "never"}
    how = world.program("ana").put("/account/notices", json={"mail": "at once", "language": "zh-Hans"}).json()
    assert (how["channels"]["mail"], how["channels"]["webhook"], how["language"]) == (
        "at once",
        "never",
        "zh-Hans",
    )
    assert world.program("ana").put("/account/notices", json={"mail": "hourly"}).status_code == 422
    assert world.program("ana").put("/account/notices", json={"webhook_url": "http://x"}).status_code == 422
    assert world.program("ana").put("/account/notices", json={"language": "tlh"}).status_code == 422


def test_nobody_but_the_operator_says_where_the_webhook_is(world: World) -> None:
    """No form and no address of the API takes one: there is nothing to point at the inside."""
    spec = world.browser().get("/api/v1/openapi.json").json()
    named = {path for path, what in spec["paths"].items() if "webhook" in str(what).lower()}
    assert named <= {"/services/portal/api/v1/account/notices"}
    body = spec["components"]["schemas"]["ChoicesBody"]["properties"]["webhook"]
    assert "at once" in str(spec["components"]["schemas"]["Pace"])
    assert "format" not in str(body)


def test_the_language_of_the_pages_is_that_of_the_letters(world: World) -> None:
    sent = world.browser("ana").send("/display", language="zh-Hans", theme="auto", back="/services/portal/")
    assert sent.status_code == 303
    assert world.sandbox.store.contacts.choices("ana").language == "zh-Hans"


def test_hostile_names_in_values_are_text(world: World) -> None:
    world.sandbox.store.log.record(
        Event(
            "t",
            "training.recorded",
            "person:ana",
            {"course": "<script>x</script>{0}%s\r\nBcc: x", "until": "‮2025"},
        )
    )
    page = world.browser("ana").get("/notices")
    assert dangers(page.text) == []
    assert "&lt;script&gt;" in page.text
