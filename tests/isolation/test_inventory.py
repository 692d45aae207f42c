"""The script that ends each image's build: it lists what is there, and stops for a program that could gain rights."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from types import ModuleType

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from sandbox.settings import CHECKOUT

CHECK = JsonStrictValidator(SchemaVersion.V1_6)


@pytest.fixture
def inventory() -> ModuleType:
    """The script as a module; it is no part of a package."""
    spec = importlib.util.spec_from_file_location("inventory", CHECKOUT / "images" / "inventory.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6711])
def test_a_set_uid_program_is_found(inventory: ModuleType, tmp_path: Path, mode: int) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("plain", "planted"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "planted").chmod(mode)
    (tmp_path / "link").symlink_to("bin/planted")
    assert list(inventory.gaining(str(tmp_path))) == [str(tmp_path / "bin" / "planted")]


def test_a_program_with_capabilities_is_found(inventory: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "ping").write_text("")
    assert list(inventory.gaining(str(tmp_path))) == []
    net_raw = b"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  # version 2, effective, CAP_NET_RAW
    try:
        os.setxattr(tmp_path / "ping", "security.capability", net_raw)
    except PermissionError:
        pytest.skip("only root may give capabilities")
    assert list(inventory.gaining(str(tmp_path))) == [str(tmp_path / "ping")]


def test_a_build_with_such_a_program_stops_and_writes_no_list(
    inventory: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inventory, "OUT", tmp_path / "packages.json")
    monkeypatch.setattr(inventory, "gaining", lambda: ["/usr/bin/su"])
    assert inventory.main("gate") == 1
    assert "/usr/bin/su" in capsys.readouterr().err
    assert not (tmp_path / "packages.json").exists()


def test_a_list_is_as_the_standard_says_and_the_same_each_time(
    inventory: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "third-party-licenses.json"
    bundle.write_text(
        json.dumps(
            {"packages": [{"name": "@a/b", "versionInfo": "1.0.0", "licenseId": "(MIT OR Apache-2.0)"}]}
        )
    )
    monkeypatch.setattr(inventory, "OUT", tmp_path / "packages.json")
    monkeypatch.setattr(inventory, "gaining", lambda: [])
    monkeypatch.setattr(inventory, "BUNDLED", str(bundle))
    site_packages = str(Path(pytest.__file__).parents[1])
    monkeypatch.setattr(inventory, "PYTHON", (site_packages,))
    monkeypatch.setattr(
        inventory, "debian", lambda: [inventory.component("tini", "0.19", "pkg:deb/debian/tini", [])]
    )
    written = []
    for _ in range(2):
        assert inventory.main("notebook") == 0
        written.append((tmp_path / "packages.json").read_text())
    assert written[0] == written[1]
    assert CHECK.validate_str(written[0]) is None
    found = {c["name"]: c for c in json.loads(written[0])["components"]}
    assert found["pytest"]["licenses"] == [{"expression": "MIT"}]
    assert found["@a/b"]["purl"] == "pkg:npm/%40a/b@1.0.0"
    assert "tini" in found


def test_a_list_that_is_not_as_the_standard_says_would_be_noticed() -> None:
    assert CHECK.validate_str(
        '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "x"}]}'
    )
