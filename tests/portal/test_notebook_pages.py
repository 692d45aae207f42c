"""Opening a notebook on the portal: in its person's own name, under the agreement, with progress in words."""

from __future__ import annotations

import httpx
import pytest

from sandbox.domain.access import Grant
from sandbox.domain.notebook_start import NotebookState, Stage
from sandbox.domain.policy import Mode
from sandbox.flows.follow_notebook import FollowNotebook
from sandbox.portal.pages.notebooks import MEANING, MODE_MEANS, STAGE_NAMES
from tests.portal.example_world import Door, World
from tests.portal.markup import dangers, text_of

HTMX = {
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "HX-Request": "true",
}
PAGE = "/notebooks/grant-1"
ADDRESS = "http://ana.localhost:8000/user/ana/grant-1/"
LEADS_THERE = f'<meta http-equiv="refresh" content="0; url={ADDRESS}">'


@pytest.fixture
def grant(world: World) -> Grant:
    return world.granted()


def _piece(door: Door, query: str = "") -> httpx.Response:
    return door.request("GET", f"/piece{PAGE}{query}", headers=HTMX)


def test_every_state_stage_and_mode_has_its_words() -> None:
    assert set(MEANING) == set(NotebookState)
    assert set(STAGE_NAMES) == set(Stage)
    assert set(MODE_MEANS) == set(Mode)


def test_a_notebook_is_opened_followed_and_stopped(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    seen = text_of(ana.get(PAGE).text)
    assert "It does not run." in seen
    assert "No row can be read in it." in seen
    assert "Opening it costs nothing." in seen
    opened = ana.send(f"{PAGE}/open")
    assert (opened.status_code, opened.headers["location"]) == (303, f"/services/portal{PAGE}?opening=1")
    assert world.hub.asked == [("start", "ana", "grant-1")]
    page = ana.get(f"{PAGE}?opening=1").text
    assert f'hx-get="/services/portal/piece{PAGE}?opening=1"' in page
    assert '<meta http-equiv="refresh"' in page  # without script
    piece = _piece(ana, "?opening=1")
    assert "It is being opened." in text_of(piece.text)
    assert "hx-refresh" not in piece.headers
    world.hub.ready(grant)
    assert _piece(ana, "?opening=1").headers["hx-refresh"] == "true"
    assert LEADS_THERE in ana.get(f"{PAGE}?opening=1").text
    page = ana.get(PAGE).text
    assert LEADS_THERE not in page  # whoever only looks stays
    assert f'href="{ADDRESS}"' in page
    assert "hx-get" not in page
    assert ana.send(f"{PAGE}/stop").status_code == 303
    assert world.hub.asked[-1] == ("stop", "ana", "grant-1")
    assert "It does not run." in text_of(ana.get(PAGE).text)


def test_one_that_is_there_before_its_page_is_leads_there_too(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    opened = ana.send(f"{PAGE}/open")
    world.hub.ready(grant)  # the hub waits with its answer until a quick start is through
    assert LEADS_THERE in ana.get(opened.headers["location"].removeprefix("/services/portal")).text


def test_a_second_click_starts_nothing_twice(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    for _ in range(3):
        assert ana.send(f"{PAGE}/open").status_code == 303
    assert len(world.hub.asked) == 1


def test_looking_at_a_page_starts_nothing(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    for path in (PAGE, f"{PAGE}?opening=1", f"{PAGE}/open"):
        ana.get(path)
    _piece(ana)
    assert world.hub.asked == []


def test_a_failed_start_is_told_in_words_and_as_text(world: World, grant: Grant) -> None:
    world.hub.trouble = "The engine does not answer. <script>alert(1)</script>"
    page = world.browser("ana").get(PAGE).text
    assert "The last start failed. The engine does not answer." in text_of(page)
    assert dangers(page) == []


@pytest.mark.parametrize(
    ("stage", "now"),
    [(Stage.ROWS, "Right to the data"), (Stage.GATE, "Gate"), (Stage.CONTAINER, "Container")],
)
def test_a_start_shows_how_far_it_is(world: World, grant: Grant, stage: Stage, now: str) -> None:
    world.hub.states["ana", "grant-1"] = NotebookState.STARTING
    follow = world.sandbox.follow_notebook
    followed = FollowNotebook(
        opening=follow.opening,
        access_views=follow.access_views,
        hub=follow.hub,
        stage=lambda person, server: stage,
        site_url=follow.site_url,
    )
    assert followed.look(world.person("ana"), "grant-1", token="token-of-ana").stage is stage
    object.__setattr__(world.app.state.sandbox, "follow_notebook", followed)
    try:
        piece = _piece(world.browser("ana")).text
    finally:
        object.__setattr__(world.app.state.sandbox, "follow_notebook", follow)
    current = piece[piece.index('aria-current="step"') :].split("</li>")[0]
    assert now in current


# --- what is guarded


@pytest.mark.parametrize(
    "name", ["grant-1", "grant-2", "grant-01", "grant-", "grant-x", "nothing", "grant-99999999999"]
)
def test_nobody_opens_or_sees_a_notebook_that_is_not_theirs(world: World, grant: Grant, name: str) -> None:
    ben = world.browser("ben")
    assert ben.get(f"/notebooks/{name}").status_code == 404
    for verb in ("open", "stop"):
        assert ben.send(f"/notebooks/{name}/{verb}").status_code == 404
    assert ben.request("GET", f"/piece/notebooks/{name}", headers=HTMX).status_code == 404
    assert world.hub.asked == []
    assert world.browser("ana").get(PAGE).status_code == 200


def test_a_name_written_otherwise_is_no_notebook(world: World, grant: Grant) -> None:
    for name in ("grant-01", "grant-%31x", "Grant-1", "grant-1 ", "grant-１"):
        assert world.browser("ana").get(f"/notebooks/{name}").status_code == 404, name


@pytest.mark.parametrize("verb", ["open", "stop"])
def test_a_form_of_another_site_opens_and_stops_nothing(world: World, grant: Grant, verb: str) -> None:
    ana = world.browser("ana")
    for token in ("", "0" * 64, world.browser("ben").form_token("/grants")):
        assert ana.post(f"{PAGE}/{verb}", data={"form_token": token}).status_code == 403
    assert world.hub.asked == []
    assert ana.send(f"{PAGE}/{verb}").status_code == 303
    assert [what for what, _, _ in world.hub.asked] == [{"open": "start", "stop": "stop"}[verb]]


def test_a_notebooks_own_token_opens_nothing(world: World, grant: Grant) -> None:
    notebook = world.browser(token="notebook-1-of-ana")
    assert notebook.get(PAGE).status_code == 403
    assert notebook.post(f"{PAGE}/open", data={"form_token": "0" * 64}).status_code == 403
    assert world.hub.asked == []


def test_after_a_revocation_the_page_opens_nothing_and_names_the_clause(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    token = ana.form_token(PAGE)
    world.sandbox.end_access.revoke(
        world.person("olga"), grant.application, reason="Photographed.", block_days=9
    )
    refused = ana.post(f"{PAGE}/open", data={"form_token": token})
    assert refused.status_code == 403
    assert "Decided by" in text_of(refused.text)
    assert world.hub.asked == []
    page = ana.get(PAGE).text
    assert "not in force" in text_of(page)
    assert f"{PAGE}/open" not in page


def test_a_piece_has_no_form_and_is_given_to_our_own_script_only(world: World, grant: Grant) -> None:
    ana = world.browser("ana")
    world.hub.states["ana", "grant-1"] = NotebookState.STARTING
    assert "form_token" not in _piece(ana).text
    stranger = ana.request("GET", f"/piece{PAGE}", headers={**HTMX, "Sec-Fetch-Site": "same-site"})
    assert stranger.status_code == 401
    page = ana.request("GET", PAGE, headers=HTMX)  # a page is no piece: a script is nobody there
    assert "form_token" not in page.text


def test_a_hub_that_is_away_says_so(world: World, grant: Grant) -> None:
    def away(token: str, grant: Grant) -> None:
        from sandbox.domain.errors import OperatorError

        raise OperatorError("The hub does not answer.", fix="Try again in a minute.")

    world.hub.look = away  # type: ignore[assignment, method-assign]
    answer = world.browser("ana").get(PAGE)
    assert answer.status_code == 503
    assert "The hub does not answer." in text_of(answer.text)
