"""A container's settings as a part of a pod: the same rows, in the words of Kubernetes.

- Every row is translated, or stands in ``NO_COUNTERPART`` with the reason; a row that is in neither raises.
- What a translated row loses on the way stands in ``LOST``.
- Nothing is added that a row does not say, but for what the restricted Pod Security Standard wants said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import ContainerSettings, Setting

NO_COUNTERPART: Mapping[str, str] = {
    "network_mode": "a pod always has an interface: network policies close it, in both directions, and the hub looks "
    "at each start whether they do; containers of one pod share theirs",
    "cgroupns": "the node's runtime decides; with cgroup v2 each container has its own tree",
    "oom_score_adj": "the kubelet sets it by the pod's class of service, below the node's own services",
    "auto_remove": "whoever made a pod deletes it; a notebook's is not restarted, and ends by itself after three days",
    "log_config": "the kubelet rotates logs (containerLogMaxSize); the namespace limits what a pod may put on a disk",
    "memswap_limit": "the kubelet gives pods no swap unless its swapBehavior says so: leave it at NoSwap",
    "MaskedPaths": "a pod takes the runtime's own list, which is shorter; gVisor shows its own kernel",
    "ReadonlyPaths": "the same: the runtime's own list",
    "pids_limit": "of the node only: set the kubelet's podPidsLimit to no more than this",
}

LOST: Mapping[str, str] = {
    "tmpfs": "the size is kept. noexec, nosuid, nodev, nr_inodes and the owner are not: an emptyDir has none of them. "
    "no-new-privileges stands in for nosuid, the pod's memory for nr_inodes",
    "security_opt": "our own list of system calls, when it lies on the nodes; else the runtime's, which is longer",
    "user": "ids are the node's own, unless pods were given namespaces of users (--user-namespaces)",
    "runtime": "the name of a RuntimeClass; runc stands for the cluster's own",
    "mounts": "a folder of a claim or of memory in the place of one of the host",
}

_LABEL = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What stands where one machine has a folder of the host.

    Args:
        claim: a PersistentVolumeClaim; empty: memory that ends with the pod.
        path: the folder in the claim.
        mib: the size of memory, in MiB.
    """

    claim: str = ""
    path: str = ""
    mib: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPart:
    """One container and what its rows say of its pod. Plain dictionaries, as the API server reads them.

    Attributes:
        launch: the words before the container's own command: they set limits that cannot be raised again.
        left: rows without a counterpart, and why.
    """

    container: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    launch: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Under:
    """A part while it is made."""

    settings: ContainerSettings
    folders: Mapping[str, Volume]
    seccomp_profile: str
    prefix: str
    container: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    launch: tuple[str, ...] = ()

    @property
    def security(self) -> dict[str, Any]:
        found: dict[str, Any] = self.container.setdefault("securityContext", {})
        return found

    def resource(self, name: str, limit: str, request: str | None = None) -> None:
        resources = self.container.setdefault("resources", {"limits": {}, "requests": {}})
        resources["limits"][name], resources["requests"][name] = limit, request or limit

    def mount(self, name: str, source: dict[str, Any], target: str, **more: Any) -> None:
        volumes: list[dict[str, Any]] = self.pod.setdefault("volumes", [])
        if all(volume["name"] != name for volume in volumes):
            volumes.append({"name": name, **source})
        self.container.setdefault("volumeMounts", []).append({"name": name, "mountPath": target, **more})

    def memory(self, target: str, mib: int) -> None:
        if any(mount["mountPath"] == target for mount in self.container.get("volumeMounts", [])):
            return  # two rows speak of /dev/shm
        name = self.prefix + target.strip("/").replace("/", "-")
        self.mount(name, {"emptyDir": {"medium": "Memory", "sizeLimit": f"{mib}Mi"}}, target)


def pod_part(
    settings: ContainerSettings,
    *,
    folders: Mapping[str, Volume] | None = None,
    seccomp_profile: str = "",
    prefix: str = "",
) -> PodPart:
    """Translate all rows of a container.

    Args:
        folders: what stands in the place of a folder of the host, by its path.
        seccomp_profile: our own list of system calls, by its path below the kubelet's folder of profiles; empty: it
            does not lie on the nodes, and the runtime's own list is used.
        prefix: of the names of memory, where several containers of one pod have some.

    Raises:
        OperatorError: a row, or a folder, that nobody said how to translate.
    """
    under = _Under(settings=settings, folders=folders or {}, seccomp_profile=seccomp_profile, prefix=prefix)
    left: dict[str, str] = {}
    for row in settings.rows:
        if row.key in NO_COUNTERPART:
            left[row.key] = NO_COUNTERPART[row.key]
        elif row.key in _TRANSLATIONS:
            _TRANSLATIONS[row.key][1](under, row)
        else:
            raise OperatorError(
                f"The setting {row.key} of a container has no counterpart in a pod.",
                fix="Translate it in sandbox/isolation/kubernetes.py, or say there why it has none.",
            )
    return PodPart(
        container=under.container, pod=under.pod, metadata=under.metadata, launch=under.launch, left=left
    )


def node_seccomp(profile: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """Our list of system calls in the form that a node's kubelet reads: the OCI one, for one architecture.

    Args:
        profile: as the container engine of one machine takes it.
        architecture: as libseccomp names it, such as SCMP_ARCH_X86_64.

    Raises:
        OperatorError: the list does not know the architecture.
    """
    listed = {entry["architecture"]: entry["subArchitectures"] for entry in profile["archMap"]}
    if architecture not in listed:
        raise OperatorError(
            f"The list of system calls is not written for {architecture}.",
            fix=f"Use nodes of {' or '.join(listed)}.",
        )
    name = {"SCMP_ARCH_X86_64": "amd64", "SCMP_ARCH_AARCH64": "arm64"}[architecture]
    calls = []
    for rule in profile["syscalls"]:
        includes = rule.get("includes") or {}
        # A rule for a capability is for no container of ours: all are dropped.
        if includes.get("caps") or (includes.get("arches") and name not in includes["arches"]):
            continue
        calls.append({key: rule[key] for key in ("names", "action", "errnoRet", "args") if key in rule})
    return {
        "defaultAction": profile["defaultAction"],
        "architectures": [architecture, *listed[architecture]],
        "syscalls": calls,
    }


def _image(under: _Under, row: Setting) -> None:
    under.container["image"] = row.value


def _user(under: _Under, row: Setting) -> None:
    uid, _, gid = row.value.partition(":")
    under.security.update(runAsNonRoot=True, runAsUser=int(uid), runAsGroup=int(gid))


def _hostname(under: _Under, row: Setting) -> None:
    under.pod["hostname"] = row.value


def _stop_timeout(under: _Under, row: Setting) -> None:
    under.pod["terminationGracePeriodSeconds"] = row.value


def _labels(under: _Under, row: Setting) -> None:
    for name, value in row.value.items():
        # A user name may end in a sign that a label's value may not.
        kind = "labels" if _LABEL.fullmatch(value) else "annotations"
        under.metadata.setdefault(kind, {})[name] = value


def _stdin_open(under: _Under, row: Setting) -> None:
    under.container["stdin"] = row.value


def _tty(under: _Under, row: Setting) -> None:
    under.container["tty"] = row.value


def _dns(under: _Under, row: Setting) -> None:
    under.pod.update(dnsPolicy="None", dnsConfig={"nameservers": list(row.value)})


def _dns_search(under: _Under, row: Setting) -> None:
    under.pod["dnsPolicy"] = "None"  # with it no search domain is copied


def _runtime(under: _Under, row: Setting) -> None:
    if row.value != "runc":
        under.pod["runtimeClassName"] = row.value


def _read_only(under: _Under, row: Setting) -> None:
    under.security["readOnlyRootFilesystem"] = row.value


def _cap_drop(under: _Under, row: Setting) -> None:
    under.security["capabilities"] = {"drop": list(row.value)}


def _security_opt(under: _Under, row: Setting) -> None:
    for option in row.value:
        if option == "no-new-privileges:true":
            under.security["allowPrivilegeEscalation"] = False
        elif option.startswith("seccomp="):
            under.security["seccompProfile"] = (
                {"type": "Localhost", "localhostProfile": under.seccomp_profile}
                if under.seccomp_profile
                else {"type": "RuntimeDefault"}
            )
        else:
            raise OperatorError(
                f"The option {option[:40]!r} of a container's security has no counterpart in a pod.",
                fix="Translate it in sandbox/isolation/kubernetes.py.",
            )


def _ipc_mode(under: _Under, row: Setting) -> None:
    under.pod["hostIPC"] = row.value != "private"


def _mem_limit(under: _Under, row: Setting) -> None:
    under.resource(
        "memory", str(row.value)
    )  # requested in full: a pod is not evicted for what it was promised


def _cpu(under: _Under, row: Setting) -> None:
    if "cpu" in under.container.get("resources", {}).get("limits", {}):
        return  # the period and the quota are one figure here
    milli = under.settings["cpu_quota"] * 1000 // under.settings["cpu_period"]
    under.resource("cpu", f"{milli}m", f"{max(1, milli // 10)}m")  # most of them wait most of the time


def _shm_size(under: _Under, row: Setting) -> None:
    under.memory("/dev/shm", row.value // (1024 * 1024))  # noqa: S108  (a mount of the pod's own)


def _ulimits(under: _Under, row: Setting) -> None:
    # No field of a pod sets them; a process that lowers its own before anything else cannot raise them again.
    limits = [f"--{limit['name']}={limit['soft']}:{limit['hard']}" for limit in row.value]
    under.launch = ("prlimit", *limits, "--")


def _tmpfs(under: _Under, row: Setting) -> None:
    for target, options in row.value.items():
        size = re.search(r"(?:^|,)size=([0-9]+)m(?:,|$)", options)
        if size is None:
            raise OperatorError(f"{target} has no size.", fix="Write size=…m into its options.")
        under.memory(target, int(size.group(1)))


def _mounts(under: _Under, row: Setting) -> None:
    for mount in row.value:
        volume = under.folders.get(mount["Source"])
        if volume is None:
            raise OperatorError(
                f"Nothing on a cluster stands for the folder that becomes {mount['Target']}.",
                fix="Name a claim for it, or show none.",
            )
        if not volume.claim:
            under.memory(mount["Target"], volume.mib)
            continue
        claim = {"persistentVolumeClaim": {"claimName": volume.claim}}
        folder = {"subPath": volume.path} if volume.path else {}
        under.mount(volume.claim, claim, mount["Target"], readOnly=mount["ReadOnly"], **folder)


# Setting -> (where it stands in a pod, how it gets there).
_TRANSLATIONS: Mapping[str, tuple[str, Callable[[_Under, Setting], None]]] = {
    "image": ("the container's `image`", _image),
    "user": ("`runAsUser`, `runAsGroup`, `runAsNonRoot`", _user),
    "hostname": ("`hostname`", _hostname),
    "stop_timeout": ("`terminationGracePeriodSeconds`", _stop_timeout),
    "labels": ("labels; annotations for what no label may hold", _labels),
    "stdin_open": ("`stdin`", _stdin_open),
    "tty": ("`tty`", _tty),
    "dns": ("`dnsConfig.nameservers`", _dns),
    "dns_search": ("`dnsPolicy: None`", _dns_search),
    "runtime": ("`runtimeClassName`", _runtime),
    "read_only": ("`readOnlyRootFilesystem`", _read_only),
    "cap_drop": ("`capabilities.drop`", _cap_drop),
    "security_opt": ("`allowPrivilegeEscalation: false`, `seccompProfile`", _security_opt),
    "ipc_mode": ("`hostIPC: false`", _ipc_mode),
    "mem_limit": ("memory, as limit and as request", _mem_limit),
    "cpu_period": ("cpu: a tenth of it requested", _cpu),
    "cpu_quota": ("cpu: a tenth of it requested", _cpu),
    "shm_size": ("`emptyDir` in memory at /dev/shm", _shm_size),
    "ulimits": ("`prlimit` before the container's command: what is lowered cannot be raised", _ulimits),
    "tmpfs": ("`emptyDir` in memory, with its size", _tmpfs),
    "mounts": ("a folder of a claim, or memory", _mounts),
}

COUNTERPARTS: Mapping[str, str] = {key: place for key, (place, _) in _TRANSLATIONS.items()}
