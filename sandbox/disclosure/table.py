"""A table as a value, read strictly: every cell stays the text it was.

No library guesses types here: a reader that turns ``007`` into 7, ``NA`` into nothing or ``1e3`` into 1000 would let
the checks see another table than the one that leaves.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.disclosure.cells import read_number
from sandbox.disclosure.file_type import invisible_in
from sandbox.disclosure.sources import CSV_FORMAT, CSV_INJECTION
from sandbox.domain.findings import Finding, Verdict

MAX_COLUMNS = 200
MAX_ROWS = 20_000
MAX_CELL_CHARACTERS = 200
MAX_DIGITS = 18  # before the point: with decimals, still exact in the 28 digits of a Decimal
MAX_ZEROS = 30  # behind the point, before the first other digit
MAX_FINDINGS = 100  # of one check on one file; more helps nobody

FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # and full-width ones


@dataclass(frozen=True, slots=True)
class Table:
    """Names and cells of a table.

    Attributes:
        columns: unique, not empty.
        rows: each as long as ``columns``.

    >>> Table(("sex", "n"), (("f", "12"),)).column("n")
    ('12',)
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, name: str) -> tuple[str, ...]:
        at = self.columns.index(name)
        return tuple(row[at] for row in self.rows)


def read_table(name: str, data: bytes) -> tuple[Table | None, list[Finding]]:
    """Read UTF-8 CSV with a header line.

    Args:
        name: the file's name, for the findings.
        data: bytes that passed ``check_file_type``.

    Returns:
        The table and no findings, or None and what is wrong, with its line.
    """
    text = data.decode("utf-8").removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []  # (1-based line where the record ends, cells)
    try:
        lines.extend((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        return None, [_wrong(name, reader.line_num, f"is not CSV ({error})", "Write it with pandas' to_csv.")]
    if not lines:
        return None, [_wrong(name, 1, "is empty", "Write the table into it.")]
    return checked_table(name, lines)


def checked_table(
    name: str, lines: Sequence[tuple[int, Sequence[str]]]
) -> tuple[Table | None, list[Finding]]:
    """A table from its lines, however they were read.

    Args:
        lines: (1-based line, cells); the first is the header.

    Returns:
        The table and no findings, or None and what is wrong, with its line.
    """
    header = [cell.strip() for cell in lines[0][1]]
    findings = _header_findings(name, header)
    for line, cells in lines[1:]:
        if len(cells) != len(header):
            findings.append(
                _wrong(
                    name,
                    line,
                    f"has {len(cells)} cells; the header has {len(header)}",
                    "Give every row the same columns; put texts with commas in quotes.",
                )
            )
        elif any(map(_is_endless, cells)):
            findings.append(
                _wrong(
                    name,
                    line,
                    "holds a number of a size that nothing counted or measured has",
                    "Write numbers below 10 to the power of 18; the checks could not compare this one.",
                )
            )
    if len(lines) == 1:
        findings.append(_wrong(name, 1, "is a header and nothing follows", "Write the table's rows too."))
    if len(lines) - 1 > MAX_ROWS:
        findings.append(
            _wrong(
                name,
                MAX_ROWS + 2,
                f"is beyond {MAX_ROWS:,} rows, which no table for readers has",
                "Aggregate further.",
            )
        )
    if findings:
        return None, findings[:MAX_FINDINGS]
    return Table(tuple(header), tuple(tuple(cells) for _, cells in lines[1:])), []


def _is_endless(cell: str) -> bool:
    """True for a number so large or small that exact arithmetic on it would fail, or write it in endless digits."""
    number = read_number(cell)
    return number is not None and number.value != 0 and not -MAX_ZEROS <= number.value.adjusted() < MAX_DIGITS


def _header_findings(name: str, header: list[str]) -> list[Finding]:
    findings = []
    if len(header) > MAX_COLUMNS:
        findings.append(_wrong(name, 1, f"has {len(header)} columns; {MAX_COLUMNS} may leave", "Drop some."))
    for at, column in enumerate(header, start=1):
        if not column:
            findings.append(
                _wrong(
                    name, 1, f"has no name for column {at}", "Name it, or write the file with index=False."
                )
            )
    for column, times in Counter(c.casefold() for c in header if c).items():
        if times > 1:
            findings.append(_wrong(name, 1, f"names {times} columns '{column}'", "Give each its own name."))
    return findings


def _wrong(name: str, line: int, problem: str, fix: str) -> Finding:
    return Finding(
        file=name,
        check="table_shape",
        verdict=Verdict.FAIL,
        place=f"line {line}",
        reason=f"Line {line} {problem}.",
        fix=fix,
        source=CSV_FORMAT,
    )


def is_formula(cell: str) -> bool:
    """True when a spreadsheet could run it. Plain numbers, signed ones too, and a lone dash are none."""
    lead = cell.lstrip(" ")
    return lead.startswith(FORMULA_STARTS) and len(lead.strip()) > 1 and read_number(cell) is None


def check_cells(name: str, table: Table) -> list[Finding]:
    """Cells that are dangerous in themselves: formulas, markup, long texts."""
    findings = []
    for row_at, row in enumerate((table.columns, *table.rows), start=-1):
        for column, cell in zip(table.columns, row, strict=True):
            place = f"row {row_at + 1}, column {column}" if row_at >= 0 else f"header, column {column}"
            where = {"row": row_at, "column": column} if row_at >= 0 else {}
            found = _cell_problem(cell)
            if found:
                check, verdict, reason, fix, source = found
                findings.append(
                    Finding(
                        file=name,
                        check=check,
                        verdict=verdict,
                        place=place,
                        reason=reason,
                        fix=fix,
                        source=source,
                        **where,  # type: ignore[arg-type]
                    )
                )
    return findings[:MAX_FINDINGS]


def _cell_problem(cell: str) -> tuple[str, Verdict, str, str, str] | None:
    if len(cell) > MAX_CELL_CHARACTERS:
        return (
            "long_cell",
            Verdict.FAIL,
            f"The cell has {len(cell)} characters; a label has few.",
            f"Shorten it to {MAX_CELL_CHARACTERS}.",
            "",
        )
    if "\n" in cell or "\r" in cell or "\t" in cell:
        return ("long_cell", Verdict.FAIL, "The cell holds line breaks or tabs.", "Write it on one line.", "")
    if is_formula(cell):
        return (
            "formula",
            Verdict.REVIEW,
            "A spreadsheet could run this cell as a formula.",
            "It leaves as plain text, with a leading apostrophe; better begin it with a letter.",
            CSV_INJECTION,
        )
    if (hidden := invisible_in(cell)) and hidden not in "\n\r\t":
        return (
            "invisible",
            Verdict.FAIL,
            f"The cell holds the invisible character U+{ord(hidden):04X}, which can hide data.",
            "Remove it.",
            "",
        )
    if "<" in cell and ">" in cell:
        return (
            "markup",
            Verdict.REVIEW,
            "The cell looks like markup.",
            "Write plain words, without < and >.",
            "",
        )
    return None
