"""Real containers: gVisor, images by digest, and what is in them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sandbox.domain.site_policy import NotebookLimits, Runtime
from sandbox.isolation import runtimes
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.containers import Containers
from sandbox.isolation.engines import facts, findings, starts_ours
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.packages import packages_file, read_packages
from sandbox.isolation.profile import profile
from sandbox.settings import Settings
from tests.e2e.rooms import grant, images, name

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROLES = ("gate", "engine", "notebook", "r")


def image_of(role: str) -> str:
    """The image of a role, by digest; skips where nobody built it."""
    digest: str = getattr(images(), role)
    if not digest:
        pytest.skip(f"the image {role} is not built: sandbox images build {role}")
    return digest


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    found = Containers.of_this_host()
    yield found
    found.client.close()


@contextmanager
def started(
    containers: Containers, settings: ContainerSettings, kind: str, command: list[str]
) -> Iterator[str]:
    """A container for as long as the block."""
    try:
        yield containers.start(settings, name=name(kind), command=command)
    finally:
        containers.remove(name(kind))


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def test_this_machines_engine_runs_ours(containers: Containers) -> None:
    assert [f.state for f in findings(facts(containers.client)) if not f.good] == []
    assert starts_ours(containers.client, Runtime.AUTO, image=images().gate).good


def test_an_image_that_was_tagged_anew_is_not_started(containers: Containers) -> None:
    """Somebody gives the notebook's tag to another image. The digest is started; the tag would have been."""
    tag = f"sandbox-test-{name('tag')}:1"
    docker("tag", images().notebook, tag)
    try:
        recorded = docker("image", "inspect", "--format", "{{.Id}}", tag).strip()
        docker("tag", images().gate, tag)
        by_tag = docker("image", "inspect", "--format", "{{.Id}}", tag).strip()
        assert by_tag != recorded  # the positive control
        settings = profile(grant(), limits=NotebookLimits(), images=images(), seccomp=own_seccomp())
        with started(containers, settings, "digest", ["sleep", "600"]) as container:
            assert containers.made_of(container) == (recorded, "runc")
            assert recorded == images().notebook
    finally:
        docker("image", "rm", tag)


@pytest.mark.parametrize("role", ROLES)
def test_the_list_in_an_image_is_the_one_beside_it_and_as_the_standard_says(role: str) -> None:
    image = image_of(role)
    told = docker(
        "run", "--rm", "--network=none", "--entrypoint=cat", image, "/usr/share/sandbox/packages.cdx.json"
    )
    file = packages_file(Settings().images_file, role)
    assert told == file.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(told) is None
    found = {(p.kind, p.name): p for p in read_packages(file)}
    assert found["deb", "tini"].licence == "Expat"
    if role == "notebook":
        asked = 'python -c "import pandas; print(pandas.__version__)"'
        version = docker("run", "--rm", "--network=none", "--entrypoint=sh", image, "-c", asked).strip()
        assert found["pypi", "pandas"].version == version
        assert ("npm", "react") in found
    if role == "r":
        assert found["deb", "r-cran-survival"].licence == "GPL-2"
    assert sum(not p.licence for p in found.values()) <= len(found) // 50


@pytest.mark.parametrize("role", ROLES)
def test_no_program_of_an_image_gains_rights(role: str) -> None:
    search = "find / -xdev -type f -perm /6000 -print"
    run = ("run", "--rm", "--network=none", "--user=0", "--entrypoint=sh", image_of(role), "-c")
    assert docker(*run, search) == ""
    planted = docker(*run, f"cp /bin/true /tmp/t && chmod u+s /tmp/t && {search}")
    assert planted == "/tmp/t\n"  # the positive control


# gVisor


@pytest.fixture(scope="module")
def gvisor(containers: Containers) -> ContainerSettings:
    why = runtimes.why_not_gvisor(containers.client, containers.client.info(), image=images().gate)
    if why:
        pytest.skip(why)
    return profile(
        grant(), limits=NotebookLimits(), images=images(), seccomp=own_seccomp(), runtime=runtimes.GVISOR
    )


CALLS = """
import ctypes, errno, os, socket, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return "open" if libc.syscall(number, *arguments) >= 0 else errno.errorcode[ctypes.get_errno()]
if not os.uname().release.startswith("4.4.0"):
    raise SystemExit("this is not gVisor's kernel")
told = {"memfd": call(319, b"x", 0), "ptrace": call(101, 0, 0, 0, 0), "unshare": call(272, 0x10000000)}
try:
    socket.socket(socket.AF_INET6)
    told["inet6"] = "open"
except OSError as error:
    told["inet6"] = errno.errorcode[error.errno]
done = []
thread = threading.Thread(target=done.append, args=(1,))
thread.start()
thread.join()
told["thread"] = "ran" if done else "did not run"
import json
print(json.dumps(told))
"""
REFUSED = {"memfd": "EPERM", "ptrace": "EPERM", "unshare": "EPERM", "inet6": "EPERM", "thread": "ran"}


def test_under_gvisor_our_list_of_calls_holds_and_threads_start(
    containers: Containers, gvisor: ContainerSettings
) -> None:
    """Of what the container starts itself: a process that Debian's runsc is told to exec into it has no list."""
    kept = ContainerSettings(tuple(row for row in gvisor.rows if row.key != "auto_remove"))
    with started(containers, kept, "gvisor", ["python3", "-c", CALLS]) as container:
        assert containers.client.wait(container, timeout=60)["StatusCode"] == 0
        assert json.loads(containers.client.logs(container)) == REFUSED


def test_gvisor_without_our_list_would_let_them_through(gvisor: ContainerSettings) -> None:
    """The positive control: the same calls, in a container that is given no list."""
    run = ("run", "--rm", "--network=none", "--runtime=runsc", "--security-opt=seccomp=unconfined")
    told = json.loads(docker(*run, "--entrypoint=python3", images().notebook, "-c", CALLS))
    assert told == {**dict.fromkeys(REFUSED, "open"), "thread": "ran"}
