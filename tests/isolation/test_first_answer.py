"""A notebook's server is noticed soon after it answers, and a hub that waits in vain goes on."""

from __future__ import annotations

import asyncio

from aiohttp import web

from hub_config.first_answer import first_answer
from tests.isolation.gate_world import run


async def served(answers: list[int]) -> tuple[web.AppRunner, str, list[int]]:
    """A server that gives these answers in turn, the last one for ever."""
    given: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        given.append(answers[min(len(given), len(answers) - 1)])
        return web.Response(status=given[-1])

    app = web.Application()
    app.router.add_get("/api", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}/api", given


def test_it_asks_again_until_the_gate_has_a_server_behind_it() -> None:
    async def test() -> None:
        runner, url, given = await served([502, 502, 200])
        assert await first_answer(url, every_s=0.01)
        assert given == [502, 502, 200]
        await runner.cleanup()

    run(test())


def test_a_refusal_is_an_answer() -> None:
    async def test() -> None:
        runner, url, given = await served([403])
        assert await first_answer(url)
        assert given == [403]
        await runner.cleanup()

    run(test())


def test_patience_ends() -> None:
    async def test() -> None:
        runner, url, _ = await served([502])
        assert not await first_answer(url, every_s=0.01, patience_s=0.1)
        await runner.cleanup()
        assert not await first_answer(url, every_s=0.01, patience_s=0.1)  # nobody listens at all

    run(asyncio.wait_for(test(), 10))
