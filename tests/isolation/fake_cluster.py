"""An API server for pods of one namespace: what KubeSpawner asks of it, over real HTTP, and what a node would do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from aiohttp import web

ADDRESS = "10.1.2.3"


class FakeCluster:
    """Pods run as soon as they are made, unless they are held.

    Attributes:
        asked: every request that changes something, (method, path, body).
    """

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.held = False
        self.url = ""
        self._events: list[dict[str, Any]] = []  # the newest version is how many there are
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        app = web.Application()
        app.router.add_get("/api/v1/namespaces/{namespace}/pods", self._list)
        app.router.add_post("/api/v1/namespaces/{namespace}/pods", self._create)
        app.router.add_delete("/api/v1/namespaces/{namespace}/pods/{name}", self._delete)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def end(self, name: str, code: int) -> None:
        """Its container ends by itself."""
        self.pods[name]["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": code}}
        await self._tell("MODIFIED", self.pods[name])

    async def _tell(self, kind: str, pod: dict[str, Any]) -> None:
        async with self._news:
            pod["metadata"]["resourceVersion"] = str(len(self._events) + 1)
            self._events.append({"type": kind, "object": json.loads(json.dumps(pod))})
            self._news.notify_all()

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            version = str(len(self._events))
            return web.json_response(
                {"items": list(self.pods.values()), "metadata": {"resourceVersion": version}}
            )
        seen = int(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError):  # whoever watched goes
            while True:
                async with self._news:
                    await self._news.wait_for(lambda seen=seen: len(self._events) > seen)
                for event in self._events[seen:]:
                    await response.write(json.dumps(event).encode() + b"\n")
                seen = len(self._events)
        return response

    async def _create(self, request: web.Request) -> web.Response:
        pod = await request.json()
        self.asked.append(("POST", request.path, json.loads(json.dumps(pod))))
        pod["metadata"]["uid"] = "uid-1"
        pod["status"] = {"phase": "Pending"}
        if not self.held:
            pod["status"] = {
                "phase": "Running",
                "podIP": ADDRESS,
                "containerStatuses": [
                    {
                        "name": "notebook",
                        "image": "i",
                        "imageID": "registry/i@sha256:ab",
                        "ready": True,
                        "restartCount": 0,
                        "state": {"running": {}},
                    }
                ],
            }
        self.pods[pod["metadata"]["name"]] = pod
        await self._tell("ADDED", pod)
        return web.json_response(pod, status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        self.asked.append(("DELETE", request.path, None))
        pod = self.pods.pop(request.match_info["name"], None)
        if pod is None:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        await self._tell("DELETED", pod)
        return web.json_response(pod)
