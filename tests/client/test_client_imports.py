"""Asking to bring files in, from a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.client import BadInput, TooLarge, connect
from sandbox.client.imports import NOTEBOOK_BYTES, read_files

DOCUMENT = {
    "id": 3,
    "state": "let_in",
    "reason": "<b>Fine</b>.",
    "requester": "ana",
    "until": None,
    "files": [{"name": "t.csv", "path": "/imports/files/t.csv"}],
    "findings": [
        {"verdict": "pass", "file": "t.csv", "reason": "Nothing.", "fix": ""},
        {"verdict": "review", "file": "t.csv", "reason": "Look <here>.", "fix": "Do so."},
    ],
}


def box(tmp_path: Path, answer: Any = DOCUMENT, seen: list[httpx.Request] | None = None) -> Any:
    def respond(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(200, json=answer)

    return connect(
        "http://portal", token="t", grant=4, outbox=tmp_path / "out", transport=httpx.MockTransport(respond)
    )


def test_a_request_is_sent_and_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"a\n1\n")
    seen: list[httpx.Request] = []
    asked = box(tmp_path, seen=seen).ask_to_import(file, why="For this.")
    assert (seen[0].method, seen[0].url.path) == ("POST", "/api/v1/imports")
    assert b'filename="t.csv"' in seen[0].content
    assert b"For this." in seen[0].content
    assert (asked.id, asked.state, asked.paths) == (3, "let_in", (Path("/imports/files/t.csv"),))
    told = str(asked)
    assert told.index("review") < told.index("pass")
    assert "→ Do so." in told
    assert "/imports/files/t.csv" in told
    assert "<here>" not in asked._repr_html_()
    assert "<b>Fine</b>" not in asked._repr_html_()


def test_they_are_listed(tmp_path: Path) -> None:
    frame = box(tmp_path, [DOCUMENT]).imports()
    assert list(frame["state"]) == ["let_in"]
    assert box(tmp_path).import_request(3).id == 3


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"a\n1\n")
    (tmp_path / "link.csv").symlink_to(file)
    os.mkfifo(tmp_path / "pipe.csv")
    for wanted in (tmp_path / "link.csv", tmp_path / "pipe.csv", tmp_path, tmp_path / "none.csv", []):
        with pytest.raises(BadInput):
            read_files(wanted, most=100)
    assert read_files([file], most=100) == [("t.csv", b"a\n1\n")]
    with pytest.raises(TooLarge):
        read_files([file, file], most=7)


def test_a_notebook_sends_no_more_than_passes_its_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(bytes(NOTEBOOK_BYTES + 1))
    assert box(tmp_path).ask_to_import(file, why="For this.").id == 3
    monkeypatch.setenv("JUPYTERHUB_SERVER_NAME", "grant-4")
    with pytest.raises(TooLarge):
        box(tmp_path).ask_to_import(file, why="For this.")
