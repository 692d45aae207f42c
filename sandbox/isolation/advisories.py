"""Known faults of an image's packages, by a folder of advisories in OSV's format that the operator hands in.

There is no internet where the sandbox runs, so nothing is looked up: the answer is as fresh as the folder.
Format: https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.domain.errors import BadInput
from sandbox.isolation.packages import Package
from sandbox.isolation.versions import order


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A package that an advisory is about."""

    package: Package
    advisory: str
    aliases: tuple[str, ...]
    summary: str
    fixed_in: str  # empty: in none that the advisory knows


def read_advisories(folder: Path) -> Iterator[Mapping[str, Any]]:
    """All of a folder's ``*.json``, those below it too.

    Raises:
        BadInput: no folder, none in it, or one that is not of this format: an answer without it would be too good.
    """
    files = sorted(folder.rglob("*.json")) if folder.is_dir() else []
    if not files:
        raise BadInput(
            f"{folder} holds no advisories.", where="advisories", fix="Hand in a folder of OSV's JSON files."
        )
    for file in files:
        try:
            read = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(read["id"], str) or not isinstance(read.get("affected", []), list):
                raise ValueError("another format")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"{file} is no advisory in OSV's format ({type(error).__name__}).",
                where=str(file),
                fix="Take it out of the folder, or fetch it again.",
            ) from error
        yield read


def faults(packages: Iterable[Package], advisories: Iterable[Mapping[str, Any]]) -> tuple[Fault, ...]:
    """The packages that advisories are about, in the version that is there."""
    named: dict[tuple[str, str], list[Package]] = {}
    for package in packages:
        named.setdefault((package.ecosystem, package.source), []).append(package)
    return tuple(sorted({fault for read in advisories for fault in _of(read, named)}))


def _of(read: Mapping[str, Any], named: Mapping[tuple[str, str], list[Package]]) -> Iterator[Fault]:
    if read.get("withdrawn"):
        return
    for affected in read.get("affected", ()):
        about = affected.get("package", {})
        for package in named.get((about.get("ecosystem", ""), _spelled(about)), ()):
            if _touches(package, affected):
                yield Fault(
                    package=package,
                    advisory=read["id"],
                    aliases=tuple(read.get("aliases") or ()),
                    summary=str(read.get("summary") or read.get("details") or "").partition("\n")[0][:200],
                    fixed_in=_fixed_in(package, affected),
                )


def _spelled(about: Mapping[str, Any]) -> str:
    """A package's name as our lists have it."""
    name = str(about.get("name", ""))
    return name.lower().replace("_", "-").replace(".", "-") if about.get("ecosystem") == "PyPI" else name


def _touches(package: Package, affected: Mapping[str, Any]) -> bool:
    """Listed by itself, or within a range. A range that cannot be read counts as touching."""
    if package.source_version in affected.get("versions", ()):
        return True
    return any(
        _within(package, span.get("events", ()))
        for span in affected.get("ranges", ())
        if span.get("type") in ("ECOSYSTEM", "SEMVER")
    )


def _within(package: Package, events: Iterable[Mapping[str, str]]) -> bool:
    try:
        mine = order(package.kind, package.source_version)
        passed = sorted(
            (
                (not (kind == "introduced" and at == "0"), order(package.kind, at), kind)
                for event in events
                for kind, at in event.items()
                if kind in ("introduced", "fixed", "last_affected")
            ),
            key=lambda row: row[:2],
        )
    except ValueError:
        return True
    inside = False
    for not_the_first, at, kind in passed:
        if kind == "introduced" and (not not_the_first or mine >= at):
            inside = True
        elif (kind == "fixed" and mine >= at) or (kind == "last_affected" and mine > at):
            inside = False
    return inside


def _fixed_in(package: Package, affected: Mapping[str, Any]) -> str:
    """The first version after ours that mends it."""
    found = [
        e["fixed"] for span in affected.get("ranges", ()) for e in span.get("events", ()) if "fixed" in e
    ]
    try:
        mine = order(package.kind, package.source_version)
        later = [(order(package.kind, at), at) for at in found if order(package.kind, at) > mine]
    except ValueError:
        return ""
    return min(later, key=lambda row: row[0])[1] if later else ""
