"""How a pod of the system is put together: containers of the house's image, folders made first, one of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.deploy import network
from sandbox.deploy.objects import NAME, Document, document, env, labels, mount
from sandbox.deploy.terms import Terms
from sandbox.isolation.container import ContainerSettings
from sandbox.isolation.kubernetes import PodPart, pod_part
from sandbox.isolation.lockdown import container, host, locked, own_seccomp, sized, tmpfs

USER = 64_000
HOME = "/srv/sandbox"
POLICIES = "/etc/sandbox/policies"


def house(terms: Terms, name: str, *, memory_mib: int) -> PodPart:
    """What every process of our own has: the same lock as the containers it looks after."""
    rows = ContainerSettings(
        (
            container("image", terms.image("house"), "named by the operator"),
            container(
                "user", f"{USER}:{USER}", "not root; the same as the engine's, which reads what it is given"
            ),
            container("stop_timeout", 30, "seconds to end what is under way"),
            *locked(own_seccomp()),
            *sized(
                memory_mib=memory_mib,
                cpu_percent=100,
                processes=256,
                open_files=16_384,
                file_bytes=64 * 1024**3,
                shm_mib=16,
            ),
            host("tmpfs", {"/tmp": tmpfs(256, inodes=4_096, more="mode=1777")}, "the rest is read-only"),  # noqa: S108
        )
    )
    return pod_part(rows, prefix=f"{name}-")


def process(
    terms: Terms,
    name: str,
    part: PodPart,
    *,
    ports: Mapping[str, int],
    mounts: Sequence[Document],
    ready: Document,
    told: Sequence[Document] = (),
) -> Document:
    """A container of the house's image."""
    return {
        "name": name,
        **part.container,
        "imagePullPolicy": "IfNotPresent",
        "command": [*part.launch, "/usr/bin/tini", "--", "/usr/local/bin/sandbox"],
        "args": ["serve", name],
        "env": [
            env("SANDBOX_HOME", HOME),
            env("SANDBOX_POLICIES", POLICIES),
            env("SANDBOX_HOST", "0.0.0.0"),  # noqa: S104  (of the pod; policies say who comes near)
            env("SANDBOX_PORT", str(network.PUBLIC)),
            env("SANDBOX_PUBLIC_URL", terms.public_url.rstrip("/")),
            env("SANDBOX_HOSTS", "proxy=proxy hub=hub gate=gate portal=portal"),
            env("SANDBOX_EXTRACTS", f"{HOME}/run/extracts"),
            *told,
        ],
        "ports": [{"name": label, "containerPort": port} for label, port in ports.items()],
        "volumeMounts": [*part.container["volumeMounts"], *mounts],
        "readinessProbe": ready,
    }


def deployment(
    terms: Terms,
    name: str,
    part: PodPart,
    containers: Sequence[Document],
    *,
    volumes: Sequence[Document],
    folders: Sequence[str] = (),
    beside: bool = False,
    more: Mapping[str, object] | None = None,
) -> Document:
    """One pod, made anew rather than doubled: two of them would write the same folders.

    Args:
        folders: made before the rest starts, by the user that writes into them.
        beside: on the portal's node.
    """
    all_volumes = {volume["name"]: volume for volume in [*part.pod.get("volumes", []), *volumes]}
    first = _make_folders(part, folders, all_volumes) if folders else None
    together = {
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {NAME: "portal"}}, "topologyKey": "kubernetes.io/hostname"}
            ]
        }
    }
    spec = {
        **{key: value for key, value in part.pod.items() if key != "volumes"},
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # A changed owner of folders would open them to the group: only when they are new.
        "securityContext": {"fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch", "runAsNonRoot": True},
        **({"affinity": together} if beside else {}),
        **({"initContainers": [first]} if first else {}),
        "containers": list(containers),
        "volumes": list(all_volumes.values()),
        **(more or {}),
    }
    return document(
        "apps/v1",
        "Deployment",
        name,
        namespace=terms.namespace,
        labelled=labels(name),
        spec={
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {NAME: name}},
            "template": {
                "metadata": {"labels": {**part.metadata.get("labels", {}), **labels(name)}},
                "spec": spec,
            },
        },
    )


def _make_folders(part: PodPart, folders: Sequence[str], volumes: Mapping[str, Document]) -> Document:
    roots = sorted({folder.split("/")[1] for folder in folders} & set(volumes))
    return {
        "name": "folders",
        **{key: part.container[key] for key in ("image", "resources", "securityContext")},
        "command": ["/bin/sh", "-c", 'umask 077; exec mkdir -p "$@"', "folders"],
        "args": list(folders),
        "volumeMounts": [mount(root, f"/{root}") for root in roots],
    }


def claim(name: str) -> Document:
    return {"name": name, "persistentVolumeClaim": {"claimName": name}}


def config(name: str) -> Document:
    return {"name": name, "configMap": {"name": name}}


def memory(name: str) -> Document:
    return {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
