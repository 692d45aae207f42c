"""What researchers say about their files: ``outputs.yaml``, and the ``results.json`` that ACRO writes.

Of ACRO's file only the kinds are taken. Its verdicts were made in the researcher's process, where its thresholds can be
lowered and its files be edited, so they are not read; every check is made here again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from sandbox.domain.errors import BadInput
from sandbox.domain.outputs import (
    DECLARATIONS,
    FORMAT,
    Declared,
    Draw,
    OutputKind,
    statistic_named,
)
from sandbox.domain.release import check_file_name

ACRO_RESULTS = "results.json"
NAMES = (DECLARATIONS, ACRO_RESULTS)
MAX_BYTES = 256 * 1024
MAX_FILES = 200
MAX_TEXT = 4000  # characters, of a question
_KEYS = {f.name: f for f in dataclasses.fields(Declared)}


def split(
    files: Sequence[tuple[str, bytes]],
) -> tuple[dict[str, Declared], list[tuple[str, bytes]]]:
    """What is declared, and the files that it is about.

    Args:
        files: (name, content) of all files of a request.

    Returns:
        The declarations by file name, and the files without those that hold declarations.

    Raises:
        BadInput: a declaration cannot be understood, or is about a file that is not there.
    """
    declared: dict[str, Declared] = {}
    outputs = []
    for name, content in files:
        if name == DECLARATIONS:
            declared |= read_declarations(content)
        elif name == ACRO_RESULTS and (taken := read_acro(content)) is not None:
            declared = taken | declared
        else:
            outputs.append((name, content))
    missing = sorted(set(declared) - {name for name, _ in outputs})
    if missing and any(name == DECLARATIONS for name, _ in files):
        raise BadInput(
            f"{DECLARATIONS} is about {missing[0]}, which is not in the request.",
            where=DECLARATIONS,
            fix="Send that file too, or take its entry out.",
        )
    return {n: d for n, d in declared.items() if n not in missing}, outputs


def read_declarations(content: bytes) -> dict[str, Declared]:
    """The declarations of an ``outputs.yaml``, by file name.

    Raises:
        BadInput: says which key of which file is wrong, and what is allowed.
    """
    document = _yaml(content)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _bad("format", f"Its format is not {FORMAT}.", f"Begin it with 'format: {FORMAT}'.")
    _only(document, ("format", "files"), "")
    files = document.get("files")
    if not isinstance(files, dict) or not files or len(files) > MAX_FILES:
        raise _bad("files", "It names no files, or too many.", f"Name 1 to {MAX_FILES} files under 'files:'.")
    return {check_file_name(str(name)): _declared(str(name), entry) for name, entry in files.items()}


def _yaml(content: bytes) -> Any:
    if len(content) > MAX_BYTES:
        raise _bad("", f"It has more than {MAX_BYTES:,} bytes.", "Declare less.")
    try:
        text = content.decode("utf-8-sig")
        # Aliases can make a small file endless.
        if any(isinstance(event, AliasEvent) for event in YAML(typ="safe", pure=True).parse(text)):
            raise _bad("", "It uses aliases (*name).", "Write each entry out.")
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as broken:
        line = getattr(getattr(broken, "problem_mark", None), "line", None)
        at = f"line {line + 1}" if line is not None else ""
        raise _bad(at, "It is no YAML that can be read.", "See docs/how-to/what-leaves.md.") from broken


def _declared(name: str, entry: Any) -> Declared:
    if not isinstance(entry, dict):
        raise _bad(name, "Its entry has no keys.", "Write at least 'kind:'.")
    _only(entry, tuple(_KEYS), name)
    try:
        kind = OutputKind(str(entry.get("kind")))
    except ValueError:
        allowed = " | ".join(k for k in OutputKind)
        raise _bad(f"{name}.kind", f"{entry.get('kind')!r} is no kind of output.", allowed) from None
    texts = {
        k: entry[k]
        for k in ("units", "rounding", "method", "train", "outcome", "table", "x", "by", "sql")
        if k in entry
    }
    if isinstance(texts.get("rounding"), int):
        texts["rounding"] = str(texts["rounding"])
    for key, text in texts.items():
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise _bad(f"{name}.{key}", "It is no text, or too long.", f"At most {MAX_TEXT} characters.")
    for key in ("n", "df"):
        if key in entry and (type(entry[key]) is not int or entry[key] < 0):
            raise _bad(f"{name}.{key}", "It is no whole number.", "0, 1, 2 …")
    dims, y = (_columns(name, key, entry.get(key, [])) for key in ("dims", "y"))
    try:
        draw = Draw(str(entry.get("draw", Draw.PIXELS)))
    except ValueError:
        raise _bad(
            f"{name}.draw", f"{entry['draw']!r} is no way to draw.", " | ".join(d for d in Draw)
        ) from None
    figures = {key: entry[key] for key in ("n", "df") if key in entry}
    statistics = dict(_statistics(name, entry.get("statistics", {})))
    return Declared(kind=kind, dims=dims, statistics=statistics, draw=draw, y=y, **figures, **texts)


def _columns(name: str, key: str, columns: Any) -> tuple[str, ...]:
    if not isinstance(columns, list) or not all(isinstance(c, str) for c in columns):
        raise _bad(f"{name}.{key}", "It is no list of columns.", "[sex, age_band]")
    return tuple(columns)


def _statistics(name: str, entry: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(entry, Mapping):
        raise _bad(f"{name}.statistics", "It does not name columns.", "{mean_age: mean}")
    for column, text in entry.items():
        if not isinstance(text, str) or statistic_named(text) is None:
            raise _bad(
                f"{name}.statistics.{column}",
                f"{text!r} is no statistic that is known here.",
                "Such as count, sum, mean, share, 'quantile 0.25', spread, coefficient, error, test, ratio.",
            )
        yield str(column), text


def _only(entry: Mapping[Any, Any], known: Sequence[str], place: str) -> None:
    for key in entry:
        if key not in known:
            where = f"{place}.{key}" if place else str(key)
            raise _bad(where, f"There is no key {key!r}.", f"The keys are {', '.join(known)}.")


def _bad(where: str, message: str, fix: str) -> BadInput:
    place = f"{DECLARATIONS}: {where}" if where else DECLARATIONS
    return BadInput(f"{place}: {message}", where=place, fix=fix)


# ACRO's own words for what a record is (its class Record, `type` and properties).
_ACRO_KINDS = {
    "regression": OutputKind.REGRESSION,
    "survival plot": OutputKind.SURVIVAL,
    "histogram": OutputKind.PLOT,
    "pie": OutputKind.PLOT,
}
_ACRO_STATISTICS = (("max", "extreme"), ("min", "extreme"), ("std", "spread"), ("var", "spread"))


def read_acro(content: bytes) -> dict[str, Declared] | None:
    """What ACRO's ``results.json`` says about its files; None when it is something else.

    Args:
        content: JSON with ``version`` and ``results``, as ACRO 0.4 to 1.0 write it.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("results"), dict):
        return None
    found: dict[str, Declared] = {}
    for record in document["results"].values():
        if not isinstance(record, dict):
            return None
        for file in record.get("files") or ():
            name = file.get("name") if isinstance(file, dict) else None
            if isinstance(name, str) and len(found) < MAX_FILES:
                found[name] = Declared(kind=_acro_kind(record))
    return found


def _acro_kind(record: Mapping[str, Any]) -> OutputKind:
    kind = str(record.get("type", ""))
    if kind in _ACRO_KINDS:
        return _ACRO_KINDS[kind]
    if kind != "table":
        return OutputKind.UNKNOWN
    command = str(record.get("command", "")).casefold()
    for word, statistic in _ACRO_STATISTICS:
        if word in command:
            return OutputKind.EXTREME if statistic == "extreme" else OutputKind.SPREAD
    return OutputKind.MAGNITUDE if any(w in command for w in ("mean", "sum")) else OutputKind.FREQUENCY
