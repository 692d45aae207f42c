"""The launcher as a process: three verbs on a unix socket that only its own user can open.

PUT    /notebooks/<person>/<server>   {"environment": {…}}   start
GET    /notebooks/<person>/<server>                          look
DELETE /notebooks/<person>/<server>?reason=…                 end
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from sandbox.domain.errors import BadInput, SandboxError
from sandbox.isolation.gate_paths import listening
from sandbox.isolation.launcher import Launcher

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_BODY_BYTES = 256 * 1024
_ADDRESS = "/notebooks/{person}/{server}"


def run_launcher(launcher: Launcher, socket: Path) -> None:
    """Run until this process is told to end. Notebooks go on without it."""

    async def main() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        await launcher.adopt()
        runner = web.AppRunner(doors(launcher), access_log=None, shutdown_timeout=2)
        await runner.setup()
        await web.SockSite(runner, listening(socket.parent, socket.name, mode=0o600)).start()
        watch = asyncio.create_task(launcher.watch())
        await told.wait()
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await runner.cleanup()

    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        asyncio.run(main())
    finally:
        socket.unlink(missing_ok=True)


def doors(launcher: Launcher) -> web.Application:
    """Everything that can be asked of a launcher."""

    async def start(request: web.Request) -> web.Response:
        environment = _environment(await request.json())
        # To its end, also when the caller goes: a start that is cut leaves halves.
        await asyncio.shield(launcher.start(*_server(request), environment))
        return web.json_response({})

    async def look(request: web.Request) -> web.Response:
        state = await launcher.look(*_server(request))
        return web.json_response(
            {"running": state.running, "reason": state.reason, "idle_minutes": state.idle_minutes}
        )

    async def stop(request: web.Request) -> web.Response:
        reason = request.query.get("reason", "stopped")[:200]
        await asyncio.shield(launcher.stop(*_server(request), reason=reason))
        return web.json_response({})

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"running": len(launcher.running)})

    app = web.Application(client_max_size=_BODY_BYTES, middlewares=[_errors])
    app.router.add_put(_ADDRESS, start)
    app.router.add_get(_ADDRESS, look)
    app.router.add_delete(_ADDRESS, stop)
    app.router.add_get("/health", health)
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except SandboxError as error:
        return web.json_response(
            {"code": error.code, "message": str(error)}, status=error.status, reason=error.code
        )
    except ValueError:
        return web.json_response({"code": "bad_input", "message": "The body is not JSON."}, status=400)


def _server(request: web.Request) -> tuple[str, str]:
    return request.match_info["person"], request.match_info["server"]


def _environment(body: object) -> dict[str, str]:
    """The one thing that a caller may say."""
    if (
        not isinstance(body, dict)
        or set(body) != {"environment"}
        or not isinstance(body["environment"], dict)
    ):
        raise BadInput(
            "A start has an environment and nothing else.", where="body", fix="Leave the rest out."
        )
    told: dict[str, str] = {}
    for name, value in body["environment"].items():
        if not isinstance(value, str):
            raise BadInput(
                f"The value of {name[:60]!r} is no text.", where="environment", fix="Write it in quotes."
            )
        told[name] = value
    return told
