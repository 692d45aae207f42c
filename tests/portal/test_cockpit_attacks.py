"""Nothing tells a reviewer another's vote or comment before all are in; hostile words; forms that were not filled in here."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from fastapi import FastAPI

from sandbox.domain.release import Decision, Release
from tests.portal.example_world import World, open_world
from tests.portal.markup import dangers, without_nonce

A, R, X = Decision
SECRET = "Surely the mayor, and nobody else."
PATHS = (
    "/review",
    "/review?mine=voted",
    "/review?mine=waits",
    "/releases",
    "/releases/1",
    "/api/v1/releases/queue",
    "/api/v1/releases/turnaround",
    "/api/v1/releases/1",
    "/api/v1/releases",
    "/api/v1/log/mine",
    "/",
    "/projects",
    "/transparency",
    "/datasets/loans",
)


def everything(world: World, who: str) -> dict[str, str]:
    """All that this person can read that tells of requests, but for what is new on every page."""
    door = world.browser(who)
    found = {path: without_nonce(door.get(path).text) for path in PATHS}
    program = world.program(who)
    found |= {f"program {p}": program.get(p.removeprefix("/api/v1")).text for p in PATHS if "/api/" in p}
    found["/transparency"] = found["/transparency"].partition('<section aria-labelledby="log">')[
        0
    ]  # see ADR 44
    return {path: re.sub(r"2025-03-10T[0-9:.+]+", "now", text) for path, text in found.items()}


def comment(world: World, who: str, release: Release, text: str = SECRET) -> None:
    world.sandbox.comment_on_output.write(
        world.person(who), release.id, text=text, file="by_sex.csv", row=0, column="n"
    )


def reject(world: World, release: Release) -> None:
    world.voted(release, ("ravi", X, SECRET))


@pytest.mark.parametrize("who", ["rita", "rosa", "ana"])
def test_another_reviewers_comment_changes_nothing_that_anybody_reads(world: World, who: str) -> None:
    release = world.submitted(world.granted())
    comment(world, "rita", release, "What rita wrote herself.")
    before = everything(world, who)
    comment(world, "ravi", release)
    comment(world, "ravi", release, "And another one.")
    world.sandbox.comment_on_output.void(world.person("ravi"), release.id, 1, reason="I misread it.")
    assert everything(world, who) == before


@pytest.mark.parametrize("who", ["rita", "rosa", "ana"])
def test_which_way_another_voted_changes_nothing_that_anybody_reads(
    founded: Path, app: FastAPI, tmp_path: Path, who: str
) -> None:
    def seen(name: str, *vote: str | Decision) -> dict[str, str]:
        home = tmp_path / name
        shutil.copytree(founded, home)
        world = open_world(home, app=app)
        release = world.submitted(world.granted())
        world.voted(release, ("ravi", *vote))  # type: ignore[arg-type]
        found = everything(world, who)
        world.close()
        return found

    one, other = seen("one", X, SECRET), seen("other", A, "")
    assert not any(SECRET in text for text in one.values())
    assert one == other


def test_they_would_be_seen_without_the_rule(world: World) -> None:
    """The control: once all votes are in, the very same reading finds them."""
    release = world.submitted(world.granted())
    comment(world, "ravi", release)
    before = everything(world, "rita")
    assert not any(SECRET in text for text in before.values())
    world.voted(release, ("ravi", A, ""), ("rosa", A, ""))
    after = everything(world, "rita")
    assert SECRET in after["/releases/1"]
    assert SECRET in after["program /api/v1/releases/1"]


def test_taken_back_before_the_last_vote_it_shows_nobody_anothers(world: World) -> None:
    release = world.submitted(world.granted())
    comment(world, "ravi", release)
    reject(world, release)
    world.sandbox.review_release.withdraw(world.person("ana"), release.id)
    for who in ("rita", "rosa", "ana"):
        assert not any(SECRET in text for text in everything(world, who).values()), who


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</textarea></title><svg onload=a()>"],
)
def test_nothing_that_reviewers_write_becomes_part_of_a_page(world: World, text: str) -> None:
    release = world.submitted(world.granted())
    comment(world, "rita", release, text)
    world.voted(release, ("rita", R, text + " twenty"), ("ravi", R, text + " twenty"))
    for who in ("rita", "rosa", "ana"):
        html = world.browser(who).get(f"/releases/{release.id}").text
        assert dangers(html) == []
        assert text not in html
    assert dangers(world.browser("ana").get(f"/releases/{release.id}/resubmit").text) == []
    query = {"file": "by_sex.csv", "column": text, "row": 1}
    assert dangers(world.browser("rita").get(f"/releases/{release.id}", params=query).text) == []


FORMS = ("comments", "comments/1/void", "resubmit")


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_another_site_changes_nothing(world: World, form: str) -> None:
    release = world.submitted(world.granted())
    comment(world, "rita", release)
    if form == "resubmit":
        release = world.voted(release, ("rita", R, "Say which year."), ("ravi", R, "Say which year."))
    who = "ana" if form == "resubmit" else "rita"
    fields = {"text": "Planted words.", "reason": "Planted.", "version": str(release.version)}
    fields["context"] = "A context from another site."
    before = world.sandbox.store.log.head()
    door = world.browser(who)
    for token in ({}, {"form_token": "0" * 64}, {"form_token": world.browser("ben").form_token()}):
        answer = door.post(f"/releases/{release.id}/{form}", data={**fields, **token})
        assert answer.status_code == 403
    assert world.sandbox.store.log.head() == before
    taken = door.send(f"/releases/{release.id}/{form}", **fields)
    assert taken.status_code == 303  # the control: the same form, filled in here


@pytest.mark.parametrize("who", ["ana", "ben", "olga", "august", "alma"])
def test_others_cannot_comment_or_void(world: World, who: str) -> None:
    release = world.submitted(world.granted())
    comment(world, "rita", release)
    door, program = world.browser(who), world.program(who)
    for path, body in (("comments", {"text": "Planted."}), ("comments/1/void", {"reason": "Planted."})):
        assert door.send(f"/releases/{release.id}/{path}", **body).status_code in (403, 404)
        assert program.post(f"/releases/{release.id}/{path}", json=body).status_code in (403, 404)
    (kept,) = world.sandbox.store.review_comments.of(release.id)
    assert (kept.author, kept.voided) == ("rita", "")


def test_a_notebooks_token_writes_no_comment(world: World) -> None:
    grant = world.granted()
    world.submitted(grant)
    program = world.program(token=f"notebook-{grant.id}-of-ana")
    assert program.post("/releases/1/comments", json={"text": "Planted."}).status_code == 403
