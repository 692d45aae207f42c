"""The only process that may start containers, and the only settings it starts them with.

Hub and portal name a person and a grant's server, and nothing else of what they say is believed: whether it may start
is asked of ``Authority.allowed`` here once more, how it is locked in is said by ``profile``, what passes is the gate's.
There is no way to ask for an image, a mount, a command or a setting.

What ends a notebook: a request, its grant's end, the end of its container or its carrier, and a hub that does not know
it. All three parts (door, container, carrier) go together with the rows that it was shown, each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sandbox.domain.access import Grant
from sandbox.domain.errors import BadInput, CallerError, OperatorError, SandboxError, Tampered
from sandbox.domain.notebook_start import Stage
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.gate_client import close_door, open_door, open_doors
from sandbox.isolation.gate_paths import Place
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.profile import HUB_PORT, Shown, carrier_profile, profile

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
FORGOTTEN_LOOKS = 12  # so many looks in a row without the hub knowing a notebook, and it ends

# What a notebook's server is told by the hub. Every other name is refused.
ENVIRONMENT = frozenset(
    f"JUPYTERHUB_{name}"
    for name in (
        *("API_TOKEN", "API_URL", "ACTIVITY_URL", "BASE_URL", "CLIENT_ID", "COOKIE_HOST_PREFIX_ENABLED"),
        *("COOKIE_OPTIONS", "DEFAULT_URL", "DISABLE_USER_CONFIG", "HOST", "OAUTH_ACCESS_SCOPES"),
        *(
            "OAUTH_CALLBACK_URL",
            "OAUTH_CLIENT_ALLOWED_SCOPES",
            "OAUTH_SCOPES",
            "PUBLIC_HUB_URL",
            "PUBLIC_URL",
        ),
        *("SERVER_NAME", "SERVICE_PREFIX", "SERVICE_URL", "USER"),
    )
)

Server = tuple[str, str]  # (person, name of the server)


class Opening(Protocol):
    """What may be started."""

    @property
    def grant(self) -> Grant: ...
    @property
    def limits(self) -> NotebookLimits: ...
    @property
    def room(self) -> RoomLimits: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What the launcher asks of the rest of the system, and where it tells.

    Attributes:
        allowed: (person, server) → what may be started; raises CallerError.
        goes_on: the same for one that runs.
        shown: makes what the notebook may read, where its mode shows rows.
        hidden: the notebook is over: the rows go.
        swept: all rows go but of these servers.
        opened, closed: put (grant, container) and (grant, reason) on the log.
        images: read at each start, so that a new image needs no restart.
        runtime: the engine's name of the runtime to use.
        known: the servers that the hub knows; None while it does not answer.
    """

    allowed: Callable[[str, str], Opening]
    goes_on: Callable[[str, str], Opening]
    shown: Callable[[Any], Shown]
    hidden: Callable[[Grant], object]
    swept: Callable[[Collection[str]], object]
    opened: Callable[[Grant, str], object]
    closed: Callable[[Grant, str], object]
    images: Callable[[], Images]
    runtime: Callable[[], str]
    known: Callable[[], frozenset[Server] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a notebook is."""

    running: bool
    reason: str = ""  # why it is not, or why it was ended
    idle_minutes: int = 0  # after so many it should be stopped


@dataclass(slots=True)
class _Running:
    grant: Grant
    looks_unknown: int = 0
    stage: Stage = Stage.WAITING


@dataclass(slots=True, kw_only=True)
class Launcher:
    """Notebooks of one installation.

    Args:
        name: of the installation: first part of its containers' names.
    """

    containers: Containers
    authority: Authority
    gate_dir: Path
    name: str
    _running: dict[Server, _Running] = field(default_factory=dict)
    _locks: dict[Server, asyncio.Lock] = field(default_factory=dict)

    async def adopt(self) -> None:
        """At the start: go on with what runs, and remove halves that a crash left."""
        notebooks, carriers = await asyncio.to_thread(self._found)
        for server in notebooks | carriers:
            try:
                opening = await asyncio.to_thread(self.authority.goes_on, *server)
            except (CallerError, Tampered) as refused:
                log.warning("%s/%s ends: %s", *server, refused.message)
                await self._remove(server)
                continue
            self._running[server] = _Running(opening.grant, stage=Stage.SERVER)
            if server not in notebooks & carriers:
                await self.stop(*server, reason="half of it was left")
        await self._sweep()
        await asyncio.to_thread(self.authority.swept, {server for _, server in self._running})

    async def start(self, person: str, server: str, environment: Mapping[str, str]) -> None:
        """Start a grant's notebook: rows, door, container, carrier. One that ran is ended first.

        Raises:
            CallerError: it may not be started.
            OperatorError: gate, engine or images do not do their part; nothing is left behind.
        """
        token = _check(environment)
        place = Place(self.gate_dir, person, server)  # raises for names that are none
        async with self._lock(person, server):
            await self._end((person, server), "started anew")
            opening = await asyncio.to_thread(self.authority.allowed, person, server)
            grant = opening.grant
            starting = self._running[person, server] = _Running(grant)
            try:
                starting.stage = Stage.ROWS
                shown = await asyncio.to_thread(self.authority.shown, opening)
                images = self.authority.images()
                starting.stage = Stage.GATE
                sockets = await open_door(
                    self.gate_dir,
                    person=person,
                    server=server,
                    token=token,
                    mode=grant.mode,
                    display=opening.room,
                )
                settings = profile(
                    grant,
                    limits=opening.limits,
                    images=images,
                    seccomp=own_seccomp(),
                    shown=shown,
                    runtime=await asyncio.to_thread(self.authority.runtime),
                )
                told = {
                    **environment,
                    "SANDBOX_URL": f"http://127.0.0.1:{HUB_PORT}/services/portal",
                    "SANDBOX_GRANT": str(grant.id),
                    "SANDBOX_DATASET": grant.dataset,
                }
                starting.stage = Stage.CONTAINER
                container = await asyncio.to_thread(
                    self.containers.start, settings, name=self._name("notebook", place), environment=told
                )
                carrier = carrier_profile(container, images=images, sockets=sockets, seccomp=own_seccomp())
                await asyncio.to_thread(self.containers.start, carrier, name=self._name("carrier", place))
                await asyncio.to_thread(self.authority.opened, grant, container)
                starting.stage = Stage.SERVER
            except BaseException:
                del self._running[person, server]  # it was never opened
                try:
                    await self._remove((person, server))
                finally:  # rows do not stay because an engine went away
                    await asyncio.to_thread(self.authority.hidden, grant)
                raise

    async def stop(self, person: str, server: str, *, reason: str) -> None:
        """End it. Nothing happens when it does not run."""
        Place(self.gate_dir, person, server)
        async with self._lock(person, server):
            await self._end((person, server), reason)

    def stage(self, person: str, server: str) -> Stage:
        """How far its start is; a look that waits for nothing and changes nothing."""
        running = self._running.get((person, server))
        return running.stage if running is not None else Stage.WAITING

    async def look(self, person: str, server: str) -> State:
        """How it is now; it ends here when it should."""
        key = (person, server)
        async with self._lock(*key):
            if key not in self._running:
                return State(running=False, reason="it was not started")
            reason, idle = await self._why_end(key)
            if reason:
                await self._end(key, reason)
            return State(running=not reason, reason=reason, idle_minutes=idle)

    async def watch(self, *, every_s: float = LOOK_EVERY_S) -> None:
        """Look at all of them, again and again. A hub that is down keeps nothing alive."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.look_at_all()
            except SandboxError as error:
                log.error("a look at the notebooks failed: %s", error.message)
            except Exception:
                log.exception("a look at the notebooks failed")

    async def look_at_all(self) -> None:
        """End those that should end and those that the hub does not know; remove what is left over."""
        known = await asyncio.to_thread(self.authority.known)
        failures: list[Exception] = []
        for server in tuple(self._running):
            try:
                await self.look(*server)
                await self._forgotten(server, known)
            except Exception as failure:  # what is wrong with one keeps no other alive
                failures.append(failure)
        if failures:
            raise failures[0]
        await self._sweep()

    @property
    def running(self) -> tuple[Server, ...]:
        return tuple(sorted(self._running))

    async def _why_end(self, server: Server) -> tuple[str, int]:
        """Why it has to end (empty: it goes on), and its minutes of idleness."""
        try:
            opening = await asyncio.to_thread(self.authority.goes_on, *server)
        except (CallerError, Tampered) as refused:
            return refused.message, 0
        except OperatorError:
            return "", 0  # a database that is away for a moment takes no notebook with it
        for kind, part in (("notebook", "container"), ("carrier", "carrier")):
            name = f"{self.name}-{kind}-{'-'.join(server)}"
            if not await asyncio.to_thread(self.containers.running, name):
                return f"the {part} ended", 0
        return "", opening.limits.idle_minutes

    async def _forgotten(self, server: Server, known: frozenset[Server] | None) -> None:
        running = self._running.get(server)
        if running is None or known is None:
            return
        running.looks_unknown = 0 if server in known else running.looks_unknown + 1
        if running.looks_unknown >= FORGOTTEN_LOOKS:
            await self.stop(*server, reason="the hub does not know it any more")

    async def _sweep(self) -> None:
        """Remove containers and doors of no notebook: an engine or a gate was away, or a launcher died, at its end."""
        found = set().union(*await asyncio.to_thread(self._found))
        try:
            found |= await open_doors(self.gate_dir)
        except OperatorError as error:
            log.warning("no door was looked at: %s", error.message)
        for server in found - set(self._running):
            async with self._lock(*server):
                if server not in self._running:
                    log.warning("%s/%s was left over and is removed", *server)
                    await self._remove(server)

    async def _end(self, server: Server, reason: str) -> None:
        await self._remove(
            server
        )  # an engine that is away raises: then it is still known, and ends at the next look
        running = self._running.pop(server, None)
        if running is not None:
            await asyncio.to_thread(self.authority.hidden, running.grant)
            await asyncio.to_thread(self.authority.closed, running.grant, reason)

    async def _remove(self, server: Server) -> None:
        """Close the door, then remove both containers. Harmless when some of it, or all, is gone."""
        try:
            await close_door(self.gate_dir, person=server[0], server=server[1])
        except OperatorError as error:
            log.warning("the door of %s/%s stays: %s", *server, error.message)
        place = Place(self.gate_dir, *server)
        for kind in ("carrier", "notebook"):
            await asyncio.to_thread(self.containers.remove, self._name(kind, place))

    def _name(self, kind: str, place: Place) -> str:
        return f"{self.name}-{kind}-{place.person}-{place.server}"

    def _found(self) -> tuple[set[Server], set[Server]]:
        """The servers that have a notebook's container, and those that have a carrier's."""
        found: dict[str, set[Server]] = {}
        for kind in ("notebook", "carrier"):
            prefix = f"{self.name}-{kind}-"
            names = (n.removeprefix(prefix) for n in self.containers.names(kind) if n.startswith(prefix))
            found[kind] = {(n.rpartition("-grant-")[0], "grant-" + n.rpartition("-grant-")[2]) for n in names}
        return found["notebook"], found["carrier"]

    def _lock(self, person: str, server: str) -> asyncio.Lock:
        return self._locks.setdefault((person, server), asyncio.Lock())


def _check(environment: Mapping[str, str]) -> str:
    """The container's token, or raise for what no notebook is told."""
    for name, value in environment.items():
        if name not in ENVIRONMENT or len(value) > 8192:
            raise BadInput(f"A notebook is not told {name[:60]!r}.", where="environment", fix="Leave it out.")
    token = environment.get("JUPYTERHUB_API_TOKEN", "")
    if not token:
        raise BadInput("The notebook has no token.", where="environment", fix="Name JUPYTERHUB_API_TOKEN.")
    return token
