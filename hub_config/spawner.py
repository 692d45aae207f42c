"""A grant becomes a running notebook: container, carrier, door; and all three go together.

This class decides nothing. Whether a notebook may start is asked of ``House.allowed``; how it is locked in is said by
``sandbox.isolation.profile``; what passes is the gate's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from dockerspawner import DockerSpawner
from jupyterhub.spawner import SpawnException
from traitlets import Any as AnyTrait
from traitlets import default

from sandbox.domain.access import Grant
from sandbox.domain.errors import BadInput, CallerError, OperatorError, SandboxError
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.gate_client import close_door, open_door
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import HUB_PORT, JUPYTER_PORT, carrier_profile, profile


class Opening(Protocol):
    """What may be started."""

    @property
    def grant(self) -> Grant: ...
    @property
    def limits(self) -> NotebookLimits: ...
    @property
    def room(self) -> RoomLimits: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the spawner needs of the rest of the system."""

    allowed: Callable[[str, str], Opening]  # (person, server); raises CallerError
    opened: Callable[[Grant, str], object]  # puts (grant, container) on the log
    closed: Callable[[Grant, str], object]  # puts (grant, reason) on the log
    images: Callable[[], Images]  # read at each start, so that a new image needs no restart
    gate_dir: Path
    gate_port: int
    name: str  # of the installation: first part of its containers' names

    def __deepcopy__(self, memo: object) -> House:
        return self  # traitlets copies configuration; these parts are shared on purpose


class LockedSpawner(DockerSpawner):  # type: ignore[misc]  # the hub ships no types
    """One notebook of one grant."""

    house = AnyTrait(help="House: what it needs of the rest of the system.").tag(config=True)

    _grant: Grant | None = None
    _carrier_id = ""

    # What the base class is told of the container; everything else comes from the profile, in create_object.
    @default("pull_policy")
    def _pull_policy(self) -> str:
        return "never"

    @default("remove")
    def _remove(self) -> bool:
        return True

    @default("disable_user_config")
    def _disable_user_config(self) -> bool:
        return True

    @default("ip")
    def _ip(self) -> str:
        return "127.0.0.1"

    @default("port")
    def _port(self) -> int:
        return JUPYTER_PORT

    @default("hub_connect_url")
    def _hub_connect_url(self) -> str:
        return f"http://127.0.0.1:{HUB_PORT}"

    @default("object_name")
    def _object_name_default(self) -> str:
        return f"{self.house.name}-notebook-{self.user.name}-{self.name}"

    @property
    def carrier_name(self) -> str:
        return f"{self.house.name}-carrier-{self.user.name}-{self.name}"

    async def start(self) -> str:
        """Start container, door and carrier.

        Returns:
            The gate's address: the hub's proxy never speaks to a container.

        Raises:
            SpawnException: the person may not, or the installation cannot.
        """
        self.user_options: dict[str, Any] = {}  # nothing that a request carries is looked at
        try:
            if not self.name:
                raise BadInput(
                    "A notebook belongs to a grant, and has its name.",
                    where="server",
                    fix="Choose 'Open notebook' beside a grant on the portal.",
                )
            opening = await self._opening()
            images = self.house.images()
            self.image = images.notebook
            sockets = await open_door(
                self.house.gate_dir,
                person=self.user.name,
                server=self.name,
                token=self.api_token,
                mode=opening.grant.mode,
                display=opening.room,
            )
            await super().start()
            carrier = carrier_profile(
                self.container_id, images=images, sockets=sockets, seccomp=own_seccomp()
            )
            self._carrier_id = await self._containers(lambda c: c.start(carrier, name=self.carrier_name))
            await asyncio.to_thread(self.house.opened, opening.grant, self.container_id)
        except SandboxError as error:
            raise SpawnException(str(error), reason=error.code, status_code=error.status) from error
        return f"http://127.0.0.1:{self.house.gate_port}"

    async def create_object(self) -> dict[str, str]:
        """Create the container from the profile, and from nothing else."""
        opening = await self._opening()
        settings = profile(
            opening.grant, limits=opening.limits, images=self.house.images(), seccomp=own_seccomp()
        )
        created: dict[str, str] = await self.docker(
            "create_container",
            **settings.create_kwargs(),
            name=self.container_name,
            environment=self.get_env(),
            host_config=self.client.create_host_config(**settings.host_config()),
        )
        return created

    async def get_ip_and_port(self) -> tuple[str, int]:
        return "127.0.0.1", self.house.gate_port

    def get_env(self) -> dict[str, str]:
        """What the server is told: its hub and its portal are on its own loopback."""
        env: dict[str, str] = super().get_env()
        for name in ("JPY_API_TOKEN", "JUPYTER_IMAGE_SPEC", "JUPYTERHUB_ADMIN_ACCESS"):
            env.pop(name, None)
        env["SANDBOX_URL"] = f"http://127.0.0.1:{HUB_PORT}/services/portal"
        if self._grant is not None:
            env["SANDBOX_GRANT"] = str(self._grant.id)
            env["SANDBOX_DATASET"] = self._grant.dataset
        return env

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "carrier_id": self._carrier_id}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self._carrier_id = state.get("carrier_id", "")

    async def poll(self) -> int | str | None:
        """None while it runs. It also ends here: without its carrier, without its grant, or idle for too long."""
        status: int | str | None = await super().poll()
        reason = "the container ended" if status is not None else ""
        if status is None and not self._start_pending:
            reason = await self._why_end()
        if reason and not self._start_pending:
            await self._clean(reason)
            return status if status is not None else 1
        return status

    async def stop(self, now: bool = False) -> None:
        await self._clean("stopped")
        self.clear_state()

    async def run_post_stop_hook(self) -> None:
        """The hub calls this after every end, also one that it did not ask for."""
        await self._clean("stopped")

    async def _why_end(self) -> str:
        try:
            opening = await self._opening()
        except CallerError as refused:
            return refused.message
        except OperatorError:
            return ""  # a database that is away for a moment takes no notebook with it
        if not await self._containers(lambda c: c.running(self.carrier_name)):
            return "the carrier ended"
        last = self.orm_spawner.last_activity
        if last is not None:
            idle = datetime.now(UTC) - last.replace(tzinfo=UTC)
            if idle > timedelta(minutes=opening.limits.idle_minutes):
                return f"idle for {opening.limits.idle_minutes} minutes"
        return ""

    async def _clean(self, reason: str) -> None:
        """Close the door, then remove both containers. Harmless when some of it, or all, is gone."""
        if not self.name:
            return  # such a server was never started
        try:
            await close_door(self.house.gate_dir, person=self.user.name, server=self.name)
        except OperatorError as error:
            self.log.warning("The door of %s stays: %s", self._log_name, error)
        for name in (self.carrier_name, self.container_name):
            await self._containers(partial(_remove, name=name))
        self.object_id = ""
        if self._carrier_id and self._grant is not None:  # it was opened, and this is its first end
            self._carrier_id = ""
            await asyncio.to_thread(self.house.closed, self._grant, reason)

    async def _opening(self) -> Opening:
        opening: Opening = await asyncio.to_thread(self.house.allowed, self.user.name, self.name)
        self._grant = opening.grant
        return opening

    async def _containers(self, work: Callable[[Containers], Any]) -> Any:
        return await asyncio.wrap_future(self.executor.submit(work, Containers(self.client)))


def _remove(containers: Containers, *, name: str) -> None:
    containers.remove(name)
