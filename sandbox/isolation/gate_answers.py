"""Answers as the gate writes them, and bodies as it reads them."""

from __future__ import annotations

from typing import TypeVar

import aiohttp
from aiohttp import web

from sandbox.isolation.gate_headers import PAGE_HEADERS
from sandbox.isolation.gate_rules import Refusal

_Response = TypeVar("_Response", bound=web.StreamResponse)


def answer(refusal: Refusal) -> web.Response:
    """A refusal as JupyterLab and programs read it."""
    response = web.json_response(
        {"message": f"Gate: {refusal.reason}.", "reason": "gate"}, status=refusal.status
    )
    return with_headers(response, list(PAGE_HEADERS.items()))


def with_headers(response: _Response, headers: list[tuple[str, str]]) -> _Response:
    """The response, with these headers too."""
    for key, value in headers:
        response.headers.add(key, value)
    return response


async def at_most(stream: aiohttp.StreamReader, most: int) -> bytes | None:
    """The whole of a stream, or None when it is longer."""
    parts: list[bytes] = []
    size = 0
    async for chunk in stream.iter_chunked(64 * 1024):
        size += len(chunk)
        if size > most:
            return None
        parts.append(chunk)
    return b"".join(parts)


def cut(request: web.BaseRequest) -> None:
    """End a connection in the middle of an answer, so that nobody takes the part for the whole."""
    if request.transport is not None:
        request.transport.abort() if hasattr(request.transport, "abort") else request.transport.close()
