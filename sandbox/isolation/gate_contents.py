"""The contents API carries files. Only what belongs on a screen passes: notebooks, folders and text.

- A file's content has to be asked for as text; without a kind the server would choose one, and send anything.
- The answer is read here as well: a server that was taken over can answer whatever it likes.
- Bytes (``format=base64``) pass in neither direction: files come in as text, and leave by a release.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from sandbox.isolation.gate_rules import MIB, Refusal

TEXT_BYTES = MIB  # the most that a text file may show
_ASKED = ("type", "format", "content")


def check_question(query: str) -> Refusal | None:
    """Why a GET of the contents API does not pass, if so."""
    asked: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in _ASKED and key in asked:
            return Refusal(f"{key} is given twice", 400)
        asked[key] = value
    if asked.get("format", "text") not in ("text", "json"):
        return Refusal("files are shown as text; bytes leave through a release")
    if asked.get("type", "file") not in ("file", "notebook", "directory"):
        return Refusal("a file is a notebook, a folder or text", 400)
    return None


def check_upload(body: bytes) -> Refusal | None:
    """Why a body that is sent to the contents API does not pass, if so."""
    if not body:
        return None
    model = _object(body)
    if model is None:
        return Refusal("the body is not a JSON object", 400)
    if model.get("format") not in (None, "text", "json") or "chunk" in model:
        return Refusal("files come in as text or notebooks only")
    return None


def check_answer(query: str, body: bytes) -> Refusal | None:
    """Why an answer of the contents API does not pass, if so.

    Args:
        query: of the question: it says whether text was asked for.
        body: an answer with status 200 or 201.
    """
    if not body:
        return None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal("the answer is not JSON", 502)
    if isinstance(answer, list):  # checkpoints: names and times
        return None if len(body) <= 64 * 1024 else Refusal("the answer is larger than it may be", 502)
    if not isinstance(answer, dict):
        return Refusal("the answer is not a model of a file", 502)
    content = answer.get("content")
    if content is None:
        return None
    kind, form = answer.get("type"), answer.get("format")
    if kind in ("notebook", "directory") and form == "json" and isinstance(content, dict | list):
        return None
    if kind != "file" or form != "text" or not isinstance(content, str):
        return Refusal("files are shown as text; bytes leave through a release")
    if dict(parse_qsl(query)).get("format") != "text":
        return Refusal("a file's text has to be asked for with type=file and format=text")
    if len(content) > TEXT_BYTES:
        return Refusal(f"the text is longer than {TEXT_BYTES} characters", 413)
    return None


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
