"""Runs one job inside its container: reads the package, runs the code as a child, writes outputs and the log's end.

The form of both streams is told in ``sandbox/isolation/job_stream.py``, which reads ours without trusting it: the code
runs as the same user and could write to it as well. Only the standard library is used here.
"""

from __future__ import annotations

import collections
import io
import json
import os
import selectors
import stat
import subprocess
import sys
import tarfile
import time

HOME = os.environ.get("HOME", "/home/researcher")
OUTBOX = os.path.join(HOME, "outbox")
LOG_BYTES = 64 * 1024
PIECE_BYTES = 1 << 20
DRAIN_S = (
    1.0  # for what is in the pipe when the program has ended; its own children may hold it open for ever
)

NOTEBOOK = """
import sys, nbformat
from nbclient import NotebookClient
name, kept = sys.argv[1:]
book = nbformat.read(name, as_version=4)
try:
    NotebookClient(book, timeout=None, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
finally:
    if kept:
        nbformat.write(book, kept)
"""


def main() -> int:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else of this program writes into the stream
    told = unpack(sys.stdin.buffer)
    os.makedirs(OUTBOX, exist_ok=True)
    code, log = run(command(told["code"], told["outputs"]))
    frame(out, b"L", log)
    if code != 0:
        return end(out, "program")
    try:
        about = [name for name in told["about"] if os.path.lexists(os.path.join(OUTBOX, name))]
        send(out, [*told["outputs"], *about], told["output_bytes"])
    except OSError:
        return end(out, "outputs")
    return end(out, "ok")


def unpack(stream: io.BufferedIOBase) -> dict:
    body = stream.read(int.from_bytes(stream.read(8), "big"))
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        # By its place: a second one of the same name is a file like any other.
        first, *files = tar.getmembers()
        told = json.load(tar.extractfile(first))
        for entry in files:
            with open(os.path.join(HOME, entry.name), "wb") as file:
                file.write(tar.extractfile(entry).read())
    return told


def command(name: str, outputs: list[str]) -> list[str]:
    if name.endswith(".R"):
        return ["Rscript", "--vanilla", name]  # nothing of a profile or of an earlier session is read
    if name.endswith(".ipynb"):
        kept = os.path.join(OUTBOX, name) if name in outputs else ""
        return [sys.executable, "-c", NOTEBOOK, name, kept]
    return [sys.executable, name]


def run(words: list[str]) -> tuple[int, bytes]:
    """The child's exit code, and the end of what it printed."""
    try:
        child = subprocess.Popen(  # noqa: S603 - to run what was sent is what it is for
            words,
            cwd=HOME,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=dies_first,
        )
    except OSError as failure:
        return 1, f"{words[0]} cannot be started: {failure.strerror}\n".encode()
    pipe = child.stdout.fileno()
    os.set_blocking(pipe, False)
    pieces: collections.deque[bytes] = collections.deque()
    held = 0
    until = None
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while until is None or time.monotonic() < until:
            if selector.select(timeout=0.05):
                piece = os.read(pipe, LOG_BYTES)
                if not piece:
                    break
                pieces.append(piece)
                held += len(piece)
                while held - len(pieces[0]) >= LOG_BYTES:
                    held -= len(pieces.popleft())
            elif until is not None:
                break
            if until is None and child.poll() is not None:
                until = time.monotonic() + DRAIN_S
    return child.wait(), b"".join(pieces)[-LOG_BYTES:]


def dies_first() -> None:
    """Where memory ends, the code is ended and not this program."""
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def send(out: io.BufferedIOBase, names: list[str], most: int) -> None:
    """Every declared output, and what is said about them. Raises OSError for a missing, odd or too large file."""
    for name in names:
        opened = os.open(os.path.join(OUTBOX, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(opened, "rb") as file:
            status = os.fstat(opened)
            if not stat.S_ISREG(status.st_mode) or status.st_size > most:
                raise OSError
            content = file.read(most + 1)
        most -= len(content)
        if most < 0:
            raise OSError
        frame(out, b"F", json.dumps({"name": name, "size": len(content)}).encode())
        for start in range(0, len(content), PIECE_BYTES):
            frame(out, b"D", content[start : start + PIECE_BYTES])


def end(out: io.BufferedIOBase, how: str) -> int:
    frame(out, b"E", json.dumps({"ended": how}).encode())
    out.flush()
    return 0


def frame(out: io.BufferedIOBase, kind: bytes, payload: bytes) -> None:
    out.write(kind + len(payload).to_bytes(4, "big") + payload)
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
