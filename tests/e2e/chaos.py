"""What the tests of chaos share: an installation of their own, a schedule of deaths, and a search for what is left over.

Something is left over when it stands and nobody owns it: a container, a door or rows of a notebook that the hub does
not know, of a job that does not run; a socket on which nobody listens; a mount.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.cli import processes
from sandbox.demo import jobs as credit
from sandbox.demo.datasets import RECIPES, _write
from sandbox.demo.people import ensure_demo_people
from sandbox.domain.access import Grant
from sandbox.domain.application import Wish
from sandbox.domain.policy import Mode
from sandbox.isolation.containers import Containers
from sandbox.isolation.notebooks import HubServers
from sandbox.settings import CHECKOUT, Settings
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox, build
from tests.e2e.conftest import Installation, free_ports

KILLED = ("hub", "portal", "launcher", "worker", "gate", "engine", "engine's container")
GAP_S = (1.5, 5.0)  # between two deaths
DATASET = "german_credit"


@dataclass(frozen=True)
class House:
    """An installation with one dataset and three people at work: two ask, one sends code."""

    installation: Installation
    sandbox: Sandbox
    grants: dict[str, Grant]

    @property
    def settings(self) -> Settings:
        return self.installation.settings

    @property
    def prefix(self) -> str:
        """How the names of all its containers begin, but for the engine's."""
        return f"sandbox-{self.settings.hub_port}-"

    @property
    def engine_name(self) -> str:
        return f"sandbox-engine-{self.settings.hub_port}"

    def rows(self, statement: str) -> list[Any]:
        """Of its database, read beside it."""
        place = f"file:{self.settings.home / 'state.db'}?mode=ro"
        with closing(sqlite3.connect(place, uri=True)) as database:
            return database.execute(statement).fetchall()


@contextmanager
def a_house() -> Iterator[House]:
    """Started, published, signed; afterwards everything is stopped and gone."""
    home = Path(tempfile.mkdtemp(prefix="sbx-", dir="/tmp"))  # sockets have short paths
    policies = home / "policies"
    shutil.copytree(CHECKOUT / "policies", policies)
    site = policies / "site.yaml"
    text = site.read_text()
    for plain, small in (
        ("per_day: 20\n  tick_s: 5", "per_day: 1000\n  tick_s: 1"),
        ("minutes: 20\n", "minutes: 2\n"),
    ):
        assert text.count(plain) == 1, plain
        text = text.replace(plain, small)
    site.write_text(text)
    settings = Settings(home=home, policies=policies, hub_port=free_ports(5))
    installation = Installation(settings)
    try:
        installation.sandbox("up")
        sandbox = build(settings)
        try:
            yield House(installation, sandbox, _furnished(sandbox))
        finally:
            sandbox.store.close()
    finally:
        processes.stop(settings)
        containers = Containers.of_this_host()
        for kind in ("notebook", "carrier", "job"):
            for name in containers.names(kind):
                if name.startswith(f"sandbox-{settings.hub_port}-"):
                    containers.remove(name)
        containers.client.close()
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(settings.extracts_dir, ignore_errors=True)


def _furnished(sandbox: Sandbox) -> dict[str, Grant]:
    ensure_demo_people(sandbox)
    people = {person.name: person for person in sandbox.store.people.all()}
    file = sandbox.settings.home / "loans.csv"
    _write(file, next(recipe for recipe in RECIPES if recipe.dataset == DATASET))
    policy_file = sandbox.settings.policies / "datasets" / f"{DATASET}.yaml"
    sandbox.publish_dataset(people["olga"], policy_file=policy_file, files={"loans": file})
    words = {
        k: v for k, v in credit.APPLICATION.items() if k not in ("dataset", "mode", "project", "epsilon")
    }
    grants = {}
    for name, mode in (("ana", Mode.QUERY), ("ben", Mode.QUERY), ("cleo", Mode.JOB)):
        wish = Wish(mode=mode, project=f"work_of_{name}", epsilon="2", **words)
        made = sandbox.request_access.apply(people[name], dataset=DATASET, wish=wish)
        sandbox.request_access.approve(people["olga"], made.id)
        grant = sandbox.request_access.sign(people[name], made.id)
        assert grant is not None
        grants[name] = grant
    return grants


def schedule(seed: int, seconds: float) -> tuple[tuple[float, str], ...]:
    """When (seconds from the start) who is killed.

    >>> schedule(7, 60) == schedule(7, 60) != schedule(8, 60)
    True
    """
    luck = random.Random(seed)
    at, deaths = 2.0, []
    while (at := at + luck.uniform(*GAP_S)) < seconds:
        deaths.append((round(at, 2), luck.choice(KILLED)))
    return tuple(deaths)


def kill(house: House, who: str) -> None:
    """SIGKILL, as a machine without memory gives it. Nothing happens to what is down already."""
    if who == "engine's container":
        containers = Containers.of_this_host()
        with closing(containers.client):
            if containers.running(house.engine_name):
                containers.client.kill(house.engine_name)
        return
    pid = processes.pid_of(house.settings, who)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def left_over(house: House) -> list[str]:
    """Whatever nobody owns, each in words. Also what ought to be there and is not: the engine, a hub that answers."""
    settings = house.settings
    known = HubServers(settings.hub_url, lambda: secret(settings.keys_dir, "launcher-token"))()
    if known is None:
        return ["the hub does not answer"]
    running = {f"job-{row[0]}" for row in house.rows("SELECT id FROM jobs WHERE state = 'running'")}
    servers = {f"{person}-{server}" for person, server in known}
    shown = running | {server for _, server in known}
    return [
        *_containers(house, servers, running),
        *(f"door {d.parent.name}-{d.name}" for d in settings.gate_dir.glob("*/*") if d.is_dir()
          and f"{d.parent.name}-{d.name}" not in servers),
        *(f"rows {e.name}" for e in settings.extracts_dir.glob("*") if e.name.removesuffix(".part") not in shown),
        *(f"socket {s.relative_to(settings.home)}" for s in settings.run_dir.rglob("*") if _is_dead_socket(s)),
        *_mounts(settings),
    ]  # fmt: skip


def _containers(house: House, servers: set[str], running: set[str]) -> Iterator[str]:
    containers = Containers.of_this_host()
    with closing(containers.client):
        for kind in ("notebook", "carrier", "job"):
            for name in containers.names(kind):
                if not name.startswith(house.prefix):
                    continue
                owned = running if kind == "job" else {f"{kind}-{server}" for server in servers}
                if name.removeprefix(house.prefix) not in owned:
                    yield f"container {name.removeprefix(house.prefix)}"
        if not containers.running(house.engine_name):
            yield "the engine does not run"


def _is_dead_socket(path: Path) -> bool:
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX) as knocking:
        try:
            knocking.connect(str(path))
        except OSError as error:
            return error.errno != errno.ENOENT
    return False


def _mounts(settings: Settings) -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = Path(line.split()[4])
        if place.is_relative_to(settings.home) or place.is_relative_to(settings.extracts_dir):
            yield f"mount {place.name}"
