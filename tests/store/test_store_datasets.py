"""Datasets: versions, suspension, and one budget for life."""

from __future__ import annotations

import pytest

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, Tampered
from sandbox.domain.policy import Column, ColumnType, OpenClass, Table
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.suspension import Suspension
from sandbox.store import Store
from tests.store.world import did, policy, publish


def test_a_published_policy_comes_back_as_it_was_in_its_own_order(store: Store) -> None:
    columns = {name: Column(type=ColumnType.TEXT) for name in ("zeta", "firm", "alpha")}
    of = policy(
        tables={"zoo": Table(max_rows=1, columns=columns), "ants": Table(max_rows=1, columns=columns)}
    )
    publish(store, of)
    found = store.datasets.get("loans")
    assert found is not None
    assert found.policy == of
    assert list(found.policy.tables) == ["zoo", "ants"]
    assert list(found.policy.tables["zoo"].columns) == ["zeta", "firm", "alpha"]


def test_publishing_again_makes_a_version_and_keeps_the_earlier_one(store: Store) -> None:
    publish(store, policy(), "one")
    publish(store, policy(title="Loans, newer"), "two")
    newest = store.datasets.get("loans")
    assert newest is not None
    assert (newest.version, newest.snapshot, newest.policy.title) == (2, "two", "Loans, newer")
    assert [v.snapshot for v in store.datasets.versions("loans")] == ["one", "two"]
    assert [d.version for d in store.datasets.all()] == [2]


def test_files_and_the_owners_report_are_kept(store: Store) -> None:
    of = policy(open_class=OpenClass.UNCONDITIONAL)
    store.datasets.publish(
        of,
        policy_hash=content_hash(policy_to_document(of)),
        snapshot="s",
        public_files={"loans": "a" * 64},
        report={"rows": 10, "dropped": {"amount": 1}},
        event=did(),
    )
    found = store.datasets.get("loans")
    assert found is not None
    assert (found.public_files, found.report) == ({"loans": "a" * 64}, {"rows": 10, "dropped": {"amount": 1}})


def test_a_dataset_never_moves_to_another_budget(store: Store) -> None:
    publish(store, policy())
    with pytest.raises(Conflict, match="for life"):
        publish(store, policy(lineage="fresh"))
    assert len(store.datasets.versions("loans")) == 1


def test_two_datasets_may_share_a_budget(store: Store) -> None:
    publish(store, policy())
    publish(store, policy("loans_by_region", lineage="loans"))
    assert {d.policy.budget_lineage for d in store.datasets.all()} == {"loans"}


def test_suspending_holds_over_a_new_version_until_it_is_resumed(store: Store) -> None:
    publish(store, policy())
    whole = Suspension(dataset="loans", reason="A mistake.", made_by="olga")
    begun = store.suspensions.begin(whole, event=did("dataset.suspended"))
    publish(store, policy(), "two")
    found = store.datasets.get("loans")
    assert found is not None
    assert found.suspended
    assert [v.suspended for v in store.datasets.versions("loans")] == [True, True]
    store.suspensions.end(begun, event=did("dataset.resumed"))
    assert not store.datasets.all()[0].suspended


def test_unknown_datasets_are_not_found(store: Store) -> None:
    assert store.datasets.get("nothing") is None
    assert store.datasets.versions("nothing") == ()


def test_a_hash_that_is_not_the_policys_is_refused(store: Store) -> None:
    with pytest.raises(BadInput):
        store.datasets.publish(policy(), policy_hash="0" * 64, snapshot="s", public_files={}, event=did())


def test_a_policy_edited_in_the_database_is_found(store: Store) -> None:
    publish(store, policy())
    with store.database.engine.begin() as connection:
        edit = "UPDATE dataset_versions SET policy = replace(policy, '\"threshold\": 10', '\"threshold\": 3')"
        assert connection.exec_driver_sql(edit).rowcount == 1
    with pytest.raises(Tampered, match="loans"):
        store.datasets.get("loans")
