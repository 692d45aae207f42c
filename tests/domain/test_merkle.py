"""The Merkle tree against published vectors, against the plain definition, and against every forged proof."""

from __future__ import annotations

import hashlib

import pytest

from sandbox.domain.errors import Tampered
from sandbox.domain.merkle import EMPTY_ROOT, Tree, check_consistency, check_inclusion, leaf_hash

# Inputs, roots and proofs of the reference implementation of RFC 6962 (certificate-transparency, merkle_tree_test).
INPUTS = [
    bytes.fromhex(word)
    for word in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree(size: int) -> Tree:
    return Tree([leaf_hash(str(n).encode()) for n in range(size)])


def plain_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162, section 2.1.1, word for word."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else EMPTY_ROOT
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def test_the_empty_tree() -> None:
    assert Tree([]).root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_the_published_vectors(size: int) -> None:
    leaves = [leaf_hash(data) for data in INPUTS]
    assert Tree(leaves[:size]).root().hex() == ROOTS[size - 1]
    assert Tree(leaves).root(size).hex() == ROOTS[size - 1]


def test_a_published_path_and_a_published_consistency_proof() -> None:
    whole = Tree([leaf_hash(data) for data in INPUTS])
    assert [step.hex() for step in whole.inclusion(0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [step.hex() for step in whole.consistency(6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@pytest.mark.parametrize("size", range(1, 22))
def test_every_proof_of_every_tree_holds_and_each_changed_step_is_found(size: int) -> None:
    whole = tree(size)
    leaves = [leaf_hash(str(n).encode()) for n in range(size)]
    assert whole.root() == plain_root(leaves)
    for index in range(size):
        path = whole.inclusion(index)
        check_inclusion(leaves[index], index, size=size, root=whole.root(), path=path)
        for forged in forgeries(path):
            with pytest.raises(Tampered):
                check_inclusion(leaves[index], index, size=size, root=whole.root(), path=forged)
        for other in range(size):
            if other != index:
                with pytest.raises(Tampered):
                    check_inclusion(leaves[index], other, size=size, root=whole.root(), path=path)
    for old in range(size + 1):
        path = whole.consistency(old)
        old_root = whole.root(old)
        check_consistency(old_size=old, old_root=old_root, size=size, root=whole.root(), path=path)
        for forged in forgeries(path):
            with pytest.raises(Tampered):
                check_consistency(old_size=old, old_root=old_root, size=size, root=whole.root(), path=forged)


def forgeries(path: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    changed = [
        (*path[:at], bytes([path[at][0] ^ 1]) + path[at][1:], *path[at + 1 :]) for at in range(len(path))
    ]
    dropped = [(*path[:at], *path[at + 1 :]) for at in range(len(path))]
    return [*changed, *dropped, (*path, bytes(32)), (bytes(32), *path)]


REWRITES = {
    "an entry is edited": lambda leaves: [*leaves[:3], leaf_hash(b"forged"), *leaves[4:]],
    "an entry is dropped": lambda leaves: [*leaves[:3], *leaves[4:]],
    "two entries are swapped": lambda leaves: [*leaves[:3], leaves[4], leaves[3], *leaves[5:]],
    "an entry is put in": lambda leaves: [*leaves[:3], leaf_hash(b"forged"), *leaves[3:]],
    "the first is dropped": lambda leaves: leaves[1:],
    "the last one that was seen is edited": lambda leaves: [*leaves[:6], leaf_hash(b"forged"), *leaves[7:]],
}


@pytest.mark.parametrize("rewrite", REWRITES.values(), ids=REWRITES)
def test_a_rewritten_tree_has_no_proof_that_it_begins_with_the_old_one(rewrite) -> None:  # type: ignore[no-untyped-def]
    leaves = [leaf_hash(str(n).encode()) for n in range(12)]
    old_root = Tree(leaves).root(7)
    honest = Tree(leaves)
    check_consistency(old_size=7, old_root=old_root, size=12, root=honest.root(), path=honest.consistency(7))
    forged = Tree(rewrite(leaves))
    size = len(forged)
    with pytest.raises(Tampered):
        check_consistency(
            old_size=7, old_root=old_root, size=size, root=forged.root(), path=forged.consistency(7)
        )


def test_a_tree_that_was_cut_is_found() -> None:
    whole = tree(7)
    with pytest.raises(Tampered, match="cut"):
        check_consistency(old_size=7, old_root=whole.root(), size=6, root=whole.root(6), path=())


def test_a_node_is_not_taken_for_a_leaf() -> None:
    leaves = [leaf_hash(b"a"), leaf_hash(b"b")]
    whole = Tree(leaves)
    assert leaf_hash(leaves[0] + leaves[1]) != whole.root()


def test_what_does_not_fit_is_refused() -> None:
    for ask in (lambda t: t.root(5), lambda t: t.inclusion(4), lambda t: t.consistency(5)):
        with pytest.raises(ValueError, match="fit"):
            ask(tree(4))
