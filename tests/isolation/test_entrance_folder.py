"""The folder that containers see: what the database and the vault say, and nothing that somebody laid beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.isolation.entrance import folder
from sandbox.isolation.entrance.folder import clashing, clear, holds_exactly, lay_out

CONTENTS = {"files/regions.csv": b"a,b\n1,2\n", "python/kind/__init__.py": b"x = 1\n"}


def everything(place: Path) -> dict[str, bytes]:
    return {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*") if p.is_file()}


def laid(tmp_path: Path) -> Path:
    return lay_out(tmp_path / "imports", "project", CONTENTS)


def test_it_holds_what_was_let_in_readable_and_not_writable(tmp_path: Path) -> None:
    place = laid(tmp_path)
    assert everything(place) == CONTENTS
    assert {p.stat().st_mode & 0o777 for p in place.rglob("*") if p.is_file()} == {0o444}
    assert {p.stat().st_mode & 0o777 for p in (place, *place.rglob("*")) if p.is_dir()} == {0o755}
    for parent in (place.parent, place.parent.parent):  # closed to others of the host
        assert parent.stat().st_mode & 0o777 == 0o700


def test_the_same_contents_stay_where_they_are(tmp_path: Path) -> None:
    place = laid(tmp_path)
    before = place.stat().st_ino
    assert laid(tmp_path) == place
    assert place.stat().st_ino == before


def test_other_contents_lie_elsewhere_so_that_a_running_notebook_keeps_its_own(tmp_path: Path) -> None:
    place = laid(tmp_path)
    other = lay_out(tmp_path / "imports", "project", {"files/other.csv": b"1"})
    assert other != place
    assert everything(place) == CONTENTS


def _planted(place: Path) -> None:
    (place / "files" / "planted.py").write_bytes(b"import os")


def _planted_deep(place: Path) -> None:
    (place / "python" / "kind" / "sub").mkdir()


def _changed(place: Path) -> None:
    path = place / "files" / "regions.csv"
    path.chmod(0o600)
    path.write_bytes(b"a,b\n9,9\n")
    path.chmod(0o444)


def _linked(place: Path) -> None:
    path = place / "files" / "regions.csv"
    path.unlink()
    path.symlink_to("/etc/passwd")


def _hard_linked(place: Path) -> None:
    os.link(place / "files" / "regions.csv", place.parent / "second")


def _folder_linked(place: Path) -> None:
    (place / "files").rename(place.parent / "moved")
    (place / "files").symlink_to(place.parent / "moved")


def _writable(place: Path) -> None:
    (place / "files" / "regions.csv").chmod(0o666)


def _missing(place: Path) -> None:
    (place / "python" / "kind" / "__init__.py").unlink()


def _whole_linked(place: Path) -> None:
    place.rename(place.parent / "whole")
    place.symlink_to(place.parent / "whole")


def _a_file_instead(place: Path) -> None:
    place.rename(place.parent / "whole")
    place.write_bytes(b"")


def _a_pipe(place: Path) -> None:
    os.mkfifo(place / "files" / "pipe")


ATTACKS = (
    _planted, _planted_deep, _changed, _linked, _hard_linked, _folder_linked, _writable, _missing, _whole_linked,
    _a_file_instead, _a_pipe,
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__)
def test_what_somebody_changed_in_it_is_laid_out_anew(
    tmp_path: Path, attack: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = laid(tmp_path)
    attack(place)
    monkeypatch.setattr(folder, "holds_exactly", lambda *_: True)
    laid(tmp_path)  # the control: without the look, it stays
    monkeypatch.undo()
    assert not holds_exactly(place, {p: _hash(c) for p, c in CONTENTS.items()})
    assert laid(tmp_path) == place
    assert not place.is_symlink()
    assert everything(place) == CONTENTS
    assert holds_exactly(place, {p: _hash(c) for p, c in CONTENTS.items()})


def _hash(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_a_full_disk_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, mode: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space"):
        laid(tmp_path)
    assert list((tmp_path / "imports" / "project").iterdir()) == []


def test_everything_can_be_cleared_and_comes_back(tmp_path: Path) -> None:
    place = laid(tmp_path)
    clear(tmp_path / "imports")
    assert not (tmp_path / "imports").exists()
    clear(tmp_path / "imports")
    assert laid(tmp_path) == place


def test_clashes_are_seen() -> None:
    assert clashing({"a": b"1"}, {"a": b"2"}) == "a"
    assert clashing({"a": b"1"}, {"a": b"1"}) == ""
    assert clashing({"a/b": b"1"}, {"a": b"1"}) == "a"
    assert clashing({"a": b"1"}, {"a/b": b"1"}) == "a"
