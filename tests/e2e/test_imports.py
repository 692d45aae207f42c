"""What was let in, seen from a real notebook's container: read-only, found by Python, in nobody's place."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation.containers import Containers
from sandbox.isolation.entrance.folder import lay_out
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import Shown, profile
from tests.e2e.rooms import grant, images, name

pytestmark = pytest.mark.e2e

SMALL = NotebookLimits(memory_mib=256, home_mib=32, tmp_mib=32, processes=64)

CONTENTS = {
    "files/regions.csv": b"region,rate\nnorth,0.1\n",
    "python/kind_words/__init__.py": b"def hello():\n    return 'hello from outside'\n",
    "python/kind_words-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: kind-words\nVersion: 1.0\n",
    # What the checks refuse, laid out all the same: the second line behind them.
    "python/json.py": b"raise SystemExit('in the place of json')\n",
    "python/pandas/__init__.py": b"raise SystemExit('in the place of pandas')\n",
    "python/sandbox/__init__.py": b"raise SystemExit('in the place of the client')\n",
    "python/run.pth": b"import sys; sys.ran_by_itself = True\n",
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = lay_out(tmp_path_factory.mktemp("home") / "imports", "project", CONTENTS)
    settings = profile(
        grant(), limits=SMALL, images=images(), seccomp=own_seccomp(), shown=Shown(imports=place)
    )
    containers = Containers.of_this_host()
    try:
        yield containers.start(settings, name=name("imports"), command=["sleep", "600"])
    finally:
        containers.remove(name("imports"))
        containers.client.close()


def inside(container: str, code: str) -> str:
    """What a Python program prints in a container."""
    done = subprocess.run(
        ["docker", "exec", container, "python3", "-c", code], capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip()


def test_files_and_packages_are_found(notebook: str) -> None:
    assert inside(notebook, "print(open('/imports/files/regions.csv').read())").startswith("region,rate")
    assert inside(notebook, "import kind_words; print(kind_words.hello())") == "hello from outside"
    told = inside(notebook, "import importlib.metadata as m; print(m.version('kind-words'))")
    assert told == "1.0"


@pytest.mark.parametrize("module", ["json", "pandas", "sandbox"])
def test_a_package_takes_nobodys_place(notebook: str, module: str) -> None:
    assert not inside(notebook, f"import {module}; print({module}.__file__)").startswith("/imports")
    shadowed = f"import sys; sys.path.insert(0, '/imports/python'); import {module}"
    assert inside(notebook, shadowed).startswith(
        "in the place of"
    )  # the control: at the path's head it would


def test_nothing_in_it_runs_by_itself(notebook: str) -> None:
    assert inside(notebook, "import sys; print(hasattr(sys, 'ran_by_itself'))") == "False"
    asked = "import site, sys; site.addsitedir('/imports/python'); print(hasattr(sys, 'ran_by_itself'))"
    assert inside(notebook, asked) == "True"  # the control: as a folder of packages it would


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/imports/files/planted.py', 'w')",
        "open('/imports/files/regions.csv', 'a')",
        "import os; os.remove('/imports/files/regions.csv')",
        "import os; os.chmod('/imports/files/regions.csv', 0o666)",
        "import os; os.rename('/imports/files', '/imports/other')",
        "import os; os.symlink('/etc/passwd', '/imports/files/link')",
        "import os; os.link('/imports/files/regions.csv', '/imports/files/second')",
        "import os; os.utime('/imports/files/regions.csv')",
    ],
)
def test_nobody_writes_there_from_inside(notebook: str, attempt: str) -> None:
    told = inside(notebook, attempt)
    assert "Read-only file system" in told or "not permitted" in told or "Permission denied" in told
    elsewhere = attempt.replace("/imports/files/planted.py", "/tmp/planted.py")
    if elsewhere != attempt:
        assert inside(notebook, elsewhere) == ""  # the control


def test_the_folder_on_the_host_is_closed_to_others(tmp_path: Path) -> None:
    place = lay_out(tmp_path / "imports", "project", CONTENTS)
    assert (tmp_path / "imports").stat().st_mode & 0o077 == 0
    assert place.parent.stat().st_mode & 0o077 == 0
