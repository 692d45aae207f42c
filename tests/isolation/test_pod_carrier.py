"""The carrier of a cluster, between real sockets: who is joined is carried, everybody else is not answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from sandbox.domain.errors import BadInput, OperatorError
from sandbox.isolation.gate_paths import Place
from sandbox.isolation.pod_carrier import PodCarrier
from sandbox.isolation.pod_carrier_client import join_pod, leave_pod

POD = "127.0.0.1"  # stands for the pod's address: pods come from it, and their server listens there


HANDLING: set[asyncio.Task[None]] = set()  # of the servers of one test


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    task = asyncio.current_task()
    assert task is not None
    HANDLING.add(task)
    with suppress(OSError):
        writer.write(b"heard: " + await reader.readline())
        await writer.drain()
    await closed(writer)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


class World:
    """A carrier, the server of a pod, and the gate's side of one notebook."""

    def __init__(self, carrier: PodCarrier, run_dir: Path, place: Place) -> None:
        self.carrier, self.run_dir, self.place = carrier, run_dir, place

    async def from_gate(self, line: bytes = b"hello\n") -> bytes:
        """As the gate: by the socket in the notebook's folder."""
        reader, writer = await asyncio.open_unix_connection(str(self.place.sockets / "in.sock"))
        return await said(reader, writer, line)

    async def from_pod(self, line: bytes = b"hello\n") -> bytes:
        """As code in a pod."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.carrier.port)
        return await said(reader, writer, line)


async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bytes:
    try:
        writer.write(line)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        await closed(writer)


@asynccontextmanager
async def world(tmp_path: Path) -> AsyncIterator[World]:
    run_dir = tmp_path / "gate"
    place = Place(run_dir, "alice", "grant-7")
    place.make()
    pod = await asyncio.start_server(echo, POD, 0)
    gate = await asyncio.start_unix_server(echo, str(place.sockets / "out.sock"))
    carrier = PodCarrier(run_dir, tcp=("127.0.0.1", 0), pod_port=pod.sockets[0].getsockname()[1])
    await carrier.start()
    try:
        yield World(carrier, run_dir, place)
    finally:
        await carrier.stop()
        pod.close()
        gate.close()
        await asyncio.gather(*HANDLING)
        HANDLING.clear()


def run(tmp_path: Path, test: Callable[[World], Awaitable[None]]) -> None:
    async def main() -> None:
        async with world(tmp_path) as it:
            await test(it)

    asyncio.run(main())


def test_bytes_are_carried_both_ways(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        assert await it.from_gate() == b"heard: hello\n"
        assert await it.from_pod() == b"heard: hello\n"

    run(tmp_path, test)


def test_a_pod_that_nobody_joined_is_not_answered(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        assert await it.from_pod() == b""
        await join_pod(it.run_dir, person="alice", server="grant-7", address="10.1.2.3")
        assert await it.from_pod() == b""  # somebody else's address opens nothing for this one

    run(tmp_path, test)


def test_a_notebook_that_is_over_is_cut_at_once(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        reader, writer = await asyncio.open_unix_connection(str(it.place.sockets / "in.sock"))
        writer.write(b"half a ")
        while not HANDLING:  # noqa: ASYNC110  (until the pod's server has it)
            await asyncio.sleep(0.01)
        await leave_pod(it.run_dir, person="alice", server="grant-7")
        assert await asyncio.wait_for(reader.read(), 2) == b""
        await closed(writer)
        assert await it.from_pod() == b""
        assert it.carrier.joined == {}

    run(tmp_path, test)


def test_joining_twice_is_joining_once(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        for _ in range(2):
            await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        assert it.carrier.joined == {POD: ("alice", "grant-7")}
        assert await it.from_gate() == b"heard: hello\n"

    run(tmp_path, test)


def test_an_address_that_another_notebook_had_is_the_new_ones_alone(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        Place(it.run_dir, "bob", "grant-8").make()
        await join_pod(it.run_dir, person="bob", server="grant-8", address=POD)
        assert it.carrier.joined == {POD: ("bob", "grant-8")}
        with pytest.raises(OSError, match=r".*"):
            await it.from_gate()  # alice's gate finds nobody behind the socket

    run(tmp_path, test)


def test_a_door_that_was_opened_anew_is_joined_anew(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        it.place.remove()
        it.place.make()
        await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        assert await it.from_gate() == b"heard: hello\n"

    run(tmp_path, test)


def test_a_carrier_that_was_killed_carries_on(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        again = PodCarrier(it.run_dir, tcp=("127.0.0.1", 0), pod_port=1)
        await it.carrier.stop()
        await again.start()
        assert again.joined == {POD: ("alice", "grant-7")}
        await again.stop()

    run(tmp_path, test)


@pytest.mark.parametrize(
    "address", ["", "169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1", "hub", "10.0.0.1:80", "10.0.0.0/8"]
)
def test_what_is_no_pods_address_is_not_joined(tmp_path: Path, address: str) -> None:
    async def test(it: World) -> None:
        with pytest.raises(OperatorError, match="no pod's address"):
            await join_pod(it.run_dir, person="alice", server="grant-7", address=address)

    run(tmp_path, test)


def test_a_door_that_is_shut_is_not_joined(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        with pytest.raises(BadInput, match="shut"):
            await it.carrier.join(Place(it.run_dir, "bob", "grant-8"), POD)
        with pytest.raises(OperatorError, match="name no notebook"):
            await join_pod(it.run_dir, person="bob", server="another", address=POD)

    run(tmp_path, test)


def test_a_link_in_the_place_of_the_gates_socket_is_not_followed(tmp_path: Path) -> None:
    async def test(it: World) -> None:
        await join_pod(it.run_dir, person="alice", server="grant-7", address=POD)
        other = await asyncio.start_unix_server(echo, str(tmp_path / "other.sock"))
        (it.place.sockets / "out.sock").unlink()
        (it.place.sockets / "out.sock").symlink_to(tmp_path / "other.sock")
        assert await it.from_pod() == b""
        other.close()

    run(tmp_path, test)


def test_a_carrier_that_is_away_is_an_operators_error(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="does not answer"):
        asyncio.run(leave_pod(tmp_path, person="alice", server="grant-7"))
