"""Messages between browser and kernel as values: what of one passes, by the lists in ``gate_kinds``.

- A message is put together anew from the parts that are known: what nobody looked at does not go along.
- Binary buffers belong to widgets, and do not pass.
- A result of several kinds loses those that are not listed; one that has no other is replaced by a line that says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.policy import Mode
from sandbox.isolation.gate_kinds import kinds_shown, may_answer, may_ask

RESULTS = frozenset({"display_data", "update_display_data", "execute_result"})
_OUTPUTS = frozenset({"display_data", "execute_result"})  # as a saved notebook calls them
_PARTS = ("header", "parent_header", "metadata", "content", "channel")


@dataclass(frozen=True, slots=True)
class Judged:
    """What goes along of a message, if anything, and why not the rest."""

    message: dict[str, Any] | None
    refused: tuple[str, ...] = ()


def read(text: str) -> dict[str, Any] | None:
    """A frame as a JSON object; None for anything else. NaN and infinity are no JSON."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def judge_asked(message: Mapping[str, Any]) -> Judged:
    """A message from the browser."""
    return _judge(message, may_ask)


def judge_answered(message: Mapping[str, Any], mode: Mode) -> Judged:
    """A message from the kernel."""
    judged = _judge(message, may_answer)
    if judged.message is None:
        return judged
    kind, content = kind_of(judged.message), judged.message["content"]
    refused: list[str] = []
    if kind in RESULTS:
        data, refused = clean_bundle(content.get("data"), mode)
        metadata = content.get("metadata")
        known = metadata if isinstance(metadata, dict) else {}
        content = {**content, "data": data, "metadata": {k: v for k, v in known.items() if k in data}}
    elif kind == "inspect_reply":
        data, refused = clean_bundle(content.get("data"), mode)
        content = {**content, "data": data, "metadata": {}}
    elif kind == "execute_reply":
        content, refused = _clean_reply(content, mode)
    elif kind == "comm_info_reply":
        content = {"status": "ok", "comms": {}}
    elif kind == "kernel_info_reply":
        # Nothing is offered that does not pass.
        content = {**content, "debugger": False, "supported_features": []}
    return Judged({**judged.message, "content": content}, tuple(refused))


def clean_bundle(data: Any, mode: Mode) -> tuple[dict[str, Any], list[str]]:
    """Of one result in several kinds those that pass, and why the others do not."""
    if not isinstance(data, dict):
        return {}, ["a result that is no bundle of kinds"]
    passing = kinds_shown(mode)
    kept = {kind: value for kind, value in data.items() if kind in passing}
    missing = [kind for kind in data if kind not in passing]
    if missing and not kept:
        kept = {
            "text/plain": f"[gate: no result of kind {', '.join(map(plain_kind, missing[:3]))} is shown here]"
        }
    return kept, [f"a result of kind {plain_kind(kind)}" for kind in missing]


def clean_notebook(notebook: dict[str, Any], mode: Mode) -> list[str]:
    """Take out of a notebook's saved results what would not have been shown. Changes the notebook.

    Returns:
        Why, for each.
    """
    refused: list[str] = []
    cells = notebook.get("cells")
    for cell in cells if isinstance(cells, list) else ():
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            if isinstance(output, dict) and output.get("output_type") in _OUTPUTS:
                output["data"], missing = clean_bundle(output.get("data"), mode)
                refused += missing
        attachments = cell.get("attachments") if isinstance(cell, dict) else None
        if isinstance(attachments, dict):
            for name, bundle in attachments.items():
                attachments[name], missing = clean_bundle(bundle, mode)
                refused += missing
    return refused


def kind_of(message: Mapping[str, Any]) -> str:
    return str(message["header"]["msg_type"])


def plain_kind(kind: str) -> str:
    """What somebody inside called a kind, as it may stand on a line of the log."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._+-/") else "?" for c in kind[:60])


def _judge(message: Mapping[str, Any], listed: Any) -> Judged:
    header = message.get("header")
    kind = header.get("msg_type") if isinstance(header, dict) else None
    channel = message.get("channel")
    if not isinstance(kind, str) or not isinstance(channel, str):
        return Judged(None, ("a frame that is no message of a kernel",))
    if not listed(kind, channel):
        return Judged(None, (f"a message {plain_kind(kind)} on {plain_kind(channel)}",))
    if message.get("buffers"):
        return Judged(None, (f"a message {kind} with bytes",))
    found: dict[str, Any] = {part: message.get(part) for part in _PARTS if part != "channel"}
    if not all(isinstance(value, dict) for value in found.values()):
        return Judged(None, (f"a message {kind} without its parts",))
    return Judged(
        {**found, "channel": channel, "msg_type": kind, "msg_id": found["header"].get("msg_id", "")}
    )


def _clean_reply(content: dict[str, Any], mode: Mode) -> tuple[dict[str, Any], list[str]]:
    """Of the reply to a cell: no values of expressions, and of its payload the pages that are text."""
    refused: list[str] = []
    pages = []
    payload = content.get("payload")
    for page in payload if isinstance(payload, list) else ():
        if isinstance(page, dict) and page.get("source") == "page":
            data, missing = clean_bundle(page.get("data"), mode)
            pages.append({"source": "page", "data": data, "start": 0})
            refused += missing
        elif isinstance(page, dict) and page.get("source") == "set_next_input":
            pages.append({k: page[k] for k in ("source", "text", "replace") if k in page})
    return {**content, "payload": pages, "user_expressions": {}}, refused


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
