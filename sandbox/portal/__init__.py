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
from sandbox.portal import api, pages, problems
from sandbox.portal.identity import HubIdentity, Identity
from sandbox.settings import PORTAL_PREFIX
from sandbox.store.secrets import secret
from sandbox.wiring import Sandbox

# Pages carry no script at all; images come from here; nothing may frame them.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


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
    app.state.form_key = secret(sandbox.settings.keys_dir, "portal-forms").encode()
    problems.install(app)
    app.include_router(api.router, prefix=f"{PORTAL_PREFIX}/api/v1")
    app.include_router(pages.router, prefix=PORTAL_PREFIX)
    static = StaticFiles(directory=Path(__file__).parent / "static")
    app.mount(f"{PORTAL_PREFIX}/static", static, name="static")

    @app.middleware("http")
    async def harden(request: Request, call_next: RequestResponseEndpoint) -> Response:
        try:
            response = await call_next(request)
        except Exception as error:  # answered here, so that this response is hardened too and no server logs a value
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
