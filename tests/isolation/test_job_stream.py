"""What is believed of a job's stream: nothing that the runner would not have written."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.job import Failure, Package
from sandbox.isolation.job_stream import LOG_BYTES, JobStream, StreamBroken, packed


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def file(name: str, content: bytes, *, size: int | None = None) -> bytes:
    head = json.dumps({"name": name, "size": len(content) if size is None else size}).encode()
    return frame(b"F", head) + (frame(b"D", content) if content else b"")


def end(how: str = "ok") -> bytes:
    return frame(b"E", json.dumps({"ended": how}).encode())


def stream() -> JobStream:
    return JobStream(declared=("t.csv", "u.csv"), output_bytes=100)


GOOD = frame(b"L", b"hello") + file("t.csv", b"n\n1\n") + file("u.csv", b"") + end()


@given(st.lists(st.integers(1, 40), max_size=60))
def test_it_is_read_in_pieces_of_any_size(sizes: list[int]) -> None:
    reading, left = stream(), GOOD
    for size in [*sizes, len(GOOD)]:
        piece, left = left[:size], left[size:]
        reading.feed(piece)
    assert reading.outputs() == (("t.csv", b"n\n1\n"), ("u.csv", b""))
    assert (reading.log, reading.failure) == (b"hello", None)


LIES = {
    "a name that was not declared": file("evil.csv", b"1"),
    "a name with a newline": file("t.csv\n", b"1"),
    "a name that leads out": file("../t.csv", b"1"),
    "the same file twice": file("t.csv", b"1") + file("t.csv", b"2"),
    "more than all may hold": file("t.csv", b"1" * 101),
    "more than all may hold, together": file("t.csv", b"1" * 60) + file("u.csv", b"1" * 60),
    "gigabytes announced": frame(b"F", b'{"name": "t.csv", "size": 99999999999}'),
    "a size below nothing": frame(b"F", b'{"name": "t.csv", "size": -1}'),
    "a size that is true": frame(b"F", b'{"name": "t.csv", "size": true}'),
    "more than was announced": file("t.csv", b"12", size=1),
    "content without a file": frame(b"D", b"1"),
    "a file within a file": file("t.csv", b"", size=5) + file("u.csv", b""),
    "an end within a file": file("t.csv", b"", size=5) + end(),
    "a log after a file": file("t.csv", b"1") + frame(b"L", b"x"),
    "two logs": frame(b"L", b"x") + frame(b"L", b"y"),
    "a log without end": frame(b"L", b"x" * (LOG_BYTES + 1)),
    "a frame without end": b"D" + (1 << 31).to_bytes(4, "big"),
    "an end that there is not": end("fine"),
    "an end that is a list": frame(b"E", b'{"ended": []}'),
    "something after the end": end() + frame(b"L", b"x"),
    "an unknown frame": frame(b"X", b""),
    "no JSON": frame(b"E", b"}"),
    "JSON nested without end": frame(b"E", b"[" * 1000),
    "a description without end": frame(b"F", b" " * 2000),
    "an empty piece": file("t.csv", b"", size=1) + frame(b"D", b""),
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_lie_is_not_believed(lie: str) -> None:
    with pytest.raises(StreamBroken):
        stream().feed(LIES[lie])


@pytest.mark.parametrize(
    "cut", [b"", GOOD[:-1], file("t.csv", b"1") + end(), frame(b"L", b"x")], ids=["all", "end", "file", "log"]
)
def test_what_is_missing_is_missed(cut: bytes) -> None:
    reading = stream()
    reading.feed(cut)
    with pytest.raises(StreamBroken):
        reading.outputs()


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    reading = stream()
    try:
        reading.feed(data)
    except StreamBroken:
        return
    assert sum(len(c) for c in reading._files.values()) <= 100


@pytest.mark.parametrize(
    ("how", "failure"),
    [("program", Failure.PROGRAM), ("memory", Failure.MEMORY), ("outputs", Failure.OUTPUTS), ("ok", None)],
)
def test_how_the_program_ended(how: str, failure: Failure | None) -> None:
    reading = stream()
    reading.feed(end(how))
    assert (reading.ended, reading.failure) == (True, failure)


def test_what_goes_in_is_the_package_and_what_it_is_to_write() -> None:
    package = Package(code=("a.py", b"1"), inputs=(("x.txt", b"2"),), outputs=("t.csv",))
    inside = packed(package, output_bytes=7)
    assert int.from_bytes(inside[:8], "big") == len(inside) - 8
    with tarfile.open(fileobj=io.BytesIO(inside[8:])) as tar:
        held = {}
        for entry in tar:
            opened = tar.extractfile(entry)
            assert opened is not None
            held[entry.name] = opened.read()
    assert json.loads(held.pop("job.json")) == {
        "code": "a.py",
        "outputs": ["t.csv"],
        "about": ["outputs.yaml"],
        "output_bytes": 7,
    }
    assert held == {"a.py": b"1", "x.txt": b"2"}


def test_what_is_said_about_outputs_comes_along_without_being_asked_for() -> None:
    reading = stream()
    about = b"format: sandbox-outputs-v1"
    reading.feed(file("t.csv", b"1") + file("u.csv", b"2") + file("outputs.yaml", about) + end())
    assert reading.outputs() == (("t.csv", b"1"), ("u.csv", b"2"), ("outputs.yaml", about))
    twice = stream()
    with pytest.raises(StreamBroken):
        twice.feed(file("outputs.yaml", b"1") + file("outputs.yaml", b"2"))


def test_a_second_description_in_a_package_is_no_description() -> None:
    honest = Package(code=("a.py", b"1"), inputs=(("b.py", b"2"),), outputs=("t.csv",))
    assert packed(honest, output_bytes=9)  # the control
    for code, inputs in ((("a.py", b"1"), (("job.json", b"{}"),)), (("job.json", b"{}"), ())):
        with pytest.raises(StreamBroken):
            packed(Package(code=code, inputs=inputs, outputs=("t.csv",)), output_bytes=9)
