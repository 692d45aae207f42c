"""Real hub, proxy, gate, launcher and containers for the figures of notebooks: those that the end-to-end tests use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import httpx

from sandbox.domain.origins import notebook_host
from sandbox.isolation.containers import Containers
from tests.e2e.notebook_house import House, notebook_house
from tests.e2e.test_notebook_life import _execute

MIB = 2**20


@contextmanager
def a_house(grants: int) -> Iterator[House]:
    """A running installation in which alice has so many grants."""
    with notebook_house() as house:
        house.grants(*(f"alice {number}" for number in range(1, grants + 1)))
        yield house


class Notebook:
    """One of alice's notebooks, over the public address."""

    def __init__(self, person: httpx.Client, grant: int) -> None:
        self.person, self.server = person, f"grant-{grant}"
        self._page = f"{str(person.base_url).rstrip('/')}/user/alice/{self.server}"

    def start(self) -> None:
        """Ask for it until the hub takes it: it starts as many at once as there are processors."""
        while True:
            answer = self.person.post(f"/hub/api/users/alice/servers/{self.server}")
            if answer.status_code in (201, 202):
                return
            if answer.status_code != 429:
                raise SystemExit(f"benchmarks: {answer.status_code} {answer.text}")
            time.sleep(0.2)

    def ready(self) -> bool:
        return bool(self._state().get("ready"))

    def wait_ready(self) -> None:
        while not self.ready():
            time.sleep(0.05)

    def first_result(self) -> None:
        """A kernel, and what it says to 1 + 1. The kernel stays."""
        if asyncio.run(asyncio.wait_for(self._ask(), 120)) != "2":
            raise SystemExit("benchmarks: a kernel gave no result")

    def stop(self) -> None:
        self.person.delete(f"/hub/api/users/alice/servers/{self.server}")
        while self._state():
            time.sleep(0.1)

    def _state(self) -> dict[str, Any]:
        servers: dict[str, dict[str, Any]] = self.person.get("/hub/api/users/alice").json()["servers"]
        return servers.get(self.server, {})

    async def _ask(self) -> str:
        site = str(self.person.base_url).replace("127.0.0.1", "localhost").rstrip("/")
        headers = {
            "Authorization": self.person.headers["Authorization"],
            "Host": notebook_host("alice", site),
        }
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"{self._page}/api/kernels", json={"name": "python3"}) as made:
                kernel = (await made.json())["id"]
            async with session.ws_connect(f"{self._page}/api/kernels/{kernel}/channels?session_id=a") as ws:
                return await _execute(ws, "1 + 1")


def memory_mib(containers: Containers, name: str) -> float:
    """What a container holds, without the page cache that can be given back (as ``docker stats`` counts it)."""
    told = containers.client.stats(name, stream=False)["memory_stats"]
    more = told["stats"]
    return float(told["usage"] - more.get("total_inactive_file", more.get("inactive_file", 0))) / MIB
