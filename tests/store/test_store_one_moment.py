"""What is read inside one moment is of one moment, whoever writes beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from sandbox.store import Store
from tests.store.world import did


def _elsewhere(act: Callable[[], object]) -> None:
    other = threading.Thread(target=act)
    other.start()
    other.join()


def _size(store: Store) -> int:
    return store.log.head().seq


def test_others_writes_are_seen_once_the_moment_is_over(store: Store) -> None:
    with store.one_moment():
        before = _size(store)
        _elsewhere(lambda: store.log.record(did()))
        assert _size(store) == before
        with store.one_moment():  # within it, the same
            assert _size(store) == before
        assert _size(store) == before
    assert _size(store) == before + 1


def test_the_control_two_readings_are_of_two_moments(store: Store) -> None:
    before = _size(store)
    _elsewhere(lambda: store.log.record(did()))
    assert _size(store) == before + 1


def test_a_transaction_inside_sees_what_there_is_and_is_kept(store: Store) -> None:
    with store.one_moment():
        before = _size(store)
        _elsewhere(lambda: store.log.record(did()))
        with store.transaction():
            assert _size(store) == before + 1
            store.log.record(did())
            assert _size(store) == before + 2
        assert _size(store) == before
    assert _size(store) == before + 2


def test_an_error_ends_the_moment(store: Store) -> None:
    before = _size(store)
    with pytest.raises(ZeroDivisionError), store.one_moment():
        _ = 1 / (_size(store) - before)
    store.log.record(did())
    assert _size(store) == before + 1


def test_another_thread_has_no_part_in_it(store: Store) -> None:
    with store.one_moment():
        before, seen = _size(store), []
        store_later = threading.Thread(
            target=lambda: (store.log.record(did()), seen.append(_size(store)))  # type: ignore[func-returns-value]
        )
        store_later.start()
        store_later.join()
        assert seen == [before + 1]
