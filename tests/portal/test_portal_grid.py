"""A CSV file as a table to look at."""

from __future__ import annotations

import pytest

from sandbox.domain.findings import Finding, Verdict
from sandbox.portal.pages.grid import grid


def test_cells_stay_the_text_they_were() -> None:
    shown = grid(b"a,b\n007,1e3\nNA,\n", limit=10)
    assert shown is not None
    assert [cell.text for cell in shown.columns] == ["a", "b"]
    assert [[cell.text for cell in row] for row in shown.rows] == [["007", "1e3"], ["NA", ""]]
    assert not shown.more


def test_a_long_file_is_cut_and_says_so() -> None:
    shown = grid(b"a\n1\n2\n3\n", limit=2)
    assert shown is not None
    assert len(shown.rows) == 2
    assert shown.more


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"open', b"\n\n"])
def test_what_is_no_table_is_not_shown(content: bytes) -> None:
    assert grid(content, limit=10) is None


def test_rows_that_are_too_short_or_too_long_do_not_break_the_page() -> None:
    shown = grid(b"a,b\n1\n1,2,3\n", limit=10)
    assert shown is not None
    assert [len(row) for row in shown.rows] == [2, 2]


def test_a_cell_carries_its_worst_verdict_and_all_its_findings() -> None:
    findings = (
        Finding(file="f", check="zero", verdict=Verdict.REVIEW, reason="A zero.", row=0, column="n"),
        Finding(file="f", check="shape", verdict=Verdict.PASS, reason="Whole file."),
        Finding(file="f", check="small_count", verdict=Verdict.FAIL, reason="Too few.", row=0, column="n"),
        Finding(file="f", check="mean", verdict=Verdict.REVIEW, reason="No count.", column="m"),
    )
    shown = grid(b"k,n,m\nx,3,4.5\n", limit=10, findings=findings)
    assert shown is not None
    cell = shown.rows[0][1]
    assert (cell.verdict, cell.findings, cell.reason) == ("fail", (3, 1), "Too few. A zero.")
    assert shown.columns[2].findings == (4,)
    assert shown.rows[0][0].findings == ()
