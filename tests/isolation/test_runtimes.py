"""A runtime is believed when it has started one of our containers, and gVisor is never quietly left out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

import docker
import pytest
import requests
from docker.errors import APIError, ImageNotFound

from sandbox.domain.errors import OperatorError
from sandbox.domain.site_policy import Runtime
from sandbox.isolation import runtimes
from sandbox.isolation.lockdown import own_seccomp, seccomp_for
from sandbox.isolation.runtimes import choose, platform, trial_settings

FLAGS = ["--platform=systrap", "--network=host", "--oci-seccomp"]
SLOW = ["--platform=ptrace", "--network=host", "--oci-seccomp"]


@dataclass
class FakeEngine:
    """An engine with runtimes, some of which start nothing."""

    flags: list[str] | None = None  # of runsc; None: there is none
    broken: dict[str, Exception | int] = field(
        default_factory=dict
    )  # by runtime: refuses, or ends with a code
    name: str = "engine-1"
    tried: list[str] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    bounds: dict[str, bool] = field(
        default_factory=lambda: {"MemoryLimit": True, "CpuCfsQuota": True, "PidsLimit": True}
    )

    def info(self) -> dict[str, Any]:
        there = {"runc": {"path": "runc"}}
        gvisor = (
            {"runsc": {"path": "/usr/bin/runsc", "runtimeArgs": self.flags}} if self.flags is not None else {}
        )
        return {**self.bounds, "ID": self.name, "Runtimes": {**there, **gvisor}, "DefaultRuntime": "runc"}

    def create_host_config(self, **settings: Any) -> dict[str, Any]:
        return settings

    def create_container(self, *, host_config: dict[str, Any], **more: Any) -> dict[str, str]:
        if more["image"] == "gone":
            raise ImageNotFound("no such image")
        self.tried.append(host_config["runtime"])
        self.left.add(host_config["runtime"])
        return {"Id": host_config["runtime"]}

    def start(self, container: str) -> None:
        found = self.broken.get(container)
        if isinstance(found, Exception):
            raise found

    def wait(self, container: str, timeout: int) -> dict[str, int]:
        return {"StatusCode": cast(int, self.broken.get(container, 0))}

    def remove_container(self, container: str, **_: Any) -> None:
        self.left.discard(container)

    @property
    def client(self) -> docker.APIClient:
        return cast(docker.APIClient, self)


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "_works", set())


def chosen(engine: FakeEngine, wanted: Runtime) -> str:
    return choose(engine.client, wanted, image="sandbox-gate")


@pytest.mark.parametrize(
    ("flags", "broken", "wanted", "runtime"),
    [
        (None, {}, Runtime.RUNC, "runc"),
        (None, {}, Runtime.AUTO, "runc"),
        (FLAGS, {}, Runtime.RUNC, "runc"),
        (FLAGS, {}, Runtime.AUTO, "runsc"),
        (FLAGS, {"runsc": 1}, Runtime.AUTO, "runc"),
        (SLOW, {}, Runtime.AUTO, "runc"),
        ([], {}, Runtime.AUTO, "runc"),
        (SLOW, {}, Runtime.RUNSC, "runsc"),
        (FLAGS, {}, Runtime.RUNSC, "runsc"),
    ],
)
def test_what_is_chosen(
    flags: list[str] | None, broken: dict[str, Exception | int], wanted: Runtime, runtime: str
) -> None:
    assert chosen(FakeEngine(flags, broken), wanted) == runtime


@pytest.mark.parametrize(
    ("flags", "broken", "words"),
    [
        (None, {}, "has no runtime runsc"),
        (["--platform=systrap"], {}, "not told to keep to our system calls"),
        (FLAGS, {"runsc": APIError("no", explanation="cannot start: no such file")}, "no such file"),
        (FLAGS, {"runsc": 128}, "ended with 128"),
        (FLAGS, {"runsc": requests.exceptions.ReadTimeout()}, "did not end"),
    ],
)
def test_gvisor_that_is_asked_for_and_cannot_be_had_is_an_error_and_never_runc(
    flags: list[str] | None, broken: dict[str, Exception | int], words: str
) -> None:
    engine = FakeEngine(flags, broken)
    with pytest.raises(OperatorError, match=words) as refused:
        chosen(engine, Runtime.RUNSC)
    assert "setup_engine.sh" in refused.value.fix
    assert not engine.left


@pytest.mark.parametrize("wanted", Runtime)
@pytest.mark.parametrize("missing", ["MemoryLimit", "CpuCfsQuota", "PidsLimit"])
def test_an_engine_that_would_leave_out_a_limit_starts_nothing(wanted: Runtime, missing: str) -> None:
    engine = FakeEngine(FLAGS)
    engine.bounds[missing] = False
    with pytest.raises(OperatorError, match="would start containers without bounds"):
        chosen(engine, wanted)
    assert engine.tried == []


def test_an_image_that_is_gone_says_so() -> None:
    with pytest.raises(OperatorError, match="The image gone is not there"):
        choose(FakeEngine(FLAGS).client, Runtime.RUNSC, image="gone")


def test_what_worked_is_not_tried_again_and_what_failed_is() -> None:
    engine = FakeEngine(FLAGS, {"runsc": 1})
    assert [chosen(engine, Runtime.AUTO) for _ in range(2)] == ["runc", "runc"]
    engine.broken.clear()  # it was a bad moment
    assert [chosen(engine, Runtime.AUTO) for _ in range(2)] == ["runsc", "runsc"]
    assert engine.tried == ["runsc"] * 3


def test_what_one_engine_does_is_not_believed_of_another() -> None:
    assert chosen(FakeEngine(FLAGS), Runtime.RUNSC) == "runsc"
    with pytest.raises(OperatorError):
        chosen(FakeEngine(FLAGS, {"runsc": 1}, name="engine-2"), Runtime.RUNSC)


def test_an_engine_that_quotes_our_list_of_calls_is_cut_short() -> None:
    quoted = seccomp_for("runsc", own_seccomp())
    engine = FakeEngine(FLAGS, {"runsc": APIError("no", explanation=f"opening {quoted}: file name too long")})
    with pytest.raises(OperatorError, match=r"opening \(our list\): file name too long") as refused:
        chosen(engine, Runtime.RUNSC)
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    ("flags", "name"), [(FLAGS, "systrap"), (["-platform=kvm"], "kvm"), (SLOW, "ptrace"), ([], "ptrace")]
)
def test_a_platform_is_read_from_the_flags(flags: list[str], name: str) -> None:
    assert platform(FakeEngine(flags).info()) == name


def test_what_is_tried_has_the_settings_of_all_our_containers() -> None:
    settings = trial_settings("runsc", "sandbox-gate")
    assert settings["runtime"] == "runsc"
    assert settings["network_mode"] == "none"
    assert settings["cap_drop"] == ["ALL"]
    assert settings["read_only"] is True
    assert "nr_inodes=" in settings["tmpfs"]["/tmp"]


def test_gvisor_is_told_our_list_but_for_the_call_that_it_would_misread() -> None:
    assert seccomp_for("runc", own_seccomp()) == own_seccomp()
    ours, told = (
        json.loads(text)["syscalls"] for text in (own_seccomp(), seccomp_for("runsc", own_seccomp()))
    )
    (differing,) = [(mine, theirs) for mine, theirs in zip(ours, told, strict=True) if mine != theirs]
    assert differing[0]["names"] == differing[1]["names"] == ["clone3"]
