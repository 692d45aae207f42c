"""Websockets. No subprotocol is offered or taken, so that each message is one JSON text, which ``Frames`` judges."""

from __future__ import annotations

import asyncio
import json

import aiohttp
from aiohttp import WSMsgType, web
from yarl import URL

from sandbox.isolation.gate_answers import answer
from sandbox.isolation.gate_headers import Own, request_in
from sandbox.isolation.gate_messages import Judged, read
from sandbox.isolation.gate_record import Tally
from sandbox.isolation.gate_rules import Direction, Refusal, Rule
from sandbox.isolation.gate_screen import Frames

FAREWELL_S = 0.5  # how long a websocket may take to say goodbye: a grant that is taken back ends at once

Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def carry_frames(
    request: web.BaseRequest,
    session: aiohttp.ClientSession,
    rule: Rule,
    tally: Tally,
    *,
    own: Own,
    frames: Frames,
) -> web.StreamResponse:
    """Carry a websocket until one side ends it.

    Args:
        session: leads to the notebook's server.
        rule: its byte limits are those of one frame.
        frames: what of each message goes along.
    """
    url = URL(f"http://notebook{request.raw_path}", encoded=True)
    try:
        async with session.ws_connect(
            url,
            headers=request_in(list(request.headers.items()), own),
            max_msg_size=rule.answer_bytes,
            timeout=aiohttp.ClientWSTimeout(ws_close=FAREWELL_S),
        ) as server:
            browser = web.WebSocketResponse(
                timeout=FAREWELL_S, max_msg_size=rule.request_bytes, compress=False
            )
            await browser.prepare(request)
            ways = (
                asyncio.ensure_future(
                    _carry(browser, server, frames, tally, request.raw_path, entering=True)
                ),
                asyncio.ensure_future(
                    _carry(server, browser, frames, tally, request.raw_path, entering=False)
                ),
            )
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                # 1012, service restart: the lab tries again. When the server closed, its own code says why.
                await browser.close(code=server.close_code or 1012)
            return browser
    except aiohttp.WSServerHandshakeError as error:
        status = error.status if 400 <= error.status < 500 else 502
        return answer(Refusal("the notebook refuses the websocket", status))
    except (aiohttp.ClientError, TimeoutError):
        return answer(Refusal("the notebook does not answer", 502))


async def _carry(
    source: Socket, target: Socket, frames: Frames, tally: Tally, path: str, *, entering: bool
) -> None:
    async for frame in source:
        if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        judged = _judge(frame, frames, entering=entering)
        # Dropped, not closed: a widget that sends bytes should not end the session around it.
        for reason in judged.refused:
            tally.refuse(Direction.IN, "FRAME", path, reason)
        if judged.message is None:
            continue
        text = json.dumps(judged.message, separators=(",", ":"))  # what was judged, and not what was sent
        if entering:
            tally.bytes_entered += len(text)
        else:
            tally.bytes_left += len(text)
        await target.send_str(text)


def _judge(frame: aiohttp.WSMessage, frames: Frames, *, entering: bool) -> Judged:
    if frame.type is WSMsgType.BINARY:
        return Judged(None, ("a frame that is binary",))
    message = read(frame.data)
    if message is None:
        return Judged(None, ("a frame that is not JSON",))
    return frames.asked(message) if entering else frames.shown(message)
