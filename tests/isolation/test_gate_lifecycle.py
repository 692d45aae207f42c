"""Doors open and close, a killed gate carries on, and nobody else can do either."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import aiohttp
import pytest

from sandbox.domain.errors import BadInput, OperatorError
from sandbox.isolation.gate import Gate
from sandbox.isolation.gate_client import close_door
from sandbox.isolation.gate_door import House
from sandbox.isolation.gate_paths import Place
from sandbox.isolation.gate_record import GateRecord, RecordKind
from tests.isolation.gate_messages import asking
from tests.isolation.gate_world import KERNEL, PREFIX, SITE, TOKEN, a_gate, a_world, open_hers, run, serving
from tests.isolation.test_gate_traffic import echo


def test_only_its_owner_can_look_into_the_gates_folder(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            for folder in (world.run_dir, world.place.folder.parent, world.place.folder):
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE((world.run_dir / "control.sock").stat().st_mode) == 0o600
            assert stat.S_IMODE(world.place.sockets.stat().st_mode) == 0o777  # the carrier is another user
            assert TOKEN not in world.place.opening.read_text()

    run(test())


def test_closing_cuts_what_is_under_way_and_leaves_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.jupyter.answer = echo
            url = f"http://127.0.0.1:{world.gate.port}{PREFIX}/api/kernels/{KERNEL}/channels"
            async with world.browser.ws_connect(url) as ws:
                await ws.send_str(json.dumps(asking("1 + 1")))
                await ws.receive_json()
                await close_door(world.run_dir, person="alice", server="grant-1")
                message = await ws.receive()
                assert message.type in (
                    aiohttp.WSMsgType.CLOSE,
                    aiohttp.WSMsgType.CLOSED,
                    aiohttp.WSMsgType.ERROR,
                )
            assert (await world.get(f"{PREFIX}/lab"))[0] == 404
            assert not world.place.folder.parent.exists()
            with pytest.raises(aiohttp.ClientError):
                await world.call("/hub/api")
            assert [r.kind for r in world.records if r.kind is not RecordKind.REFUSED] == [
                RecordKind.OPENED,
                RecordKind.CLOSED,
            ]
            await close_door(world.run_dir, person="alice", server="grant-1")  # closed is closed

    run(test())


def test_a_gate_that_was_killed_opens_what_was_open(tmp_path: Path) -> None:
    async def test() -> None:
        records: list[GateRecord] = []
        run_dir = tmp_path / "run"
        first = a_gate(run_dir, records)
        await first.start()
        await open_hers(run_dir)
        await open_hers(run_dir, "another", person="ben", server="grant-2")
        await close_door(run_dir, person="ben", server="grant-2")
        kept = Place(run_dir, "alice", "grant-1").opening.read_text()
        await first.stop()
        # What a kill leaves: sockets that nobody listens on, and folders that say nothing.
        place = Place(run_dir, "alice", "grant-1")
        assert place.opening.read_text() == kept
        (run_dir / "carl" / "grant-3" / "sockets").mkdir(parents=True)
        (run_dir / "dora" / "grant-4").mkdir(parents=True)
        (run_dir / "dora" / "grant-4" / "opening.json").write_text(
            '{"token_sha256": "short", "mode": "query"}'
        )
        (run_dir / "not a person" / "grant-5").mkdir(parents=True)
        second = a_gate(run_dir, records)
        await second.start()
        try:
            assert second.open_servers == (("alice", "grant-1"),)
            connector = aiohttp.UnixConnector(str(place.sockets / "out.sock"))
            async with (
                aiohttp.ClientSession(connector=connector) as inside,
                inside.get("http://gate/hub/api/users") as found,
            ):
                assert found.status == 403
            assert not list(run_dir.glob("*/grant-3")) + list(run_dir.glob("*/grant-4"))
        finally:
            await second.stop()

    run(test())


def test_an_open_door_is_opened_anew_with_a_new_token(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            sockets = await open_hers(world.run_dir, "a new one")
            connector = aiohttp.UnixConnector(str(sockets / "out.sock"))
            async with aiohttp.ClientSession(connector=connector) as inside:
                for token, status in ((TOKEN, 401), ("a new one", 200)):
                    headers = {"Authorization": f"token {token}"}
                    async with inside.get(
                        "http://gate/services/portal/api/v1/sample", headers=headers
                    ) as found:
                        assert found.status == status

    run(test())


def test_a_carrier_that_restarts_is_found_again(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            assert (await world.get(f"{PREFIX}/api/me"))[0] == 200
            socket = world.place.sockets / "in.sock"
            socket.unlink()
            assert (await world.get(f"{PREFIX}/api/me"))[0] == 503
            async with serving(world.jupyter, unix=socket):
                assert (await world.get(f"{PREFIX}/api/me"))[0] == 200

    run(test())


@pytest.mark.parametrize(
    ("person", "server"),
    [
        ("..", "grant-1"),
        ("alice", ".."),
        ("alice", "grant-0"),
        ("alice", "grant-1x"),
        ("Alice", "grant-1"),
        ("", ""),
    ],
)
def test_a_name_that_names_no_notebook_makes_no_folder(tmp_path: Path, person: str, server: str) -> None:
    with pytest.raises(BadInput):
        Place(tmp_path, person, server)


def test_control_refuses_what_it_does_not_understand(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            connector = aiohttp.UnixConnector(str(world.run_dir / "control.sock"))
            async with aiohttp.ClientSession(connector=connector) as control:
                for person, body in (
                    ("alice", "{}"),
                    ("alice", "["),
                    ("Alice", json.dumps({"token_sha256": "0" * 64, "mode": "query", "display": None})),
                    ("alice", json.dumps({"token_sha256": "0" * 64, "mode": "open", "display": None})),
                    ("alice", json.dumps({"token_sha256": "0" * 64, "mode": "room", "display": None})),
                    ("alice", json.dumps({"token_sha256": "0" * 64, "mode": "room", "display": {"rows": 1}})),
                ):
                    async with control.put(f"http://gate/servers/{person}/grant-9", data=body) as found:
                        assert found.status == 400
                async with control.get("http://gate/servers") as found:
                    assert await found.json() == [{"person": "alice", "server": "grant-1"}]
            assert world.gate.open_servers == (("alice", "grant-1"),)

    run(test())


def test_a_gate_that_is_not_there_is_an_operators_matter(tmp_path: Path) -> None:
    async def test() -> None:
        with pytest.raises(OperatorError, match="does not answer"):
            await open_hers(tmp_path)
        with pytest.raises(OperatorError, match="does not answer"):
            await open_hers(tmp_path / "nowhere")

    run(test())


def test_a_checkout_may_lie_deep(tmp_path: Path) -> None:
    """A socket's address has to be shorter than 108 bytes; its folder need not."""

    async def test() -> None:
        deep = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 6)
        gate = a_gate(deep, [])
        await gate.start()
        try:
            sockets = await open_hers(deep)
            assert len(str(sockets)) > 200
            assert (sockets / "out.sock").is_socket()
        finally:
            await gate.stop()

    run(test())


def test_totals_come_by_themselves(tmp_path: Path) -> None:
    async def test() -> None:
        written = asyncio.Event()
        house = House(
            hub_url="http://127.0.0.1:9",
            portal_url="http://127.0.0.1:9",
            site_url=SITE,
            record=lambda r: written.set() if r.kind is RecordKind.TOTALS else None,
        )
        gate = Gate(tmp_path, house, tcp=("127.0.0.1", 0), totals_every_s=0.02)
        await gate.start()
        try:
            url = f"http://127.0.0.1:{gate.port}/nowhere"
            async with aiohttp.ClientSession() as browser, browser.get(url) as found:
                assert found.status == 404
            await written.wait()
        finally:
            await gate.stop()

    run(test())
