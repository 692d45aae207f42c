"""A notebook from its start to its end, on the real hub, proxy, gate and containers; and the ends nobody asked for."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import docker
import httpx
import pytest

from sandbox.isolation.containers import Containers
from sandbox.isolation.launcher_client import LauncherClient
from sandbox.settings import CHECKOUT, Settings
from sandbox.store.secrets import secret
from tests.e2e.rooms import five_free_ports, images

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PAGE = "/user/alice/grant-1"

GATE = """
import json
from sandbox.isolation.gate import run_gate
from sandbox.settings import Settings
s = Settings.from_environment()
def record(r):
    with (s.home / "gate-log").open("a") as log:
        print(json.dumps([r.action, r.object, dict(r.facts)]), file=log)
run_gate(run_dir=s.gate_dir, hub_url=s.hub_url, portal_url=f"http://127.0.0.1:{s.portal_port}",
         port=s.gate_port, record=record)
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
    """Hub, proxy, gate and something in the portal's place."""

    settings: Settings
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
        def up() -> bool:
            try:
                answers = [
                    httpx.get(f"http://127.0.0.1:{self.settings.gate_port}/", trust_env=False),
                    httpx.get(f"{self.settings.url}/hub/health", trust_env=False),
                    httpx.get(f"{self.settings.portal_url}/", trust_env=False),
                ]
            except httpx.HTTPError:
                return False
            launcher = LauncherClient(self.settings.launcher_socket).health()
            return launcher and [a.status_code for a in answers] == [404, 200, 200]

        wait(up, "the processes answer")

    def person(self, name: str) -> httpx.Client:
        """Signed in, with a token of the person's own."""
        with httpx.Client(base_url=self.settings.url, timeout=30, trust_env=False) as browser:
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
        return httpx.Client(base_url=self.settings.url, headers=headers, timeout=60, trust_env=False)

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
    for _ in range(600):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError(f"it did not happen that {what}")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    home = Path(tempfile.mkdtemp(prefix="sbx-notebook-", dir="/tmp"))
    made = House(Settings(home=home, hub_port=five_free_ports()))
    made.grants("alice 1", "ben 2")
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


@pytest.fixture
def alice(house: House) -> Iterator[httpx.Client]:
    """Signed in, with a running notebook; tests that do not end it share one."""
    house.grants("alice 1", "ben 2")
    with house.person("alice") as person:
        if not is_ready(person):
            begin(person)
        yield person


def begin(person: httpx.Client) -> None:
    wait(lambda: not server(person).get("pending"), "the hub has finished with the one before")
    started = person.post("/hub/api/users/alice/servers/grant-1", json={"image": "somebody's own"})
    assert started.status_code in (201, 202), started.text
    wait(lambda: is_ready(person), "the notebook is ready")


def is_ready(person: httpx.Client) -> bool:
    return bool(server(person).get("ready"))


def server(person: httpx.Client) -> dict[str, Any]:
    """What the hub knows of the notebook; nothing when it does not run."""
    found: dict[str, Any] = person.get("/hub/api/users/alice").json()["servers"].get("grant-1", {})
    return found


def test_a_lab_page_is_shown_and_a_file_is_not_handed_over(house: House, alice: httpx.Client) -> None:
    assert "jupyter-config-data" in alice.get(f"{PAGE}/lab").text
    run_in_kernel(alice, "open('table.csv', 'w').write('a,b')")
    assert alice.get(f"{PAGE}/api/contents/table.csv?type=file&format=text").json()["content"] == "a,b"
    for path in (
        "/files/table.csv",
        "/api/contents/table.csv",
        "/api/contents/table.csv?format=base64",
        "/view/table.csv",
    ):
        assert alice.get(PAGE + path).status_code == 403, path
    refused = [json.loads(line) for line in (house.settings.home / "gate-log").read_text().splitlines()]
    assert ["gate.refused", "notebook:alice/grant-1"] in [line[:2] for line in refused]


def test_a_kernel_works_behind_the_gate_and_sees_nothing_but_loopback(alice: httpx.Client) -> None:
    assert run_in_kernel(alice, "1 + 1") == "2"
    assert run_in_kernel(alice, "[l.split(':')[0].strip() for l in open('/proc/net/dev')][2:]") == "['lo']"


CALL = """
import os, urllib.request, urllib.error
def call(path, token=os.environ["JUPYTERHUB_API_TOKEN"]):
    request = urllib.request.Request("http://127.0.0.1:8081" + path, headers={"Authorization": "token " + token})
    try:
        return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as refused:
        return refused.code
"""


def test_from_inside_the_portal_is_reached_and_nothing_else(alice: httpx.Client) -> None:
    paths = ["/services/portal/api/v1/datasets", "/hub/api/user", "/services/portal/", "/hub/api/users/alice"]
    paths += ["/user/ben/grant-2/api/contents", "/hub/api/users"]
    assert run_in_kernel(alice, f"{CALL}\n[call(p) for p in {paths}]") == "[200, 200, 403, 403, 403, 403]"
    assert run_in_kernel(alice, f"{CALL}\ncall('/services/portal/api/v1/x', token='another')") == "401"


def test_the_engine_has_the_settings_of_the_profile(house: House, alice: httpx.Client) -> None:
    """All of them: what was asked for is what is."""
    from docker.types import HostConfig

    from sandbox.domain.site_policy import NotebookLimits
    from sandbox.isolation.lockdown import own_seccomp
    from sandbox.isolation.profile import profile
    from tests.e2e.rooms import grant

    client = docker.APIClient()
    found = client.inspect_container(f"test-{house.settings.hub_port}-notebook-alice-grant-1")
    client.close()
    asked = profile(grant(), limits=NotebookLimits(), images=images(), seccomp=own_seccomp())
    for key, value in HostConfig(version="1.41", **asked.host_config()).items():
        assert _plain(found["HostConfig"][key]) == _plain(value), key
    for key, value in asked.paths().items():
        assert sorted(found["HostConfig"][key]) == sorted(value), key
    assert found["HostConfig"]["Privileged"] is False
    assert not found["HostConfig"]["CapAdd"]
    assert found["Mounts"] == []
    assert found["Config"]["User"] == "1000:1000"
    assert found["Config"]["Image"] == images().notebook  # and not the one that was asked for
    assert list(found["NetworkSettings"]["Networks"]) == ["none"]


def _plain(value: Any) -> Any:
    return (
        [_plain(v) for v in value]
        if isinstance(value, list)
        else dict(value)
        if isinstance(value, dict)
        else value
    )


def test_another_person_cannot_come_in(house: House, alice: httpx.Client) -> None:
    with house.person("ben") as ben:
        assert ben.get(f"{PAGE}/lab").status_code == 403
        assert ben.get(f"{PAGE}/api/contents").status_code == 403
        assert ben.post("/hub/api/users/alice/servers/grant-1").status_code in (403, 404)
    assert alice.get(f"{PAGE}/api/contents").status_code == 200  # the positive control


@pytest.mark.parametrize("server", ["servers/grant-2", "servers/grant-99", "servers/anything", "server"])
def test_what_is_no_grant_is_refused_in_words_and_leaves_nothing(house: House, server: str) -> None:
    before = house.leftovers()
    with house.person("alice") as person:
        refused = person.post(f"/hub/api/users/alice/{server}")
    assert 400 <= refused.status_code < 500
    assert "grant" in refused.json()["message"]
    assert house.leftovers() == before


def test_stopping_leaves_nothing_and_is_on_the_log(house: House, alice: httpx.Client) -> None:
    before = len(house.log())
    assert alice.delete("/hub/api/users/alice/servers/grant-1").status_code in (202, 204)
    wait(lambda: not house.leftovers(), "everything is gone")
    assert house.log()[before:] == ["closed 1 stopped"]


@pytest.mark.parametrize(
    ("part", "reason"), [("carrier", "the carrier ended"), ("notebook", "the container ended")]
)
def test_when_a_part_dies_the_rest_goes_too(
    house: House, alice: httpx.Client, part: str, reason: str
) -> None:
    subprocess.run(
        ["docker", "kill", f"test-{house.settings.hub_port}-{part}-alice-grant-1"],
        check=True,
        capture_output=True,
    )
    wait(lambda: not house.leftovers(), "everything is gone")
    wait(lambda: not is_ready(alice), "the hub knows")
    assert house.log()[-1] == f"closed 1 {reason}"
    begin(alice)  # and it can be started again


def test_a_grant_that_is_taken_back_ends_its_notebook(house: House, alice: httpx.Client) -> None:
    house.grants("ben 2")
    wait(lambda: not house.leftovers(), "everything is gone")
    assert "No grant of yours" in house.log()[-1]
    assert alice.get(f"{PAGE}/api/contents").status_code != 200


@pytest.mark.parametrize("name", ["gate", "hub", "launcher"])
def test_a_process_that_is_killed_finds_its_notebooks_again(
    house: House, alice: httpx.Client, name: str
) -> None:
    house.end(name, signal.SIGKILL)
    house.start(name)
    house.ready()
    wait(lambda: is_ready(alice), "the notebook is there")
    assert run_in_kernel(alice, f"{CALL}\ncall('/services/portal/api/v1/x')") == "200"
    assert alice.get(f"{PAGE}/files/x").status_code == 403


def run_in_kernel(person: httpx.Client, code: str) -> str:
    """The value of the last expression, computed in a kernel of its own, over the proxy."""
    headers = {"Authorization": person.headers["Authorization"]}
    base = str(person.base_url).rstrip("/") + PAGE

    async def ask() -> str:
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"{base}/api/kernels", json={"name": "python3"}) as made:
                kernel = (await made.json())["id"]
            try:
                async with session.ws_connect(f"{base}/api/kernels/{kernel}/channels?session_id=a") as ws:
                    return await _execute(ws, code)
            finally:
                async with session.delete(f"{base}/api/kernels/{kernel}"):
                    pass

    return asyncio.run(asyncio.wait_for(ask(), 60))


async def _execute(ws: aiohttp.ClientWebSocketResponse, code: str) -> str:
    number = uuid.uuid4().hex
    header = {
        "msg_id": number,
        "msg_type": "execute_request",
        "username": "",
        "session": "a",
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
    }
    await ws.send_json(
        {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
    )
    result = ""
    async for frame in ws:
        message = json.loads(frame.data)
        if message["parent_header"].get("msg_id") != number:
            continue
        if message["msg_type"] == "execute_result":
            result = message["content"]["data"]["text/plain"]
        elif message["msg_type"] == "error":
            raise AssertionError("\n".join(message["content"]["traceback"]))
        elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return result
    raise AssertionError("the kernel's websocket ended")
