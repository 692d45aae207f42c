"""Ending notebooks through the hub's interface: the request that is sent, and what counts as ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.policy import Mode
from sandbox.isolation.notebooks import HubNotebooks, StopNotebooks


def grant(number: int) -> Grant:
    return Grant(
        id=number,
        person="ana",
        dataset="loans",
        project="p",
        purpose="w",
        mode=Mode.QUERY,
        starts=date(2026, 1, 1),
        ends=date(2026, 2, 1),
        agreement_hash="0" * 64,
    )


@dataclass
class Hub:
    """Answers a deletion with a status of its own, and remembers what was asked."""

    status: int = 204
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    together: threading.Barrier | None = None


@contextmanager
def listening(hub: Hub) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            hub.asked.append((self.command, self.path, self.headers["Authorization"]))
            if hub.together is not None:
                hub.together.wait(10)
            self.send_response(hub.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_grants_own_server_is_ended_with_the_portals_own_token() -> None:
    hub = Hub()
    with listening(hub) as url:
        assert HubNotebooks(url, lambda: "secret").stop(grant(7))
    assert hub.asked == [("DELETE", "/hub/api/users/ana/servers/grant-7", "token secret")]


@pytest.mark.parametrize(
    ("status", "over"), [(204, True), (202, True), (404, True), (403, False), (401, False), (500, False)]
)
def test_a_refusal_of_the_hub_is_no_end(status: int, over: bool) -> None:
    with listening(Hub(status)) as url:
        assert HubNotebooks(url, lambda: "secret").stop(grant(1)) is over


def test_a_hub_that_is_not_there_raises_nothing() -> None:
    assert HubNotebooks("http://127.0.0.1:9", lambda: "secret", timeout_s=1).stop(grant(1)) is False


def test_many_are_ended_side_by_side() -> None:
    """The hub answers none of the eight before all eight have asked."""
    hub = Hub(together=threading.Barrier(8))
    with listening(hub) as url:
        stop = StopNotebooks(HubNotebooks(url, lambda: "secret"), wait_s=10)
        assert stop([grant(n) for n in range(1, 9)]) == tuple(range(1, 9))


def test_nobody_is_asked_for_when_nothing_is_open() -> None:
    assert StopNotebooks(HubNotebooks("http://127.0.0.1:9", lambda: "secret"))([]) == ()
