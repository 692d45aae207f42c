"""A container engine that goes away in the middle: access ends all the same, and nothing is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.domain.errors import OperatorError
from tests.isolation.gate_world import run
from tests.isolation.test_launcher import ALICE, TOLD, World, a_world

ROOM = ("ben", "grant-2")


class Outage:
    """While it lasts, no container can be ended or asked for."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self._world, self._patch = world, patch

    def begin(self) -> None:
        def away(*arguments: object) -> None:
            raise OperatorError("The container engine stopped answering.")

        for verb in ("remove", "running", "names"):
            self._patch.setattr(type(self._world.engine), verb, away)

    def end(self) -> None:
        self._patch.undo()


def test_while_it_is_away_a_revoked_notebook_loses_its_door_and_ends_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            outage = Outage(world, monkeypatch)
            await world.launcher.start(*ALICE, TOLD)
            assert world.gate.open_servers  # the positive control
            del world.grants[ALICE]
            outage.begin()
            with pytest.raises(OperatorError, match="stopped answering"):
                await world.launcher.look_at_all()
            assert not world.gate.open_servers
            assert world.launcher.running == (ALICE,)  # its container may still be there
            assert world.log[-1][0] == "opened"
            outage.end()
            await world.launcher.look_at_all()
            assert not world.engine.up
            assert world.log[-1][0] == "closed"

    run(test())


def test_a_start_that_it_breaks_leaves_no_rows_and_its_container_is_swept_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            outage = Outage(world, monkeypatch)
            await world.launcher.start(*ALICE, TOLD)

            def opened(*arguments: object) -> None:
                outage.begin()
                raise OperatorError("The database is away.")

            object.__setattr__(world.launcher.authority, "opened", opened)
            with pytest.raises(OperatorError):
                await world.launcher.start(*ROOM, TOLD)
            assert world.rows == set()
            left = {name for name in world.engine.up if "ben" in name}
            assert left  # nobody could remove it
            outage.end()
            await world.launcher.look_at_all()
            assert set(world.engine.up).isdisjoint(left)
            assert world.launcher.running == (ALICE,)  # what was in order goes on

    run(test())


def test_a_container_that_nobody_knows_is_removed_at_the_next_look(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            await world.launcher.start(*ALICE, TOLD)
            a_notebook = world.engine.up["house-1-notebook-alice-grant-1"]
            world.engine.up["house-1-notebook-eve-grant-9"] = a_notebook
            world.engine.up["house-2-notebook-eve-grant-9"] = (
                a_notebook  # of another installation: not ours to end
            )
            await world.launcher.look_at_all()
            assert "house-1-notebook-eve-grant-9" not in world.engine.up
            assert "house-2-notebook-eve-grant-9" in world.engine.up
            assert "house-1-notebook-alice-grant-1" in world.engine.up

    run(test())
