"""The door for people (pages) and programs (``/api/v1``). It translates; no rule lives here.

``create_app(sandbox)`` gives the FastAPI application, served as a JupyterHub service under ``/services/portal``.
"""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import RequestResponseEndpoint

import sandbox as package
from sandbox.domain.errors import CallerError, TooLarge
from sandbox.domain.people import Role
from sandbox.portal import api, pages, problems
from sandbox.portal.display import Speaking
from sandbox.portal.export import CatalogueExport
from sandbox.portal.identity import HubIdentity, Identity
from sandbox.portal.repeats import Repeats
from sandbox.portal.requests import caller_or_none, system_of
from sandbox.settings import PORTAL_PREFIX
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox

# What is no page of ours runs no script at all; images come from here; nothing may frame it.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

AROUND_BYTES = 2**20  # all that is written around the files of a body
MAX_BODY_BYTES = api.MAX_UPLOAD_BYTES + AROUND_BYTES
MAX_IMPORT_BODY_BYTES = api.MAX_IMPORT_BYTES + AROUND_BYTES
PUBLISHING = re.compile(
    rf"{PORTAL_PREFIX}((/piece)?/publish/[0-9a-f]{{16}}/files|/api/v1/drafts/[0-9a-f]{{16}}/files/[^/]+)"
)
IMPORTS = frozenset({f"{PORTAL_PREFIX}/imports", f"{PORTAL_PREFIX}/api/v1/imports"})


def create_app(sandbox: Sandbox, *, identity: Identity | None = None) -> FastAPI:
    """The portal.

    Args:
        identity: who a request comes from; asks the hub when not given.
    """
    app = FastAPI(
        title=f"{sandbox.site.name}: API",
        version=package.__version__,
        description="Ask private questions, submit outputs, follow them. Errors are "
        '`{"error": {"code", "message", "fix", …}}`.',
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PORTAL_PREFIX}/api/v1/openapi.json",
    )
    app.state.sandbox = sandbox
    app.state.identity = identity or HubIdentity(sandbox.settings)
    app.state.export = CatalogueExport(sandbox)
    app.state.repeats = Repeats()
    app.state.form_key = secret(sandbox.settings.keys_dir, "portal-forms").encode()
    problems.install(app)
    app.include_router(api.router, prefix=f"{PORTAL_PREFIX}/api/v1")
    app.include_router(pages.router, prefix=PORTAL_PREFIX)
    static = StaticFiles(directory=Path(__file__).parent / "static")
    app.mount(f"{PORTAL_PREFIX}/static", static, name="static")

    app.add_middleware(Speaking)

    @app.middleware("http")
    async def harden(request: Request, call_next: RequestResponseEndpoint) -> Response:
        try:
            await check_size(request)  # before a byte of the body is read
            response = await call_next(request)
        except CallerError as error:  # of the size, or of who may send so much
            response = await run_in_threadpool(problems.respond, request, error)
        except Exception as error:
            # Answered here and not by the server: it would log a traceback, and a message could hold a value.
            response = await run_in_threadpool(problems.unexpected, request, error)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        # Notebooks share this origin: a window opened by one of their scripts is cut off from it.
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if "/static/" not in request.url.path:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


async def check_size(request: Request) -> None:
    """Raise unless the body's length is known and small: uploads are spooled to disk before a route sees them.

    Packages are larger than outputs: what asks to come in may be so too, from somebody who is signed in.
    """
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        raise TooLarge("The body's length is not given.", fix="Send it with Content-Length, not in chunks.")
    given = request.headers.get("content-length", "0")
    length = int(given) if given.isdigit() and len(given) < 20 else 10**20
    if length <= MAX_BODY_BYTES:
        return
    most = MAX_BODY_BYTES
    if PUBLISHING.fullmatch(request.url.path):
        if await run_in_threadpool(_may_publish, request):
            most = (system_of(request).settings.publish_mib << 20) + AROUND_BYTES
    elif request.url.path in IMPORTS and await run_in_threadpool(caller_or_none, request) is not None:
        most = MAX_IMPORT_BODY_BYTES
    if length > most:
        raise TooLarge(f"A request may hold {most} bytes.", fix="Send fewer or smaller files.")


def _may_publish(request: Request) -> bool:
    """Whether somebody asks who may send a whole table."""
    caller = caller_or_none(request)
    return (
        caller is not None
        and caller.grant_id is None
        and bool(caller.person.roles & {Role.OWNER, Role.ADMINISTRATOR})
    )
