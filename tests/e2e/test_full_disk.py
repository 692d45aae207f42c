"""A disk that is full: said plainly, nothing of what was kept is lost, and work goes on when there is room again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from sandbox.domain.audit import Event
from sandbox.domain.errors import OperatorError
from sandbox.store import Store

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
KIB = 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "small", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(place: Path) -> Path:
    """Everything that is left of the disk, to the last block."""
    file = place / "filler"
    with file.open("wb", buffering=0) as filler:
        for size in (256 * KIB, 4 * KIB):
            try:
                while filler.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return file


def write_on(store: Store) -> None:
    """Until the database has used what it had reserved."""
    for number in range(200):
        store.log.record(Event("system:test", "during", "disk:1", {"text": "x" * 4000, "n": number}))


def test_a_full_disk_is_said_and_loses_nothing(small_disk: Path) -> None:
    store = Store(f"sqlite:///{small_disk / 'state.db'}", small_disk, hasher=PasswordHasher(1, 8, 1))
    try:
        kept = store.vault.put(b"a table")
        store.log.record(Event("system:test", "before", "disk:1", {}))
        filler = fill(small_disk)
        with pytest.raises(OperatorError, match=r"disk|full") as database:
            write_on(store)
        assert "space" in database.value.fix
        with pytest.raises(OperatorError, match="full"):
            store.vault.put(b"y" * (64 * KIB))
        assert store.vault.get(kept.sha256) == b"a table"
        filler.unlink()
        entries = store.log.verify()  # unbroken: what was not kept is not there by halves
        store.log.record(Event("system:test", "after", "disk:1", {}))
        assert store.vault.put(b"y" * (64 * KIB)).size_bytes == 64 * KIB
        assert store.vault.verify() == 2
        assert store.log.verify() == entries + 1
    finally:
        store.close()
