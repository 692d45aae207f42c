"""What a package has to fit: the Python, the platform and the packages of the notebook image."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name
from packaging.version import Version

PYTHON = (3, 11)  # of the base image, Debian 12
GLIBC = (2, 36)  # likewise
_PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?: *; *(?P<marker>[^\\]+))?", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a package would run.

    Attributes:
        packages: what the image holds: canonical name -> version.
        machine: the processor, as the kernel names it.
    """

    packages: Mapping[str, Version] = field(default_factory=dict)
    machine: str = "x86_64"
    python: tuple[int, int] = PYTHON

    @property
    def environment(self) -> dict[str, str]:
        """What the markers of a package's needs are held against."""
        version = ".".join(str(n) for n in self.python)
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{version}.0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{version}.0",
            "python_version": version,
            "sys_platform": "linux",
        }

    def tags(self) -> frozenset[Tag]:
        """All tags that run there."""
        minor = range(GLIBC[1], 4, -1)
        platforms = [f"manylinux_{GLIBC[0]}_{m}_{self.machine}" for m in minor]
        platforms += [f"manylinux{year}_{self.machine}" for year in ("2014", "2010", "1")]
        platforms.append(f"linux_{self.machine}")
        return frozenset(
            (
                *cpython_tags(self.python, platforms=platforms),
                *compatible_tags(self.python, f"cp{self.python[0]}{self.python[1]}", platforms),
            )
        )


def read_target(lock: Path) -> Target:
    """The notebook image as its lock describes it, on this machine.

    Args:
        lock: of requirements, each pinned by ``==``; none of them is known where the file is missing.
    """
    machine = platform.machine() or "x86_64"
    bare = Target(machine=machine)
    text = lock.read_text() if lock.is_file() else ""
    return Target(packages=pinned(text, bare.environment), machine=machine)


def pinned(text: str, environment: Mapping[str, str]) -> dict[str, Version]:
    """The packages of a lock that an environment gets: canonical name -> version."""
    found = {}
    for match in _PINNED.finditer(text):
        marker = (match["marker"] or "").strip()
        if not marker or Marker(marker).evaluate(dict(environment)):
            found[str(canonicalize_name(match["name"]))] = Version(match["version"])
    return found
