"""Looking through the log: filters, pages, entries with proofs, files; and who sees what of it."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from functools import partial

import pytest

from sandbox.domain.audit import Event
from sandbox.domain.people import Role
from sandbox.domain.release import Decision
from sandbox.domain.tree_head import entry_proof_from, head_from
from sandbox.store import Sought, verify_signature
from tests.portal.example_world import World
from tests.portal.markup import text_of


def _noted(world: World, count: int, actor: str = "system:test") -> None:
    for number in range(count):
        world.sandbox.store.log.record(Event(actor, "test.noted", f"thing:{number}"))


def _rows(page: str) -> str:
    return page[page.index("<tbody>") : page.index("</tbody>")]


def _reviewed(world: World) -> int:
    """A request of ana's with two votes, hers to know of, not by whom."""
    release = world.submitted(world.granted())
    world.voted(release, ("rita", Decision.APPROVE, ""), ("rosa", Decision.APPROVE, ""))
    return release.id


def _audits(world: World, name: str) -> None:
    roles = {*world.person(name).roles, Role.AUDITOR}
    world.sandbox.store.people.set_roles(
        name, roles, event=Event("alma", "person.roles_set", f"person:{name}")
    )


def test_the_log_is_filtered_by_who_what_object_and_days(world: World) -> None:
    world.granted()
    august = world.browser("august")
    by_olga = _rows(august.get("/log?actor=olga").text)
    assert "application.approved" in by_olga
    assert "agreement.signed" not in by_olga
    about = _rows(august.get("/log?object=dataset:loans&action=dataset").text)
    assert "dataset.published" in about
    assert "dataset:inspections" not in about
    today = world.sandbox.store.now().date()
    assert "dataset.published" in _rows(august.get(f"/log?since={today}&until={today}&action=dataset").text)
    for empty in (f"until={today - timedelta(days=1)}", f"since={today + timedelta(days=1)}", "actor=%25"):
        assert "Nothing here." in _rows(august.get(f"/log?{empty}").text)
    refused = august.get("/log?since=soon")
    assert refused.status_code == 422
    assert "is not a day" in text_of(refused.text)


def test_pages_stay_where_they_are_while_the_log_grows(world: World) -> None:
    _noted(world, 60)
    look, august = world.sandbox.explore_log, world.person("august")
    first = look.page(august)
    _noted(world, 10)
    second = look.page(august, before=first.older)
    assert [e.entry.seq for e in first.entries + second.entries][:60] == list(
        range(first.entries[0].entry.seq, first.entries[0].entry.seq - 60, -1)
    )
    assert look.page(august, after=second.newer).entries == first.entries  # back again: the same page
    for odd in ("before=-5", "before=99999999999999999999999", "after=99999999999999999999999", "after=-1"):
        assert world.browser("august").get(f"/log?{odd}").status_code == 200


def test_an_entry_has_its_page_its_neighbours_and_its_proof(world: World) -> None:
    world.sandbox.store.log_tree.keep_head()
    august = world.browser("august")
    page = august.get("/log/3").text
    assert "/log/2" in page
    assert "/log/4" in page
    assert "proved" in page
    proof = august.get("/log/3/proof").json()
    verify = partial(verify_signature, world.sandbox.store.signer.public_pem)
    entry_proof_from(proof).check(head_from(proof["head"]), verify)
    _noted(world, 1)
    newest = world.sandbox.store.log.head().seq
    assert "younger than the newest kept head" in august.get(f"/log/{newest}").text
    for seq in (0, -1, 10**9, 10**30):
        assert august.get(f"/log/{seq}").status_code == 404


def test_what_is_filtered_leaves_as_json_lines_and_as_csv(world: World) -> None:
    world.sandbox.store.log.record(Event("=cmd()", "test.noted", "thing:1", {"said": '"quoted", €'}))
    august = world.browser("august")
    lines = [json.loads(line) for line in august.get("/log/all.jsonl?action=test").text.splitlines()]
    assert [(line["actor"], line["facts"]) for line in lines] == [("=cmd()", {"said": '"quoted", €'})]
    table = list(csv.DictReader(io.StringIO(august.get("/log/all.csv?action=test").text)))
    assert table[0]["actor"] == "'=cmd()"  # no formula
    assert json.loads(table[0]["facts"]) == {"said": '"quoted", €'}
    everything = august.get("/log/all.jsonl").text.splitlines()
    assert len(everything) == world.sandbox.store.log.head().seq
    assert august.get("/log/all.exe").status_code == 404


@pytest.mark.parametrize("name", ["ana", "olga", "rita"])
def test_the_whole_log_is_for_auditors(world: World, name: str) -> None:
    world.granted()
    browser = world.browser(name)
    for address in ("/log", "/log?actor=august", "/log/all.csv", "/log/all.jsonl"):
        assert browser.get(address).status_code == 403, address
    foreign = world.sandbox.explore_log.page(world.person("august"), Sought(object="person:august"))
    assert browser.get(f"/log/{foreign.entries[0].entry.seq}").status_code == 404
    assert browser.get(f"/log/{foreign.entries[0].entry.seq}/proof").status_code == 404
    assert world.browser("august").get(f"/log/{foreign.entries[0].entry.seq}").status_code == 200


def test_everybody_sees_what_the_log_has_about_them_and_no_more(world: World) -> None:
    world.granted()
    mine = world.browser("ana").get("/log/mine").text
    assert "agreement.signed" in mine
    assert "application.approved" in mine
    assert "person:ben" not in mine
    assert "Nothing here." in world.browser("ana").get("/log/mine?object=person:ben").text
    for line in world.browser("ana").get("/log/mine.jsonl").text.splitlines():
        assert "hash" not in json.loads(line)  # hashes let a reader guess what lies between
    august = world.browser("august").get("/log/mine").text  # an auditor's own, not all
    assert "agreement.signed" not in august


def test_an_auditor_never_learns_who_reviewed_their_own_request(world: World) -> None:
    number = _reviewed(world)
    august = world.browser("august")
    _audits(world, "ana")
    ana = world.browser("ana")
    voted = f"action=release.voted&object=release:{number}"
    assert "rita" in _rows(august.get(f"/log?{voted}").text)  # the control
    page = _rows(ana.get(f"/log?{voted}").text)
    assert "a reviewer" in page
    assert "rita" not in page
    # Nor by asking for what rita did, nor by where such a page ends.
    assert "release.voted" in _rows(august.get("/log?actor=rita&action=release.voted").text)
    assert "Nothing here." in _rows(ana.get("/log?actor=rita&action=release.voted").text)
    assert "rita" not in ana.get(f"/log/all.jsonl?{voted}").text
    assert "rita" not in ana.get(f"/log/all.csv?{voted}").text
    # Nor by hashes or a proof, which could be tried against each reviewer's name: later hashes go on from it.
    assert '"hash"' not in ana.get("/log/all.jsonl").text
    assert '"hash"' in august.get("/log/all.jsonl").text
    world.sandbox.store.log_tree.keep_head()
    entries = world.sandbox.explore_log.page(world.person("ana"), Sought(action="release.voted")).entries
    for seen in entries:
        assert seen.entry.hash not in ana.get(f"/log/{seen.entry.seq}").text
        assert seen.entry.hash in august.get(f"/log/{seen.entry.seq}").text
        assert ana.get(f"/log/{seen.entry.seq}/proof").status_code == 403
        assert august.get(f"/log/{seen.entry.seq}/proof").status_code == 200
    program = world.program("ana")
    assert "rita" not in program.get("/log/mine?action=release.voted").text
    exported = [json.loads(line) for line in program.get("/log/mine.jsonl").text.splitlines()]
    assert not [line for line in exported if line.get("action") == "release.voted"]


def test_the_log_says_when_it_was_verified_and_by_whom(world: World) -> None:
    august = world.browser("august")
    assert "never verified" in august.get("/log").text
    assert "The chain holds." in august.send("/log/verify").text
    (told,) = world.sandbox.store.log.newest(limit=1)
    assert (told.event.actor, told.event.action) == ("august", "log.verified")
    assert "never verified" not in august.get("/log").text
    _noted(world, 2)
    assert "verified, 2 entries since" in text_of(august.get("/log").text)


def test_a_log_that_was_cut_or_found_broken_shows_it_at_once(world: World) -> None:
    august = world.browser("august")
    august.send("/log/verify")
    with world.sandbox.store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_log SET actor = 'nobody' WHERE seq = 4")
    august.send("/log/verify")
    assert "broken" in text_of(august.get("/log").text)
    state = world.sandbox.verify_log.state(world.person("august"))
    assert not state.holds
    assert state.verified is not None
    assert state.verified.event.facts == {"place": "entry 4"}
    with world.sandbox.store.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_head SET seq = seq - 1")
    assert "not signed by us" in august.get("/log").text
