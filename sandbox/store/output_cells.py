"""The numbers of all requests on a lineage, whoever made them. They are written with the request that they are of.

What becomes of a number is read from its request: it has left, may still leave, or never will.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Float, Select, cast, select

from sandbox.domain.canonical import sha256_hex
from sandbox.domain.output_cell import (
    LEFT,
    PENDING,
    Brief,
    Counted,
    EarlierCell,
    OutputCell,
    columns_text,
    labels_text,
)
from sandbox.store.database import AT_ONCE, Database, parts
from sandbox.store.schema import jobs, output_cells, releases

_C = output_cells.c


class OutputCells:
    """Reading them. All but ``of_release`` give what has left, called back or not, and what may still leave."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def briefs(
        self,
        lineage: str,
        *,
        source: str,
        snapshot: str,
        counted: Collection[Counted],
        of: str = "",
        but: int = 0,
        left_only: bool = False,
    ) -> list[Brief]:
        """The few words of all numbers of a space, shares left out, in the order they were made.

        Args:
            of: the column that is summed; then low and high are the units behind, and numbers without are left out.
            but: a request whose own numbers are not wanted.
            left_only: without what is still pending.
        """
        sizes = [_C.units, _C.units] if of else [cast(_C.low, Float), cast(_C.high, Float)]
        chosen: list[Any] = [_C.release_id, _C.position, _C.population, _C.columns, *sizes, _C.margin]
        statement = _with_status(select(*chosen), lineage, but, left_only).where(
            _C.source == source,
            _C.snapshot == snapshot,
            _C.counted.in_(sorted(counted)),
            _C.base == "",
            _C.of == of,
        )
        if of:
            statement = statement.where(_C.units.is_not(None), _C.value.is_not(None))
        endless = float("inf")
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(_C.release_id, _C.position)).all()
        return [
            Brief(release, position, population, columns, low, endless if high is None else high, margin)
            for release, position, population, columns, low, high, margin in rows
        ]

    def shares(
        self,
        lineage: str,
        *,
        source: str,
        snapshot: str,
        counted: Counted,
        but: int = 0,
        left_only: bool = False,
    ) -> list[EarlierCell]:
        """All shares of one kind."""
        where = (_C.source == source, _C.snapshot == snapshot, _C.counted == counted, _C.base != "")
        return self._cells(lineage, where, but, left_only)

    def at(self, places: Iterable[tuple[int, int]]) -> list[EarlierCell]:
        """Some, by release and position."""
        wanted = set(places)
        numbers = sorted({release for release, _ in wanted})
        found: list[EarlierCell] = []
        for some in parts(numbers):
            positions = sorted({position for release, position in wanted if release in set(some)})
            statement = _full().where(_C.release_id.in_(some))
            if len(positions) <= AT_ONCE:
                statement = statement.where(_C.position.in_(positions))
            with self._database.reading() as connection:
                rows = connection.execute(statement.order_by(_C.release_id, _C.position)).all()
            found += [_earlier(row) for row in rows if (row.release_id, row.position) in wanted]
        return found

    def of_populations(
        self,
        lineage: str,
        source: str,
        populations: Collection[str],
        *,
        but: int = 0,
        left_only: bool = False,
    ) -> list[EarlierCell]:
        """Those of a relation about these populations, in any snapshot."""
        found = self._marked(lineage, _C.population_mark, populations, (_C.source == source,), but, left_only)
        wanted = set(populations)
        return [e for e in found if e.cell.population in wanted]

    def of_labels(
        self,
        lineage: str,
        labels: Collection[str],
        *,
        unasked: bool,
        but: int = 0,
        left_only: bool = False,
    ) -> list[EarlierCell]:
        """Those with these labels; with ``unasked`` only those of tables without a question."""
        more = (_C.source == "",) if unasked else ()
        found = self._marked(lineage, _C.labels_mark, labels, more, but, left_only)
        wanted = set(labels)
        return [e for e in found if labels_text(e.cell) in wanted]

    def of_release(self, release: int) -> tuple[OutputCell, ...]:
        """A request's own, in the order of its files."""
        statement = (
            select(output_cells)
            .join(releases, releases.c.id == _C.release_id)
            .where(_C.release_id == release, _C.turn == releases.c.turn)
            .order_by(_C.position)
        )
        with self._database.reading() as connection:
            return tuple(_cell(row) for row in connection.execute(statement))

    def _marked(
        self, lineage: str, column: Any, texts: Collection[str], more: Any, but: int, left_only: bool
    ) -> list[EarlierCell]:
        marks = sorted({_mark(text) for text in texts})
        found: list[EarlierCell] = []
        for some in parts(marks):
            found += self._cells(lineage, (column.in_(some), *more), but, left_only)
        return found

    def _cells(self, lineage: str, where: Any, but: int, left_only: bool) -> list[EarlierCell]:
        statement = _with_status(_full(), lineage, but, left_only, joined=True).where(*where)
        with self._database.reading() as connection:
            rows = connection.execute(statement.order_by(_C.release_id, _C.position)).all()
        return [_earlier(row) for row in rows]


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
        "columns": columns_text(cell.population),
        "population_mark": _mark(cell.population),
        "base": cell.base,
        "dims": json.dumps(cell.dims, separators=(",", ":"), ensure_ascii=False),
        "labels_mark": _mark(labels_text(cell)),
        "counted": cell.counted,
        "of": cell.of,
        "value": _text(cell.value),
        "low": str(cell.low),
        "high": _text(cell.high),
        "step": str(cell.step),
        "units": cell.units,
        "margin": cell.margin,
    }


def _full() -> Select[Any]:
    return (
        select(output_cells, releases.c.project, releases.c.status, jobs.c.id.label("job"))
        .join(releases, releases.c.id == _C.release_id)
        .outerjoin(jobs, jobs.c.release_id == _C.release_id)
    )


def _with_status(
    statement: Select[Any], lineage: str, but: int, left_only: bool, *, joined: bool = False
) -> Select[Any]:
    if not joined:
        statement = statement.join(releases, releases.c.id == _C.release_id)
    statuses = LEFT if left_only else LEFT | PENDING
    return statement.where(
        _C.lineage == lineage,
        _C.release_id != but,
        _C.turn == releases.c.turn,
        releases.c.status.in_(sorted(statuses)),
    )


def _mark(text: str) -> str:
    return sha256_hex(text.encode())[:16]


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _earlier(row: Any) -> EarlierCell:
    pending = row.status not in LEFT
    return EarlierCell(
        cell=_cell(row),
        release=row.release_id,
        project=row.project,
        pending=pending,
        sealed=pending and row.job is not None,
    )


def _cell(row: Any) -> OutputCell:
    return OutputCell(
        file=row.file,
        row=row.row,
        column=row.column,
        source=row.source,
        snapshot=row.snapshot,
        population=row.population,
        counted=Counted(row.counted),
        value=_number(row.value),
        low=Decimal(row.low),
        high=_number(row.high),
        base=row.base,
        dims=tuple((name, label) for name, label in json.loads(row.dims)),
        of=row.of,
        step=Decimal(row.step),
        units=row.units,
        margin=row.margin,
    )
