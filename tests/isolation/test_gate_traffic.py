"""What passes a real gate, with a notebook behind it that may have been taken over."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from sandbox.isolation.gate_record import REFUSALS_A_PERIOD, RecordKind
from sandbox.isolation.gate_rules import Direction
from tests.isolation.gate_messages import asking, printing
from tests.isolation.gate_world import KERNEL, PREFIX, World, a_world, model, run

CHANNELS = f"{PREFIX}/api/kernels/{KERNEL}/channels"


def test_a_page_passes_with_the_gates_own_headers(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives(
                "<html>",
                kind="text/html",
                Content_Security_Policy="default-src *",
                Content_Disposition="attachment",
            )
            status, headers, body = await world.get(f"{PREFIX}/lab?x=1")
            assert (status, body) == (200, b"<html>")
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Content-Disposition" not in headers
            assert world.jupyter.paths == [f"{PREFIX}/lab?x=1"]

    run(test())


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/files/table.csv",
        f"{PREFIX}/nbconvert/csv/x",
        f"{PREFIX}/lab/../files/table.csv",
        f"{PREFIX}/lab/%2e%2e/files/table.csv",
        f"{PREFIX}//files/table.csv",
        f"{PREFIX}/api/contents/table.csv?format=base64",
        "/user/alice/grant-2/lab",
        "/user/ben/grant-1/lab",
        "/user/alice/grant-1/../grant-2/lab",
        "/hub/home",
        "/",
    ],
)
def test_what_is_refused_reaches_nobody_and_is_on_the_log(tmp_path: Path, path: str) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            status, _, body = await world.get(path)
            assert status in (400, 403, 404)
            assert json.loads(body)["reason"] == "gate"
            assert world.jupyter.asked == []
            (refusal,) = world.refusals()
            assert (refusal.direction, refusal.method) == (Direction.IN, "GET")
            assert "?" not in refusal.path

    run(test())


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/lab", "application/octet-stream", "rows"),
        ("/lab", "text/csv", "rows"),
        ("/static/a.js", "application/zip", "rows"),
        ("/static/a.js", "application/octet-stream", "rows"),
        ("/api/me", "text/html", "rows"),
        ("/api/me", "text/csv", "rows"),
        ("/api/contents/t.csv", "application/json", model("rows")),
        ("/api/contents/t.csv?type=file&format=text", "application/json", model("AAAA", form="base64")),
        ("/api/contents/t.csv?type=file&format=text", "text/csv", "rows"),
    ],
)
def test_an_answer_of_another_kind_is_withheld(tmp_path: Path, path: str, kind: str, body: str) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives(body, kind=kind)
            status, _, answer = await world.get(PREFIX + path)
            assert status in (403, 502)
            assert b"rows" not in answer
            assert b"AAAA" not in answer
            assert len(world.refusals()) == 1

    run(test())


def test_a_file_asked_for_as_text_is_shown(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives(model("a,b\n1,2"))
            status, _, body = await world.get(f"{PREFIX}/api/contents/t.csv?type=file&format=text")
            assert status == 200
            assert json.loads(body)["content"] == "a,b\n1,2"

    run(test())


def test_an_answer_that_is_too_large_is_cut(tmp_path: Path) -> None:
    """With an honest length, and without one."""

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            for _ in range(10_000):
                await response.write(b" " * 65_536)
        except ConnectionError:
            pass
        return response

    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives(b" " * (2 * 2**20 + 1))
            assert (await world.get(f"{PREFIX}/api/me"))[0] == 502
            world.jupyter.answer = endless
            with pytest.raises(aiohttp.ClientError):
                await world.get(f"{PREFIX}/api/me")
            assert (await world.get(f"{PREFIX}/api/contents/x?type=file&format=text"))[0] == 502
            assert len(world.refusals()) == 3
            world.jupyter.gives(b" " * (2 * 2**20))  # the positive control
            assert (await world.get(f"{PREFIX}/api/me"))[0] == 200

    run(test())


def test_a_packed_answer_is_counted_unpacked(tmp_path: Path) -> None:
    import gzip

    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives(gzip.compress(bytes(8 * 2**20)), Content_Encoding="gzip")
            with pytest.raises(aiohttp.ClientError):
                await world.get(f"{PREFIX}/api/me")
            assert len(world.refusals()) == 1

    run(test())


def test_a_body_that_is_too_large_does_not_come_in(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            status, _, _ = await world.get(f"{PREFIX}/api/sessions", "POST", data=b" " * 65_537)
            assert status == 413
            assert world.jupyter.asked == []
            status, _, _ = await world.get(f"{PREFIX}/api/sessions", "POST", data=b" " * 65_536)
            assert status == 200

    run(test())


def test_cookies_and_places_elsewhere_are_dropped_and_on_the_log(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives(
                "", kind="text/html", status=302, Location="https://evil.example/?row=1", Set_Cookie="a=b"
            )
            status, headers, _ = await world.get(f"{PREFIX}/lab")
            assert status == 302
            assert "Location" not in headers
            assert "Set-Cookie" not in headers
            assert world.refusals()[0].reason == "a header that leads elsewhere"

    run(test())


def test_a_container_reaches_the_portal_with_its_own_token_only(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            portal = "/services/portal/api/v1/questions"
            assert (await world.call(portal, "POST", json={"sql": "x"}))[0] == 200
            method, path, headers, body = world.outside.asked[0]
            assert (method, path, json.loads(body)) == ("POST", portal, {"sql": "x"})
            assert headers["Authorization"].startswith("token ")
            for other in ("somebody else's", None):
                assert (await world.call(portal, "POST", token=other))[0] == 401
            assert len(world.outside.asked) == 1
            # The token of a browser that signs in is asked about with that token.
            assert (await world.call("/hub/api/user", token="a browser's"))[0] == 200

    run(test())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/hub/api/users"),
        ("POST", "/hub/api/users/ben/activity"),
        ("GET", "/services/portal/api/v1/../../../hub/api/users"),
        ("GET", "/services/portal/api/v1/%2e%2e/grants"),
        ("GET", "/user/ben/grant-2/api/contents"),
        ("GET", "http://203.0.113.1/"),
        ("GET", "//203.0.113.1/hub/api"),
    ],
)
def test_a_container_reaches_nothing_else(tmp_path: Path, method: str, path: str) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            assert await raw(world, f"{method} {path} HTTP/1.1\r\nHost: hub\r\n\r\n") in (400, 403)
            assert world.outside.asked == []
            assert [r.direction for r in world.refusals()] == [Direction.OUT]
            assert (
                await raw(world, "GET /hub/api HTTP/1.1\r\nHost: hub\r\n\r\n") == 200
            )  # the positive control

    run(test())


@pytest.mark.parametrize(
    "smuggled",
    [
        "POST /hub/api/oauth2/token HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        "GET /hub/api/users HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /hub/api HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\nGET /hub/api/users HTTP/1.1\r\n\r\n",
        "GET /hub/api HTTP/1.1\nHost: h\n\nGET /hub/api/users HTTP/1.1\n\n",
    ],
)
def test_a_request_cannot_hide_in_another(tmp_path: Path, smuggled: str) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await raw(world, smuggled)
            assert "/hub/api/users" not in world.outside.paths

    run(test())


def test_what_a_container_sends_is_bounded(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            portal = "/services/portal/api/v1/releases"
            assert (await world.call(portal, "POST", data=io.BytesIO(b" " * (8 * 2**20 + 1))))[0] == 413
            assert world.outside.asked == []
            assert (await world.call(portal, "POST", data=io.BytesIO(b" " * (8 * 2**20))))[0] == 200

    run(test())


# kernels


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """A kernel that prints what it is sent, and offers the binary subprotocol."""
    ws = web.WebSocketResponse(protocols=("v1.kernel.websocket.jupyter.org",))
    await ws.prepare(request)
    async for frame in ws:
        if frame.type is not WSMsgType.TEXT:
            await ws.send_json(printing("heard bytes"))
            continue
        asked = json.loads(frame.data)
        if asked["content"].get("code") == "send bytes":
            await ws.send_bytes(b"rows")
            await ws.send_str("not json")
            await ws.send_str('["not an object"]')
            await ws.send_json(printing("after bytes"))
        else:
            await ws.send_json(printing(asked["content"]["code"], parent=asked["header"]["msg_id"]))
    return ws


@pytest.mark.filterwarnings("ignore::Warning")
def test_kernel_frames_are_json_text_both_ways(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.answer = echo
            url = f"http://127.0.0.1:{world.gate.port}{CHANNELS}?session_id=a"
            async with world.browser.ws_connect(url, protocols=("v1.kernel.websocket.jupyter.org",)) as ws:
                assert ws.protocol is None
                await ws.send_json(asking("1+1"))
                assert (await ws.receive_json())["content"]["text"] == "1+1"
                await ws.send_bytes(b"rows in")  # dropped: the next answer is to the next question
                await ws.send_json(asking("send bytes"))
                assert (await ws.receive_json())["content"]["text"] == "after bytes"
            assert "Sec-WebSocket-Protocol" not in world.jupyter.asked[0][2]
            reasons = [r.reason for r in world.refusals()]
            assert reasons == [
                "a frame that is binary",
                "a frame that is binary",
                "a frame that is not JSON",
                "a frame that is not JSON",
            ]

    run(test())


def test_a_frame_that_is_too_large_ends_the_websocket(tmp_path: Path) -> None:
    async def flood(request: web.BaseRequest) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_str(json.dumps({"rows": "x" * (8 * 2**20)}))
        await ws.receive()
        return ws

    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.answer = flood
            url = f"http://127.0.0.1:{world.gate.port}{CHANNELS}"
            async with world.browser.ws_connect(url, max_msg_size=0) as ws:
                assert (await ws.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)

    run(test())


def test_a_refusal_of_the_notebook_is_passed_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives("{}", status=403)
            url = f"http://127.0.0.1:{world.gate.port}{CHANNELS}"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await world.browser.ws_connect(url)
            assert refused.value.status == 403
            status, _, _ = await world.get(CHANNELS)  # not a websocket at all
            assert status == 400

    run(test())


# counting


def test_totals_tell_what_went_each_way(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.gives('{"x": 1}')
            await world.get(f"{PREFIX}/api/sessions", "POST", data=b"12345")
            await world.call("/services/portal/api/v1/questions", "POST", data=b"123")
            tally = world.gate._doors["alice", "grant-1"].tally
            tally.happened(RecordKind.TOTALS)
            totals = world.records[-1]
            assert (totals.requests, totals.bytes_left) == (2, 8 + 3)
            assert totals.bytes_entered >= 5
            tally.happened(RecordKind.TOTALS)
            assert world.records[-1] is totals  # nothing new to say

    run(test())


def test_the_log_cannot_be_flooded(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            for _ in range(REFUSALS_A_PERIOD + 20):
                await world.get(f"{PREFIX}/files/x")
            assert len(world.refusals()) == REFUSALS_A_PERIOD
            tally = world.gate._doors["alice", "grant-1"].tally
            tally.happened(RecordKind.TOTALS)
            assert world.records[-1].refusals == REFUSALS_A_PERIOD + 20

    run(test())


def test_a_path_on_the_log_is_printable_and_short(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.get(f"{PREFIX}/files/{'x' * 500}?token=secret")
            (refusal,) = world.refusals()
            assert len(refusal.path) == 200
            assert "secret" not in repr(refusal)

    run(test())


async def raw(world: World, text: str) -> int:
    """Send bytes as they are from inside; the status of the first answer, 0 for none."""
    reader, writer = await asyncio.open_unix_connection(str(world.place.sockets / "out.sock"))
    writer.write(text.encode())
    await writer.drain()
    line = await reader.readline()
    await asyncio.sleep(0.05)
    writer.close()
    return int(line.split()[1]) if line else 0


def test_a_link_in_the_carriers_folder_leads_nowhere(tmp_path: Path) -> None:
    """A carrier that was taken over puts a link to the engine's socket where the notebook's should be."""

    async def test() -> None:
        async with a_world(tmp_path) as world:
            assert (await world.get(f"{PREFIX}/api/me"))[0] == 200
            prize = tmp_path / "docker.sock"
            with socket.socket(socket.AF_UNIX) as engine:
                engine.bind(str(prize))
                engine.listen()
                engine.settimeout(0)
                own = world.place.sockets / "in.sock"
                own.unlink()
                own.symlink_to(prize)
                assert (await world.get(f"{PREFIX}/api/me"))[0] == 503
                with pytest.raises(BlockingIOError):
                    engine.accept()
                own.unlink()
                own.write_text("a file")
                assert (await world.get(f"{PREFIX}/api/me"))[0] == 503

    run(test())
