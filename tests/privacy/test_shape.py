"""What an owner is told of a raw file before there is a policy: names and types, no cell, no count."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import ColumnType
from sandbox.privacy.publishing.shape import shape_document, shape_from, shape_of


def written(folder: Path, text: str, name: str = "raw.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-20", "3.0"], ColumnType.INTEGER),
        (["1", "2.5", ""], ColumnType.DECIMAL),
        (["2013-01-01", "NA", "2014-12-31 10:00"], ColumnType.DATE),
        (["true", "false", "null"], ColumnType.BOOLEAN),
        (["0", "1"], ColumnType.INTEGER),
        (["1", "two"], ColumnType.TEXT),
        (["", "", "NA"], ColumnType.TEXT),
    ],
)
def test_the_narrowest_type_that_all_filled_cells_fit(
    tmp_path: Path, cells: list[str], kind: ColumnType
) -> None:
    raw = written(tmp_path, "id,x\n" + "".join(f"1,{cell}\n" for cell in cells))
    assert shape_of(raw)[1].type is kind


def test_names_are_told_as_a_policy_has_them_and_those_that_it_cannot_have(tmp_path: Path) -> None:
    raw = written(tmp_path, "Amount,Full Name,9lives\n1,x,2\n")
    assert [(column.name, column.usable) for column in shape_of(raw)] == [
        ("amount", True),
        ("full name", False),
        ("9lives", False),
    ]


def test_a_parquet_file_and_one_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "raw.parquet"
    duckdb.sql("SELECT 1 AS id, DATE '2013-01-01' AS day").write_parquet(str(path))
    assert [column.type for column in shape_of(path)] == [ColumnType.INTEGER, ColumnType.DATE]
    assert [column.type for column in shape_of(written(tmp_path, "id,x\n"))] == [ColumnType.TEXT] * 2


def test_what_is_told_holds_no_cell_and_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    few = shape_document(shape_of(written(tmp_path, "id,town\n1,hiddenvalley\n")))
    many = shape_document(shape_of(written(tmp_path, "id,town\n" + "7,elsewhere\n" * 500)))
    assert few == many
    assert shape_document(shape_from(few)) == few


@pytest.mark.parametrize(
    ("name", "text"), [("raw.csv", ""), ("raw.csv", "a,A\n1,2\n"), ("raw.txt", "a\n1\n")]
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(BadInput):
        shape_of(written(tmp_path, text, name))


def test_a_file_that_breaks_says_where_and_not_what(tmp_path: Path) -> None:
    raw = written(tmp_path, 'id,town\n1,"hiddenvalley\n')
    with pytest.raises(BadInput) as refused:
        shape_of(raw)
    assert "hiddenvalley" not in str(refused.value)
