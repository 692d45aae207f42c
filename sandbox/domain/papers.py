"""Papers that people keep: agreements and certificates with the platform's signature, verified far from home.

A paper is one JSON object of two keys: what was signed, under the name of its kind, and the signature over its
canonical form. What is shown of a paper is what was verified, since both come of the same parsed value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import BadInput, Tampered

KINDS = ("agreement", "certificate")
SIGNATURE = "signature_ed25519"
_LARGEST = 1_000_000  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A paper whose signature holds."""

    kind: str  # one of KINDS
    body: Mapping[str, Any]
    sha256: str  # of the canonical body


def seal(kind: str, body: Mapping[str, Any], signature: bytes) -> bytes:
    """The paper's bytes.

    Args:
        signature: over ``canonical_json(body)``.
    """
    return canonical_json({kind: dict(body), SIGNATURE: signature.hex()})


def read_paper(data: bytes, *, verify: Callable[[bytes, bytes], None]) -> Paper:
    """The paper in a file.

    Args:
        verify: takes signature and message, and raises ``Tampered`` unless the one is of the other.

    Raises:
        BadInput: the file is no paper.
        Tampered: it was changed after it was signed, or another key signed it.
    """
    no_paper = BadInput(
        "This is neither an agreement nor a certificate of a sandbox.",
        where="file",
        fix="Give the file as it was downloaded.",
    )
    if len(data) > _LARGEST:
        raise no_paper
    try:
        paper = json.loads(data, object_pairs_hook=_each_key_once)
        (kind,) = (key for key in paper if key != SIGNATURE)
        body, signature = paper[kind], bytes.fromhex(paper[SIGNATURE])
        message = canonical_json(body)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise no_paper from None
    if kind not in KINDS or not isinstance(body, dict):
        raise no_paper
    try:
        verify(signature, message)
    except Tampered as broken:
        raise Tampered(
            f"This {kind} was changed after it was signed, or signed by another key.", place=broken.place
        ) from broken
    return Paper(kind=kind, body=body, sha256=sha256_hex(message))


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # other programs might read the other one
        raise ValueError("a key is given twice")
    return found
