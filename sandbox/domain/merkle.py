"""The log as a Merkle tree: one hash for all of it, and short proofs about it.

- ``inclusion`` proves that an entry is at its place in a tree of a given size.
- ``consistency`` proves that a tree begins with an earlier one: nothing was dropped, swapped or rewritten since.
- Leaves and nodes are hashed with different prefixes, so that a node is never taken for a leaf.

Source: RFC 9162, section 2.1 (the same trees and proofs as RFC 6962).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sandbox.domain.errors import Tampered

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf, 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


class Tree:
    """A tree over leaves in their order.

    Every full subtree is hashed once, so that a tree of n leaves takes n steps and a proof log n.

    Args:
        leaves: the leaves' hashes (``leaf_hash``).
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._levels: list[list[bytes]] = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([_node(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def __len__(self) -> int:
        return len(self._levels[0])

    def root(self, size: int | None = None) -> bytes:
        """The hash of the first ``size`` leaves, or of all; 32 bytes."""
        size = len(self) if size is None else size
        _check_range(0, size, len(self))
        return self._hash(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The path from a leaf to the root (section 2.1.3.1).

        Args:
            index: of the leaf, from 0.
        """
        size = len(self) if size is None else size
        _check_range(index + 1, size, len(self))
        return tuple(self._path(index, 0, size))

    def consistency(self, old: int, size: int | None = None) -> tuple[bytes, ...]:
        """That the tree of ``size`` leaves begins with the tree of ``old`` (section 2.1.4.1)."""
        size = len(self) if size is None else size
        _check_range(old, size, len(self))
        return tuple(self._subproof(old, 0, size, whole=True)) if 0 < old < size else ()

    def _hash(self, start: int, end: int) -> bytes:
        width = end - start
        if width & (width - 1) == 0:  # a full subtree, hashed already
            return self._levels[width.bit_length() - 1][start // width]
        middle = start + _split(width)
        return _node(self._hash(start, middle), self._hash(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._hash(middle, end)]
        return [*self._path(index, middle, end), self._hash(start, middle)]

    def _subproof(self, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if old == end:
            return [] if whole else [self._hash(start, end)]
        middle = start + _split(end - start)
        if old <= middle:
            return [*self._subproof(old, start, middle, whole=whole), self._hash(middle, end)]
        return [*self._subproof(old, middle, end, whole=False), self._hash(start, middle)]


def check_inclusion(leaf: bytes, index: int, *, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Raise unless the leaf is at its place under the root (section 2.1.3.2).

    Args:
        leaf: its hash.
        index: from 0.

    Raises:
        Tampered: the path does not lead there.
    """
    if not 0 <= index < size:
        raise Tampered(f"A tree of {size} has no leaf {index}.", place="proof")
    at, last, reached = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise Tampered("The path is longer than the tree is high.", place="proof")
        if at & 1 or at == last:
            reached = _node(step, reached)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            reached = _node(reached, step)
        at, last = at >> 1, last >> 1
    if last or reached != root:
        raise Tampered("The path does not lead to the signed root.", place="proof")


def check_consistency(
    *, old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    """Raise unless the tree begins with the old one (section 2.1.4.2).

    Raises:
        Tampered: something that stood in the old tree was changed, dropped or moved; or the proof is another's.
    """
    if old_size > size:
        raise Tampered(f"A log of {old_size} entries was cut to {size}.", place="size")
    if old_size in (0, size):
        if path or (old_size == size and old_root != root) or (old_size == 0 and old_root != EMPTY_ROOT):
            raise Tampered("Two heads of the same size differ: the log was written anew.", place="root")
        return
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    steps = list(path)
    if old_size & (old_size - 1) == 0:  # the old tree is a full subtree: its root is the first step
        steps.insert(0, old_root)
    if not steps:
        raise Tampered("The proof is empty.", place="proof")
    old_reached = reached = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise Tampered("The proof is longer than the tree is high.", place="proof")
        if at & 1 or at == last:
            old_reached, reached = _node(step, old_reached), _node(step, reached)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            reached = _node(reached, step)
        at, last = at >> 1, last >> 1
    if last or old_reached != old_root or reached != root:
        raise Tampered("The log does not begin with what it held before: it was rewritten.", place="root")


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(width: int) -> int:
    """The largest power of two below the width."""
    return 1 << ((width - 1).bit_length() - 1)


def _check_range(part: int, size: int, whole: int) -> None:
    if not 0 <= part <= size <= whole:
        raise ValueError(f"{part} of {size} does not fit in a tree of {whole}")
