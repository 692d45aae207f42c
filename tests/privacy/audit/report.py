"""How long the audit looks, and what it found.

``make test`` runs the short audit. ``make audit`` (``SANDBOX_AUDIT=long``) looks with many more draws and questions,
prints what it found and keeps it in ``.sandbox/audit.md``. ``SANDBOX_AUDIT=short`` reports the short one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

ASKED_FOR = os.environ.get("SANDBOX_AUDIT", "")
LONG = ASKED_FOR == "long"

# Fewer than 8 000 see a planted fault too seldom: one in twenty runs let one pass.
PAIRS = 40_000 if LONG else 8_000  # draws on D, and as many on D'
ENGINE_PAIRS = 2_000 if LONG else 200  # the same through the whole engine, from question to bytes
QUESTIONS = 1_000 if LONG else 200
INTERVALS = 10_000 if LONG else 1_000
TIMEOUT_S = 1_800  # of one test, in the long audit


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was claimed, what was measured, and what the planted fault gave."""

    chapter: str
    about: str
    claimed: str
    measured: str
    control: str


_findings: list[Finding] = []


def found(chapter: str, about: str, *, claimed: str, measured: str, control: str) -> None:
    """Add a line to the report."""
    _findings.append(Finding(chapter, about, claimed, measured, control))


def text() -> str:
    """The report as Markdown, a table per chapter; empty when nothing was found out."""
    lines: list[str] = []
    for chapter in dict.fromkeys(finding.chapter for finding in _findings):
        lines += [f"\n## {chapter}\n", "| what | claimed | measured | control |", "|---|---|---|---|"]
        for finding in _findings:
            if finding.chapter == chapter:
                cells = (finding.about, finding.claimed, finding.measured, finding.control)
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if not lines:
        return ""
    size = f"{PAIRS:,} pairs, {QUESTIONS:,} questions, {INTERVALS:,} intervals"
    return "\n".join(["# Audit of the private answers", "", f"{size}.", *lines]) + "\n"
