"""Who is to blame for a job's end: its code, or the engine below it."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from docker.errors import NotFound

from sandbox.domain.job import Failure, JobEnd, Package
from sandbox.domain.site_policy import JobLimits
from sandbox.isolation import job_container
from sandbox.isolation.containers import Containers
from sandbox.isolation.job_profile import job_profile

LIMITS = JobLimits()
CONTAINER = "the container's id"


@dataclass
class Engine:
    """Runs nothing: its container writes ``says`` to standard output and ends as told."""

    says: bytes = b""
    saw: tuple[str, ...] = ("die",)  # of the container, as its events tell
    oom: bool = False
    away: bool = False  # as soon as the container has ended
    gone: bool = False
    asked: list[str] = field(default_factory=list)
    line: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def create_host_config(self, **_: Any) -> dict[str, Any]:
        return {}

    def create_container(self, **_: Any) -> dict[str, Any]:
        return {"Id": CONTAINER}

    def attach_socket(self, container: str, params: dict[str, int]) -> socket.socket:
        return self.line[0]

    def start(self, container: str) -> None:
        frame = b"\1\0\0\0" + len(self.says).to_bytes(4, "big") + self.says
        self.line[1].sendall(frame)
        self.line[1].shutdown(socket.SHUT_WR)
        self.asked.append("start")

    def inspect_container(self, name: str) -> dict[str, Any]:
        if "start" in self.asked:
            if self.away:
                raise requests.ConnectionError("gone")
            if self.gone:
                raise NotFound("gone")
        state = {"Running": False, "Status": "exited", "OOMKilled": self.oom}
        return {"Id": CONTAINER, "Image": "sha256:0", "State": state}

    def events(self, *, filters: dict[str, str], **_: Any) -> list[dict[str, str]]:
        assert filters == {"container": CONTAINER}  # its name was another container's before
        return [{"Action": what} for what in self.saw]

    def remove_container(self, name: str, **_: Any) -> None:
        self.asked.append("remove")
        if self.away and "start" in self.asked:
            raise requests.ConnectionError("gone")


def ended(how: str) -> bytes:
    payload = json.dumps({"ended": how}).encode()
    return b"E" + len(payload).to_bytes(4, "big") + payload


def run(engine: Engine) -> JobEnd:
    with engine.line[0], engine.line[1]:
        return job_container.run(
            Containers(cast(Any, engine)),
            job_profile(1, image="sha256:0", limits=LIMITS, seccomp="{}", data=Path("/rows")),
            name="house-job-1",
            package=Package(code=("a.py", b""), inputs=(), outputs=("t.csv",)),
            limits=LIMITS,
            cancelled=lambda: False,
        )


@pytest.fixture(autouse=True)
def _without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_container, "STOPS_WITHIN_S", 0.0)


@pytest.mark.parametrize(
    ("engine", "blamed"),
    [
        pytest.param(Engine(), Failure.PROGRAM, id="code that ended its own runner"),
        pytest.param(Engine(saw=("kill", "die")), Failure.ENGINE, id="an engine that is being stopped"),
        pytest.param(Engine(saw=()), Failure.ENGINE, id="an engine that was started again since"),
        pytest.param(Engine(away=True), Failure.ENGINE, id="an engine that is away"),
        pytest.param(Engine(gone=True), Failure.ENGINE, id="a container that was taken away"),
        pytest.param(Engine(oom=True, saw=("oom", "die")), Failure.MEMORY, id="memory"),
        pytest.param(Engine(says=ended("program")), Failure.PROGRAM, id="a program that failed"),
        pytest.param(
            Engine(says=ended("program"), saw=("kill", "die")),
            Failure.ENGINE,
            id="a program that an engine ended",
        ),
        pytest.param(
            Engine(says=ended("program"), saw=()),
            Failure.PROGRAM,
            id="a program that failed before its engine went",
        ),
    ],
)
def test_it_is_blamed(engine: Engine, blamed: Failure) -> None:
    end = run(engine)
    assert (end.failure, end.outputs) == (blamed, ())
    assert engine.asked[-1] == "remove"
