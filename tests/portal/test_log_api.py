"""The log at the door for programs: heads for anybody, entries for those they concern, receipts with answers."""

from __future__ import annotations

import json
from functools import partial

import pytest

from sandbox.domain.receipt import check_receipt
from sandbox.domain.tree_head import consistency_from, entry_proof_from, head_from
from sandbox.store import verify_signature
from tests.portal.example_world import World

SQL = "SELECT sex, COUNT(*) AS n FROM applications GROUP BY sex"


def test_anybody_gets_heads_and_what_proves_that_one_begins_with_another(world: World) -> None:
    anybody = world.program("")
    assert anybody.get("/log/head").status_code == 404  # none was kept yet
    tree = world.sandbox.store.log_tree
    old = tree.keep_head()
    world.granted()
    new = tree.keep_head()
    verify = partial(verify_signature, world.sandbox.store.signer.public_pem)
    assert head_from(anybody.get("/log/head").json()) == new
    proof = consistency_from(anybody.get(f"/log/consistency?old={old.size}").json())
    proof.check(verify)
    assert (proof.old, proof.new) == (old, new)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/log/consistency?old=3", 404),
        ("/log/consistency?old=-1", 404),
        ("/log/consistency?old=99999999999999999999999", 404),
        ("/log/consistency", 422),
        ("/log/mine?limit=0", 422),
        ("/log/mine?limit=501", 422),
        ("/log/entries/0", 404),
        ("/log/entries/99999999999999999999999", 404),
        ("/log/entries/x", 422),
    ],
)
def test_bad_requests_are_refused(world: World, address: str, status: int) -> None:
    world.sandbox.store.log_tree.keep_head()
    assert world.program("ana").get(address).status_code == status


@pytest.mark.parametrize("address", ["/log/mine", "/log/mine.jsonl", "/log/entries/1"])
def test_entries_are_for_people_who_signed_in(world: World, address: str) -> None:
    world.sandbox.store.log_tree.keep_head()
    assert world.program("").get(address).status_code == 401
    grant = world.granted()
    assert world.program(token=f"notebook-{grant.id}-of-ana").get(address).status_code == 403


def test_one_reads_and_exports_one_s_own_entries(world: World) -> None:
    world.granted()
    world.sandbox.store.log_tree.keep_head()
    ana = world.program("ana")
    page = ana.get("/log/mine?limit=2").json()
    assert len(page["entries"]) == 2
    assert not {"hash", "previous"} & set(page["entries"][0])
    older = ana.get(f"/log/mine?limit=2&before={page['before']}").json()["entries"]
    assert older[0]["seq"] < page["entries"][-1]["seq"]
    head, *proofs = [json.loads(line) for line in ana.get("/log/mine.jsonl").text.splitlines()]
    verify = partial(verify_signature, world.sandbox.store.signer.public_pem)
    for proof in proofs:
        entry_proof_from(proof).check(head_from(head), verify)
    one = ana.get(f"/log/entries/{page['entries'][0]['seq']}").json()
    entry_proof_from(one).check(head_from(one["head"]), verify)
    everything = world.program("august").get("/log/mine.jsonl").text.splitlines()
    assert len(everything) > len(proofs) + 1


def test_an_answer_comes_with_its_receipt(world: World) -> None:
    world.granted()
    sent = world.program("ana").post("/questions", json={"sql": SQL, "epsilon": 0.5}).json()
    verify = partial(verify_signature, world.sandbox.store.signer.public_pem)
    found = check_receipt(sent["answer"], sent["receipt"], verify)
    assert found.ledger == sent["id"]
    again = world.program("ana").post("/questions", json={"sql": SQL, "epsilon": 0.5}).json()
    assert again["answer"] == sent["answer"]
    assert check_receipt(again["answer"], again["receipt"], verify).charged_nano == 0
