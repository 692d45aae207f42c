"""Processes are killed at random under load: afterwards nothing is lost and nothing is left.

``SANDBOX_CHAOS_S`` says for how many seconds (``make chaos``: 120), ``SANDBOX_CHAOS_SEED`` repeats a schedule.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import httpx
import pytest

from sandbox.domain.errors import SandboxError
from sandbox.domain.job import LIVE
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import RoomLimits
from sandbox.hub_session import HubRefused, HubSession
from sandbox.isolation.containers import Containers
from sandbox.isolation.gate_client import open_door
from sandbox.settings import PORTAL_PREFIX
from tests.e2e.chaos import DATASET, KILLED, OURS, House, kill, left_over, schedule, until_nothing
from tests.e2e.private_engine import CGROUPS, FORGETS, PrivateEngine, collect_what_was_cut

SECONDS = float(os.environ.get("SANDBOX_CHAOS_S", "40"))
SEED = int(os.environ.get("SANDBOX_CHAOS_SEED") or secrets.randbelow(1_000_000))
SETTLED_WITHIN_S = 120.0
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(SECONDS + 400),
    # A connection that a death cuts is left by httpx to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CODE = b"""
import pandas as pd, sandbox, time
rows = sandbox.data("loans")
time.sleep(1.5)
pd.DataFrame({"n": [len(rows)]}).to_csv(sandbox.outbox / "n.csv", index=False)
"""
CONTEXT = "How many applicants there are in all, for a report on the size of the collection."


@dataclass
class Promised:
    """What the system said yes to. It has to stand, whatever died since."""

    answers: dict[str, bytes] = field(default_factory=dict)  # by idempotency key
    jobs: list[int] = field(default_factory=list)
    raw_jobs: int = 0
    opened: int = 0  # notebooks
    released: list[int] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)  # by what was told: these calls promise nothing


@dataclass
class Load:
    """People at work until told to stop. Each bears with an error and goes on."""

    house: House
    sessions: dict[str, HubSession]
    promised: Promised = field(default_factory=Promised)
    over: threading.Event = field(default_factory=threading.Event)
    broken: list[BaseException] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    silence_s: float = 0.0  # the longest for which the portal did not answer

    def __enter__(self) -> Load:
        self.sessions = {
            n: self.house.installation.session(n) for n in ("ana", "ben", "cleo", "rita", "ravi")
        }
        works = (self.notebooks, self.questions, self.jobs, self.releases)
        self.threads = [threading.Thread(target=self._again_and_again, args=(work,)) for work in works]
        self.threads.append(threading.Thread(target=self._listen))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(150)
        assert not any(thread.is_alive() for thread in self.threads), "somebody still waits for an answer"

    def goes_on(self) -> list[str]:
        """Of what no more has succeeded than was ``seen``."""
        now = self.successes()
        still = [what for what, count in now.items() if count <= self.seen[what]]
        return [f"no {what} yet; the last no: {self.promised.refused.most_common(3)}" for what in still]

    def successes(self) -> Counter[str]:
        promised = self.promised
        return Counter(
            answers=len(promised.answers),
            raw_jobs=promised.raw_jobs,
            released=len(promised.released),
            opened=promised.opened,
        )

    def _again_and_again(self, work: Callable[[int], None]) -> None:
        turn = 0
        while not self.over.is_set():
            turn += 1
            try:
                work(turn)
            except (httpx.HTTPError, SandboxError, ValueError) as met:
                self.promised.refused[
                    f"{work.__name__}: {getattr(met, 'message', type(met).__name__)}"[:90]
                ] += 1
                self.over.wait(0.3)
            except BaseException as failure:
                self.broken.append(failure)
                return

    def _listen(self) -> None:
        """To the portal itself, past the proxy."""
        heard = time.monotonic()
        with httpx.Client(
            base_url=self.house.settings.portal_inner_url, timeout=2, trust_env=False
        ) as client:
            while not self.over.wait(0.2):
                with suppress(httpx.HTTPError):
                    client.get(f"{PORTAL_PREFIX}/api/v1/health").raise_for_status()
                    heard = time.monotonic()
                self.silence_s = max(self.silence_s, time.monotonic() - heard)

    def notebooks(self, turn: int) -> None:
        name = ("ana", "ben")[turn % 2]
        session, server = self.sessions[name], self.house.grants[name].server_name
        if turn % 4 < 2:
            session.http.post(f"/hub/api/users/{name}/servers/{server}")
            until = time.monotonic() + 25
            while time.monotonic() < until and not self.over.wait(0.4):
                if session.notebook_ready(server):
                    self.promised.opened += 1
                    return
        else:
            session.stop_notebook(server)

    def questions(self, turn: int) -> None:
        key = f"chaos-{turn}"
        body = {
            "sql": f"SELECT COUNT(*) AS n FROM loans WHERE credit_amount > {250 + turn}",
            "epsilon": 0.01,
            "dataset": DATASET,
            "idempotency_key": key,
        }
        answer = self.sessions["ana"].http.post(f"{PORTAL_PREFIX}/api/v1/questions", json=body)
        if answer.status_code == 200:
            self.promised.answers[key] = answer.content.partition(b'"answer": ')[2]
        else:
            raise HubRefused(answer.json()["error"]["message"])
        self.over.wait(0.1)

    def jobs(self, turn: int) -> None:
        cleo = self.sessions["cleo"]
        sent = cleo.portal(
            "POST",
            "jobs",
            files={"code": ("count.py", CODE + b"# %d" % turn)},
            data={"outputs": '["n.csv"]', "dataset": DATASET},
        )
        self.promised.jobs.append(sent["id"])
        while not self.over.wait(0.5):
            now = cleo.portal("GET", f"jobs/{sent['id']}")["state"]
            if now == "finished":
                raw = cleo.portal("POST", f"jobs/{sent['id']}/raw", json={"context": CONTEXT})
                self.promised.jobs.append(raw["id"])
                self.promised.raw_jobs += 1
                return
            if now not in LIVE:
                return

    def releases(self, turn: int) -> None:
        made = self.sessions["ben"].portal(
            "POST",
            "releases",
            files={"files": (f"count-{turn}.csv", b"risk,n\ngood,%d\nbad,%d\n" % (700 + turn, 300 + turn))},
            data={"context": CONTEXT, "dataset": DATASET},
        )
        for name in ("rita", "ravi"):
            seen = self.sessions[name].portal("GET", f"releases/{made['id']}")
            vote = {
                "version": seen["version"],
                "decision": "approve",
                "comment": "Large counts of everybody.",
            }
            state = self.sessions[name].portal("POST", f"releases/{made['id']}/vote", json=vote)
        if state["status"] in ("approved", "released"):
            self.promised.released.append(made["id"])
        self.over.wait(0.5)


def say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{text}")
        sys.stdout.flush()


def unsettled(house: House) -> list[str]:
    """What is left over, and what has not come to its end."""
    live = ", ".join(f"'{state}'" for state in LIVE)
    return [
        *left_over(house),
        *(f"job {i} is {s}" for i, s in house.rows(f"SELECT id, state FROM jobs WHERE state IN ({live})")),
        *(
            f"question {i} is {s}"
            for i, s in house.rows("SELECT id, state FROM questions WHERE state IN ('reserved', 'running')")
        ),
        *(
            f"release {i} is {s}"
            for i, s in house.rows("SELECT id, status FROM releases WHERE status IN ('approved', 'checking')")
        ),
    ]


def standing(house: House, containers: Containers) -> list[str]:
    """Containers, rows and doors of anybody, owned or not."""
    names = [name for kind in ("notebook", "carrier", "job") for name in containers.names(kind)]
    return [
        *(name for name in names if name.startswith(house.prefix)),
        *(f"rows {rows.name}" for rows in house.settings.extracts_dir.iterdir()),
        *(f"door {door.name}" for door in house.settings.gate_dir.glob("*/*")),
    ]


@pytest.fixture
def sessions(staffed: House) -> Iterator[dict[str, HubSession]]:
    staffed.installation.ready()
    opened = {name: staffed.installation.session(name) for name in ("ana", "ben", "cleo", "rita", "ravi")}
    yield opened
    for session in opened.values():
        session.http.close()
    collect_what_was_cut()


def test_after_deaths_at_random_nothing_is_lost_and_nothing_is_left(
    staffed: House, sessions: dict[str, HubSession], capsys: pytest.CaptureFixture[str]
) -> None:
    deaths = schedule(SEED, SECONDS, killed=KILLED if staffed.daemon is not None else OURS)
    say(
        capsys,
        f"SANDBOX_CHAOS_SEED={SEED} SANDBOX_CHAOS_S={SECONDS:.0f}: " + " ".join(map(str, deaths)),
    )
    began = time.monotonic()
    with Load(staffed, sessions) as load:
        for death in deaths:
            time.sleep(max(0.0, began + death.at_s - time.monotonic()))
            kill(staffed, death.who, away_s=death.away_s)
        load.seen = load.successes()
        until_nothing(load.goes_on, within_s=SETTLED_WITHIN_S)  # the same people, without a new start, go on
    assert not load.broken, load.broken
    staffed.installation.ready()
    promised = load.promised

    settled_s = until_nothing(lambda: unsettled(staffed), within_s=SETTLED_WITHIN_S)
    with staffed.containers() as containers:

        def standing_when_closed() -> list[str]:
            for name in (
                "ana",
                "ben",
            ):  # a hub that died at a start says no for a minute: it still looks for that one
                sessions[name].stop_notebook(staffed.grants[name].server_name)
            return [*standing(staffed, containers), *left_over(staffed)]

        emptied_s = until_nothing(standing_when_closed, within_s=90)

    ended = dict(staffed.rows("SELECT id, state FROM jobs"))
    failures = staffed.rows("SELECT id, failure FROM jobs WHERE failure != ''")
    why = Counter(failure for number, failure in failures if number in promised.jobs)
    say(
        capsys,
        f"{len(deaths)} deaths; settled after {settled_s:.1f} s, empty after {emptied_s:.1f} s; "
        f"{len(promised.answers)} answers, {len(promised.jobs)} jobs ({dict(why)} ended early), {promised.opened} notebooks, "
        f"{len(promised.released)} releases; {promised.refused.total()} calls met somebody dead or a no; "
        f"the portal's longest silence: {load.silence_s:.1f} s\n",
    )
    if os.environ.get("SANDBOX_CHAOS_TELL"):
        say(capsys, "".join(f"{count:5} {what}\n" for what, count in promised.refused.most_common(20)))
    assert set(promised.jobs) <= set(ended)
    assert set(why) <= {"engine"}, "the code is right: only the platform may have failed"
    statuses = dict(staffed.rows("SELECT id, status FROM releases"))
    assert {statuses[i] for i in promised.released} <= {"released"}
    charged = dict(
        staffed.rows("SELECT idempotency_key, state FROM questions WHERE idempotency_key IS NOT NULL")
    )
    assert {charged[key] for key in promised.answers} <= {"released"}
    staffed.installation.sandbox("audit", "verify")

    ana = sessions["ana"]
    for key, told in list(promised.answers.items())[:3]:  # the same call again: the same bytes, for nothing
        number = int(key.removeprefix("chaos-"))
        again = ana.http.post(
            f"{PORTAL_PREFIX}/api/v1/questions",
            json={
                "sql": f"SELECT COUNT(*) AS n FROM loans WHERE credit_amount > {250 + number}",
                "epsilon": 0.01,
                "dataset": DATASET,
                "idempotency_key": key,
            },
        )
        assert again.content.partition(b'"answer": ')[2] == told
    for release in promised.released[:2]:
        assert sessions["ben"].portal("GET", f"releases/{release}/crate")[:2] == b"PK"


# the control: the search finds what is planted


@pytest.fixture
def containers(staffed: House) -> Iterator[Containers]:
    with staffed.containers() as found:
        yield found


def test_containers_and_doors_that_nobody_owns_are_found_and_the_launcher_removes_them(
    staffed: House, containers: Containers
) -> None:
    staffed.installation.ready()
    staffed.installation.control("stop", "launcher")  # it would be faster than the search
    try:
        image = containers.client.inspect_container(staffed.engine_name)["Image"]
        planted = ["notebook-ana-grant-98", "carrier-ana-grant-97", "job-99"]
        for what in planted:
            containers.client.create_container(
                image,
                command=["true"],
                name=staffed.prefix + what,
                labels={"sandbox.kind": what.partition("-")[0]},
            )
        asyncio.run(
            open_door(
                staffed.settings.gate_dir,
                person="ana",
                server="grant-99",
                token="nobody's",
                mode=Mode.QUERY,
                display=RoomLimits(),
            )
        )
        found = left_over(staffed)
        engine_says = [
            line for line in found if line.endswith("is created")
        ]  # in words of its own, by number
        assert len(engine_says) == (len(planted) if staffed.daemon is not None else 0)
        assert {*(f"container {what}" for what in planted), "door ana-grant-99", *engine_says} == set(found)
    finally:
        staffed.installation.control("start", "launcher")
    until_nothing(lambda: left_over(staffed), within_s=60)


@pytest.mark.parametrize("name", ["job-99", "job-99.part", "grant-99"])
def test_rows_that_nobody_reads_are_found(staffed: House, name: str) -> None:
    staffed.installation.ready()
    rows = staffed.settings.extracts_dir / name
    rows.mkdir()
    assert f"rows {name}" in left_over(staffed)
    rows.rmdir()
    assert left_over(staffed) == []


def test_a_socket_on_which_nobody_listens_is_found(staffed: House) -> None:
    staffed.installation.ready()
    path = staffed.settings.run_dir / "dead.sock"
    code = f"import socket; socket.socket(socket.AF_UNIX).bind({str(path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "socket run/dead.sock" in left_over(staffed)
    path.unlink()
    assert left_over(staffed) == []


def test_a_mount_is_found(staffed: House) -> None:
    staffed.installation.ready()
    place = staffed.settings.home / "planted"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "planted", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        assert "mount planted" in left_over(staffed)
    finally:
        subprocess.run(["umount", place], check=True)
    assert left_over(staffed) == []


def test_an_engine_that_does_not_run_is_found(staffed: House) -> None:
    staffed.installation.control("stop", "engine")
    try:
        assert "the engine does not run" in left_over(staffed)
    finally:
        staffed.installation.control("start", "engine")
        staffed.installation.ready()


@contextmanager
def a_shim(daemon: PrivateEngine, name: str, *, runs: bool) -> Iterator[None]:
    """What a container's parent looks like from outside, with a child or after it ended."""
    code = "sleep 300 & echo up; read; kill $!" if runs else "echo up; read"
    words = ["bash", "-c", code, "containerd-shim", "-address", str(daemon.root / "cd.sock"), "-id", name]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate()  # ends its input, and so itself


def test_what_a_killed_engine_leaves_is_found(staffed: House, daemon: PrivateEngine) -> None:
    staffed.installation.ready()
    name = "0" * 64
    place = daemon.root / "planted" / "merged"
    groups = next(folder for folder in (CGROUPS / "memory", CGROUPS) if (folder / daemon.cgroup).is_dir())
    group = groups / daemon.cgroup / name
    mounts = len(daemon.mounts()["merged"])  # each container that runs has one
    before = daemon.left_over()
    place.mkdir(parents=True)
    group.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "planted", place], check=True)
        with a_shim(daemon, name, runs=True):
            found = set(daemon.left_over())
    finally:
        subprocess.run(["umount", place], check=True)
        shutil.rmtree(place.parent)
        group.rmdir()
    expected = {
        f"shim of {name[:12]}",
        f"control group {name[:12]}",
        f"{mounts + 1} mounts merged of {mounts}",
    }
    assert (before, found) == ([], expected)
    assert daemon.left_over() == []


def test_more_ended_containers_than_an_engine_forgets_are_found(
    staffed: House, daemon: PrivateEngine
) -> None:
    """See ``PrivateEngine.forgotten``: so many records without a process are the engine's own, one more is told."""
    staffed.installation.ready()
    room = FORGETS - len(daemon.forgotten())  # it may have forgotten some of its own by now
    before = daemon.left_over()
    counted: list[int] = []
    with ExitStack() as shims:
        for digit in range(room + 1):
            shims.enter_context(a_shim(daemon, str(digit) * 64, runs=False))
            counted.append(len(daemon.left_over()))
    assert before == []
    assert counted == [*[0] * room, 1]


def test_a_dead_engine_is_found(staffed: House, daemon: PrivateEngine) -> None:
    staffed.installation.ready()
    daemon.kill("dockerd")
    assert "No container engine answers" in left_over(staffed)[0]
    daemon.wait()
    until_nothing(lambda: left_over(staffed), within_s=60)


def test_a_schedule_is_its_seeds_own() -> None:
    assert schedule(7, 60) == schedule(7, 60) != schedule(8, 60)
