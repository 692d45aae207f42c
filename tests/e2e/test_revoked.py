"""A grant that is taken back with a notebook and a job running; and what is started twice, or from nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.application import Wish
from sandbox.domain.job import JobState
from sandbox.domain.policy import Mode
from sandbox.hub_session import HubSession
from sandbox.isolation.containers import Containers
from tests.e2e.chaos import DATASET, House, left_over

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

AT_MOST_S = 2.0
NEVER_ENDS = ("forever.py", b"import time\nwhile True: time.sleep(1)\n")


@pytest.fixture
def containers(staffed: House) -> Iterator[Containers]:
    with staffed.containers() as found:
        yield found


@pytest.fixture
def cleo(staffed: House) -> Iterator[HubSession]:
    staffed.installation.ready()
    with staffed.installation.session("cleo") as session:
        yield session


def granted(house: House, project: str) -> tuple[int, Grant]:
    """A new grant of cleo's that runs code, and the number of its application."""
    people = {person.name: person for person in house.sandbox.store.people.all()}
    wish = Wish(
        mode=Mode.JOB,
        project=project,
        purpose="Fit a scorecard for small loans and publish its coefficients.",
        output_plan="One table of coefficients.",
        epsilon="0.1",
    )
    access = house.sandbox.request_access
    made = access.apply(people["cleo"], dataset=DATASET, wish=wish)
    access.approve(people["olga"], made.id)
    grant = access.sign(people["cleo"], made.id)
    assert grant is not None
    return made.id, grant


def of_grant(house: House, containers: Containers, grant: Grant, job: int) -> list[str]:
    """The names of all containers that stand for it."""
    wanted = {f"notebook-cleo-{grant.server_name}", f"carrier-cleo-{grant.server_name}", f"job-{job}"}
    return [
        name
        for kind in ("notebook", "carrier", "job")
        for name in containers.names(kind)
        if name.removeprefix(house.prefix) in wanted
    ]


def seconds_until(what: Callable[[], bool], began: float, *, within_s: float = 180) -> float:
    while not what():
        assert time.monotonic() - began < within_s, "it never came"
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.parametrize("hub", ["up", "down"])
def test_revoking_stops_notebook_and_job_in_two_seconds_with_the_hub(
    staffed: House, containers: Containers, cleo: HubSession, capsys: pytest.CaptureFixture[str], hub: str
) -> None:
    sandbox = staffed.sandbox
    people = {person.name: person for person in sandbox.store.people.all()}
    application, grant = granted(staffed, f"scorecard_{hub}")
    cleo.start_notebook(grant.server_name)
    job = sandbox.run_job.send(people["cleo"], grant, code=NEVER_ENDS, outputs=("t.csv",))
    seconds_until(lambda: len(of_grant(staffed, containers, grant, job.id)) == 3, time.monotonic())
    if hub == "down":
        staffed.installation.control("stop", "hub")
    try:
        began = time.monotonic()
        sandbox.end_access.revoke(people["olga"], application, reason="The purpose has changed since.")
        took_s = seconds_until(lambda: of_grant(staffed, containers, grant, job.id) == [], began)
    finally:
        if hub == "down":
            staffed.installation.control("start", "hub")
    with capsys.disabled():
        sys.stdout.write(f"\nrevoked with the hub {hub}: notebook and job stopped after {took_s:.2f} s\n")
    assert took_s < AT_MOST_S
    ended = sandbox.store.jobs.get(job.id)
    assert ended is not None
    assert ended.state is JobState.CANCELLED
    staffed.installation.ready()
    assert cleo.http.post(f"/hub/api/users/cleo/servers/{grant.server_name}").status_code >= 400
    seconds_until(lambda: not left_over(staffed), time.monotonic())


def test_a_grant_has_one_notebook_however_often_it_is_started(
    staffed: House, containers: Containers, cleo: HubSession
) -> None:
    server = staffed.grants["cleo"].server_name
    address = f"/hub/api/users/cleo/servers/{server}"
    codes = [cleo.http.post(address).status_code for _ in range(3)]
    assert codes[0] in (201, 202)
    assert set(codes[1:]) <= {202, 400}  # on its way, or it runs already
    cleo.start_notebook(server)
    assert len(of_grant(staffed, containers, staffed.grants["cleo"], 0)) == 2
    cleo.stop_notebook(server)
    seconds_until(lambda: of_grant(staffed, containers, staffed.grants["cleo"], 0) == [], time.monotonic())
