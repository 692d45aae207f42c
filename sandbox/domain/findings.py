"""What the checks say about an output, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """In the order of severity."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    REVIEW = "review"
    FAIL = "fail"


_ORDER = (Verdict.PASS, Verdict.REVIEW, Verdict.FAIL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check found.

    Attributes:
        check: the rule's name, such as ``small_count``.
        place: where in the file: ``row 3, column n``; empty for the whole file.
        reason: what is wrong, in plain words.
        fix: what would mend it.
        source: where the rule comes from.
    """

    file: str
    check: str
    verdict: Verdict
    place: str = ""
    reason: str = ""
    fix: str = ""
    source: str = ""
    row: int | None = None  # 0-based data row of a flagged cell
    column: str | None = None


def worst(findings: Iterable[Finding]) -> Verdict:
    """The most severe verdict; PASS when there is none."""
    return max((f.verdict for f in findings), key=_ORDER.index, default=Verdict.PASS)
