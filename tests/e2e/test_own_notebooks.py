"""The portal's way to a person's own notebooks, through the real hub: its sign-in, its scopes, its words for a failure.

Launcher and gate are stand-ins that say yes: no container is started.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.domain.access import Grant
from sandbox.domain.errors import CallerError, NotAllowed
from sandbox.domain.notebook_start import NotebookState
from sandbox.domain.origins import site_host
from sandbox.domain.policy import Mode
from sandbox.isolation.own_notebooks import HubOwnNotebooks
from sandbox.portal.identity import HubIdentity
from sandbox.settings import PORTAL_PREFIX, Settings
from sandbox.store.secrets import secret
from tests.e2e.notebook_house import House, wait
from tests.e2e.rooms import five_free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


class Yes(BaseHTTPRequestHandler):
    """A launcher that starts whatever it is asked for, or a gate with something behind every door."""

    refuses = False

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refused = Yes.refuses and self.command == "PUT"
        body = (
            b'{"code": "operator", "message": "The engine does not answer."}'
            if refused
            else b'{"running": true, "reason": "", "idle_minutes": 9, "version": "6.1.1"}'
        )
        self.send_response(503 if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815 - the library's names

    def address_string(self) -> str:
        return "somebody"

    def log_message(self, *words: object) -> None:
        return


class OnSocket(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def grant(number: int, person: str) -> Grant:
    return Grant(
        id=number,
        person=person,
        dataset="loans",
        project="P",
        purpose="",
        mode=Mode.QUERY,
        starts=date(2020, 1, 1),
        ends=date(2099, 1, 1),
        agreement_hash="",
    )


ALICE = grant(1, "alice")


@dataclass
class Hub:
    settings: Settings

    def session(self, name: str) -> str:
        """The token that the portal keeps for a person who signed in there."""
        site = site_host(self.settings.url)
        identity = HubIdentity(self.settings)
        login, state = identity.login_url(f"{PORTAL_PREFIX}/")
        with httpx.Client(
            base_url=self.settings.proxy_url, headers={"Host": site}, trust_env=False, timeout=30
        ) as browser:
            browser.get("/hub/login")
            xsrf = browser.cookies.get("_xsrf", path="/hub/")
            form = {"username": name, "password": "right", "_xsrf": xsrf}
            assert browser.post("/hub/login", data=form).status_code == 302
            back = browser.get(login)
        code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
        token, _ = identity.finish_login(code, state)
        claim = identity.claim(token)
        assert claim is not None
        assert (claim.name, claim.grant_id) == (name, None)
        return token

    @property
    def notebooks(self) -> HubOwnNotebooks:
        return HubOwnNotebooks(self.settings.hub_url, timeout_s=20)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    home = Path(tempfile.mkdtemp(prefix="sbx-own-", dir="/tmp"))
    port = five_free_ports()
    settings = Settings(home=home, hub_port=port, public_url=f"http://localhost:{port}")
    settings.launcher_socket.parent.mkdir(parents=True, exist_ok=True)
    house = House(settings)
    folder = os.open(settings.launcher_socket.parent, os.O_PATH)
    launcher = OnSocket(f"/proc/self/fd/{folder}/{settings.launcher_socket.name}", Yes)
    os.close(folder)
    gate = ThreadingHTTPServer(("127.0.0.1", settings.gate_port), Yes)
    gate.daemon_threads = True
    try:
        with ExitStack() as stack:
            stack.enter_context(serving(launcher))
            stack.enter_context(serving(gate))
            for name in ("proxy", "hub"):
                house.start(name)
                stack.callback(house.end, name, signal.SIGTERM)
            here = {"Host": site_host(settings.url)}

            def up() -> bool:
                try:
                    url = f"{settings.proxy_url}/hub/health"
                    return httpx.get(url, headers=here, trust_env=False).status_code == 200
                except httpx.HTTPError:
                    return False

            wait(up, "the hub answers")
            yield Hub(settings)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _until(hub: Hub, token: str, state: NotebookState) -> None:
    wait(lambda: hub.notebooks.look(token, ALICE).state is state, f"the notebook is {state}")


def test_a_session_starts_follows_and_stops_its_persons_notebook(hub: Hub) -> None:
    token = hub.session("alice")
    assert hub.notebooks.look(token, ALICE).state is NotebookState.STOPPED
    hub.notebooks.start(token, ALICE)
    _until(hub, token, NotebookState.READY)
    hub.notebooks.stop(token, ALICE)
    _until(hub, token, NotebookState.STOPPED)


def test_a_session_reaches_nobody_elses_notebook(hub: Hub) -> None:
    bens = hub.session("ben")
    hub.session("alice")  # she is known to the hub
    with pytest.raises((NotAllowed, CallerError)):
        hub.notebooks.start(bens, ALICE)
    assert hub.notebooks.look(bens, ALICE).state is NotebookState.STOPPED  # the hub says that there is none
    assert hub.notebooks.look(hub.session("alice"), ALICE).state is NotebookState.STOPPED


def test_the_portals_own_token_starts_nothing(hub: Hub) -> None:
    hub.session("alice")
    own = secret(hub.settings.keys_dir, "portal-token")
    with pytest.raises(NotAllowed):
        hub.notebooks.start(own, ALICE)
    with pytest.raises(NotAllowed):
        hub.notebooks.look(own, ALICE)


def test_a_session_does_not_reach_into_a_notebook_or_make_tokens(hub: Hub) -> None:
    token = hub.session("alice")
    headers = {"Authorization": f"token {token}"}
    api = f"{hub.settings.hub_url}/hub/api"
    model = httpx.get(f"{api}/user", headers=headers, trust_env=False).json()
    assert sorted(re.sub("!.*", "", scope) for scope in model["scopes"]) == sorted(
        {
            "access:services",
            "delete:servers",
            "read:servers",
            "read:users:groups",
            "read:users:name",
            "start:servers",
        }
    )
    made = httpx.post(f"{api}/users/alice/tokens", headers=headers, json={}, trust_env=False)
    assert made.status_code == 403


def test_a_start_that_the_launcher_cannot_do_is_told_in_its_words(hub: Hub) -> None:
    token = hub.session("alice")
    Yes.refuses = True
    try:
        with suppress(CallerError):  # at once, or later: as fast as the hub is
            hub.notebooks.start(token, ALICE)
        wait(lambda: bool(hub.notebooks.look(token, ALICE).trouble), "the hub knows why")
        assert "The engine does not answer." in hub.notebooks.look(token, ALICE).trouble
    finally:
        Yes.refuses = False
