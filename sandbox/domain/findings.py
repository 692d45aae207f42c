"""What the checks say about an output, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Verdict(StrEnum):
    """In the order of severity."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    REVIEW = "review"
    FAIL = "fail"


_ORDER = (Verdict.PASS, Verdict.REVIEW, Verdict.FAIL)
# Rules that look at what others have let out or have in review. Where one of these was computed from what the requester
# may not know (``from_rows``), a room does not show it either: a room shows rows, not other people's requests.
ABOUT_OTHERS = frozenset({"differencing", "contradiction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check found.

    Attributes:
        check: the rule's name, such as ``small_count``.
        place: where in the file: ``row 3, column n``; empty for the whole file.
        reason: what is wrong, in plain words.
        fix: what would mend it.
        source: where the rule comes from.
        from_rows: the verdict was computed from private rows. Shown to somebody who may only ask questions,
            it would be a free exact answer, so such a person sees it neither in words nor as a state.
        detail: what only reviewers and the data's owner are told, such as the numbers of another project's release.
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
    from_rows: bool = False
    detail: str = ""


def worst(findings: Iterable[Finding]) -> Verdict:
    """The most severe verdict; PASS when there is none."""
    return max((f.verdict for f in findings), key=_ORDER.index, default=Verdict.PASS)


def for_requester(findings: Iterable[Finding], *, reads_rows: bool) -> tuple[Finding, ...]:
    """What the requester may see, and what may block a release before a person looks.

    Args:
        reads_rows: the grant lets its holder read raw rows (a room), so a verdict on them gives nothing away.
    """
    return tuple(
        replace(f, detail="")
        for f in findings
        if not f.from_rows or (reads_rows and f.check not in ABOUT_OTHERS)
    )
