"""Who did what on the way to a release, in the words of the Five Safes: people as pseudonyms, phases as actions.

Source: Five Safes RO-Crate 0.4 (Soiland-Reyes, Wheater 2023), phases sign-off, execution, disclosure and publishing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.disclosure.crate_workflow import FOLDER, Workflow

PROFILE = "https://w3id.org/5s-crate/0.4"
_SHP = "https://w3id.org/shp#"
_DONE = "http://schema.org/CompletedActionStatus"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """The job that made the files, where one did. When it ran, and what it printed, stays with the platform.

    Attributes:
        image: the digest of the container image.
        snapshot: the version of the data that it read.
    """

    number: int
    code_sha256: str
    package_sha256: str
    image: str
    snapshot: str

    def document(self) -> dict[str, Any]:
        return {
            "job": self.number,
            "phase": "raw",
            "code_sha256": self.code_sha256,
            "package_sha256": self.package_sha256,
            "image": self.image,
            "snapshot": self.snapshot,
        }


def phases(
    *,
    agreement: Mapping[str, Any],
    files: Sequence[str],
    reviewers: int,
    rules_version: str,
    workflow: Workflow | None,
    job: JobFacts | None,
    released_at: str,
    address: str,
) -> list[dict[str, Any]]:
    """The people, the project and every action.

    Args:
        agreement: its document; of it the project and the organisation are named, and no person.
        files: paths of the outputs.
        reviewers: how many approved.
        address: of the platform, for browsers.
    """
    project = str(agreement.get("project") or "the project")
    outputs = [{"@id": path} for path in files]
    done = {"actionStatus": _DONE, "endTime": released_at}
    graph: list[dict[str, Any]] = [
        {"@id": "#project", "@type": "Project", "name": project},
        {
            "@id": "#organisation",
            "@type": "Organization",
            "name": str(agreement.get("organisation") or "not told"),
        },
        {
            "@id": "#researcher",
            "@type": "Person",
            "name": "researcher 1",
            "affiliation": {"@id": "#organisation"},
            "memberOf": {"@id": "#project"},
        },
        {"@id": "#owner", "@type": "Person", "name": "the data owner"},
        {
            "@id": "#platform",
            "@type": "Organization",
            "name": "The secure data sandbox that released this",
            "url": address,
        },
        {
            "@id": "#checker",
            "@type": "SoftwareApplication",
            "name": "The sandbox's output checks",
            "version": rules_version,
            "url": address,
            "provider": {"@id": "#platform"},
        },
        *(
            {"@id": f"#reviewer-{n}", "@type": "Person", "name": f"reviewer {n}"}
            for n in range(1, reviewers + 1)
        ),
        {"@id": f"{_SHP}SignOff", "@type": "DefinedTerm", "name": "Sign-off"},
        {"@id": f"{_SHP}DisclosureCheck", "@type": "DefinedTerm", "name": "Disclosure check"},
        {
            "@id": "#signoff",
            "@type": "AssessAction",
            "additionalType": {"@id": f"{_SHP}SignOff"},
            "name": "Sign-off under the agreement: approved",
            "object": [{"@id": "./"}, {"@id": "#project"}]
            + ([{"@id": f"{FOLDER}/"}] if workflow is not None else []),
            "instrument": {"@id": "agreement.json"},
            "agent": {"@id": "#owner"},
            "actionStatus": _DONE,
        },
        {
            "@id": "#checks",
            "@type": "AssessAction",
            "additionalType": {"@id": f"{_SHP}DisclosureCheck"},
            "name": "Automatic checks of the outputs: passed on to people",
            "object": [{"@id": "./"}, *outputs],
            "instrument": {"@id": "#checker"},
            "agent": {"@id": "#checker"},
            "result": {"@id": "findings.json"},
            **done,
        },
        {
            "@id": "#review",
            "@type": "AssessAction",
            "additionalType": {"@id": f"{_SHP}DisclosureCheck"},
            "name": "Review by people who did not know of each other's votes: approved",
            "object": [{"@id": "./"}, *outputs],
            "agent": _one([{"@id": f"#reviewer-{n}"} for n in range(1, reviewers + 1)]),
            "result": {"@id": "review.json"},
            **done,
        },
    ]
    if workflow is not None:
        graph.append(_run(workflow, job, outputs))
        graph.append(
            {
                "@id": PROFILE,
                "@type": ["CreativeWork", "Profile"],
                "name": "Five Safes RO-Crate profile",
                "version": "0.4",
            }
        )
    if job is not None and job.image:
        graph.append(
            {
                "@id": "#image",
                "@type": "ContainerImage",
                "additionalType": {"@id": "https://w3id.org/ro/terms/workflow-run#DockerImage"},
                "name": "The image that the job ran in",
                "sha256": job.image.rpartition(":")[2],
            }
        )
    return graph


def of_root(workflow: Workflow | None) -> dict[str, Any]:
    """What the root data entity says of all this."""
    actions = ["#signoff", "#checks", "#review"] + (["#run"] if workflow is not None else [])
    root: dict[str, Any] = {
        "author": {"@id": "#researcher"},
        "publisher": {"@id": "#platform"},
        "sourceOrganization": {"@id": "#project"},
        "mentions": [{"@id": name} for name in actions],
    }
    if workflow is not None:
        root |= {
            "conformsTo": {"@id": PROFILE},
            "mainEntity": {"@id": f"{FOLDER}/"},
        }
    return root


def _run(workflow: Workflow, job: JobFacts | None, outputs: list[dict[str, str]]) -> dict[str, Any]:
    how = f"Job {job.number} on raw rows" if job is not None else "Questions on the platform"
    run: dict[str, Any] = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"{how}: {workflow.name}",
        "agent": {"@id": "#researcher"},
        "instrument": [{"@id": workflow.path}, {"@id": f"{FOLDER}/"}],
        "object": {"@id": "#dataset"},
        "result": _one(outputs),
        "actionStatus": _DONE,
    }
    if job is not None and job.image:
        run["containerImage"] = {"@id": "#image"}
    return run


def _one(values: list[dict[str, str]]) -> list[dict[str, str]] | dict[str, str]:
    """A single value stands without a list around it (RO-Crate 1.2, appendix on JSON-LD)."""
    return values[0] if len(values) == 1 else values
