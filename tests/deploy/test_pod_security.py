"""Every pod of an installation is taken by a namespace that enforces the restricted standard."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sandbox.deploy.terms import Terms
from tests.deploy.cluster_world import FULL, TERMS, a_notebook, of_kind, pod_specs
from tests.deploy.pod_security import CONTROLS, violations

PODS = [
    pytest.param(spec, id=f"{name}-{label}")
    for label, terms in (("plain", TERMS), ("full", FULL))
    for name, spec in pod_specs(terms)
]


@pytest.mark.parametrize("spec", PODS)
def test_a_pod_keeps_the_restricted_standard(spec: dict[str, Any]) -> None:
    assert violations(spec) == []


# Control -> what is changed of a good pod: (path, value).
PLANTED: dict[str, tuple[str, Any]] = {
    "HostProcess": ("securityContext.windowsOptions", {"hostProcess": True}),
    "Host namespaces": ("hostPID", True),
    "Privileged containers": ("containers.0.securityContext.privileged", True),
    "Capabilities added": ("containers.0.securityContext.capabilities.add", ["NET_RAW"]),
    "Capabilities dropped": ("initContainers.0.securityContext.capabilities.drop", ["NET_RAW"]),
    "HostPath volumes": ("volumes", [{"name": "host", "hostPath": {"path": "/"}}]),
    "Host ports": ("containers.0.ports", [{"containerPort": 8888, "hostPort": 8888}]),
    "Host probes": ("containers.0.livenessProbe", {"tcpSocket": {"host": "169.254.169.254", "port": 80}}),
    "AppArmor": ("containers.0.securityContext.appArmorProfile", {"type": "Unconfined"}),
    "SELinux": ("containers.0.securityContext.seLinuxOptions", {"type": "spc_t"}),
    "/proc mount type": ("containers.0.securityContext.procMount", "Unmasked"),
    "Sysctls": ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    "Volume types": ("volumes", [{"name": "old", "nfs": {"server": "a", "path": "/"}}]),
    "Privilege escalation": ("containers.0.securityContext.allowPrivilegeEscalation", True),
    "Running as non-root": ("initContainers.0.securityContext.runAsNonRoot", False),
    "Running as non-root user": ("containers.0.securityContext.runAsUser", 0),
    "Seccomp": ("containers.0.securityContext.seccompProfile", {"type": "Unconfined"}),
}


def changed(spec: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one value put in."""
    found = copy.deepcopy(spec)
    *way, last = path.split(".")
    place: Any = found
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    place[last] = value
    return found


def test_every_control_has_a_planted_violation() -> None:
    assert set(PLANTED) == set(CONTROLS)


@pytest.mark.parametrize("control", PLANTED)
def test_a_planted_violation_is_seen(control: str) -> None:
    assert control in violations(changed(a_notebook()["spec"], *PLANTED[control]))


@pytest.mark.parametrize("terms", [TERMS, FULL], ids=["plain", "full"])
def test_both_namespaces_enforce_the_standard(terms: Terms) -> None:
    for namespace in of_kind("Namespace", terms).values():
        assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert len(of_kind("Namespace", terms)) == 2


@pytest.mark.parametrize("spec", PODS)
def test_no_pod_is_handed_a_token_without_asking_or_addresses_of_services(spec: dict[str, Any]) -> None:
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


def test_only_the_hubs_own_container_has_a_token_for_the_api_server() -> None:
    holders = [
        (name, container["name"])
        for name, spec in pod_specs()
        for container in [*spec["containers"], *spec.get("initContainers", [])]
        for mount in container.get("volumeMounts", [])
        for volume in spec["volumes"]
        if volume["name"] == mount["name"] and "projected" in volume
    ]
    assert holders == [("hub", "hub")]


def test_only_the_engine_has_the_keys_of_the_data() -> None:
    holders = {
        container["name"]
        for _, spec in pod_specs()
        for container in spec["containers"]
        for mount in container.get("volumeMounts", [])
        if mount["name"] == "data" and mount.get("subPath", "") not in ("raw",)
    }
    assert holders == {"engine"}


@pytest.mark.parametrize("spec", PODS)
def test_every_container_is_limited_and_cannot_change_its_programs(spec: dict[str, Any]) -> None:
    for container in [*spec["containers"], *spec.get("initContainers", [])]:
        assert set(container["resources"]["limits"]) >= {"memory", "cpu"}
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("spec", PODS)
def test_every_mount_has_its_volume_and_every_volume_a_mount(spec: dict[str, Any]) -> None:
    mounted = {
        mount["name"]
        for container in [*spec["containers"], *spec.get("initContainers", [])]
        for mount in container.get("volumeMounts", [])
    }
    assert mounted == {volume["name"] for volume in spec["volumes"]}
