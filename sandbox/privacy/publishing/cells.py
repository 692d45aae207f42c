"""How a raw cell becomes a cell of the private view: two SQL expressions per column type.

- Every cell is read as text first, so that the same table as CSV and as Parquet gives the same view.
- A cell that does not fit its declared type becomes empty. Nothing is guessed, and no cell raises an error.
- Numbers are read as exact decimals and kept as whole steps, halves rounded away from zero, written out as
  floor(|x| · steps + 1/2) so that no engine's own rounding matters.
"""

from __future__ import annotations

from sandbox.domain.policy import Column, ColumnType, Scalar
from sandbox.privacy.stored import LARGEST, steps_per_one, stored_key

# Digits with or without point and exponent: what any writer of CSV or Parquet makes of a number. Not read: NaN,
# infinities, hexadecimal, thousands separators. Both parts are short, so that matching takes constant time.
NUMERAL = r"[+-]?([0-9]{1,25}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,2})?"
_WHOLE = r"[+-]?[0-9]{1,18}(\.0{0,40})?"
# A day, and behind a space or T what may be a time of it. (A year before Christ says so there, and is not read.)
DAY = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
TIME = r"[0-9][0-9:.,+Z -]*(UTC)?"
TRUE = ("true", "t", "1", "1.0", "yes", "y")
MISSING = ("", "nan", "nat", "none", "null", "na", "<na>")
FALSE = ("false", "f", "0", "0.0", "no", "n")


def reading(text: str, column: Column) -> str:
    """First step. SQL that reads ``text`` (an SQL expression for the raw cell as VARCHAR); NULL where it cannot be.

    A number becomes a DECIMAL(38, 12), all else its stored type.
    """
    trimmed = f"trim({text})"
    match column.type:
        case ColumnType.INTEGER | ColumnType.DECIMAL:
            # Nearly all numbers are whole; reading them as decimals would take forty times as long.
            return (
                f"CASE WHEN regexp_full_match({trimmed}, '{_WHOLE}') "
                f"THEN CAST(CAST(split_part({trimmed}, '.', 1) AS BIGINT) AS DECIMAL(38, 12)) "
                f"WHEN regexp_full_match({trimmed}, '{NUMERAL}') THEN TRY_CAST({trimmed} AS DECIMAL(38, 12)) END"
            )
        case ColumnType.BOOLEAN:
            word = f"lower({trimmed})"
            return f"CASE WHEN {word} IN ({_texts(TRUE)}) THEN TRUE WHEN {word} IN ({_texts(FALSE)}) THEN FALSE END"
        case ColumnType.DATE:
            return f"TRY_CAST(nullif(regexp_extract({trimmed}, '^({DAY})([ T]{TIME})?$', 1), '') AS DATE)"
        case ColumnType.TEXT:
            return f"nullif({text}, '')"


def storing(read: str, column: Column) -> str:
    """Second step. SQL that turns what was read (a column's name) into what is stored; NULL where it does not fit."""
    match column.type:
        case ColumnType.INTEGER:
            stored = (
                f"CASE WHEN abs({read}) <= {LARGEST} AND {is_whole(read)} THEN CAST({read} AS BIGINT) END"
            )
        case ColumnType.DECIMAL:
            steps = steps_per_one(column)
            stored = (
                f"CASE WHEN abs({read}) <= {LARGEST // steps} "
                f"THEN CAST(sign({read}) * floor(abs({read}) * {steps} + 0.5) AS BIGINT) END"
            )
        case ColumnType.DATE:
            stored = f"CASE WHEN {read} >= DATE '0001-01-01' THEN {read} END"  # there is no year 0
        case ColumnType.BOOLEAN | ColumnType.TEXT:
            stored = read
    if not column.categories:
        return stored
    listed = ", ".join(_literal(value, column) for value in column.categories)
    return f"CASE WHEN {stored} IN ({listed}) THEN {stored} END"


def is_whole(read: str) -> str:
    """True for a number without a fraction; also for the last place alone, as what is smaller counts as 0.

    DuckDB reads '8e-20', which is 0 to twelve places, as 1 in the last; other engines do not.
    """
    return f"({read} = floor({read}) OR abs({read}) = 0.000000000001)"


def unit_expression(text: str) -> str:
    """The unit's name as text; NULL where there is none."""
    return f"CASE WHEN {is_missing(text)} THEN NULL ELSE trim({text}) END"


def is_missing(text: str) -> str:
    """True for a cell that was empty before publishing, in any of the words that programs write for it."""
    return f"coalesce(lower(trim({text})) IN ({_texts(MISSING)}), TRUE)"


def _literal(value: Scalar, column: Column) -> str:
    stored = stored_key(value, column)
    if isinstance(stored, bool):
        return "TRUE" if stored else "FALSE"
    if isinstance(stored, int):
        return str(stored)
    return _texts((str(stored),)) if column.type is ColumnType.TEXT else f"DATE {_texts((str(stored),))}"


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
