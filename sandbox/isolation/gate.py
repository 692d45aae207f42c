"""The gate: the only way into and out of every notebook.

- One process on the host. It listens on one TCP port (for the hub's proxy), on one control socket (for the hub's
  spawner), and for each open notebook on that notebook's own socket.
- What may pass is in ``gate_rules``; how one notebook's traffic is looked at is in ``gate_door``.
- What is open is written in its folder, so that a gate that was killed carries on where it stopped.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.domain.errors import CallerError
from sandbox.domain.origins import notebook_host
from sandbox.isolation.gate_answers import answer
from sandbox.isolation.gate_door import Door, House
from sandbox.isolation.gate_opening import Opening
from sandbox.isolation.gate_paths import CONTROL, Place, listening
from sandbox.isolation.gate_record import RecordKind, Tally
from sandbox.isolation.gate_rules import Direction, Refusal, clean_path

TOTALS_EVERY_S = 60.0
_SERVER_PATH = re.compile(r"/user/([^/]+)/([^/]+)(/.*)?")


def run_gate(run_dir: Path, house: House, *, tcp: tuple[str, int]) -> None:
    """Run the gate until this process is told to end. Arguments are those of ``Gate``."""

    # JupyterLab offers a subprotocol with every kernel; that it is not taken is no news.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
    logging.getLogger("aiohttp.server").addFilter(kind_only)

    async def main() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        gate = Gate(run_dir, house, tcp=tcp)
        await gate.start()
        await told.wait()
        await gate.stop()

    asyncio.run(main())


def kind_only(record: logging.LogRecord) -> bool:
    """Keep of a failed request its kind: the error's own text quotes the request, and with it its token."""
    if record.exc_info:
        error = record.exc_info[1]
        record.msg, record.args = "a request failed: %s", (type(error).__name__,)
        record.exc_info = record.exc_text = None
    return True


class Gate:
    """All doors.

    Args:
        run_dir: its folder; nobody else may look into it.
        house: what its doors share. Its ``record`` is called in the event loop: it has to be quick.
        tcp: address and port for the hub's proxy.
    """

    def __init__(
        self, run_dir: Path, house: House, *, tcp: tuple[str, int], totals_every_s: float = TOTALS_EVERY_S
    ) -> None:
        self._run_dir, self._house = run_dir.resolve(), house
        self._tcp, self._totals_every_s = tcp, totals_every_s
        self._doors: dict[tuple[str, str], Door] = {}
        self._astray = Tally("", "", house.record)  # what belongs to no door
        self._changing = asyncio.Lock()
        self._runners: list[web.ServerRunner | web.AppRunner] = []
        self._totals: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open again what was open, then listen."""
        self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._run_dir.chmod(0o700)
        for place, opening in list(self._left_open()):
            await self._open(place, opening)
        incoming = web.ServerRunner(web.Server(self._incoming, access_log=None), shutdown_timeout=0.5)
        control = web.AppRunner(self._control_app(), access_log=None, shutdown_timeout=0.5)
        for runner in (incoming, control):
            await runner.setup()
            self._runners.append(runner)
        await web.TCPSite(incoming, *self._tcp).start()
        await web.SockSite(control, listening(self._run_dir, CONTROL, mode=0o600)).start()
        self._totals = asyncio.create_task(self._write_totals())

    async def stop(self) -> None:
        """Close all doors; the next start opens them again."""
        if self._totals is not None:
            self._totals.cancel()
            with suppress(asyncio.CancelledError):
                await self._totals
        doors, self._doors = list(self._doors.values()), {}
        for door in doors:
            await door.close()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        (self._run_dir / CONTROL).unlink(missing_ok=True)

    @property
    def port(self) -> int:
        """The TCP port, also when 0 was asked for."""
        return int(self._runners[0].addresses[0][1])

    @property
    def open_servers(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self._doors))

    async def _incoming(self, request: web.BaseRequest) -> web.StreamResponse:
        path = clean_path(request.raw_path)
        if isinstance(path, Refusal):
            return self._refuse(request, path)
        match = _SERVER_PATH.fullmatch(path)
        door = self._doors.get((match.group(1), match.group(2))) if match else None
        if match is None or door is None:
            return self._refuse(request, Refusal("there is no such notebook", 404))
        below = match.group(3) or "/"
        if not self._is_own_host(request, match.group(1), below):
            return self._refuse(request, Refusal("this notebook has another host", 421))
        return await door.incoming(request, below)

    def _is_own_host(self, request: web.BaseRequest, person: str, path: str) -> bool:
        """Whether a browser keeps this page apart from everybody else's. The hub asks by the gate's own address."""
        host = request.headers.get("Host", "").lower()
        if host in (f"{self._tcp[0]}:{self.port}", urlsplit(self._house.own_url).netloc):
            return path in ("/api", "/api/")
        return host == notebook_host(person, self._house.site_url)

    def _refuse(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        """Refuse what belongs to no door. It may say on the log which one it wanted."""
        self._astray.refuse(Direction.IN, request.method, request.raw_path, refusal.reason)
        return answer(refusal)

    def _control_app(self) -> web.Application:
        app = web.Application(client_max_size=4096)
        app.router.add_put("/servers/{person}/{server}", self._put)
        app.router.add_delete("/servers/{person}/{server}", self._delete)
        app.router.add_get("/servers", self._list)
        return app

    async def _put(self, request: web.Request) -> web.Response:
        try:
            place = Place(self._run_dir, request.match_info["person"], request.match_info["server"])
            opening = Opening.read(await request.json())
            if opening.display is not None and not self._house.assets:
                raise ValueError("mode room needs the list of the lab's own files: make images")
        except (CallerError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        async with self._changing:
            await self._shut(place)
            place.make()
            place.opening.write_text(json.dumps(opening.document()))
            await self._open(place, opening)
        return web.json_response({"sockets": str(place.sockets)})

    async def _delete(self, request: web.Request) -> web.Response:
        try:
            place = Place(self._run_dir, request.match_info["person"], request.match_info["server"])
        except CallerError as error:
            return web.json_response({"error": str(error)}, status=400)
        async with self._changing:
            await self._shut(place)
        return web.json_response({})

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response(
            [{"person": person, "server": server} for person, server in self.open_servers]
        )

    async def _open(self, place: Place, opening: Opening) -> None:
        door = Door(place, opening, self._house)
        await door.open()
        self._doors[place.person, place.server] = door

    async def _shut(self, place: Place) -> None:
        door = self._doors.pop((place.person, place.server), None)
        if door is not None:
            await door.close()
        place.remove()

    def _left_open(self) -> Iterator[tuple[Place, Opening]]:
        """What the folder says was open. A folder that says nothing sensible goes."""
        for folder in sorted(self._run_dir.glob("*/*")):
            try:
                place = Place(self._run_dir, folder.parent.name, folder.name)
                yield place, Opening.read(json.loads(place.opening.read_text()))
            except (CallerError, OSError, ValueError):
                if folder.is_dir() and not folder.is_symlink():
                    shutil.rmtree(folder, ignore_errors=True)

    async def _write_totals(self) -> None:
        while True:
            await asyncio.sleep(self._totals_every_s)
            for tally in (self._astray, *(door.tally for door in self._doors.values())):
                tally.happened(RecordKind.TOTALS)
