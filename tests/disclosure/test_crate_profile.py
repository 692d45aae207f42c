"""The crate against RO-Crate 1.2 and Workflow RO-Crate 1.0 (an existing validator), and Five Safes RO-Crate 0.4."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.disclosure.crate_phases import JobFacts
from sandbox.domain.canonical import canonical_json
from tests.disclosure.test_crate import RELEASE, crate, entries

ROOT = Path(__file__).resolve().parents[2]
VALIDATOR = ROOT / ".venv" / "rocrate" / "bin" / "python"
AGREEMENT = canonical_json(
    {"project": "scoring", "organisation": "A university", "people": {"lead": "ana", "all": ["ana"]}}
)
JOB = JobFacts(
    number=3,
    code_sha256="e" * 64,
    package_sha256="f" * 64,
    image=f"sha256:{'a' * 64}",
    snapshot="c" * 64,
)
WAYS: dict[str, dict[str, Any]] = {
    "from questions": {},
    "by a job": {"job": JOB, "code": ("analysis.py", b"print(1)\n")},
    "of files without code": {"release": replace(RELEASE, files=(replace(RELEASE.files[0], sql=""),))},
}


def built(way: str) -> dict[str, bytes]:
    return entries(crate(agreement=AGREEMENT, **WAYS[way]))


def graph(parts: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    return {e["@id"]: e for e in json.loads(parts["ro-crate-metadata.json"])["@graph"]}


def issues(profile: str, *folders: Path) -> list[list[str]]:
    script = ROOT / "tests" / "standards" / "rocrate_check.py"
    done = subprocess.run(
        [VALIDATOR, script, profile, "REQUIRED", *folders], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    return [found[str(folder)] for folder in folders]


def unpacked(parts: dict[str, bytes], folder: Path) -> Path:
    for name, data in parts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def change(*path: str, **members: object) -> Callable[[dict[str, bytes]], None]:
    """Change an entity of the description; None drops a member."""

    def changed(parts: dict[str, bytes]) -> None:
        document = json.loads(parts["ro-crate-metadata.json"])
        for entity in document["@graph"]:
            if entity["@id"] == path[0]:
                entity.update(members)
                for name in [n for n, value in members.items() if value is None]:
                    del entity[name]
        parts["ro-crate-metadata.json"] = json.dumps(document).encode()

    return changed


def without(entity: str) -> Callable[[dict[str, bytes]], None]:
    def changed(parts: dict[str, bytes]) -> None:
        document = json.loads(parts["ro-crate-metadata.json"])
        document["@graph"] = [e for e in document["@graph"] if e["@id"] != entity]
        parts["ro-crate-metadata.json"] = json.dumps(document).encode()

    return changed


FAULTS: dict[str, Callable[[dict[str, bytes]], None]] = {
    "no root": without("./"),
    "no date": change("./", datePublished=None),
    "no licence": change("./", license=None),
    "no name": change("./", name=None),
    "a file that is not there": lambda parts: parts.pop("findings.json") and None,
    "no descriptor": without("ro-crate-metadata.json"),
}


@pytest.mark.e2e
@pytest.mark.skipif(
    not VALIDATOR.is_file(), reason="NOT TESTED: no RO-Crate validator; scripts/setup_tests.sh installs it"
)
@pytest.mark.timeout(300)
def test_an_existing_validator_finds_nothing_and_finds_every_planted_fault(tmp_path: Path) -> None:
    whole = [unpacked(built(way), tmp_path / way.replace(" ", "-")) for way in WAYS]
    broken = []
    for name, plant in FAULTS.items():
        parts = built("by a job")
        plant(parts)
        broken.append(unpacked(parts, tmp_path / name.replace(" ", "-")))
    found = issues("ro-crate-1.2", *whole, *broken)
    assert found[: len(whole)] == [[]] * len(whole)
    missed = [name for name, said in zip(FAULTS, found[len(whole) :], strict=True) if not said]
    assert missed == []
    inner = [folder / "workflow" for folder in whole[:2]]
    assert issues("workflow-ro-crate-1.0", *inner) == [[], []]


def shapes(parts: dict[str, bytes]) -> dict[str, bool]:
    """What Five Safes RO-Crate 0.4 demands with MUST, and whether it is so."""
    found = graph(parts)
    root = found.get("./", {})
    run = next((e for e in found.values() if e["@type"] == "CreateAction"), {})
    main = found.get(reference(root.get("mainEntity")), {})
    project = found.get(reference(root.get("sourceOrganization")), {})
    agent = found.get(reference(run.get("agent")), {})
    actions = {e["@id"] for e in found.values() if e["@type"] in ("AssessAction", "CreateAction")}
    parts_of_root = {reference(e) for e in root.get("hasPart", [])}
    results = as_list(run.get("result"))
    software = [e for e in found.values() if e["@type"] == "SoftwareApplication"]
    assessed = [e for e in found.values() if e["@type"] == "AssessAction"]
    return {
        "RO-Crate 1.2 or later": reference(found["ro-crate-metadata.json"]["conformsTo"]).endswith("/1.2"),
        "the profile is named": reference(root.get("conformsTo")) == "https://w3id.org/5s-crate/0.4",
        "the main entity is a Workflow RO-Crate": main.get("@type") == "Dataset"
        and reference(main.get("conformsTo")).startswith("https://w3id.org/workflowhub/workflow-ro-crate/"),
        "the inner crate is there": f"{main.get('@id')}ro-crate-metadata.json" in parts,
        "a CreateAction, mentioned by the root": run.get("@id") in {reference(e) for e in root["mentions"]},
        "its instrument is the Workflow Crate": main.get("@id")
        in {reference(e) for e in as_list(run.get("instrument"))},
        "its agent is a person": agent.get("@type") == "Person",
        "a responsible project": project.get("@type") == "Project",
        "the agent is of the project": reference(agent.get("memberOf")) == project.get("@id"),
        "every action is mentioned": actions == {reference(e) for e in root["mentions"]},
        "every action has a name": all(found[a].get("name") for a in actions),
        "software names the organisation that runs it": all(
            found.get(reference(e.get("provider")), {}).get("@type") == "Organization" for e in software
        ),
        "results are parts of the crate": bool(results) and {reference(e) for e in results} <= parts_of_root,
        "every assessment is of the crate": all(
            "./" in {reference(e) for e in as_list(action["object"])} for action in assessed
        ),
        "sign-off and disclosure check": {reference(a["additionalType"]) for a in assessed}
        == {"https://w3id.org/shp#SignOff", "https://w3id.org/shp#DisclosureCheck"},
        "a publisher, a date and a licence": all(
            root.get(name) for name in ("publisher", "datePublished", "license")
        ),
    }


def reference(value: object) -> str:
    return str(value.get("@id", "")) if isinstance(value, dict) else ""


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


@pytest.mark.parametrize("way", ["from questions", "by a job"])
def test_it_is_a_five_safes_crate(way: str) -> None:
    assert [name for name, holds in shapes(built(way)).items() if not holds] == []


PLANTED = {
    "the profile is named": change("./", conformsTo=None),
    "the main entity is a Workflow RO-Crate": change("./", mainEntity=None),
    "a CreateAction, mentioned by the root": change("./", mentions=[{"@id": "#checks"}]),
    "its instrument is the Workflow Crate": change("#run", instrument={"@id": "#checker"}),
    "its agent is a person": change("#run", agent={"@id": "#platform"}),
    "a responsible project": change("./", sourceOrganization=None),
    "software names the organisation that runs it": change("#checker", provider=None),
    "results are parts of the crate": change("#run", result=None),
    "every assessment is of the crate": change("#review", object=[]),
    "a publisher, a date and a licence": change("./", publisher=None),
}


@pytest.mark.parametrize(("shape", "plant"), PLANTED.items(), ids=PLANTED)
def test_a_planted_fault_fails_its_shape(shape: str, plant: Callable[[dict[str, bytes]], None]) -> None:
    parts = built("by a job")
    plant(parts)
    assert not shapes(parts)[shape]


def test_without_code_it_does_not_claim_to_be_one() -> None:
    root = graph(built("of files without code"))["./"]
    assert "conformsTo" not in root
    assert "mainEntity" not in root
    assert {"@id": "#review"} in root["mentions"]


def test_people_are_pseudonyms_in_the_description() -> None:
    for way in WAYS:
        described = built(way)["ro-crate-metadata.json"]
        assert not [name for name in (b"rosa", b"rita", b'"ana"') if name in described]
        assert b"reviewer 1" in described


def test_of_a_job_its_code_and_image_are_told_and_no_time() -> None:
    parts = built("by a job")
    assert parts["workflow/analysis.py"] == b"print(1)\n"
    assert json.loads(parts["job.json"])["image"] == JOB.image
    assert graph(parts)["#image"]["sha256"] == "a" * 64
    run = graph(parts)["#run"]
    assert not {"startTime", "endTime"} & set(run)


def test_each_file_s_hash_in_the_description_is_its_own() -> None:
    from sandbox.domain.canonical import sha256_hex

    parts = built("by a job")
    hashed = {e["@id"]: e["sha256"] for e in graph(parts).values() if "File" in e["@type"]}
    assert len(hashed) > 8
    assert hashed == {path: sha256_hex(parts[path]) for path in hashed}
