"""The carrier of a cluster: brings bytes between the gate's sockets and the pods of notebooks, and understands none.

in    gate → <place>/sockets/in.sock → here → the pod, at the port of its server
out   pod → the one port here → by the pod's own address → <place>/sockets/out.sock → gate

It stands beside the gate, outside of every pod. A pod whose address nobody joined to a notebook is not answered.
What is joined is written in the gate's folder, so that a carrier that was killed carries on where it stopped.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from sandbox.domain.errors import BadInput, CallerError
from sandbox.isolation.gate_paths import Place, listening, open_socket
from sandbox.isolation.profile import JUPYTER_PORT

CARRIER_CONTROL = "carrier.sock"
CONNECTIONS = 48  # of one pod at once, each way: as many as the gate opens
_PIECE_BYTES = 64 * 1024
_CONNECT_S = 5.0
_JOINED = "pod"  # the file with a pod's address
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run_carrier(*, run_dir: Path, tcp: tuple[str, int]) -> None:
    """Run until this process is told to end. Arguments are those of ``PodCarrier``."""

    async def main() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        carrier = PodCarrier(run_dir, tcp=tcp)
        await carrier.start()
        await told.wait()
        await carrier.stop()

    asyncio.run(main())


@dataclass(slots=True)
class _Pod:
    place: Place
    address: str
    server: asyncio.Server
    inode: int  # of the socket that it listens on
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class PodCarrier:
    """All notebooks' pods.

    Args:
        run_dir: the gate's folder.
        tcp: address and port that pods come to.
        pod_port: where a pod's server listens.
    """

    def __init__(self, run_dir: Path, *, tcp: tuple[str, int], pod_port: int = JUPYTER_PORT) -> None:
        self._run_dir, self._tcp, self._pod_port = run_dir.resolve(), tcp, pod_port
        self._pods: dict[str, _Pod] = {}  # by address
        self._changing = asyncio.Lock()
        self._outward: asyncio.Server | None = None
        self._control: web.AppRunner | None = None

    async def start(self) -> None:
        """Join again what was joined, then listen."""
        self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in sorted(self._run_dir.glob(f"*/*/{_JOINED}")):
            with suppress(CallerError, OSError):  # a door that was shut meanwhile
                place = Place(self._run_dir, file.parent.parent.name, file.parent.name)
                await self.join(place, file.read_text())
        self._outward = await asyncio.start_server(self._from_pod, *self._tcp)
        self._control = web.AppRunner(self._control_app(), access_log=None, shutdown_timeout=0.5)
        await self._control.setup()
        await web.SockSite(self._control, listening(self._run_dir, CARRIER_CONTROL, mode=0o600)).start()

    async def stop(self) -> None:
        """Cut everything; the next start joins it again."""
        if self._outward is not None:
            self._outward.close()
        for address in tuple(self._pods):
            await self._cut(address)
        if self._control is not None:
            await self._control.cleanup()
        (self._run_dir / CARRIER_CONTROL).unlink(missing_ok=True)

    @property
    def port(self) -> int:
        """The port that pods come to, also when 0 was asked for."""
        assert self._outward is not None  # noqa: S101  (asked after the start)
        return int(self._outward.sockets[0].getsockname()[1])

    @property
    def joined(self) -> dict[str, tuple[str, str]]:
        """Which notebook's pod has which address."""
        return {address: (pod.place.person, pod.place.server) for address, pod in self._pods.items()}

    async def join(self, place: Place, address: str) -> None:
        """A notebook's pod has this address. Nothing happens when that is known.

        Raises:
            BadInput: no pod has such an address, or the notebook's door is shut.
        """
        _check(address)
        async with self._changing:
            pod = self._pods.get(address)
            if pod is not None and pod.place == place and pod.inode == _inode(place):
                return
            if not place.sockets.is_dir():
                raise BadInput(
                    f"The door of {place.person}/{place.server} is shut.",
                    where="server",
                    fix="Open it at the gate first.",
                )
            await self._cut(address)  # an address that belonged to another one is this one's now
            await self._leave(place)
            listener = listening(place.sockets, "in.sock", mode=0o600)
            pod = _Pod(place, address, await asyncio.start_unix_server(self._to(address), sock=listener), 0)
            pod.inode = _inode(place)
            (place.folder / _JOINED).write_text(address)
            self._pods[address] = pod

    async def leave(self, place: Place) -> None:
        """The notebook is over: cut what is under way. Nothing happens when it was not joined."""
        async with self._changing:
            await self._leave(place)

    async def _leave(self, place: Place) -> None:
        for address in [a for a, pod in self._pods.items() if pod.place == place]:
            await self._cut(address)
        (place.folder / _JOINED).unlink(missing_ok=True)

    async def _cut(self, address: str) -> None:
        pod = self._pods.pop(address, None)
        if pod is None:
            return
        pod.server.close()
        for task in tuple(pod.tasks):
            task.cancel()
        await asyncio.gather(*pod.tasks, return_exceptions=True)

    def _to(self, address: str) -> _Handler:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._carry(address, reader, writer, inward=True)

        return carry

    async def _from_pod(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._carry(writer.get_extra_info("peername")[0], reader, writer, inward=False)

    async def _carry(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, inward: bool
    ) -> None:
        pod = self._pods.get(address)
        task = asyncio.current_task()
        if pod is None or task is None or len(pod.tasks) >= 2 * CONNECTIONS:
            await _close(writer)
            return
        pod.tasks.add(task)
        try:
            await self._carry_for(pod, reader, writer, inward=inward)
        except asyncio.CancelledError:
            pass  # it is cut, and this task was about nothing else
        finally:
            await _close(writer)
            pod.tasks.discard(task)

    async def _carry_for(
        self, pod: _Pod, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, inward: bool
    ) -> None:
        try:
            there = asyncio.open_connection(pod.address, self._pod_port) if inward else _gate_of(pod.place)
            far_reader, far_writer = await asyncio.wait_for(there, _CONNECT_S)
            try:
                async with asyncio.TaskGroup() as both:  # when one direction breaks, so does the other
                    both.create_task(_pump(reader, far_writer))
                    both.create_task(_pump(far_reader, writer))
            finally:
                await _close(far_writer)
        except* (OSError, TimeoutError):
            pass  # the other side sees the end of the connection

    def _control_app(self) -> web.Application:
        app = web.Application(client_max_size=4096)
        app.router.add_put("/pods/{person}/{server}", self._put)
        app.router.add_delete("/pods/{person}/{server}", self._delete)
        return app

    async def _put(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
            address = body.get("address") if isinstance(body, dict) else None
            await self.join(self._place(request), address if isinstance(address, str) else "")
        except (CallerError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    async def _delete(self, request: web.Request) -> web.Response:
        try:
            await self.leave(self._place(request))
        except CallerError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({})

    def _place(self, request: web.Request) -> Place:
        return Place(self._run_dir, request.match_info["person"], request.match_info["server"])


def _check(address: str) -> None:
    """Raise for what is no pod's address, such as the one where a cloud hands out credentials."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        found = None
    if found is None or found.is_link_local or found.is_multicast or found.is_unspecified:
        raise BadInput(f"{address[:60]!r} is no pod's address.", where="address", fix="Name the pod's own.")


def _inode(place: Place) -> int:
    try:
        return os.lstat(place.sockets / "in.sock").st_ino
    except OSError:
        return 0


async def _gate_of(place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    handle, _ = open_socket(place.sockets / "out.sock")
    try:
        return await asyncio.open_unix_connection(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE_BYTES):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
