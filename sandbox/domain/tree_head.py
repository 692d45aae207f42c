"""Signed heads of the log's Merkle tree, and the proofs that an outsider checks against them.

- A head is a size and a root, signed. Whoever keeps one can later be shown that the log only grew since.
- Leaves are blinded: each entry is hashed with a key of its own, which only its proof gives away. Roots and paths tell
  nothing about other entries, however few words these could hold.
- A proof carries its head, so that the public key is all that checking needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.audit import Entry
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Tampered
from sandbox.domain.merkle import check_consistency, check_inclusion, leaf_hash

HEAD, ENTRY, CONSISTENCY = "sandbox-tree-head-v1", "sandbox-log-entry-v1", "sandbox-log-consistency-v1"
MAX_PATH = 64  # a tree of 2^63 entries is not higher
Verify = Callable[[bytes, bytes], None]  # takes (signature, message), raises Tampered


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """The tree as it stood.

    Attributes:
        root: 64 hex digits.
        at: when it was signed; ISO 8601, UTC.
        signature: Ed25519 over ``signed_bytes``, hex digits.
    """

    size: int
    root: str
    at: str
    signature: str

    def signed_bytes(self) -> bytes:
        return HEAD.encode() + b"\n" + canonical_json({"size": self.size, "root": self.root, "at": self.at})

    def check(self, verify: Verify) -> None:
        """Raise Tampered unless the platform signed it."""
        try:
            verify(bytes.fromhex(self.signature), self.signed_bytes())
        except Tampered as broken:
            raise Tampered(
                f"The head of {self.size} entries is not signed by this key.", place="head"
            ) from broken

    def document(self) -> dict[str, Any]:
        return {
            "format": HEAD,
            "size": self.size,
            "root": self.root,
            "at": self.at,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProof:
    """That an entry is in the log.

    Attributes:
        facts: canonical JSON, as it is kept.
        blind: the entry's own key, 64 hex digits.
        path: from its leaf to the head's root, 64 hex digits each.
    """

    seq: int
    at: str
    actor: str
    action: str
    object: str
    facts: str
    blind: str
    path: tuple[str, ...]

    def check(self, head: TreeHead, verify: Verify) -> None:
        """Raise Tampered unless the signed log holds exactly this entry at this place."""
        head.check(verify)
        leaf = entry_leaf(
            self.seq,
            self.at,
            self.actor,
            self.action,
            self.object,
            self.facts,
            blind=bytes.fromhex(self.blind),
        )
        check_inclusion(
            leaf,
            self.seq - 1,
            size=head.size,
            root=bytes.fromhex(head.root),
            path=tuple(map(bytes.fromhex, self.path)),
        )

    def document(self) -> dict[str, Any]:
        return {
            "format": ENTRY,
            "seq": self.seq,
            "at": self.at,
            "actor": self.actor,
            "action": self.action,
            "object": self.object,
            "facts": json.loads(self.facts),
            "blind": self.blind,
            "path": list(self.path),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """That the log of one head begins with the log of an earlier one."""

    old: TreeHead
    new: TreeHead
    path: tuple[str, ...]

    def check(self, verify: Verify) -> None:
        """Raise Tampered unless nothing was dropped, swapped or rewritten between the heads."""
        self.old.check(verify)
        self.new.check(verify)
        check_consistency(
            old_size=self.old.size,
            old_root=bytes.fromhex(self.old.root),
            size=self.new.size,
            root=bytes.fromhex(self.new.root),
            path=tuple(map(bytes.fromhex, self.path)),
        )

    def document(self) -> dict[str, Any]:
        return {
            "format": CONSISTENCY,
            "old": self.old.document(),
            "new": self.new.document(),
            "path": list(self.path),
        }


def entry_leaf(seq: int, at: str, actor: str, action: str, object: str, facts: str, *, blind: bytes) -> bytes:
    """The leaf of an entry, 32 bytes.

    Args:
        facts: canonical JSON, as it is kept.
        blind: 32 bytes that nobody can guess.
    """
    if len(blind) != 32:  # else bytes could move between the key and the text
        raise Tampered(f"The key of entry {seq} is not 32 bytes long.", place="blind")
    return leaf_hash(blind + canonical_json([seq, at, actor, action, object, facts]))


def leaf_of(entry: Entry, *, blind: bytes) -> bytes:
    event = entry.event
    facts = canonical_json(dict(event.facts)).decode()
    return entry_leaf(entry.seq, entry.at, event.actor, event.action, event.object, facts, blind=blind)


def head_from(document: object) -> TreeHead:
    """Read a head.

    Raises:
        BadInput: it is none.
    """
    found = _of_format(document, HEAD)
    return TreeHead(
        size=_size(found, "size"),
        root=_hex(found, "root", 32),
        at=_text(found, "at"),
        signature=_hex(found, "signature", 64),
    )


def entry_proof_from(document: object) -> EntryProof:
    """Read the proof of an entry; raises ``BadInput`` when it is none."""
    found = _of_format(document, ENTRY)
    facts = found.get("facts")
    try:
        written = canonical_json(facts).decode()
    except (ValueError, TypeError, RecursionError) as broken:
        raise BadInput("The facts have no canonical form.", where="facts") from broken
    return EntryProof(
        seq=_size(found, "seq"),
        at=_text(found, "at"),
        actor=_text(found, "actor"),
        action=_text(found, "action"),
        object=_text(found, "object"),
        facts=written,
        blind=_hex(found, "blind", 32),
        path=_path(found),
    )


def consistency_from(document: object) -> ConsistencyProof:
    """Read a proof about two heads; raises ``BadInput`` when it is none."""
    found = _of_format(document, CONSISTENCY)
    return ConsistencyProof(
        old=head_from(found.get("old")), new=head_from(found.get("new")), path=_path(found)
    )


def _of_format(document: object, wanted: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping) or document.get("format") != wanted:
        raise BadInput(f"This is no {wanted}.", where="format", fix="Give the file as the platform wrote it.")
    return document


def _size(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        raise BadInput(f"{name} is no number of entries.", where=name)
    return value


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise BadInput(f"{name} is no text.", where=name)
    return value


def _hex(document: Mapping[str, Any], name: str, size: int) -> str:
    return _hex_word(document.get(name), name, size)


def _hex_word(value: object, name: str, size: int) -> str:
    if not isinstance(value, str) or len(value) != 2 * size or set(value) - set("0123456789abcdef"):
        raise BadInput(f"{name} is not {2 * size} hexadecimal digits.", where=name)
    return value


def _path(document: Mapping[str, Any]) -> tuple[str, ...]:
    value = document.get("path")
    if not isinstance(value, list) or len(value) > MAX_PATH:
        raise BadInput("path is no list of hashes.", where="path")
    return tuple(_hex_word(step, "path", 32) for step in value)
