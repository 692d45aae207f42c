"""A contribution profile is charged once for its snapshot, from the lineage alone, and kept as it was released."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import Conflict, OverBudget, Tampered
from sandbox.domain.privacy_loss import Guarantee, Loss
from sandbox.store import Store
from tests.store.world import did, furnish

DOCUMENT = {"table": "loans", "histograms": []}
ONE, TWO = "1" * 64, "2" * 64


def reserve(store: Store, snapshot: str) -> bool:
    return store.profiles.reserve(
        lineage="loans",
        dataset="loans",
        table="loans",
        snapshot=snapshot,
        cost=Loss(60),
        guarantee=Guarantee(1e-6),
        event=did("profile.reserved"),
    )


def spent(store: Store) -> tuple[int, int]:
    """Of the lineage, and of a project on it."""
    whole, project = store.ledger.accounts("loans", "credit risk")
    return whole.spent.nano, project.spent.nano


def test_a_snapshot_is_charged_once_and_no_project_pays(store: Store) -> None:
    furnish(store, cap=Loss(100))
    with ThreadPoolExecutor(4) as pool:
        charged = list(pool.map(lambda _: reserve(store, ONE), range(8)))
    assert sum(charged) == 1
    assert spent(store) == (60, 0)
    assert store.ledger.check_sums() == 1


def test_what_is_not_left_is_not_spent(store: Store) -> None:
    furnish(store, cap=Loss(100))
    reserve(store, ONE)
    with pytest.raises(OverBudget):
        reserve(store, TWO)
    assert spent(store) == (60, 0)


def test_only_what_was_paid_for_is_kept_and_only_once(store: Store) -> None:
    furnish(store, cap=Loss(100))
    with pytest.raises(Conflict):
        store.profiles.release(ONE, DOCUMENT, event=did("profile.released"))
    reserve(store, ONE)
    assert store.profiles.released("loans", "loans") is None
    for _ in range(2):
        kept = store.profiles.release(ONE, DOCUMENT, event=did("profile.released"))
    assert (kept.id, kept.document) == (content_hash(DOCUMENT), DOCUMENT)
    with pytest.raises(Conflict):
        store.profiles.release(ONE, {**DOCUMENT, "more": 1}, event=did("profile.released"))
    assert store.profiles.released("loans", "loans") == kept == store.profiles.latest("loans", "loans")


def test_a_changed_profile_and_a_changed_price_are_seen(store: Store) -> None:
    furnish(store, cap=Loss(100))
    reserve(store, ONE)
    store.profiles.release(ONE, DOCUMENT, event=did("profile.released"))
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET charged_nano = 1"))
    with pytest.raises(Tampered):
        store.ledger.check_sums()
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE profiles SET document = '{}'"))
        connection.execute(text('UPDATE profiles SET document = \'{"table": "x"}\''))
    with pytest.raises(Tampered):
        store.profiles.released("loans", "loans")
