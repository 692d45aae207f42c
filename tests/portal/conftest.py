"""One installation is founded; each test works on a copy of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.portal.example_world import World, found_world, open_world


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("founded") / "world"
    home.mkdir()
    found_world(home)
    return home


@pytest.fixture(scope="session")
def app(founded: Path) -> FastAPI:
    opened = open_world(founded)
    opened.close()
    return opened.app


@pytest.fixture
def world(founded: Path, app: FastAPI, tmp_path: Path) -> Iterator[World]:
    home = tmp_path / "world"
    shutil.copytree(founded, home)
    opened = open_world(home, app=app)
    yield opened
    opened.close()
