"""A grant becomes a running notebook. This class decides and starts nothing: the launcher does (``sandbox.isolation``).

It tells the launcher which server, and what the hub wants the server to know; it learns whether it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub.spawner import Spawner, SpawnException
from traitlets import Any as AnyTrait
from traitlets import default

from hub_config.first_answer import first_answer
from sandbox.domain.errors import OperatorError
from sandbox.isolation.launcher import ENVIRONMENT
from sandbox.isolation.launcher_client import LauncherClient, Refused
from sandbox.isolation.profile import HUB_PORT, JUPYTER_PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the spawner needs of the rest of the system."""

    launcher: LauncherClient
    gate_url: str

    def __deepcopy__(self, memo: object) -> House:
        return self  # traitlets copies configuration; these parts are shared on purpose


class LockedSpawner(Spawner):  # type: ignore[misc]  # the hub ships no types
    """One notebook of one grant."""

    house = AnyTrait(help="House: what it needs of the rest of the system.").tag(config=True)

    @default("disable_user_config")
    def _disable_user_config(self) -> bool:
        return True

    # Where the server listens and where it finds its hub: on the container's own loopback, both.
    @default("ip")
    def _ip(self) -> str:
        return "127.0.0.1"

    @default("port")
    def _port(self) -> int:
        return JUPYTER_PORT

    @default("hub_connect_url")
    def _hub_connect_url(self) -> str:
        return f"http://127.0.0.1:{HUB_PORT}"

    async def start(self) -> str:
        """Have it started.

        Returns:
            The gate's address: the hub's proxy never speaks to a container.

        Raises:
            SpawnException: the person may not, or the installation cannot.
        """
        self.user_options: dict[str, Any] = {}  # nothing that a request carries is looked at
        if not self.name:
            raise SpawnException(
                "A notebook belongs to a grant, and has its name. Choose 'Open notebook' beside a grant on the portal.",
                reason="bad_input",
                status_code=400,
            )
        told = {name: value for name, value in self.get_env().items() if name in ENVIRONMENT}
        try:
            await self._launcher(lambda it: it.start(self.user.name, self.name, told))
        except Refused as refused:
            raise SpawnException(
                refused.message, reason=refused.code, status_code=refused.status
            ) from refused
        except OperatorError as error:
            raise SpawnException(str(error), reason=error.code, status_code=error.status) from error
        address: str = self.house.gate_url
        await first_answer(f"{address}{self.server.base_url}api")
        return address

    async def poll(self) -> int | None:
        """None while it runs. It also ends here: idle for too long."""
        if not self.name or self._start_pending:
            return None if self._start_pending else 0
        try:
            state = await self._launcher(lambda it: it.look(self.user.name, self.name))
        except (OperatorError, Refused) as error:
            self.log.warning("The launcher does not say how %s is: %s", self._log_name, error)
            return None  # the notebook goes on without the launcher, and so does the hub
        if not state.running:
            return 1
        last = self.orm_spawner.last_activity
        if last is not None:
            idle = datetime.now(UTC) - last.replace(tzinfo=UTC)
            if idle > timedelta(minutes=state.idle_minutes):
                await self._end(f"idle for {state.idle_minutes} minutes")
                return 1
        return None

    async def stop(self, now: bool = False) -> None:
        await self._end("stopped")
        self.clear_state()

    async def _end(self, reason: str) -> None:
        if not self.name:
            return  # such a server was never started
        try:
            await self._launcher(lambda it: it.stop(self.user.name, self.name, reason=reason))
        except (OperatorError, Refused) as error:
            # Launcher or container engine are away. Its door is shut, for the hub's token ends now; the launcher ends
            # it when both are back.
            self.log.warning("%s is not stopped yet: %s", self._log_name, error)

    async def _launcher(self, ask: Callable[[LauncherClient], Any]) -> Any:
        return await asyncio.to_thread(ask, self.house.launcher)
