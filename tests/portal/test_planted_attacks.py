"""A planted request looks like any other until it is decided, and never leaves by any door."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotAllowed, SandboxError, Tampered
from sandbox.domain.people import Person, Role
from sandbox.domain.planted import Flaw, Outcome, Planted, commitment
from sandbox.domain.release import Decision, Release, Status
from tests.portal import example_world
from tests.portal.example_world import World, found_world, open_world
from tests.portal.markup import dangers, without_nonce

A, R, X = Decision
WORDS = "The second number of the table is about three people only."
PLACE = "row 3, column n"
DOUBLE = {"rosa": {Role.REVIEWER, Role.ADMINISTRATOR}, "uma": {Role.REVIEWER, Role.ADMINISTRATOR}}
PAGES = (
    "/",
    "/datasets/loans",
    "/decisions",
    "/grants",
    "/health",
    "/log",
    "/log?action=review",
    "/log/mine",
    "/notices",
    "/owner",
    "/people",
    "/planted",
    "/projects",
    "/releases",
    "/releases/1",
    "/review",
    "/review?mine=voted",
    "/transparency",
)
DOCUMENTS = (
    "/datasets/loans",
    "/log?limit=200",
    "/log/mine",
    "/log/mine.jsonl",
    "/notices",
    "/releases",
    "/releases/1",
    "/releases/1/crate",
    "/releases/queue",
    "/releases/turnaround",
    "/review/planted",
    "/review/planted/1/word",
    "/transparency",
    "/transparency.csv",
)
LOGS = (
    "/log",
    "/log?action=review",
    "program /log?limit=200",
    "program /log/mine",
    "program /log/mine.jsonl",
)
OF_THE_SENDER = ("/planted", "program /review/planted")


@pytest.fixture(scope="session")
def planting_founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("planting") / "world"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example_world, "PEOPLE", example_world.PEOPLE | DOUBLE)
        patch.setattr(example_world, "SITE", example_world.SITE + "review: {planted: allowed}\n")
        found_world(home)
    return home


@pytest.fixture
def opened(planting_founded: Path, app: FastAPI, tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """Makes worlds that are alike to the last byte."""
    worlds: list[World] = []

    def open_one(name: str) -> World:
        home = tmp_path / name
        shutil.copytree(planting_founded, home)
        worlds.append(open_world(home, app=app))
        return worlds[-1]

    yield open_one
    for world in worlds:
        world.close()


@pytest.fixture
def planting(opened: Callable[[str], World]) -> World:
    return opened("planting")


def sent(world: World) -> Release:
    return world.submitted(world.granted())


def plant(world: World, release: Release, *, by: str = "alma", word: str | None = None) -> Planted:
    right = world.sandbox.plant_output.word(world.person("ana"), release.id)
    return world.sandbox.plant_output.plant(
        world.person(by),
        release.id,
        word=right if word is None else word,
        flaw=Flaw.SMALL_COUNT,
        file="by_sex.csv",
        place=PLACE,
        words=WORDS,
    )


def everything(world: World, who: str) -> dict[str, str]:
    """All that this person can read, but for moments and what is new on every page."""
    door, program = world.browser(who), world.program(who)
    answers = {path: door.get(path) for path in PAGES}
    answers |= {f"program {path}": program.get(path) for path in DOCUMENTS}
    assert all(answer.status_code < 500 for answer in answers.values())
    found = {path: f"{answer.status_code} {without_nonce(answer.text)}" for path, answer in answers.items()}
    return {path: _timeless(text) for path, text in found.items()}


def _timeless(text: str) -> str:
    text = re.sub(r"2025-03-10T[0-9:.+Z]+", "now", text)
    return re.sub(r"10 Mar(?:ch)? 2025, \d\d:\d\d(?::\d\d)?", "now", text)


def differing(one: dict[str, str], other: dict[str, str], *, but: tuple[str, ...] = ()) -> set[str]:
    return {path for path in one if one[path] != other[path] and path not in but}


OTHERS = ("", "rita", "rosa", "uma", "ben", "olga")


@pytest.mark.parametrize("who", [*OTHERS, "ana", "august"])
def test_nobody_who_may_not_know_can_tell_before_the_decision(
    opened: Callable[[str], World], app: FastAPI, who: str
) -> None:
    """Beside a world in which a reviewer wrote a comment at that moment: then the log is as long."""
    but = OF_THE_SENDER if who == "ana" else LOGS if who == "august" else ()
    readings = []
    for name in ("planted", "ordinary"):
        world = opened(name)
        release = sent(world)
        if name == "planted":
            plant(world, release)
        else:
            world.sandbox.comment_on_output.write(world.person("ravi"), release.id, text="A comment.")
        first = everything(world, who)
        world.voted(release, ("ravi", A, ""))
        readings.append((first, everything(world, who)))
        assert not any(WORDS in text for part in readings[-1] for p, text in part.items() if p not in but)
    (first, second), (first_other, second_other) = readings
    assert differing(first, first_other, but=but) == set()
    assert differing(second, second_other, but=but) == set()
    assert first["/releases/1"] != second["/releases/1"] or who not in ("rita", "rosa")  # the vote is seen


@pytest.mark.parametrize("who", ["rita", "rosa", "ana"])
@pytest.mark.parametrize("last", [A, X])
def test_after_the_decision_the_same_reading_finds_it(planting: World, who: str, last: Decision) -> None:
    """The control of the one above."""
    release = sent(planting)
    plant(planting, release)
    planting.voted(release, ("ravi", last, "It cannot leave."))
    before = everything(planting, who)
    planting.voted(release, ("rosa", last, "It cannot leave."))
    after = everything(planting, who)
    for path in ("/releases/1", "program /releases/1"):
        assert WORDS not in before[path] or who == "ana"
        assert WORDS in after[path]
        assert PLACE in after[path]
    assert "Request 1 from Loan applications was planted" in after["/notices"]
    seen = planting.program(who).get("/releases/1").json()
    assert (seen["status"], seen["planted"]["outcome"]) == ("planted", "missed" if last is A else "found")
    words = "This was planted."
    assert words in after["/releases/1"]
    assert dangers(planting.browser(who).get("/releases/1").text) == []
    if who == "rita":
        assert ("well done" in after["/releases/1"]) == (last is X)
        assert ("It was missed" in after["/releases/1"]) == (last is A)


def test_an_administrator_who_reviews_neither_plants_nor_learns(planting: World) -> None:
    release = sent(planting)
    word = planting.sandbox.plant_output.word(planting.person("ana"), release.id)
    body = {"release": release.id, "word": word, "flaw": "other", "words": WORDS}
    refused = planting.program("rosa").post("/review/planted", json=body)
    assert refused.status_code == 403
    assert refused.json()["error"]["clause"] == "planter is no reviewer"
    # The same words whether or not it is planted, and whatever the word.
    assert planting.program("alma").post("/review/planted", json=body).status_code == 201
    assert planting.program("rosa").post("/review/planted", json=body).json() == refused.json()
    for name in ("rosa", "uma"):  # uma reviews nothing here, and could any day
        assert "review.planted" not in planting.program(name).get("/log?limit=200").text
        for path in ("/log", "/log?action=review.planted", "/log?actor=alma"):
            assert "review.planted</" not in planting.browser(name).get(path).text
        assert planting.program(name).get("/review/planted").json()["planted"] == []
    entries = planting.program("alma").get("/log?limit=200").json()["entries"]  # the control
    (told,) = [e for e in entries if e["action"] == "review.planted"]
    assert (told["object"], set(told["facts"])) == ("review", {"commitment"})
    for name in ("rosa", "uma"):
        assert planting.program(name).get(f"/log/entries/{told['seq']}").status_code == 404


def test_who_reviews_can_see_the_entry_once_it_is_decided(planting: World) -> None:
    release = sent(planting)
    plant(planting, release)
    planting.voted(release, ("ravi", X, "It cannot leave."), ("rita", X, "It cannot leave."))
    assert "review.planted" in planting.program("uma").get("/log?limit=200").text


@pytest.mark.parametrize("who", ["ana", "ben", "olga", "rita", "august"])
def test_nobody_else_plants(planting: World, who: str) -> None:
    release = sent(planting)
    word = planting.sandbox.plant_output.word(planting.person("ana"), release.id)
    body = {"release": release.id, "word": word, "flaw": "other", "words": WORDS}
    assert planting.program(who).post("/review/planted", json=body).status_code == 403
    assert planting.browser(who).send("/planted", **{**body, "release": "1"}).status_code == 403
    assert planting.sandbox.store.planted_outputs.all() == ()
    assert planting.program("alma").post("/review/planted", json=body).status_code == 201  # the control


def test_an_honest_request_cannot_be_planted_without_its_sender(planting: World) -> None:
    release, other = sent(planting), planting.submitted(planting.granted("ben", project="Other"))
    theirs = planting.sandbox.plant_output.word(planting.person("ben"), other.id)
    for word in ("", "aaaa-aaaa-aaaa-aaaa", theirs):
        with pytest.raises(NotAllowed) as refused:
            plant(planting, release, word=word)
        assert refused.value.clause == "the sender agrees"
    for who in ("rita", "alma", "ben", "olga"):
        assert planting.program(who).get(f"/review/planted/{release.id}/word").status_code == 404
    plant(planting, release)  # the control


def test_a_notebooks_token_learns_no_word(planting: World) -> None:
    grant = planting.granted()
    planting.submitted(grant)
    program = planting.program(token=f"notebook-{grant.id}-of-ana")
    assert program.get("/review/planted/1/word").status_code == 403
    assert planting.program("ana").get("/review/planted/1/word").status_code == 200


def test_nothing_is_planted_where_the_policy_does_not_say_so(world: World) -> None:
    release = sent(world)
    body = {"release": release.id, "word": "x", "flaw": "other", "words": WORDS}
    refused = world.program("alma").post("/review/planted", json=body)
    assert (refused.status_code, refused.json()["error"]["clause"]) == (403, "review.planted")
    assert world.program("ana").get(f"/review/planted/{release.id}/word").status_code == 403
    assert "planted" not in world.browser("rita").get("/review").text
    assert ">Planted outputs</a>" not in world.browser("alma").get("/people").text


def test_reviewers_are_told_that_it_may_happen(planting: World) -> None:
    assert "may have been planted" in planting.browser("rita").get("/review").text


def test_planted_after_a_vote_is_refused(planting: World) -> None:
    release = sent(planting)
    word = planting.sandbox.plant_output.word(planting.person("ana"), release.id)
    planting.voted(release, ("rita", A, ""))
    # Its sender learns nothing of the vote from the word.
    assert planting.sandbox.plant_output.word(planting.person("ana"), release.id) == word
    with pytest.raises(Conflict, match="Somebody has voted"):
        plant(planting, release, word=word)
    again = planting.submitted(planting.granted("ben", project="Other"))
    for decided in (planting.voted(again, ("rita", R, "Which year?"), ("ravi", R, "Which year?")),):
        assert decided.status is Status.RETURNED
    with pytest.raises(Conflict):
        planting.sandbox.plant_output.word(planting.person("ben"), again.id)
    assert planting.sandbox.store.planted_outputs.all() == ()


def test_a_missed_one_is_taken_out_by_no_door(planting: World) -> None:
    grant = planting.granted()
    control = planting.voted(planting.submitted(grant), ("rita", A, ""), ("ravi", A, ""))
    assert control.status is Status.RELEASED
    release = planting.submitted(grant)
    plant(planting, release)
    missed = planting.voted(release, ("rita", A, ""), ("ravi", A, ""))
    assert (missed.status, missed.crate_sha256) == (Status.PLANTED, "")
    box = planting.sandbox
    for who in ("ana", "olga"):
        taken = planting.program(who).get(f"/releases/{release.id}/crate")
        assert taken.status_code == 403
        assert planting.program(who).get(f"/releases/{control.id}/crate").status_code == 200  # the control
    assert "download" not in planting.program("ana").get(f"/releases/{release.id}").json()["allowed_actions"]
    page = planting.browser("ana").get(f"/releases/{release.id}").text
    assert f"/releases/{release.id}/crate" not in page
    assert "what it holds stays here" in page
    with pytest.raises(NotAllowed):
        box.see_release.preview(planting.person("ana"), release.id, "by_sex.csv")
    assert box.see_release.preview(planting.person("ana"), control.id, "by_sex.csv").rebuilt
    for begun in (missed, replace(missed, status=Status.APPROVED)):
        with pytest.raises(NotAllowed, match="never leaves"):
            box.review_release.let_out(begun)
    assert box.review_release.finish_approved() == ()
    with pytest.raises(SandboxError):
        box.hold_releases.recall(planting.person("olga"), release.id, reason="A reason.")
    for verb in ("withdraw", "resubmit"):
        assert verb not in planting.program("ana").get(f"/releases/{release.id}").json()["allowed_actions"]
    # Nothing stands in its place, nothing that left shares its files, and no certificate names it.
    with pytest.raises(SandboxError, match="planted"):
        box.review_release.submit(
            planting.person("ana"),
            grant,
            files=[("t.csv", b"sex,n\nfemale,92\nmale,112\n")],
            context="Stands in the place of another.",
            sql={},
            supersedes=release.id,
        )
    assert box.store.releases.sharing_files(control) == ()  # the very same files, but they did not leave
    box.end_access.report(
        planting.person("ana"), grant.application, usefulness=4, text="We learnt how many there are."
    )
    box.end_access.close(planting.person("ana"), grant.application)
    certificate = planting.program("ana").get(f"/applications/{grant.application}/certificate").json()
    assert f'"release": {control.id}' in str(certificate).replace("'", '"')
    assert f'"release": {release.id}' not in str(certificate).replace("'", '"')


def test_whoever_forges_the_database_lets_nothing_planted_out(planting: World) -> None:
    release = sent(planting)
    plant(planting, release)
    file = planting.home / "state" / "state.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM planted_outputs")
    # The reviewers approve what looks like any other request now; the last step counts what was planted.
    with pytest.raises(Conflict, match="planted output"):
        planting.voted(release, ("rita", A, ""), ("ravi", A, ""))
    now = planting.sandbox.store.releases.get(release.id)
    assert now is not None
    assert (now.status, now.crate_sha256) == (Status.APPROVED, "")
    with pytest.raises(Tampered, match="its row is gone"):
        planting.sandbox.verify_books(AUDITOR)


AUDITOR = Person("august", frozenset({Role.AUDITOR}))


def test_the_commitment_holds_from_before_the_first_vote(planting: World) -> None:
    release = sent(planting)
    made = plant(planting, release)
    assert planting.sandbox.verify_books(AUDITOR).planted == 1
    planting.voted(release, ("rita", A, ""), ("ravi", A, ""))
    assert planting.sandbox.verify_books(AUDITOR).planted == 1
    log = planting.sandbox.store.log.entries(limit=1000)
    (told,) = [e for e in log if e.event.action == "release.unveiled"]
    (before,) = [e for e in log if e.event.action == "review.planted"]
    voted = [e.seq for e in log if e.event.action == "release.voted"]
    facts = told.event.facts
    assert commitment(str(facts["statement"]), str(facts["salt"])) == before.event.facts["commitment"]
    assert before.seq == facts["entry"] == made.entry < min(voted)
    assert (facts["outcome"], facts["decision"]) == ("missed", "approve")
    assert (before.event.object, set(before.event.facts)) == ("review", {"commitment"})


FORGERIES = {
    "another flaw": "UPDATE planted_outputs SET statement = REPLACE(statement, 'small_count', 'dominance')",
    "another salt": "UPDATE planted_outputs SET salt = REPLACE(salt, substr(salt, 1, 2), 'zz')",
    "another planter": "UPDATE planted_outputs SET planted_by = 'uma'",
    "found, not missed": "UPDATE planted_outputs SET outcome = 'found'",
    "decided otherwise": "UPDATE planted_outputs SET decision = 'reject'",
    "not counted": "UPDATE planted_outputs SET outcome = 'not_counted'",
    "taken back": "DELETE FROM planted_outputs",
    "another request": "UPDATE planted_outputs SET release_id = 2",
    "another entry": "UPDATE planted_outputs SET entry = entry - 1",
}


def test_whatever_is_changed_of_it_afterwards_is_found(planting: World) -> None:
    release = sent(planting)
    planting.submitted(planting.granted("ben", project="Other"))
    plant(planting, release)
    planting.voted(release, ("rita", A, ""), ("ravi", A, ""))
    file = planting.home / "state" / "state.db"
    found = set()
    with closing(sqlite3.connect(file)) as database, closing(sqlite3.connect(":memory:")) as kept:
        database.backup(kept)
        for forgery, change in FORGERIES.items():
            with database:
                assert database.execute(change).rowcount == 1, forgery
            try:
                planting.sandbox.verify_books(AUDITOR)
            except Tampered:
                found.add(forgery)
            kept.backup(database)
            planting.sandbox.verify_books(AUDITOR)  # the control: put back, it holds
    assert found == set(FORGERIES)


def test_nobody_says_it_after_the_fact_with_a_key_to_the_database(planting: World) -> None:
    """A statement that is put on log and database after a vote does not hold, though hash and chain do."""
    release = sent(planting)
    made = plant(planting, release)
    other = planting.submitted(planting.granted("ben", project="Other"))
    planting.voted(other, ("rita", X, "No, never."))
    late = made.statement.replace('"release":1', '"release":2').replace('"sender":"ana"', '"sender":"ben"')
    hashed = commitment(late, made.salt)
    event = Event("alma", "review.planted", "review", {"commitment": hashed})
    store = planting.sandbox.store
    store.planted_outputs.add(replace(made, release=other.id, statement=late, commitment=hashed), event=event)
    with pytest.raises(Tampered, match="somebody had voted"):
        planting.sandbox.verify_books(AUDITOR)


def test_its_sender_learns_from_the_checks_what_an_ordinary_request_tells(
    opened: Callable[[str], World],
) -> None:
    seen = []
    for name in ("planted", "ordinary"):
        world = opened(name)
        release = sent(world)
        if name == "planted":
            plant(world, release)
        world.voted(release, ("rita", X, "Too few people."), ("ravi", X, "Too few people."))
        document = world.program("ana").get("/releases/1").json()
        seen.append({key: document[key] for key in ("findings", "comments", "votes_in", "early_votes")})
        assert {vote["reviewer"] for vote in document["votes"]} == {"reviewer 1", "reviewer 2"}
    assert seen[0] == seen[1]


@pytest.mark.parametrize("text", ["<script>alert(1)</script> twice", '"><img src=x onerror=alert(1)>'])
def test_nothing_that_is_written_of_a_flaw_becomes_part_of_a_page(planting: World, text: str) -> None:
    release = sent(planting)
    word = planting.sandbox.plant_output.word(planting.person("ana"), release.id)
    planting.sandbox.plant_output.plant(
        planting.person("alma"),
        release.id,
        word=word,
        flaw=Flaw.OTHER,
        file="",
        place=text,
        words=text,
    )
    planting.voted(release, ("rita", X, "No, never."), ("ravi", X, "No, never."))
    for who, path in (
        ("rita", "/releases/1"),
        ("ana", "/releases/1"),
        ("alma", "/planted"),
        ("ana", "/planted"),
    ):
        html = planting.browser(who).get(path).text
        assert dangers(html) == []
        assert text not in html


def test_a_form_of_another_site_plants_nothing(planting: World) -> None:
    release = sent(planting)
    word = planting.sandbox.plant_output.word(planting.person("ana"), release.id)
    fields = {"release": "1", "word": word, "flaw": "other", "words": WORDS}
    door = planting.browser("alma")
    for token in ({}, {"form_token": "0" * 64}, {"form_token": planting.browser("ben").form_token()}):
        assert door.post("/planted", data={**fields, **token}).status_code == 403
    assert planting.sandbox.store.planted_outputs.all() == ()
    assert door.send("/planted", **fields).status_code == 303  # the control
    assert release.id == planting.sandbox.store.planted_outputs.all()[0].release
    assert planting.sandbox.store.planted_outputs.all()[0].outcome is not Outcome.FOUND


def test_nothing_is_planted_where_an_administrator_alone_reviews(planting: World) -> None:
    """Nobody but rosa may vote or comment: an entry that the log hides from her could only be a planted output."""
    file = planting.home / "policies" / "datasets" / "loans.yaml"
    alone = file.read_text().replace("reviewers: 2, pool: [rita, ravi, rosa]", "reviewers: 1, pool: [rosa]")
    file.write_text(alone)
    box = planting.sandbox
    proposal = box.change_policy.apply(planting.person("alma"), file, reason="Fewer people here.").proposal
    assert proposal is not None
    box.change_policy.approve(planting.person("olga"), proposal.id)
    release = sent(planting)

    with pytest.raises(NotAllowed, match="Only rosa may vote on it"):
        plant(planting, release)
    log = planting.program("rosa").get("/log?limit=300").json()
    assert log["total"] == len(log["entries"])


def test_reviewers_read_that_it_may_be_planted_while_one_waits(planting: World) -> None:
    """Allowed, planted, forbidden again (which tightens: one person does it): nobody is told any more."""
    plant(planting, sent(planting))
    assert "may have been planted" in planting.browser("rita").get("/review").text
    site = planting.home / "policies" / "site.yaml"
    site.write_text(site.read_text().replace("review: {planted: allowed}", "review: {planted: none}"))
    box = planting.sandbox
    applied = box.change_policy.apply(planting.person("alma"), site, reason="Enough was measured.")
    assert applied.proposal is None  # no second person
    later = open_world(planting.home, app=planting.app)
    assert later.sandbox.store.planted_outputs.all()[0].outcome is None
    assert "may have been planted" in later.browser("rita").get("/review").text
