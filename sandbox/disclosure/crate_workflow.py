"""What made the outputs, as a crate within the crate: the code of a job, else the questions behind the files.

Source: Workflow RO-Crate 1.0, which Five Safes RO-Crate 0.4 names as the main entity.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FOLDER = "workflow"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"  # the version that Workflow RO-Crate 1.0 is made for
PROFILE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_LANGUAGES = {
    "sql": ("SQL", "https://www.iso.org/standard/76583.html", "2023"),
    "py": ("Python", "https://www.python.org/", "3"),
    "ipynb": ("Jupyter Notebook", "https://jupyter.org/", "4"),
    "R": ("R", "https://www.r-project.org/", "4"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The code behind a release.

    Attributes:
        name: its bare file name; the ending says the language.
    """

    name: str
    code: bytes

    @property
    def path(self) -> str:
        return f"{FOLDER}/{self.name}"


def of_questions(questions: Mapping[str, str]) -> Workflow | None:
    """The questions behind files as one text; None where there are none.

    Args:
        questions: SQL by the name of the file that it made.
    """
    if not questions:
        return None
    text = "\n".join(f"-- {name}\n{sql.rstrip().rstrip(';')};\n" for name, sql in sorted(questions.items()))
    return Workflow(name="main.sql", code=text.encode())


def parts_of(workflow: Workflow, *, title: str, licence: str, made_at: str) -> dict[str, bytes]:
    """The files of the inner crate, by path."""
    return {
        workflow.path: workflow.code,
        f"{FOLDER}/ro-crate-metadata.json": _description(workflow, title, licence, made_at),
    }


def entities(workflow: Workflow, title: str) -> list[dict[str, Any]]:
    """The inner crate as the outer one describes it; its file is described with the other files."""
    return [
        {
            "@id": f"{FOLDER}/",
            "@type": "Dataset",
            "name": f"What made the outputs from {title}",
            "conformsTo": {"@id": PROFILE},
            "hasPart": [{"@id": workflow.path}, {"@id": f"{FOLDER}/ro-crate-metadata.json"}],
        },
        _language_entity(workflow.name),
    ]


def language_of(workflow: Workflow) -> str:
    """The address of its language, as the crate names it."""
    return _language(workflow.name)[1]


def _description(workflow: Workflow, title: str, licence: str, made_at: str) -> bytes:
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": [{"@id": SPECIFICATION}, {"@id": PROFILE}],
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": f"What made the outputs from {title}",
            "description": "The code as it was sent, or the questions as they were asked.",
            "datePublished": made_at,
            "license": licence,
            "mainEntity": {"@id": workflow.name},
            "hasPart": [{"@id": workflow.name}],
        },
        {
            "@id": workflow.name,
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": workflow.name,
            "programmingLanguage": {"@id": _language(workflow.name)[1]},
        },
        _language_entity(workflow.name),
    ]
    document = {"@context": f"{SPECIFICATION}/context", "@graph": graph}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _language(name: str) -> tuple[str, str, str]:
    """Its name, address and version, by the ending of a file's name."""
    text = ("text", "https://www.iana.org/assignments/media-types/", "1")
    return _LANGUAGES.get(name.rpartition(".")[2], text)


def _language_entity(name: str) -> dict[str, Any]:
    called, address, version = _language(name)
    return {
        "@id": address,
        "@type": "ComputerLanguage",
        "name": called,
        "version": version,
        "identifier": {"@id": address},
        "url": {"@id": address},
    }
