"""The site's versions and proposals, as they are kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.domain.errors import Conflict, NotAllowed, NotFound
from sandbox.domain.policy_change import Change
from sandbox.domain.policy_keys import Effect
from sandbox.domain.proposal import STEPS, ProposalState, check_proved
from sandbox.domain.site_policy import AnswerLimits, Bounds, SitePolicy
from sandbox.flows.site_policy import settle_site
from sandbox.store import Store
from tests.store.world import did, open_store, policy, publish

STRICT = SitePolicy(bounds=Bounds(min_threshold=20))


def test_site_versions_follow_each_other_and_the_log_has_both_hashes(store: Store) -> None:
    assert store.policies.site() is None
    first = store.policies.publish_site(SitePolicy(), base_hash="", event=did("site.adopted", "site"))
    second = store.policies.publish_site(
        STRICT, base_hash=first.policy_hash, event=did("policy.applied", "site")
    )
    assert store.policies.site() == second
    assert [(v.version, v.policy) for v in store.policies.site_versions()] == [(1, SitePolicy()), (2, STRICT)]
    facts = store.log.newest(limit=1)[0].event.facts
    assert (facts["policy_sha256"], facts["was_sha256"]) == (second.policy_hash, first.policy_hash)


def test_a_looser_site_or_one_compared_with_another_is_refused(store: Store) -> None:
    held = store.policies.publish_site(STRICT, base_hash="", event=did())
    with pytest.raises(NotAllowed):
        store.policies.publish_site(SitePolicy(), base_hash=held.policy_hash, event=did())
    with pytest.raises(Conflict):
        store.policies.publish_site(STRICT, base_hash="", event=did())
    assert len(store.policies.site_versions()) == 1


def test_processes_that_start_at_once_adopt_one_site(url: str, home: Path) -> None:
    stores = [open_store(url, home) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda store: settle_site(store, STRICT), stores))
    assert {version.version for version in found} == {1}
    assert len(stores[0].policies.site_versions()) == 1
    for store in stores:
        store.close()


def test_a_site_takes_its_place_unless_it_loosens(store: Store) -> None:
    assert settle_site(store, SitePolicy()).version == 1
    assert settle_site(store, SitePolicy()).version == 1
    assert settle_site(store, SitePolicy(name="Another")).version == 2
    assert settle_site(store, STRICT).version == 3
    mixed = SitePolicy(bounds=Bounds(min_threshold=30), answers=AnswerLimits(tick_ms=1))
    assert settle_site(store, mixed).policy == STRICT


def test_a_proposal_comes_back_as_it_was_and_the_log_proves_it(store: Store) -> None:
    change = Change(key="a.b", effect=Effect.LOOSENS, before=1, after=None, words="1 → nothing", view=False)
    made = store.policies.propose(
        about="dataset:loans",
        base_hash="a" * 64,
        policy={"name": "loans", "b": 1, "a": [True, None]},
        difference=[change],
        reason="Warum nicht?",
        event=did("policy.proposed", "proposal:new"),
    )
    found = store.policies.proposal(made.id)
    assert found == made
    assert list(made.policy) == ["name", "b", "a"]
    assert made.difference == (change.document(),)
    check_proved(made, store.log.proved(made.object))
    assert store.policies.proposals("dataset:loans") == store.policies.proposals() == (made,)
    assert store.policies.proposals("dataset:other") == ()
    assert store.policies.proposals(states=(ProposalState.VOID,)) == ()


def test_a_step_is_taken_once(store: Store) -> None:
    made = store.policies.propose(
        about="site",
        base_hash="a" * 64,
        policy={},
        difference=[],
        reason="",
        event=did("policy.proposed", "proposal:new"),
    )
    reject = STEPS[1]
    done = store.policies.move(made, reject, comment="No.", event=did(reject.event, made.object))
    assert (done.state, done.decided_by, done.comment) == (ProposalState.REJECTED, "tester", "No.")
    with pytest.raises(Conflict, match="rejected by now"):
        store.policies.move(made, STEPS[0], event=did())
    assert store.policies.void_others("site", policy_hash="b" * 64, event=did()) == ()
    assert store.policies.proposal(99) is None


def test_a_snapshots_policy_is_the_one_that_it_was_made_under(store: Store) -> None:
    publish(store, policy(), "one")
    publish(store, policy(title="Newer"), "one")
    publish(store, policy(title="Newest"), "two")
    assert store.datasets.made_under("loans", "one").title == "Loans"
    assert store.datasets.made_under("loans", "two").title == "Newest"
    with pytest.raises(NotFound):
        store.datasets.made_under("loans", "three")
