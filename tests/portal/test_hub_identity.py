"""The portal asks the hub who somebody is: also when the first requests after a start come at the same time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox.portal.identity import HubIdentity
from sandbox.settings import Settings

AT_ONCE = 8
USER = {"kind": "user", "name": "ana", "scopes": ["access:services!service=portal"]}


class Hub(BaseHTTPRequestHandler):
    """Knows every token as ana's."""

    def do_GET(self) -> None:
        body = json.dumps(USER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None: ...


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        hub_port = server.server_port - 2  # the hub's own port is two above the public one
        yield Settings(home=tmp_path, hub_port=hub_port)
        server.shutdown()
        thread.join()


def test_the_first_requests_may_come_at_once(settings: Settings) -> None:
    settings.keys_dir.mkdir(parents=True)
    for _ in range(10):
        identity, together = HubIdentity(settings), threading.Barrier(AT_ONCE)

        def ask(number: int, identity: HubIdentity = identity, together: threading.Barrier = together) -> str:
            together.wait(10)
            claim = identity.claim(f"{number:032x}")
            assert claim is not None
            return claim.name

        with ThreadPoolExecutor(AT_ONCE) as pool:
            assert list(pool.map(ask, range(AT_ONCE))) == ["ana"] * AT_ONCE
