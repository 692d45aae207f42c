"""What is asked of the hub in a person's name, and what its answers mean."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.errors import CallerError, Conflict, NotAllowed, OperatorError
from sandbox.domain.notebook_start import NotebookState
from sandbox.domain.policy import Mode
from sandbox.isolation.own_notebooks import HubOwnNotebooks

GRANT = Grant(
    id=7,
    person="ana",
    dataset="loans",
    project="P",
    purpose="",
    mode=Mode.QUERY,
    starts=date(2025, 1, 1),
    ends=date(2026, 1, 1),
    agreement_hash="",
)
SERVER = "/hub/api/users/ana/servers/grant-7"
NO_SCOPE = {"message": "Action is not authorized with current scopes; requires any of [start:servers]"}


@dataclass
class Hub:
    """Answers as it is told: by (method, path), a status and a body."""

    url: str = ""
    answers: dict[tuple[str, str], tuple[int, object]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    slow_s: float = 0

    def notebooks(self) -> HubOwnNotebooks:
        return HubOwnNotebooks(self.url, wait_s=0.2, timeout_s=2)


@pytest.fixture
def hub() -> Iterator[Hub]:
    told = Hub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            told.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            if self.command == "POST" and told.slow_s:
                time.sleep(told.slow_s)
            status, body = told.answers.get((self.command, self.path), (404, {"message": "nothing"}))
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # whoever asked waits no more
                return

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the library's names

        def log_message(self, *words: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_asks_with_the_persons_own_token_about_their_own_server(hub: Hub) -> None:
    hub.answers["POST", SERVER] = (202, "")
    hub.answers["DELETE", SERVER] = (202, "")
    notebooks = hub.notebooks()
    notebooks.start("ana's", GRANT)
    notebooks.stop("ana's", GRANT)
    notebooks.look("ana's", GRANT)
    assert hub.asked == [(verb, SERVER, "token ana's") for verb in ("POST", "DELETE", "GET")]


@pytest.mark.parametrize(
    ("model", "state"),
    [
        ({"pending": "spawn", "ready": False}, NotebookState.STARTING),
        ({"pending": "stop", "ready": True}, NotebookState.STOPPING),
        ({"pending": "check", "ready": False}, NotebookState.STARTING),
        ({"pending": None, "ready": True}, NotebookState.READY),
        ({"pending": None, "ready": False}, NotebookState.STOPPED),
    ],
)
def test_the_hubs_words_mean_a_state(hub: Hub, model: object, state: NotebookState) -> None:
    hub.answers["GET", SERVER] = (200, model)
    assert hub.notebooks().look("t", GRANT).state is state


def test_why_a_start_failed_is_read_from_its_progress(hub: Hub) -> None:
    hub.answers["GET", SERVER] = (200, {"pending": None, "ready": False})
    event = {"progress": 100, "failed": True, "message": "Spawn failed: The engine does not answer."}
    hub.answers["GET", f"{SERVER}/progress"] = (200, f"\n\ndata: no json\n\ndata: {json.dumps(event)}\n\n")
    assert hub.notebooks().look("t", GRANT).trouble == "The engine does not answer."


def test_a_start_that_takes_long_is_not_waited_for(hub: Hub) -> None:
    hub.answers["POST", SERVER] = (201, "")
    hub.slow_s = 1
    began = time.monotonic()
    hub.notebooks().start("t", GRANT)
    assert time.monotonic() - began < 0.9


def test_a_session_without_the_scope_is_told_to_sign_in_again(hub: Hub) -> None:
    hub.answers["POST", SERVER] = (403, NO_SCOPE)
    with pytest.raises(NotAllowed, match="cannot open notebooks") as refused:
        hub.notebooks().start("t", GRANT)
    assert refused.value.clause == "session"
    hub.answers["POST", SERVER] = (
        403,
        {"message": "Grant 7 ended."},
    )  # the launcher's no is not the session's
    with pytest.raises(CallerError, match=r"Grant 7 ended\."):
        hub.notebooks().start("t", GRANT)


def test_one_that_is_being_stopped_is_a_conflict(hub: Hub) -> None:
    hub.answers["POST", SERVER] = (400, {"message": "ana:grant-7 is pending stop"})
    with pytest.raises(Conflict):
        hub.notebooks().start("t", GRANT)
    hub.answers["DELETE", SERVER] = (400, {"message": "pending spawn"})
    with pytest.raises(Conflict):
        hub.notebooks().stop("t", GRANT)


@pytest.mark.parametrize("status", [500, 502])
def test_a_hub_that_is_broken_or_away_is_the_operators(hub: Hub, status: int) -> None:
    hub.answers["GET", SERVER] = (status, "<html>")
    with pytest.raises(OperatorError):
        hub.notebooks().look("t", GRANT)
    with pytest.raises(OperatorError):
        HubOwnNotebooks("http://127.0.0.1:9", timeout_s=0.5).look("t", GRANT)
