"""A CSV file becomes a table to look at: columns and cells as text, nothing guessed, nothing run."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sandbox.domain.findings import Finding, Verdict

NOTHING_HELD: Mapping[tuple[int, str], str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell and what was found in it."""

    text: str
    findings: tuple[int, ...] = ()  # numbers of findings, from 1, worst first
    verdict: str = ""  # the worst verdict; empty when nothing was found
    reason: str = ""
    held: str = ""  # of a number: whether it holds when computed again


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table as it is shown."""

    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: bool  # the file goes on


def grid(
    content: bytes,
    *,
    limit: int,
    findings: Sequence[Finding] = (),
    held: Mapping[tuple[int, str], str] = NOTHING_HELD,
) -> Grid | None:
    """Read a CSV file for showing.

    Args:
        limit: the most rows to show.
        findings: the file's, in the order in which the page numbers them; each marks its cell, its column's
            head, or nothing when it is about the whole file.
        held: by row and column, whether a number holds when computed again.

    Returns:
        None when the file cannot be read as a table.
    """
    marks = _marks(findings)
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        head = next(lines, None)
        if not head:
            return None
        names = [name.strip() for name in head]
        rows, more = [], False
        for at, line in enumerate(line for line in lines if line):
            if at == limit:
                more = True
                break
            padded = line + [""] * (len(names) - len(line))
            rows.append(
                tuple(
                    _cell(text, marks.get((at, name), ()), held.get((at, name), ""))
                    for text, name in zip(padded, names, strict=False)
                )
            )
    except (UnicodeDecodeError, csv.Error):
        return None
    return Grid(
        columns=tuple(_cell(name, marks.get((None, name), ())) for name in names), rows=tuple(rows), more=more
    )


_Mark = tuple[int, Finding]
_SEVERITY = (Verdict.FAIL, Verdict.REVIEW, Verdict.PASS)


def _marks(findings: Sequence[Finding]) -> dict[tuple[int | None, str], tuple[_Mark, ...]]:
    """(row, column) -> the numbered findings there, worst first. A finding without a row is about its column."""
    marks: dict[tuple[int | None, str], tuple[_Mark, ...]] = {}
    ordered = sorted(enumerate(findings, start=1), key=lambda mark: _SEVERITY.index(mark[1].verdict))
    for number, finding in ordered:
        if finding.column is not None:
            place = (finding.row, finding.column)
            marks[place] = (*marks.get(place, ()), (number, finding))
    return marks


def _cell(text: str, marks: tuple[_Mark, ...], held: str = "") -> Cell:
    if not marks:
        return Cell(text=text, held=held)
    return Cell(
        text=text,
        findings=tuple(number for number, _ in marks),
        verdict=str(marks[0][1].verdict),
        reason=" ".join(finding.reason for _, finding in marks),
        held=held,
    )
