"""WHERE: a parse tree → a predicate in normal form.

Each comparison is typed by the policy's column, never by the engine: a number against a number column, a text
against a text column, a date against a date column. Numbers are moved to the column's grid, so that strict and
non-strict comparisons, and 1.0 and 1, are the same condition.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.predicate import (
    Comparison,
    IsNull,
    Literal,
    Op,
    Predicate,
    conjunction,
    disjunction,
    one_of,
)
from sandbox.privacy.asking.names import Names
from sandbox.privacy.asking.refusal import nearest, refused
from sandbox.privacy.asking.tree import only, without_brackets
from sandbox.privacy.stored import LARGEST, NUMERIC, steps_per_one

MAX_TEXT = 1000  # characters of one literal
MAX_LIST = 1000  # values of one IN
_NUMBER = re.compile(r"[0-9]{0,30}(\.[0-9]{0,30})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_YEAR, _LAST_YEAR = 2, 9998  # one day more and one day less exist

# How each comparison reads when it is denied, and when its sides are swapped.
_DENIED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_COMPARISONS: dict[type[exp.Expression], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_LATER: dict[type[exp.Expression], str] = {
    exp.Like: "Compare texts with = or IN; LIKE is coming later.",
    exp.ILike: "Compare texts with = or IN.",
    exp.RegexpLike: "Compare texts with = or IN; regular expressions are not read.",
    exp.Exists: "Subqueries are not read; write a condition on columns.",
    exp.Subquery: "Subqueries are not read; write a condition on columns.",
    exp.Boolean: "Compare a column with a value; leave WHERE out to ask about all rows.",
    exp.NullSafeEQ: "Use =, or IS NULL.",
    exp.NullSafeNEQ: "Use <>, or IS NOT NULL.",
}


@dataclass(frozen=True, slots=True)
class Conditions:
    """Reads conditions on the columns of one table."""

    names: Names

    def read(self, node: exp.Expression, *, denied: bool = False) -> Predicate:
        """The predicate that a node says, or with ``denied`` its opposite.

        Raises:
            QuestionRefused: anything but comparisons of a column with a literal, joined by AND, OR and NOT.
        """
        node = without_brackets(node)
        if isinstance(node, exp.And | exp.Or):
            parts = [self.read(part, denied=denied) for part in operands(node)]
            return conjunction(parts) if isinstance(node, exp.And) is not denied else disjunction(parts)
        if isinstance(node, exp.Not):
            only(node, {"this"})
            return self.read(node.this, denied=not denied)
        if type(node) in _COMPARISONS:
            only(node, {"this", "expression"})
            return self._comparison(node, _COMPARISONS[type(node)], denied)
        if isinstance(node, exp.Between):
            only(node, {"this", "low", "high"})
            bounds = ((node.this, ">=", node.args["low"]), (node.this, "<=", node.args["high"]))
            parts = [self._compared(c, _DENIED[o] if denied else o, v) for c, o, v in bounds]
            return disjunction(parts) if denied else conjunction(parts)
        if isinstance(node, exp.In):
            return self._list(node, denied)
        if isinstance(node, exp.Is):
            return self._null(node, denied)
        if isinstance(node, exp.Column):
            name, column = self.names.column(node)
            if column.type is ColumnType.BOOLEAN:
                return one_of(name, [not denied])
            raise refused(f"{name} alone is no condition.", node, fix=f"Compare it with a value: {name} = …")
        fix = _LATER.get(
            type(node), "Compare a column with a literal: =, <>, <, <=, >, >=, IN, BETWEEN, IS NULL."
        )
        raise refused(f"{node.key.upper()} cannot stand in WHERE.", node, fix=fix)

    def _comparison(self, node: exp.Expression, sign: str, denied: bool) -> Predicate:
        left, right = without_brackets(node.this), without_brackets(node.expression)
        if isinstance(right, exp.Column) and not isinstance(left, exp.Column):
            left, right, sign = right, left, _SWAPPED[sign]
        return self._compared(left, _DENIED[sign] if denied else sign, right)

    def _compared(self, left: exp.Expression, sign: str, right: exp.Expression) -> Predicate:
        name, column = self._column(left)
        if sign in ("=", "<>"):
            return one_of(name, [self._equal(name, column, right)], negated=sign == "<>")
        if column.type in NUMERIC:
            value: Literal = _on_grid(number_of(name, right), column, sign)
        elif column.type is ColumnType.DATE:
            day = _date(name, right)
            value = day + timedelta(days={"<": -1, ">": 1}.get(sign, 0))
        else:
            raise refused(
                f"{name} is of type {column.type} and has no order.", left, fix="Use =, <> or IN with it."
            )
        return Comparison(name, Op.AT_MOST if sign in ("<", "<=") else Op.AT_LEAST, value)

    def _list(self, node: exp.In, denied: bool) -> Predicate:
        if node.args.get("query") is not None or node.args.get("unnest") is not None:
            raise refused("IN takes a list of literals.", node, fix="Write the values: IN ('a', 'b').")
        only(node, {"this", "expressions"})
        values = node.expressions
        if not 1 <= len(values) <= MAX_LIST:
            raise refused(
                f"This list has {len(values)} values.", node, fix=f"Write between 1 and {MAX_LIST} of them."
            )
        name, column = self._column(node.this)
        return one_of(name, [self._equal(name, column, value) for value in values], negated=denied)

    def _null(self, node: exp.Is, denied: bool) -> Predicate:
        only(node, {"this", "expression"})
        if not isinstance(node.expression, exp.Null):
            raise refused(
                "IS takes only NULL here.", node, fix="Write = TRUE, = FALSE, IS NULL or IS NOT NULL."
            )
        name, _ = self._column(node.this)
        return IsNull(name, negated=denied)

    def _column(self, node: exp.Expression) -> tuple[str, Column]:
        node = without_brackets(node)
        if not isinstance(node, exp.Column):
            raise refused(
                "One side of a comparison has to be a column as it is.",
                node,
                fix="Write a column and a literal, such as age >= 40; expressions are coming later.",
            )
        return self.names.column(node)

    def _equal(self, name: str, column: Column, node: exp.Expression) -> Literal:
        """A literal that a cell of the column can be equal to."""
        node = without_brackets(node)
        if column.type in NUMERIC:
            return value_on_grid(name, column, node)
        if column.type is ColumnType.DATE:
            return _date(name, node)
        if column.type is ColumnType.BOOLEAN:
            if not isinstance(node, exp.Boolean):
                raise refused(f"{name} is true or false.", node, fix="Write TRUE or FALSE.")
            return bool(node.this)
        text = _text(name, node)
        if column.categories and text not in column.categories:
            listed = [str(value) for value in column.categories]
            raise refused(
                f"{text[:60]!r} is not a value of {name}.", node, fix=nearest(text, listed, what="Its values")
            )
        return text


def operands(node: exp.Expression) -> list[exp.Expression]:
    """The parts of a chain of one connector, left to right. A loop: a chain may be a thousand long."""
    found: list[exp.Expression] = []
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if type(part) is type(node):
            only(part, {"this", "expression"})
            waiting += [part.expression, part.this]
        elif isinstance(part, exp.Paren) and type(without_brackets(part)) is type(node):
            waiting.append(without_brackets(part))
        else:
            found.append(part)
    return found


def number_of(name: str, node: exp.Expression) -> Fraction:
    """A plain numeral, with or without a sign.

    Exponents are not read: 1e999999999 is a short text and a long number.
    """
    node = without_brackets(node)
    sign = 1
    if isinstance(node, exp.Neg):
        sign, node = -1, without_brackets(node.this)
    if not isinstance(node, exp.Literal) or node.is_string:
        raise refused(
            f"{name} is a number, and is compared with one.", node, fix="Write a numeral such as 12 or 0.5."
        )
    text = str(node.this)
    if not _NUMBER.fullmatch(text) or not text.strip("."):
        raise refused(
            "This number cannot be read.", node, fix="Write digits, at most 30 before and 30 after the point."
        )
    return sign * Fraction(f"{text}0" if text.endswith(".") else text)


def _on_grid(value: Fraction, column: Column, sign: str) -> int | Decimal:
    """The outermost step of the column for which the comparison still holds."""
    steps = value * steps_per_one(column)
    whole = {
        "<=": math.floor(steps),
        ">=": math.ceil(steps),
        "<": math.ceil(steps) - 1,
        ">": math.floor(steps) + 1,
    }[sign]
    return _literal(whole, column)


def value_on_grid(name: str, column: Column, node: exp.Expression) -> Literal:
    """A numeral that is a whole number of the column's steps."""
    steps = number_of(name, node) * steps_per_one(column)
    if steps.denominator != 1:
        step = column.resolution if column.type is ColumnType.DECIMAL else "1"
        raise refused(
            f"{name} moves in steps of {step}, so that it never has this value.",
            node,
            fix="Round the value, or use BETWEEN.",
        )
    return _literal(steps.numerator, column)


def _literal(steps: int, column: Column) -> int | Decimal:
    # No cell lies further out, so that every literal beyond the edge means the same as the edge.
    steps = min(max(steps, -LARGEST - 1), LARGEST + 1)
    if column.type is ColumnType.INTEGER:
        return steps
    digits = len(str(steps_per_one(column))) - 1
    return Decimal(steps).scaleb(-digits)


def _text(name: str, node: exp.Expression) -> str:
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise refused(
            f"{name} is a text, and is compared with one.", node, fix="Write it in single quotes: 'x'."
        )
    text = str(node.this)
    if len(text) > MAX_TEXT:
        raise refused(f"This text is longer than {MAX_TEXT} characters.", node, fix="Shorten it.")
    return text


def _date(name: str, node: exp.Expression) -> date:
    node = without_brackets(node)
    if isinstance(node, exp.Cast) and node.to.is_type("date"):
        only(node, {"this", "to"})
        node = node.this
    text = str(node.this) if isinstance(node, exp.Literal) and node.is_string else ""
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise refused(
            f"{name} is a date, and is compared with one.", node, fix="Write it as DATE '2013-01-31'."
        )
    return day
