"""The log, attacked by somebody who can write to the database. Every attack is named; the honest log passes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from sandbox.domain.audit import Event, Head, chained
from sandbox.domain.errors import BadInput, Tampered
from sandbox.store import Signer, Store
from tests.store.world import Clock, did, open_store

LAST = 6


@pytest.fixture
def logged(store: Store) -> Store:
    for number in range(1, LAST + 1):
        store.log.record(did("thing.done", f"thing:{number}", number=number, word="é", nothing=""))
    return store


def tamper(store: Store, *statements: str) -> None:
    with store.database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_honest_log_verifies(logged: Store) -> None:
    assert logged.log.verify() == LAST
    assert logged.log.verify(logged.signer.public_pem) == LAST


def test_an_empty_log_verifies(store: Store) -> None:
    assert store.log.verify() == 0


EDITS = {
    "at": "'2026-03-02T09:00:00.000001+00:00'",
    "actor": "'somebody'",
    "action": "'thing.undone'",
    "object": "'thing:4'",
    "facts": '\'{"number":4,"word":"é"}\'',
    "previous": f"'{'0' * 64}'",
    "hash": f"'{'0' * 64}'",
}


@pytest.mark.parametrize(("column", "value"), EDITS.items(), ids=EDITS)
@pytest.mark.parametrize("seq", [1, 3, LAST])
def test_every_edited_column_is_found_and_its_entry_named(
    logged: Store, column: str, value: str, seq: int
) -> None:
    tamper(logged, f"UPDATE audit_log SET {column} = {value} WHERE seq = {seq}")
    if seq == 1 and column == "previous":
        value = "'1'"  # the first entry's previous is all zeros
        tamper(logged, f"UPDATE audit_log SET {column} = {value} WHERE seq = {seq}")
    with pytest.raises(Tampered, match=rf"[Ee]ntry {seq}\b"):
        logged.log.verify()


ATTACKS = {
    "a space in the facts": ["UPDATE audit_log SET facts = replace(facts, ':', ': ') WHERE seq = 3"],
    "facts that are no JSON": ["UPDATE audit_log SET facts = '{' WHERE seq = 3"],
    "facts that are a list": ["UPDATE audit_log SET facts = '[]' WHERE seq = 3"],
    "a number among the facts with a point": [
        "UPDATE audit_log SET facts = '{\"number\":3.0}' WHERE seq = 3"
    ],
    "a fact given twice": ['UPDATE audit_log SET facts = \'{"number":1,"number":3}\' WHERE seq = 3'],
    "a middle row dropped": ["DELETE FROM audit_log WHERE seq = 3"],
    "a middle row dropped and the rest moved up": [
        "DELETE FROM audit_log WHERE seq = 3",
        "UPDATE audit_log SET seq = 3 WHERE seq = 4",
        "UPDATE audit_log SET seq = 4 WHERE seq = 5",
        "UPDATE audit_log SET seq = 5 WHERE seq = 6",
    ],
    "two rows swapped": [
        "UPDATE audit_log SET seq = 99 WHERE seq = 3",
        "UPDATE audit_log SET seq = 3 WHERE seq = 4",
        "UPDATE audit_log SET seq = 4 WHERE seq = 99",
    ],
    "a row copied to the end": [
        "INSERT INTO audit_log SELECT 7, at, actor, action, object, facts, previous, hash FROM audit_log WHERE seq = 6"
    ],
    "the first row dropped": ["DELETE FROM audit_log WHERE seq = 1"],
    "the last row dropped": ["DELETE FROM audit_log WHERE seq = 6"],
    "every row dropped": ["DELETE FROM audit_log"],
    "the last row dropped and the head moved back": [
        "DELETE FROM audit_log WHERE seq = 6",
        "UPDATE audit_head SET seq = 5, hash = (SELECT hash FROM audit_log WHERE seq = 5)",
    ],
    "the head's number": ["UPDATE audit_head SET seq = 5"],
    "the head's hash": [f"UPDATE audit_head SET hash = '{'a' * 64}'"],
    "the head's signature": [f"UPDATE audit_head SET signature = '{'00' * 64}'"],
    "a signature that is no number": ["UPDATE audit_head SET signature = 'xyz'"],
    "no head": ["DELETE FROM audit_head"],
    "nothing left at all": ["DELETE FROM audit_log", "DELETE FROM audit_head"],
}


@pytest.mark.parametrize("statements", ATTACKS.values(), ids=ATTACKS)
def test_every_attack_on_rows_and_head_is_found(logged: Store, statements: list[str]) -> None:
    assert logged.log.verify() == LAST  # the control: it was the attack that was found
    tamper(logged, *statements)
    with pytest.raises(Tampered) as caught:
        logged.log.verify()
    assert caught.value.place


def test_a_row_added_in_good_form_is_found_because_nobody_signed_it(logged: Store) -> None:
    entry = chained(
        Event("ana", "grant.given", "grant:1"), at="2026-03-02T09:00:00.000000+00:00", after=logged.log.head()
    )
    tamper(
        logged,
        "INSERT INTO audit_log (seq, at, actor, action, object, facts, previous, hash) VALUES "
        f"({entry.seq}, '{entry.at}', 'ana', 'grant.given', 'grant:1', '{{}}', '{entry.previous}', '{entry.hash}')",
    )
    with pytest.raises(Tampered, match="Entry 7"):
        logged.log.verify()


def test_a_whole_log_written_anew_with_another_key_is_found(logged: Store, tmp_path: Path) -> None:
    forger = Signer(tmp_path / "forger")
    head = Head(0, "0" * 64)
    statements = ["DELETE FROM audit_log"]
    for number in range(1, LAST + 1):
        entry = chained(Event("x", "nothing.done", f"thing:{number}"), at="2026", after=head)
        head = Head(entry.seq, entry.hash)
        statements.append(
            f"INSERT INTO audit_log VALUES ({entry.seq}, '2026', 'x', 'nothing.done', 'thing:{number}', '{{}}', "
            f"'{entry.previous}', '{entry.hash}')"
        )
    signature = forger.sign(head.signed_bytes()).hex()
    statements.append(
        f"UPDATE audit_head SET seq = {head.seq}, hash = '{head.hash}', signature = '{signature}'"
    )
    tamper(logged, *statements)
    with pytest.raises(Tampered, match="not signed by us"):
        logged.log.verify()
    # The control: in itself that log is sound; only its signer and the anchor tell.
    with pytest.raises(Tampered, match="anchor"):
        logged.log.verify(forger.public_pem)


def rolled_back(store: Store) -> list[str]:
    """What puts the database back to where it is now, signed head and all."""
    with store.database.reading() as connection:
        seq, digest, signature = connection.execute(text("SELECT seq, hash, signature FROM audit_head")).one()
    return [
        f"DELETE FROM audit_log WHERE seq > {seq}",
        f"UPDATE audit_head SET seq = {seq}, hash = '{digest}', signature = '{signature}'",
    ]


def test_an_old_database_put_back_is_found_by_the_anchor_and_takes_no_entries(
    logged: Store, home: Path
) -> None:
    old = rolled_back(logged)
    shutil.copy(home / "anchor" / "audit.head", home / "old.head")
    logged.log.record(did("budget.spent"))
    tamper(logged, *old)
    with pytest.raises(Tampered, match="entry 7 was committed"):
        logged.log.verify()
    with pytest.raises(Tampered, match="an old copy was put back"):
        logged.log.record(did("budget.spent.again"))
    # The control: with the anchor put back too, nothing on this machine can tell. Keep a copy of it elsewhere.
    shutil.copy(home / "old.head", home / "anchor" / "audit.head")
    assert logged.log.verify() == LAST


def test_an_old_database_that_has_grown_again_is_found_too(logged: Store, home: Path) -> None:
    old = rolled_back(logged)
    logged.log.record(did("one.truth"))
    anchored = (home / "anchor" / "audit.head").read_bytes()
    tamper(logged, *old)
    (home / "anchor" / "audit.head").unlink()
    logged.log.record(did("another.truth"))
    (home / "anchor" / "audit.head").write_bytes(anchored)
    with pytest.raises(Tampered, match="Entry 7 is not the one in the anchor"):
        logged.log.verify()


def test_a_forged_head_is_not_signed_over_by_the_next_entry(logged: Store) -> None:
    tamper(
        logged,
        "DELETE FROM audit_log WHERE seq = 6",
        "UPDATE audit_head SET seq = 5, hash = (SELECT hash FROM audit_log WHERE seq = 5)",
    )
    with pytest.raises(Tampered, match="not signed by us"):
        logged.log.record(did())


def test_the_operator_can_go_on_with_a_restored_database_and_the_log_says_so(logged: Store) -> None:
    old = rolled_back(logged)
    logged.log.record(did())
    tamper(logged, *old)
    entry = logged.log.accept_restored(did("log.restored", "log"))
    assert (entry.event.facts["restored_at"], entry.event.facts["anchor_was"]) == (LAST, LAST + 1)
    logged.log.record(did())
    assert logged.log.verify() == LAST + 2


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", b'{"seq":1,"hash":"a","signature":"zz"}'])
def test_a_broken_anchor_is_named(logged: Store, home: Path, body: bytes) -> None:
    (home / "anchor" / "audit.head").write_bytes(body)
    with pytest.raises(Tampered, match="anchor"):
        logged.log.verify()


def test_a_forged_anchor_and_a_missing_one_are_named(logged: Store, home: Path) -> None:
    anchor = json.loads((home / "anchor" / "audit.head").read_text())
    (home / "anchor" / "audit.head").write_text(json.dumps({**anchor, "seq": 5}))
    with pytest.raises(Tampered, match="anchor"):
        logged.log.verify()
    (home / "anchor" / "audit.head").unlink()
    with pytest.raises(Tampered, match="anchor is gone"):
        logged.log.verify()


def test_the_anchor_moves_after_the_commit_and_not_without_one(logged: Store, home: Path) -> None:
    before = (home / "anchor" / "audit.head").read_bytes()

    class Broken(Exception):
        pass

    def half() -> None:
        with logged.transaction():
            logged.log.record(did())
            assert (home / "anchor" / "audit.head").read_bytes() == before
            raise Broken

    with pytest.raises(Broken):
        half()
    assert (home / "anchor" / "audit.head").read_bytes() == before
    assert logged.log.verify() == LAST
    logged.log.record(did())
    assert (home / "anchor" / "audit.head").read_bytes() != before


def test_two_processes_of_one_installation_share_key_chain_and_anchor(
    url: str, home: Path, clock: Clock
) -> None:
    one, two = open_store(url, home, now=clock), open_store(url, home, now=clock)
    for _ in range(5):
        one.log.record(did())
        two.log.record(did())
    assert one.log.verify() == two.log.verify() == 10
    one.close()
    two.close()


def test_facts_are_text_and_whole_numbers(store: Store) -> None:
    with pytest.raises(ValueError, match="float"):
        store.log.record(Event("a", "b.c", "d:1", {"mean": 1.5}))  # type: ignore[dict-item]
    with pytest.raises(BadInput, match="half a character"):
        store.log.record(Event("a", "b.c", "d:1", {"word": "\ud800"}))
    assert store.log.head().seq == 0


def test_entries_are_found_by_who_what_and_which(logged: Store) -> None:
    logged.log.record(Event("ana", "release.voted", "release:1"))
    logged.log.record(Event("ana", "release_x.voted", "release:2"))
    assert [e.seq for e in logged.log.entries(action="release.")] == [7]
    assert [e.seq for e in logged.log.entries(actor="ana")] == [7, 8]
    assert [e.seq for e in logged.log.entries(object="thing:2")] == [2]
    assert [e.seq for e in logged.log.entries(after=2, limit=3)] == [3, 4, 5]
    assert [e.seq for e in logged.log.newest(offset=1, limit=2)] == [7, 6]
    assert logged.log.entries(limit=1)[0].event.facts == {"number": 1, "word": "é", "nothing": ""}


def test_a_new_objects_number_reaches_the_log(store: Store) -> None:
    with store.database.transaction() as connection:
        entry = store.log.append(connection, did("release.staged", "release:new"), facts={"release": 7}, id=7)
    assert entry.event.object == "release:7"


def test_a_log_of_several_pages_is_walked_to_its_end(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'state.db'}", tmp_path)
    with store.transaction():
        for _ in range(1_500):
            store.log.record(did())
    assert store.log.verify() == 1_500
    tamper(store, "UPDATE audit_log SET actor = 'x' WHERE seq = 1001")
    with pytest.raises(Tampered, match="Entry 1001"):
        store.log.verify()
    store.close()
