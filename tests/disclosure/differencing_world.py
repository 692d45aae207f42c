"""Requests of tables, one after the other, and what the last one isolates: for the tests of differencing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sandbox.disclosure.differencing.asked import asked, steps_of
from sandbox.disclosure.differencing.check import Compared, compare
from sandbox.disclosure.differencing.earlier import Listed
from sandbox.disclosure.differencing.reading import cells_of_labels, cells_of_question, margins_of
from sandbox.disclosure.table import Table, read_table
from sandbox.domain.evidence import Evidence
from sandbox.domain.output_cell import EarlierCell, OutputCell
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, OpenClass, Unit
from sandbox.domain.policy import Table as Declared
from sandbox.privacy.asking.parse import parse

THRESHOLD = 10
REGIONS = ("north", "east", "south", "west")


def _column(kind: str, **more: object) -> Column:
    return Column(type=ColumnType(kind), **more)  # type: ignore[arg-type]


POLICY = DatasetPolicy(
    name="people",
    title="People",
    open_class=OpenClass.CONDITIONAL,
    provider="an office",
    source="an office",
    licence="CC0",
    owner="olga",
    unit=Unit(column="id", noun="person"),
    tables={
        "people": Declared(
            max_rows=100_000,
            columns={
                "id": _column("integer"),
                "sex": _column("text", categories=("f", "m")),
                "region": _column("text", categories=REGIONS),
                "district": _column("text", categories=("n1", "n2", "e1", "e2")),
                "age": _column("integer", lower=0, upper=100),
                "income": _column("integer", lower=0, upper=10_000),
                "smokes": _column("integer", lower=0, upper=1, categories=(0, 1)),
                "since": _column("date", earliest="2020-01-01", latest="2023-12-31"),
            },
        ),
        "visits": Declared(
            max_rows=100_000,
            max_rows_per_unit=20,
            columns={
                "id": _column("integer"),
                "ward": _column("text", categories=("a", "b", "c")),
                "cost": _column("integer", lower=0, upper=1000),
            },
        ),
    },
)
STEPS = {"age": Fraction(1), "income": Fraction(1), "since": Fraction(1)}


@dataclass(frozen=True)
class File:
    """A table, with the question that made it; empty: none was given."""

    sql: str
    csv: str
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Request:
    files: tuple[File, ...]
    project: str = "ours"
    snapshot: str = "s1"
    pending: bool = False


def request(*files: tuple[str, str], **more: object) -> Request:
    return Request(tuple(File(sql, csv) for sql, csv in files), **more)  # type: ignore[arg-type]


def table(csv: str) -> Table:
    read, findings = read_table("t.csv", (csv.replace("; ", "\n") + "\n").encode())
    assert read is not None, findings
    return read


def cells(made: Request) -> tuple[OutputCell, ...]:
    """All cells of a request, with their margins."""
    found: list[OutputCell] = []
    for at, file in enumerate(made.files):
        name = f"t{at}.csv"
        if file.sql:
            question = parse(file.sql, POLICY)
            own = cells_of_question(
                name,
                table(file.csv),
                asked(question, POLICY),
                snapshot=made.snapshot,
                evidence=file.evidence,
                threshold=THRESHOLD,
            )
            found += [*own, *margins_of(own, steps_of(question, POLICY))]
        else:
            keys = {n: c.key_values for t in POLICY.tables.values() for n, c in t.columns.items()}
            own = cells_of_labels(
                name,
                table(file.csv),
                snapshot=made.snapshot,
                keys={n: v for n, v in keys.items() if v},
                threshold=THRESHOLD,
            )
            found += [*own, *margins_of(own, {})]
    return tuple(found)


def compared(requests: Sequence[Request], *, threshold: int = THRESHOLD) -> Compared:
    """What the last request isolates, after all others."""
    earlier = [
        EarlierCell(cell=cell, release=number, project=made.project, pending=made.pending)
        for number, made in enumerate(requests[:-1], start=1)
        for cell in cells(made)
    ]
    return compare(
        cells(requests[-1]),
        Listed(earlier),
        threshold=threshold,
        steps=STEPS,
        several=frozenset({"visits"}),
    )
