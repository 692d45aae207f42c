"""Webhooks against a real receiver: signed, known again, and to the operator's own address only."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.domain.errors import BadInput
from sandbox.domain.letters import Undelivered
from sandbox.post import Webhook
from sandbox.settings import Settings

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECRET = b"a secret of two"
BODY = {"id": "notice-webhook-7", "to": "0" * 32, "notices": []}


@dataclass
class Receiver:
    """Answers each POST with ``status`` and keeps it."""

    status: int = 204
    location: str = ""
    silent: bool = False
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    @property
    def address(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from served()


@pytest.fixture
def other() -> Iterator[Receiver]:
    yield from served()


def served() -> Iterator[Receiver]:
    found, over = Receiver(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append((self.path, dict(self.headers), body))
            if found.silent:
                over.wait(3)
                return
            self.send_response(found.status)
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            return

    found.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    over.set()
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def hook(receiver: Receiver, timeout_s: float = 5) -> Webhook:
    return Webhook(address=receiver.address, secret=SECRET, now=lambda: NOW, timeout_s=timeout_s)


def test_the_receiver_can_tell_who_sent_it_and_when(receiver: Receiver) -> None:
    hook(receiver)(BODY)
    path, headers, body = receiver.got[0]
    assert path == "/hook"
    assert json.loads(body) == BODY
    assert headers["Idempotency-Key"] == "notice-webhook-7"
    at, mac = (part.partition("=")[2] for part in headers["X-Sandbox-Signature"].split(","))
    assert int(at) == int(NOW.timestamp())
    assert mac == hmac.new(SECRET, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert mac != hmac.new(SECRET, f"{at}.".encode() + body + b" ", hashlib.sha256).hexdigest()


@pytest.mark.parametrize(("status", "down"), [(500, False), (404, False), (503, True), (429, True)])
def test_another_answer_is_tried_again(receiver: Receiver, status: int, down: bool) -> None:
    receiver.status = status
    with pytest.raises(Undelivered, match=str(status)) as failed:
        hook(receiver)(BODY)
    assert (failed.value.down, failed.value.lasting) == (down, False)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_where_a_receiver_points_to_is_not_gone(receiver: Receiver, other: Receiver, status: int) -> None:
    receiver.status, receiver.location = status, other.address
    with pytest.raises(Undelivered, match=str(status)):
        hook(receiver)(BODY)
    assert other.got == []
    hook(other)(BODY)  # the control: it can be reached
    assert len(other.got) == 1


def test_a_receiver_that_falls_silent_is_left(receiver: Receiver) -> None:
    receiver.silent = True
    with pytest.raises(Undelivered, match="cannot be reached") as failed:
        hook(receiver, timeout_s=0.2)(BODY)
    assert failed.value.down


def test_a_receiver_without_a_known_certificate_gets_nothing(receiver: Receiver) -> None:
    address = receiver.address.replace("http:", "https:")
    with pytest.raises(Undelivered, match="cannot be reached"):
        Webhook(address=address, secret=SECRET, now=lambda: NOW, timeout_s=2)(BODY)
    assert receiver.got == []


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.org/x",
        "ftp://hooks.example.org",
        "https://",
        "https://user:word@hooks.example.org/",
        "x",
    ],
)
def test_what_would_go_in_the_clear_or_nowhere_is_no_address(address: str) -> None:
    with pytest.raises(BadInput):
        Settings.from_environment({"SANDBOX_WEBHOOK": address})


@pytest.mark.parametrize("address", ["https://hooks.example.org/x?y=1", "http://127.0.0.1:9000/x"])
def test_these_are(address: str) -> None:
    settings = Settings.from_environment({"SANDBOX_WEBHOOK": address})
    assert settings.webhook == address
    assert Settings.from_environment(settings.as_environment()) == settings


@pytest.mark.parametrize(
    "address",
    [
        "smtp://user:word@mail.example.org",
        "smtp+plain://user@mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://mail.example.org:port",
        "smtp://mail.example.org/path",
        'smtp://a"b@mail.example.org',
        "smtp://a b@mail.example.org",
    ],
)
def test_an_e_mail_servers_address_holds_no_password_and_sends_none_in_the_clear(address: str) -> None:
    with pytest.raises(BadInput):
        Settings.from_environment({"SANDBOX_SMTP": address})


@pytest.mark.parametrize(
    "address", ["smtp://user@mail.example.org:587", "smtps://m.example", "smtp+plain://mail:25"]
)
def test_these_are_servers(address: str) -> None:
    settings = Settings.from_environment({"SANDBOX_SMTP": address})
    assert Settings.from_environment(settings.as_environment()).smtp == address
