"""Notice soon that a notebook's server is up: the hub's own waiting doubles its pauses, and loses seconds."""

from __future__ import annotations

import asyncio

import httpx

EVERY_S = 0.05
PATIENCE_S = 15.0  # after it the hub waits in its own way


async def first_answer(url: str, *, every_s: float = EVERY_S, patience_s: float = PATIENCE_S) -> bool:
    """True when something answered there; False when patience ended. The gate says 502 for a server that is not up."""
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        try:
            async with asyncio.timeout(patience_s):
                while not await _answers(client, url):  # noqa: ASYNC110
                    await asyncio.sleep(every_s)  # there is no event to wait on
        except TimeoutError:
            return False
    return True


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code < 500
    except httpx.HTTPError:
        return False
