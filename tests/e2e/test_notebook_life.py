"""A notebook from its start to its end, on the real hub, proxy, gate and containers; and the ends nobody asked for."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import aiohttp
import docker
import httpx
import pytest

from sandbox.domain.origins import notebook_host
from tests.e2e.notebook_house import House, notebook_house, wait
from tests.e2e.rooms import images

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PAGE = "/user/alice/grant-1"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with notebook_house() as made:
        yield made


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
    assert run_in_kernel(alice, f"{CALL}\ncall('/services/portal/api/v1/sample', token='another')") == "401"


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
    assert found["Config"]["Image"] == images().notebook  # by digest, and not the one that was asked for
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
    wait(lambda: alice.get(f"{PAGE}/api/status").status_code == 200, "the notebook answers")
    assert run_in_kernel(alice, f"{CALL}\ncall('/services/portal/api/v1/sample')") == "200"
    assert alice.get(f"{PAGE}/files/x").status_code == 403


def run_in_kernel(person: httpx.Client, code: str) -> str:
    """The value of the last expression, computed in a kernel of its own, over the proxy."""
    site = str(person.base_url).rstrip("/")
    headers = {
        "Authorization": person.headers["Authorization"],
        "Host": notebook_host("alice", site.replace("127.0.0.1", "localhost")),
    }
    base = site + PAGE

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
