"""The images that the last build made, as the operator sees them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.packages import packages_file, read_packages


@dataclass(frozen=True, slots=True)
class ListedImage:
    """The image of one role."""

    role: str
    tag: str
    digest: str
    packages: str  # how many; empty when its list is not there
    there: bool  # whether the engine has it


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image as the build wrote it down; whether the engine still has it is not asked."""

    role: str
    tag: str
    digest: str


def built_images(file: Path) -> tuple[BuiltImage, ...]:
    """All roles that containers are started for; none when nothing was built or the list cannot be read."""
    try:
        listed = json.loads(file.read_text())
        return tuple(
            BuiltImage(role=role, tag=image["tag"], digest=image["digest"])
            for role, image in listed.items()
            if role != "base"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def listed_images(file: Path) -> tuple[ListedImage, ...]:
    """All roles that containers are started for.

    Raises:
        OperatorError: the images were not built, or no engine answers.
    """
    Images.read(file)
    containers = Containers.of_this_host()
    try:
        return tuple(
            ListedImage(
                role=role,
                tag=image["tag"],
                digest=image["digest"],
                packages=_count(packages_file(file, role)),
                there=containers.has_image(image["digest"]),
            )
            for role, image in json.loads(file.read_text()).items()
            if role != "base"  # the others are made of it; no container is
        )
    finally:
        containers.client.close()


def _count(file: Path) -> str:
    try:
        return str(len(read_packages(file)))
    except OperatorError:
        return ""
