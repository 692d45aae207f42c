"""The manual of questions, made from the grammar itself: each feature with an example, and how it is read.

``python -m sandbox.privacy.asking.sql_reference > docs/reference/sql.md`` writes it; a test runs every example, and
says when that file is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.finish import finished_sql
from sandbox.domain.key_forms import DatePart, DateUnit
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    Lookup,
    LookupColumn,
    OpenClass,
    Table,
    Unit,
)
from sandbox.domain.question import canonical_sql
from sandbox.privacy.asking.aggregates import AGGREGATES
from sandbox.privacy.asking.conditions import MAX_LIST, MAX_TEXT
from sandbox.privacy.asking.histogram import MOST_BINS
from sandbox.privacy.asking.keys import MAX_BRANCHES
from sandbox.privacy.asking.parse import MAX_CELLS, MAX_MEASURES, read
from sandbox.privacy.asking.sources import MAX_WITH
from sandbox.privacy.asking.words import MAX_CHARACTERS, MAX_DEPTH
from sandbox.privacy.mechanisms.quantiles import BRANCHES, MAX_LEVELS, MAX_NODES

POLICY = DatasetPolicy(
    name="hospital",
    title="Hospital visits",
    open_class=OpenClass.CONDITIONAL,
    provider="made up",
    source="made up",
    licence="CC0",
    owner="olga",
    unit=Unit(column="patient_id", noun="patient"),
    budget=BudgetTerms(epsilon="100", unlisted_delta="5e-7", per_question_percent=100),
    tables={
        "visits": Table(
            columns={
                "patient_id": Column(type=ColumnType.TEXT),
                "sex": Column(type=ColumnType.TEXT, categories=("female", "male")),
                "ward": Column(type=ColumnType.INTEGER, categories=(1, 2, 3), max_rows_per_unit=2),
                "smoker": Column(type=ColumnType.BOOLEAN),
                "age": Column(type=ColumnType.INTEGER, lower=0, upper=100, measured_in="years"),
                "cost": Column(
                    type=ColumnType.DECIMAL, resolution="0.01", lower=-10, upper=500, measured_in="DM"
                ),
                "admitted": Column(type=ColumnType.DATE, earliest="2013-01-01", latest="2013-12-31"),
                "city": Column(type=ColumnType.TEXT, unlisted_keys=True),
            },
            max_rows=100_000,
            max_rows_per_unit=4,
        ),
        "patients": Table(
            columns={
                "patient_id": Column(type=ColumnType.TEXT),
                "born": Column(type=ColumnType.INTEGER, lower=1910, upper=2013),
                "insured": Column(type=ColumnType.BOOLEAN),
            },
            max_rows=50_000,
        ),
    },
    lookups={
        "wards": Lookup(
            key="ward",
            columns=(
                LookupColumn(name="ward", type=ColumnType.INTEGER),
                LookupColumn(name="kind", type=ColumnType.TEXT),
                LookupColumn(name="beds", type=ColumnType.INTEGER),
            ),
            rows=((1, "surgery", 20), (2, "children", 8), (3, "surgery", 35)),
        ),
        "cities": Lookup(
            key="city",
            columns=(
                LookupColumn(name="city", type=ColumnType.TEXT),
                LookupColumn(name="country", type=ColumnType.TEXT),
            ),
            rows=(("Kyiv", "Ukraine"), ("Łódź", "Poland"), ("Köln", "Germany")),
        ),
    },
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that can be asked."""

    title: str
    meaning: str
    example: str


CHAPTERS: dict[str, tuple[Feature, ...]] = {
    "Aggregates": (
        Feature("Rows", "COUNT(*) counts rows.", "SELECT COUNT(*) AS visits FROM visits"),
        Feature(
            "Filled cells",
            "COUNT(column) counts rows whose cell is not empty.",
            "SELECT COUNT(age) AS n FROM visits",
        ),
        Feature(
            "Units",
            "COUNT(DISTINCT …) of the column that names the units counts people, firms, …",
            "SELECT COUNT(DISTINCT patient_id) AS patients FROM visits",
        ),
        Feature(
            "Distinct values",
            "COUNT(DISTINCT column) counts the different values of any column, empty cells left out. A unit counts "
            "with so many rows; a value that stands only in rows beyond is missed, and the answer says so.",
            "SELECT COUNT(DISTINCT city) AS cities FROM visits",
        ),
        Feature(
            "Sums and averages",
            "SUM and AVG need a column with `lower` and `upper`; cells beyond count as the nearer bound.",
            "SELECT SUM(cost) AS total, AVG(age) AS mean FROM visits",
        ),
        Feature(
            "Variance and standard deviation",
            "VAR_SAMP (also VARIANCE) and STDDEV, worked out from a count, a centred sum and a sum of squares. "
            "Their interval covers in 95 of 100 draws, and in more where few rows are behind them.",
            "SELECT VAR_SAMP(age) AS v, STDDEV(cost) AS s FROM visits",
        ),
        Feature(
            "Covariance and correlation",
            "COVAR_SAMP, COVAR_POP and CORR of two columns with bounds, over the rows where both are filled. A "
            "covariance is worked out from four noisy numbers, a correlation from six: it needs many rows. Where one "
            "of the two spreads cannot be told from noise, the interval of a correlation is −1 to 1.",
            "SELECT CORR(age, cost) AS r, COVAR_SAMP(age, cost) AS c, COVAR_POP(age, cost) AS p FROM visits",
        ),
        Feature(
            "Some of the rows",
            "FILTER (WHERE …) behind any aggregate. CASE, IF and COUNT_IF within one say the same: "
            "SUM(CASE WHEN smoker THEN cost ELSE 0 END), COUNT(CASE WHEN smoker THEN 1 END).",
            "SELECT COUNT(*) FILTER (WHERE smoker) AS smokers, "
            "SUM(CASE WHEN age >= 65 THEN cost ELSE 0 END) AS for_old, "
            "COUNT(DISTINCT CASE WHEN ward = 1 THEN patient_id END) AS in_ward_1 FROM visits",
        ),
        Feature(
            "Arithmetic within SUM and AVG",
            "One column with numerals and + - * /: it is done to the noisy answer. "
            "AVG(CASE WHEN … THEN 1 ELSE 0 END) is a share of rows, and so a ratio of two counts.",
            "SELECT SUM(cost * 1.19 + 5) AS gross, AVG(CASE WHEN smoker THEN 1 ELSE 0 END) AS share FROM visits",
        ),
        Feature(
            "Median and quantiles",
            "MEDIAN(column), QUANTILE_CONT(column, p) and PERCENTILE_CONT(p) WITHIN GROUP (ORDER BY column), read off "
            f"one tree of noisy counts over at most {BRANCHES**MAX_LEVELS} bins of the declared range; several "
            "quantiles of a column cost as much as one. In place of MIN and MAX, ask for the quantiles 0.01 and 0.99.",
            "SELECT MEDIAN(age) AS middle, QUANTILE_CONT(age, 0.9) AS old FROM visits",
        ),
    ),
    "Keys": (
        Feature(
            "Columns with listed values",
            "A column with `categories`, or a boolean. Each listed value has a row, also when it is empty.",
            "SELECT sex, ward, COUNT(*) AS n FROM visits GROUP BY sex, ward",
        ),
        Feature(
            "Columns without a list",
            "A column with `unlisted_keys`. A value is shown where the noisy number of its units is above a "
            "threshold, so that nobody is seen by a value that few share. That spends a little of the policy's "
            "`unlisted_delta`. With ORDER BY and LIMIT, these are the top values.",
            "SELECT city, COUNT(*) AS n FROM visits GROUP BY city ORDER BY n DESC LIMIT 10",
        ),
        Feature(
            "Bins",
            "FLOOR(column / width) * width, for a column with bounds, of a whole width. This is a histogram.",
            "SELECT FLOOR(age / 10) * 10 AS decade, COUNT(*) AS n FROM visits GROUP BY decade",
        ),
        Feature(
            "Histograms",
            "HISTOGRAM(column, width) is the short form of bins and COUNT(*). Without a width it is a round one, with "
            f"at most {MOST_BINS} bins between the declared bounds; of a column with listed values, the values. Other "
            "keys may stand beside it, other aggregates may not.",
            "SELECT sex, HISTOGRAM(age) FROM visits GROUP BY sex",
        ),
        Feature(
            "Months, quarters, years",
            f"DATE_TRUNC cuts to {', '.join(DateUnit)}, for a date with `earliest` and `latest`.",
            "SELECT DATE_TRUNC('month', admitted) AS month, COUNT(*) AS n FROM visits GROUP BY month",
        ),
        Feature(
            "Parts of dates",
            f"EXTRACT takes {', '.join(DatePart)}; YEAR(…), MONTH(…) and so on say the same. Sunday is 0.",
            "SELECT EXTRACT(dow FROM admitted) AS weekday, COUNT(*) AS n FROM visits GROUP BY weekday",
        ),
        Feature(
            "Cases",
            "CASE WHEN condition THEN 'text' … ELSE 'text' END; without ELSE, other rows are not counted.",
            "SELECT CASE WHEN age < 18 THEN 'child' WHEN age >= 65 THEN 'old' ELSE 'adult' END AS who, "
            "COUNT(*) AS n FROM visits GROUP BY who",
        ),
        Feature(
            "Conditions",
            "TRUE or FALSE; rows for which it is unknown are not counted.",
            "SELECT age >= 40 AND smoker AS at_risk, COUNT(*) AS n FROM visits GROUP BY at_risk",
        ),
    ),
    "Rows": (
        Feature(
            "Conditions on columns",
            "A column compared with literals: =, <>, <, <=, >, >=, IN, BETWEEN, IS NULL; joined by AND, OR, NOT.",
            "SELECT COUNT(*) AS n FROM visits WHERE age BETWEEN 20 AND 39 AND (city IN ('Kyiv') OR NOT smoker)",
        ),
        Feature(
            "Dates",
            "A date is written in quotes, with or without DATE.",
            "SELECT COUNT(*) AS n FROM visits WHERE admitted >= DATE '2013-02-01'",
        ),
        Feature(
            "WITH and SELECT in brackets",
            "They may rename columns and filter rows; they are read through to the table. Grouped by the unit, they "
            "make rows of their own: see below.",
            "WITH adults AS (SELECT patient_id, age AS years FROM visits WHERE age >= 18) "
            "SELECT AVG(years) AS mean FROM adults WHERE years < 65",
        ),
    ),
    "What stands behind FROM": (
        Feature(
            "Numbers of each unit",
            "A WITH part or a SELECT in brackets that is grouped by the unit column has one row for each unit, with "
            "numbers worked out from all its rows: COUNT(*), COUNT(column), COUNT(DISTINCT column), and SUM, AVG, MIN "
            "or MAX of a column with bounds. They have bounds of their own, worked out from those and "
            "`max_rows_per_unit`, and are asked about as columns are; counts with few possible values are keys as they "
            "are. AVG is rounded to the column's step. A number over no filled cell is empty.",
            "SELECT n, COUNT(*) AS patients, AVG(total) AS mean "
            "FROM (SELECT patient_id, COUNT(*) AS n, SUM(cost) AS total FROM visits WHERE smoker GROUP BY patient_id) "
            "WHERE total > 100 GROUP BY n",
        ),
        Feature(
            "Numbers within limits",
            "LEAST and GREATEST with a number cut what one unit may give, and so take less noise. What is empty "
            "stays empty.",
            "SELECT SUM(t) AS total FROM "
            "(SELECT patient_id, LEAST(SUM(cost), 800) AS t FROM visits GROUP BY patient_id)",
        ),
        Feature(
            "Numbers of each unit and key",
            "With columns with listed values beside the unit column there is one row for each value that a unit has.",
            "SELECT ward, AVG(n) AS visits "
            "FROM (SELECT patient_id, ward, COUNT(*) AS n FROM visits GROUP BY patient_id, ward) GROUP BY ward",
        ),
        Feature(
            "Tables joined by the unit",
            "JOIN (or LEFT JOIN) tables of one dataset by the column that names the units, with ON or USING: each row "
            "stands beside all rows of the same unit. A unit then has as many rows as the product of its rows on all "
            "sides; with one row on all sides but one, no more than before. A column that several tables have is "
            "written with its table. Numbers of each unit may be joined as tables are.",
            "SELECT insured, AVG(cost) AS mean FROM visits JOIN patients ON visits.patient_id = patients.patient_id "
            "WHERE born < 1950 GROUP BY insured",
        ),
        Feature(
            "Rows with numbers of their unit",
            "A side of LEFT JOIN may be missing: its columns are then empty. It is filtered in brackets, "
            "grouped by the unit.",
            "SELECT insured, COUNT(*) AS patients, AVG(n) AS visits FROM patients LEFT JOIN (SELECT patient_id, "
            "COUNT(*) AS n FROM visits WHERE cost > 50 GROUP BY patient_id) AS v USING (patient_id) GROUP BY insured",
        ),
        Feature(
            "Public lookups",
            "A policy may bring small public tables. JOIN (or LEFT JOIN) one by its key, with ON or USING: each row "
            "finds one row of it, or none. With JOIN, rows that find none are left out. What it says is public, so "
            "that its columns are keys and are summed without more ado: also of a column without listed values.",
            "SELECT country, kind, COUNT(*) AS n, AVG(beds) AS size FROM visits JOIN cities USING (city) "
            "JOIN wards ON visits.ward = wards.ward GROUP BY country, kind",
        ),
    ),
    "After the answer, for free": (
        Feature(
            "Arithmetic",
            "+ - * / of aggregates and numbers. Division by zero is empty; so is a ratio whose lower part may be 0. "
            "Sums and ratios of counts and sums keep an interval, and so does an aggregate moved by constants.",
            "SELECT sex, SUM(cost) / COUNT(*) AS per_visit FROM visits GROUP BY sex",
        ),
        Feature(
            "ROUND, COALESCE, NULLIF, CAST",
            "Around an aggregate or arithmetic: ROUND(value, digits), whose interval is rounded outwards; "
            "COALESCE(value, number); NULLIF(value, number); CAST(value AS DOUBLE), which changes nothing, as no "
            "division here cuts.",
            "SELECT sex, ROUND(100.0 * COUNT(*) FILTER (WHERE smoker) / NULLIF(COUNT(*), 0), 1) AS percent, "
            "COALESCE(AVG(age), 0) AS mean FROM visits GROUP BY sex",
        ),
        Feature(
            "HAVING",
            "Keeps rows by their noisy values. An aggregate that is only compared is paid for like a shown one.",
            "SELECT ward, COUNT(*) AS n FROM visits GROUP BY ward HAVING COUNT(*) >= 10",
        ),
        Feature(
            "ORDER BY, LIMIT, OFFSET",
            "By names, places, keys or aggregates. The same cells in another order are the same answer, and free.",
            "SELECT ward, COUNT(*) AS n FROM visits GROUP BY ward ORDER BY n DESC LIMIT 2",
        ),
    ),
    "Price in the text": (
        Feature(
            "OPTIONS",
            "The price: epsilon, or budget = '1%', or accuracy = '±50 at 95%'; also delta (only the policy's own) and "
            "max_groups_contributed. What the caller says has to agree.",
            "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS(epsilon = 0.5, max_groups_contributed = 2) "
            "ward, COUNT(*) AS n FROM visits GROUP BY ward",
        ),
    ),
}

REFUSED = (
    "SELECT * FROM visits",
    "SELECT admitted, COUNT(*) FROM visits GROUP BY admitted",
    "SELECT MAX(age) FROM visits",
    "SELECT SUM(age * cost) AS s FROM visits",
    "SELECT DISTINCT sex FROM visits",
    "SELECT COUNT(*) FROM visits JOIN patients ON TRUE",
    "SELECT COUNT(*) FROM visits NATURAL JOIN patients",
    "SELECT COUNT(*) FROM visits AS a JOIN visits AS b USING (patient_id)",
    "SELECT COUNT(*) FROM visits WHERE city LIKE 'K%'",
    "SELECT HISTOGRAM(age, 10), AVG(cost) FROM visits",
    "SELECT COUNT(*) FROM read_csv('/etc/passwd')",
    "DROP TABLE visits",
)


def reference_markdown() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Questions in SQL"
    yield ""
    yield "Made from the grammar by `python -m sandbox.privacy.asking.sql_reference > docs/reference/sql.md`; a test"
    yield "runs each example and fails when the page is stale."
    yield ""
    yield "A question is one SELECT. What it says is read into our own form, shown below each example:"
    yield "every way to write the same has the same form and is paid for once, and an engine sees nothing else."
    yield f"Upper and lower case are the same in names and words. Aggregates: {', '.join(AGGREGATES)}."
    yield ""
    yield "The examples ask about two made-up tables, in which `patient_id` names the unit:"
    yield ""
    yield "| table | column | type | declared |"
    yield "|---|---|---|---|"
    for name, table in POLICY.tables.items():
        for column_name, column in table.columns.items():
            yield f"| `{name}` | `{column_name}` | {column.type} | {_declared(column)} |"
    yield ""
    lookups = (f"`{name}` ({', '.join(lookup.by_name)})" for name, lookup in POLICY.lookups.items())
    yield f"and the public lookups {' and '.join(lookups)}."
    for chapter, features in CHAPTERS.items():
        yield ""
        yield f"## {chapter}"
        for feature in features:
            yield ""
            yield f"### {feature.title}"
            yield ""
            yield feature.meaning
            yield ""
            yield "```sql"
            yield feature.example
            yield "```"
            yield ""
            yield f"Read as `{_read_as(feature.example)}`"
    yield ""
    yield "## What is refused"
    yield ""
    yield "All else, with its place and what to write instead; nothing is spent. Some examples:"
    yield ""
    yield "| question | answer |"
    yield "|---|---|"
    for sql in REFUSED:
        yield f"| `{sql}` | {_refusal(sql)} |"
    yield ""
    yield "## Limits"
    yield ""
    yield "| | at most |"
    yield "|---|---|"
    for what, most in (
        ("characters of a question", MAX_CHARACTERS),
        ("brackets, NOT or signs within one another", MAX_DEPTH),
        ("aggregates, those of HAVING and ORDER BY included", MAX_MEASURES),
        ("rows of an answer", MAX_CELLS),
        ("counts behind quantiles, over all rows of the answer", MAX_NODES),
        ("values of one IN", MAX_LIST),
        ("characters of one text", MAX_TEXT),
        ("branches of one CASE", MAX_BRANCHES),
        ("parts of one WITH", MAX_WITH),
    ):
        yield f"| {what} | {most:,} |"


def _declared(column: Column) -> str:
    parts = []
    if column.categories:
        parts.append("categories " + ", ".join(map(str, column.categories)))
    if column.lower is not None:
        parts.append(f"from {column.lower} to {column.upper} {column.measured_in}".strip())
    if column.earliest is not None:
        parts.append(f"from {column.earliest} to {column.latest}")
    return "; ".join(parts)


def _read_as(sql: str) -> str:
    asked = read(sql, POLICY)
    return finished_sql(asked.question, asked.finish) if asked.finish else canonical_sql(asked.question)


def _refusal(sql: str) -> str:
    try:
        read(sql, POLICY)
    except QuestionRefused as refusal:
        return f"{refusal.message} {refusal.fix}".replace("|", "\\|")
    raise ValueError(f"{sql} is not refused")


if __name__ == "__main__":
    sys.stdout.write(reference_markdown())
