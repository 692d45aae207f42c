"""The launcher starts what is allowed, as the profile says, and nothing that a caller says beyond it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector, web

from sandbox.domain.access import Grant
from sandbox.domain.errors import BadInput, NotAllowed, NotFound, OperatorError, Tampered
from sandbox.domain.notebook_start import Stage
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.isolation.container import ContainerSettings, Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.gate import Gate
from sandbox.isolation.gate_client import open_door
from sandbox.isolation.launcher import FORGOTTEN_LOOKS, Authority, Launcher, Opening, Server
from sandbox.isolation.launcher_service import doors
from sandbox.isolation.profile import NOTHING, Shown
from tests.isolation.gate_world import a_gate, run

TOLD = {"JUPYTERHUB_API_TOKEN": "the container's own", "JUPYTERHUB_USER": "alice"}
ALICE = ("alice", "grant-1")


def grant(number: int, person: str, mode: Mode = Mode.QUERY) -> Grant:
    return Grant(
        id=number,
        person=person,
        dataset="loans",
        project="credit",
        purpose="a model",
        mode=mode,
        starts=date(2020, 1, 1),
        ends=date(2099, 1, 1),
        agreement_hash="0" * 64,
    )


@dataclass(frozen=True)
class Allowed:
    grant: Grant
    limits: NotebookLimits = NotebookLimits()
    room: RoomLimits = RoomLimits()


@dataclass(frozen=True, slots=True)
class FakeEngine(Containers):
    """Remembers what runs, by name."""

    up: dict[str, tuple[ContainerSettings, dict[str, str]]] = field(default_factory=dict)
    refuses: list[str] = field(default_factory=list)

    def start(
        self,
        settings: ContainerSettings,
        *,
        name: str,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
    ) -> str:
        if any(part in name for part in self.refuses):
            raise OperatorError("The engine would not.")
        self.up[name] = (settings, dict(environment or {}))
        return f"id of {name}"

    def running(self, name: str) -> bool:
        return name in self.up

    def remove(self, name: str) -> None:
        self.up.pop(name, None)

    def names(self, kind: str) -> tuple[str, ...]:
        return tuple(name for name in self.up if f"-{kind}-" in name)


@dataclass
class World:
    launcher: Launcher
    engine: FakeEngine
    gate: Gate
    grants: dict[Server, Grant]
    log: list[tuple[object, ...]] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    known: frozenset[Server] | None = None

    def another(self) -> Launcher:
        """As after a restart."""
        old = self.launcher
        return Launcher(
            containers=old.containers, authority=old.authority, gate_dir=old.gate_dir, name=old.name
        )


@asynccontextmanager
async def a_world(tmp_path: Path) -> AsyncIterator[World]:
    grants = {ALICE: grant(1, "alice"), ("ben", "grant-2"): grant(2, "ben", Mode.ROOM)}
    engine = FakeEngine(client=None)
    gate = a_gate(tmp_path / "gate", [])

    def allowed(person: str, server: str) -> Opening:
        if (person, server) not in grants:
            raise NotFound("No grant of yours opens this.")
        return Allowed(grants[person, server])

    def shown(opening: Opening) -> Shown:
        if opening.grant.mode is not Mode.ROOM:
            return NOTHING
        world.rows.add(opening.grant.id)
        return Shown(data=tmp_path / "rows")

    launcher = Launcher(
        containers=engine,
        authority=Authority(
            allowed=allowed,
            goes_on=allowed,
            shown=shown,
            hidden=lambda grant: world.rows.discard(grant.id),
            swept=lambda servers: world.rows.intersection_update(
                int(s.removeprefix("grant-")) for s in servers
            ),
            opened=lambda grant, container: world.log.append(("opened", grant.id, container)),
            closed=lambda grant, reason: world.log.append(("closed", grant.id, reason)),
            images=lambda: Images(gate="g", engine="e", notebook="n"),
            runtime=lambda: "runc",
            known=lambda: world.known,
        ),
        gate_dir=tmp_path / "gate",
        name="house-1",
    )
    world = World(launcher, engine, gate, grants)
    await gate.start()
    try:
        yield world
    finally:
        await gate.stop()


def test_a_notebook_gets_its_door_its_profile_and_its_carrier(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start(*ALICE, TOLD)
            assert sorted(world.engine.up) == [
                "house-1-carrier-alice-grant-1",
                "house-1-notebook-alice-grant-1",
            ]
            settings, told = world.engine.up["house-1-notebook-alice-grant-1"]
            assert (settings["image"], settings["network_mode"], settings["runtime"]) == ("n", "none", "runc")
            assert told["SANDBOX_GRANT"] == "1"
            assert told["JUPYTERHUB_USER"] == "alice"
            assert world.gate.open_servers == (ALICE,)
            assert (await world.launcher.look(*ALICE)).running
            await world.launcher.stop(*ALICE, reason="stopped")
            assert not world.engine.up
            assert not world.gate.open_servers
            assert [line[:2] for line in world.log] == [("opened", 1), ("closed", 1)]

    run(test())


def test_rows_are_shown_for_as_long_as_the_room_is_open(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start("ben", "grant-2", TOLD)
            assert world.engine.up["house-1-notebook-ben-grant-2"][0]["mounts"][0]["ReadOnly"] is True
            assert world.rows == {2}
            await world.launcher.stop("ben", "grant-2", reason="stopped")
            assert not world.rows

    run(test())


# attacks of somebody who speaks to the launcher


@pytest.mark.parametrize(
    "server",
    [("ben", "grant-1"), ("alice", "grant-2"), ("alice", "grant-99")],
)
def test_another_persons_grant_starts_nothing(tmp_path: Path, server: Server) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            with pytest.raises(NotFound):
                await world.launcher.start(*server, TOLD)
            assert not world.engine.up
            assert not world.gate.open_servers
            assert not world.log

    run(test())


@pytest.mark.parametrize(
    "server",
    [("..", "grant-1"), ("alice/../ben", "grant-2"), ("alice", "../grant-1"), ("alice", ""), ("", "grant-1")],
)
def test_a_name_that_is_none_reaches_no_folder_and_no_container(tmp_path: Path, server: Server) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.grants[server] = grant(1, "alice")  # even if somebody said yes
            for attempt in (world.launcher.start(*server, TOLD), world.launcher.stop(*server, reason="x")):
                with pytest.raises(BadInput):
                    await attempt

    run(test())


@pytest.mark.parametrize(
    "more",
    [
        {"LD_PRELOAD": "/tmp/x.so"},
        {"PYTHONPATH": "/tmp"},
        {"SANDBOX_GRANT": "2"},
        {"JUPYTERHUB_ADMIN_ACCESS": "1"},
        {"JUPYTERHUB_SSL_KEYFILE": "/x"},
        {"JUPYTERHUB_USER": "a" * 9000},
    ],
)
def test_a_notebook_is_told_what_is_listed_and_nothing_else(tmp_path: Path, more: dict[str, str]) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            with pytest.raises(BadInput):
                await world.launcher.start(*ALICE, {**TOLD, **more})
            assert not world.engine.up

    run(test())


@pytest.mark.parametrize(
    "body",
    [
        {"environment": TOLD, "image": "mine"},
        {"environment": TOLD, "host_config": {"privileged": True}},
        {"environment": TOLD, "mounts": []},
        {"environment": {**TOLD, "JUPYTERHUB_USER": 1}},
        {"environment": [["JUPYTERHUB_API_TOKEN", "x"]]},
        [],
        "no JSON",
    ],
)
def test_there_is_no_way_to_ask_for_a_setting(tmp_path: Path, body: Any) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world, asking(world, tmp_path) as client:
            sent = {"data": body} if isinstance(body, str) else {"json": body}
            async with client.put("http://launcher/notebooks/alice/grant-1", **sent) as answer:
                assert answer.status in (400, 422), await answer.text()
            assert not world.engine.up
            async with client.put(
                "http://launcher/notebooks/alice/grant-1", json={"environment": TOLD}
            ) as answer:
                assert answer.status == 200  # the positive control

    run(test())


def test_it_has_these_addresses_and_no_more(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            listed = {
                (route.method, route.resource.canonical)
                for route in doors(world.launcher).router.routes()
                if route.resource is not None and route.method != "HEAD"
            }
            server = "/notebooks/{person}/{server}"
            assert listed == {
                *(("PUT", server), ("GET", server), ("DELETE", server)),
                ("GET", f"{server}/stage"),
                ("GET", "/health"),
            }

    run(test())


# ends that nobody asked for


def test_how_far_a_start_is_can_be_seen_while_it_starts(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            seen: list[Stage] = []
            authority = world.launcher.authority

            def look(*told: object) -> None:
                seen.append(world.launcher.stage(*ALICE))

            def images() -> Images:
                look()
                return authority.images()

            world.launcher.authority = replace(authority, images=images, opened=look)
            assert world.launcher.stage(*ALICE) is Stage.WAITING
            await world.launcher.start(*ALICE, TOLD)
            assert seen == [Stage.ROWS, Stage.CONTAINER]
            assert world.launcher.stage(*ALICE) is Stage.SERVER
            assert world.another().stage(*ALICE) is Stage.WAITING
            await world.launcher.stop(*ALICE, reason="stopped")
            assert world.launcher.stage(*ALICE) is Stage.WAITING

    run(test())


@pytest.mark.parametrize(("refuses", "error"), [("-notebook-", OperatorError), ("-carrier-", OperatorError)])
def test_a_start_that_fails_half_way_leaves_nothing(
    tmp_path: Path, refuses: str, error: type[Exception]
) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.engine.refuses.append(refuses)
            with pytest.raises(error):
                await world.launcher.start("ben", "grant-2", TOLD)
            assert not world.engine.up
            assert not world.gate.open_servers
            assert not world.rows
            assert world.launcher.running == ()
            world.engine.refuses.clear()
            await world.launcher.start("ben", "grant-2", TOLD)  # and it can be started again

    run(test())


@pytest.mark.parametrize(
    ("lost", "reason"),
    [("carrier", "the carrier ended"), ("notebook", "the container ended"), ("grant", "No grant of yours")],
)
def test_when_a_part_is_lost_all_of_it_goes(tmp_path: Path, lost: str, reason: str) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start(*ALICE, TOLD)
            if lost == "grant":
                del world.grants[ALICE]
            else:
                del world.engine.up[f"house-1-{lost}-alice-grant-1"]
            watching = asyncio.create_task(world.launcher.watch(every_s=0.01))
            async with asyncio.timeout(10):
                while world.log[-1][0] != "closed":  # noqa: ASYNC110  (there is nothing to wait on)
                    await asyncio.sleep(0.01)
            watching.cancel()
            assert not world.engine.up
            assert not world.gate.open_servers
            assert world.launcher.running == ()
            assert reason in str(world.log[-1][2])

    run(test())


def test_what_the_hub_forgot_ends_but_not_at_the_first_look(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start(*ALICE, TOLD)
            for _ in range(FORGOTTEN_LOOKS * 2):
                await world.launcher.look_at_all()  # the hub does not answer: that says nothing
            world.known = frozenset()
            for _ in range(FORGOTTEN_LOOKS - 1):
                await world.launcher.look_at_all()
            world.known = frozenset({ALICE})
            await world.launcher.look_at_all()
            assert world.launcher.running == (ALICE,)
            world.known = frozenset()
            for _ in range(FORGOTTEN_LOOKS):
                await world.launcher.look_at_all()
            assert world.launcher.running == ()
            assert not world.engine.up

    run(test())


def test_a_restarted_launcher_goes_on_with_what_may_and_removes_halves(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start(*ALICE, TOLD)
            await world.launcher.start("ben", "grant-2", TOLD)
            del world.engine.up["house-1-carrier-ben-grant-2"]
            stranger = "house-2-notebook-eve-grant-7"  # another installation's on the same machine
            world.engine.up[stranger] = world.engine.up["house-1-notebook-alice-grant-1"]
            again = world.another()
            await again.adopt()
            assert again.running == (ALICE,)
            assert not world.rows
            assert sorted(world.engine.up) == [
                "house-1-carrier-alice-grant-1",
                "house-1-notebook-alice-grant-1",
                stranger,
            ]
            del world.grants[ALICE]
            world.rows.add(9)  # of a notebook that is gone
            third = world.another()
            await third.adopt()
            assert third.running == ()
            assert list(world.engine.up) == [stranger]
            assert not world.rows

    run(test())


async def a_door(tmp_path: Path, server: str) -> None:
    await open_door(
        tmp_path / "gate", person="ben", server=server, token="t", mode=Mode.QUERY, display=RoomLimits()
    )


def test_a_door_that_a_launcher_left_open_when_it_died_is_shut(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start(*ALICE, TOLD)
            for server in ("grant-2", "grant-3"):  # killed before the container
                await a_door(tmp_path, server)
            again = world.another()
            await again.adopt()
            assert world.gate.open_servers == (ALICE,)
            await a_door(tmp_path, "grant-2")
            await again.look_at_all()
            assert world.gate.open_servers == (ALICE,)

    run(test())


def test_a_door_that_stayed_since_the_gate_was_away_is_shut_when_it_is_back(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start(*ALICE, TOLD)
            await world.gate.stop()
            await world.launcher.stop(*ALICE, reason="stopped")
            await world.launcher.look_at_all()  # nobody there to be asked: that is no reason to fail
            await world.gate.start()
            assert world.gate.open_servers == (ALICE,)  # the control: a gate opens again what was open
            await world.launcher.look_at_all()
            assert not world.gate.open_servers

    run(test())


def test_two_starts_at_once_make_one_notebook(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await asyncio.gather(*(world.launcher.start(*ALICE, TOLD) for _ in range(4)))
            assert len(world.engine.up) == 2
            assert [line[0] for line in world.log] == ["opened", *("closed", "opened") * 3]

    run(test())


def test_a_no_in_the_middle_of_a_start_is_told_as_it_is(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world, asking(world, tmp_path) as client:
            async with client.put(
                "http://launcher/notebooks/eve/grant-1", json={"environment": TOLD}
            ) as answer:
                assert (answer.status, (await answer.json())["code"]) == (NotFound.status, NotFound.code)
            assert NotAllowed.status != NotFound.status

    run(test())


@asynccontextmanager
async def asking(world: World, tmp_path: Path) -> AsyncIterator[ClientSession]:
    """Over the launcher's socket."""
    runner = web.AppRunner(doors(world.launcher), access_log=None)
    await runner.setup()
    path = str(tmp_path / "launcher.sock")
    await web.UnixSite(runner, path).start()
    async with ClientSession(connector=UnixConnector(path)) as client:
        yield client
    await runner.cleanup()


def test_a_notebook_whose_agreement_was_tampered_with_ends_and_hides_no_other(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            other = ("ben", "grant-2")
            for server in (ALICE, other):
                await world.launcher.start(*server, TOLD)
            allowed, failing = world.launcher.authority.allowed, OperatorError("The database is away.")

            def goes_on(person: str, server: str) -> Opening:
                if (person, server) == ALICE:
                    raise failing
                return allowed(person, server)

            world.launcher.authority = replace(world.launcher.authority, goes_on=goes_on)
            await world.launcher.look_at_all()
            assert world.launcher.running == (ALICE, other)  # the control: a database that is away ends none
            failing = Tampered("The agreement is not the one that was signed.")
            del world.grants[other]
            await world.launcher.look_at_all()
            assert (world.launcher.running, world.engine.up) == ((), {})

    run(test())


def test_a_look_that_breaks_at_one_notebook_goes_on_to_the_next(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            other = ("ben", "grant-2")
            for server in (ALICE, other):
                await world.launcher.start(*server, TOLD)
            allowed = world.launcher.authority.allowed

            def goes_on(person: str, server: str) -> Opening:
                if (person, server) == ALICE:
                    raise RuntimeError("no agreement reads like this")
                return allowed(person, server)

            world.launcher.authority = replace(world.launcher.authority, goes_on=goes_on)
            del world.grants[other]
            with pytest.raises(RuntimeError):
                await world.launcher.look_at_all()
            assert world.launcher.running == (ALICE,)

    run(test())
