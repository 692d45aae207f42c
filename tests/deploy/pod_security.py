"""The restricted Pod Security Standard as a table: control, and what it has against a pod's spec.

Source: kubernetes.io/docs/concepts/security/pod-security-standards, baseline and restricted, as of version 1.34.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Spec = dict[str, Any]

SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def containers(spec: Spec) -> Iterator[dict[str, Any]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(kind, [])


def contexts(spec: Spec) -> Iterator[dict[str, Any]]:
    """The pod's and each container's."""
    yield spec.get("securityContext", {})
    yield from (c.get("securityContext", {}) for c in containers(spec))


def _probes(spec: Spec) -> Iterator[dict[str, Any]]:
    for c in containers(spec):
        hooks = c.get("lifecycle", {})
        yield from (hooks.get(k, {}) for k in ("postStart", "preStop"))
        yield from (c.get(k, {}) for k in ("livenessProbe", "readinessProbe", "startupProbe"))


def _each(spec: Spec, good: Callable[[dict[str, Any]], bool]) -> bool:
    """Each container says it, or the pod says it and no container says otherwise."""
    return all(
        good({**spec.get("securityContext", {}), **c.get("securityContext", {})}) for c in containers(spec)
    )


# Control -> whether a pod's spec keeps it.
CONTROLS: dict[str, Callable[[Spec], bool]] = {
    "HostProcess": lambda s: not any(c.get("windowsOptions", {}).get("hostProcess") for c in contexts(s)),
    "Host namespaces": lambda s: not any(s.get(k) for k in ("hostNetwork", "hostPID", "hostIPC")),
    "Privileged containers": lambda s: not any(c.get("privileged") for c in contexts(s)),
    "Capabilities added": lambda s: all(
        set(c.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"} for c in contexts(s)
    ),
    "Capabilities dropped": lambda s: all(
        "ALL" in c.get("securityContext", {}).get("capabilities", {}).get("drop", []) for c in containers(s)
    ),
    "HostPath volumes": lambda s: not any("hostPath" in v for v in s.get("volumes", [])),
    "Host ports": lambda s: not any(p.get("hostPort") for c in containers(s) for p in c.get("ports", [])),
    "Host probes": lambda s: (
        not any(p.get(k, {}).get("host") for p in _probes(s) for k in ("httpGet", "tcpSocket"))
    ),
    "AppArmor": lambda s: all(
        c.get("appArmorProfile", {}).get("type", "RuntimeDefault") in ("RuntimeDefault", "Localhost")
        for c in contexts(s)
    ),
    "SELinux": lambda s: all(
        c.get("seLinuxOptions", {}).get("type", "")
        in ("", "container_t", "container_init_t", "container_kvm_t")
        and not c.get("seLinuxOptions", {}).get("user")
        and not c.get("seLinuxOptions", {}).get("role")
        for c in contexts(s)
    ),
    "/proc mount type": lambda s: all(c.get("procMount", "Default") == "Default" for c in contexts(s)),
    "Sysctls": lambda s: all(
        sysctl["name"] in SAFE_SYSCTLS for sysctl in s.get("securityContext", {}).get("sysctls", [])
    ),
    "Volume types": lambda s: all(set(v) - {"name"} <= VOLUMES for v in s.get("volumes", [])),
    "Privilege escalation": lambda s: all(
        c.get("securityContext", {}).get("allowPrivilegeEscalation") is False for c in containers(s)
    ),
    "Running as non-root": lambda s: _each(s, lambda c: c.get("runAsNonRoot") is True),
    "Running as non-root user": lambda s: all(c.get("runAsUser") != 0 for c in contexts(s)),
    "Seccomp": lambda s: _each(
        s, lambda c: c.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost")
    ),
}


def violations(spec: Spec) -> list[str]:
    """The controls that a pod does not keep."""
    return [name for name, keeps in CONTROLS.items() if not keeps(spec)]
