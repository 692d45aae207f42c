"""The last report is the one whose hash is on the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.domain.errors import NotFound, Tampered
from sandbox.flows.record_attacks import ACTION, RecordAttacks
from sandbox.isolation.probe.report import Control, Ended, Report, Row, Verdict
from sandbox.store import Store


def a_report(verdict: Verdict) -> Report:
    row = Row("kernel", "x", "y", "z", Control.CAUGHT, "", {"query, runc": Ended(verdict, "")})
    return Report("2026-01-02T03:04:05+00:00", {"kernel": "6"}, (row,))


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RecordAttacks]:
    store = Store(f"sqlite:///{tmp_path / 'state.db'}", home=tmp_path)
    yield RecordAttacks(store=store, folder=tmp_path / "attacks")
    store.close()


def test_a_report_is_kept_and_its_counts_are_on_the_log(record: RecordAttacks) -> None:
    with pytest.raises(NotFound, match="not attacked yet"):
        record.last()
    report = a_report(Verdict.OPEN)
    page = record(report, actor="system:doctor")
    assert "**1 open**" in page.read_text()
    assert record.last() == report
    (entry,) = record.store.log.newest(action=ACTION)
    assert entry.event.actor == "system:doctor"
    facts = entry.event.facts
    assert (facts["open"], facts["controls_caught"], facts["good"]) == (1, 1, False)
    assert facts["report_sha256"] == report.sha256


def test_a_report_that_was_made_better_afterwards_is_found(record: RecordAttacks) -> None:
    record(a_report(Verdict.OPEN), actor="system:doctor")
    file = record.folder / "report.json"
    honest = file.read_text()
    file.write_text(honest.replace('"verdict": "open"', '"verdict": "blocked"'))
    with pytest.raises(Tampered, match="not the report"):
        record.last()
    file.write_text("{}")
    with pytest.raises(Tampered, match="no report"):
        record.last()
    file.write_text(honest)
    assert not record.last().good  # the positive control
