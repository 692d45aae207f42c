"""Code run in a kernel of a locked notebook, over the hub's public proxy: the way a browser does it."""

from __future__ import annotations

import asyncio
import base64
import re
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.domain.origins import notebook_host
from sandbox.hub_session import HubSession

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came back from a cell."""

    text: str
    images: tuple[bytes, ...]  # PNG
    error: str  # the exception's last lines; empty when there was none


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel of one notebook server."""

    session: HubSession
    server: str

    def run(self, *cells: str, timeout_s: float = 120) -> tuple[Ran, ...]:
        """Run cells, in order, in one new kernel; stops at the first that raises."""
        return asyncio.run(asyncio.wait_for(self._run(cells), timeout_s))

    async def _run(self, cells: tuple[str, ...]) -> tuple[Ran, ...]:
        settings = self.session.settings
        base = f"{settings.proxy_url}/user/{self.session.name}/{self.server}/api/kernels"
        # Programs do not know names below localhost, as browsers do: the proxy is told the host.
        headers = {
            "Authorization": f"token {self.session.token}",
            "Host": notebook_host(self.session.name, settings.url),
        }
        async with aiohttp.ClientSession(headers=headers, trust_env=False) as http:
            async with http.post(base, json={"name": "python3"}) as response:
                response.raise_for_status()
                kernel = (await response.json())["id"]
            try:
                async with http.ws_connect(f"{base}/{kernel}/channels", max_msg_size=2**24) as socket:
                    done = []
                    for cell in cells:
                        done.append(await _execute(socket, cell))
                        if done[-1].error:
                            break
                    return tuple(done)
            finally:
                async with http.delete(f"{base}/{kernel}"):
                    pass


async def _execute(socket: aiohttp.ClientWebSocketResponse, code: str) -> Ran:
    message_id = uuid.uuid4().hex
    await socket.send_json(
        {
            "header": {
                "msg_id": message_id,
                "msg_type": "execute_request",
                "username": "",
                "session": message_id,
                "version": "5.3",
            },
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
        }
    )
    text: list[str] = []
    images: list[bytes] = []
    error = ""
    async for frame in socket:
        if frame.type is not aiohttp.WSMsgType.TEXT:
            break
        message: dict[str, Any] = frame.json()
        if message.get("parent_header", {}).get("msg_id") != message_id:
            continue
        content = message["content"]
        match message["header"]["msg_type"]:
            case "stream":
                text.append(content["text"])
            case "display_data" | "execute_result":
                if "image/png" in content["data"]:
                    images.append(base64.b64decode(content["data"]["image/png"]))
                elif "text/plain" in content["data"]:
                    text.append(content["data"]["text/plain"] + "\n")
            case "error":
                error = _COLOUR.sub("", f"{content['ename']}: {content['evalue']}")
            case "status" if content["execution_state"] == "idle":
                return Ran(text="".join(text), images=tuple(images), error=error)
    return Ran(text="".join(text), images=tuple(images), error="the kernel's connection ended")
