"""``docker compose up`` for real: every process in a container of its own, and the tour passes against them."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from sandbox.settings import CHECKOUT
from tests.e2e.rooms import five_free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Composed:
    """A running system, by its project's name."""

    home: Path
    environment: dict[str, str]

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
        return subprocess.run(
            [*program, *arguments],
            cwd=CHECKOUT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def one(self, service: str) -> str:
        """The id of a service's container."""
        found = self.compose("ps", "-q", service).stdout.split()
        assert len(found) == 1, found
        return found[0]


@pytest.fixture(scope="module")
def composed() -> Iterator[Composed]:
    project = f"sbx{uuid.uuid4().hex[:8]}"
    home, extracts = Path(f"/tmp/{project}"), Path(f"/dev/shm/{project}")
    port = str(five_free_ports())
    environment = os.environ | {
        "SANDBOX_HOME": str(home),
        "SANDBOX_EXTRACTS": str(extracts),
        "SANDBOX_PORT": port,
        "SANDBOX_PUBLIC_URL": f"http://localhost:{port}",
        "COMPOSE_PROJECT_NAME": project,
        "COLUMNS": "200",
    }
    own = CHECKOUT / ".env"
    before = own.read_bytes() if own.exists() else None
    made = Composed(home, environment)
    try:
        done = subprocess.run(
            [CHECKOUT / "scripts" / "compose.sh"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        up = made.compose("up", "-d")
        assert up.returncode == 0, up.stdout + up.stderr
        yield made
    finally:
        logs = made.compose("logs", "--no-color", "--tail=20").stdout
        made.compose("down", "-v", "--remove-orphans")
        if os.environ.get("SANDBOX_TEST_LOGS"):
            Path(os.environ["SANDBOX_TEST_LOGS"], "compose.log").write_text(logs)
        for folder in (home, extracts):
            shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            own.unlink(missing_ok=True)
        else:
            own.write_bytes(before)


def test_the_tour_passes_against_the_containers(composed: Composed) -> None:
    done = composed.compose("run", "--rm", "-T", "tools", "demo")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "The tour is complete." in done.stdout


def test_only_the_launcher_reaches_the_container_engine(composed: Composed) -> None:
    client = docker.APIClient()
    holders = []
    for service in ("engine", "gate", "hub", "launcher", "portal", "post", "postgres", "proxy", "worker"):
        found = client.inspect_container(composed.one(service))
        if any("docker.sock" in mount["Source"] for mount in found["Mounts"]):
            holders.append(service)
        assert found["HostConfig"]["ReadonlyRootfs"], service
        assert found["HostConfig"]["CapDrop"] == ["ALL"], service
        assert found["Config"]["User"] not in ("", "0", "root", "0:0"), service
    client.close()
    assert holders == ["launcher"]


READ_KEYS = "import os, sys; print(os.listdir(sys.argv[1]))"


def test_nobody_but_the_engine_reads_the_keys_of_the_data(composed: Composed) -> None:
    keys = f"{composed.home}/keys/data"
    for service in ("portal", "hub", "worker", "launcher", "gate", "post"):
        asked = composed.compose("exec", "-T", service, "python", "-c", READ_KEYS, keys)
        assert asked.returncode != 0, asked.stdout
        assert "PermissionError" in asked.stderr
    control = composed.compose("exec", "-T", "engine", "python", "-c", READ_KEYS, "/data/keys")
    assert control.returncode == 0
    assert control.stdout.strip() not in ("", "[]")


def test_only_proxy_and_post_are_in_networks_that_lead_outside(composed: Composed) -> None:
    client = docker.APIClient()
    outside = []
    for service in ("engine", "gate", "hub", "launcher", "portal", "post", "postgres", "proxy", "worker"):
        networks = client.inspect_container(composed.one(service))["NetworkSettings"]["Networks"]
        if not all(n == "none" or client.inspect_network(n)["Internal"] for n in networks):
            outside.append(service)
    client.close()
    assert outside == ["post", "proxy"]
