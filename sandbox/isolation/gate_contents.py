"""The contents API carries files. Only what belongs on a screen passes: notebooks, folders and text.

- A file's content has to be asked for as text; without a kind the server would choose one, and send anything.
- The answer is read here as well: a server that was taken over can answer whatever it likes.
- Bytes (``format=base64``) pass in neither direction: files come in by an import request, and leave by a release.
- A notebook's saved results are those that would have been shown: the same kinds, by ``gate_kinds``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from sandbox.domain.policy import Mode
from sandbox.isolation.gate_display import rows_of_file
from sandbox.isolation.gate_messages import clean_notebook
from sandbox.isolation.gate_rules import MIB, Refusal

TEXT_BYTES = MIB  # the most that a text file may show
_ASKED = ("type", "format", "content")
_COMES_IN = (
    "files come in by an import request, which somebody looks at; text and notebooks can be saved here"
)


@dataclass(frozen=True, slots=True)
class Screened:
    """An answer as it is shown."""

    body: bytes
    rows: int | None  # of a file's content; None where there is none
    refused: tuple[str, ...] = ()  # what was taken out of it, and why


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
        return Refusal(_COMES_IN)
    content = model.get("content")
    if isinstance(content, str) and len(content) > TEXT_BYTES:
        return Refusal(f"a text of more than {TEXT_BYTES} characters is a file: {_COMES_IN}", 413)
    return None


def screen_answer(query: str, body: bytes, mode: Mode) -> Screened | Refusal:
    """What of an answer of the contents API is shown, or why nothing is.

    Args:
        query: of the question: it says whether text was asked for.
        body: an answer with status 200 or 201.
    """
    if not body:
        return Screened(body, None)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal("the answer is not JSON", 502)
    refusal = _why_not(query, answer, len(body))
    if refusal is not None:
        return refusal
    content = answer.get("content") if isinstance(answer, dict) else None
    if content is None:
        return Screened(body, None)
    refused = tuple(clean_notebook(content, mode)) if isinstance(content, dict) else ()
    return Screened(json.dumps(answer).encode() if refused else body, rows_of_file(answer), refused)


def _why_not(query: str, answer: Any, size: int) -> Refusal | None:
    if isinstance(answer, list):  # checkpoints: names and times
        return None if size <= 64 * 1024 else Refusal("the answer is larger than it may be", 502)
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
