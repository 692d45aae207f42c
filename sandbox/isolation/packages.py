"""What is in an image: the list that its build made (CycloneDX), read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.domain.errors import OperatorError

ECOSYSTEMS = {"deb": "Debian:12", "pypi": "PyPI", "npm": "npm"}  # as advisories in OSV's format call them


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One package of an image.

    Attributes:
        kind: deb, pypi or npm.
        source: the name under which advisories are written, and its version: of Debian's source package.
    """

    kind: str
    name: str
    version: str
    licence: str
    source: str
    source_version: str

    @property
    def ecosystem(self) -> str:
        return ECOSYSTEMS.get(self.kind, self.kind)


def packages_file(images_file: Path, role: str) -> Path:
    """Where the image build writes a role's list."""
    return images_file.parent / "sbom" / f"{role}.cdx.json"


def read_packages(file: Path) -> tuple[Package, ...]:
    """An image's packages, by kind and name.

    Raises:
        OperatorError: the file is missing or no such list.
    """
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
        if listed["bomFormat"] != "CycloneDX":
            raise ValueError("another format")
        return tuple(sorted(map(_package, listed["components"])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OperatorError(
            f"The list of packages {file.name} cannot be read ({type(error).__name__}).",
            fix="Build the images: make images.",
        ) from error


def _package(listed: Mapping[str, Any]) -> Package:
    more = {row["name"]: row["value"] for row in listed.get("properties", ())}
    name, version = str(listed["name"]), str(listed["version"])
    return Package(
        kind=str(listed["purl"]).removeprefix("pkg:").partition("/")[0],
        name=name,
        version=version,
        licence=", ".join(map(_licence, listed.get("licenses", ()))),
        source=more.get("sandbox:source", name),
        source_version=more.get("sandbox:source-version", version),
    )


def _licence(listed: Mapping[str, Any]) -> str:
    if "expression" in listed:
        return str(listed["expression"])
    return str(listed["license"].get("id") or listed["license"]["name"])
