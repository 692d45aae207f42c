"""A container's settings as a pod has them: no row is lost without a word."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.errors import NotAllowed, OperatorError
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.container import ContainerSettings, Part, Setting, bind
from sandbox.isolation.job_profile import job_profile
from sandbox.isolation.kubernetes import LOST, NO_COUNTERPART, Volume, node_seccomp, pod_part
from sandbox.isolation.lockdown import host, own_seccomp
from sandbox.isolation.notebook_pod import COMMAND, ENTRY, WALLS, Cluster
from sandbox.isolation.profile import Shown, profile
from tests.deploy.cluster_world import GRANT, a_notebook
from tests.isolation.test_container_profile import (
    IMAGES,
    LIMITS,
    a_carrier,
    an_engine,
)
from tests.isolation.test_container_profile import (
    a_notebook as a_container,
)

ROOT = Path(__file__).resolve().parents[2]


def a_job() -> ContainerSettings:
    return job_profile(3, image="sandbox-notebook:1", limits=JobLimits(), seccomp="{}", data=Path("/x/data"))


def a_room() -> ContainerSettings:
    return profile(
        replace(GRANT, mode=Mode.ROOM),
        limits=LIMITS,
        images=IMAGES,
        seccomp="{}",
        shown=Shown(data=Path("/x/data"), imports=Path("/x/imports")),
    )


def folders(settings: ContainerSettings) -> dict[str, Volume]:
    """A claim for each folder of the host."""
    mounts = [row.value for row in settings.rows if row.key == "mounts"]
    return {mount["Source"]: Volume(claim="rows", path="a") for mount in (mounts[0] if mounts else [])}


ALL = pytest.mark.parametrize(
    "settings",
    [a_container(), a_carrier(), an_engine(), a_job(), a_room()],
    ids=["notebook", "carrier", "engine", "job", "room"],
)


def marks(value: Any) -> set[str]:
    """Every leaf of a document, as text."""
    if isinstance(value, dict):
        return {mark for key, inner in value.items() for mark in {str(key), *marks(inner)}}
    if isinstance(value, list):
        return {mark for inner in value for mark in marks(inner)}
    return {str(value)}


@ALL
def test_every_row_is_translated_or_named_with_its_reason(settings: ContainerSettings) -> None:
    """A row that is translated changes the pod when it is taken away."""
    whole = pod_part(settings, folders=folders(settings))
    for row in settings.rows:
        if row.key in NO_COUNTERPART:
            assert whole.left[row.key] == NO_COUNTERPART[row.key]
            continue
        if row.key in ("cpu_period", "cpu_quota", "dns_search", "shm_size", "hostname", "ipc_mode"):
            continue  # each says a part of what another row says too, or a default; their values are below
        without = ContainerSettings(tuple(r for r in settings.rows if r is not row))
        part = pod_part(without, folders=folders(settings))
        if row.key == "runtime" and row.value == "runc":
            continue  # stands for the cluster's own
        assert part != whole, f"{row.key} changes nothing"


@ALL
def test_the_table_of_what_is_left_has_no_row_that_nobody_has(settings: ContainerSettings) -> None:
    part = pod_part(settings, folders=folders(settings))
    assert set(part.left) <= {row.key for row in settings.rows}
    assert all(len(reason) >= 20 for reason in [*NO_COUNTERPART.values(), *LOST.values()])


def test_a_row_that_nobody_translated_is_not_dropped() -> None:
    strange = ContainerSettings((*a_container().rows, host("userns_mode", "host", "a new row")))
    with pytest.raises(OperatorError, match="userns_mode"):
        pod_part(strange)


def test_an_option_of_security_that_nobody_translated_is_not_dropped() -> None:
    with pytest.raises(OperatorError, match="apparmor"):
        pod_part(ContainerSettings((host("security_opt", ["apparmor=own"], "a new option"),)))


def test_a_folder_of_the_host_that_no_claim_stands_for_is_not_dropped() -> None:
    shown = ContainerSettings((host("mounts", [bind(Path("/x"), "/data", read_only=True)], "rows"),))
    with pytest.raises(OperatorError, match="/data"):
        pod_part(shown)


def test_a_folder_is_read_only_where_the_row_says_so() -> None:
    found = {
        m["mountPath"]: m for m in pod_part(a_room(), folders=folders(a_room())).container["volumeMounts"]
    }
    assert found["/data"]["readOnly"] is True
    assert found["/imports"]["readOnly"] is True


def test_memory_without_a_size_is_refused() -> None:
    with pytest.raises(OperatorError, match="/tmp has no size"):
        pod_part(ContainerSettings((host("tmpfs", {"/tmp": "rw,noexec"}, "memory without an end"),)))


def test_a_notebooks_values_are_the_rows_values() -> None:
    part = pod_part(a_container(), seccomp_profile="sandbox/own.json")
    security = part.container["securityContext"]
    assert security == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "allowPrivilegeEscalation": False,
        "seccompProfile": {"type": "Localhost", "localhostProfile": "sandbox/own.json"},
    }
    assert part.container["resources"]["limits"] == {"memory": str(512 * 2**20), "cpu": "2000m"}
    assert part.container["resources"]["requests"] == {"memory": str(512 * 2**20), "cpu": "200m"}
    assert part.pod["dnsPolicy"] == "None"
    assert part.pod["hostIPC"] is False
    assert part.pod["hostname"] == "notebook"
    sizes = {v["name"]: v["emptyDir"]["sizeLimit"] for v in part.pod["volumes"]}
    assert sizes == {"dev-shm": "64Mi", "home-researcher": "64Mi", "tmp": "32Mi", "run": "8Mi"}
    assert part.metadata["labels"] == {
        "sandbox.kind": "notebook",
        "sandbox.person": "alice",
        "sandbox.grant": "7",
    }


def test_a_name_that_no_label_may_have_becomes_an_annotation() -> None:
    labels = Setting(Part.CONTAINER, "labels", {"sandbox.person": "ana_"}, "so that it can be found")
    assert pod_part(ContainerSettings((labels,))).metadata == {"annotations": {"sandbox.person": "ana_"}}


def test_gvisor_is_a_class_of_runtimes() -> None:
    rows = profile(GRANT, limits=LIMITS, images=IMAGES, seccomp="{}", runtime="gvisor")
    assert pod_part(rows).pod["runtimeClassName"] == "gvisor"
    assert "runtimeClassName" not in pod_part(a_container()).pod


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="no prlimit")
def test_limits_hold_for_what_is_launched_and_cannot_be_raised() -> None:
    launch = pod_part(a_container()).launch
    read = (
        "import resource as r\n"
        "print(r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_NOFILE), r.getrlimit(r.RLIMIT_FSIZE))"
    )
    done = subprocess.run([*launch, sys.executable, "-c", read], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"(0, 0) (1000, 1000) ({64 * 2**20}, {64 * 2**20})"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] != 1000  # the control: here they are others


def test_the_list_of_system_calls_for_a_node_allows_the_same_calls() -> None:
    own = json.loads(own_seccomp())
    for architecture, name, other in (
        ("SCMP_ARCH_X86_64", "arch_prctl", None),
        ("SCMP_ARCH_AARCH64", None, "arch_prctl"),
    ):
        node = node_seccomp(own, architecture)
        assert node["defaultAction"] == "SCMP_ACT_ERRNO"
        assert node["architectures"] == [architecture]
        keys = {key for rule in node["syscalls"] for key in rule}
        assert keys <= {"names", "action", "errnoRet", "args"}  # the OCI form knows no others
        names = {n for rule in node["syscalls"] for n in rule["names"]}
        assert name is None or name in names
        assert other not in names
        assert not {"io_uring_setup", "ptrace", "memfd_create", "mount"} & {
            n for rule in node["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for n in rule["names"]
        }


def test_a_list_for_an_architecture_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(OperatorError, match="SCMP_ARCH_S390X"):
        node_seccomp(json.loads(own_seccomp()), "SCMP_ARCH_S390X")


def test_the_pods_commands_are_the_images_own() -> None:
    dockerfile = (ROOT / "images/notebook/Dockerfile").read_text()
    assert f"ENTRYPOINT {json.dumps(list(ENTRY))}" in dockerfile
    assert f"CMD {json.dumps(list(COMMAND))}" in dockerfile
    assert f"images/notebook/walls.py {Path(WALLS[-1]).parent}/" in dockerfile
    engine = (ROOT / "images/engine/Dockerfile").read_text()
    assert 'ENTRYPOINT ["/usr/bin/tini", "--"]' in engine


def test_a_pod_is_given_what_the_hub_says_and_its_grant_and_nothing_else() -> None:
    spec = a_notebook()["spec"]
    told = {e["name"]: e["value"] for e in spec["containers"][0]["env"]}
    assert told == {
        "JUPYTERHUB_API_TOKEN": "a token",
        "JUPYTERHUB_USER": "alice",
        "SANDBOX_URL": "http://carrier:8081/services/portal",
        "SANDBOX_GRANT": "7",
        "SANDBOX_DATASET": "loans",
    }
    assert spec["hostAliases"] == [{"ip": "10.96.0.9", "hostnames": ["carrier"]}]
    assert spec["initContainers"][0]["args"] == ["10.96.0.9:8081", "10.96.0.10:8002", "10.96.0.11:8004"]
    assert "env" not in spec["initContainers"][0]


def test_no_pod_is_given_rows() -> None:
    with pytest.raises(NotAllowed) as refused:
        a_notebook(grant=replace(GRANT, mode=Mode.ROOM))
    assert refused.value.clause == "mode"


def test_what_the_hub_is_told_is_read_as_it_was_written(tmp_path: Path) -> None:
    told = Cluster(namespace="n", image="i", gate_url="http://gate:8003", carrier="c", walls=("a:1", "b:2"))
    file = tmp_path / "cluster.json"
    file.write_text(told.document())
    assert Cluster.read(file) == told


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"namespace": "n"}', '{"more": 1}'])
def test_a_damaged_file_is_an_operators_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cluster.json"
    file.write_text(text)
    with pytest.raises(OperatorError, match="deploy kubernetes"):
        Cluster.read(file)
