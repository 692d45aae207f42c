"""From an objection to the first refused question and the ended notebook: on the real hub and containers, timed.

And back: what was suspended is resumed as it was.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import docker
import httpx
import pytest

from sandbox.demo.kernel import Kernel
from sandbox.hub_session import HubSession
from tests.e2e.conftest import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

DATASET = "german_credit"
COUNT = "SELECT COUNT(*) AS n FROM loans WHERE age > {}"
AT_MOST_S = 2.0


@pytest.fixture
def ana(running: Installation) -> Iterator[HubSession]:
    with running.session("ana") as session:
        yield session


def grant_of(ana: HubSession) -> dict[str, Any]:
    return next(g for g in ana.portal("GET", "grants") if g["dataset"] == DATASET and g["holds"])


def ask(ana: HubSession, years: int) -> httpx.Response:
    return ana.http.post(
        "/services/portal/api/v1/questions",
        json={"sql": COUNT.format(years), "epsilon": 0.01, "dataset": DATASET},
    )


def containers(running: Installation) -> list[str]:
    """The notebook's containers of this installation: its own, and its carrier."""
    with closing(docker.from_env()) as client:
        names = [
            c.name for c in client.containers.list(filters={"name": f"sandbox-{running.settings.hub_port}-"})
        ]
    return [name for name in names if "-ana-" in name]


def seconds_until(what: Callable[[], bool], began: float) -> float:
    while not what():
        assert time.monotonic() - began < 20, "it never came"
        time.sleep(0.01)
    return time.monotonic() - began


def states(running: Installation) -> list[Any]:
    """What a suspension touches, as the database has it; without counters and times."""
    with closing(sqlite3.connect(f"file:{running.settings.home / 'state.db'}?mode=ro", uri=True)) as database:
        return [
            database.execute(statement).fetchall()
            for statement in (
                "SELECT id, status, held_from, held_by, reason, crate_sha256 FROM releases ORDER BY id",
                "SELECT id, revoked, agreement_hash FROM grants ORDER BY id",
                "SELECT id, state FROM applications ORDER BY id",
                'SELECT dataset, "table", "column" FROM suspensions WHERE ended = \'\'',
                "SELECT lineage, cap_nano FROM lineage_accounts ORDER BY lineage",
            )
        ]


def test_an_objection_stops_everything_in_two_seconds_and_its_dismissal_brings_it_back(
    running: Installation, ana: HubSession, capsys: pytest.CaptureFixture[str]
) -> None:
    server = grant_of(ana)["server_name"]
    ana.start_notebook(server)
    assert Kernel(ana, server).run("print(6 * 7)")[0].text.strip() == "42"  # the control: all of it works
    assert ask(ana, 30).status_code == 200
    assert len(containers(running)) == 2
    before = states(running)

    anybody = httpx.Client(base_url=f"{running.settings.portal_url}/api/v1", timeout=30, trust_env=False)
    form = {
        "dataset": DATASET,
        "kind": "privacy",
        "text": "These rows are about me, and nobody asked me for them.",
    }
    began = time.monotonic()
    with anybody:
        taken = anybody.post("/objections", data=form)
        received_s = time.monotonic() - began
        assert taken.status_code == 201, taken.text
        number, word = taken.json()["number"], taken.json()["word"]
        refused_s = seconds_until(lambda: ask(ana, 31).status_code == 403, began)
        stopped_s = seconds_until(lambda: containers(running) == [], began)
        with capsys.disabled():
            sys.stdout.write(
                f"\nobjection: acknowledged after {received_s:.2f} s, first question refused after "
                f"{refused_s:.2f} s, notebook ended after {stopped_s:.2f} s\n"
            )
        assert max(refused_s, stopped_s) < AT_MOST_S

        assert ask(ana, 32).json()["error"]["clause"] == "suspension"
        assert ana.http.post(f"/hub/api/users/ana/servers/{server}").status_code >= 400
        assert f"objection {number}" in running.sandbox("objection", "show", str(number)).stdout
        running.sandbox("objection", "decide", str(number), "look")
        running.sandbox(
            "objection",
            "decide",
            str(number),
            "dismiss",
            "--reason",
            "These rows are of 1994 and of nobody alive.",
        )
        status = anybody.post("/objections/status", json={"number": number, "word": word}).json()
    assert (status["state"], status["suspended"]) == ("dismissed", False)
    assert states(running) == before
    assert ask(ana, 33).status_code == 200
    ana.start_notebook(server)
    assert Kernel(ana, server).run("print(6 * 7)")[0].text.strip() == "42"
    running.sandbox("audit", "verify")
    ana.stop_notebook(server)


def test_the_portals_token_ends_servers_and_does_nothing_else_at_the_hub(
    running: Installation, ana: HubSession
) -> None:
    server = grant_of(ana)["server_name"]
    ana.start_notebook(server)
    token = (running.settings.keys_dir / "portal-token").read_text().strip()
    portal = httpx.Client(
        base_url=f"{running.settings.hub_url}/hub/api",
        headers={"Authorization": f"token {token}"},
        timeout=30,
        trust_env=False,
    )
    with portal:
        for method, path in (
            ("GET", "/users"),
            ("GET", "/users/ana"),
            ("POST", f"/users/ana/servers/{server}"),
            ("POST", "/users/ana/tokens"),
            ("DELETE", "/users/ana"),
            ("GET", "/proxy"),
            ("POST", "/shutdown"),
        ):
            assert portal.request(method, path).status_code in (403, 404), (method, path)
        assert portal.delete(f"/users/ana/servers/{server}").status_code in (202, 204)  # the control
    seconds_until(lambda: containers(running) == [], time.monotonic())
