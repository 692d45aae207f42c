"""The numbers of all requests on a lineage, whoever made them. They are written with the request that they are of."""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from sandbox.domain.output_cell import LEFT, PENDING, Counted, EarlierCell, OutputCell
from sandbox.store.database import Database
from sandbox.store.schema import output_cells, releases

_REMEMBERED = 100_000


class OutputCells:
    """Reading them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_lineage(
        self, lineage: str, *, but: int = 0, sources: Collection[str] | None = None, left_only: bool = False
    ) -> tuple[EarlierCell, ...]:
        """Those that have left, called back or not, and those that may still leave; in the order they were made.

        Args:
            but: a request whose own numbers are not wanted.
            sources: those of these relations alone; None: of all.
            left_only: without what is still pending.
        """
        c = output_cells.c
        statuses = LEFT if left_only else LEFT | PENDING
        where = [c.lineage == lineage, c.release_id != but, releases.c.status.in_(sorted(statuses))]
        if sources is not None:
            where.append(c.source.in_(sorted(sources)))
        columns: list[Any] = [
            column for column in output_cells.c if column.name not in ("position", "lineage")
        ]
        with self._database.reading() as connection:
            rows = connection.execute(
                select(*columns, releases.c.project, releases.c.status)
                .join(releases, releases.c.id == c.release_id)
                .where(*where)
                .order_by(c.release_id, c.position)
            ).all()
        return tuple(
            EarlierCell(
                cell=_cell(row), release=row.release_id, project=row.project, pending=row.status not in LEFT
            )
            for row in rows
        )

    def of_release(self, release: int) -> tuple[OutputCell, ...]:
        """A request's own, in the order of its files."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(output_cells)
                .where(output_cells.c.release_id == release)
                .order_by(output_cells.c.position)
            )
            return tuple(_cell(row) for row in rows)


def cell_values(cell: OutputCell, lineage: str) -> dict[str, Any]:
    """A cell as its row; its request and its place are added where it is written."""
    return {
        "lineage": lineage,
        "snapshot": cell.snapshot,
        "source": cell.source,
        "file": cell.file,
        "row": cell.row,
        "column": cell.column,
        "population": cell.population,
        "base": cell.base,
        "dims": json.dumps(cell.dims, separators=(",", ":"), ensure_ascii=False),
        "counted": cell.counted,
        "of": cell.of,
        "value": _text(cell.value),
        "low": str(cell.low),
        "high": _text(cell.high),
        "step": str(cell.step),
        "units": cell.units,
        "margin": cell.margin,
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


@lru_cache(maxsize=_REMEMBERED)
def _decimal(text: str) -> Decimal:
    return Decimal(text)


@lru_cache(maxsize=_REMEMBERED)
def _dims(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, label) for name, label in json.loads(text))


def _cell(row: Any) -> OutputCell:
    return OutputCell(
        file=row.file,
        row=row.row,
        column=row.column,
        source=row.source,
        snapshot=row.snapshot,
        population=row.population,
        counted=Counted(row.counted),
        value=None if row.value is None else _decimal(row.value),
        low=_decimal(row.low),
        high=None if row.high is None else _decimal(row.high),
        base=row.base,
        dims=_dims(row.dims),
        of=row.of,
        step=_decimal(row.step),
        units=row.units,
        margin=row.margin,
    )
