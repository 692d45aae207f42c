"""What is read from the outbox is a plain file in it, and nothing else. Each refusal has a file that is read."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.client.errors import BadInput, TooLarge
from sandbox.client.outbox import MAX_BYTES, make_outbox, read_outbox

TABLE = b"sex,n\nf,120\n"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    folder = make_outbox(tmp_path / "outbox")
    (folder / "table.csv").write_bytes(TABLE)
    (tmp_path / "secret.csv").write_bytes(b"secret")
    return folder


def test_files_are_read_by_name_and_by_path(outbox: Path) -> None:
    for wanted in ("table.csv", outbox / "table.csv", "outbox/table.csv", ["table.csv"], "./table.csv"):
        assert read_outbox(outbox, wanted) == [("table.csv", TABLE)]


def symlink(outbox: Path) -> str:
    (outbox / "link.csv").symlink_to(outbox.parent / "secret.csv")
    return "link.csv"


def symlink_inside(outbox: Path) -> str:
    (outbox / "link.csv").symlink_to("table.csv")
    return "link.csv"


def folder(outbox: Path) -> str:
    (outbox / "folder.csv").mkdir()
    return "folder.csv"


def file_in_a_folder(outbox: Path) -> str:
    (outbox / "sub").mkdir()
    (outbox / "sub" / "table.csv").write_bytes(TABLE)
    return "sub/table.csv"


def folder_that_is_a_link(outbox: Path) -> str:
    (outbox / "sub").symlink_to(outbox.parent)
    return "sub/secret.csv"


def pipe(outbox: Path) -> str:
    os.mkfifo(outbox / "pipe.csv")
    return "pipe.csv"


def listening_socket(outbox: Path) -> str:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(outbox / "socket.csv"))
    return "socket.csv"


def archive_by_content(outbox: Path) -> str:
    (outbox / "packed.csv").write_bytes(gzip.compress(TABLE))
    return "packed.csv"


def archive_by_name(outbox: Path) -> str:
    (outbox / "packed.zip").write_bytes(b"")
    return "packed.zip"


ATTACKS: list[Callable[[Path], str]] = [
    symlink,
    symlink_inside,
    folder,
    file_in_a_folder,
    folder_that_is_a_link,
    pipe,
    listening_socket,
    archive_by_content,
    archive_by_name,
    lambda outbox: "../secret.csv",
    lambda outbox: "../outbox/table.csv",
    lambda outbox: str(outbox.parent / "secret.csv"),
    lambda outbox: "/etc/passwd",
    lambda outbox: "missing.csv",
    lambda outbox: "",
    lambda outbox: ".",
    lambda outbox: "..",
    lambda outbox: "a\0b",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_no_plain_file_of_the_outbox_is_refused(attack: Callable[[Path], str], outbox: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read_outbox(outbox, attack(outbox))
    assert caught.value.fix
    assert read_outbox(outbox, "table.csv") == [("table.csv", TABLE)]


def test_no_file_at_all_is_refused(outbox: Path) -> None:
    with pytest.raises(BadInput, match="No file"):
        read_outbox(outbox, [])


def test_a_huge_file_is_refused_before_it_is_read(outbox: Path) -> None:
    with (outbox / "huge.csv").open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(TooLarge):
        read_outbox(outbox, "huge.csv")


def test_many_files_are_too_large_together(outbox: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (outbox / name).write_bytes(b"x" * (MAX_BYTES // 2 + 1))
    assert len(read_outbox(outbox, "a.csv")) == 1
    with pytest.raises(TooLarge, match="together"):
        read_outbox(outbox, ["a.csv", "b.csv"])


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("/tmp"), lambda p: p.write_text("x")])
def test_an_outbox_that_is_no_folder_is_refused(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "outbox")
    with pytest.raises(BadInput, match="is not a folder"):
        make_outbox(tmp_path / "outbox")
