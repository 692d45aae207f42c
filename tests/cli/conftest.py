"""A served portal for commands that speak to it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from sandbox.cli.commands import app
from sandbox.settings import PORTAL_PREFIX
from tests.portal.example_world import World, found_world, open_world


@dataclass(frozen=True)
class Terminal:
    """People at terminals of their own, before one served portal."""

    world: World
    url: str

    def __call__(self, name: str, *words: str, typed: str = "", fails: bool = False) -> str:
        """What a person's command prints; it has to succeed unless it ``fails``."""
        done = self.run(name, *words, typed=typed)
        assert (done.exit_code != 0) == fails, done.output + repr(done.exception)
        return done.output if not fails else done.output + str(done.exception)

    def run(self, name: str, *words: str, typed: str = "") -> Result:
        environment = {
            "SANDBOX_URL": self.url,
            "SANDBOX_TOKEN": f"token-of-{name}" if name else "",
            "SANDBOX_HOME": str(self.world.home / "state"),
            "HOME": str(self.world.home / "nobody"),
            "COLUMNS": "200",
        }
        return CliRunner(env=environment).invoke(app, ["access", *words], input=typed)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("founded") / "world"
    home.mkdir()
    found_world(home)
    return home


@pytest.fixture
def terminal(founded: Path, tmp_path: Path) -> Iterator[Terminal]:
    home = tmp_path / "world"
    shutil.copytree(founded, home)
    world = open_world(home)
    server = uvicorn.Server(
        uvicorn.Config(world.app, host="127.0.0.1", port=0, log_level="warning", ws="none", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Terminal(world, f"http://127.0.0.1:{port}{PORTAL_PREFIX}")
    finally:
        server.should_exit = True
        thread.join()
        world.close()
