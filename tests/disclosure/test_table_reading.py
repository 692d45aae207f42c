"""Reading a table strictly, and writing it again."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.disclosure.cells import is_suppressed, leading_count, read_number
from sandbox.disclosure.rebuild import rebuild_csv
from sandbox.disclosure.table import Table, check_cells, is_formula, read_table
from sandbox.domain.findings import Verdict


def read(text: str) -> Table:
    table, findings = read_table("t.csv", text.encode())
    assert table is not None, findings
    return table


def test_cells_stay_the_text_they_were() -> None:
    assert read("code,n\n007,NA\n1e3, 12 \n").rows == (("007", "NA"), ("1e3", " 12 "))


def test_quotes_blank_lines_and_a_byte_order_mark_are_read() -> None:
    assert read('\ufeffname,n\n\n"a, b",12\n').rows == (("a, b", "12"),)


BROKEN = {
    "ragged row": ("a,b\n1,2\n3\n", "Line 3 has 1 cells"),
    "long row": ("a,b\n1,2,3\n", "Line 2 has 3 cells"),
    "duplicate name": ("n,N\n1,2\n", "names 2 columns"),
    "no name": (",n\n0,12\n", "no name for column 1"),
    "header only": ("a,b\n", "nothing follows"),
    "open quote": ('a,b\n"1,2\n', "is not CSV"),
    "only a mark": ("\ufeff", "is empty"),
    "many columns": (",".join(f"c{i}" for i in range(201)) + "\n", "201 columns"),
    "many rows": ("n\n" + "12\n" * 20_001, "beyond 20,000 rows"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_fails_with_its_line(case: str) -> None:
    text, words = BROKEN[case]
    table, findings = read_table("t.csv", text.encode())
    assert table is None
    assert any(words in f.reason for f in findings)
    assert all(f.verdict is Verdict.FAIL and f.fix and f.place.startswith("line ") for f in findings)


NUMBERS = {
    "7": "7", " 7 ": "7", "7.0": "7.0", "-5": "-5", "−5": "-5", "+5": "5", "1,234": "1234", "1'234": "1234",
    "1 234": "1234", ".5": "0.5", "1e3": "1000", "１２": "12", "٣": "3", "²": "2", "45%": "45", "007": "7",
}  # fmt: skip


@pytest.mark.parametrize("cell", NUMBERS)
def test_a_number_is_read_however_it_is_written(cell: str) -> None:
    number = read_number(cell)
    assert number is not None
    assert str(number.value.normalize() + 0) == str(type(number.value)(NUMBERS[cell]).normalize() + 0)


@pytest.mark.parametrize(
    "cell", ["", "nan", "inf", "1,23", "20-29", "e5", "+", "12 a", "1.2.3", "0x10", "1_000"]
)
def test_what_is_no_number_is_not_read_as_one(cell: str) -> None:
    assert read_number(cell) is None


@pytest.mark.parametrize(
    "cell", ["", " ", "-", "x", "[c]", "NA", "nan", "<10", "≤9", "under 10", "Suppressed"]
)
def test_the_signs_of_suppression_are_known(cell: str) -> None:
    assert is_suppressed(cell)


@pytest.mark.parametrize(("cell", "count"), [("7 (3.2%)", 7), ("7/120", 7), ("7 [2-9]", 7), ("20-29", None)])
def test_a_count_with_something_beside_it_is_found(cell: str, count: int | None) -> None:
    assert leading_count(cell) == count


FORMULAS = ["=1+1", "+A1", "-A1", "@SUM(A1)", "=HYPERLINK(x)", " =1+1", "\uff1d1+1", "-2+3+cmd|x"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_flagged_and_leaves_as_text(cell: str) -> None:
    table = Table(("label", "n"), ((cell, "12"),))
    (finding,) = check_cells("t.csv", table)
    assert (finding.check, finding.verdict, finding.row) == ("formula", Verdict.REVIEW, 0)
    leaving = list(csv.reader(io.StringIO(rebuild_csv(table).decode())))[1][0]
    assert leaving.startswith("'")


@pytest.mark.parametrize("cell", ["-5", "+5", "-", "-1.5e3", "a=b", "1 - 2", "", "−3"])
def test_numbers_and_words_are_no_formulas(cell: str) -> None:
    assert not is_formula(cell)


def test_a_formula_in_the_header_is_flagged_too() -> None:
    table = Table(("=1+1", "n"), (("a", "12"),))
    assert [f.check for f in check_cells("t.csv", table)] == ["formula"]
    assert rebuild_csv(table).startswith(b"'=1+1,n\n")


@pytest.mark.parametrize(
    ("cell", "check"), [("x" * 201, "long_cell"), ("a\nb", "long_cell"), ("<script>x</script>", "markup")]
)
def test_cells_that_no_label_needs_are_flagged(cell: str, check: str) -> None:
    assert [f.check for f in check_cells("t.csv", Table(("a",), ((cell,),)))] == [check]
    assert check_cells("t.csv", Table(("a",), (("an ordinary label",),))) == []


def test_what_leaves_is_written_by_us() -> None:
    table = read(
        '\ufeffsex ,mean,share,n,code\r\n"f",12.3456789012345,45%, +1\'234 ,007\r\n"m",NA,5%,12.0,010\r\n'
    )
    assert rebuild_csv(table) == b"sex,mean,share,n,code\nf,12.3457,45%,1234,007\nm,NA,5%,12,010\n"


def test_digits_that_could_carry_data_are_cut() -> None:
    one, two = (rebuild_csv(Table(("m",), ((cell,),))) for cell in ("0.33333333333", "0.33333300001"))
    assert one == two == b"m\n0.333333\n"


CELLS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_rebuilding_what_was_rebuilt_changes_nothing(rows: list[list[str]]) -> None:
    first = rebuild_csv(Table(("a", "b"), tuple(tuple(r) for r in rows)))
    again = read(first.decode())
    assert rebuild_csv(again) == first
    assert not any(is_formula(cell) for row in again.rows for cell in row)
