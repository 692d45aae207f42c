"""What everybody may read about a dataset, whatever is in it.

- Of a closed dataset: that it exists, whose it is, and whom to ask. Not what is in it.
- Of any dataset: no reviewer's name, since a requester must not know who votes.
- No number, and no hash, that was computed from private rows.
"""

from __future__ import annotations

from typing import Any

from sandbox.domain.canonical import content_hash
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.policy_document import policy_to_document

_OF_CLOSED = (
    "name",
    "title",
    "open_class",
    "domain",
    "description",
    "provider",
    "keywords",
    "contact",
)


def public_terms(policy: DatasetPolicy) -> dict[str, Any]:
    """The policy's public part, as a document."""
    document = policy_to_document(policy)
    if policy.open_class is OpenClass.CLOSED:
        return {name: document[name] for name in _OF_CLOSED} | {"tables": {}, "lookups": {}}
    document["release"].pop("pool")
    document["opened_by"] = [str(mode) for mode in policy.open_modes]
    return document


def public_snapshot(policy: DatasetPolicy, *, snapshot: str, version: int, published_at: str) -> str:
    """A version's name for everybody, 64 hex digits.

    That of open data is the hash of what can be downloaded. That of private data is made from name, number and time:
    a hash of rows, keyed or not, would say which versions have the same rows.
    """
    if policy.open_class is OpenClass.UNCONDITIONAL:
        return snapshot
    return content_hash({"dataset": policy.name, "version": version, "published_at": published_at})
