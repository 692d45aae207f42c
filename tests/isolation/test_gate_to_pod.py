"""The whole way on a cluster, without the cluster: the real gate, the real carrier, a pod that is a port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from sandbox.isolation.pod_carrier import PodCarrier
from tests.isolation.gate_world import PREFIX, World, a_world, run, serving

HERE = "127.0.0.1"
QUESTIONS = "/services/portal/api/v1/questions"


@asynccontextmanager
async def a_pod(tmp_path: Path) -> AsyncIterator[tuple[World, PodCarrier]]:
    """Alice's notebook in a pod: its server listens on a port, and it reaches the carrier's."""
    async with a_world(tmp_path) as it, serving(it.jupyter) as port:
        carrier = PodCarrier(it.run_dir, tcp=(HERE, 0), pod_port=port)
        await carrier.start()
        await carrier.join(it.place, HERE)  # its socket takes the place of the world's own
        await it.container.close()
        base = f"http://{HERE}:{carrier.port}"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector()) as container:

            class Outward:
                """The same calls, by the network."""

                def request(self, method: str, url: object, **more: object) -> object:
                    return container.request(method, str(url).replace("http://gate", base), **more)  # type: ignore[arg-type]

            it.container = Outward()  # type: ignore[assignment]
            try:
                yield it, carrier
            finally:
                await carrier.stop()


def test_a_page_of_a_pod_comes_through_the_gate_and_nothing_else_of_it(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_pod(tmp_path) as (it, _):
            it.jupyter.gives('{"version": "1"}')
            status, _, body = await it.get(f"{PREFIX}/api")
            assert (status, body) == (200, b'{"version": "1"}')
            assert (await it.get(f"{PREFIX}/files/rows.csv"))[0] == 403
            assert it.jupyter.paths == [f"{PREFIX}/api"]

    run(test())


def test_code_in_a_pod_reaches_what_the_gate_lets_out_and_nothing_else(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_pod(tmp_path) as (it, _):
            assert (await it.call(QUESTIONS, "POST"))[0] == 200
            assert (await it.call(QUESTIONS, "POST", token="somebody else's"))[0] == 401
            assert (await it.call("/hub/api/users"))[0] == 403
            assert it.outside.paths == [QUESTIONS]

    run(test())


def test_a_notebook_that_is_over_reaches_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_pod(tmp_path) as (it, carrier):
            await carrier.leave(it.place)
            assert (await it.get(f"{PREFIX}/api"))[0] in (502, 503)
            try:
                await asyncio.wait_for(it.call(QUESTIONS, "POST"), 5)
            except aiohttp.ClientError:
                pass
            else:
                raise AssertionError("it was answered")
            assert it.outside.paths == []

    run(test())
