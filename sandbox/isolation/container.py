"""A container's settings as rows, so that the code, the documentation and the tests read the same table."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from sandbox.domain.errors import OperatorError
from sandbox.domain.job import PYTHON_LANGUAGES, Language

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Part(StrEnum):
    """Which half of the engine's create call a setting belongs to."""

    CONTAINER = "container"
    HOST = "host"
    PATHS = "paths"  # of the host's half, under the engine's own name: docker-py has none for it


@dataclass(frozen=True, slots=True)
class Setting:
    """One row."""

    part: Part
    key: str  # docker-py's name for it
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """Everything a container is created with, but for its name, environment and command.

    >>> rows = (Setting(Part.HOST, "network_mode", "none", "nothing to scan"),)
    >>> ContainerSettings(rows).host_config()
    {'network_mode': 'none'}
    """

    rows: tuple[Setting, ...]

    def create_kwargs(self) -> dict[str, Any]:
        """Arguments of docker-py's ``create_container``."""
        return self._of(Part.CONTAINER)

    def host_config(self) -> dict[str, Any]:
        """Arguments of docker-py's ``create_host_config``."""
        return self._of(Part.HOST)

    def paths(self) -> dict[str, Any]:
        """What is covered or read-only of the kernel's files; to be added to the host config that was made."""
        return self._of(Part.PATHS)

    def __getitem__(self, key: str) -> Any:
        """The value of the setting with this key."""
        for row in self.rows:
            if row.key == key:
                return row.value
        raise KeyError(key)

    def _of(self, part: Part) -> dict[str, Any]:
        return {row.key: row.value for row in self.rows if row.part is part}


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The image of each kind of container, by digest. Nobody else's choice is ever looked at.

    A tag can be given to another image later; a digest is the hash of what is started.
    """

    gate: str
    engine: str
    notebook: str
    r: str = ""  # of jobs in R; empty where nobody built it

    @property
    def languages(self) -> frozenset[Language]:
        """Those that jobs run in."""
        return PYTHON_LANGUAGES | {Language.R} if self.r else PYTHON_LANGUAGES

    def of_jobs(self, language: Language) -> str:
        """The image that code in a language runs in.

        Raises:
            OperatorError: it was not built.
        """
        if language is not Language.R:
            return self.notebook
        if not self.r:
            raise OperatorError(
                "The image of jobs in R is not there.", fix="Build it: sandbox images build r."
            )
        return self.r

    @classmethod
    def read(cls, file: Path) -> Images:
        """Read what the image build wrote.

        Raises:
            OperatorError: the file is missing, damaged, incomplete, or names images by tag alone.
        """
        try:
            found = json.loads(file.read_text())
            wanted = [kind.name for kind in fields(cls) if kind.default is MISSING or kind.name in found]
            return cls(**{name: _digest(found[name]) for name in wanted})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OperatorError(
                f"The list of container images cannot be read from {file} ({type(error).__name__}).",
                fix="Build the images: make images.",
            ) from error


def languages_here(file: Path) -> frozenset[Language]:
    """Those that jobs run in, as the image build wrote it; Python where that cannot be read."""
    try:
        return Images.read(file).languages
    except OperatorError:
        return PYTHON_LANGUAGES


def _digest(image: dict[str, str]) -> str:
    digest = image["digest"]
    if not _DIGEST.fullmatch(digest):
        raise ValueError("not a digest")
    return digest


def bind(source: Path, target: str, *, read_only: bool) -> dict[str, Any]:
    """A folder of the host inside a container. The engine refuses to start when the folder is missing."""
    return {
        "Type": "bind",
        "Source": str(source),
        "Target": target,
        "ReadOnly": read_only,
        # A mount made later on the host does not show up inside.
        "BindOptions": {"Propagation": "rprivate"},
    }
