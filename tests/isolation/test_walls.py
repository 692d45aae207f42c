"""What runs before a notebook on a cluster: it lets the notebook start only behind walls."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[2] / "images/notebook/walls.py"
SHUT = "127.0.0.1:1"


@pytest.fixture
def walls(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("walls", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Nothing leaves this machine: the metadata address is another one here.
    monkeypatch.setattr(module, "METADATA", SHUT)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return module


@pytest.fixture
def listener() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_behind_walls_it_starts(walls: ModuleType, listener: str) -> None:
    assert walls.main([listener, SHUT, SHUT], looks_for_s=0) == 0


def test_a_wall_that_is_not_there_keeps_it_from_starting(
    walls: ModuleType, listener: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert walls.main([listener, SHUT, listener], looks_for_s=0) == 1
    assert capsys.readouterr().err == f"this can be reached: {listener}\n"


def test_a_way_out_that_is_shut_proves_nothing(walls: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing at all can be reached, walls are not what keeps it."""
    assert walls.main([SHUT, SHUT], looks_for_s=0) == 1
    assert capsys.readouterr().err == f"the way out is shut: {SHUT}\n"


def test_the_clouds_metadata_is_tried(
    walls: ModuleType, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walls, "METADATA", listener)
    assert walls.main([listener, SHUT], looks_for_s=0) == 1


def test_the_api_server_is_tried(walls: ModuleType, listener: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host, _, port = listener.partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    assert walls.main([listener, SHUT], looks_for_s=0) == 1


def test_walls_that_come_a_moment_late_are_waited_for(
    walls: ModuleType, listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([["this can be reached: x"], ["this can be reached: x"], []])
    monkeypatch.setattr(walls, "wrong", lambda way, targets: next(looks))
    assert walls.main([listener, SHUT], looks_for_s=60) == 0


def test_the_metadata_address_is_the_clouds() -> None:
    assert 'METADATA = "169.254.169.254:80"' in FILE.read_text()
