"""What was bought, as a value: noisy tables of counts over columns and pairs. Public once it is there.

Each row of the bounded view falls in exactly one cell of each table: a column's values are its public ones, and one
more for rows where it has none of them ("empty"), the last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput
from sandbox.domain.key_forms import Bins, DateUnit, Truncated
from sandbox.domain.policy import Scalar, Table
from sandbox.domain.question import Key
from sandbox.privacy.base.least_squares import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseColumn:
    """A column as the base knows it.

    Attributes:
        form: None for listed values; bins of a number or periods of a date otherwise.
        values: its public values, as ``Key.values`` gives them, without the empty one.
    """

    name: str
    form: Bins | Truncated | None
    values: tuple[Scalar, ...]

    @property
    def size(self) -> int:
        """How many cells it has: its values and the empty one."""
        return len(self.values) + 1

    @property
    def key(self) -> Key:
        """The column as what a question is grouped by."""
        return Key(column=self.name, alias=self.name, form=self.form)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyTable:
    """Counts over the columns at ``axes``, the last one running fastest.

    Attributes:
        counts: noisy; may be below zero.
        scale: σ of the noise in each (``Noise.sigma``).
    """

    axes: Axes
    counts: tuple[int, ...]
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRelease:
    """Everything that was bought about one table.

    Attributes:
        rows_per_unit: a unit's rows of a lower rank were counted.
        nano: what it cost.
        lost_percent: of the rows, left out by that bound as the profile has it; empty where none was bought.
    """

    table: str
    snapshot: str
    nano: int
    rows_per_unit: int
    lost_percent: str
    columns: tuple[BaseColumn, ...]
    tables: tuple[NoisyTable, ...]

    def __post_init__(self) -> None:
        for table in self.tables:
            cells = math.prod(self.columns[i].size for i in table.axes)
            if len(table.counts) != cells or table.scale <= 0 or list(table.axes) != sorted(set(table.axes)):
                raise BadInput("The tables of a base do not fit its columns.", where="tables")

    @property
    def id(self) -> str:
        """Its name: the hash of all that it says. It says nothing that is not public."""
        return content_hash(base_document(self))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(column.size for column in self.columns)

    def place(self, column: str) -> int | None:
        """Where a column stands; None when the base does not know it."""
        return next((i for i, c in enumerate(self.columns) if c.name == column), None)

    def fits(self, table: Table) -> bool:
        """True when a policy's table says of its columns what it said when the base was bought."""
        return all(c.name in table.columns and c.key.values(table) == c.values for c in self.columns)


def base_document(base: BaseRelease) -> dict[str, Any]:
    """The base as a value that ``canonical_json`` accepts."""
    return {
        "table": base.table,
        "snapshot": base.snapshot,
        "nano": base.nano,
        "rows_per_unit": base.rows_per_unit,
        "lost_percent": base.lost_percent,
        "columns": [
            {"name": c.name, "form": _form_text(c.form), "values": list(c.values)} for c in base.columns
        ],
        "tables": [
            {"axes": list(t.axes), "counts": list(t.counts), "scale": t.scale.hex()} for t in base.tables
        ],
    }


def base_from_document(document: Mapping[str, Any]) -> BaseRelease:
    """The reverse of ``base_document``.

    Raises:
        KeyError, TypeError, ValueError, IndexError, BadInput: the document has another shape.
    """
    return BaseRelease(
        table=document["table"],
        snapshot=document["snapshot"],
        nano=document["nano"],
        rows_per_unit=document["rows_per_unit"],
        lost_percent=document["lost_percent"],
        columns=tuple(
            BaseColumn(name=c["name"], form=_form_of(c["form"]), values=tuple(c["values"]))
            for c in document["columns"]
        ),
        tables=tuple(
            NoisyTable(axes=tuple(t["axes"]), counts=tuple(t["counts"]), scale=float.fromhex(t["scale"]))
            for t in document["tables"]
        ),
    )


def _form_text(form: Bins | Truncated | None) -> str:
    match form:
        case Bins(width):
            return f"bins {width}"
        case Truncated(unit):
            return str(unit)
        case None:
            return ""


def _form_of(text: str) -> Bins | Truncated | None:
    kind, _, width = text.partition(" ")
    if not text:
        return None
    return Bins(int(width)) if kind == "bins" else Truncated(DateUnit(kind))
