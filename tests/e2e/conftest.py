"""One whole installation for all end-to-end tests: its own state, its own ports, real containers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.cli import processes
from sandbox.hub_session import HubSession
from sandbox.isolation.container import Images
from sandbox.settings import CHECKOUT, Settings

if TYPE_CHECKING:
    from tests.e2e.chaos import House
    from tests.e2e.private_engine import PrivateEngine


@dataclass(frozen=True)
class Installation:
    """A running system.

    Args:
        docker_host: its container engine's address; empty: the machine's own.
    """

    settings: Settings
    docker_host: str = ""

    @property
    def environment(self) -> dict[str, str]:
        engine = {"DOCKER_HOST": self.docker_host} if self.docker_host else {}
        return os.environ | self.settings.as_environment() | engine

    def sandbox(self, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command line as an operator would."""
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments],
            env=self.environment | {"COLUMNS": "200"} | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    @property
    def passwords(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.settings.keys_dir / "demo-accounts.json").read_text())
        return found

    def session(self, name: str) -> HubSession:
        return HubSession(self.settings, name, self.passwords[name], note="test")

    def ready(self) -> None:
        """Wait until everything answers."""
        for _ in processes.wait_ready(self.settings):
            pass

    def control(self, *arguments: str) -> None:
        """Speak to supervisor."""
        program = Path(sys.executable).parent / "supervisorctl"
        config = self.settings.run_dir / "supervisord.conf"
        subprocess.run([program, "-c", config, *arguments], check=True, capture_output=True)


def free_ports(count: int) -> int:
    """The first of ``count`` free ports in a row."""
    for base in range(9300, 20_000, 10):
        probes = []
        try:
            for port in range(base, base + count):
                probe = socket.socket()
                probes.append(probe)
                probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        else:
            return base
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free ports")


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    # A short path: the paths of unix sockets have at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="sbx-", dir="/tmp"))
    settings = Settings(home=home, policies=CHECKOUT / "policies", hub_port=free_ports(5))
    made = Installation(settings)
    try:
        yield made
    finally:
        kept = os.environ.get("SANDBOX_TEST_LOGS")
        processes.stop(settings)
        if kept:
            shutil.copytree(settings.logs_dir, kept, dirs_exist_ok=True)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def toured(installation: Installation) -> tuple[Installation, str]:
    """The installation after the tour, still running; and what the tour printed."""
    done = installation.sandbox("demo", "--keep")
    return installation, done.stdout


@pytest.fixture(scope="module")
def running_once(toured: tuple[Installation, str]) -> Installation:
    """The same for what a whole file of tests shares."""
    installation = toured[0]
    installation.ready()
    return installation


@pytest.fixture
def running(toured: tuple[Installation, str]) -> Installation:
    """The installation, with every process up."""
    installation = toured[0]
    installation.ready()
    return installation


@pytest.fixture(scope="session")
def staffed() -> Iterator[House]:
    """Another installation, for tests that are hard on it: no tour, three people at work, a container engine of its own."""
    from tests.e2e.chaos import a_house
    from tests.e2e.private_engine import a_private_engine, why_not

    with ExitStack() as stack:
        images = Images.read(Settings().images_file)
        own = None if why_not() else a_private_engine((images.gate, images.engine, images.notebook))
        yield stack.enter_context(a_house(stack.enter_context(own) if own else None))


@pytest.fixture(autouse=True)
def collected(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test that is hard on an engine cut or left open is collected with it, not in a later test."""
    yield
    if "staffed" in request.fixturenames:
        from tests.e2e.private_engine import collect_what_was_cut

        collect_what_was_cut()


@pytest.fixture
def daemon(staffed: House) -> PrivateEngine:
    """Its container engine, to be killed; up when the test begins."""
    from tests.e2e.private_engine import why_not

    if staffed.daemon is None:
        pytest.skip(why_not())
    staffed.daemon.wait()
    return staffed.daemon
