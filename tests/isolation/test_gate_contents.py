"""The contents API shows notebooks, folders and text. It hands over no bytes, whoever answers."""

from __future__ import annotations

import json

import pytest

from sandbox.isolation.gate_contents import TEXT_BYTES, check_answer, check_question, check_upload
from tests.isolation.gate_world import model

TEXT = "type=file&format=text&content=1&hash=1"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "content=1&hash=0",
        "type=directory&content=1",
        "type=notebook&content=1",
        TEXT,
        "content=0&1795453214548",
    ],
)
def test_what_the_lab_asks_may_be_asked(query: str) -> None:
    assert check_question(query) is None


@pytest.mark.parametrize(
    "query",
    [
        "type=file&format=base64",
        "format=base64",
        "format=text&format=base64",
        "format=base64&format=text",
        "type=file&type=notebook",
        "type=pipe",
        "format=",
        "content=0&content=1",
    ],
)
def test_bytes_and_double_meanings_may_not(query: str) -> None:
    assert check_question(query) is not None


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (TEXT, model("a,b\n1,2")),
        ("type=notebook", model({"cells": []}, kind="notebook", form="json")),
        ("content=1", model([{"name": "x"}], kind="directory", form="json")),
        ("content=0", model(None, form=None)),
        ("", "[]"),
        ("", json.dumps([{"id": "checkpoint", "last_modified": "2026-01-01"}])),
        (TEXT, ""),
    ],
)
def test_an_honest_answer_passes(query: str, answer: str) -> None:
    assert check_answer(query, answer.encode()) is None


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("content=1", model("a,b\n1,2")),  # a file that was not asked for as text
        ("type=file", model("a,b\n1,2")),
        (TEXT, model("AAAA", form="base64")),
        (TEXT, model("AAAA", form=None)),
        (TEXT, model("x" * (TEXT_BYTES + 1))),
        ("type=notebook", model("AAAA", kind="notebook", form="base64")),
        ("type=notebook", model("AAAA", kind="notebook", form="json")),
        ("type=directory", model("AAAA", kind="directory", form="json")),
        (TEXT, model(["AAAA"])),
        (TEXT, "not json"),
        (TEXT, '"text"'),
        (TEXT, "[" * 100_000),
        ("", json.dumps(["x" * 70_000])),
    ],
)
def test_a_lie_does_not(query: str, answer: str) -> None:
    assert check_answer(query, answer.encode()) is not None


@pytest.mark.parametrize(
    "body",
    [
        "",
        json.dumps({"type": "notebook", "format": "json", "content": {}}),
        json.dumps({"type": "file", "format": "text", "content": "x"}),
        json.dumps({"type": "directory"}),
        json.dumps({"path": "new.ipynb"}),
    ],
)
def test_notebooks_and_text_are_saved(body: str) -> None:
    assert check_upload(body.encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"type": "file", "format": "base64", "content": "AAAA"}),
        json.dumps({"type": "file", "format": "text", "content": "x", "chunk": 1}),
        "[]",
        "AAAA",
        "{" * 100_000,
    ],
)
def test_an_upload_is_refused(body: str) -> None:
    assert check_upload(body.encode()) is not None
