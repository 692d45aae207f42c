"""The door for people (pages) and programs (``/api/v1``). It translates; no rule lives here.

``create_app(sandbox)`` gives the FastAPI application, served as a JupyterHub service under ``/services/portal``.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import RequestResponseEndpoint

import sandbox as package
from sandbox.domain.errors import TooLarge
from sandbox.portal import api, pages, problems
from sandbox.portal.export import CatalogueExport
from sandbox.portal.identity import HubIdentity, Identity
from sandbox.settings import PORTAL_PREFIX
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox

# Pages carry no script at all; images come from here; nothing may frame them.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

MAX_BODY_BYTES = api.MAX_UPLOAD_BYTES + 2**20  # the files, and all that is written around them


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
    app.state.form_key = secret(sandbox.settings.keys_dir, "portal-forms").encode()
    problems.install(app)
    app.include_router(api.router, prefix=f"{PORTAL_PREFIX}/api/v1")
    app.include_router(pages.router, prefix=PORTAL_PREFIX)
    static = StaticFiles(directory=Path(__file__).parent / "static")
    app.mount(f"{PORTAL_PREFIX}/static", static, name="static")

    @app.middleware("http")
    async def harden(request: Request, call_next: RequestResponseEndpoint) -> Response:
        try:
            check_size(request)  # before a byte of the body is read
            response = await call_next(request)
        except TooLarge as error:
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


def check_size(request: Request) -> None:
    """Raise unless the body's length is known and small: uploads are spooled to disk before a route sees them."""
    if "chunked" in request.headers.get("transfer-encoding", "").lower():
        raise TooLarge("The body's length is not given.", fix="Send it with Content-Length, not in chunks.")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise TooLarge(f"A request may hold {MAX_BODY_BYTES} bytes.", fix="Send fewer or smaller files.")
