"""On a cluster there is no launcher: what takes a right back asks the hub, and only the hub."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sandbox.settings import Settings
from sandbox.wiring import build
from tests.deploy.cluster_world import GRANT

ASKED = ("DELETE", "/hub/api/users/alice/servers/grant-7")


@pytest.fixture
def hub() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """The port that makes this hub the system's, and what it was asked."""
    asked: list[tuple[str, str]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            asked.append((self.command, self.path))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port - 2, asked  # the hub's is the second after the proxy's
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("cluster", [True, False])
def test_a_right_that_is_taken_back_ends_its_pod_through_the_hub(
    tmp_path: Path,
    hub: tuple[int, list[tuple[str, str]]],
    caplog: pytest.LogCaptureFixture,
    cluster: bool,
) -> None:
    port, asked = hub
    file = tmp_path / "cluster.json" if cluster else None
    sandbox = build(Settings(home=tmp_path / "home", hub_port=port, cluster=file))
    try:
        assert sandbox.end_access.stop([GRANT]) == (7,)
    finally:
        sandbox.store.close()
    assert asked == [ASKED]
    # The control: on one machine the launcher is asked first, and here there is none.
    assert ("launcher did not stop" in caplog.text) is not cluster
