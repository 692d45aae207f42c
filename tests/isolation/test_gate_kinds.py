"""Results and messages by their lists: what passes, and that what is taken out is taken out."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.domain.policy import Mode
from sandbox.isolation.gate_kinds import ANSWERED, ASKED, REFUSED, SHOWN, kinds_shown, may_answer, may_ask
from sandbox.isolation.gate_messages import clean_notebook, judge_answered, judge_asked, plain_kind, read
from tests.isolation.gate_messages import asking, message, printing, result

SCRIPT = {"application/javascript": "fetch('/hub/api')"}


def test_every_row_has_a_reason_and_stands_once() -> None:
    for rows in (SHOWN, ASKED, ANSWERED):
        assert len({row.kind for row in rows}) == len(rows)
    assert all(row.reason for row in (*SHOWN, *ASKED, *ANSWERED, *REFUSED))


def test_a_room_shows_less_than_a_notebook_without_rows() -> None:
    assert kinds_shown(Mode.ROOM) < kinds_shown(Mode.QUERY) == kinds_shown(Mode.JOB)
    assert "text/html" in kinds_shown(Mode.ROOM)


@pytest.mark.parametrize(("kind", "channels"), [(row.kind, row.channels) for row in REFUSED])
def test_what_is_named_as_refused_is_on_no_list(kind: str, channels: tuple[str, ...]) -> None:
    for one in kind.split(", "):
        assert not any(may_ask(one, c) or may_answer(one, c) for c in (*channels, "shell", "iopub"))


def test_an_ordinary_cell_passes_whole() -> None:
    assert judge_asked(asking("1 + 1")).message is not None
    for answered in (printing("2"), result({"text/plain": "2", "text/html": "<b>2</b>"})):
        judged = judge_answered(answered, Mode.QUERY)
        assert judged.refused == ()
        assert judged.message is not None
        assert judged.message["content"] == answered["content"]


def test_a_progress_bar_passes() -> None:
    """By carriage returns, by updates of one display, and by clearing: no widget is needed."""
    bars = [
        printing("\r 40 %"),
        result({"text/plain": "40 %"}, kind="update_display_data"),
        message("clear_output", {"wait": True}),
    ]
    for bar in bars:
        assert judge_answered(bar, Mode.ROOM).refused == ()


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("kind", ["execute_result", "display_data", "update_display_data"])
def test_a_result_runs_no_script(mode: Mode, kind: str) -> None:
    judged = judge_answered(result({**SCRIPT, "text/plain": "<Javascript>"}, kind=kind), mode)
    assert judged.message is not None
    assert judged.message["content"]["data"] == {"text/plain": "<Javascript>"}
    assert judged.refused == ("a result of kind application/javascript",)


def test_a_result_with_nothing_else_says_that_it_is_withheld() -> None:
    judged = judge_answered(result({"application/pdf": "JVBERi0="}), Mode.QUERY)
    assert judged.message is not None
    assert judged.message["content"]["data"] == {
        "text/plain": "[gate: no result of kind application/pdf is shown here]"
    }


@pytest.mark.parametrize(
    "hostile",
    [
        message("comm_open", {"comm_id": "a", "target_name": "jupyter.widget", "data": {"rows": "1,2"}}),
        message("comm_msg", {"comm_id": "a", "data": {"rows": "1,2"}}),
        message("debug_event", {"rows": "1,2"}),
        message("debug_reply", {"body": {"rows": "1,2"}}, channel="control"),
        message("my_rows", {"rows": "1,2"}),
        message("stream", {"text": "1,2"}, channel="shell"),
        message("stream", {"text": "1,2"}, channel="rows"),
        message("display_data", {"data": {}}, buffers=["MSwy"]),
        {"header": {"msg_type": "stream"}, "channel": "iopub", "content": "1,2"},
        {"channel": "iopub", "content": {"text": "1,2"}},
        {"rows": "1,2"},
    ],
)
def test_a_message_that_is_not_listed_does_not_leave(hostile: dict[str, Any]) -> None:
    judged = judge_answered(hostile, Mode.QUERY)
    assert judged.message is None
    assert len(judged.refused) == 1
    assert "1,2" not in judged.refused[0]


@pytest.mark.parametrize("kind", ["debug_request", "comm_open", "create_subshell_request", "status"])
def test_a_message_that_is_not_listed_does_not_enter(kind: str) -> None:
    for channel in ("shell", "control", "iopub"):
        assert judge_asked(message(kind, {}, channel=channel)).message is None


def test_parts_that_nobody_looked_at_stay_behind() -> None:
    judged = judge_answered({**printing("2"), "rows": "1,2", "msg_type": "debug_event"}, Mode.QUERY)
    assert judged.message is not None
    assert "rows" not in judged.message
    assert judged.message["msg_type"] == "stream"


def test_a_reply_carries_no_values_around_the_list() -> None:
    content = {
        "status": "ok",
        "user_expressions": {"x": {"status": "ok", "data": {"text/csv": "1,2"}}},
        "payload": [
            {"source": "page", "data": {"text/plain": "help", **SCRIPT}, "start": 0},
            {"source": "set_next_input", "text": "x = 1", "replace": False, "rows": "1,2"},
            {"source": "edit_magic", "filename": "rows"},
        ],
    }
    judged = judge_answered(message("execute_reply", content, channel="shell"), Mode.QUERY)
    assert judged.message is not None
    assert judged.message["content"]["user_expressions"] == {}
    assert judged.message["content"]["payload"] == [
        {"source": "page", "data": {"text/plain": "help"}, "start": 0},
        {"source": "set_next_input", "text": "x = 1", "replace": False},
    ]


def test_help_is_cleaned_too_and_no_comm_is_named() -> None:
    help_ = message("inspect_reply", {"status": "ok", "found": True, "data": dict(SCRIPT)}, channel="shell")
    judged = judge_answered(help_, Mode.QUERY).message
    assert judged is not None
    assert set(judged["content"]["data"]) == {"text/plain"}
    comms = message("comm_info_reply", {"comms": {"a": {"target_name": "1,2"}}}, channel="shell")
    judged = judge_answered(comms, Mode.QUERY).message
    assert judged is not None
    assert judged["content"]["comms"] == {}


def test_a_kernel_offers_no_debugger() -> None:
    info = message(
        "kernel_info_reply", {"debugger": True, "supported_features": ["debugger"]}, channel="shell"
    )
    judged = judge_answered(info, Mode.QUERY).message
    assert judged is not None
    assert judged["content"] == {"debugger": False, "supported_features": []}


def test_a_saved_notebook_shows_what_its_cells_would_have_shown() -> None:
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "outputs": [
                    {"output_type": "display_data", "data": {**SCRIPT, "text/plain": "a"}},
                    {"output_type": "stream", "text": "b"},
                    "nonsense",
                ],
            },
            {"cell_type": "markdown", "attachments": {"x": {"application/pdf": "AAAA", "image/png": "AAAA"}}},
            "nonsense",
        ]
    }
    refused = clean_notebook(notebook, Mode.QUERY)
    assert len(refused) == 2
    cells: Any = notebook["cells"]
    assert cells[0]["outputs"][0]["data"] == {"text/plain": "a"}
    assert cells[1]["attachments"] == {"x": {"image/png": "AAAA"}}


@pytest.mark.parametrize("text", ["NaN", '{"a": NaN}', "[1]", "1", "", "{" * 100_000])
def test_what_is_no_json_object_is_no_frame(text: str) -> None:
    assert read(text) is None


def test_a_kind_on_the_log_is_plain_and_short() -> None:
    assert plain_kind("text/html\n<row>" + "x" * 100) == "text/html??row?" + "x" * 45
