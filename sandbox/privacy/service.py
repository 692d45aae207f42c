"""The engine as a process of its own: the only one that opens raw data, behind a Unix socket, without a network.

    python -m sandbox.privacy.service --socket /run/engine/engine.sock --raw /data/raw --views /data/views \
        --keys /data/keys --extracts /data/extracts

POST /publish, /publish-tables, /shape, /profile, /base, /answer, /evidence, /extract, /keys/… and GET /health, JSON in
and out (``wire``). Who may connect is decided by the socket's folder: there are no people here, only the platform.
Nothing of a request is logged.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import os
import socket as sockets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import anyio.to_thread
import uvicorn
from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.domain.errors import BadInput, SandboxError, TooLarge, Unanswered
from sandbox.domain.evidence import evidence_document
from sandbox.domain.job import RowFiles
from sandbox.domain.limits import Limits
from sandbox.domain.policy_document import policy_from_document
from sandbox.privacy.base.wire import lines
from sandbox.privacy.engine import Engine, LocalEngine
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.planning.profile import profile_document
from sandbox.privacy.publishing.publish import PUBLISH_LIMITS
from sandbox.privacy.publishing.shape import shape_document
from sandbox.privacy.wire import (
    MAX_REQUEST_BYTES,
    error_document,
    extract_document,
    key_document,
    report_document,
)

log = logging.getLogger(__name__)
T = TypeVar("T")


def application(engine: Engine, *, questions: int = 2) -> Starlette:
    """The doors of an engine.

    Args:
        questions: how many run at a time; others wait.
    """
    asking, publishing, extracting = CapacityLimiter(questions), CapacityLimiter(1), CapacityLimiter(1)

    async def publish(request: Request) -> Response:
        body = await _body(request, {"policy": dict, "table": str, "file": str}, optional={"withheld": list})
        policy = policy_from_document(body.pop("policy"))
        _check_names(body.get("withheld", []), "withheld")
        report = await _run(publishing, lambda: engine.publish(policy=policy, **body))
        return JSONResponse(report_document(report))

    async def publish_tables(request: Request) -> Response:
        body = await _body(request, {"policy": dict, "files": dict}, optional={"withheld": list})
        policy = policy_from_document(body.pop("policy"))
        _check_names(list(body["files"].values()), "files")
        _check_names(body.get("withheld", []), "withheld")
        report = await _run(publishing, lambda: engine.publish_tables(policy=policy, **body))
        return JSONResponse(report_document(report))

    async def shape(request: Request) -> Response:
        body = await _body(request, {"dataset": str, "file": str})
        return JSONResponse(shape_document(await _run(publishing, lambda: engine.shape(**body))))

    async def profile(request: Request) -> Response:
        body = await _body(request, {"dataset": str, "snapshot": str})
        bought = await _run(publishing, lambda: engine.profile(**body))
        return JSONResponse(profile_document(bought))

    async def base(request: Request) -> Response:
        body = await _body(request, {"dataset": str, "snapshot": str}, optional={"profile": str})
        drawn = lines(lambda progress: engine.base(**body, progress=progress), publishing)
        return StreamingResponse(drawn, media_type="application/x-ndjson")

    async def answer(request: Request) -> Response:
        body = await _body(
            request,
            {"dataset": str, "snapshot": str, "sql": str, "nano": int},
            optional={
                "atto_delta": int,
                "profile": str,
                "max_rows_per_unit": int,
                "max_groups": int,
                "planned_at": int,
            },
        )
        limits = Limits(
            max_rows_per_unit=body.pop("max_rows_per_unit", None), max_groups=body.pop("max_groups", None)
        )
        work = functools.partial(engine.answer, **body, limits=limits)
        return Response(await _run(asking, work), media_type="application/json")

    async def evidence(request: Request) -> Response:
        body = await _body(request, {"dataset": str, "snapshot": str, "sql": str})
        return JSONResponse(evidence_document(await _run(asking, lambda: engine.evidence(**body))))

    async def extract(request: Request) -> Response:
        body = await _body(
            request,
            {
                "dataset": str,
                "snapshot": str,
                "tables": dict,
                "target": str,
                "max_bytes": int,
                "form": str,
            },
        )
        for columns in body["tables"].values():
            _check_names(columns if isinstance(columns, list) else [None], "tables")
        form = _form(body.pop("form"))
        made = await _run(extracting, lambda: engine.extract(**body, form=form))
        return JSONResponse(extract_document(made))

    async def data_key(request: Request) -> Response:
        body = await _body(request, {"dataset": str})
        return JSONResponse(key_document(await _run(asking, lambda: engine.data_key(**body))))

    async def rotate_key(request: Request) -> Response:
        body = await _body(request, {"dataset": str})
        return JSONResponse(key_document(await _run(publishing, lambda: engine.rotate_key(**body))))

    async def retire_keys(request: Request) -> Response:
        body = await _body(request, {"dataset": str})
        retired = await _run(publishing, lambda: engine.retire_keys(**body))
        return JSONResponse({"keys": list(retired)})

    async def renew_master(request: Request) -> Response:
        await _body(request, {})
        return JSONResponse({"count": await _run(publishing, engine.renew_master)})

    async def destroy(request: Request) -> Response:
        body = await _body(request, {"dataset": str})
        destroyed = await _run(publishing, lambda: engine.destroy(**body))
        return JSONResponse({"keys": list(destroyed)})

    async def health(request: Request) -> Response:
        now = engine.health()
        return JSONResponse({"ready": now.ready, "busy": now.busy})

    return Starlette(
        routes=[
            Route("/publish", publish, methods=["POST"]),
            Route("/publish-tables", publish_tables, methods=["POST"]),
            Route("/shape", shape, methods=["POST"]),
            Route("/profile", profile, methods=["POST"]),
            Route("/base", base, methods=["POST"]),
            Route("/answer", answer, methods=["POST"]),
            Route("/evidence", evidence, methods=["POST"]),
            Route("/extract", extract, methods=["POST"]),
            Route("/keys/current", data_key, methods=["POST"]),
            Route("/keys/rotate", rotate_key, methods=["POST"]),
            Route("/keys/retire", retire_keys, methods=["POST"]),
            Route("/keys/renew-master", renew_master, methods=["POST"]),
            Route("/keys/destroy", destroy, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ],
        exception_handlers={SandboxError: _said, Exception: _unsaid},
    )


async def _run(limiter: CapacityLimiter, work: Callable[[], T]) -> T:
    # Not abandoned when the caller goes away: a question that was begun ends, as it was charged.
    return await anyio.to_thread.run_sync(work, limiter=limiter)


async def _body(
    request: Request, fields: dict[str, type], *, optional: Mapping[str, type] = MappingProxyType({})
) -> dict[str, Any]:
    """The request's JSON object: just these fields, of just these types; the optional ones may be left out."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_REQUEST_BYTES:
            raise TooLarge(f"A request holds at most {MAX_REQUEST_BYTES} bytes.", fix="Shorten it.")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        fields = {**fields, **{name: kind for name, kind in optional.items() if name in body}}
    if not isinstance(body, dict) or {name: type(value) for name, value in body.items()} != fields:
        wanted = ", ".join(f"{name} ({kind.__name__})" for name, kind in fields.items())
        raise BadInput("The request has another shape.", where="body", fix=f"Send {wanted}.")
    return body


def _check_names(names: list[Any], where: str) -> None:
    if not all(isinstance(name, str) for name in names):
        raise BadInput("The request has another shape.", where=where, fix="Send the names of files.")


def _form(name: str) -> RowFiles:
    try:
        return RowFiles(name)
    except ValueError:
        raise BadInput(
            "Rows are handed out in no such form.", where="form", fix="Ask for parquet or csv."
        ) from None


async def _said(request: Request, error: Exception) -> Response:
    if not isinstance(error, SandboxError):
        return await _unsaid(request, error)
    return JSONResponse({"error": error_document(error)}, status_code=error.status)


async def _unsaid(request: Request, error: Exception) -> Response:
    """Whatever nobody thought of: by kind to the log, as the constant error to the caller."""
    log.error("%s failed: %s.%s", request.url.path, type(error).__module__, type(error).__qualname__)
    unanswered = Unanswered()
    return JSONResponse({"error": error_document(unanswered)}, status_code=unanswered.status)


def listen(path: Path) -> sockets.socket:
    """A Unix socket for its owner and group. One that a stopped process left behind is replaced.

    Raises:
        BadInput: something else stands there, or the path is too long for a socket.
    """
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise BadInput(f"{path} is not a socket.", where="--socket", fix="Name a free path.")
        path.unlink()
    listener = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    before = os.umask(
        0o117
    )  # the socket is made with its mode: there is no moment in which others may connect
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise BadInput(
            f"Cannot listen at {path}: {error.strerror or error}.", where="--socket", fix="Use a short path."
        ) from None
    finally:
        os.umask(before)
    return listener


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="sandbox.privacy.service", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="path of the Unix socket")
    parser.add_argument("--raw", type=Path, required=True, help="folder of raw files, read only")
    parser.add_argument("--views", type=Path, required=True, help="folder of private views")
    parser.add_argument("--keys", type=Path, help="folder of keys; without it files lie as they are")
    parser.add_argument("--extracts", type=Path, help="folder, in memory, of rows for jobs and rooms")
    parser.add_argument("--memory-mib", type=int, default=2048, help="for all questions together")
    parser.add_argument("--threads", type=int, default=2, help="of one question")
    parser.add_argument("--timeout-s", type=float, default=30.0, help="of one question")
    parser.add_argument("--questions", type=int, default=2, help="at a time")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    limits = EngineLimits(
        # The rest is left to Python, OpenDP, opened parts of files, and what DuckDB's own limit does not count.
        memory_mib=max(64, given.memory_mib * 7 // 10 // max(1, given.questions)),
        threads=given.threads,
        timeout_s=given.timeout_s,
    )
    engine = LocalEngine(
        given.views,
        given.raw,
        limits=limits,
        publishing=EngineLimits(
            memory_mib=max(64, given.memory_mib // 2),
            threads=given.threads,
            timeout_s=PUBLISH_LIMITS.timeout_s,
        ),
        keys=given.keys,
        extracts=given.extracts,
    )
    closed = engine.close_all()
    if closed:
        log.info("closed %d files that lay open", closed)
    config = uvicorn.Config(
        application(engine, questions=given.questions),
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        log_level="warning",
    )
    listener = listen(given.socket)
    log.info("listening")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
