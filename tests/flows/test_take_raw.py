"""A raw file that comes by the browser is closed as it comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.errors import BadInput, TooLarge
from sandbox.flows.data_keys import CloseData
from sandbox.flows.take_raw import TakeRaw
from sandbox.privacy.at_rest.sealed import sealed_for
from sandbox.privacy.engine import LocalEngine
from tests.flows.conftest import World

SECRET = b"77777.77777"
ROWS = b"id,amount\n" + b"".join(b"%d,77777.77777\n" % n for n in range(2000))


@pytest.fixture
def engine(tmp_path: Path) -> LocalEngine:
    return LocalEngine(tmp_path / "views", tmp_path / "raw", keys=tmp_path / "keys")


@pytest.fixture
def taking(world: World, engine: LocalEngine, tmp_path: Path) -> TakeRaw:
    return TakeRaw(
        closing=CloseData(store=world.sandbox.store, engine=engine),
        raw_dir=tmp_path / "raw",
        hand_over=lambda path: path.chmod(0o400),
        most_bytes=10**6,
    )


def lying_open(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and SECRET in path.read_bytes()]


def test_no_row_lies_open_on_the_disk_while_it_comes_or_afterwards(
    taking: TakeRaw, engine: LocalEngine, tmp_path: Path
) -> None:
    stream = taking.closed("farms", ".csv", actor="olga")
    for at in range(0, len(ROWS), 100):
        stream.write(ROWS[at : at + 100])
        assert at % 5000 or lying_open(tmp_path) == []
    taken = stream.finish()
    assert lying_open(tmp_path) == []
    key = engine.data_key(dataset="farms")
    assert key is not None
    assert sealed_for(taken.path) == key.id
    assert [
        (column.name, str(column.type)) for column in engine.shape(dataset="farms", file=taken.path.name)
    ] == [
        ("id", "integer"),
        ("amount", "decimal"),
    ]


def test_the_same_file_of_an_engine_without_keys_would_be_found(taking: TakeRaw, tmp_path: Path) -> None:
    bare = LocalEngine(tmp_path / "views", tmp_path / "raw")
    stream = replace(taking, closing=replace(taking.closing, engine=bare)).closed(
        "farms", ".csv", actor="olga"
    )
    stream.write(ROWS)
    stream.finish()
    assert lying_open(tmp_path)


def test_what_is_broken_off_too_large_or_empty_leaves_nothing(taking: TakeRaw, tmp_path: Path) -> None:
    broken = taking.closed("farms", ".csv", actor="olga")
    broken.write(ROWS)
    broken.abandon()
    large = taking.closed("farms", ".csv", actor="olga")
    with pytest.raises(TooLarge, match="larger than 1,000,000 bytes"):
        large.write(b"x" * (10**6 + 1))
    large.abandon()
    empty = taking.closed("farms", ".csv", actor="olga")
    with pytest.raises(BadInput, match="empty"):
        empty.finish()
    empty.abandon()
    assert list((tmp_path / "raw").iterdir()) == []
