"""``ro-crate-metadata.json``: what is in a crate, in words that other tools read.

Source: RO-Crate Metadata Specification 1.2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.disclosure.crate_phases import JobFacts, of_root, phases
from sandbox.disclosure.crate_workflow import FOLDER, Workflow, entities, language_of
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.release import Release

_SPECIFICATION = "https://w3id.org/ro/crate/1.2"  # the names that the specification prescribes
_ABOUT = {
    "agreement.json": "The agreement under which the data was used",
    "agreement.sig": "The platform's Ed25519 signature of the agreement",
    "findings.json": "The checks with their rules, parameters and verdicts",
    "review.json": "The reviewers' votes, without names, and the hashes of the files as they were submitted",
    "ledger.json": "What the project's questions cost",
    "log.json": "Where the platform's log stood",
    "job.json": "The job that made the files: code, image and version of the data",
    "receipts.json": "Signed receipts of the private answers behind the files",
    "public_key.pem": "The public key that signed; compare it with the platform's own",
}
_RUN = (
    "https://w3id.org/ro/terms/workflow-run#"  # terms of Process Run Crate that RO-Crate itself does not know
)
_RUN_TERMS = {"containerImage": f"{_RUN}containerImage", "ContainerImage": f"{_RUN}ContainerImage"}
_TYPES = {"csv": "text/csv", "json": "application/json", "sql": "application/sql", "png": "image/png"}


def description(
    *,
    release: Release,
    parts: Mapping[str, bytes],
    title: str,
    source: str,
    licence: str,
    snapshot: str,
    released_at: str,
    agreement: Mapping[str, Any],
    rules_version: str,
    workflow: Workflow | None,
    job: JobFacts | None,
    address: str,
) -> bytes:
    """The description of a crate.

    Args:
        parts: the crate's other files by path.
        title: the dataset's name for people.
        snapshot: the content hash of the private view that the outputs were made from.
        released_at: ISO 8601, UTC.
        agreement: its document.
        workflow: what made the outputs, where that is known; only then is it a Five Safes RO-Crate.
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
            "license": {"@id": "#licence"},
            "identifier": f"release-{release.id}",
            "isBasedOn": {"@id": "#dataset"},
            "hasPart": [{"@id": path} for path in sorted(parts)]
            + ([{"@id": f"{FOLDER}/"}] if workflow is not None else []),
            **of_root(workflow),
        },
        {
            "@id": "#dataset",
            "@type": "Dataset",
            "name": title,
            "identifier": release.dataset,
            "version": snapshot,
            "creditText": source,
            "license": {"@id": "#licence"},
        },
        {"@id": "#licence", "@type": "CreativeWork", "name": licence, "description": f"Source: {source}"},
        *phases(
            agreement=agreement,
            files=[path for path in sorted(submitted) if path in parts],
            reviewers=len(release.votes),
            rules_version=rules_version,
            workflow=workflow,
            job=job,
            released_at=released_at,
            address=address,
        ),
        *(entities(workflow, title) if workflow is not None else []),
    ]
    code = workflow.path if workflow is not None else ""
    for path, data in sorted(parts.items()):
        entity: dict[str, Any] = {
            "@id": path,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"] if path == code else "File",
            "name": _ABOUT.get(path, path.rpartition("/")[2]),
            "contentSize": str(len(data)),
            "sha256": sha256_hex(data),
            "encodingFormat": _TYPES.get(path.rpartition(".")[2], "text/plain"),
        }
        if path in submitted:
            entity["description"] = f"Rebuilt by the platform from the submitted sha256 {submitted[path]}"
        if workflow is not None and path == code:
            entity["programmingLanguage"] = {"@id": language_of(workflow)}
        graph.append(entity)
    document = {"@context": [f"{_SPECIFICATION}/context", _RUN_TERMS], "@graph": graph}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
