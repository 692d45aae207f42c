"""What the tests of chaos share: an installation of their own, a schedule of deaths, and a search for what is left over.

Something is left over when it stands and nobody owns it: a container, a door or rows of a notebook that the hub does
not know, of a job that does not run; a socket on which nobody listens; a mount.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError

from sandbox.cli import processes
from sandbox.demo import jobs as credit
from sandbox.demo.datasets import RECIPES, _write
from sandbox.demo.people import ensure_demo_people
from sandbox.domain.access import Grant
from sandbox.domain.application import Wish
from sandbox.domain.errors import OperatorError
from sandbox.domain.policy import Mode
from sandbox.isolation.containers import Containers
from sandbox.isolation.notebooks import HubServers
from sandbox.settings import CHECKOUT, Settings
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox, build
from tests.e2e.conftest import Installation, free_ports
from tests.e2e.private_engine import PARTS, PrivateEngine, collect_what_was_cut, nobody_listens

OURS = ("hub", "portal", "launcher", "worker", "gate", "engine", "engine's container")
KILLED = (*OURS, *PARTS)
GAP_S = (1.5, 5.0)  # between two deaths
AWAY_S = (0.2, 6.0)  # for how long a part of the container engine stays dead
DATASET = "german_credit"


@dataclass(frozen=True)
class House:
    """An installation with one dataset and three people at work: two ask, one sends code.

    Args:
        daemon: its own container engine, to be killed; None where no second one can run: it lives by the machine's.
    """

    installation: Installation
    sandbox: Sandbox
    grants: dict[str, Grant]
    daemon: PrivateEngine | None

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

    @contextmanager
    def containers(self) -> Iterator[Containers]:
        """Of its container engine."""
        with _containers_of(self.installation) as found:
            yield found

    def rows(self, statement: str) -> list[Any]:
        """Of its database, read beside it."""
        place = f"file:{self.settings.home / 'state.db'}?mode=ro"
        with closing(sqlite3.connect(place, uri=True)) as database:
            return database.execute(statement).fetchall()


@contextmanager
def _containers_of(installation: Installation) -> Iterator[Containers]:
    found = Containers.of_this_host(installation.environment)
    with closing(found.client):
        yield found


@contextmanager
def a_house(daemon: PrivateEngine | None) -> Iterator[House]:
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
    installation = Installation(settings, daemon.url if daemon else "")
    try:
        installation.sandbox("up")
        sandbox = build(settings)
        try:
            yield House(installation, sandbox, _furnished(sandbox), daemon)
        finally:
            sandbox.store.close()
    finally:
        processes.stop(settings)
        with _containers_of(installation) as containers:
            for kind in ("notebook", "carrier", "job"):
                for name in containers.names(kind):
                    if name.startswith(f"sandbox-{settings.hub_port}-"):
                        containers.remove(name)
        if kept := os.environ.get("SANDBOX_TEST_LOGS"):
            shutil.copytree(settings.logs_dir, kept, dirs_exist_ok=True)
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


@dataclass(frozen=True, slots=True)
class Death:
    """One of a schedule.

    Args:
        at_s: from its start.
        away_s: so long a part of the container engine stays dead; the others are started again by supervisor.
    """

    at_s: float
    who: str
    away_s: float

    def __str__(self) -> str:
        return f"{self.at_s}:{self.who}" + (f"({self.away_s})" if self.who in PARTS else "")


def schedule(seed: int, seconds: float, *, killed: Sequence[str] = KILLED) -> tuple[Death, ...]:
    """Who is killed, and when.

    >>> schedule(7, 60) == schedule(7, 60) != schedule(8, 60)
    True
    """
    luck = random.Random(seed)
    at, deaths = 2.0, []
    while (at := at + luck.uniform(*GAP_S)) < seconds:
        deaths.append(Death(round(at, 2), luck.choice(killed), round(luck.uniform(*AWAY_S), 1)))
    return tuple(deaths)


def kill(house: House, who: str, *, away_s: float = 0.0) -> None:
    """SIGKILL, as a machine without memory gives it. Nothing happens to what is down already."""
    if who in PARTS:
        assert house.daemon is not None
        house.daemon.kill(who, away_s=away_s)
        return
    if who == "engine's container":
        with suppress(OperatorError, APIError), house.containers() as containers:
            if containers.running(house.engine_name):
                containers.client.kill(house.engine_name)
        return
    pid = processes.pid_of(house.settings, who)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until_nothing(what: Callable[[], list[str]], *, within_s: float) -> float:
    """Seconds until a search finds nothing, three times in a row; the last finds are in the failure."""
    began, clean = time.monotonic(), 0
    while clean < 3:
        found = what()
        clean = 0 if found else clean + 1
        assert time.monotonic() - began < within_s, found
        time.sleep(0.3)
    return time.monotonic() - began


def left_over(house: House) -> list[str]:
    """Whatever nobody owns, each in words. Also what ought to be there and is not: the engine, a hub that answers."""
    settings = house.settings
    known = HubServers(settings.hub_url, lambda: secret(settings.keys_dir, "launcher-token"))()
    if known is None:
        return ["the hub does not answer"]
    running = {f"job-{row[0]}" for row in house.rows("SELECT id FROM jobs WHERE state = 'running'")}
    servers = {f"{person}-{server}" for person, server in known}
    shown = running | {server for _, server in known}
    away = ""
    try:
        of_engine = [
            *_containers(house, servers, running),
            *(house.daemon.left_over() if house.daemon is not None else ()),
        ]
    except OperatorError as error:
        away = error.message
    if away:
        collect_what_was_cut()
        return [away]
    return [
        *of_engine,
        *(f"door {d.parent.name}-{d.name}" for d in settings.gate_dir.glob("*/*") if d.is_dir()
          and f"{d.parent.name}-{d.name}" not in servers),
        *(f"rows {e.name}" for e in settings.extracts_dir.glob("*") if e.name.removesuffix(".part") not in shown),
        *(f"socket {s.relative_to(settings.home)}" for s in settings.run_dir.rglob("*") if nobody_listens(s)),
        *_mounts(settings),
    ]  # fmt: skip


def _containers(house: House, servers: set[str], running: set[str]) -> Iterator[str]:
    with house.containers() as containers:
        for kind in ("notebook", "carrier", "job"):
            for name in containers.names(kind):
                if not name.startswith(house.prefix):
                    continue
                owned = running if kind == "job" else {f"{kind}-{server}" for server in servers}
                if name.removeprefix(house.prefix) not in owned:
                    yield f"container {name.removeprefix(house.prefix)}"
        if not containers.running(house.engine_name):
            yield "the engine does not run"


def _mounts(settings: Settings) -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = Path(line.split()[4])
        if place.is_relative_to(settings.home) or place.is_relative_to(settings.extracts_dir):
            yield f"mount {place.name}"
