"""The launcher as a process: a few verbs on unix sockets that only its own user can open.

For hub and portal:

PUT    /notebooks/<person>/<server>   {"environment": {…}}   start
GET    /notebooks/<person>/<server>                          look
GET    /notebooks/<person>/<server>/stage                    how far its start is
DELETE /notebooks/<person>/<server>?reason=…                 end

For the worker, on a socket of its own, since the answer to a job is what it wrote beside the raw rows:

POST   /jobs/<number>                                        run; ends when the caller goes
DELETE /jobs                                                 remove what was left behind
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from sandbox.domain.errors import BadInput, SandboxError
from sandbox.isolation.gate_paths import listening
from sandbox.isolation.job_launcher import BEAT_S, JobLauncher, document_of
from sandbox.isolation.launcher import LOOK_EVERY_S, Launcher

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_BODY_BYTES = 256 * 1024
_ADDRESS = "/notebooks/{person}/{server}"


def run_launcher(launcher: Launcher, jobs: JobLauncher, socket: Path, *, jobs_socket: Path) -> None:
    """Run until this process is told to end. Notebooks go on without it."""

    async def main() -> None:
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        await launcher.adopt()
        # Jobs end when the worker that waits for them goes; a notebook's start and end go on.
        runners = []
        for app, path in ((doors(launcher), socket), (job_doors(jobs), jobs_socket)):
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=2, handler_cancellation=True)
            runners.append(runner)
            await runner.setup()
            await web.SockSite(runner, listening(path.parent, path.name, mode=0o600)).start()
        watches = asyncio.gather(launcher.watch(), _watch_jobs(jobs))
        await told.wait()
        watches.cancel()
        with suppress(asyncio.CancelledError):
            await watches
        for runner in runners:
            await runner.cleanup()

    for path in (socket, jobs_socket):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        asyncio.run(main())
    finally:
        for path in (socket, jobs_socket):
            path.unlink(missing_ok=True)


async def _watch_jobs(jobs: JobLauncher) -> None:
    """Remove the containers of jobs that nobody runs, again and again."""
    while True:
        try:
            for name in await asyncio.to_thread(jobs.sweep):
                log.warning("%s was left over and is removed", name)
        except Exception as error:
            log.error("a look at the jobs failed: %s", type(error).__name__)
        await asyncio.sleep(LOOK_EVERY_S)


def doors(launcher: Launcher) -> web.Application:
    """Everything that hub and portal can ask of a launcher."""

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

    async def stage(request: web.Request) -> web.Response:
        return web.json_response({"stage": launcher.stage(*_server(request))})

    async def stop(request: web.Request) -> web.Response:
        reason = request.query.get("reason", "stopped")[:200]
        await asyncio.shield(launcher.stop(*_server(request), reason=reason))
        return web.json_response({})

    async def health(request: web.Request) -> web.Response:
        return web.json_response({"running": len(launcher.running)})

    app = web.Application(client_max_size=_BODY_BYTES, middlewares=[_errors])
    app.router.add_put(_ADDRESS, start)
    app.router.add_get(_ADDRESS, look)
    app.router.add_get(f"{_ADDRESS}/stage", stage)
    app.router.add_delete(_ADDRESS, stop)
    app.router.add_get("/health", health)
    return app


def job_doors(jobs: JobLauncher) -> web.Application:
    """Everything that the worker can ask."""

    async def run_job(request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        gone = threading.Event()
        running = asyncio.create_task(asyncio.to_thread(jobs.run, number, cancelled=gone.is_set))
        running.add_done_callback(
            lambda it: it.cancelled() or it.exception()
        )  # heard: a cancelled job is no news
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            # Refused at once, or under way.
            await asyncio.wait({running}, timeout=BEAT_S)
            if running.done() and running.exception() is not None:
                running.result()
            await response.prepare(request)
            while not running.done():
                await response.write(b"\n")
                await asyncio.wait({running}, timeout=BEAT_S)
            await response.write(json.dumps(document_of(running.result())).encode() + b"\n")
            return response
        finally:
            gone.set()
            await asyncio.shield(asyncio.wait({running}))

    async def clear_jobs(request: web.Request) -> web.Response:
        return web.json_response({"removed": list(await asyncio.to_thread(jobs.clear))})

    app = web.Application(client_max_size=_BODY_BYTES, middlewares=[_errors])
    app.router.add_post("/jobs/{number:[1-9][0-9]{0,8}}", run_job)
    app.router.add_delete("/jobs", clear_jobs)
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
