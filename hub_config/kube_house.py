"""The system's parts as the hub needs them on a cluster, and its settings there."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_config.kube_spawner import KubeHouse, LockedKubeSpawner
from sandbox.domain.access import Grant
from sandbox.domain.errors import NotFound, OperatorError
from sandbox.isolation.gate_client import close_door, open_door
from sandbox.isolation.launcher import Opening
from sandbox.isolation.notebook_pod import Cluster
from sandbox.isolation.pod_carrier_client import join_pod, leave_pod
from sandbox.wiring import Sandbox


def settle_on_cluster(c: Any, house: KubeHouse) -> None:
    """What differs from ``configure``: who starts notebooks, and where."""
    c.JupyterHub.spawner_class = LockedKubeSpawner
    c.LockedKubeSpawner.house = house
    c.KubeSpawner.namespace = house.cluster.namespace
    # A node may have to fetch the image first.
    c.Spawner.start_timeout = 300


def house_on_cluster(sandbox: Sandbox, cluster: Cluster) -> KubeHouse:
    """The real parts."""
    notebook = sandbox.open_notebook

    def grant_of(person: str, server: str) -> Grant:
        grant = sandbox.store.grants.get(int(server.removeprefix("grant-")))
        if grant is None or grant.person != person:
            raise NotFound(f"{server} is no grant of {person}.")
        return grant

    def opened(person: str, server: str, pod: str, image: str) -> None:
        notebook.opened(grant_of(person, server), container=pod, image=image, runtime=cluster.runtime)

    return KubeHouse(
        cluster=cluster,
        doors=ClusterDoors(sandbox.settings.gate_dir),
        allowed=notebook.allowed,
        goes_on=notebook.goes_on,
        opened=opened,
        closed=lambda person, server, reason: notebook.closed(grant_of(person, server), reason=reason),
        resolve=resolve,
    )


@dataclass(frozen=True, slots=True)
class ClusterDoors:
    """The gate's door and the carrier's way, together.

    Args:
        run_dir: the gate's folder, which the carrier has too.
    """

    run_dir: Path

    async def open(self, opening: Opening, server: str, token: str) -> None:
        """Open the door. Raises OperatorError."""
        await open_door(
            self.run_dir,
            person=opening.grant.person,
            server=server,
            token=token,
            mode=opening.grant.mode,
            display=opening.room,
        )

    async def join(self, person: str, server: str, address: str) -> None:
        """Lead it to a pod. Raises OperatorError."""
        await join_pod(self.run_dir, person=person, server=server, address=address)

    async def close(self, person: str, server: str) -> None:
        """Shut it, and cut what is under way. Raises OperatorError."""
        await close_door(self.run_dir, person=person, server=server)
        await leave_pod(self.run_dir, person=person, server=server)


async def resolve(name: str) -> str:
    """A service's address, asked anew each time: services may be made again.

    Raises:
        OperatorError: it has none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            name, None, family=socket.AF_INET, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise OperatorError(
            f"The service {name} has no address.", fix="See that all manifests were applied."
        ) from error
    address = str(found[0][4][0])
    if ipaddress.ip_address(address).is_loopback:
        # Seen from a pod it would be the pod itself: a wall that is always shut.
        raise OperatorError(f"The service {name} is known here by this pod's own address only.")
    return address
