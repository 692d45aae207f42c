"""Folders of the data belong to the engine's user, also where the container engine maps users to other numbers."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sandbox import wiring
from sandbox.domain.errors import BadInput
from sandbox.settings import Settings
from sandbox.wiring import ENGINE_UID_FOR_ROOT, hand_over


@pytest.mark.parametrize(
    ("remapped_to", "owner"), [(0, ENGINE_UID_FOR_ROOT), (100_000, 100_000 + ENGINE_UID_FOR_ROOT)]
)
def test_root_gives_them_to_the_user_that_the_engine_is_on_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remapped_to: int, owner: int
) -> None:
    given: list[tuple[str, int, int]] = []
    monkeypatch.setattr(wiring.os, "getuid", lambda: 0)
    monkeypatch.setattr(wiring.os, "chown", lambda path, uid, gid: given.append((path.name, uid, gid)))
    (tmp_path / "rows.csv").write_text("a")
    hand_over(tmp_path, remapped_to=remapped_to)
    hand_over(tmp_path / "rows.csv", remapped_to=remapped_to)
    assert given == [(tmp_path.name, owner, owner), ("rows.csv", owner, owner)]
    assert [stat.S_IMODE(os.stat(p).st_mode) for p in (tmp_path, tmp_path / "rows.csv")] == [0o700, 0o400]


def test_the_number_comes_from_the_environment_and_goes_on_to_children() -> None:
    settings = Settings.from_environment({"SANDBOX_REMAPPED_TO": "100000"})
    assert settings.remapped_to == 100_000
    assert Settings.from_environment(settings.as_environment()).remapped_to == 100_000
    assert Settings.from_environment({}).remapped_to == 0


@pytest.mark.parametrize("wrong", ["-1", "root", "1.5", "4294967295"])
def test_what_is_no_users_number_is_refused(wrong: str) -> None:
    with pytest.raises(BadInput, match="doctor"):
        Settings.from_environment({"SANDBOX_REMAPPED_TO": wrong})
