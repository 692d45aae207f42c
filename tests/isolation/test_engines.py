"""What an engine says of itself, and what is made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import docker
import pytest
import requests
from docker.errors import APIError, NotFound

from sandbox.domain.errors import OperatorError
from sandbox.domain.site_policy import Runtime
from sandbox.isolation import runtimes
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.containers import Containers, answering
from sandbox.isolation.engines import Facts, Kind, findings, read, starts_ours
from tests.isolation.test_runtimes import FakeEngine

# As the engines themselves answered, shortened.
DOCKER: tuple[dict[str, Any], dict[str, Any]] = (
    {
        "ServerVersion": "20.10.24+dfsg1",
        "Driver": "overlay2",
        "SecurityOptions": ["name=seccomp,profile=default"],
        "CgroupVersion": "1",
        "LiveRestoreEnabled": False,
        "Runtimes": {"runc": {"path": "runc"}},
        "DockerRootDir": "/var/lib/docker",
        "MemoryLimit": True,
        "CpuCfsQuota": True,
        "PidsLimit": True,
    },
    {"Version": "20.10.24+dfsg1", "ApiVersion": "1.41", "Components": [{"Name": "Engine"}, {"Name": "runc"}]},
)
PODMAN: tuple[dict[str, Any], dict[str, Any]] = (
    {
        **DOCKER[0],
        "Driver": "overlay",
        "Rootless": False,
        "DefaultRuntime": "crun",
        "Runtimes": {"crun": {"path": "/usr/bin/crun"}, "runsc": {"path": "/usr/bin/runsc"}},
    },
    {"Version": "4.3.1", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine"}, {"Name": "Conmon"}]},
)
REMAPPED = {
    "SecurityOptions": ["name=seccomp", "name=userns"],
    "DockerRootDir": "/var/lib/docker/100000.100000",
}
ROOTLESS = {"SecurityOptions": ["name=seccomp", "name=rootless"], "CgroupVersion": "2"}


def a_docker(**more: Any) -> Facts:
    return read({**DOCKER[0], **more}, DOCKER[1])


def said(facts: Facts, *, good: bool) -> str:
    return " | ".join(f"{f.state}: {f.fix}" for f in findings(facts) if f.good is good)


def test_docker_as_debian_has_it_lacks_nothing() -> None:
    assert said(a_docker(), good=False) == ""
    assert "Docker 20.10.24+dfsg1, as root, overlay2, cgroup v1" in said(a_docker(), good=True)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(a_docker(), version="19.03.8"), "too old"),
        (replace(a_docker(), version=""), "too old"),
        (replace(read(*PODMAN), api="1.40"), "API 1.40 is too old"),
        (a_docker(SecurityOptions=[]), "no filter of system calls"),
        (a_docker(PidsLimit=False), "cannot bound processes"),
        (a_docker(**ROOTLESS, MemoryLimit=False, CpuCfsQuota=False), "delegate these controllers"),
        (a_docker(Driver="devicemapper"), "devicemapper"),
    ],
)
def test_what_keeps_ours_from_being_safe_is_named_with_what_to_do(facts: Facts, words: str) -> None:
    assert words in said(facts, good=False)


def test_newer_engines_pass() -> None:
    assert said(replace(a_docker(), version="28.2.2", api="1.50"), good=False) == ""


@pytest.mark.parametrize("more", [REMAPPED, ROOTLESS])
def test_a_user_namespace_is_seen(more: dict[str, Any]) -> None:
    assert "nobody on the host" in said(a_docker(**more), good=True)
    assert "nobody on the host" not in said(a_docker(), good=True)


def test_where_the_engine_maps_root_to_is_read() -> None:
    assert a_docker(**REMAPPED).remapped_to == 100_000
    assert a_docker().remapped_to is None
    assert a_docker(DockerRootDir="/data/1.2").remapped_to is None  # a folder's name alone says nothing


def test_folders_made_for_other_users_than_the_engine_maps_to_are_named() -> None:
    def wrong(facts: Facts, remapped_to: int) -> str:
        return " ".join(f.fix for f in findings(facts, remapped_to=remapped_to) if not f.good)

    assert "SANDBOX_REMAPPED_TO=100000" in wrong(a_docker(**REMAPPED), 0)
    assert "SANDBOX_REMAPPED_TO=0" in wrong(a_docker(), 100_000)
    assert wrong(a_docker(**REMAPPED), 100_000) == wrong(a_docker(), 0) == ""


def test_podman_is_told_apart_and_its_list_of_runtimes_is_not_believed() -> None:
    found = read(*PODMAN)
    assert (found.kind, found.gvisor_platform) == (Kind.PODMAN, "")


def test_an_answer_with_nothing_in_it_is_no_engine_that_could_be_used() -> None:
    assert {"too old" in said(read({}, {}), good=False), "seccomp" in said(read({}, {}), good=False)} == {
        True
    }


def test_an_engine_that_starts_nothing_says_in_whose_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "_works", set())

    class Podman(FakeEngine):
        def info(self) -> dict[str, Any]:
            return PODMAN[0]

        def version(self) -> dict[str, Any]:
            return PODMAN[1]

    refusal = APIError("no", explanation='unknown mount option "nr_inodes=4096"')
    found = starts_ours(Podman(broken={"crun": refusal}).client, Runtime.AUTO, image="sandbox-gate")
    assert not found.good
    assert "Podman cannot start our containers" in found.state
    assert "nr_inodes" in found.state


# an engine that goes away in the middle


class Away:
    """Every call finds the socket closed."""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            raise requests.exceptions.ConnectionError("Connection aborted")

        return call

    def create_host_config(self, **more: Any) -> dict[str, Any]:
        return more


@pytest.mark.parametrize(
    "work",
    [
        lambda c: c.running("x"),
        lambda c: c.remove("x"),
        lambda c: c.names("notebook"),
        lambda c: c.has_image("x"),
        lambda c: c.made_of("x"),
        lambda c: c.start(ContainerSettings(()), name="x"),
    ],
)
def test_an_engine_that_went_away_is_an_error_with_words(work: Any) -> None:
    with pytest.raises(OperatorError, match="stopped answering") as error:
        work(Containers(cast(docker.APIClient, Away())))
    assert "sandbox doctor" in error.value.fix


def test_an_answer_of_the_engine_is_not_taken_for_silence() -> None:
    with pytest.raises(NotFound), answering():
        raise NotFound("no such container")
