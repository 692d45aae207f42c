"""A session that ended while somebody wrote: nothing is lost, and nobody else's words stand on our page."""

from __future__ import annotations

import pytest

from tests.portal.example_world import World
from tests.portal.markup import dangers, text_of

WRITTEN = "To see whether women and men get loans on equal terms."
OURS = {"sec-fetch-site": "same-origin"}
FROM = {"referer": "http://127.0.0.1:8000/services/portal/datasets/loans/apply?renews=1"}


def test_what_was_written_is_shown_when_the_session_is_over(world: World) -> None:
    sent = {"purpose": WRITTEN, "project": "Fair credit", "form_token": "0" * 64}
    answer = world.browser().post("/datasets/loans/apply", data=sent, headers={**OURS, **FROM})
    assert answer.status_code == 401
    words = text_of(answer.text)
    for told in ("What you had written", WRITTEN, "Fair credit"):
        assert told in words
    assert sent["form_token"] not in answer.text
    assert (
        'href="/services/portal/login?next=/services/portal/datasets/loans/apply%3Frenews%3D1"' in answer.text
    )


def test_so_it_is_when_the_page_was_too_old(world: World) -> None:
    answer = world.browser("ana").post(
        "/datasets/loans/apply", data={"purpose": WRITTEN, "form_token": "1" * 64}, headers={**OURS, **FROM}
    )
    assert answer.status_code == 403
    assert WRITTEN in answer.text
    assert 'href="/services/portal/datasets/loans/apply?renews=1">Back to the page before' in answer.text
    assert world.sandbox.store.access.applications() == ()


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
def test_another_site_cannot_put_its_words_on_our_page(world: World, site: str) -> None:
    words = "Your account is closed. Call 555-0100 now."
    headers = {"sec-fetch-site": site} if site else {}
    answer = world.browser("ana").post("/datasets/loans/apply", data={"purpose": words}, headers=headers)
    assert answer.status_code == 403
    assert "555-0100" not in answer.text


def test_what_is_secret_is_not_shown_again(world: World) -> None:
    secrets = {
        "password": "the password of ana",
        "new": "a new long password",
        "unit": "applicant 4711 of us",
    }
    secrets |= {"word": "a tracking word of mine", "again": "a new long password", "code": "1234567890"}
    answer = world.browser().post("/object/status", data={**secrets, "text": WRITTEN}, headers=OURS)
    assert answer.status_code == 403
    assert WRITTEN in answer.text  # the control
    for name, value in secrets.items():
        assert value not in answer.text, name


def test_nothing_that_was_written_runs(world: World) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    answer = world.browser().post("/datasets/loans/apply", data={"purpose": hostile}, headers=OURS)
    assert "What you had written" in answer.text
    assert dangers(answer.text) == []


@pytest.mark.parametrize(
    "referer",
    [
        "https://elsewhere.example/services/portal/x",
        "http://127.0.0.1:8000/hub/home",
        "javascript:alert(1)",
        "",
    ],
)
def test_only_a_page_of_ours_is_led_back_to(world: World, referer: str) -> None:
    answer = world.browser("ana").post("/datasets/loans/apply", data={}, headers={**OURS, "referer": referer})
    assert "Back to the page before" not in answer.text
    assert dangers(answer.text) == []


def test_signing_in_keeps_the_whole_address(world: World) -> None:
    answer = world.browser().get("/datasets/loans/apply?renews=1")
    assert answer.headers["location"] == (
        "/services/portal/login?next=/services/portal/datasets/loans/apply%3Frenews%3D1"
    )
