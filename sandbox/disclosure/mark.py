"""Findings that point at a cell, a row, a column or a whole file, in the words that people read."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.findings import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with what a person may do about it.

    Attributes:
        name: the check's stable name.
        fix: what would mend it.
        source: where the rule comes from.
        from_rows: it is judged on private rows.
        says: what it looks for, for the manual.
        limits: the keys of ``release`` that it is held against.
        standing: every output of its kind gets it, whatever it shows: it tells people what is theirs to judge.
    """

    name: str
    verdict: Verdict
    fix: str
    source: str = ""
    from_rows: bool = False
    says: str = ""
    limits: tuple[str, ...] = ()
    standing: bool = False

    def cell(self, file: str, row: int, column: str, reason: str) -> Finding:
        """A finding on one cell; ``row`` counts data rows from 0, people read it from 1."""
        return self._found(file, reason, f"row {row + 1}, column {column}", row=row, column=column)

    def row(self, file: str, row: int, reason: str) -> Finding:
        return self._found(file, reason, f"row {row + 1}", row=row)

    def column(self, file: str, column: str, reason: str) -> Finding:
        return self._found(file, reason, f"column {column}", column=column)

    def file(self, file: str, reason: str, *, place: str = "") -> Finding:
        return self._found(file, reason, place)

    def _found(
        self, file: str, reason: str, place: str, *, row: int | None = None, column: str | None = None
    ) -> Finding:
        return Finding(
            file=file,
            check=self.name,
            verdict=self.verdict,
            place=place,
            reason=reason,
            fix=self.fix,
            source=self.source,
            row=row,
            column=column,
            from_rows=self.from_rows,
        )
