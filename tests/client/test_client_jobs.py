"""The notebook's side of sent code: what is read where, what is shown, what is named as a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

import sandbox
from sandbox.client import BadInput, Job, connect
from sandbox.client.connection import Connection
from sandbox.client.rows import data, tables


def told(state: str, *, phase: str = "sample", **more: Any) -> dict[str, Any]:
    base = {
        "id": 1,
        "phase": phase,
        "state": state,
        "told": "",
        "log": None,
        "results": None,
        "release": None,
    }
    return {**base, **more}


def answering(*answers: dict[str, Any]) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    asked: list[httpx.Request] = []
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=left.pop(0) if len(left) > 1 else left[0])

    return httpx.MockTransport(answer), asked


def test_rows_are_read_where_they_lie_and_else_are_the_samples(tmp_path: Path) -> None:
    made_up = pd.DataFrame({"a": [1]})
    assert data(None, sample=lambda: made_up, folder=tmp_path) is made_up
    assert tables(tmp_path / "nothing") == []
    pd.DataFrame({"b": [2, 3]}).to_parquet(tmp_path / "loans.parquet")
    assert list(data(None, sample=lambda: made_up, folder=tmp_path)["b"]) == [2, 3]
    pd.DataFrame({"c": [4]}).to_parquet(tmp_path / "people.parquet")
    assert tables(tmp_path) == ["loans", "people"]
    assert list(data("people", sample=lambda: made_up, folder=tmp_path)["c"]) == [4]
    for wrong in (None, "nobody", "../loans"):
        with pytest.raises(BadInput):
            data(wrong, sample=lambda: made_up, folder=tmp_path)


def test_each_change_is_said_once_until_it_ends() -> None:
    transport, _ = answering(told("queued"), told("running"), told("running"), told("finished", log="x"))
    said: list[str] = []
    line = Connection("http://portal", transport=transport)
    job = Job(line, told("queued"), sleep=lambda s: None).wait(say=said.append)
    assert job.state == "finished"
    assert [text.split(": ")[1].split(" after")[0] for text in said] == ["queued", "running", "finished"]


def test_code_is_sent_with_its_inputs_and_outputs(tmp_path: Path) -> None:
    code, words = tmp_path / "a.py", tmp_path / "w.txt"
    code.write_text("print(1)")
    words.write_text("hello")
    transport, asked = answering(told("finished"))
    box = connect("http://portal", "t", transport=transport, outbox=tmp_path / "outbox")
    box.run(code, inputs=words, outputs="t.csv", wait=False)
    body = asked[0].read().decode()
    assert 'name="code"; filename="a.py"' in body
    assert 'name="inputs"; filename="w.txt"' in body
    assert json.dumps(["t.csv"]) in body
    with pytest.raises(BadInput):
        box.run(code, outputs=[])
    with pytest.raises(BadInput, match="cannot be read"):
        box.run(tmp_path / "none.py", outputs="t.csv")


def test_a_job_on_raw_rows_has_nothing_to_read() -> None:
    transport, asked = answering(told("handed_in"))
    job = Job(Connection("http://portal", transport=transport), told("handed_in", phase="raw", release=3))
    assert (job.log, job.files, job.release) == ("", [], 3)
    with pytest.raises(BadInput, match="shows no file"):
        job.read("t.csv")
    assert asked == []
    assert "request 3" in str(job)


def test_what_is_shown_in_a_notebook_is_text() -> None:
    transport, _ = answering(told("finished"))
    line = Connection("http://portal", transport=transport)
    job = Job(line, told("finished", log="<script>", results=[{"name": "<b>.csv"}]))
    assert "<script>" not in job._repr_html_()
    assert "&lt;script&gt;" in job._repr_html_()


def test_the_package_names_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert sandbox.outbox == tmp_path / "outbox"
    assert callable(sandbox.run)
    assert sandbox.tables() == []
    with pytest.raises(AttributeError):
        sandbox.nothing  # noqa: B018
