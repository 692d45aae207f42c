"""Runs inside an image's build, last: lists what is in it (CycloneDX 1.6), and stops when a program could gain rights.

Written to ``/usr/share/sandbox/packages.cdx.json``: Debian's packages, Python's, and those that JupyterLab's pages were
bundled from, each with its version and licence. Nothing in the list differs between two builds of the same contents.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import quote

OUT = Path("/usr/share/sandbox/packages.cdx.json")
PYTHON = ("/opt/venv/lib/python3*/site-packages", "/usr/local/lib/python3*/site-packages")
BUNDLED = "/opt/venv/share/jupyter/**/third-party-licenses.json"
DPKG = "${binary:Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}\\n"
Component = dict[str, Any]


def debian() -> Iterator[Component]:
    """Debian's packages; ``sandbox:source`` is the source package, by which Debian's advisories name them."""
    listed = subprocess.run(  # noqa: S603 - a fixed command
        ["/usr/bin/dpkg-query", "--show", "--showformat", DPKG], capture_output=True, text=True, check=True
    )
    for line in listed.stdout.splitlines():
        name, version, architecture, source, source_version = line.split("\t")
        name = name.partition(":")[0]
        yield component(
            name,
            version,
            f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}",
            [{"license": {"name": text}} for text in debian_licences(name)],
            {"sandbox:source": source, "sandbox:source-version": source_version},
        )


def debian_licences(package: str) -> list[str]:
    """The short names in a machine-readable copyright file; else where to read it."""
    file = Path("/usr/share/doc", package, "copyright")
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return []
    found = sorted(set(re.findall(r"^License:[ \t]*(\S.*?)[ \t]*$", text, re.MULTILINE)))
    return found or [f"see {file}"]


def python() -> Iterator[Component]:
    folders = sorted(str(p) for pattern in PYTHON for p in Path("/").glob(pattern.lstrip("/")))
    for found in distributions(path=folders):
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
        yield component(
            name, found.version, f"pkg:pypi/{quote(name)}@{quote(found.version)}", python_licences(found)
        )


def python_licences(found: Distribution) -> list[Component]:
    """As the package declares it: an SPDX expression, else its classifiers, else its own short words."""
    told = found.metadata
    if expression := told.get("License-Expression"):
        return [{"expression": expression}]
    named = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier") or () if c.startswith("License ::")]
    words = (told.get("License") or "").strip().splitlines()
    return [{"license": {"name": name}} for name in named or words[:1]]


def bundled() -> Iterator[Component]:
    """What the browser's part of JupyterLab was made of."""
    for file in sorted(Path("/").glob(BUNDLED.lstrip("/"))):
        for found in json.loads(file.read_text())["packages"]:
            name, version = found["name"], found["versionInfo"]
            licence = found.get("licenseId")
            licences = [{"expression": licence}] if licence else []
            yield component(name, version, f"pkg:npm/{quote(name, safe='/')}@{quote(version)}", licences)


def component(
    name: str, version: str, purl: str, licences: list[Component], properties: dict[str, str] | None = None
) -> Component:
    made: Component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licences:
        made["licenses"] = licences
    if properties:
        made["properties"] = [{"name": key, "value": value} for key, value in properties.items()]
    return made


def gaining(root: str = "/") -> Iterator[str]:
    """Programs that would run with another user's rights, or with capabilities."""
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if not os.path.ismount(os.path.join(folder, f))]
        for path in (os.path.join(folder, f) for f in files):
            found = os.lstat(path)
            if not stat.S_ISREG(found.st_mode):
                continue
            if found.st_mode & (stat.S_ISUID | stat.S_ISGID) or "security.capability" in os.listxattr(path):
                yield path


def main(role: str) -> int:
    if rights := sorted(gaining()):
        print("These programs would gain rights:", *rights, sep="\n  ", file=sys.stderr)  # noqa: T201
        return 1
    components = {c["bom-ref"]: c for part in (debian, python, bundled) for c in part()}
    listed = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "bom-ref": f"sandbox-{role}", "name": f"sandbox-{role}"}
        },
        "components": [components[ref] for ref in sorted(components)],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
