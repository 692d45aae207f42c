"""The report of ``make audit``: printed at the end, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.privacy.audit import report

HERE = Path(__file__).parent
KEPT = Path(__file__).resolve().parents[3] / ".sandbox" / "audit.md"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if report.LONG:
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker(pytest.mark.timeout(report.TIMEOUT_S))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    text = report.text()
    if report.ASKED_FOR and text:
        failed = len(terminalreporter.stats.get("failed", []))
        text += f"\n{failed} checks failed.\n" if failed else "\nEvery check passed.\n"
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(text, encoding="utf-8")
        terminalreporter.write(text)
