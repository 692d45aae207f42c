"""``ro-crate-metadata.json``: what is in a crate, in words that other tools read.

Source: RO-Crate Metadata Specification 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.domain.canonical import sha256_hex
from sandbox.domain.release import Release

_SPECIFICATION = "https://w3id.org/ro/crate/1.1"  # the names that the specification prescribes
_ABOUT = {
    "agreement.json": "The agreement under which the data was used",
    "agreement.sig": "The platform's Ed25519 signature of the agreement",
    "findings.json": "The checks with their rules, parameters and verdicts",
    "review.json": "The reviewers' votes, without names, and the hashes of the files as they were submitted",
    "ledger.json": "What the project's questions cost",
    "log.json": "Where the platform's log stood",
    "public_key.pem": "The public key that signed; compare it with the platform's own",
}
_TYPES = {"csv": "text/csv", "json": "application/json", "sql": "application/sql"}


def description(
    *,
    release: Release,
    parts: Mapping[str, bytes],
    title: str,
    source: str,
    licence: str,
    snapshot: str,
    released_at: str,
) -> bytes:
    """The description of a crate.

    Args:
        parts: the crate's other files by path.
        title: the dataset's name for people.
        snapshot: the content hash of the private view that the outputs were made from.
        released_at: ISO 8601, UTC.
    """
    submitted = {f"files/{f.name}": f.sha256 for f in release.files}
    graph: list[dict[str, Any]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": _SPECIFICATION},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Release {release.id} from {title}",
            "description": release.context,
            "datePublished": released_at,
            "license": licence,
            "identifier": f"release-{release.id}",
            "isBasedOn": {"@id": "#dataset"},
            "hasPart": [{"@id": path} for path in sorted(parts)],
            "mentions": [{"@id": "#checks"}, {"@id": "#review"}],
        },
        {
            "@id": "#dataset",
            "@type": "Dataset",
            "name": title,
            "identifier": release.dataset,
            "version": snapshot,
            "creditText": source,
        },
        {
            "@id": "#checks",
            "@type": "AssessAction",
            "name": "Automatic checks of the outputs",
            "object": [{"@id": path} for path in sorted(submitted)],
            "result": {"@id": "findings.json"},
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
        {
            "@id": "#review",
            "@type": "AssessAction",
            "name": "Review by people who did not know of each other's votes",
            "object": [{"@id": path} for path in sorted(submitted)],
            "result": {"@id": "review.json"},
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    ]
    for path, data in sorted(parts.items()):
        entity: dict[str, Any] = {
            "@id": path,
            "@type": "File",
            "name": _ABOUT.get(path, path.rpartition("/")[2]),
            "contentSize": str(len(data)),
            "sha256": sha256_hex(data),
            "encodingFormat": _TYPES.get(path.rpartition(".")[2], "text/plain"),
        }
        if path in submitted:
            entity["description"] = f"Rebuilt by the platform from the submitted sha256 {submitted[path]}"
        graph.append(entity)
    document = {"@context": f"{_SPECIFICATION}/context", "@graph": graph}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
