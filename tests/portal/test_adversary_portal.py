"""Attacks on what pages and programs are told: guessing against hashes, other owners' drafts, split votes, huge numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.audit import Event, entry_hash
from sandbox.domain.people import Role
from sandbox.domain.release import Decision
from sandbox.flows.views import LogPage
from sandbox.portal import documents
from tests.portal import example_world
from tests.portal.example_world import TAXES, World, found_world, open_world
from tests.portal.markup import text_of

HUGE = 10**23  # no database holds it
SECRET = (
    TAXES.replace("tax_files", "secret_set").replace("title: Tax files", "title: A very secret title")
    + "listed: false\n"
)


@pytest.fixture
def combined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Where a researcher and a reviewer look after the machine as well."""
    roles = {"ana": {Role.RESEARCHER, Role.ADMINISTRATOR}, "rosa": {Role.REVIEWER, Role.ADMINISTRATOR}}
    monkeypatch.setattr(example_world, "PEOPLE", example_world.PEOPLE | roles)
    home = tmp_path / "combined"
    home.mkdir()
    found_world(home)
    world = open_world(home)
    yield world
    world.close()


def guessed(entries: list[dict[str, Any]]) -> set[str]:
    """Who voted, tried name by name against the hashes of the chain."""
    by_seq = {entry["seq"]: entry for entry in entries}
    return {
        name
        for seq, entry in by_seq.items()
        if entry["action"] == "release.voted" and seq - 1 in by_seq
        for name in ("rita", "ravi", "rosa")
        if entry_hash(
            seq,
            entry["at"],
            Event(name, entry["action"], entry["object"], entry["facts"]),
            by_seq[seq - 1]["hash"],
        )
        == entry["hash"]
    }


def test_nobody_who_may_not_know_finds_a_reviewers_name_by_hashes(combined: World) -> None:
    combined.voted(combined.submitted(combined.granted()), ("ravi", Decision.APPROVE, ""))

    def log(name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = combined.program(name).get("/log?limit=200").json()["entries"]
        return found

    stored = documents.log(LogPage(entries=tuple(combined.sandbox.store.log.newest(limit=200)), total=0))
    assert guessed(stored["entries"]) == {"ravi"}  # the control: with all hashes, guessing finds it
    assert guessed(log("ana")) == guessed(log("rosa")) == guessed(log("august")) == set()
    assert "release.voted" not in {entry["action"] for entry in log("rosa")}  # she may still vote herself


def test_the_public_report_tells_no_hash_that_moves_with_a_vote(world: World) -> None:
    release = world.submitted(world.granted())
    world.sandbox.store.log_tree.keep_head()
    program = world.program()
    before = program.get("/transparency").json()["log_head"]
    world.voted(release, ("ravi", Decision.APPROVE, ""))
    assert program.get("/transparency").json()["log_head"] == before
    for shown in (program.get("/transparency").text, world.browser().get("/transparency").text):
        assert world.sandbox.store.log.head().hash not in shown


def test_a_draft_with_anothers_name_tells_nothing_of_what_is_published(world: World) -> None:
    world.publish("secret_set", SECRET, {})

    def seen(name: str, owner: str) -> str:
        browser = world.browser(owner)
        begun = browser.send("/publish", name=name, title="Mine", open_class="closed")
        draft = re.search(r"/publish/([^?/]+)", begun.headers["location"])
        assert draft is not None
        page = browser.get(f"/publish/{draft[1]}?step=about").text
        mark = re.search(r'name="mark" value="([^"]*)"', page)
        assert mark is not None
        text = SECRET.replace("A very secret title", "Another title").replace(
            "owner: olga", f"owner: {owner}"
        )
        browser.send(f"/publish/{draft[1]}", step="about", to="check", text=text, mark=mark[1])
        return browser.get(f"/publish/{draft[1]}?step=check").text

    theirs = seen("mine_x", "oscar")
    assert "This draft is about mine_x" in text_of(theirs)
    assert "A very secret title" not in theirs
    # The control: its own owner sees what would change.
    own = world.sandbox.prepare_dataset.change(world.person("olga"), "secret_set")
    text = own.text.replace("A very secret title", "Another title")
    checked = world.sandbox.prepare_dataset.check(world.person("olga"), own, text)
    assert checked.comparison is not None


@pytest.mark.parametrize("name", ["ana", "rita", "ravi", "rosa"])
def test_a_split_request_that_is_taken_back_shows_no_vote_of_others(world: World, name: str) -> None:
    release = world.submitted(world.granted())
    world.voted(
        release, ("rita", Decision.APPROVE, "fine by me"), ("ravi", Decision.RETURN, "it needs rounding")
    )
    ana = world.program("ana")
    told = ana.get(f"/releases/{release.id}").json()
    assert (told["votes_in"], told["votes_needed"]) == (1, 2)  # not that they split
    assert world.program("rosa").get(f"/releases/{release.id}").json()["votes_needed"] == 3  # who decides it
    assert ana.post(f"/releases/{release.id}/withdraw", json={"version": told["version"]}).status_code == 200
    seen = world.program(name).get(f"/releases/{release.id}").json()
    assert {vote["reviewer"] for vote in seen["votes"]} <= {name}
    for other, comment in (("rita", "fine by me"), ("ravi", "it needs rounding")):
        assert other == name or comment not in str(seen["votes"])


@pytest.mark.parametrize(
    "path",
    [
        f"/demands/{HUGE}",
        f"/releases/{HUGE}",
        f"/applications/{HUGE}",
        f"/notices?offset={HUGE}",
        f"/log/mine?before={HUGE}",
    ],
)
def test_a_number_that_nothing_holds_is_refused_in_words(world: World, path: str) -> None:
    answer = world.program("ana").get(path)
    assert answer.status_code in (404, 422), answer.text
    assert answer.json()["error"]["message"]


def test_pages_beyond_all_numbers_are_refused_in_words(world: World) -> None:
    for name, path in (
        ("olga", "/objections"),
        ("olga", "/decisions"),
        ("rita", "/review"),
        ("ana", "/releases"),
    ):
        assert world.browser(name).get(f"{path}?page={HUGE}").status_code in (200, 422)
