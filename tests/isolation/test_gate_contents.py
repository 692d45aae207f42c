"""The contents API shows notebooks, folders and text. It hands over no bytes, whoever answers."""

from __future__ import annotations

import json

import pytest

from sandbox.domain.policy import Mode
from sandbox.isolation.gate_contents import TEXT_BYTES, Screened, check_question, check_upload, screen_answer
from sandbox.isolation.gate_rules import Refusal
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
    screened = screen_answer(query, answer.encode(), Mode.QUERY)
    assert isinstance(screened, Screened)
    assert (screened.body, screened.refused) == (answer.encode(), ())


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
    assert isinstance(screen_answer(query, answer.encode(), Mode.QUERY), Refusal)


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
    refusal = check_upload(body.encode())
    assert refusal is not None
    assert refusal.status == 400 or "import request" in refusal.reason


def test_a_file_does_not_come_in_as_one_long_text() -> None:
    body = json.dumps({"type": "file", "format": "text", "content": "x" * (TEXT_BYTES + 1)})
    refusal = check_upload(body.encode())
    assert refusal is not None
    assert (refusal.status, "import request" in refusal.reason) == (413, True)
    assert check_upload(body.replace("xx", "x", 1).encode()) is None  # the control: one character less


def test_a_saved_script_is_taken_out_of_a_notebook() -> None:
    output = {"output_type": "display_data", "data": {"application/javascript": "x", "text/plain": "y"}}
    notebook = model({"cells": [{"source": "a\nb", "outputs": [output]}]}, kind="notebook", form="json")
    screened = screen_answer("type=notebook", notebook.encode(), Mode.QUERY)
    assert isinstance(screened, Screened)
    assert b"javascript" not in screened.body
    assert screened.refused == ("a result of kind application/javascript",)
    assert screened.rows == 3
