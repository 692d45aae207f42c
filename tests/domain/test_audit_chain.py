"""Whatever is done to the log, the chain says where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.audit import EMPTY_HEAD, Entry, Event, Head, chained, verify_chain
from sandbox.domain.errors import Tampered


def log(length: int) -> tuple[list[Entry], Head]:
    entries: list[Entry] = []
    head = EMPTY_HEAD
    for i in range(length):
        entry = chained(
            Event("ana", "question.asked", f"question:{i}", {"nano": i}),
            at=f"2026-01-01T00:00:{i:02}Z",
            after=head,
        )
        entries.append(entry)
        head = Head(entry.seq, entry.hash)
    return entries, head


def test_an_untouched_log_verifies() -> None:
    entries, head = log(12)
    assert verify_chain(entries, head) == 12
    assert verify_chain([], EMPTY_HEAD) == 0


EDITS = {
    "at": lambda e: replace(e, at="2020-01-01T00:00:00Z"),
    "actor": lambda e: replace(e, event=replace(e.event, actor="eve")),
    "action": lambda e: replace(e, event=replace(e.event, action="nothing.happened")),
    "object": lambda e: replace(e, event=replace(e.event, object="question:99")),
    "facts": lambda e: replace(e, event=replace(e.event, facts={"nano": 0, "more": 1})),
    "hash": lambda e: replace(e, hash="f" * 64),
    "previous": lambda e: replace(e, previous="f" * 64),
    "seq": lambda e: replace(e, seq=e.seq + 100),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("at", [0, 5, 11])
def test_an_edited_entry_is_named(edit: str, at: int) -> None:
    entries, head = log(12)
    entries[at] = EDITS[edit](entries[at])
    with pytest.raises(Tampered) as caught:
        verify_chain(entries, head)
    assert caught.value.place == f"entry {at + 1}"


@given(st.integers(1, 8), st.data())
def test_a_dropped_entry_is_named(length: int, data: st.DataObject) -> None:
    entries, head = log(length)
    gone = data.draw(st.integers(0, length - 1))
    with pytest.raises(Tampered) as caught:
        verify_chain(entries[:gone] + entries[gone + 1 :], head)
    assert caught.value.place == f"entry {gone + 1}"


def test_swapped_and_added_entries_are_caught() -> None:
    entries, head = log(4)
    with pytest.raises(Tampered):
        verify_chain([entries[0], entries[2], entries[1], entries[3]], head)
    forged = chained(Event("eve", "x.y", "z"), at="2026-01-02T00:00:00Z", after=head)
    with pytest.raises(Tampered, match="without a signature"):
        verify_chain([*entries, forged], head)


def test_a_rewritten_tail_is_caught_by_the_signed_head() -> None:
    entries, head = log(4)
    forged = chained(Event("eve", "x.y", "z"), at="2026-01-02T00:00:00Z", after=Head(3, entries[2].hash))
    with pytest.raises(Tampered, match="signed"):
        verify_chain([*entries[:3], forged], head)
