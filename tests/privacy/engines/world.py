"""A table that is as nasty as tables get, and questions about it: everything that the grammar has, and random ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.domain.relation import tables_of
from sandbox.privacy.asking.parse import read
from sandbox.privacy.asking.sql_reference import CHAPTERS
from sandbox.privacy.asking.sql_reference import POLICY as REFERENCE
from tests.privacy.audit.test_same_on_neighbours import random_question

Raw = dict[str, str | None]

# The table of the reference, so that its examples can be asked, with columns at the edges of what is possible.
_EDGES = {
    "big": Column(type=ColumnType.INTEGER, lower=-9_000_000_000_000_000, upper=9_000_000_000_000_000),
    "fine": Column(type=ColumnType.DECIMAL, resolution="0.000001", lower=-3, upper=7),
    "negative": Column(type=ColumnType.INTEGER, lower=-37, upper=-2),
    "born": Column(type=ColumnType.DATE, earliest="0002-01-01", latest="0004-12-31"),
    "ends": Column(type=ColumnType.DATE, earliest="9997-01-01", latest="9998-12-31"),
    "sign": Column(
        type=ColumnType.TEXT,
        categories=(
            "ä",
            "a\u0308",
            "A",
            "a",
            "ß",
            "ſ",
            "K",
            "\u212a",
            "it's",
            "\\",
            "${env:HOME}",
            " ",
            "😀",
        ),
    ),
    "grade": Column(type=ColumnType.DECIMAL, resolution="0.1", categories=("-0.5", "0", "1.5")),
    "day": Column(type=ColumnType.DATE, categories=("0001-01-01", "1582-10-10", "2000-02-29", "9999-12-31")),
}
_VISITS = REFERENCE.tables["visits"]
POLICY: DatasetPolicy = replace(
    REFERENCE,
    tables={
        "visits": replace(_VISITS, columns={**_VISITS.columns, **_EDGES}, max_rows=500, max_rows_per_unit=12)
    },
)
COLUMNS = POLICY.tables["visits"].columns
NAMES = tuple(COLUMNS)

_CELLS: dict[str, list[str | None]] = {
    "sex": ["female", "male", "Male", " male", None, ""],
    "ward": ["1", "2", "3", "3.0", "4", "0", "-1", None],
    "smoker": ["true", "false", "T", "0", "1.0", "maybe", None],
    "age": ["0", "100", "-1", "101", "50", "49", "51", "-1000000000000000000", "1e18", "12.7", "nan", None],
    "cost": [
        "-10",
        "500",
        "-10.01",
        "500.005",
        "0.125",
        "-0.125",
        "-9.995",
        "1e17",
        "NaN",
        "-inf",
        "3.14159",
        None,
    ],
    "admitted": [
        "2013-01-01",
        "2013-12-31",
        "2012-12-31",
        "2014-01-01",
        "2013-2-28",
        "2013-02-29",
        "2013-06-30 23:59:59",
        None,
    ],
    "city": [
        "Kyiv",
        "kyiv",
        "Köln",
        "Ko\u0308ln",
        "it's",
        "a\\",
        "\\'",
        "${env:HOME}",
        "%s",
        "",
        "NA",
        "x" * 2000,
        None,
    ],
    "big": [
        "9000000000000000",
        "-9000000000000000",
        "9000000000000001",
        "1000000000000000000",
        "-1000000000000000000",
        "9223372036854775807",
        "-9223372036854775808",
        "9007199254740993",
        "1",
        None,
    ],
    "fine": [
        "0.0000005",
        "-0.0000005",
        "0.00000049999",
        "7.0000001",
        "-3",
        "2.9999995",
        "1e-6",
        "-1e-7",
        "999999999999.9999995",
        None,
    ],
    "negative": ["-37", "-36", "-38", "-2", "-1", "0", "-10", "-20", "-30", None],
    "born": [
        "0001-12-31",
        "0002-01-01",
        "0003-02-28",
        "0004-02-29",
        "0003-02-29",
        "0004-12-31",
        "0005-01-01",
        "0000-01-01",
        None,
    ],
    "ends": ["9999-12-31", "9998-12-31", "9997-01-01", "9996-12-31", "10000-01-01", "infinity", None],
    "sign": [
        "ä",
        "a\u0308",
        "A",
        "a",
        "ß",
        "ss",
        "ſ",
        "s",
        "K",
        "\u212a",
        "k",
        "it's",
        "\\",
        "\\\\",
        "${env:HOME}",
        " ",
        "  ",
        "😀",
        None,
    ],
    "grade": ["-0.5", "-0.45", "-0.46", "0", "-0", "0.04", "0.05", "1.5", "1.45", None],
    "day": ["0001-01-01", "1582-10-10", "2000-02-29", "1900-02-29", "9999-12-31", None],
}


def raw_rows(seed: int = 3) -> list[Raw]:
    """A few hundred visits of units with one row to forty; some of the rows the same in every cell, one without a unit."""
    lot = random.Random(seed)
    rows: list[Raw] = []
    for n in range(45):
        for _ in range(40 if n == 7 else lot.choice((1, 1, 2, 3, 6, 14))):
            rows.append(
                {"patient_id": f"p{n}", **{name: lot.choice(cells) for name, cells in _CELLS.items()}}
            )
    rows += [{"patient_id": "twin", **dict.fromkeys(_CELLS, None), "age": "40"} for _ in range(5)]
    rows += [{"patient_id": unit, **dict.fromkeys(_CELLS, None)} for unit in (None, "", "NA", " p1 ", "Ünit")]
    return rows


def questions(how_many: int, seed: int = 5) -> Iterator[str]:
    """Each example of the manual, each column's own peculiarities, and random questions."""
    for feature in chain.from_iterable(CHAPTERS.values()):
        if set(tables_of(read(feature.example, REFERENCE).question.source)) <= set(POLICY.tables):
            yield feature.example
    yield from _PECULIAR
    lot = random.Random(seed)
    for _ in range(how_many):
        yield random_question(lot) if lot.random() < 0.5 else _random_at_the_edges(lot)


_PECULIAR = (
    "SELECT sign, COUNT(*) AS n FROM visits GROUP BY sign",
    "SELECT grade, COUNT(*) AS n, SUM(fine) AS s FROM visits GROUP BY grade",
    "SELECT day, COUNT(*) AS n FROM visits GROUP BY day",
    "SELECT FLOOR(negative / 7) * 7 AS k, COUNT(*) AS n, AVG(negative) AS m FROM visits GROUP BY k",
    "SELECT FLOOR(big / 900000000000000) * 900000000000000 AS k, COUNT(*) AS n FROM visits GROUP BY k",
    "SELECT SUM(big) AS s, AVG(big) AS m, VAR_SAMP(big) AS v, MEDIAN(big) AS q FROM visits",
    "SELECT SUM(fine) AS s, AVG(fine) AS m, STDDEV(fine) AS v, MEDIAN(fine) AS q FROM visits",
    "SELECT COUNT(DISTINCT city) AS c, COUNT(DISTINCT sign) AS s, COUNT(DISTINCT day) AS d FROM visits",
    "SELECT COUNT(DISTINCT big) AS b, COUNT(DISTINCT fine) AS f, COUNT(DISTINCT smoker) AS s FROM visits",
    "SELECT CORR(big, fine) AS r, COVAR_POP(big, negative) AS p FROM visits",
    "SELECT DATE_TRUNC('quarter', born) AS k, COUNT(*) AS n FROM visits GROUP BY k",
    "SELECT DATE_TRUNC('month', ends) AS k, COUNT(*) AS n FROM visits GROUP BY k",
    "SELECT EXTRACT(dow FROM born) AS k, COUNT(*) AS n FROM visits GROUP BY k",
    "SELECT EXTRACT(dow FROM ends) AS k, EXTRACT(year FROM ends) AS y, COUNT(*) AS n FROM visits GROUP BY k, y",
    "SELECT EXTRACT(dow FROM day) AS k, EXTRACT(day FROM day) AS d, COUNT(*) AS n FROM visits GROUP BY k, d",
    "SELECT COUNT(*) AS n FROM visits WHERE born <= DATE '0003-02-28' OR ends >= DATE '9998-12-31'",
    "SELECT COUNT(*) AS n FROM visits WHERE big >= 9007199254740993 AND big < 9223372036854775807",
    "SELECT COUNT(*) AS n FROM visits WHERE fine <> 0.000001 OR fine IS NULL",
    "SELECT COUNT(*) AS n FROM visits WHERE age NOT IN (0, 50) AND NOT (cost BETWEEN -10 AND 0.13)",
    *(
        f"SELECT COUNT(*) AS n FROM visits WHERE city {sign} '{text}'"
        for text in (
            "Kyiv",
            "Köln",
            "it''s",
            "a\\",
            "\\''",
            "${env:HOME}",
            "%s",
            ":x",
            "?",
            "NA",
            "\\u0041",
            "a'' OR ''b''=''b",
            "{{x}}",
            "\\\\",
        )
        for sign in ("=", "<>")
    ),
)


def _random_at_the_edges(lot: random.Random) -> str:
    keys = lot.sample(
        [
            "grade",
            "FLOOR(negative / 5) * 5",
            "EXTRACT(dow FROM ends)",
            "EXTRACT(quarter FROM born)",
            "big >= 0",
            "CASE WHEN fine > 0 THEN 'plus' WHEN city = 'it''s' THEN '\\' ELSE 'other' END",
        ],
        lot.randint(0, 2),
    )
    measures = lot.sample(
        [
            "COUNT(*) n",
            "COUNT(DISTINCT patient_id) u",
            "COUNT(fine) f",
            "SUM(negative) sn",
            "AVG(negative) an",
            "SUM(big) sb",
            "AVG(fine) af",
            "VARIANCE(negative) vn",
            "STDDEV(big) wb",
            "MEDIAN(negative) mn",
            "QUANTILE_CONT(fine, 0.1) qf",
            "COUNT(DISTINCT sign) ds",
            "COUNT(DISTINCT fine) FILTER (WHERE negative < -9) df",
            "COVAR_SAMP(big, fine) cb",
            "CORR(negative, fine) rn",
            "SUM(CASE WHEN negative < -9 THEN fine ELSE 0 END) sf",
            "COUNT(DISTINCT CASE WHEN fine > 0 THEN patient_id END) uf",
        ],
        lot.randint(1, 3),
    )
    atoms = [
        "negative < -9",
        "fine <= 0.0000005",
        "sign <> 'a'",
        "NOT smoker",
        "ends IS NULL",
        "day <> DATE '2000-02-29'",
    ]
    where = f" {lot.choice(['AND', 'OR'])} ".join(lot.sample(atoms, lot.randint(0, 3)))
    text = f"SELECT {', '.join(keys + measures)} FROM visits"
    return text + (f" WHERE {where}" if where else "") + (f" GROUP BY {', '.join(keys)}" if keys else "")
