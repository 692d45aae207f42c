"""Messages as JupyterLab and a kernel write them."""

from __future__ import annotations

from typing import Any


def message(
    kind: str,
    content: dict[str, Any],
    *,
    channel: str = "iopub",
    number: str = "m1",
    parent: str = "",
    **more: Any,
) -> dict[str, Any]:
    """One message; ``parent`` is the number of what it answers."""
    header = {
        "msg_id": number,
        "msg_type": kind,
        "username": "",
        "session": "s",
        "date": "2026-03-02T12:00:00Z",
        "version": "5.3",
    }
    return {
        "header": header,
        "parent_header": {**header, "msg_id": parent} if parent else {},
        "metadata": {},
        "content": content,
        "channel": channel,
        "buffers": [],
        **more,
    }


def asking(code: str, *, number: str = "q1") -> dict[str, Any]:
    """The browser runs a cell."""
    return message("execute_request", {"code": code, "silent": False}, channel="shell", number=number)


def printing(text: str, *, parent: str = "q1") -> dict[str, Any]:
    """The kernel prints."""
    return message("stream", {"name": "stdout", "text": text}, parent=parent)


def result(data: dict[str, Any], *, kind: str = "execute_result", parent: str = "q1") -> dict[str, Any]:
    """The kernel shows a value."""
    return message(kind, {"data": data, "metadata": {}, "execution_count": 1}, parent=parent)
