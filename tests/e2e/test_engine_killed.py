"""The container engine itself is killed, or restarted, with a job and with notebooks under way; then all goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import pytest

from sandbox.domain.errors import SandboxError
from sandbox.domain.job import FAILURE_TEXTS, Failure, Job, JobState
from sandbox.domain.people import Person
from sandbox.hub_session import HubSession
from tests.e2e.chaos import House, left_over, until_nothing
from tests.e2e.private_engine import PARTS, PrivateEngine, collect_what_was_cut

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(400),
    # A connection that a death cuts is left by httpx to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CLEAN_WITHIN_S = 60.0
SAYS_A_SECRET = ("slow.py", b"""
import sandbox, time
rows = sandbox.data("loans")
print("SECRET", len(rows))
time.sleep(4)
(sandbox.outbox / "n.csv").write_text("n\\n%d\\n" % len(rows))
""")  # fmt: skip
ENDS_ITS_RUNNER = ("ends.py", b"import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")


def killed(daemon: PrivateEngine) -> None:
    daemon.kill("dockerd")


def killed_and_back_at_once(daemon: PrivateEngine) -> None:
    daemon.kill("dockerd", away_s=0)


def killed_with_its_containerd(daemon: PrivateEngine) -> None:
    for part in PARTS:
        daemon.kill(part)


def restarted(daemon: PrivateEngine) -> None:
    daemon.restart("dockerd")


Way = Callable[[PrivateEngine], None]


@pytest.fixture
def cleo(staffed: House) -> Person:
    found = staffed.sandbox.store.people.get("cleo")
    assert found is not None
    return found


@pytest.fixture
def ana(staffed: House) -> Iterator[HubSession]:
    staffed.installation.ready()
    with staffed.installation.session("ana") as session:
        yield session
    collect_what_was_cut()


def until(what: Callable[[], bool], *, within_s: float, every_s: float = 0.05) -> float:
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < within_s, "it never came"
        time.sleep(every_s)
    return time.monotonic() - began


def clean(house: House, daemon: PrivateEngine) -> None:
    """Nothing is left over, within a minute, and everything answers."""
    daemon.wait()
    house.installation.ready()
    until_nothing(lambda: left_over(house), within_s=CLEAN_WITHIN_S)


def runs(house: House, name: str) -> bool:
    """Whether a container of ours runs; an engine that is away runs none."""
    try:
        with house.containers() as containers:
            return containers.running(house.prefix + name)
    except SandboxError:
        return False


def job_of(house: House, number: int) -> Job:
    found = house.sandbox.store.jobs.get(number)
    assert found is not None
    return found


def ended(house: House, number: int, *, within_s: float = 240) -> Job:
    states = (JobState.QUEUED, JobState.RUNNING)
    until(lambda: job_of(house, number).state not in states, within_s=within_s, every_s=0.2)
    return job_of(house, number)


@pytest.mark.parametrize("way", [killed, restarted])
def test_a_job_whose_engine_goes_away_is_run_again_and_ends(
    staffed: House, daemon: PrivateEngine, cleo: Person, capsys: pytest.CaptureFixture[str], way: Way
) -> None:
    staffed.installation.ready()
    job = staffed.sandbox.run_job.send(cleo, staffed.grants["cleo"], code=SAYS_A_SECRET, outputs=("n.csv",))
    until(lambda: runs(staffed, f"job-{job.id}"), within_s=180)
    time.sleep(1)  # its code is under way
    began = time.monotonic()
    way(daemon)
    found = ended(staffed, job.id)
    with capsys.disabled():
        sys.stdout.write(f"\n{way.__name__}: the job ended after {time.monotonic() - began:.1f} s\n")
    assert (found.state, found.failure, found.attempts) == (JobState.FINISHED, None, 2)
    clean(staffed, daemon)


def test_a_job_that_loses_its_engine_twice_ends_early_and_says_nothing_of_what_it_printed(
    staffed: House, daemon: PrivateEngine, cleo: Person
) -> None:
    staffed.installation.ready()
    job = staffed.sandbox.run_job.send(cleo, staffed.grants["cleo"], code=SAYS_A_SECRET, outputs=("n.csv",))
    for attempt in (1, 2):
        until(
            lambda: runs(staffed, f"job-{job.id}") and job_of(staffed, job.id).attempts == attempt,  # noqa: B023
            within_s=240,
        )
        time.sleep(1)
        daemon.kill("dockerd")
        daemon.wait()
    found = ended(staffed, job.id)
    assert (found.state, found.failure) == (JobState.ENDED_EARLY, Failure.ENGINE)
    told = staffed.sandbox.job_views.one(cleo, job.id)
    assert FAILURE_TEXTS[Failure.ENGINE] in str(told)
    assert "SECRET" not in str(told)
    clean(staffed, daemon)


def test_code_that_ends_its_own_runner_is_blamed_and_not_run_again(
    staffed: House, daemon: PrivateEngine, cleo: Person
) -> None:
    staffed.installation.ready()
    job = staffed.sandbox.run_job.send(cleo, staffed.grants["cleo"], code=ENDS_ITS_RUNNER, outputs=("n.csv",))
    found = ended(staffed, job.id)
    assert (found.failure, found.attempts) == (Failure.PROGRAM, 1)


@pytest.mark.parametrize("way", [killed, killed_with_its_containerd])
def test_a_notebook_that_is_opened_while_the_engine_goes_away_can_be_opened_afterwards(
    staffed: House, daemon: PrivateEngine, ana: HubSession, capsys: pytest.CaptureFixture[str], way: Way
) -> None:
    server = staffed.grants["ana"].server_name
    ana.http.post(f"/hub/api/users/ana/servers/{server}")
    until(lambda: runs(staffed, f"notebook-ana-{server}"), within_s=30, every_s=0.01)
    way(daemon)
    daemon.wait()
    took_s = opens(ana, server)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{way.__name__}: the notebook was open {took_s:.1f} s after the engine was back\n"
        )
    ana.stop_notebook(server)
    clean(staffed, daemon)


@pytest.mark.parametrize("way", [killed_and_back_at_once, restarted])
def test_a_notebook_that_ran_is_open_again_soon_after_the_engine_is_back(
    staffed: House, daemon: PrivateEngine, ana: HubSession, capsys: pytest.CaptureFixture[str], way: Way
) -> None:
    server = staffed.grants["ana"].server_name
    ana.start_notebook(server)
    way(daemon)
    daemon.wait()
    until(lambda: not ana.notebook_ready(server), within_s=30, every_s=0.2)  # the hub has seen that it ended
    took_s = opens(ana, server)
    with capsys.disabled():
        sys.stdout.write(f"\n{way.__name__}: the notebook was open {took_s:.1f} s after its end was seen\n")
    ana.stop_notebook(server)
    clean(staffed, daemon)


def test_a_notebook_can_be_closed_while_the_engine_is_away(
    staffed: House, daemon: PrivateEngine, ana: HubSession
) -> None:
    server = staffed.grants["ana"].server_name
    ana.start_notebook(server)
    daemon.kill("dockerd", away_s=8)
    answer = ana.http.delete(f"/hub/api/users/ana/servers/{server}")
    assert answer.status_code in (202, 204), answer.text
    until(lambda: not ana.notebook_ready(server), within_s=8)
    clean(staffed, daemon)
    opens(ana, server)
    ana.stop_notebook(server)
    clean(staffed, daemon)


def opens(session: HubSession, server: str, *, within_s: float = 180) -> float:
    """Seconds until it is open, for somebody who tries again when told no."""

    def is_open() -> bool:
        try:
            session.start_notebook(server, timeout_s=20)
        except SandboxError:
            return False
        return session.notebook(server, "api").status_code == 200

    return until(is_open, within_s=within_s, every_s=0.3)
