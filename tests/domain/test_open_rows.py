"""Which rows of an open table may be asked for."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sandbox.domain.errors import BadInput
from sandbox.domain.open_rows import Comparison, Filter, rows_wanted
from sandbox.domain.policy import Column, ColumnType, Table

TABLE = Table(
    max_rows=10,
    columns={
        "place": Column(type=ColumnType.TEXT),
        "score": Column(type=ColumnType.INTEGER),
        "price": Column(type=ColumnType.DECIMAL, resolution="0.01"),
        "weekend": Column(type=ColumnType.BOOLEAN),
        "day": Column(type=ColumnType.DATE),
    },
)


@pytest.mark.parametrize(
    ("text", "column", "comparison", "value"),
    [
        ("score:ge:90", "score", Comparison.AT_LEAST, 90),
        ("score:ne:-3", "score", Comparison.UNEQUAL, -3),
        ("price:lt:1.50", "price", Comparison.BELOW, Decimal("1.50")),
        ("weekend:eq:true", "weekend", Comparison.EQUAL, True),
        ("day:gt:2013-01-31", "day", Comparison.ABOVE, date(2013, 1, 31)),
        ("place:contains:Joe's: bar", "place", Comparison.CONTAINS, "Joe's: bar"),
        ("place:eq:", "place", Comparison.EQUAL, ""),
        ("score:empty:true", "score", Comparison.EMPTY, True),
    ],
)
def test_a_filter_is_read_by_its_columns_type(
    text: str, column: str, comparison: Comparison, value: object
) -> None:
    (found,) = rows_wanted(TABLE, filters=[text]).filters
    assert found == Filter(column=column, comparison=comparison, value=value)  # type: ignore[arg-type]


def test_all_columns_are_meant_when_none_is_named() -> None:
    assert rows_wanted(TABLE).columns == ("place", "score", "price", "weekend", "day")
    assert rows_wanted(TABLE, columns="day, score").columns == ("day", "score")


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"columns": "place,salary"}, "columns"),
        ({"columns": "place,place"}, "columns"),
        ({"columns": "place,"}, "columns"),
        ({"columns": "PLACE"}, "columns"),
        ({"columns": "рlace"}, "columns"),  # the first letter is Cyrillic
        ({"columns": '"; DROP TABLE x; --'}, "columns"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**30}, "offset"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"filters": ["score"]}, "filter"),
        ({"filters": ["score:above:3"]}, "filter"),
        ({"filters": ["salary:eq:3"]}, "filter"),
        ({"filters": ["score:eq:three"]}, "filter"),
        ({"filters": ["score:eq:1e3"]}, "filter"),
        ({"filters": ["score:eq:" + "9" * 30]}, "filter"),
        ({"filters": ["score:contains:3"]}, "filter"),
        ({"filters": ["score:empty:maybe"]}, "filter"),
        ({"filters": ["price:eq:NaN"]}, "filter"),
        ({"filters": ["day:eq:2013-02-30"]}, "filter"),
        ({"filters": ["day:eq:today"]}, "filter"),
        ({"filters": ["weekend:eq:1"]}, "filter"),
        ({"filters": ["place:eq:" + "x" * 201]}, "filter"),
        ({"filters": ["place:eq:a\x00b"]}, "filter"),
        ({"filters": ["score:ge:1"] * 11}, "filter"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_could_be(asked: dict[str, object], where: str) -> None:
    with pytest.raises(BadInput) as refused:
        rows_wanted(TABLE, **asked)  # type: ignore[arg-type]
    assert refused.value.where == where
    assert refused.value.fix
