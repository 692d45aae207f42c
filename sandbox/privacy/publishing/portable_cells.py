"""What ``cells`` says for DuckDB, in the words of any engine: how a raw cell becomes a cell of the private view.

The same cells come out, which ``tests/privacy/engines`` holds against each other. Each step stands inside a CASE that
lets only such cells in as it can take, since not every engine has a cast that may fail in peace.
"""

from __future__ import annotations

from sandbox.domain.policy import Column, ColumnType, Scalar
from sandbox.privacy.engines.holding import Words
from sandbox.privacy.publishing.cells import DAY, FALSE, MISSING, NUMERAL, TIME, TRUE, is_whole
from sandbox.privacy.stored import LARGEST, steps_per_one, stored_key

_PLACES = 12  # of the exact numbers that ``Words.decimal`` makes
# What DuckDB's trim takes off: spaces of all scripts, and no tabs or line breaks.
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def reading(words: Words, text: str, column: Column) -> str:
    """First step. SQL that reads a raw cell's ``text``; NULL where it cannot be."""
    trimmed = words.trim(text, SPACES)
    match column.type:
        case ColumnType.INTEGER | ColumnType.DECIMAL:
            return f"CASE WHEN {words.matches(trimmed, NUMERAL)} THEN {words.decimal(trimmed)} END"
        case ColumnType.BOOLEAN:
            word = words.lower(trimmed)
            return (
                f"CASE WHEN {word} IN ({_listed(words, TRUE)}) THEN TRUE "
                f"WHEN {word} IN ({_listed(words, FALSE)}) THEN FALSE END"
            )
        case ColumnType.DATE:
            # The day is what stands before the first space or T. Of the two patterns one surely has what is cut.
            return (
                f"CASE WHEN {words.matches(trimmed, DAY)} THEN {words.day(trimmed)} "
                f"WHEN {words.matches(trimmed, f'{DAY} {TIME}')} "
                f"THEN {words.day(words.before(trimmed, ' '))} "
                f"WHEN {words.matches(trimmed, f'{DAY}T{TIME}')} "
                f"THEN {words.day(words.before(trimmed, 'T'))} END"
            )
        case ColumnType.TEXT:
            return f"nullif({text}, '')"


def storing(words: Words, read: str, column: Column) -> str:
    """Second step. SQL that turns what was read (a column's name) into what is stored; NULL where it does not fit."""
    match column.type:
        case ColumnType.INTEGER:
            stored = (
                f"CASE WHEN abs({read}) <= {LARGEST} AND {is_whole(read)} THEN CAST({read} AS BIGINT) END"
            )
        case ColumnType.DECIMAL:
            stored = _in_steps(read, steps_per_one(column))
        case ColumnType.BOOLEAN | ColumnType.TEXT | ColumnType.DATE:
            stored = read
    if not column.categories:
        return stored
    listed = ", ".join(_literal(words, value, column) for value in column.categories)
    return f"CASE WHEN {stored} IN ({listed}) THEN {stored} END"


def unit_expression(words: Words, text: str) -> str:
    """The unit's name as text; NULL where there is none."""
    return f"CASE WHEN {is_missing(words, text)} THEN NULL ELSE {words.trim(text, SPACES)} END"


def is_missing(words: Words, text: str) -> str:
    """True for a cell that was empty before publishing, in any of the words that programs write for it."""
    word = words.lower(words.trim(text, SPACES))
    return f"coalesce({word} IN ({_listed(words, MISSING)}), TRUE)"


def content(words: Words, columns: dict[str, Column]) -> str:
    """SQL for all stored cells of a row as one text: different for different rows, the same on every engine.

    By name: a policy that was written down and read again has its columns in another order.
    """
    pieces = []
    for name, column in sorted(columns.items()):
        cell = words.name(name)
        text = (
            f"CASE WHEN {cell} THEN '1' ELSE '0' END"
            if column.type is ColumnType.BOOLEAN
            else f"CAST({cell} AS {words.text})"
        )
        length = f"CAST(char_length({text}) AS {words.text})"
        pieces.append(f"CASE WHEN {cell} IS NULL THEN '-' ELSE {length} || ':' || {text} END")
    return " || ".join(pieces) or "''"


def _in_steps(read: str, steps: int) -> str:
    """Whole steps, halves away from zero. With the sign apart: some engines' sign() is a floating-point number.

    The types leave room for each step's result: where it does not fit, Spark drops decimal places.
    """
    whole = len(str(LARGEST // steps))
    exact = f"CAST(abs({read}) AS DECIMAL({whole + _PLACES}, {_PLACES}))"
    exact += f" * CAST({steps} AS DECIMAL({len(str(steps))}, 0))"
    sign = f"CASE WHEN {read} < 0 THEN -1 ELSE 1 END"
    return f"CASE WHEN abs({read}) <= {LARGEST // steps} THEN ({sign}) * CAST(floor({exact} + 0.5) AS BIGINT) END"


def _literal(words: Words, value: Scalar, column: Column) -> str:
    stored = stored_key(value, column)
    if isinstance(stored, bool):
        return "TRUE" if stored else "FALSE"
    if isinstance(stored, int):
        return str(stored)
    text = words.literal(str(stored))
    return text if column.type is ColumnType.TEXT else f"DATE {text}"


def _listed(words: Words, values: tuple[str, ...]) -> str:
    return ", ".join(map(words.literal, values))
