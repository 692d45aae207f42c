"""A grant's notebook as a pod: the rows of ``profile`` and nothing of a request.

The pod has one container, and before it one that looks whether the walls are there (``walls``). It has no token of a
service account, no addresses of services, no name server. Its server is reached through the carrier beside the gate,
which is also the only thing that it can reach.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotAllowed, OperatorError
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits
from sandbox.isolation.container import Images
from sandbox.isolation.kubernetes import pod_part
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import HUB_PORT, JUPYTER_PORT, profile

ENTRY = ("/usr/bin/tini", "-g", "--", "/usr/local/bin/start-notebook")  # of the image
COMMAND = ("jupyterhub-singleuser",)
WALLS = ("python", "-I", "/usr/local/lib/sandbox/walls.py")
CARRIER = "carrier"  # the name by which a notebook knows it
LONGEST_S = 3 * 24 * 3600  # a pod that everybody forgot ends by itself
LABEL = {"app.kubernetes.io/part-of": "secure-data-sandbox", "sandbox.kind": "notebook"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """How notebooks run on a cluster: written by ``sandbox deploy kubernetes``, read by the hub.

    Attributes:
        namespace: of the notebooks' pods.
        image: the notebook's.
        gate_url: where the hub's proxy finds every notebook.
        carrier: the carrier's service, a name.
        walls: services (name:port) that a notebook must not reach; its walls are tried with them.
        runtime: the name of a RuntimeClass; runc for the cluster's own.
        seccomp_profile: our list of system calls below the kubelet's folder; empty: it is not on the nodes.
        user_namespaces: whether pods get ids of their own on the node.
    """

    namespace: str
    image: str
    gate_url: str
    carrier: str
    walls: tuple[str, ...]
    runtime: str = "runc"
    seccomp_profile: str = ""
    user_namespaces: bool = False

    @classmethod
    def read(cls, file: Path) -> Cluster:
        """Read what was written.

        Raises:
            OperatorError: the file is missing or damaged.
        """
        try:
            found = json.loads(file.read_text())
            if set(found) != {f.name for f in fields(cls)}:
                raise ValueError
            return cls(**{**found, "walls": tuple(found["walls"])})
        except (OSError, ValueError, TypeError) as error:
            raise OperatorError(
                f"How notebooks run on the cluster cannot be read from {file.name} ({type(error).__name__}).",
                fix="Write it anew: sandbox deploy kubernetes.",
            ) from error

    def document(self) -> str:
        """As ``read`` takes it."""
        return json.dumps(asdict(self), indent=2) + "\n"


def notebook_pod(
    grant: Grant,
    *,
    limits: NotebookLimits,
    cluster: Cluster,
    name: str,
    environment: Mapping[str, str],
    carrier_ip: str,
    walls: tuple[str, ...],
) -> dict[str, Any]:
    """The pod of a grant's notebook, as the API server reads it.

    Args:
        name: the pod's.
        environment: what the hub tells a notebook, of ``launcher.ENVIRONMENT``.
        carrier_ip: where the carrier's service is: the pod asks no name server.
        walls: addresses (ip:port) that it must not reach.

    Raises:
        NotAllowed: the mode shows rows, which a pod is not given.
    """
    if grant.mode is Mode.ROOM:
        raise NotAllowed(
            f"Grant {grant.id} has mode {grant.mode}, and this installation's notebooks run on a cluster, where no "
            "pod is given rows.",
            clause="mode",
            fix="Ask questions in mode query, or use an installation on one machine.",
        )
    images = Images(gate="", engine="", notebook=cluster.image)
    settings = profile(grant, limits=limits, images=images, seccomp=own_seccomp(), runtime=cluster.runtime)
    part = pod_part(settings, seccomp_profile=cluster.seccomp_profile)
    told = {
        **environment,
        "SANDBOX_URL": f"http://{CARRIER}:{HUB_PORT}/services/portal",
        "SANDBOX_GRANT": str(grant.id),
        "SANDBOX_DATASET": grant.dataset,
    }
    before = {
        "name": "walls",
        "image": cluster.image,
        "command": list(WALLS),
        "args": [f"{carrier_ip}:{HUB_PORT}", *walls],
        "securityContext": part.container["securityContext"],
        "resources": part.container["resources"],
    }
    notebook = {
        "name": "notebook",
        **part.container,
        "imagePullPolicy": "IfNotPresent",
        "command": [*part.launch, *ENTRY],
        "args": list(COMMAND),
        "env": [{"name": key, "value": value} for key, value in sorted(told.items())],
        "ports": [{"name": "notebook-port", "containerPort": JUPYTER_PORT}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": cluster.namespace,
            "labels": {**LABEL, **part.metadata.get("labels", {})},
            "annotations": part.metadata.get("annotations", {}),
        },
        "spec": {
            **part.pod,
            "containers": [notebook],
            "initContainers": [before],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LONGEST_S,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "hostAliases": [{"ip": carrier_ip, "hostnames": [CARRIER]}],
            **({"hostUsers": False} if cluster.user_namespaces else {}),
        },
    }
