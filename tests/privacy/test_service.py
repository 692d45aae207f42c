"""The engine behind its socket: the same answers, the same errors, and a clear word on whether a question may have run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sandbox.domain.answer import document_of
from sandbox.domain.errors import (
    BadInput,
    Busy,
    Conflict,
    NotFound,
    OperatorError,
    PolicyMistake,
    PolicyRefused,
    QuestionRefused,
    SandboxError,
    Tampered,
    TooLarge,
    Unanswered,
)
from sandbox.domain.evidence import Evidence
from sandbox.domain.job import RowFiles
from sandbox.domain.limits import NO_LIMITS, Limits
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy, Table
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.question import canonical_sql
from sandbox.domain.trained_model import (
    Feature,
    Model,
    ModelScores,
    model_document,
    scores_from_document,
)
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.base.wire import base_of_lines
from sandbox.privacy.engine import Health
from sandbox.privacy.planning.profile import Counted, Histogram, Profile, profile_from_document
from sandbox.privacy.publishing.publish import PublishReport
from sandbox.privacy.publishing.views import table_snapshot
from sandbox.privacy.remote import EngineUnavailable, RemoteEngine
from sandbox.privacy.service import application, listen
from sandbox.privacy.wire import error_document, error_of, report_document, report_of
from tests.privacy.made_up import PRICE, hospital, many_visits, write_csv

POLICY = hospital()


class Process:
    """The engine's process as an installation starts it."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.more = more
        (folder / "raw").mkdir()
        (folder / "views").mkdir()
        write_csv(folder / "raw" / "visits.csv", many_visits())
        self.folder, self.socket = folder, folder / "e.sock"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox.privacy.service", "--socket", str(self.socket)]
        command += ["--raw", str(self.folder / "raw"), "--views", str(self.folder / "views"), *self.more]
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, cwd=Path.cwd())
        remote = RemoteEngine(self.socket)
        for _ in range(300):
            try:
                remote.health()
                return
            except EngineUnavailable:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.1)
        raise AssertionError("the engine does not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("engine"))
    yield process
    process.kill()


def test_keys_extracts_and_destruction_over_the_socket(tmp_path: Path) -> None:
    (tmp_path / "extracts").mkdir()
    process = Process(tmp_path, "--keys", str(tmp_path / "keys"), "--extracts", str(tmp_path / "extracts"))
    try:
        remote = RemoteEngine(process.socket)
        key = remote.data_key(dataset="hospital")
        assert key is not None
        assert remote.data_key(dataset="hospital") == key
        report = remote.publish(policy=POLICY, table="visits", file="visits.csv")
        wanted: dict[str, Any] = {
            "dataset": "hospital",
            "snapshot": report.snapshot,
            "tables": {"visits": ["age"]},
            "target": "job-1",
        }
        made = remote.extract(**wanted, max_bytes=10**6)
        assert (made.target, made.rows) == ("job-1", {"visits": 150})
        assert made.size_bytes == sum(f.stat().st_size for f in (tmp_path / "extracts" / "job-1").iterdir())
        with pytest.raises(Conflict, match="job-1 already"):
            remote.extract(**wanted, max_bytes=10**6)
        with pytest.raises(TooLarge):
            remote.extract(**{**wanted, "target": "job-2"}, max_bytes=10)
        with pytest.raises(BadInput):
            remote.extract(**{**wanted, "target": "../x"}, max_bytes=10**6)
        with pytest.raises(BadInput):
            remote.extract(**{**wanted, "tables": {"visits": [1]}}, max_bytes=10**6)
        text = remote.extract(**{**wanted, "target": "job-4"}, max_bytes=10**6, form=RowFiles.CSV)
        assert text.rows == {"visits": 150}
        assert (tmp_path / "extracts" / "job-4" / "visits.csv").is_file()
        with pytest.raises(BadInput, match="no such form"):
            remote.extract(**{**wanted, "target": "job-5"}, max_bytes=10**6, form="pickle")  # type: ignore[arg-type]
        new = remote.rotate_key(dataset="hospital")
        assert remote.retire_keys(dataset="hospital") == (key.id,)
        assert remote.renew_master() == 1
        assert remote.destroy(dataset="hospital") == (new.id,)
        with pytest.raises(Conflict, match="destroyed"):
            remote.data_key(dataset="hospital")
        with pytest.raises(NotFound):
            remote.extract(**{**wanted, "target": "job-3"}, max_bytes=10**6)
    finally:
        process.kill()


def test_the_whole_way_over_the_socket(running: Process) -> None:
    remote = RemoteEngine(running.socket)
    report = remote.publish(policy=POLICY, table="visits", file="visits.csv")
    assert (report.rows, report.units) == (150, 60)
    where = {"dataset": "hospital", "snapshot": report.snapshot}
    sql = "SELECT sex, COUNT(*) AS n FROM visits GROUP BY sex"
    profile = remote.profile(**where)
    assert remote.profile(**where) == profile
    limits = Limits(max_groups=1, max_rows_per_unit=1)
    body = remote.answer(**where, sql=sql, nano=PRICE.nano, profile=profile.id, limits=limits)
    planned = document_of(body)
    # Which of the two bounds is used depends on the profile, which has noise.
    assert 1 in (planned["bounding"]["groups_per_unit"], planned["bounding"]["rows_per_unit"])
    document = document_of(remote.answer(**where, sql=sql, nano=PRICE.nano))
    assert [r["sex"] for r in document["rows"]] == ["female", "male"]
    evidence = remote.evidence(**where, sql=sql)
    assert sum(r.rows for r in evidence.rows) == 150
    assert remote.health() == Health(ready=True, busy=0)
    with pytest.raises(QuestionRefused) as refusal:
        remote.answer(**where, sql="SELECT city FROM visits", nano=1000)
    assert refusal.value.position == 7
    assert "listed values" in str(refusal.value)
    with pytest.raises(NotFound):
        remote.answer(dataset="hospital", snapshot="0" * 64, sql=sql, nano=1000)
    with pytest.raises(BadInput, match="outside the folder") as outside:
        remote.publish(policy=POLICY, table="visits", file="../visits.csv")
    assert outside.value.where == "file"


def test_several_tables_go_over_the_socket(running: Process) -> None:
    patients = Table(
        columns={
            "patient_id": Column(type=ColumnType.TEXT),
            "born": Column(type=ColumnType.INTEGER, lower=1900, upper=2020),
        },
        max_rows=100,
    )
    policy = replace(POLICY, tables={**POLICY.tables, "patients": patients})
    rows = [{"patient_id": f"p{n}", "born": 1950 + n} for n in range(50)]
    write_csv(running.folder / "raw" / "patients.csv", rows, ["patient_id", "born"])
    remote = RemoteEngine(running.socket)
    files = {"visits": "visits.csv", "patients": "patients.csv"}
    shape = remote.shape(dataset="hospital", file="patients.csv")
    assert {column.name for column in shape} == {"patient_id", "born"}
    with pytest.raises(BadInput, match="outside the folder"):
        remote.shape(dataset="hospital", file="../patients.csv")
    report = remote.publish_tables(policy=policy, files=files)
    assert (report.rows, report.units) == (200, 60)
    where = {"dataset": "hospital", "snapshot": report.snapshot}
    sql = "SELECT sex, AVG(born) AS b FROM patients JOIN visits USING (patient_id) GROUP BY sex"
    profile = remote.profile(dataset="hospital", snapshot=table_snapshot(policy, report.snapshot, "visits"))
    body = remote.answer(**where, sql=canonical_sql(parse(sql, policy)), nano=PRICE.nano, profile=profile.id)
    assert [r["sex"] for r in document_of(body)["rows"]] == ["female", "male"]
    with pytest.raises(BadInput, match="files came for visits"):
        remote.publish_tables(policy=policy, files={"visits": "visits.csv"})
    with pytest.raises(BadInput, match="outside the folder"):
        remote.publish_tables(policy=policy, files={**files, "patients": "../patients.csv"})
    alone = remote.publish(policy=POLICY, table="visits", file="visits.csv")
    with pytest.raises(QuestionRefused, match="no table 'patients'"):
        remote.answer(dataset="hospital", snapshot=alone.snapshot, sql=sql, nano=PRICE.nano)


def test_a_base_comes_over_the_socket_with_its_progress(tmp_path: Path) -> None:
    process = Process(tmp_path)
    remote = RemoteEngine(process.socket)
    terms = BudgetTerms(epsilon="8", base_percent=20)
    report = remote.publish(policy=replace(POLICY, budget=terms), table="visits", file="visits.csv")
    said: list[tuple[float, str]] = []
    base = remote.base(
        dataset="hospital", snapshot=report.snapshot, progress=lambda f, words: said.append((f, words))
    )
    assert (said[0][0], said[-1][0], len(said)) == (0.0, 1.0, len(base.tables) + 1)
    process.kill()
    process.start()  # drawn once, also by the next process
    assert remote.base(dataset="hospital", snapshot=report.snapshot) == base
    with pytest.raises(NotFound):
        remote.base(dataset="hospital", snapshot="0" * 64)
    plain = remote.publish(policy=POLICY, table="visits", file="visits.csv")
    with pytest.raises(BadInput, match="no base release"):
        remote.base(dataset="hospital", snapshot=plain.snapshot)
    (tmp_path / "views" / ".bases" / f"of-{report.snapshot}").write_text("0" * 64)
    with pytest.raises(Tampered):
        remote.base(dataset="hospital", snapshot=report.snapshot)
    process.kill()
    with pytest.raises(EngineUnavailable):
        remote.base(dataset="hospital", snapshot=report.snapshot)


@pytest.mark.parametrize("text", ["", "{", '{"fraction": 1}', '{"base": {}}', "[]", '{"error": 5}'])
def test_lines_that_end_too_early_or_say_nothing_are_unanswered(text: str) -> None:
    with pytest.raises(Unanswered):
        base_of_lines([text], lambda fraction, words: None)


def test_only_owner_and_group_may_connect(running: Process) -> None:
    assert running.socket.stat().st_mode & 0o777 == 0o660


def test_a_killed_engine_is_unavailable_and_starts_again_over_its_old_socket(tmp_path: Path) -> None:
    process = Process(tmp_path)
    report = RemoteEngine(process.socket).publish(policy=POLICY, table="visits", file="visits.csv")
    process.kill()
    assert process.socket.exists()
    with pytest.raises(EngineUnavailable):
        RemoteEngine(process.socket).answer(
            dataset="hospital", snapshot=report.snapshot, sql="SELECT COUNT(*) FROM visits", nano=1000
        )
    process.start()
    try:
        body = RemoteEngine(process.socket).answer(
            dataset="hospital", snapshot=report.snapshot, sql="SELECT COUNT(*) FROM visits", nano=1000
        )
    finally:
        process.kill()
    assert document_of(body)["snapshot"] == report.snapshot


def test_an_engine_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    for verb in (
        lambda e: e.health(),
        lambda e: e.answer(dataset="d", snapshot="s", sql="q", nano=1),
        lambda e: e.evidence(dataset="d", snapshot="s", sql="q"),
        lambda e: e.publish(policy=POLICY, table="visits", file="x"),
        lambda e: e.model_scores(
            dataset="d",
            snapshot="s",
            table="t",
            model=Model(features=(), weights=(1.0,), outcome="", classes=()),
            train="0",
        ),
    ):
        with pytest.raises(EngineUnavailable):
            verb(RemoteEngine(tmp_path / "none.sock"))


REPLIES: list[tuple[bytes, str]] = [
    (b"", "died in the middle"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{", "died while answering"),
    (b"not http at all\r\n\r\n", "is something else"),
    (b"HTTP/1.1 502 Bad\r\ncontent-length: 2\r\n\r\n{}", "says nothing"),
    (b"HTTP/1.1 500 Bad\r\ncontent-length: 4\r\n\r\nnull", "says null"),
    (b"HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n", "leads elsewhere"),
]


@pytest.mark.parametrize(("reply", "how"), REPLIES, ids=[how for _, how in REPLIES])
def test_from_the_moment_a_question_may_have_been_sent_it_is_unanswered(
    tmp_path: Path, reply: bytes, how: str
) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "e.sock"))
    listener.listen()

    def serve() -> None:
        answered = 0
        while answered < 2:
            connection, _ = listener.accept()
            with connection:
                if connection.recv(65536):  # a knock sends nothing
                    connection.sendall(reply)
                    answered += 1

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    remote = RemoteEngine(tmp_path / "e.sock", timeout_s=5)
    with pytest.raises(Unanswered):
        remote.answer(dataset="d", snapshot="s", sql="q", nano=1)
    with pytest.raises(OperatorError, match="Publishing broke off"):
        remote.publish(policy=POLICY, table="visits", file="x")
    thread.join()
    listener.close()


# The doors, on an engine that does as it is told


class Told:
    """An engine that answers or fails as a test says."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.calls: list[dict[str, Any]] = []

    def _do(self, **given: Any) -> None:
        self.calls.append(given)
        if self.failure is not None:
            raise self.failure

    def publish(
        self, *, policy: DatasetPolicy, table: str, file: str, withheld: Sequence[str] = ()
    ) -> PublishReport:
        self._do(policy=policy, table=table, file=file, **({"withheld": withheld} if withheld else {}))
        return REPORT

    def profile(self, *, dataset: str, snapshot: str) -> Profile:
        self._do(dataset=dataset, snapshot=snapshot)
        return PROFILE

    def answer(
        self,
        *,
        dataset: str,
        snapshot: str,
        sql: str,
        nano: int,
        atto_delta: int = 0,
        profile: str = "",
        limits: Limits = NO_LIMITS,
        planned_at: int = 0,
    ) -> bytes:
        told = {"profile": profile} if profile else {}
        more = told if limits == NO_LIMITS else {**told, "limits": limits}
        self._do(dataset=dataset, snapshot=snapshot, sql=sql, nano=nano, **more)
        return b'{"rows":[],"columns":[]}'

    def evidence(self, *, dataset: str, snapshot: str, sql: str) -> Evidence:
        self._do(dataset=dataset, snapshot=snapshot, sql=sql)
        return Evidence(sql=sql, keys=(), rows=())

    def model_scores(
        self, *, dataset: str, snapshot: str, table: str, model: Model, train: str
    ) -> ModelScores:
        self._do(dataset=dataset, snapshot=snapshot, table=table, train=train)
        return ModelScores(members=((0.5, 0.5),), others=(), members_right=(True,), others_right=())

    def health(self) -> Health:
        return Health(ready=True, busy=0)


PROFILE = Profile(
    table="visits",
    snapshot="a" * 64,
    nano=7,
    histograms=(Histogram(counted=Counted.ROWS, column="", edges=(1, 2), units=(5, -1), scale=0.1),),
)

REPORT = PublishReport(
    snapshot="a" * 64,
    rows=1,
    units=1,
    dropped_rows=0,
    rows_without_unit=0,
    emptied={"age": 2},
    warnings=("w",),
)
ASK = {"dataset": "d", "snapshot": "s", "sql": "q", "nano": 5}


def test_answers_are_passed_on_byte_for_byte() -> None:
    engine = Told()
    response = TestClient(application(engine)).post("/answer", json=ASK)
    assert response.content == b'{"rows":[],"columns":[]}'
    assert engine.calls == [ASK]


WEIGHTS = model_document(
    Model(features=(Feature("age"),), weights=(0.5,), outcome="sick", classes=("0", "1"))
)


def test_a_model_reaches_the_engine_as_a_value_and_its_scores_come_back() -> None:
    engine = Told()
    body = {"dataset": "d", "snapshot": "s", "table": "t", "model": WEIGHTS, "train": "ba"}
    response = TestClient(application(engine)).post("/model", json=body)
    assert scores_from_document(response.json()) == ModelScores(
        members=((0.5, 0.5),), others=(), members_right=(True,), others_right=()
    )
    assert engine.calls == [{"dataset": "d", "snapshot": "s", "table": "t", "train": "ab"}]


BODIES: list[tuple[str, Any]] = [
    ("/answer", {}),
    ("/answer", {**ASK, "nano": "5"}),
    ("/answer", {**ASK, "nano": 5.0}),
    ("/answer", {**ASK, "nano": True}),
    ("/answer", {**ASK, "seed": 1}),
    ("/answer", [ASK]),
    ("/answer", None),
    ("/evidence", {**ASK}),
    ("/model", {"dataset": "d", "snapshot": "s", "table": "t", "model": {}, "train": "0"}),
    (
        "/model",
        {"dataset": "d", "snapshot": "s", "table": "t", "model": WEIGHTS, "train": "0123456789abcdef"},
    ),
    (
        "/model",
        {
            "dataset": "d",
            "snapshot": "s",
            "table": "t",
            "model": {**WEIGHTS, "weights": ["x"]},
            "train": "0",
        },
    ),
    ("/publish", {"policy": "x", "table": "t", "file": "f"}),
    ("/publish", {"policy": {}, "table": "t", "file": "f"}),
    ("/publish", {"policy": {**policy_to_document(POLICY), "extra": 1}, "table": "t", "file": "f"}),
]


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_a_request_of_another_shape_reaches_no_engine(path: str, body: Any) -> None:
    engine = Told()
    response = TestClient(application(engine)).post(path, json=body)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "bad_input"
    assert engine.calls == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 50_000])
def test_a_body_that_is_no_json_is_refused(content: bytes) -> None:
    response = TestClient(application(Told())).post("/answer", content=content)
    assert response.status_code == 422


def test_a_body_without_end_is_cut() -> None:
    response = TestClient(application(Told())).post("/answer", content=(b"x" * 1_000_000 for _ in range(9)))
    assert response.status_code == 413


@pytest.mark.parametrize(
    "failure", [Unanswered(), RuntimeError("CANARY"), ValueError("CANARY"), KeyError("CANARY")]
)
@pytest.mark.parametrize("path", ["/answer", "/evidence"])
def test_what_nobody_thought_of_is_the_same_constant_error(
    failure: Exception, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = TestClient(application(Told(failure)), raise_server_exceptions=False)
    body = ASK if path == "/answer" else {k: v for k, v in ASK.items() if k != "nano"}
    response = client.post(path, json=body)
    assert response.status_code == 502
    assert response.json() == {"error": error_document(Unanswered())}
    assert "CANARY" not in response.text + caplog.text


ERRORS: list[SandboxError] = [
    QuestionRefused("m", position=3, fix="f"),
    QuestionRefused("m", position=None),
    BadInput("m", where="w", fix="f"),
    NotFound("m", fix="f"),
    TooLarge("m"),
    Tampered("m", place="p"),
    OperatorError("m", fix="f"),
    PolicyRefused((PolicyMistake("f.yaml", 3, "k", "p", "a"),)),
    Unanswered(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_an_error_arrives_as_it_was_raised(error: SandboxError) -> None:
    there = error_of(json.loads(json.dumps(error_document(error))))
    assert type(there) is type(error)
    assert str(there) == str(error)
    assert error_document(there) == error_document(error)


@pytest.mark.parametrize("document", [{}, {"code": "?"}, error_document(Busy("m"))])
def test_an_error_nobody_knows_arrives_as_unanswered(document: dict[str, Any]) -> None:
    assert type(error_of(document)) is Unanswered


def test_a_profile_and_the_asker_s_limits_arrive_as_they_were_sent() -> None:
    told = Told()
    client = TestClient(application(told))
    sent = client.post("/profile", json={"dataset": "hospital", "snapshot": "a" * 64})
    assert profile_from_document(sent.json()) == PROFILE
    asked: dict[str, Any] = {"dataset": "d", "snapshot": "s", "sql": "q", "nano": 1}
    client.post("/answer", json={**asked, "profile": "p", "max_groups": 3})
    assert told.calls[-1] == {**asked, "profile": "p", "limits": Limits(max_groups=3)}
    for wrong in ({"max_groups": 0}, {"max_groups": True}, {"max_rows_per_unit": "3"}, {"seed": 1}):
        assert client.post("/answer", json={**asked, **wrong}).status_code == 422
    assert len(told.calls) == 2


def test_a_report_arrives_as_it_was_made() -> None:
    assert report_of(json.loads(json.dumps(report_document(REPORT)))) == REPORT


def test_a_socket_is_made_only_where_nothing_else_stands(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path, tmp_path / "nowhere" / "e.sock", tmp_path / ("x" * 200)):
        with pytest.raises(BadInput):
            listen(path)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(BadInput):
        listen(tmp_path / "link")
    assert (tmp_path / "file").read_text() == "mine"
    first = listen(tmp_path / "e.sock")
    first.close()
    listen(tmp_path / "e.sock").close()
    assert os.stat(tmp_path / "e.sock").st_mode & 0o777 == 0o660


def test_the_engine_s_image_needs_no_http_client() -> None:
    """There it has only ``sandbox.domain`` and ``sandbox.privacy``, and no httpx."""
    code = (
        "import sys, importlib.abc\n"
        "class No(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        first = name.split('.')\n"
        "        if first[0] in ('httpx', 'pandas', 'fastapi', 'sqlalchemy') or (\n"
        "            first[0] == 'sandbox' and first[1:2] and first[1] not in ('domain', 'privacy')\n"
        "        ):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, No())\n"
        "import sandbox.privacy.service, sandbox.privacy.remote\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path.cwd())
