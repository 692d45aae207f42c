"""Closed files: what they hold is found by the engine alone, and nothing of them can be changed unseen."""

from __future__ import annotations

import gzip
import io
import os
import shutil
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput, Conflict, NotFound, OperatorError, Tampered, TooLarge
from sandbox.privacy.at_rest import closing
from sandbox.privacy.at_rest.files import SealedFiles
from sandbox.privacy.at_rest.keyring import Keyring
from sandbox.privacy.at_rest.sealed import HEADER, SEGMENT, TAG, Segments, seal, sealed_for
from sandbox.privacy.engine import LocalEngine
from sandbox.privacy.engines.holding import EngineLimits
from tests.privacy.made_up import LIMITS, PRICE, hospital, many_visits, write_csv

CANARY = b"p17"
SQL = "SELECT sex, COUNT(*) AS n FROM visits GROUP BY sex"
KINDS = ("view.parquet", "by-sex.parquet", "manifest.json")


class Closed:
    """An engine with keys, and one dataset."""

    def __init__(self, folder: Path, *, keys: bool = True) -> None:
        self.raw, self.views, self.keys = folder / "raw", folder / "views", folder / "keys"
        self.raw.mkdir(parents=True, exist_ok=True)
        self.plain = write_csv(folder / "visits.csv", many_visits())
        self.file = "hospital-0123456789abcdef.csv"
        self.engine = self.another(keys=keys)

    def another(self, *, keys: bool = True) -> LocalEngine:
        """An engine of the same folders, started anew."""
        return LocalEngine(
            self.views,
            self.raw,
            limits=LIMITS,
            publishing=LIMITS,
            keys=self.keys if keys else None,
            extracts=self.raw.parent / "extracts",
        )

    def take(self) -> None:
        """The platform closes the raw file, with the public half alone."""
        key = self.engine.data_key(dataset="hospital")
        (self.raw / self.file).unlink(missing_ok=True)
        if key is None:
            shutil.copyfile(self.plain, self.raw / self.file)
            return
        with self.plain.open("rb") as content:
            seal(content, self.raw / self.file, key.public, label=self.file)

    def publish(self) -> str:
        self.take()
        return self.engine.publish(policy=hospital(), table="visits", file=self.file).snapshot

    def answer(self, snapshot: str, engine: LocalEngine | None = None) -> bytes:
        return (engine or self.engine).answer(dataset="hospital", snapshot=snapshot, sql=SQL, nano=PRICE.nano)

    def everything(self) -> dict[str, bytes]:
        """All bytes on the disk but the keys."""
        return {str(p): p.read_bytes() for f in (self.raw, self.views) for p in f.rglob("*") if p.is_file()}


@pytest.fixture
def closed(tmp_path: Path) -> Closed:
    return Closed(tmp_path)


def files(keyring: Keyring, dataset: str = "hospital") -> SealedFiles:
    return SealedFiles(keyring, dataset, Segments(1 << 20))


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys")


# files


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.sampled_from([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 17]),
    at=st.floats(0, 1),
    length=st.integers(0, 2 * SEGMENT),
)
def test_any_part_of_a_closed_file_reads_as_it_was_written(
    keyring: Keyring, tmp_path: Path, size: int, at: float, length: int
) -> None:
    content = os.urandom(size)
    path = tmp_path / "x.bin"
    path.unlink(missing_ok=True)
    seal(io.BytesIO(content), path, keyring.current("hospital").public, label="x.bin")
    with files(keyring).open(path) as file:
        assert file.read() == content
        start = int(at * size)
        file.seek(start)
        assert file.read(length) == content[start : start + length]


def test_a_closed_file_shows_nothing_and_its_key_is_named(keyring: Keyring, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    seal(io.BytesIO(CANARY * 1000), path, keyring.current("hospital").public, label="x.csv")
    assert CANARY not in path.read_bytes()
    assert sealed_for(path) == keyring.current("hospital").id
    (tmp_path / "plain").write_bytes(CANARY * 1000)
    assert CANARY in (tmp_path / "plain").read_bytes(), "the control: it would be found"
    assert sealed_for(tmp_path / "plain") is None


def test_a_closed_file_is_never_written_over(keyring: Keyring, tmp_path: Path) -> None:
    public = keyring.current("hospital").public
    seal(io.BytesIO(b"one"), tmp_path / "x", public, label="x")
    with pytest.raises(FileExistsError):
        seal(io.BytesIO(b"two"), tmp_path / "x", public, label="x")


def changed_at(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


WHOLE = SEGMENT + TAG
TAMPERED = {
    "a bit of the wrapped key": lambda d: changed_at(d, HEADER - 20),
    "a bit of the first segment": lambda d: changed_at(d, HEADER + 5),
    "a bit of the last tag": lambda d: changed_at(d, len(d) - 1),
    "the end cut off": lambda d: d[:-7],
    "the last segment cut off": lambda d: d[: HEADER + WHOLE],
    "two segments swapped": lambda d: (
        d[:HEADER] + d[HEADER + WHOLE : HEADER + 2 * WHOLE] + d[HEADER : HEADER + WHOLE]
    ),
    "a segment repeated": lambda d: d[: HEADER + WHOLE] + d[HEADER:],
    "all but the head": lambda d: d[:HEADER],
}


@pytest.mark.parametrize("how", TAMPERED)
def test_attack_a_changed_file_does_not_open(keyring: Keyring, tmp_path: Path, how: str) -> None:
    path = tmp_path / "x"
    seal(io.BytesIO(os.urandom(2 * SEGMENT)), path, keyring.current("hospital").public, label="x")
    with files(keyring).open(path) as file:
        assert len(file.read()) == 2 * SEGMENT, "the control: untouched, it opens"
    path.write_bytes(TAMPERED[how](path.read_bytes()))
    with pytest.raises(Tampered), files(keyring).open(path) as file:
        file.read()


def test_attack_a_file_under_another_name_does_not_open(keyring: Keyring, tmp_path: Path) -> None:
    seal(io.BytesIO(b"rows"), tmp_path / "a", keyring.current("hospital").public, label="a")
    os.rename(tmp_path / "a", tmp_path / "b")
    with pytest.raises(Tampered):
        files(keyring).open(tmp_path / "b")
    os.rename(tmp_path / "b", tmp_path / "a")
    with files(keyring).open(tmp_path / "a") as file:
        assert file.read() == b"rows", "the control: under its own, it does"


def test_attack_the_key_of_one_dataset_does_not_open_another(keyring: Keyring, tmp_path: Path) -> None:
    path = tmp_path / "x"
    seal(io.BytesIO(b"rows"), path, keyring.current("hospital").public, label="x")
    other = keyring.current("school")
    with pytest.raises(NotFound, match="school has no key"):
        files(keyring, "school").open(path)
    # Also when its file is given the id, and the place, of the one that is needed.
    wanted = keyring.current("hospital").id
    place = tmp_path / "keys" / "datasets"
    shutil.copyfile(place / "school" / other.id, place / "school" / wanted)
    with pytest.raises(Tampered):
        files(keyring, "school").open(path)
    shutil.copyfile(place / "school" / other.id, place / "hospital" / wanted)
    with pytest.raises(Tampered):
        files(keyring).open(path)


def test_attack_a_key_without_its_master_is_no_key(keyring: Keyring, tmp_path: Path) -> None:
    key = keyring.current("hospital")
    shutil.rmtree(tmp_path / "keys" / "masters")
    with pytest.raises(OperatorError, match="master key 1 is missing"):
        keyring.private("hospital", key.id)
    stolen = Keyring(tmp_path / "keys")  # makes a master key of its own
    with pytest.raises(Tampered):
        stolen.private("hospital", key.id)


# keys


def test_keys_are_for_the_engines_user_alone(keyring: Keyring, tmp_path: Path) -> None:
    keyring.current("hospital")
    for path in (tmp_path / "keys").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert "Private" not in repr(keyring)


@pytest.mark.parametrize("name", ["..", "a/b", "", "A", "x" * 64])
def test_attack_a_datasets_name_is_no_path(keyring: Keyring, name: str) -> None:
    with pytest.raises(BadInput):
        keyring.current(name)


def test_a_new_master_key_leaves_every_file_open_to_the_engine(keyring: Keyring, tmp_path: Path) -> None:
    path = tmp_path / "x"
    seal(io.BytesIO(b"rows"), path, keyring.current("hospital").public, label="x")
    keyring.current("school")
    before = path.read_bytes()
    assert keyring.renew_master() == 2
    assert [p.name for p in (tmp_path / "keys" / "masters").iterdir()] == ["2.key"]
    assert path.read_bytes() == before
    with files(Keyring(tmp_path / "keys")).open(path) as file:
        assert file.read() == b"rows"


def test_a_destroyed_key_is_written_over_and_named_for_ever(keyring: Keyring, tmp_path: Path) -> None:
    key = keyring.current("hospital")
    secret = (tmp_path / "keys" / "datasets" / "hospital" / key.id).read_bytes()
    assert keyring.destroy("hospital") == keyring.destroy("hospital") == (key.id,)
    everything = b"".join(p.read_bytes() for p in (tmp_path / "keys").rglob("*") if p.is_file())
    assert secret[-40:] not in everything
    with pytest.raises(Conflict, match="destroyed"):
        keyring.current("hospital")


# the engine


def test_nothing_of_the_rows_is_on_the_disk(tmp_path: Path) -> None:
    worlds = {keys: Closed(tmp_path / str(keys), keys=keys) for keys in (True, False)}
    for world in worlds.values():
        world.publish()
    there = {
        keys: [p for p, d in w.everything().items() if CANARY in d or b"PAR1" in d]
        for keys, w in worlds.items()
    }
    assert there[True] == []
    assert len(there[False]) > 3, "the control: without keys it is all there"


def test_a_closed_view_answers_and_has_the_name_that_it_had_open(tmp_path: Path) -> None:
    closed, plain = Closed(tmp_path / "a"), Closed(tmp_path / "b", keys=False)
    salt = plain.views / ".salt"
    snapshot = plain.publish()
    shutil.copyfile(salt, closed.keys / "salt")
    assert closed.publish() == snapshot
    assert b"female" in closed.answer(snapshot)
    assert b"female" in closed.answer(snapshot, closed.another()), "also after a restart"
    evidence = [
        e.evidence(dataset="hospital", snapshot=snapshot, sql=SQL) for e in (closed.engine, plain.engine)
    ]
    assert evidence[0] == evidence[1]


def test_attack_copied_files_are_nothing_without_the_keys(closed: Closed, tmp_path: Path) -> None:
    snapshot = closed.publish()
    thief = LocalEngine(closed.views, closed.raw, limits=LIMITS, keys=tmp_path / "own keys")
    with pytest.raises(NotFound, match="has no key"):
        closed.answer(snapshot, thief)
    with pytest.raises((NotFound, BadInput)):
        thief.publish(policy=hospital(), table="visits", file=closed.file)
    with pytest.raises(duckdb.Error):
        duckdb.sql(f"FROM read_parquet('{closed.views / 'hospital' / snapshot / 'view.parquet'}')").fetchall()
    assert closed.answer(snapshot, closed.another()), "the control: with the keys it answers"


@pytest.mark.parametrize("name", KINDS)
def test_attack_a_changed_view_is_found(closed: Closed, name: str) -> None:
    snapshot = closed.publish()
    path = closed.views / "hospital" / snapshot / name
    path.write_bytes(changed_at(path.read_bytes(), len(path.read_bytes()) // 2 + HEADER // 2))
    with pytest.raises(Tampered):
        closed.answer(snapshot, closed.another())


def test_attack_a_changed_raw_file_is_found_and_nothing_is_published(closed: Closed) -> None:
    closed.take()
    path = closed.raw / closed.file
    path.write_bytes(changed_at(path.read_bytes(), HEADER + 99))
    with pytest.raises(Tampered):
        closed.engine.publish(policy=hospital(), table="visits", file=closed.file)
    assert list((closed.views / "hospital").iterdir()) == []


def test_a_packed_raw_file_is_read_closed(closed: Closed) -> None:
    key = closed.engine.data_key(dataset="hospital")
    assert key is not None
    name = "hospital-0123456789abcdef.csv.gz"
    seal(io.BytesIO(gzip.compress(closed.plain.read_bytes())), closed.raw / name, key.public, label=name)
    packed = closed.engine.publish(policy=hospital(), table="visits", file=name)
    assert packed.rows == 150
    assert packed.snapshot == closed.publish()


def test_rows_that_do_not_fit_into_memory_are_an_error_and_no_file(tmp_path: Path) -> None:
    small = EngineLimits(memory_mib=8, threads=1)
    closed = Closed(tmp_path)
    closed.engine = LocalEngine(closed.views, closed.raw, limits=small, publishing=small, keys=closed.keys)
    closed.plain = write_csv(tmp_path / "many.csv", many_visits(20_000))
    with pytest.raises(TooLarge, match="memory"):
        closed.publish()
    assert list((closed.views / "hospital").iterdir()) == []


# installations that were made before


def test_what_lies_open_is_closed_at_the_next_start(tmp_path: Path) -> None:
    before = Closed(tmp_path, keys=False)
    snapshot = before.publish()
    (before.raw / f"hospital-unit-{'a' * 32}.txt").write_bytes(CANARY)
    (before.views / "hospital" / ".publishing-x").mkdir()
    (before.views / "hospital" / ".publishing-x" / "spill").write_bytes(CANARY)
    salt = (before.views / ".salt").read_bytes()
    engine = before.another()
    assert engine.close_all() == 8
    assert not [p for p, data in before.everything().items() if CANARY in data or b"PAR1" in data]
    assert not (before.views / ".salt").exists()
    assert (before.keys / "salt").read_bytes() == salt
    assert b"female" in before.answer(snapshot, engine)
    withheld = [f"hospital-unit-{'a' * 32}.txt"]
    report = engine.publish(policy=hospital(), table="visits", file=before.file, withheld=withheld)
    assert report.units == 59
    assert engine.close_all() == 0, "once is enough"


# a key takes another's place


def test_a_new_key_takes_the_old_ones_place(closed: Closed) -> None:
    snapshot = closed.publish()
    old = closed.engine.data_key(dataset="hospital")
    new = closed.engine.rotate_key(dataset="hospital")
    assert old is not None
    assert {sealed_for(Path(p)) for p in closed.everything()} == {new.id}
    assert closed.engine.retire_keys(dataset="hospital") == (old.id,)
    assert closed.engine.data_key(dataset="hospital") == new
    assert b"female" in closed.answer(snapshot)
    assert b"female" in closed.answer(snapshot, closed.another())


def test_attack_an_old_copy_is_nothing_once_the_key_is_retired(closed: Closed, tmp_path: Path) -> None:
    closed.publish()
    shutil.copytree(closed.raw, tmp_path / "copy")
    ring = Keyring(closed.keys)
    with files(ring).open(tmp_path / "copy" / closed.file) as file:
        assert CANARY in file.read(), "the control: until then it opens"
    closed.engine.rotate_key(dataset="hospital")
    closed.engine.retire_keys(dataset="hospital")
    with pytest.raises(NotFound):
        files(ring).open(tmp_path / "copy" / closed.file)


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("after", range(7))
def test_a_rotation_that_is_killed_goes_on(
    closed: Closed, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Killed while the next file is half written, once for each number of files that were closed before."""
    snapshot = closed.publish()
    real, left = closing.seal, [after]

    def killed(*arguments: object, **named: object) -> str:
        if not left[0]:
            raise _Killed
        left[0] -= 1
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(closing, "seal", killed)
    with pytest.raises(_Killed):
        closed.engine.rotate_key(dataset="hospital")
    monkeypatch.setattr(closing, "seal", real)
    engine = closed.another()
    assert b"female" in closed.answer(snapshot, engine), "half-way it is as good as before"
    new = engine.rotate_key(dataset="hospital")
    engine.retire_keys(dataset="hospital")
    assert len(Keyring(closed.keys).all("hospital")) == 1
    assert {sealed_for(Path(p)) for p in closed.everything()} == {new.id}
    assert b"female" in closed.answer(snapshot, closed.another())


def test_a_file_that_came_with_the_old_key_is_closed_again_before_that_is_destroyed(closed: Closed) -> None:
    closed.publish()
    old = closed.engine.data_key(dataset="hospital")
    assert old is not None
    closed.engine.rotate_key(dataset="hospital")
    name = f"hospital-unit-{'b' * 32}.txt"  # somebody objected meanwhile
    seal(io.BytesIO(b"p3"), closed.raw / name, old.public, label=name)
    closed.engine.retire_keys(dataset="hospital")
    report = closed.engine.publish(policy=hospital(), table="visits", file=closed.file, withheld=[name])
    assert report.units == 59


# destruction


@pytest.fixture
def copied(closed: Closed, tmp_path: Path) -> tuple[Closed, str, Path]:
    snapshot = closed.publish()
    closed.answer(snapshot)
    for name in ("raw", "views"):
        shutil.copytree(tmp_path / name, tmp_path / "backup" / name)
    return closed, snapshot, tmp_path / "backup"


def test_attack_no_byte_opens_once_the_keys_are_destroyed(copied: tuple[Closed, str, Path]) -> None:
    closed, snapshot, backup = copied
    ring = Keyring(closed.keys)
    there = [p for p in backup.rglob("*") if p.is_file() and sealed_for(p)]
    assert len(there) == 7
    for path in there:
        files(ring).open(path).close()  # the control: so far each opens
    closed.engine.destroy(dataset="hospital")
    assert closed.everything() == {}
    for path in there:
        with pytest.raises(NotFound):
            files(ring).open(path)
    # Neither what the running engine had open, nor the files put back.
    with pytest.raises(NotFound):
        closed.answer(snapshot)
    for name in ("raw", "views"):
        shutil.copytree(backup / name, backup.parent / name, dirs_exist_ok=True)
    for engine in (closed.engine, closed.another()):
        with pytest.raises(NotFound, match="has no key"):
            closed.answer(snapshot, engine)
    with pytest.raises(Conflict, match="destroyed"):
        closed.engine.data_key(dataset="hospital")


def test_attack_a_file_key_that_is_still_in_memory_opens_nothing_without_the_datasets(
    keyring: Keyring, tmp_path: Path
) -> None:
    opener = files(keyring)
    seal(io.BytesIO(b"rows"), tmp_path / "x", opener.key.public, label="x")
    with opener.open(tmp_path / "x") as file:
        assert file.read() == b"rows"
    keyring.destroy("hospital")  # by another process: nobody told this one to forget
    with pytest.raises(NotFound):
        opener.open(tmp_path / "x")


def test_a_destruction_that_broke_off_is_finished_at_the_next_start(closed: Closed) -> None:
    closed.publish()
    Keyring(closed.keys).destroy("hospital")  # killed before the files were removed
    assert closed.everything()
    closed.another().close_all()
    assert closed.everything() == {}


def test_other_datasets_stay(closed: Closed) -> None:
    snapshot = closed.publish()
    closed.engine.data_key(dataset="school")
    closed.engine.destroy(dataset="school")
    assert b"female" in closed.answer(snapshot)
