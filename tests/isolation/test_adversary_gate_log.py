"""A request that no parser understands: its error quotes it, and what was in it must not reach the gate's own log."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from sandbox.isolation.gate import kind_only
from tests.isolation.gate_world import World, a_world, run

SECRET = "a-token-that-is-nobodys-business"
MALFORMED = f"GET /services/portal/api/v1/health HTTP/1.1\nAuthorization: token {SECRET}\n\n".encode()


async def sent(world: World) -> None:
    reader, writer = await asyncio.open_unix_connection(str(world.place.sockets / "out.sock"))
    writer.write(MALFORMED)
    await writer.drain()
    assert b" 400 " in await reader.readline()
    writer.close()
    assert world.outside.asked == []


@pytest.mark.parametrize("guarded", [True, False])
def test_a_token_in_a_malformed_request_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, guarded: bool
) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await sent(world)

    log = logging.getLogger("aiohttp.server")
    if guarded:
        log.addFilter(kind_only)
    try:
        run(test())
    finally:
        log.removeFilter(kind_only)
    assert (SECRET in caplog.text) is not guarded  # unguarded is the control
    assert "request" in caplog.text
