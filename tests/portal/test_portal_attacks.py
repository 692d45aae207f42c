"""What somebody could try on the portal. Each attack has its positive control: the same act, done rightly, works."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput
from sandbox.domain.release import Decision
from sandbox.portal import pages
from sandbox.portal.pages import rendering
from sandbox.portal.pages.rendering import with_links
from tests.portal.example_world import GOOD_TABLE, LOANS, Door, World, loans_csv
from tests.portal.markup import dangers

# --- scripts in what people write

PAYLOADS = (
    "<script>alert(1)</script> and twenty more characters",
    '"><img src=x onerror=alert(1)> and twenty more characters',
    "' onmouseover='alert(1) and twenty more characters",
    "</textarea></title><svg onload=alert(1)> twenty more characters",
    '{{ 7 * 7 }}{% raw %} javascript:alert(1) https://a.example/"onclick=alert(1)//',
)


def _every_page(world: World) -> dict[str, str]:
    """Each page with something on it, as each person sees it."""
    visits = {
        "": ("/", "/datasets/loans", "/datasets/inspections"),
        "ana": (
            "/datasets/loans",
            "/datasets/loans/apply",
            "/datasets/loans/application",
            *(f"/applications/6/steps/{step}" for step in ("purpose", "people", "data", "outputs", "check")),
            "/grants",
            *(f"/applications/{number}" for number in (1, 2, 3, 4, 6)),
            "/applications/6/edit",
            "/datasets/loans/apply?renews=1",
            "/releases",
            "/releases/1",
            "/releases/2",
        ),
        "ben": ("/log/mine", "/grants", "/applications/5"),
        "olga": ("/decisions", "/policies", *(f"/applications/{number}" for number in range(1, 7))),
        "rita": ("/review", "/releases/1", "/releases/2"),
        "august": ("/log", "/log/12"),
        "alma": ("/people", "/people/ana", "/health"),
    }
    seen = {}
    for name, paths in visits.items():
        for path in paths:
            answer = world.browser(name).get(path)
            assert answer.status_code == 200, path
            seen[f"{name}:{path}"] = answer.text
    return seen


def _written_everywhere(world: World, text: str) -> None:
    """The same text in every field that somebody may fill in."""
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    lines = []
    for line in LOANS.splitlines():
        if "{" in line:  # a column's description, a unit's noun …
            line = re.sub(r"(description|measured_in|noun): [^},]+", lambda key: f"{key[1]}: {quoted}", line)
        else:
            free = r"^( *)(title|description|provider|source|licence|(?<=  )name|-)(:? ).*"
            line = re.sub(free, lambda key: f"{key[1]}{key[2]}{key[3]}{quoted}", line)
        lines.append(line)
    policy = "\n".join(lines)
    world.publish("loans", policy, {"applications": loans_csv()})
    written = {"purpose": text, "legal_basis": text, "output_plan": text, "organisation": text}
    access, ending, olga = world.sandbox.request_access, world.sandbox.end_access, world.person("olga")
    ana = world.person("ana")
    first = world.applied(**written)
    access.approve(olga, first.id, conditions=[text])
    grant = access.sign(ana, first.id)
    assert grant is not None
    ending.report(ana, first.id, usefulness=1, text=text)
    waiting = world.applied(**written)
    access.reject(olga, waiting.id, reason=text)
    world.applied(**written)
    # Projects have plain names; a page does not rely on it.
    hostile = replace(waiting.wish, project=text, members=(text,), epsilon="1")
    event = Event("ana", "application.submitted", "application:new", {"clause": text})
    world.sandbox.store.access.add_application(dataset="loans", applicant="ana", wish=hostile, event=event)
    revoked = world.applied("ben", project="Elsewhere", **written)
    access.approve(olga, revoked.id)
    access.sign(world.person("ben"), revoked.id)
    ending.revoke(olga, revoked.id, reason=text, clause=text[:100], block_days=9)
    returned = world.applied(project="Again", **written)
    access.send_back(olga, returned.id, reason=text)
    access.edit(ana, returned.id, replace(returned.wish, purpose=f"{text} and more"))
    cell = text.replace('"', '""')
    table = f'"{cell}",n\n"{cell}",50\nfine,60\n'.encode()
    release = world.submitted(grant, files=(("table.csv", table),), context=text)
    world.submitted(grant, files=(("table.csv", table),), context=text)
    world.proposed(reason=text, title=quoted)
    world.voted(release, ("rosa", Decision.RETURN, text), ("ravi", Decision.APPROVE, text))


@pytest.mark.parametrize("text", PAYLOADS)
def test_nothing_that_people_write_becomes_part_of_a_page(world: World, text: str) -> None:
    _written_everywhere(world, text)
    pages_seen = _every_page(world)
    for name, html in pages_seen.items():
        assert dangers(html) == [], name
    for name in (
        "ana:/grants",
        "ana:/applications/1",
        "ana:/applications/6/edit",
        "ana:/releases/1",
        "ben:/grants",
        "olga:/decisions",
        "olga:/policies",
        "olga:/applications/4",
        "rita:/releases/2",
        ":/datasets/loans",
    ):
        assert "twenty more characters" in pages_seen[name] or "javascript:alert" in pages_seen[name]


def test_the_same_text_would_be_found_on_a_page_that_does_not_escape(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_environment", rendering._environment.overlay(autoescape=False))
    _written_everywhere(world, PAYLOADS[0])
    found = [name for name, html in _every_page(world).items() if "script" in dangers(html)]
    seen = {"ana:/grants", "ana:/applications/1", "ana:/applications/6", "ana:/applications/6/edit"}
    seen |= {"ben:/grants", "ben:/applications/5", "olga:/applications/4", "olga:/applications/5"}
    assert seen | {"ana:/releases/1", "olga:/decisions", "olga:/policies", "rita:/releases/2"} <= set(found)


@pytest.mark.parametrize("text", PAYLOADS)
def test_nothing_in_an_address_becomes_part_of_a_page(world: World, text: str) -> None:
    august = world.browser("august")
    for path in (
        "/datasets?q={}&domain={}&open_class={}",
        "/?done={}",
        "/log?action={}",
        "/log?page={}",
        "/datasets/{}",
        "/datasets/{}/apply",
        "/datasets/loans/apply?renews={}",
        "/releases/{}",
        "/applications/{}",
        "/{}",
        "/oauth_callback?error={}&code={}&state={}",
    ):
        answer = august.get(path.replace("{}", text.replace("%", "%25").replace("#", "%23")))
        assert dangers(answer.text) == [], path


def test_a_notice_says_only_what_the_portal_wrote(world: World) -> None:
    assert 'role="status"' not in world.browser("ana").get("/grants?done=You+have+won").text
    assert 'role="status"' in world.browser("ana").get("/grants?done=applied").text


@pytest.mark.parametrize(
    "name",
    ["<script>.csv", '"><img src=x>.csv', "../etc/passwd", ".hidden", "a\nb.csv", "a/b.csv", "x" * 200],
)
def test_a_hostile_file_name_is_never_stored(world: World, name: str) -> None:
    grant = world.granted()
    with pytest.raises(BadInput):
        world.submitted(grant, files=((name, GOOD_TABLE),))
    assert world.sandbox.store.releases.of_requester("ana") == ()
    assert world.submitted(grant, files=(("a fine-name_1.csv", GOOD_TABLE),)).files


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,<script>",
        'https://a.example/" onclick=x',
        "https://<script>alert(1)</script>",
        "http://a.example/'onmouseover='x",
    ],
)
def test_only_plain_web_addresses_become_links(text: str) -> None:
    assert dangers(str(with_links(text))) == []


# --- forms that were not filled in here

# See test_society_attacks, test_portal_objections, test_portal_imports, test_publish_pages, test_ask_pages,
# test_portal_notices.
ELSEWHERE = (
    pages.demands.router,
    pages.results.router,
    pages.openness.router,
    pages.objecting.router,
    pages.objections.router,
    pages.imports.router,
    pages.jobs.router,
    pages.at_rest.router,
    pages.display.router,
    pages.notices.router,
    pages.publish.router,
    pages.review_comments.router,  # test_cockpit_attacks
    pages.planted.router,  # test_planted_attacks
    pages.resubmit.router,
    pages.ask.router,
    pages.notebooks.router,
)
FORM_ROUTES = sorted(
    route.path
    for part in pages.PARTS
    if part not in ELSEWHERE
    for route in part.routes
    if isinstance(route, APIRoute) and "POST" in route.methods
)


def _target(path: str) -> str:
    if path.startswith("/people"):
        path = path.replace("{name}", "ben").replace("{verb}", "deactivate")
    ids = {"application_id": "1", "release_id": "1", "block_id": "1", "number": "1"}
    if path.endswith(("/edit", "/{step}")):
        ids["application_id"] = "4"
    for name, value in {"name": "loans", "verb": "approve", "step": "purpose", **ids}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _fields(path: str, versions: dict[str, int]) -> dict[str, Any]:
    return {
        "project": "Planted",
        "purpose": "A purpose that nobody of us wrote down.",
        "output_plan": "Everything there is.",
        "days": "30",
        "mode": "query",
        "columns": "applications.sex",
        "version": str(versions.get(path.rsplit("/", 1)[-1], 1)),
        "decision": "approve",
        "reason": "Because of another site.",
        "password": "the password of olga",
        "new": "a password from elsewhere",
        "again": "a password from elsewhere",
        "code": "000000",
        "role": "researcher",
        "course": "safe_data",
        "until": "2025-12-31",
    }


def _actor(path: str) -> str:
    if path.startswith("/people"):
        return "alma"
    actors = {
        "vote": "rita",
        "withdraw": "ana",
        "apply": "ana",
        "application": "ana",
        "{step}": "ana",
        "edit": "ana",
        "verify": "august",
        "logout": "ana",
    }
    return actors.get(path.rsplit("/", 1)[-1], "olga")


def test_every_changing_page_is_known_to_these_tests() -> None:
    assert FORM_ROUTES == [
        "/account/password",
        "/account/second-factor",
        "/account/second-factor/confirm",
        "/applications/{application_id}/edit",
        "/applications/{application_id}/steps/{step}",
        "/applications/{application_id}/{verb}",
        "/blocks/{block_id}/lift",
        "/datasets/{name}/application",
        "/datasets/{name}/apply",
        "/log/verify",
        "/logout",
        "/people/{name}/roles",
        "/people/{name}/training",
        "/people/{name}/{verb}",
        "/policies/proposals/{number}/{verb}",
        "/releases/{release_id}/vote",
        "/releases/{release_id}/withdraw",
    ]


def _ready(world: World) -> dict[str, int]:
    """Something for each form to change: an application to decide, a release to vote on, a block, a draft.

    Returns:
        The version that a form names, by the last word of its path.
    """
    world.proposed()
    waiting = world.applied("ben", project="Elsewhere")
    release = world.submitted(world.granted())
    access, olga = world.sandbox.request_access, world.person("olga")
    ended = world.applied("ravi", project="Ended")
    access.approve(olga, ended.id)
    access.sign(world.person("ravi"), ended.id)
    world.sandbox.end_access.revoke(olga, ended.id, reason="It is over.", block_days=5)
    wish = replace(ended.wish, project="Drafted")
    draft = access.apply(world.person("ana"), dataset="loans", wish=wish, draft=True)
    return {
        "{verb}": waiting.version,
        "edit": draft.version,
        "{step}": draft.version,
        "vote": release.version,
    }


@pytest.mark.parametrize("path", FORM_ROUTES)
def test_a_form_of_another_site_changes_nothing(world: World, path: str) -> None:
    versions = _ready(world)
    browser = world.browser(_actor(path))
    tokens = {
        "missing": {},
        "empty": {"form_token": ""},
        "guessed": {"form_token": "0" * 64},
        "of another session": {"form_token": world.browser("ben").form_token()},
        "under another name": {"csrf": browser.form_token()},
        "not ascii": {"form_token": "ü" * 64},
    }
    before = world.sandbox.store.log.head()
    for which, token in tokens.items():
        answer = browser.post(_target(path), data={**_fields(path, versions), **token})
        assert answer.status_code == 403, which
        assert "was not filled in on this portal" in answer.text
    assert world.sandbox.store.log.head() == before


@pytest.mark.parametrize("path", FORM_ROUTES)
def test_the_same_form_filled_in_here_is_taken(world: World, path: str) -> None:
    versions = _ready(world)
    if path == "/account/second-factor/confirm":
        world.sandbox.my_account.begin_second_factor(world.person("olga"), password="the password of olga")
    answer = world.browser(_actor(path)).send(_target(path), **_fields(path, versions))
    if path == "/account/second-factor/confirm":  # taken and looked at: it is the wrong code
        assert "not the code that your app should show" in answer.text
        return
    assert answer.status_code in (200, 303)


def test_form_tokens_differ_by_session_and_installation(world: World, tmp_path: Path) -> None:
    ana, ben = world.browser("ana").form_token(), world.browser("ben").form_token()
    assert ana != ben
    assert ana == world.browser("ana").form_token()
    world.app.state.form_key = b"another installation's"
    assert world.browser("ana").form_token() != ana


@pytest.mark.parametrize(
    "path",
    ["applications", "releases/1/vote", "applications/1/approve", "questions", "imports", "imports/1/let_in"],
)
def test_the_interface_for_programs_takes_no_cookie_for_changes(world: World, path: str) -> None:
    answer = world.browser("olga").post(f"/api/v1/{path}", json={})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_signed_in"


# --- scripts in a notebook, which is served from the same origin

SCRIPTED = (
    {"sec-fetch-dest": "empty", "sec-fetch-mode": "cors"},
    {"sec-fetch-dest": "empty", "sec-fetch-mode": "same-origin"},
    {"sec-fetch-dest": "iframe", "sec-fetch-mode": "navigate"},
    {"sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-dest": "document", "sec-fetch-mode": "cors"},
)


@pytest.mark.parametrize("headers", SCRIPTED)
def test_a_script_cannot_read_a_page_in_its_users_name(world: World, headers: dict[str, str]) -> None:
    ana = world.browser("ana")
    for path in ("/grants", "/api/v1/grants", "/api/v1/releases/1/crate", "/decisions", "/"):
        answer = ana.get(path, headers=headers)
        assert answer.status_code in (303, 401) or path == "/"
        assert "form_token" not in answer.text
        assert "Signed in as" not in answer.text
    assert "form_token" in ana.get("/grants").text


def test_a_script_that_stole_a_form_token_cannot_send_the_form(world: World) -> None:
    world.applied("ben")
    olga = world.browser("olga")
    data = {"form_token": olga.form_token()}
    refused = olga.post("/applications/1/approve", data=data, headers=SCRIPTED[0])
    assert refused.status_code == 401
    navigation = {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}
    assert olga.post("/applications/1/approve", data=data, headers=navigation).status_code == 303


# --- a notebook's token


def _bound(world: World) -> tuple[Door, Door, int]:
    grant = world.granted()
    token = f"notebook-{grant.id}-of-ana"
    return world.program(token=token), world.browser(token=token), grant.id


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/applications",
            {
                "dataset": "loans",
                "project": "More data",
                "purpose": "To get more than was agreed on.",
                "output_plan": "Everything there is.",
            },
        ),
        ("/applications/2/sign", {}),
        ("/applications/1/revoke", {"reason": "no more"}),
        ("/releases/1/vote", {"version": 2, "decision": "approve"}),
    ],
)
def test_a_notebook_cannot_act_for_its_person(world: World, path: str, body: dict[str, Any]) -> None:
    program, _, _ = _bound(world)
    other = world.applied(project="Another")
    world.sandbox.request_access.approve(world.person("olga"), other.id)
    answer = program.post(path, json=body)
    assert answer.status_code == 403
    assert answer.json()["error"]["clause"] == "notebook token"


def test_a_notebook_cannot_download_what_was_released_and_its_person_can(world: World) -> None:
    program, browser, _ = _bound(world)
    release = world.submitted(world.sandbox.store.grants.of_person("ana")[0])
    world.voted(release, ("rita", Decision.APPROVE, ""), ("rosa", Decision.APPROVE, ""))
    for door in (program, browser):
        path = "/releases/1/crate" if door is program else "/api/v1/releases/1/crate"
        assert door.get(path).status_code == 403
    assert world.program("ana").get("/releases/1/crate").status_code == 200


def test_a_notebook_cannot_open_a_page_for_people(world: World) -> None:
    _, browser, _ = _bound(world)
    for path in (
        "/grants",
        "/releases",
        "/releases/1",
        "/decisions",
        "/review",
        "/log",
        "/logout",
        "/account",
    ):
        answer = browser.get(path)
        assert answer.status_code == 403, path
        assert "A notebook cannot do this for you." in answer.text
        assert "form_token" not in answer.text


def test_a_notebook_of_a_reviewer_cannot_vote(world: World) -> None:
    release = world.submitted(world.granted())
    world.granted("ravi", project="Own")
    body = {"version": release.version, "decision": "approve"}
    assert world.program(token="notebook-2-of-ravi").post("/releases/1/vote", json=body).status_code == 403
    assert world.program("ravi").post("/releases/1/vote", json=body).status_code == 200


def test_a_notebook_reaches_only_its_own_grant(world: World) -> None:
    first, second = world.granted(), world.granted(project="Second")
    world.submitted(second)
    program = world.program(token=f"notebook-{first.id}-of-ana")
    assert program.get("/budget").json()["project"] == "Fair credit"
    assert program.get(f"/budget?grant={second.id}").status_code == 403
    assert program.get("/releases").json() == []
    assert program.get("/releases/1").status_code == 403
    assert program.post("/releases/1/withdraw").status_code == 403
    assert world.program("ana").get("/releases/1").status_code == 200
    question = {"sql": "SELECT COUNT(*) AS n FROM applications", "grant": second.id}
    assert program.post("/questions/estimate", json=question).status_code == 403


# --- blind review


def test_no_vote_is_seen_before_the_last_one(world: World) -> None:
    release = world.submitted(world.granted())
    world.voted(release, ("rita", Decision.RETURN, "Please round the numbers."))
    secret = ("Please round the numbers.", "rita", "decision-return")
    for name in ("ana", "rosa"):
        page = world.browser(name).get("/releases/1").text
        body = world.program(name).get("/releases/1").text
        for words in secret:
            assert words not in page
            assert words not in body
    assert "Please round the numbers." in world.browser("rita").get("/releases/1").text

    world.voted(release, ("rosa", Decision.RETURN, "Say who is counted."))
    page = world.browser("ana").get("/releases/1").text
    assert "Please round the numbers." in page
    assert "Say who is counted." in page
    assert "reviewer 1" in page


def test_a_requester_never_learns_a_reviewers_name(world: World) -> None:
    world.applied("ana", project="Unsigned")
    release = world.submitted(world.granted())
    world.voted(release, ("rita", Decision.APPROVE, "Fine."), ("rosa", Decision.APPROVE, "Fine too."))
    ana, program = world.browser("ana"), world.program("ana")
    told = [ana.get(path).text for path in ("/", "/datasets/loans", "/grants", "/releases", "/releases/1")]
    told += [
        program.get(path).text
        for path in ("/datasets", "/datasets/loans", "/grants", "/applications", "/releases/1")
    ]
    told.append(program.get("/releases/1/crate").content.decode("latin-1"))
    for text in told:
        for name in ("rita", "ravi", "rosa"):
            assert name not in text
    assert (
        "rita" in world.browser("rosa").get("/releases/1").text
    )  # the words that are looked for would be found


def test_a_reviewer_on_the_same_project_sees_nothing_of_it(world: World) -> None:
    release = world.submitted(world.granted())
    world.granted("ravi")  # the same project
    ravi, program = world.browser("ravi"), world.program("ravi")
    assert ravi.get("/releases/1").status_code == 404
    assert program.get("/releases/1").status_code == 404
    assert "/releases/1" not in ravi.get("/review").text
    vote = {"version": release.version, "decision": "approve"}
    assert program.post("/releases/1/vote", json=vote).status_code == 403
    assert ravi.send("/releases/1/vote", **vote).status_code == 403
    assert world.browser("rita").get("/releases/1").status_code == 200
    assert program.get("/releases/2").text == program.get("/releases/1").text.replace(
        "request 1", "request 2"
    )


def test_nobody_else_sees_a_request(world: World) -> None:
    world.submitted(world.granted())
    for name in ("ben", "olga", "oscar", "august", "alma"):
        assert world.browser(name).get("/releases/1").status_code == 404, name
        assert world.program(name).get("/releases/1").status_code == 404, name
        assert world.program(name).get("/releases/1/crate").status_code in (403, 404), name


def test_a_verdict_on_private_rows_is_shown_to_reviewers_only(world: World) -> None:
    sql = "SELECT housing, COUNT(*) AS n FROM applications GROUP BY housing"
    table = b"housing,n\nown,111\nrent,57\nfree,32\n"
    world.submitted(world.granted(), files=(("housing.csv", table),), sql={"housing.csv": sql})
    stored = world.sandbox.store.releases.findings(1)
    hidden = [f for f in stored if f.from_rows]
    assert hidden
    ana, rita = world.browser("ana").get("/releases/1").text, world.browser("rita").get("/releases/1").text
    told = world.program("ana").get("/releases/1").json()["findings"]
    assert not any(f["from_rows"] for f in told)
    for finding in hidden:
        assert f">{finding.check.replace('_', ' ')}" in rita
        assert f">{finding.check.replace('_', ' ')}" not in ana


# --- what leaks by itself


def test_every_answer_is_hardened(world: World) -> None:
    for door, path in (
        (world.browser(), "/"),
        (world.browser("ana"), "/nowhere"),
        (world.browser(), "/grants"),
        (world.browser(), "/static/portal.css"),
        (world.program("ana"), "/grants"),
        (world.program(), "/grants"),
    ):
        headers = door.get(path).headers
        policy = headers["content-security-policy"]
        scripts = re.findall(r"script-src ([^;]*);", policy)
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert all(re.fullmatch(r"'nonce-[A-Za-z0-9_-]{22}'", allowed) for allowed in scripts)
        assert bool(scripts) == ("text/html" in headers.get("content-type", "")), path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert ("no-store" in headers.get("cache-control", "")) == ("/static/" not in path)


@pytest.mark.parametrize("path", ["/grants", "/api/v1/grants"])
def test_an_unforeseen_error_shows_and_logs_no_value(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("applicant 17 asked for 12345 EUR")

    monkeypatch.setattr(type(world.sandbox.store.grants), "of_person", lambda *_: broken(None))
    with caplog.at_level(logging.DEBUG):
        answer = world.browser("ana").get(path)
    assert answer.status_code == 500
    assert "Something went wrong here." in answer.text
    assert "12345" not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_problem_is_still_a_page_when_nobody_can_be_recognised(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise ConnectionError("the hub is away")

    monkeypatch.setattr(world.identity, "claim", down)
    answer = world.browser("ana").get("/grants")
    assert answer.status_code == 500
    assert "Something went wrong here." in answer.text
    assert "away" not in answer.text


def test_a_body_that_is_too_large_is_refused_before_it_is_read(world: World) -> None:
    grant = world.granted()
    program = world.program("ana")
    huge = program.post(
        "/releases",
        data={"context": "A table that is far too large.", "grant": str(grant.id)},
        files={"files": ("a.csv", b"x" * (10 * 2**20))},
    )
    assert huge.status_code == 413
    assert huge.json()["error"]["code"] == "too_large"

    def pieces() -> Any:
        yield b"x"

    async def stream() -> Any:
        for piece in pieces():
            yield piece

    chunked = program.post("/questions", content=stream())
    assert chunked.status_code == 413
    small = program.post(
        "/releases",
        data={"context": "A table of a decent size.", "grant": str(grant.id)},
        files={"files": ("a.csv", GOOD_TABLE)},
    )
    assert small.status_code == 201


def test_questions_nested_without_end_are_the_senders_mistake(world: World) -> None:
    grant = world.granted()
    program = world.program("ana")
    for sql, status in (("[" * 200_000, 422), ("{}", 201)):  # the second is the control
        form = {"context": "Loan applicants by sex.", "grant": str(grant.id), "sql": sql}
        answer = program.post("/releases", data=form, files=[("files", ("by_sex.csv", GOOD_TABLE))])
        assert answer.status_code == status, answer.text
