"""``docs/reference/packages.md``: what the images that code runs in hold, made from the notebook's lock and R's list.

``python -m sandbox.isolation.packages_reference > docs/reference/packages.md`` writes it; a test says when it is stale.
Licences stand in ``requirements/notebook.licences.json``; ``… packages_reference licences`` writes that file anew from
the packages that are installed where it runs, and keeps what it knew of the others. R's stand in
``requirements/r.packages.json``; ``… packages_reference r`` writes it anew from the list of the image that was built.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox.isolation.entrance.target import Target, pinned
from sandbox.isolation.packages import packages_file, read_packages

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
R_LIST = REQUIREMENTS / "r.packages.json"
UNKNOWN = "see the package"
_ASKED_FOR = re.compile(r"^([A-Za-z0-9._-]+)", re.MULTILINE)


def page() -> str:
    """The page."""
    packages = pinned((REQUIREMENTS / "notebook.lock").read_text(), Target().environment)
    asked_for = {m.lower() for m in _ASKED_FOR.findall((REQUIREMENTS / "notebook.in").read_text())}
    known = licences()
    first = [name for name in sorted(packages) if name in asked_for]
    others = [name for name in sorted(packages) if name not in asked_for]

    def rows(names: list[str]) -> list[str]:
        return [f"| {name} | {packages[name]} | {known.get(name, UNKNOWN)} |" for name in names]

    head = ["| package | version | licence |", "|---|---|---|"]
    return "\n".join(
        [
            "# Packages in every notebook and job",
            "",
            "Made from the image's lock by `python -m sandbox.isolation.packages_reference`: Python "
            f"{'.'.join(map(str, Target().python))} on Linux, each package pinned by hash.",
            "",
            *head,
            *rows(first),
            "",
            "## How to ask for more",
            "",
            "- For your project: [bring its wheel in](../how-to/bring-files-in.md#packages); "
            "it is importable from the next start.",
            "- For everybody: ask the operator, who [adds it to the image](../how-to/bring-files-in.md#for-everybody).",
            "",
            "## What these need",
            "",
            *head,
            *rows(others),
            "",
            "## In jobs in R",
            "",
            "Of Debian 12, in [the image of such jobs](../how-to/run-a-job.md#in-r), as they were when this page was "
            "made; `sandbox images packages r` has yours, and what R itself needs. First those that were asked for.",
            "",
            *head,
            *r_rows(),
            "",
        ]
    )


def r_rows() -> list[str]:
    """R's packages, those first that its image names."""
    known: dict[str, list[str]] = json.loads(R_LIST.read_text())
    asked_for = r_asked_for()
    names = [*asked_for, *(name for name in sorted(known) if name not in asked_for)]
    return [f"| {name} | {' | '.join(known[name])} |" for name in names]


def r_asked_for() -> list[str]:
    """What R's image names."""
    lines = (ROOT / "images" / "r" / "packages").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def r_installed(file: Path) -> dict[str, list[str]]:
    """Name -> version and licence of R's packages, from the list that the image's build made."""
    return {
        package.name: [package.version, _r_licence(package.licence)]
        for package in read_packages(file)
        if package.name.startswith("r-")
    }


def _r_licence(text: str) -> str:
    """As Debian's file of copyrights has it, without a bar, which would end a cell."""
    return re.sub(r"^see /\S+", "in its file of copyrights", text).replace(" | ", " or ").strip("'.")


def licences() -> dict[str, str]:
    """Canonical name -> licence, as its makers write it."""
    found: dict[str, str] = json.loads((REQUIREMENTS / "notebook.licences.json").read_text())
    return found


def installed_licences(names: Mapping[str, object], known: Mapping[str, str]) -> dict[str, str]:
    """The licences of packages, from what is installed here; those that are not keep what was known."""
    found = {}
    for name in sorted(names):
        try:
            found[name] = _licence(importlib.metadata.metadata(name))
        except importlib.metadata.PackageNotFoundError:
            found[name] = known.get(name, UNKNOWN)
    return found


def _licence(metadata: importlib.metadata.PackageMetadata) -> str:
    """In one short line, without a bar, which would end a cell."""

    def first(key: str) -> str:
        return str(metadata[key] or "").strip() if key in metadata else ""

    text = first("License-Expression")
    if not text:
        kinds = [
            c.split(" :: ")[-1] for c in metadata.get_all("Classifier") or () if c.startswith("License ::")
        ]
        text = ", ".join(kinds) or first("License").partition("\n")[0]
    plain = " ".join("".join(c for c in text if c.isprintable() and c not in "|<>`").split())
    return plain[:60] or UNKNOWN


if __name__ == "__main__":
    if sys.argv[1:] == ["licences"]:
        lock = pinned((REQUIREMENTS / "notebook.lock").read_text(), Target().environment)
        sys.stdout.write(json.dumps(installed_licences(lock, licences()), indent=2) + "\n")
    elif sys.argv[1:] == ["r"]:
        listed = r_installed(packages_file(ROOT / ".sandbox" / "images.json", "r"))
        sys.stdout.write(json.dumps(listed, indent=2) + "\n")
    else:
        sys.stdout.write(page())
