"""What a raw file looks like from outside, for its owner before there is a policy: names of columns, and their types.

No cell of it and no number counted from its rows is told. A type is guessed by the rules that publishing reads cells
by: the narrowest one that every filled cell fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Column, ColumnType
from sandbox.privacy.at_rest.files import AS_THEY_ARE, Files
from sandbox.privacy.engines.duck import publishing_connection, quoted_name
from sandbox.privacy.engines.holding import EngineLimits
from sandbox.privacy.publishing.cells import is_missing, is_whole, reading
from sandbox.privacy.publishing.publish import PUBLISH_LIMITS, raw_reader, told_without_rows

MAX_COLUMNS = 1000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_ORDER = (ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.DATE, ColumnType.BOOLEAN)  # else text


@dataclass(frozen=True, slots=True)
class ShapedColumn:
    """A column of a raw file.

    Attributes:
        name: in small letters, as a policy names it.
        type: what every filled cell fits.
        usable: a policy can have it under this name.
    """

    name: str
    type: ColumnType
    usable: bool


def shape_of(
    raw: Path, *, limits: EngineLimits | None = None, files: Files = AS_THEY_ARE
) -> tuple[ShapedColumn, ...]:
    """The columns of a file, in its order.

    Args:
        raw: a CSV file with a header (``.csv``, ``.csv.gz``) or a Parquet file.

    Raises:
        BadInput: a file that cannot be read, or one with too many columns.
    """
    reader = raw_reader(raw, files)
    with (
        publishing_connection(limits or PUBLISH_LIMITS, spill=None, files=files) as connection,
        told_without_rows(raw, files),
    ):
        names = [str(row[0]) for row in connection.execute(f"DESCRIBE FROM {reader}").fetchall()]
        if len(names) > MAX_COLUMNS:
            raise BadInput(
                f"{raw.name} has {len(names)} columns.", where=raw.name, fix=f"Use at most {MAX_COLUMNS}."
            )
        fits = ", ".join(_fits(name) for name in names)
        row = connection.execute(f"SELECT {fits} FROM {reader}").fetchall()[0]  # noqa: S608 - quoted names
    each = len(_ORDER) + 1
    return tuple(
        ShapedColumn(name.lower(), _guess(row[place * each : (place + 1) * each]), _usable(name))
        for place, name in enumerate(names)
    )


def _fits(name: str) -> str:
    """SQL: whether there is a filled cell, then whether all filled cells fit each type."""
    text = f"CAST({quoted_name(name)} AS VARCHAR)"
    missing = is_missing(text)
    tests = []
    for kind in _ORDER:
        read = reading(text, Column(type=kind))
        whole = f" AND {is_whole(read)}" if kind is ColumnType.INTEGER else ""
        tests.append(f"coalesce(bool_and({missing} OR (({read}) IS NOT NULL{whole})), TRUE)")
    return ", ".join((f"coalesce(bool_or(NOT {missing}), FALSE)", *tests))


def _guess(found: tuple[bool, ...]) -> ColumnType:
    filled, *fits = found
    if not filled:
        return ColumnType.TEXT
    return next((kind for kind, all_fit in zip(_ORDER, fits, strict=True) if all_fit), ColumnType.TEXT)


def _usable(name: str) -> bool:
    return _NAME.fullmatch(name.lower()) is not None


def shape_document(shape: tuple[ShapedColumn, ...]) -> dict[str, Any]:
    return {"columns": [[column.name, str(column.type), column.usable] for column in shape]}


def shape_from(document: Mapping[str, Any]) -> tuple[ShapedColumn, ...]:
    """The reverse of ``shape_document``.

    Raises:
        KeyError, TypeError, ValueError: the document has another shape.
    """
    return tuple(ShapedColumn(str(n), ColumnType(t), bool(u)) for n, t, u in document["columns"])
