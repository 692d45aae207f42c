"""A gate between two small servers: one stands for a notebook's Jupyter (which may lie), one for hub and portal."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import RoomLimits
from sandbox.isolation.gate import Gate
from sandbox.isolation.gate_client import open_door
from sandbox.isolation.gate_door import House
from sandbox.isolation.gate_paths import Place, listening
from sandbox.isolation.gate_record import GateRecord, RecordKind

TOKEN = "the container's own token"
PREFIX = "/user/alice/grant-1"
SITE = "http://localhost:8000"
HOST = {"Host": "alice.localhost:8000"}  # as her browser sends it
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ASSETS = frozenset({hashlib.sha256(b"the lab's program").hexdigest()})
KERNEL = "0a1b2c3d-0000-4000-8000-000000000001"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """Remembers what it was asked, and answers what the test says."""

    answer: Handler | None = None
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        self.asked.append((request.method, request.raw_path, dict(request.headers), body))
        if self.answer is not None:
            return await self.answer(request)
        return web.json_response({"path": request.raw_path})

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]

    def gives(
        self, body: bytes | str, *, kind: str = "application/json", status: int = 200, **headers: str
    ) -> None:
        """From now on, this answer."""
        raw = body.encode() if isinstance(body, str) else body
        more = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(_: web.BaseRequest) -> web.Response:
            return web.Response(body=raw, status=status, headers={"Content-Type": kind, **more})

        self.answer = answer


@dataclass
class World:
    """What a test needs."""

    gate: Gate
    run_dir: Path
    place: Place
    jupyter: Server
    outside: Server
    records: list[GateRecord]
    browser: aiohttp.ClientSession
    container: aiohttp.ClientSession

    async def get(self, path: str, method: str = "GET", **more: Any) -> tuple[int, dict[str, str], bytes]:
        """As the hub's proxy: the path as it is, nothing tidied."""
        from yarl import URL

        url = URL(f"http://127.0.0.1:{self.gate.port}{path}", encoded=True)
        async with self.browser.request(method, url, allow_redirects=False, **more) as found:
            return found.status, dict(found.headers), await found.read()

    async def call(
        self, path: str, method: str = "GET", token: str | None = TOKEN, **more: Any
    ) -> tuple[int, dict[str, str], bytes]:
        """As a program in the container."""
        from yarl import URL

        headers = {**({"Authorization": f"token {token}"} if token else {}), **more.pop("headers", {})}
        async with self.container.request(
            method, URL(f"http://gate{path}", encoded=True), headers=headers, **more
        ) as found:
            return found.status, dict(found.headers), await found.read()

    def refusals(self) -> list[GateRecord]:
        return [r for r in self.records if r.kind is RecordKind.REFUSED]


@asynccontextmanager
async def serving(server: Handler, *, unix: Path | None = None) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(server, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    if unix is None:
        site: web.BaseSite = web.TCPSite(runner, "127.0.0.1", 0)
    else:
        site = web.SockSite(runner, listening(unix.parent, unix.name, mode=0o666))
    await site.start()
    try:
        yield 0 if unix else runner.addresses[0][1]
    finally:
        await runner.cleanup()


def a_gate(
    run_dir: Path,
    records: list[GateRecord],
    *,
    outside: int = 9,
    now: Callable[[], datetime] = lambda: NOW,
    assets: frozenset[str] = ASSETS,
    totals_every_s: float = 60,
) -> Gate:
    url = f"http://127.0.0.1:{outside}"
    house = House(hub_url=url, portal_url=url, site_url=SITE, record=records.append, assets=assets, now=now)
    return Gate(run_dir, house, tcp=("127.0.0.1", 0), totals_every_s=totals_every_s)


async def open_hers(
    run_dir: Path,
    token: str = TOKEN,
    *,
    person: str = "alice",
    server: str = "grant-1",
    mode: Mode = Mode.QUERY,
    display: RoomLimits | None = None,
) -> Path:
    """Open a door as the hub's spawner does."""
    return await open_door(
        run_dir, person=person, server=server, token=token, mode=mode, display=display or RoomLimits()
    )


@asynccontextmanager
async def a_world(
    tmp_path: Path,
    *,
    mode: Mode = Mode.QUERY,
    display: RoomLimits | None = None,
    now: Callable[[], datetime] = lambda: NOW,
) -> AsyncIterator[World]:
    """An open door of alice's grant-1 with a server on each side."""
    records: list[GateRecord] = []
    run_dir = tmp_path / "run"
    jupyter, outside = Server(), Server()
    async with serving(outside) as port:
        gate = a_gate(run_dir, records, outside=port, now=now)
        await gate.start()
        try:
            sockets = await open_hers(run_dir, mode=mode, display=display)
            out = aiohttp.UnixConnector(str(sockets / "out.sock"))
            async with (
                serving(jupyter, unix=sockets / "in.sock"),
                aiohttp.ClientSession(auto_decompress=False, headers=HOST) as browser,
                aiohttp.ClientSession(connector=out) as container,
            ):
                place = Place(run_dir, "alice", "grant-1")
                yield World(gate, run_dir, place, jupyter, outside, records, browser, container)
        finally:
            await gate.stop()


def run(test: Awaitable[None]) -> None:
    """Run a test's coroutine, with a bound on its time."""

    async def bounded() -> None:
        await asyncio.wait_for(test, 20)

    asyncio.run(bounded())


def model(content: Any, *, kind: str = "file", form: str | None = "text") -> str:
    """An answer of the contents API."""
    return json.dumps({"name": "x", "path": "x", "type": kind, "format": form, "content": content})
