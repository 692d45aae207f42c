"""Hub, proxy, gate and containers as they are, with grants that the tests write (see ``fake_house``)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sandbox.domain.origins import notebook_host, site_host
from sandbox.isolation.containers import Containers
from sandbox.isolation.launcher_client import LauncherClient
from sandbox.settings import CHECKOUT, PORTAL_PREFIX, Settings
from sandbox.store.secrets import secret
from tests.e2e.rooms import five_free_ports

GATE = """
import json
from sandbox.isolation.gate import run_gate
from sandbox.isolation.gate_assets import read_assets
from sandbox.isolation.gate_door import House
from sandbox.settings import Settings
s = Settings.from_environment()
def record(r):
    with (s.home / "gate-log").open("a") as log:
        print(json.dumps([r.action, r.object, dict(r.facts)]), file=log)
if (s.home / "shared-origin").exists():
    import sandbox.isolation.gate as gate
    from sandbox.domain.origins import site_host
    gate.notebook_host = lambda person, url: site_host(url)
house = House(hub_url=s.hub_url, portal_url=f"http://127.0.0.1:{s.portal_port}", site_url=s.url, record=record,
              assets=read_assets(s.assets_file))
run_gate(s.gate_dir, house, tcp=(s.listen_host, s.gate_port))
"""
PORTAL = """
from aiohttp import web
from sandbox.settings import Settings
async def echo(request):
    return web.json_response({"path": request.raw_path})
app = web.Application()
app.router.add_route("*", "/{path:.*}", echo)
web.run_app(app, host="127.0.0.1", port=Settings.from_environment().portal_port, print=None)
"""


@dataclass
class House:
    """Hub, proxy, gate and something in the portal's place.

    Attributes:
        shared_origin: as a control, everything is served from one host.
    """

    settings: Settings
    shared_origin: bool = False
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        here = Path(sys.executable).parent
        s = self.settings
        commands = {
            "gate": [sys.executable, "-c", GATE],
            "portal": [sys.executable, "-c", PORTAL],
            "launcher": [sys.executable, "-m", "tests.e2e.fake_launcher"],
            "hub": [
                sys.executable,
                "-m",
                "jupyterhub",
                "-f",
                str(CHECKOUT / "tests" / "e2e" / "fake_house.py"),
            ],
            "proxy": [
                str(here / "configurable-http-proxy"),
                *("--ip", "127.0.0.1", "--port", str(s.hub_port)),
                *("--api-ip", "127.0.0.1", "--api-port", str(s.proxy_api_port)),
                *("--default-target", s.hub_url, "--error-target", f"{s.hub_url}/hub/error"),
                *([] if self.shared_origin else ["--host-routing"]),
            ],
        }
        environment = os.environ | s.as_environment()
        environment["PYTHONPATH"] = str(CHECKOUT)
        environment["PATH"] = f"{here}:{environment['PATH']}"
        environment["CONFIGPROXY_AUTH_TOKEN"] = secret(s.keys_dir, "proxy-token")
        with (s.home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                commands[name], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=s.home
            )

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.running.pop(name)
        process.send_signal(how)
        process.wait(30)

    def ready(self) -> None:
        here = {"Host": site_host(self.settings.url)}

        def up() -> bool:
            try:
                answers = [
                    httpx.get(f"http://127.0.0.1:{self.settings.gate_port}/", trust_env=False),
                    httpx.get(f"{self.settings.proxy_url}/hub/health", headers=here, trust_env=False),
                    httpx.get(f"{self.settings.proxy_url}{PORTAL_PREFIX}/", headers=here, trust_env=False),
                ]
            except httpx.HTTPError:
                return False
            launcher = LauncherClient(self.settings.launcher_socket).health()
            return launcher and [a.status_code for a in answers] == [404, 200, 200]

        wait(up, "the processes answer")

    def person(self, name: str) -> httpx.Client:
        """Signed in, with a token of the person's own.

        Programs do not know names below localhost, as browsers do: the proxy is told the host.
        """
        site = site_host(self.settings.url)

        def at_host(request: httpx.Request) -> None:
            whose = re.match("/user/([a-z]+)/", request.url.path)
            request.headers["Host"] = notebook_host(whose[1], self.settings.url) if whose else site

        proxy = self.settings.proxy_url
        with httpx.Client(base_url=proxy, timeout=30, trust_env=False, headers={"Host": site}) as browser:
            browser.get("/hub/login")
            form = {
                "username": name,
                "password": "right",
                "_xsrf": browser.cookies.get("_xsrf", path="/hub/"),
            }
            assert browser.post("/hub/login", data=form).status_code == 302
            made = browser.post(
                f"/hub/api/users/{name}/tokens",
                json={},
                headers={"X-XSRFToken": browser.cookies.get("_xsrf", path="/hub/") or ""},
            )
        headers = {"Authorization": f"token {made.json()['token']}"}
        hooks: dict[str, list[Callable[..., Any]]] = {"request": [at_host]}
        return httpx.Client(base_url=proxy, headers=headers, timeout=60, trust_env=False, event_hooks=hooks)

    def grants(self, *lines: str) -> None:
        (self.settings.home / "grants").write_text("\n".join(lines))

    def log(self) -> list[str]:
        file = self.settings.home / "log"
        return file.read_text().splitlines() if file.exists() else []

    def leftovers(self) -> list[str]:
        """Containers and folders of notebooks."""
        containers = Containers.of_this_host()
        found = [
            n
            for kind in ("notebook", "carrier")
            for n in containers.names(kind)
            if n.startswith(f"test-{self.settings.hub_port}-")
        ]
        containers.client.close()
        return found + [str(p) for p in self.settings.gate_dir.glob("*/*")]


def wait(done: Callable[[], bool], what: str) -> None:
    """Until it is so; no test says how long that may be, but the clock of all tests."""
    for _ in range(1800):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError(f"it did not happen that {what}")


@contextmanager
def notebook_house(*, host: str = "localhost", shared_origin: bool = False) -> Iterator[House]:
    """For as long as the block; alice and ben may each open one notebook."""
    home = Path(tempfile.mkdtemp(prefix="sbx-notebook-", dir="/tmp"))
    port = five_free_ports()
    made = House(Settings(home=home, hub_port=port, public_url=f"http://{host}:{port}"), shared_origin)
    made.grants("alice 1", "ben 2")
    if shared_origin:
        (home / "shared-origin").touch()
    try:
        for name in ("gate", "launcher", "portal", "proxy", "hub"):
            made.start(name)
        made.ready()
        yield made
    finally:
        for name in ("hub", "proxy", "portal", "launcher", "gate"):
            if name in made.running:
                made.end(name)
        left = made.leftovers()
        containers = Containers.of_this_host()
        for container in (c for c in left if c.startswith("test-")):
            containers.remove(container)
        containers.client.close()
        shutil.rmtree(home, ignore_errors=True)
        assert not [c for c in left if c.startswith("test-")], "the hub left containers behind when it ended"
