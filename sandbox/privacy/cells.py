"""How a raw cell becomes a cell of the private view: one SQL expression per column type.

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
_NUMERAL = r"[+-]?([0-9]{1,25}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,2})?"
_DAY = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_TRUE = ("true", "t", "1", "1.0", "yes", "y")
_MISSING = ("", "nan", "nat", "none", "null", "na", "<na>")
_FALSE = ("false", "f", "0", "0.0", "no", "n")


def cell_expression(text: str, column: Column) -> str:
    """SQL that turns ``text`` (an SQL expression for the raw cell as VARCHAR) into the stored value or NULL."""
    match column.type:
        case ColumnType.INTEGER | ColumnType.DECIMAL:
            stored = _number(text, column)
        case ColumnType.BOOLEAN:
            word = f"lower(trim({text}))"
            stored = (
                f"CASE WHEN {word} IN ({_texts(_TRUE)}) THEN TRUE WHEN {word} IN ({_texts(_FALSE)}) THEN FALSE END"
            )
        case ColumnType.DATE:
            day = f"regexp_extract(trim({text}), '^({_DAY})([ T].*)?$', 1)"
            date = f"TRY_CAST(nullif({day}, '') AS DATE)"
            stored = f"CASE WHEN {date} >= DATE '0001-01-01' THEN {date} END"  # there is no year 0
        case ColumnType.TEXT:
            stored = f"nullif({text}, '')"
    if not column.categories:
        return stored
    listed = ", ".join(_literal(value, column) for value in column.categories)
    return f"CASE WHEN {stored} IN ({listed}) THEN {stored} END"


def unit_expression(text: str) -> str:
    """The unit's name as text; NULL where there is none."""
    return f"CASE WHEN {is_missing(text)} THEN NULL ELSE trim({text}) END"


def is_missing(text: str) -> str:
    """True for a cell that was empty before publishing, in any of the words that programs write for it."""
    return f"coalesce(lower(trim({text})) IN ({_texts(_MISSING)}), TRUE)"


def _number(text: str, column: Column) -> str:
    steps = steps_per_one(column)
    exact = (
        f"CASE WHEN regexp_full_match(trim({text}), '{_NUMERAL}') THEN TRY_CAST(trim({text}) AS DECIMAL(38, 12)) END"
    )
    near = f"CASE WHEN abs({exact}) <= {LARGEST // steps} THEN {exact} END"
    if column.type is ColumnType.INTEGER:
        return f"CAST(CASE WHEN {near} = floor({near}) THEN {near} END AS BIGINT)"
    return f"CAST(sign({near}) * floor(abs({near}) * {steps} + 0.5) AS BIGINT)"


def _literal(value: Scalar, column: Column) -> str:
    stored = stored_key(value, column)
    if isinstance(stored, bool):
        return "TRUE" if stored else "FALSE"
    if isinstance(stored, int):
        return str(stored)
    return _texts((str(stored),)) if column.type is ColumnType.TEXT else f"DATE {_texts((str(stored),))}"


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)
