"""A table made wholly of a private answer: its noise already protects every unit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.disclosure.cells import Number, is_suppressed, read_number
from sandbox.disclosure.columns import normal
from sandbox.disclosure.reproduce import key_text
from sandbox.disclosure.sources import POST_PROCESSING
from sandbox.disclosure.table import Table
from sandbox.domain.findings import Finding, Verdict


@dataclass(frozen=True, slots=True)
class PrivateAnswer:
    """A stored answer, in its own words.

    Attributes:
        question_id: the ledger's number of the question that paid for it.
        keys: names of the grouping columns.
        rows: for each group (its keys as text), the numbers by column name, bounds as ``<name>_low`` and ``_high``.
    """

    question_id: int
    keys: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Mapping[str, Decimal]]


def private_answer(question_id: int, answer: bytes) -> PrivateAnswer:
    """Read the stored bytes of an answer.

    Raises:
        KeyError, TypeError, ValueError: the bytes are no answer document.
    """
    document: dict[str, Any] = json.loads(answer, parse_float=str)
    keys = tuple(c["name"] for c in document["columns"] if c["kind"] == "key")
    measures = [c["name"] for c in document["columns"] if c["kind"] != "key"]
    rows = {}
    for row in document["rows"]:
        numbers: dict[str, Decimal] = {}
        for measure in measures:
            cell = row[measure]
            for part, ending in (("value", ""), ("low", "_low"), ("high", "_high")):
                if cell.get(part) is not None:
                    numbers[normal(measure + ending)] = Decimal(str(cell[part]))
        rows[tuple(key_text(row[k]) for k in keys)] = numbers
    return PrivateAnswer(question_id, keys, rows)


def check_private_answer(name: str, table: Table, answer: PrivateAnswer) -> Finding | None:
    """The finding that lets a table pass as a private answer, or None when any cell is not from it.

    Numbers may be rounded to the digits shown, counts to 5 or 10: what is done to an answer after its noise reveals
    nothing more. Source: Dwork & Roth 2014, Proposition 2.1 (post-processing).
    """
    by_name = {normal(c): c for c in table.columns}
    if any(normal(k) not in by_name for k in answer.keys):
        return None
    keys = [table.column(by_name[normal(k)]) for k in answer.keys]
    others = [c for n, c in by_name.items() if n not in {normal(k) for k in answer.keys}]
    for at, row in enumerate(table.rows):
        cells = dict(zip(table.columns, row, strict=True))
        numbers = answer.rows.get(tuple(_key(column[at]) for column in keys))
        if numbers is None or not all(_holds(cells[c], numbers.get(normal(c))) for c in others):
            return None
    return Finding(
        file=name,
        check="private_answer",
        verdict=Verdict.PASS,
        reason=f"Every number is from the private answer to question {answer.question_id}; its noise protects.",
        source=POST_PROCESSING,
    )


def _key(cell: str) -> str:
    text = cell.strip()
    return text.lower() if text.lower() in ("true", "false") else text


def _holds(cell: str, value: Decimal | None) -> bool:
    number = read_number(cell)
    if number is None:
        return is_suppressed(cell)
    return value is not None and not number.percent and _rounds_to(number, value)


def _rounds_to(number: Number, value: Decimal) -> bool:
    step = Decimal(1).scaleb(-number.decimals) if number.decimals > 0 else Decimal(0)
    if abs(number.value - value) <= step / 2 + abs(value) * Decimal("1e-12"):
        return True
    # A mean of 3.7 shown as 4, and counts rounded to 5 or 10.
    return number.whole and any(
        number.value % base == 0 and 2 * abs(number.value - value) <= base for base in (1, 5, 10)
    )
