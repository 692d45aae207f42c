"""A notebook with raw rows whose server and kernel were taken over: what it can still put on a screen."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import RoomLimits
from sandbox.isolation.gate_client import close_door
from sandbox.isolation.gate_display import SPENT
from sandbox.isolation.gate_record import RecordKind
from tests.isolation.gate_messages import asking, message, printing, result
from tests.isolation.gate_world import KERNEL, PREFIX, Handler, World, a_gate, a_world, model, open_hers, run

CHANNELS = f"{PREFIX}/api/kernels/{KERNEL}/channels"
ROWS = RoomLimits(
    display_rows=20, display_bytes=20_000, session_rows=20, session_bytes=20_000, page_bytes=20_000
)
WITHHELD = "output withheld"


def says(*messages: dict[str, Any]) -> Handler:
    """A kernel that answers every cell with these."""

    async def kernel(request: web.BaseRequest) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for _ in ws:
            for one in messages:
                await ws.send_json(one)
        return ws

    return kernel


END = message("status", {"execution_state": "idle"}, parent="q1")


async def run_cell(world: World, *messages: dict[str, Any], number: str = "q1") -> list[dict[str, Any]]:
    """What the browser sees of a cell that the kernel answers so."""
    world.jupyter.answer = says(*messages, END)
    url = f"http://127.0.0.1:{world.gate.port}{CHANNELS}"
    seen: list[dict[str, Any]] = []
    async with world.browser.ws_connect(url) as ws:
        await ws.send_json(asking("df", number=number))
        async for frame in ws:
            seen.append(json.loads(frame.data))
            if seen[-1]["msg_type"] == "status":
                return seen
    raise AssertionError("the kernel's websocket ended")


def in_a_room(
    tmp_path: Path, test: Callable[[World], Awaitable[None]], *, display: RoomLimits = ROWS
) -> None:
    async def whole() -> None:
        async with a_world(tmp_path, mode=Mode.ROOM, display=display) as world:
            await test(world)

    run(whole())


def texts(seen: list[dict[str, Any]]) -> list[str]:
    return [m["content"].get("text", "") for m in seen if m["msg_type"] == "stream"]


TEN = "\n".join("row" for _ in range(10))


def test_rows_are_shown_until_there_were_enough(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        for _ in range(2):
            assert texts(await run_cell(world, printing(TEN))) == [TEN]
        seen = await run_cell(world, printing(TEN), printing(TEN), result({"text/plain": "row"}))
        assert len(texts(seen)) == 1  # one line, however much was withheld
        assert WITHHELD in texts(seen)[0]
        assert "row" not in json.dumps([m["content"] for m in seen])
        assert seen[-1]["content"] == {"execution_state": "idle"}  # the lab goes on working
        assert [r.reason for r in world.refusals()] == [SPENT] * 3

    in_a_room(tmp_path, test)


def test_without_raw_rows_nothing_is_counted(tmp_path: Path) -> None:
    """The control: the same cells in mode query."""

    async def test() -> None:
        async with a_world(tmp_path, mode=Mode.QUERY) as world:
            for _ in range(5):
                assert texts(await run_cell(world, printing(TEN))) == [TEN]

    run(test())


@pytest.mark.parametrize(
    "hidden",
    [
        printing("row " * 2000),
        result({"text/plain": "row " * 2000}),
        result({"text/html": "row " * 2000}, kind="display_data"),
        result({"text/html": "row " * 2000}, kind="update_display_data"),
        message("error", {"ename": "row " * 2000, "evalue": "", "traceback": []}, parent="q1"),
        message("execute_reply", {"status": "row " * 2000}, channel="shell", parent="q1"),
        message("complete_reply", {"matches": ["row " * 2000]}, channel="shell", parent="q1"),
        message("inspect_reply", {"data": {"text/plain": "row " * 2000}}, channel="shell", parent="q1"),
        message("history_reply", {"history": [["row " * 2000]]}, channel="shell", parent="q1"),
        message("is_complete_reply", {"indent": "row " * 2000}, channel="shell", parent="q1"),
        message("kernel_info_reply", {"banner": "row " * 2000}, channel="shell", parent="q1"),
        message("interrupt_reply", {"rows": "row " * 2000}, channel="control", parent="q1"),
        message("shutdown_reply", {"rows": "row " * 2000}, channel="control", parent="q1"),
        message("input_request", {"prompt": "row " * 2000}, channel="stdin", parent="q1"),
        message("execute_input", {"code": "row " * 2000}, parent="q1"),
        message("clear_output", {"wait": "row " * 2000}, parent="q1"),
        {**printing("x"), "metadata": {"row": "row " * 2000}},
    ],
)
def test_no_message_shows_rows_beside_the_budget(tmp_path: Path, hidden: dict[str, Any]) -> None:
    async def test(world: World) -> None:
        shown = [json.dumps(await run_cell(world, hidden)).count("row row") > 0 for _ in range(4)]
        assert shown == [True, True, False, False]  # 8 kB each, of 20 kB

    in_a_room(tmp_path, test, display=RoomLimits(display_bytes=20_000, session_bytes=20_000))


@pytest.mark.parametrize("part", ["msg_id", "session", "username", "date", "version", "more"])
def test_the_envelope_carries_nothing_of_the_kernels(tmp_path: Path, part: str) -> None:
    """Bookkeeping is free, so nothing in it may be the container's."""

    async def test(world: World) -> None:
        hostile = message("status", {"execution_state": "busy", "row": "secret row"}, parent="q1")
        hostile["header"][part] = "secret row"
        hostile["parent_header"][part] = "q1" if part == "msg_id" else "secret row"
        hostile["metadata"] = {"row": "secret row"}
        seen = await run_cell(world, hostile)
        assert "secret" not in json.dumps(seen)
        assert seen[0]["parent_header"] == asking("df")["header"]  # as the browser itself sent it

    in_a_room(tmp_path, test)


def test_an_invented_parent_or_state_carries_nothing(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        invented = [
            message("status", {"execution_state": "secret row"}, parent="q1"),
            message("status", {"execution_state": "busy"}, parent="secret row"),
        ]
        seen = await run_cell(world, *invented)
        assert [m["parent_header"].get("msg_id") for m in seen] == [None]

    in_a_room(tmp_path, test)


def test_files_and_saved_results_are_counted(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        asked = f"{PREFIX}/api/contents/x?type=file&format=text"
        for number in range(2):
            world.jupyter.gives(model(f"{TEN}{number}"))
            assert (await world.get(asked))[0] == 200
        assert (await world.get(asked))[0] == 200  # the same again is free
        world.jupyter.gives(model(f"{TEN}3"))
        status, _, body = await world.get(asked)
        assert (status, b"row" in body) == (403, False)
        assert SPENT in json.loads(body)["message"]
        cell = {"cell_type": "code", "source": "", "outputs": [{"output_type": "stream", "text": "row"}]}
        world.jupyter.gives(model({"cells": [cell]}, kind="notebook", form="json"))
        assert (await world.get(f"{PREFIX}/api/contents/x.ipynb?type=notebook"))[0] == 403
        world.jupyter.gives(model([{"name": "row"}], kind="directory", form="json"))
        assert (await world.get(f"{PREFIX}/api/contents?type=directory"))[0] == 403

    in_a_room(tmp_path, test)


def test_pages_and_lists_are_counted_and_the_labs_own_files_are_free(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        for number in range(2):
            world.jupyter.gives(json.dumps({"row": f"{number}" * 9000}))
            assert (await world.get(f"{PREFIX}/api/me"))[0] == 200
        for path, kind in (
            ("/api/me", "application/json"),
            ("/lab", "text/html"),
            ("/static/x.js", "text/javascript"),
        ):
            world.jupyter.gives(json.dumps({"row": path * 3000}), kind=kind)
            status, _, body = await world.get(PREFIX + path)
            assert (status, b"row" in body) == (403, False)
        world.jupyter.gives("the lab's program", kind="text/javascript")
        for _ in range(3):
            assert (await world.get(f"{PREFIX}/static/main.js"))[0] == 200

    in_a_room(tmp_path, test)


def test_headers_and_redirects_carry_nothing(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        place = f"{PREFIX}/lab?row={'x' * 5000}"
        world.jupyter.gives(
            "a row", kind="text/row", status=302, Location=place, ETag="a row", Retry_After="a row"
        )
        shown = []
        for _ in range(5):
            status, headers, body = await world.get(f"{PREFIX}/")
            assert b"row" not in body
            assert "a row" not in headers.values()
            shown.append(status)
        assert shown == [302, 302, 302, 403, 403]  # 5 kB each, of 20 kB

    in_a_room(tmp_path, test)


def test_events_are_counted(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        world.jupyter.answer = says({"row": "x" * 15_000}, {"row": "y" * 15_000}, {"n": 1})

        async def poked(request: web.BaseRequest) -> web.StreamResponse:
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            for one in ({"row": "x" * 15_000}, {"row": "y" * 15_000}, {"n": 1}):
                await ws.send_json(one)
            await ws.receive()
            return ws

        world.jupyter.answer = poked
        url = f"http://127.0.0.1:{world.gate.port}{PREFIX}/api/events/subscribe"
        async with world.browser.ws_connect(url) as ws:
            assert "x" in (await ws.receive_json())["row"]
            assert await ws.receive_json() == {"n": 1}

    in_a_room(tmp_path, test)


@pytest.mark.parametrize("address", ["questions", "questions/estimate", "jobs", "jobs/1/raw"])
def test_what_the_portal_shows_again_is_counted(tmp_path: Path, address: str) -> None:
    """A question's words are on its sender's page, and so is what a job makes of the sample and its own inputs."""

    async def test(world: World) -> None:
        portal = "/services/portal/api/v1"
        # What reviewers look at first is free: the control.
        assert (await world.call(f"{portal}/releases", "POST", data=b"x" * 50_000))[0] == 200
        assert (await world.call(f"{portal}/imports", "POST", data=b"x" * 50_000))[0] == 200
        assert (await world.call(f"{portal}/{address}", "POST", data=b"x" * 15_000))[0] == 200
        assert (await world.call(f"{portal}/{address}", "POST", data=b"x" * 15_000))[0] == 403

    in_a_room(tmp_path, test)


def test_neither_a_new_notebook_nor_a_new_gate_gives_a_new_day(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path, mode=Mode.ROOM, display=ROWS) as world:
            for _ in range(2):
                assert texts(await run_cell(world, printing(TEN))) == [TEN]
            await close_door(world.run_dir, person="alice", server="grant-1")
            totals = [r for r in world.records if r.kind is RecordKind.CLOSED][-1].facts
            assert totals["shown_rows"] == 20
        async with a_world(tmp_path, mode=Mode.ROOM, display=ROWS) as world:  # another gate, another notebook
            assert WITHHELD in texts(await run_cell(world, printing(TEN)))[0]

    run(test())


def test_a_gate_that_was_killed_knows_mode_and_total(tmp_path: Path) -> None:
    async def test() -> None:
        run_dir = tmp_path / "run"
        first = a_gate(run_dir, [])
        await first.start()
        await open_hers(run_dir, mode=Mode.ROOM, display=ROWS)
        await first.stop()
        second = a_gate(run_dir, [])
        await second.start()
        try:
            opening = second._doors["alice", "grant-1"]._opening
            assert (opening.mode, opening.display) == (Mode.ROOM, ROWS)
        finally:
            await second.stop()

    run(test())


def test_no_room_is_opened_while_the_labs_files_are_not_known(tmp_path: Path) -> None:
    from sandbox.domain.errors import OperatorError

    async def test() -> None:
        gate = a_gate(tmp_path, [], assets=frozenset())
        await gate.start()
        try:
            with pytest.raises(OperatorError, match="make images"):
                await open_hers(tmp_path, mode=Mode.ROOM, display=ROWS)
            await open_hers(tmp_path, mode=Mode.QUERY)
        finally:
            await gate.stop()

    run(test())


def test_a_notebook_is_served_from_its_persons_host_only(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            own = f"127.0.0.1:{world.gate.port}"
            for host in ("localhost:8000", "ben.localhost:8000", "alice.localhost", own, "evil.example", ""):
                status, _, _ = await world.get(f"{PREFIX}/lab", headers={"Host": host})
                assert status == 421, host
            assert world.jupyter.asked == []
            world.jupyter.gives("<html>", kind="text/html")
            assert (await world.get(f"{PREFIX}/lab"))[0] == 200  # the control
            world.jupyter.gives("{}")
            assert (await world.get(f"{PREFIX}/api", headers={"Host": own}))[0] == 200  # the hub: is it up?

    run(test())


def test_an_answer_of_the_gate_has_its_own_policy_on_every_path(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        world.jupyter.gives("{}")
        for path in (
            f"{PREFIX}/api/me",
            f"{PREFIX}/files/x",
            f"{PREFIX}/api/contents/x?type=file",
            "/nowhere",
        ):
            _, headers, _ = await world.get(path)
            assert "default-src 'none'" in headers["Content-Security-Policy"], path
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await world.browser.ws_connect(f"http://127.0.0.1:{world.gate.port}{CHANNELS}")
        assert refused.value.headers is not None
        assert "default-src 'none'" in refused.value.headers["Content-Security-Policy"]

    in_a_room(tmp_path, test)
