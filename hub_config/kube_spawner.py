"""A grant becomes a pod. JupyterHub's own spawner for clusters talks to the API server; what it asks for is ours.

- It asks whether the grant may be opened before anything is made, and again at every look.
- The pod comes from ``notebook_pod`` whole: no option of a request, and no other setting of KubeSpawner, is in it.
- The hub's proxy is led to the gate. Nobody but the carrier beside the gate speaks to a pod.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client import V1ObjectMeta, V1Pod
from kubespawner import KubeSpawner
from traitlets import Any as AnyTrait
from traitlets import default

from sandbox.domain.errors import CallerError, OperatorError, SandboxError
from sandbox.isolation.launcher import ENVIRONMENT, Opening
from sandbox.isolation.notebook_pod import CARRIER, Cluster, notebook_pod
from sandbox.isolation.profile import HUB_PORT

_LOOK_S = 0.2  # for the address of a pod that was just made


class Doors(Protocol):
    """The way from the hub's proxy to a pod, and back."""

    async def open(self, opening: Opening, server: str, token: str) -> None: ...
    async def join(self, person: str, server: str, address: str) -> None: ...
    async def close(self, person: str, server: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeHouse:
    """What the spawner needs of the rest of the system.

    Attributes:
        allowed, goes_on: (person, server) → what may be started, or go on; raise CallerError.
        opened, closed: put (person, server, the pod's uid, its image) and (person, server, reason) on the log.
        resolve: a service's address; raises OperatorError.
    """

    cluster: Cluster
    doors: Doors
    allowed: Callable[[str, str], Opening]
    goes_on: Callable[[str, str], Opening]
    opened: Callable[[str, str, str, str], object]
    closed: Callable[[str, str, str], object]
    resolve: Callable[[str], Awaitable[str]]

    def __deepcopy__(self, memo: object) -> KubeHouse:
        return self  # traitlets copies configuration; these parts are shared on purpose


class LockedKubeSpawner(KubeSpawner):  # type: ignore[misc]  # ships no types
    """One notebook of one grant, in one pod."""

    house = AnyTrait(help="KubeHouse: what it needs of the rest of the system.").tag(config=True)

    _opening: Opening | None = None  # while it starts
    _was_opened = False  # and its end is not on the log yet

    @default("disable_user_config")
    def _disable_user_config(self) -> bool:
        return True

    @default("hub_connect_url")
    def _hub_connect_url(self) -> str:
        return f"http://{CARRIER}:{HUB_PORT}"

    @default("events_enabled")
    def _events_enabled(self) -> bool:
        return False  # the hub needs no right to read them

    async def load_user_options(self) -> None:
        """Nothing that a request carries is looked at."""
        self.user_options: dict[str, Any] = {}

    async def get_pod_manifest(self) -> V1Pod:
        """The pod of what was opened, and of nothing else.

        Raises:
            SpawnException: nothing was opened, or its mode is not for a cluster.
        """
        opening, cluster = self._opening, self.house.cluster
        if opening is None:
            raise SpawnException("No notebook was opened.", reason="not_allowed", status_code=403)
        made = notebook_pod(
            opening.grant,
            limits=opening.limits,
            cluster=cluster,
            name=self.pod_name,
            environment={name: value for name, value in self.get_env().items() if name in ENVIRONMENT},
            carrier_ip=await self.house.resolve(cluster.carrier),
            walls=tuple([await self._address(wall) for wall in cluster.walls]),
        )
        metadata = made["metadata"]
        return V1Pod(
            api_version=made["apiVersion"],
            kind=made["kind"],
            metadata=V1ObjectMeta(
                name=metadata["name"],
                namespace=metadata["namespace"],
                # By its own labels KubeSpawner finds its pods again.
                labels=self._build_pod_labels(metadata["labels"]),
                annotations=self._build_common_annotations(metadata["annotations"]),
            ),
            spec=made["spec"],
        )

    async def _start(self) -> str:
        """Start it, with all that belongs to it, or leave nothing.

        Returns:
            The gate's address: the hub's proxy never speaks to a pod.

        Raises:
            SpawnException: the person may not, or the installation cannot.
        """
        if not self.name:
            raise SpawnException(
                "A notebook belongs to a grant, and has its name. Choose 'Open notebook' beside a grant on the portal.",
                reason="bad_input",
                status_code=400,
            )
        try:
            opening = await asyncio.to_thread(self.house.allowed, self.user.name, self.name)
            self._opening = opening
            await self._start_opened(opening)
        except SandboxError as error:
            raise SpawnException(str(error), reason=error.code, status_code=error.status) from error
        finally:
            self._opening = None
        return str(self.house.cluster.gate_url)

    async def _start_opened(self, opening: Opening) -> None:
        house = self.house
        try:
            await house.doors.open(opening, self.name, self.api_token)
            joining = asyncio.create_task(self._join_soon())
            try:
                await super()._start()
                await joining
            finally:
                joining.cancel()
            await asyncio.to_thread(house.opened, self.user.name, self.name, self.pod_id, self._image())
            self._was_opened = True
        except BaseException:
            try:
                await self.stop(now=True)
            except Exception:
                self.log.exception("What was left of %s could not be removed", self._log_name)
            raise

    async def poll(self) -> int | None:
        """None while it runs. It also ends here: idle for too long, or its right to the data is gone."""
        ended: int | None = await super().poll()
        if not self.name or self._start_pending:
            return ended
        if ended is not None:
            await self._end("the container ended")
            return ended
        try:
            opening = await asyncio.to_thread(self.house.goes_on, self.user.name, self.name)
            if address := self._pod_address():  # a carrier that was made anew knows nobody
                await self.house.doors.join(self.user.name, self.name, address)
        except CallerError as refused:
            await self.stop(now=True, reason=refused.message)
            return 1
        except OperatorError as error:
            self.log.warning("How %s is cannot be said: %s", self._log_name, error)
            return None  # what is away for a moment takes no notebook with it
        last = self.orm_spawner.last_activity
        if last is not None:
            idle = datetime.now(UTC) - last.replace(tzinfo=UTC)
            if idle > timedelta(minutes=opening.limits.idle_minutes):
                await self.stop(reason=f"idle for {opening.limits.idle_minutes} minutes")
                return 1
        return None

    async def stop(self, now: bool = False, *, reason: str = "stopped") -> None:
        """End it: the door at once, then the pod."""
        await self._end(reason)
        await super().stop(now=now)

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "was_opened": self._was_opened}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._was_opened = bool(state.get("was_opened"))

    def _get_pod_url(self, pod: dict[str, Any]) -> str:
        return str(self.house.cluster.gate_url)

    async def _join_soon(self) -> None:
        """Tell the carrier the pod's address, as soon as it has one: its server asks the hub while it starts."""
        while not (address := self._pod_address()):  # noqa: ASYNC110  (what watches pods tells of no event)
            await asyncio.sleep(_LOOK_S)
        await self.house.doors.join(self.user.name, self.name, address)

    def _image(self) -> str:
        """What the node started, as it says: with its hash."""
        pod = self.pod_reflector.pods[f"{self.namespace}/{self.pod_name}"]
        return str(pod["status"]["containerStatuses"][0].get("imageID", ""))

    def _pod_address(self) -> str:
        """Empty while it has none."""
        pods = self.pod_reflector.pods if self.pod_reflector else {}
        pod = pods.get(f"{self.namespace}/{self.pod_name}")
        return str(pod["status"].get("podIP") or "") if pod else ""

    async def _end(self, reason: str) -> None:
        if not self.name:
            return  # such a server was never started
        try:
            await self.house.doors.close(self.user.name, self.name)
        except OperatorError as error:
            self.log.warning("The door of %s is not shut yet: %s", self._log_name, error)
        if self._was_opened:
            self._was_opened = False
            await asyncio.to_thread(self.house.closed, self.user.name, self.name, reason)

    async def _address(self, wall: str) -> str:
        name, _, port = wall.partition(":")
        return f"{await self.house.resolve(name)}:{port}"
