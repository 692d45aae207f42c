"""Kept heads against somebody who can write to the database and even has the key: what an outsider finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from sandbox.domain.audit import EMPTY_HEAD, Event, Head, chained
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.tree_head import (
    ConsistencyProof,
    TreeHead,
    Verify,
    consistency_from,
    entry_leaf,
    entry_proof_from,
    head_from,
)
from sandbox.store import Signer, Store, verify_signature
from tests.store.world import Clock, did, open_store


@pytest.fixture
def logged(store: Store) -> Store:
    grow(store, 6)
    return store


def grow(store: Store, count: int) -> None:
    for _ in range(count):
        number = store.log.head().seq + 1
        store.log.record(did("thing.done", f"thing:{number}", number=number, word="é"))


def verifier(store: Store) -> Verify:
    return partial(verify_signature, store.signer.public_pem)


def forge(store: Store, change: Callable[[list[Event]], list[Event]]) -> None:
    """Write the whole log anew after a change, chain, head, signature and anchor: all that the operator can do."""
    entries = store.log.entries(limit=1000)
    times = {e.seq: e.at for e in entries}
    head = EMPTY_HEAD
    with store.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_log"))
        for event in change([e.event for e in entries]):
            entry = chained(event, at=times.get(head.seq + 1, entries[-1].at), after=head)
            connection.execute(
                text("INSERT INTO audit_log VALUES (:a, :b, :c, :d, :e, :f, :g, :h)"),
                {
                    "a": entry.seq, "b": entry.at, "c": event.actor, "d": event.action, "e": event.object,
                    "f": canonical_json(dict(event.facts)).decode(), "g": entry.previous, "h": entry.hash,
                },
            )  # fmt: skip
            head = Head(entry.seq, entry.hash)
        signature = store.signer.sign(head.signed_bytes())
        connection.execute(
            text("UPDATE audit_head SET seq = :s, hash = :h, signature = :g"),
            {"s": head.seq, "h": head.hash, "g": signature.hex()},
        )
    store.log._anchor.replace(head, signature)


@pytest.fixture
def again(logged: Store) -> Iterator[Callable[[], Store]]:
    """The same installation in a new process, which remembers nothing."""
    opened: list[Store] = []

    def another() -> Store:
        opened.append(
            open_store(
                logged.database.engine.url.render_as_string(hide_password=False),
                logged.log_tree.heads.folder.parent,
                now=Clock(),
            )
        )
        return opened[-1]

    yield another
    for store in opened:
        store.close()


EVIL = Event("mallory", "grant.given", "grant:1", {})
FORGERIES: dict[str, Callable[[list[Event]], list[Event]]] = {
    "an entry edited": lambda e: [*e[:2], replace(e[2], actor="mallory"), *e[3:]],
    "an entry dropped": lambda e: [*e[:2], *e[3:]],
    "two entries swapped": lambda e: [*e[:2], e[3], e[2], *e[4:]],
    "an entry put in": lambda e: [*e[:2], EVIL, *e[2:]],
    "the first dropped": lambda e: e[1:],
    "the last one that the head saw edited": lambda e: [*e[:5], EVIL, *e[6:]],
    "cut behind the head": lambda e: e[:4],
    "everything dropped": lambda e: [],
    "cut, and filled up again": lambda e: [*e[:4], EVIL, EVIL, EVIL, EVIL, EVIL, EVIL],
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_a_log_written_anew_with_key_and_anchor_passes_the_chain_but_not_a_kept_head(
    logged: Store, again: Callable[[], Store], change: Callable[[list[Event]], list[Event]]
) -> None:
    kept = logged.log_tree.keep_head()
    grow(logged, 3)
    forge(logged, lambda events: events)
    assert again().log_tree.verify() == 1  # the control: written anew and unchanged, it holds
    forge(logged, change)
    restarted = again()
    restarted.log.verify()  # the chain, its signature and its anchor say nothing
    with pytest.raises(Tampered):
        restarted.log_tree.verify()
    with pytest.raises(Tampered):
        restarted.log_tree.keep_head()
    # Whoever holds the old head, and is handed a new one that the forger signed, is shown no proof that holds.
    restarted.log_tree.heads.set_aside("hidden")
    new = restarted.log_tree.keep_head()
    with pytest.raises(Tampered):
        restarted.log_tree.grown_from(kept, new).check(verifier(restarted))


def test_an_honest_log_grows_from_every_kept_head(logged: Store) -> None:
    heads = [logged.log_tree.keep_head()]
    for count in (1, 1, 5, 12):
        grow(logged, count)
        heads.append(logged.log_tree.keep_head())
    for old in heads:
        for new in heads:
            proof = logged.log_tree.consistency(old.size, new.size)
            proof.check(verifier(logged))
            told = json.loads(json.dumps(proof.document()))
            consistency_from(told).check(verifier(logged))
    assert logged.log_tree.verify() == len(heads)


def test_a_head_is_kept_once_and_not_again_before_something_was_written(logged: Store) -> None:
    first = logged.log_tree.keep_head()
    assert logged.log_tree.keep_head() == first
    assert [head.size for head in logged.log_tree.heads.all()] == [6]


def test_a_head_a_day(store: Store, clock: Clock) -> None:
    grow(store, 1)
    assert store.log_tree.keep_head_daily() is not None
    grow(store, 1)
    clock.forward(hours=23)
    assert store.log_tree.keep_head_daily() is None
    clock.forward(hours=1)
    newest = store.log_tree.keep_head_daily()
    assert newest is not None
    assert newest.size == 2


def test_every_entry_is_proved_and_a_changed_word_is_found(logged: Store) -> None:
    head = logged.log_tree.keep_head()
    proofs = list(logged.log_tree.prove(range(1, 7), head))
    assert [proof.seq for proof in proofs] == [1, 2, 3, 4, 5, 6]
    for proof in proofs:
        told = json.loads(json.dumps(proof.document()))
        entry_proof_from(told).check(head, verifier(logged))
        for name, value in {
            "seq": proof.seq + 1,
            "at": "2026-03-02T09:00:00.000001+00:00",
            "actor": "mallory",
            "action": "thing.undone",
            "object": "thing:99",
            "facts": {"number": 99},
            "blind": "00" * 32,
            "path": told["path"][:-1],
        }.items():
            with pytest.raises(Tampered):
                entry_proof_from({**told, name: value}).check(head, verifier(logged))


def test_an_entry_younger_than_the_head_is_not_proved(logged: Store) -> None:
    head = logged.log_tree.keep_head()
    grow(logged, 1)
    with pytest.raises(NotFound):
        list(logged.log_tree.prove([7], head))


def test_a_path_does_not_tell_what_its_neighbour_holds(logged: Store) -> None:
    """Somebody who knows every word of the next entry cannot confirm it from the proof of their own."""
    head = logged.log_tree.keep_head()
    own, neighbour = logged.log_tree.prove([1, 2], head)
    words = (
        neighbour.seq,
        neighbour.at,
        neighbour.actor,
        neighbour.action,
        neighbour.object,
        neighbour.facts,
    )
    blind = bytes.fromhex(neighbour.blind)
    assert own.path[0] == entry_leaf(*words, blind=blind).hex()  # the control: with its key they could
    assert own.path[0] != entry_leaf(*words, blind=bytes(32)).hex()
    assert own.path[0] != entry_leaf(*words, blind=bytes.fromhex(own.blind)).hex()


def test_a_head_of_another_key_or_with_another_word_is_refused(logged: Store, tmp_path: Path) -> None:
    head = logged.log_tree.keep_head()
    head.check(verifier(logged))
    with pytest.raises(Tampered):
        head.check(partial(verify_signature, Signer(tmp_path / "other").public_pem))
    for changed in (
        replace(head, size=5),
        replace(head, root="0" * 64),
        replace(head, at="2026-03-02T09:00:00+00:00"),
        replace(head, signature="0" * 128),
    ):
        with pytest.raises(Tampered):
            changed.check(verifier(logged))


def test_an_old_head_that_somebody_put_in_the_folder_is_found(logged: Store, tmp_path: Path) -> None:
    forged = TreeHead(size=3, root="0" * 64, at="2026-03-02T09:00:00+00:00", signature="0" * 128)
    logged.log_tree.keep_head()
    logged.log_tree.heads.keep(forged)
    with pytest.raises(Tampered):
        logged.log_tree.verify()


def test_a_kept_file_that_was_edited_or_renamed_is_found(logged: Store) -> None:
    logged.log_tree.keep_head()
    path = logged.log_tree.heads.folder / "head-000000000006.json"
    body = path.read_text()
    for broken in ("", "{", body.replace('"size":6', '"size":5'), body.replace('"root":"', '"root":"zz')):
        path.write_text(broken)
        with pytest.raises(Tampered):
            logged.log_tree.verify()
    path.write_text(body)
    assert logged.log_tree.verify() == 1  # the control


def test_two_heads_of_one_size_prove_that_the_log_was_split(logged: Store) -> None:
    head = logged.log_tree.keep_head()
    other = replace(head, root="1" * 64)
    other = replace(other, signature=logged.signer.sign(other.signed_bytes()).hex())
    ConsistencyProof(old=head, new=head, path=()).check(verifier(logged))
    with pytest.raises(Tampered, match="anew"):
        ConsistencyProof(old=head, new=other, path=()).check(verifier(logged))


def test_after_a_restore_that_was_meant_heads_begin_anew_and_the_old_ones_stay(
    logged: Store, again: Callable[[], Store]
) -> None:
    logged.log_tree.keep_head()
    forge(logged, lambda events: events[:3])
    restarted = again()
    with pytest.raises(Tampered, match="cut"):
        restarted.log_tree.keep_head()
    entry = restarted.log.accept_restored(Event("operator", "log.restored", "log", {}))
    restarted.log_tree.begin_anew(entry.seq)
    assert restarted.log_tree.keep_head().size == 4
    assert (restarted.log_tree.heads.folder / "before-entry-4" / "head-000000000006.json").is_file()


def test_there_is_no_proof_about_heads_that_nobody_kept(logged: Store) -> None:
    logged.log_tree.keep_head()
    with pytest.raises(NotFound):
        logged.log_tree.consistency(3, 6)


@pytest.mark.parametrize(
    "document",
    [None, [], "x", {}, {"format": "sandbox-tree-head-v1"}, {"format": "sandbox-tree-head-v1", "size": True}],
)
def test_what_is_no_head_is_bad_input(document: object) -> None:
    with pytest.raises(BadInput):
        head_from(document)


def test_ten_thousand_entries_are_proved_quickly(store: Store) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                "INSERT INTO audit_log SELECT i, 'now', 'a', 'b.c', 'd:1', '{}', '', '' FROM n"
            )
        )
        connection.execute(text("UPDATE audit_head SET seq = 10000"))
    head = store.log_tree.keep_head()
    proofs = list(store.log_tree.prove(range(1, 10_001), head))
    assert len(proofs) == 10_000
    proofs[4711].check(head, verifier(store))
