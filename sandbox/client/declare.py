"""``outputs.yaml`` in the outbox: what each file is. It is written as JSON, which every reader of YAML reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sandbox.client.errors import BadInput

NAME = "outputs.yaml"
FORMAT = "sandbox-outputs-v1"
KINDS = (
    "frequency",
    "magnitude",
    "quantile",
    "extreme",
    "spread",
    "regression",
    "ratio",
    "survival",
    "histogram",
    "plot",
    "association",
    "concentration",
    "model",
    "text",
)


def output(
    outbox: Path,
    frame: pd.DataFrame | None,
    file: str,
    *,
    kind: str,
    dims: Iterable[str] = (),
    statistics: Mapping[str, str] | None = None,
    units: str = "",
    sql: str = "",
    **more: Any,
) -> Path:
    """Write a table to the outbox and say what it is; see ``Sandbox.output``."""
    told = {"dims": list(dims), "statistics": dict(statistics or {}), "units": units, "sql": sql, **more}
    return write_output(outbox, frame, file, kind, told)


def write_output(
    outbox: Path, frame: pd.DataFrame | None, file: str, kind: str, told: Mapping[str, Any]
) -> Path:
    """Write a table to the outbox and say what it is.

    Args:
        frame: None for a file that is there already, such as a picture.
        told: the other keys of its entry; those that are empty are left out.

    Raises:
        BadInput: no such kind, or a column that the table does not have.
    """
    if kind not in KINDS:
        raise BadInput(f"{kind!r} is no kind of output.", fix=f"One of {', '.join(KINDS)}.")
    path = outbox / file
    if path.parent != outbox:
        raise BadInput(f"{file} is not in the outbox.", fix="Give a bare name, such as table.csv.")
    if frame is not None:
        columns = {str(c) for c in frame.columns}
        named = {*told.get("dims", ()), *told.get("statistics", {}), told.get("units") or next(iter(columns))}
        unknown = sorted(named - columns)
        if unknown:
            raise BadInput(f"The table has no column {unknown[0]!r}.", fix=f"It has {', '.join(columns)}.")
        if path.suffix.lower() == ".parquet":
            frame.to_parquet(path, index=False)
        elif path.suffix.lower() == ".json":
            frame.to_json(path, orient="records")
        else:
            frame.to_csv(path, index=False)
    entries = declared(outbox)
    entries[file] = {"kind": kind, **{k: v for k, v in told.items() if v not in (None, "", [], {}, ())}}
    text = json.dumps({"format": FORMAT, "files": entries}, indent=1, ensure_ascii=False)
    (outbox / NAME).write_text(text + "\n", encoding="utf-8")
    return path


def declared(outbox: Path) -> dict[str, Any]:
    """The entries that were written here; none when a person wrote the file by hand in another form."""
    try:
        document = json.loads((outbox / NAME).read_text(encoding="utf-8"))
        return dict(document["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def with_declaration(outbox: Path, names: Iterable[str]) -> list[str]:
    """The names to send: the declaration goes along where there is one."""
    wanted = list(names)
    return wanted if NAME in wanted or not (outbox / NAME).is_file() else [*wanted, NAME]


def only_about(content: bytes, names: Iterable[str]) -> bytes:
    """The declaration without entries of files that are not sent; as it is, where a person wrote it."""
    try:
        document = json.loads(content)
        entries = {name: document["files"][name] for name in names if name in document["files"]}
    except (ValueError, KeyError, TypeError):
        return content
    return json.dumps({**document, "files": entries}, ensure_ascii=False).encode() if entries else b""
