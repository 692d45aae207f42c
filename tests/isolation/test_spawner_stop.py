"""A notebook is closed for its person also when what would end its container is away."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hub_config.spawner import House, LockedSpawner
from sandbox.domain.errors import OperatorError
from sandbox.isolation.launcher_client import LauncherClient, Refused


class Launcher:
    def __init__(self, met: Exception) -> None:
        self.met = met

    def stop(self, person: str, server: str, *, reason: str) -> None:
        raise self.met


def spawner(met: Exception) -> LockedSpawner:
    house = House(launcher=cast(LauncherClient, Launcher(met)), gate_url="http://127.0.0.1:1")
    made: Any = LockedSpawner(house=house, user=cast(Any, SimpleNamespace(name="ana")))
    made.orm_spawner = SimpleNamespace(name="grant-1", state={}, user_options=None, server=None)
    return cast(LockedSpawner, made)


@pytest.mark.parametrize(
    "away",
    [
        OperatorError("The launcher does not answer."),
        Refused("The container engine stopped answering.", code="operator", status=500),
    ],
)
def test_it_is_closed_while_launcher_or_engine_are_away(
    away: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        asyncio.run(spawner(away).stop())
    assert "is not stopped yet" in caplog.text


def test_anything_else_is_a_fault_that_is_not_passed_over() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(spawner(ZeroDivisionError()).stop())
