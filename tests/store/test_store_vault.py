"""The vault: files by what they hold, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.errors import NotFound, OperatorError, Tampered, TooLarge
from sandbox.store import Vault

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault")


def files(tmp_path: Path) -> list[Path]:
    return sorted(p for p in (tmp_path / "vault").rglob("*") if not p.is_dir())


@given(data=st.binary(max_size=4000))
def test_what_is_put_is_got_by_its_hash(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    vault = Vault(tmp_path_factory.getbasetemp() / "given")
    stored = vault.put(data)
    assert stored == (hashlib.sha256(data).hexdigest(), len(data))
    assert vault.get(stored.sha256) == data
    assert vault.size(stored.sha256) == len(data)
    assert vault.put(io.BytesIO(data)) == stored


def test_the_same_bytes_are_kept_once_and_for_the_owner_only(vault: Vault, tmp_path: Path) -> None:
    vault.put(b"same")
    vault.put(b"same")
    [path] = files(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "vault").stat().st_mode & 0o777 == 0o700
    assert vault.checked_path(hashlib.sha256(b"same").hexdigest()) == path


def flip(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"True")


def cut(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(b"")


def link(path: Path) -> None:
    twin = path.with_name("twin")
    path.rename(twin)
    path.symlink_to(twin)  # even to the right bytes: who made it can turn it


@pytest.mark.parametrize("change", [flip, cut, link])
def test_a_file_that_was_changed_is_never_let_out(vault: Vault, tmp_path: Path, change: object) -> None:
    stored = vault.put(b"true")
    assert vault.verify() == 1  # the control
    change(files(tmp_path)[0])  # type: ignore[operator]
    for read in (vault.get, vault.checked_path):
        with pytest.raises(Tampered, match=stored.sha256[:12]):
            read(stored.sha256)
    with pytest.raises(Tampered):
        vault.verify()


def test_putting_the_right_bytes_again_mends_a_changed_file(vault: Vault, tmp_path: Path) -> None:
    stored = vault.put(b"true")
    flip(files(tmp_path)[0])
    vault.put(b"true")
    assert vault.get(stored.sha256) == b"true"


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"]
)
def test_only_a_hash_names_a_file(vault: Vault, name: str) -> None:
    with pytest.raises(NotFound):
        vault.get(name)


def test_a_file_that_was_never_put_is_not_found(vault: Vault) -> None:
    for read in (vault.get, vault.size, vault.checked_path):
        with pytest.raises(NotFound):
            read("0" * 64)


def test_more_than_allowed_is_refused_and_leaves_nothing(vault: Vault, tmp_path: Path) -> None:
    assert vault.put(b"12345", max_bytes=5).size_bytes == 5
    with pytest.raises(TooLarge):
        vault.put(io.BytesIO(b"123456"), max_bytes=5)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("when", ["write", "flush", "close"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path: Path, when: str, code: int) -> None:
    class Full(io.FileIO):
        """A file on a disk without room."""

        def write(self, data: object) -> int:
            if when == "write":
                super().write(b"half")
                raise OSError(code, os.strerror(code))
            return super().write(data)  # type: ignore[arg-type]

        def flush(self) -> None:
            if when == "flush" and not self.closed:
                raise OSError(code, os.strerror(code))

        def close(self) -> None:
            broken = when == "close" and not self.closed
            super().close()
            if broken:
                raise OSError(code, os.strerror(code))

    def create(path: Path) -> BinaryIO:
        return Full(path, "x")  # type: ignore[return-value]

    Vault(tmp_path / "vault").put(b"what is there stays")
    with pytest.raises(OperatorError, match="was not kept"):
        Vault(tmp_path / "vault", create=create).put(b"a file that does not fit")
    assert [p.read_bytes() for p in files(tmp_path)] == [b"what is there stays"]


def test_a_disk_that_really_takes_no_more_is_said_too(tmp_path: Path) -> None:
    """The kernel's own refusal (a limit on file size), in a process of its own."""
    code = (
        "import sys; from pathlib import Path; from sandbox.store.vault import Vault\n"
        "from sandbox.domain.errors import OperatorError\n"
        "vault = Vault(Path(sys.argv[1])); vault.put(b'x' * 1000)\n"
        "try: vault.put(b'y' * 100_000)\n"
        "except OperatorError as full: print(full)\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path / "vault")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "takes no file of this size" in done.stdout
    assert len(files(tmp_path)) == 1


def test_a_reader_that_breaks_leaves_no_half_file(vault: Vault, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise RuntimeError("the sender went away")
            return super().read(2)

    with pytest.raises(RuntimeError):
        vault.put(Broken(b"half"))
    assert files(tmp_path) == []


def test_half_files_of_killed_processes_are_removed_after_a_day(tmp_path: Path) -> None:
    incoming = tmp_path / "vault" / "incoming"
    incoming.mkdir(parents=True)
    old, young = incoming / "old.part", incoming / "young.part"
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (0, 0))
    Vault(tmp_path / "vault")
    assert files(tmp_path) == [young]
