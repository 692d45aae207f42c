"""The engine's container lives as long as the process that started it, and not longer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from sandbox.domain.errors import OperatorError
from sandbox.isolation.container import ContainerSettings, Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.engine_room import run_engine


@dataclass
class FakeContainers:
    """Runs nothing; ``lives`` times it says that the container runs."""

    lives: int
    fails: bool = False
    away_at: tuple[int, ...] = ()  # at these counts of ``lives`` the container engine does not answer
    told_to_end: bool = False
    happened: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def start(self, settings: ContainerSettings, *, name: str, command: list[str]) -> str:
        if self.fails:
            raise OperatorError("no image")
        self.happened.append(f"start {name} as {settings['user']}")
        self.command = command
        return "id"

    def running(self, name: str) -> bool:
        self.lives -= 1
        if self.lives in self.away_at:
            raise OperatorError("The container engine stopped answering.")
        if self.told_to_end and self.lives == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.lives >= 0

    def remove(self, name: str) -> None:
        self.happened.append(f"remove {name}")


@pytest.fixture(autouse=True)
def _signals_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr("sandbox.isolation.engine_room._LOOK_EVERY_S", 0.01)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run(containers: FakeContainers, folder: Path, **more: Any) -> int:
    return run_engine(
        images=Images(gate="g", engine="e", notebook="n"),
        raw_dir=folder / "raw",
        views_dir=folder / "views",
        keys_dir=folder / "keys",
        extracts_dir=folder / "extracts",
        socket=folder / "engine.sock",
        memory_mib=1024,
        timeout_s=30,
        user=(64000, 64000),
        name="the-engine",
        containers=cast(Containers, containers),
    )


def test_an_engine_that_ends_by_itself_is_a_failure(tmp_path: Path) -> None:
    containers = FakeContainers(lives=3)
    assert run(containers, tmp_path) == 1
    assert containers.happened == ["start the-engine as 64000:64000", "remove the-engine"]


def test_a_container_engine_that_is_away_is_not_the_containers_end(tmp_path: Path) -> None:
    containers = FakeContainers(lives=6, away_at=(5, 4, 2), told_to_end=True)
    assert run(containers, tmp_path) == 0
    assert containers.happened == ["start the-engine as 64000:64000", "remove the-engine"]


def test_what_an_engine_that_is_back_has_ended_is_a_failure(tmp_path: Path) -> None:
    containers = FakeContainers(lives=1, away_at=(0,))
    assert run(containers, tmp_path) == 1


def test_told_to_end_it_takes_the_container_along(tmp_path: Path) -> None:
    containers = FakeContainers(lives=3, told_to_end=True)
    assert run(containers, tmp_path) == 0
    assert containers.happened[-1] == "remove the-engine"


def test_a_socket_of_a_killed_engine_is_gone_before_the_next_one_starts(tmp_path: Path) -> None:
    (tmp_path / "engine.sock").touch()
    run(FakeContainers(lives=0), tmp_path)
    assert not (tmp_path / "engine.sock").exists()


def test_the_engine_is_told_its_own_names_of_the_folders(tmp_path: Path) -> None:
    containers = FakeContainers(lives=0)
    run(containers, tmp_path)
    options = dict(zip(containers.command[3::2], containers.command[4::2], strict=True))
    assert options == {
        "--socket": "/run/engine/engine.sock",
        "--raw": "/data/raw",
        "--views": "/data/views",
        "--keys": "/data/keys",
        "--extracts": "/data/extracts",
        "--timeout-s": "30",
        "--memory-mib": "1024",
        "--threads": "2",
    }


def test_an_engine_that_cannot_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="no image"):
        run(FakeContainers(lives=1, fails=True), tmp_path)
