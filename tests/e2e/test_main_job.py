"""The main job on real parts: the tour, the locked container, the ledger under load, and processes that die."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from sandbox.cli import processes
from sandbox.demo.kernel import Kernel
from sandbox.domain.privacy_loss import Loss, epsilon_of, loss_for_epsilon
from sandbox.hub_session import HubSession
from sandbox.settings import PORTAL_PREFIX
from tests.e2e.conftest import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

COUNT = "SELECT purpose, COUNT(*) AS n FROM loans GROUP BY purpose"


def ask(
    session: HubSession, sql: str, *, epsilon: float = 0.1, dataset: str = "german_credit", key: str = ""
) -> httpx.Response:
    body = {"sql": sql, "epsilon": epsilon, "dataset": dataset, "idempotency_key": key}
    return session.http.post(f"{PORTAL_PREFIX}/api/v1/questions", json=body)


def spent(session: HubSession, dataset: str = "german_credit") -> int:
    return int(session.portal("GET", f"budget?dataset={dataset}")["nano"]["spent"])


def history(session: HubSession, dataset: str = "german_credit") -> list[dict[str, Any]]:
    grant = next(g for g in session.portal("GET", "grants") if g["dataset"] == dataset)
    return list(grant["history"])


# the tour


def test_the_tour_prints_every_step_and_ends_well(toured: tuple[Installation, str]) -> None:
    text = toured[1]
    steps = [int(n) for n in re.findall(r"^ ?(\d+)  \S", text, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 10
    for promise in (
        "REFUSED",
        "unconditional",
        "signed by the platform",
        "released",
        "unbroken",
        "tour is complete",
    ):
        assert promise in text
    assert "GOT IN" not in text


def test_a_second_tour_ends_well_and_asks_nothing_twice(running: Installation) -> None:
    with running.session("ana") as ana:
        before = spent(ana)
        running.sandbox("demo", "--keep")
        assert spent(ana) == before


def test_doctor_finds_nothing_missing(running: Installation) -> None:
    assert "missing" not in running.sandbox("doctor").stdout


# the locked container


@pytest.fixture
def notebook(running: Installation) -> Iterator[tuple[HubSession, str]]:
    with running.session("ana") as ana:
        server = next(g["server_name"] for g in ana.portal("GET", "grants") if g["holds"])
        ana.start_notebook(server)
        yield ana, server
        ana.stop_notebook(server)


def test_the_engine_of_containers_confirms_the_locks(notebook: tuple[HubSession, str]) -> None:
    client = docker.from_env()
    ana, _ = notebook
    found = [
        c
        for c in client.containers.list(filters={"label": "sandbox.person=ana"})
        if str(ana.settings.hub_port) in c.name
    ]
    assert len(found) == 1
    host = found[0].attrs["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert any("no-new-privileges" in option for option in host["SecurityOpt"])
    assert any(option.startswith("seccomp=") and "unconfined" not in option for option in host["SecurityOpt"])
    assert host["Privileged"] is False
    assert 0 < host["Memory"] == host["MemorySwap"]
    assert host["PidsLimit"] > 0
    assert host["CpuQuota"] > 0
    assert host["Binds"] in (None, [])
    assert not host.get("Mounts")
    assert found[0].attrs["Config"]["User"] == "1000:1000"
    client.close()


def test_inside_there_is_only_loopback(notebook: tuple[HubSession, str]) -> None:
    ran = Kernel(*notebook).run("print([l.split(':')[0].strip() for l in open('/proc/net/dev')][2:])")
    assert ran[0].text.strip() == "['lo']"


def test_a_notebook_of_nobodys_grant_is_refused(running: Installation) -> None:
    with running.session("ana") as ana:
        for server in ("grant-2", "grant-999", "anything"):
            answer = ana.http.post(f"/hub/api/users/ana/servers/{server}")
            assert answer.status_code >= 400, server
        assert ana.http.post("/hub/api/users/ana/server").status_code >= 400


def test_a_notebooks_token_cannot_act_for_its_person(notebook: tuple[HubSession, str]) -> None:
    code = """
import os, httpx
call = lambda path, **kw: httpx.request(kw.pop("method", "GET"), os.environ["SANDBOX_URL"] + "/api/v1/" + path,
    headers={"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]}, **kw).status_code
print(call("budget"), call("grants"), call("applications"), call("log"), call("applications/1/revoke", method="POST", json={}))
"""
    budget, *others = Kernel(*notebook).run(code)[0].text.split()
    assert budget == "200"  # the positive control
    assert set(others) == {"403"}


# answers


def test_every_listed_key_has_an_interval_and_the_same_question_is_the_same_bytes(
    running: Installation,
) -> None:
    with running.session("ana") as ana:
        first = ask(ana, COUNT, epsilon=0.3)
        before = spent(ana)
        rewritten = ask(
            ana, "select PURPOSE, count(*) as n from loans group by purpose -- again", epsilon=0.3
        )
        assert first.status_code == rewritten.status_code == 200
        assert spent(ana) == before
        assert rewritten.json()["cached"] is True
        answers = [r.content.partition(b'"answer": ')[2] for r in (first, rewritten)]
        assert answers[0] == answers[1]
        policy = httpx.get(
            f"{running.settings.portal_url}/api/v1/datasets/german_credit", trust_env=False
        ).json()
        listed = policy["tables"]["loans"]["columns"]["purpose"]["categories"]
        rows = first.json()["answer"]["rows"]
        assert sorted(r["purpose"] for r in rows) == sorted(listed)
        assert all(r["n"]["low"] < r["n"]["value"] < r["n"]["high"] for r in rows)


def test_the_command_line_asks_too(running: Installation, tmp_path: Path) -> None:
    login = running.sandbox("login", "ana", HOME=str(tmp_path), SANDBOX_PASSWORD=running.passwords["ana"])
    assert "Signed in as ana" in login.stdout
    with running.session("ana") as ana:
        grant = next(str(g["id"]) for g in ana.portal("GET", "grants") if g["dataset"] == "german_credit")
    told = running.sandbox("ask", COUNT, "--epsilon", "0.3", "--grant", grant, HOME=str(tmp_path))
    assert "radio" in told.stdout
    maximum = "SELECT purpose, MAX(age) FROM loans GROUP BY purpose"
    wrong = running.sandbox("ask", maximum, "--grant", grant, check=False, HOME=str(tmp_path))
    assert wrong.returncode == 2
    assert "quantile" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(
    ("sql", "epsilon", "status"),
    [
        ("SELECT wrong_column FROM loans", 0.1, 422),
        ("SELECT COUNT(*) FROM nowhere", 0.1, 422),
        ("DELETE FROM loans", 0.1, 422),
        ("SELECT COUNT(*) FROM loans", 0, 422),
        ("SELECT COUNT(*) FROM loans", -1, 422),
        ("SELECT COUNT(*) FROM loans", 99, 402),
    ],
)
def test_a_bad_question_is_told_what_is_wrong_and_costs_nothing(
    running: Installation, sql: str, epsilon: float, status: int
) -> None:
    with running.session("ana") as ana:
        before = spent(ana)
        answer = ask(ana, sql, epsilon=epsilon)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["message"]
        assert answer.json()["error"]["fix"]
        assert spent(ana) == before


def test_nan_is_refused(running: Installation) -> None:
    with running.session("ana") as ana:
        content = '{"sql": "SELECT COUNT(*) FROM loans", "epsilon": NaN, "dataset": "german_credit"}'
        answer = ana.http.post(
            f"{PORTAL_PREFIX}/api/v1/questions", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 422)


# the ledger under load


def publish_for_four(installation: Installation, folder: Path) -> None:
    """A dataset whose budget holds four questions at epsilon 0.2, and ana's grant on it."""
    target = loss_for_epsilon(0.2, delta=1e-6).nano
    cap = epsilon_of(Loss(target * 9 // 2), delta=1e-6)
    policy = {
        "name": "four_answers",
        "title": "Budget for four",
        "open_class": "conditional",
        "provider": "test",
        "source": "test",
        "licence": "CC0",
        "owner": "olga",
        "unit": {"column": "id", "noun": "person"},
        "tables": {
            "people": {
                "max_rows": 100,
                "columns": {"id": {"type": "integer"}, "age": {"type": "integer", "lower": 0, "upper": 120}},
            }
        },
        "budget": {"epsilon": f"{cap:.6f}", "delta": "1e-6", "project_percent": 100},
        "release": {"pool": ["rita", "ravi"]},
    }
    (folder / "four_answers.yaml").write_text(json.dumps(policy))  # JSON is YAML
    (folder / "people.csv").write_text("id,age\n" + "".join(f"{i},{20 + i}\n" for i in range(50)))
    installation.sandbox("dataset", "publish", str(folder / "four_answers.yaml"), str(folder / "people.csv"))
    wish = {
        "dataset": "four_answers",
        "project": "parallel",
        "purpose": "Show that a budget holds under parallel questions.",
        "output_plan": "None at all.",
    }
    with installation.session("ana") as ana, installation.session("olga") as olga:
        made = ana.portal("POST", "applications", json=wish)
        olga.portal("POST", f"applications/{made['id']}/approve")
        ana.portal("POST", f"applications/{made['id']}/sign")


def test_sixty_four_parallel_questions_on_a_budget_for_four_grant_exactly_four(
    running: Installation, tmp_path: Path
) -> None:
    publish_for_four(running, tmp_path)
    with running.session("ana") as ana, ThreadPoolExecutor(16) as pool:
        questions = [f"SELECT COUNT(*) AS n FROM people WHERE age > {i}" for i in range(64)]
        answers = list(pool.map(lambda q: ask(ana, q, epsilon=0.2, dataset="four_answers"), questions))
        codes = [a.status_code for a in answers]
        assert codes.count(200) == 4, codes
        assert codes.count(402) == 60, codes
        price = answers[codes.index(200)].json()["answer"]["price"]["nano"]
        assert spent(ana, "four_answers") == 4 * price


# processes that die


def engine_process(installation: Installation) -> int:
    """The host's id of the Python process inside the engine's container."""
    client = docker.from_env()
    container = client.containers.get(f"sandbox-engine-{installation.settings.hub_port}")
    pid = int(container.attrs["State"]["Pid"])
    client.close()
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[0])
    return pid


def wait_for(condition: Any, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@contextlib.contextmanager
def a_question_in_flight(
    installation: Installation, ana: HubSession, sql: str
) -> Iterator[tuple[int, list[Any]]]:
    """A question that is charged and running, its engine held still. Yields the engine's process and the results."""
    results: list[Any] = []

    def send() -> None:
        try:
            results.append(ask(ana, sql, epsilon=0.05, key=sql))
        except httpx.HTTPError as error:
            results.append(error)

    pid = engine_process(installation)
    engine_was_asked = threading.Event()
    # The engine answers its health check before a charge, so it is held still only after the charge.
    thread = threading.Thread(target=send)

    def hold() -> None:
        database = sqlite3.connect(f"file:{installation.settings.home / 'state.db'}?mode=ro", uri=True)
        deadline = time.monotonic() + 20
        with contextlib.closing(database):
            while time.monotonic() < deadline:
                row = database.execute(
                    "SELECT MAX(id) FROM questions WHERE state IN ('reserved', 'running')"
                ).fetchone()
                if row[0] is not None:
                    os.kill(pid, signal.SIGSTOP)
                    engine_was_asked.set()
                    return

    holder = threading.Thread(target=hold)
    holder.start()
    thread.start()
    try:
        assert engine_was_asked.wait(20), "the question was never in flight"
        yield pid, results
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        thread.join(60)
        holder.join()


def test_killing_the_engine_in_the_middle_keeps_the_charge_and_sends_no_answer(running: Installation) -> None:
    with running.session("ana") as ana:
        before = spent(ana)
        sql = "SELECT COUNT(*) AS killed_engine FROM loans WHERE age > 31"
        with a_question_in_flight(running, ana, sql) as (pid, results):
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: results)
        assert results[0].status_code == 502
        assert results[0].json()["error"]["code"] == "unanswered"
        assert spent(ana) > before
        assert history(ana)[0]["state"] == "failed"
        running.ready()
        again = ask(ana, sql, epsilon=0.05, key="after")
        assert again.status_code == 200


def test_killing_the_portal_in_the_middle_keeps_the_charge_and_sends_no_answer(running: Installation) -> None:
    with running.session("ana") as ana:
        before = spent(ana)
        sql = "SELECT COUNT(*) AS killed_portal FROM loans WHERE age > 32"
        portal = processes.pid_of(running.settings, "portal")
        assert portal is not None
        with a_question_in_flight(running, ana, sql) as (_, results):
            os.kill(portal, signal.SIGKILL)
            wait_for(lambda: results)
        failed = results[0]
        assert isinstance(failed, httpx.HTTPError) or failed.status_code >= 500
        wait_for(lambda: processes.pid_of(running.settings, "portal") not in (None, portal))
        running.ready()
        assert spent(ana) > before
        assert history(ana)[0]["state"] == "failed"
        retried = ask(
            ana, sql, epsilon=0.05, key=sql
        )  # the same call, sent again: charged once, answered never
        assert retried.status_code == 502
        assert retried.json()["error"]["code"] == "unanswered"


def test_a_stopped_engine_is_said_plainly_and_costs_nothing(running: Installation) -> None:
    with running.session("ana") as ana:
        before = spent(ana)
        running.control("stop", "engine")
        try:
            answer = ask(ana, "SELECT COUNT(*) AS stopped FROM loans WHERE age > 33")
            assert answer.status_code == 503
            assert "engine" in answer.json()["error"]["message"].lower()
            assert spent(ana) == before
        finally:
            running.control("start", "engine")
            running.ready()


@pytest.mark.parametrize("name", ["gate", "hub", "proxy"])
def test_a_running_notebook_survives_the_death_of(
    name: str, notebook: tuple[HubSession, str], running: Installation
) -> None:
    pid = processes.pid_of(running.settings, name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: processes.pid_of(running.settings, name) not in (None, pid))
    running.ready()
    ana, server = notebook
    wait_for(lambda: ana.notebook(server, "api/status").status_code == 200, timeout_s=90)
    assert Kernel(ana, server).run("print(6 * 7)")[0].text.strip() == "42"


# the log


@pytest.fixture
def copied_home(running: Installation) -> Iterator[Installation]:
    """A copy of the installation's state, to be tampered with."""
    home = Path(tempfile.mkdtemp(prefix="sbx-", dir="/tmp"))
    source = sqlite3.connect(running.settings.home / "state.db")
    target = sqlite3.connect(home / "state.db")
    with contextlib.closing(source), contextlib.closing(target):
        source.backup(target)
    for name in ("keys", "anchor"):
        item = running.settings.home / name
        shutil.copytree(item, home / name) if item.is_dir() else shutil.copy(item, home / name)
    yield Installation(running.settings.at(home))
    shutil.rmtree(home)


def tamper(installation: Installation, statement: str) -> None:
    database = sqlite3.connect(installation.settings.home / "state.db")
    with contextlib.closing(database), database:
        assert database.execute(statement).rowcount == 1


def test_an_untouched_log_verifies(copied_home: Installation) -> None:
    assert "unbroken" in copied_home.sandbox("audit", "verify").stdout


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE audit_log SET actor = 'b' || substr(actor, 2) WHERE seq = 5", "5"),
        ("UPDATE audit_log SET facts = replace(facts, '{', '{ ') WHERE seq = 7", "7"),
        ("DELETE FROM audit_log WHERE seq = (SELECT MAX(seq) FROM audit_log)", ""),
        ("DELETE FROM audit_log WHERE seq = 3", "3"),
    ],
)
def test_a_touched_log_does_not_verify_and_says_where(
    copied_home: Installation, statement: str, place: str
) -> None:
    tamper(copied_home, statement)
    done = copied_home.sandbox("audit", "verify", check=False)
    assert done.returncode != 0
    assert f"entry {place}".strip() in (done.stdout + done.stderr).lower()


def test_the_log_holds_no_question_text_and_no_token(running: Installation) -> None:
    database = sqlite3.connect(f"file:{running.settings.home / 'state.db'}?mode=ro", uri=True)
    with contextlib.closing(database):
        text = json.dumps(database.execute("SELECT * FROM audit_log").fetchall())
    assert "SELECT" not in text
    with running.session("ana") as ana:
        assert ana.token not in text
