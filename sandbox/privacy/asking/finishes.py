"""Arithmetic, HAVING, ORDER BY, LIMIT: a parse tree → a ``Finish``, and the aggregates that it needs.

Nothing here can cost anything or look at rows: it is about values of the answer. An aggregate that stands only in
HAVING, in ORDER BY or within arithmetic is one more aggregate of the question, and shares its price.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from sqlglot import exp

from sandbox.domain.finish import (
    Arithmetic,
    Compared,
    Denied,
    Empty,
    EmptyAt,
    Finish,
    Joined,
    Name,
    Number,
    Order,
    Otherwise,
    Rounded,
    Test,
    Value,
)
from sandbox.domain.question import Key, Measure
from sandbox.privacy.asking.aggregates import is_measure, measure_of
from sandbox.privacy.asking.conditions import number_of, operands
from sandbox.privacy.asking.keys import is_form, key_of
from sandbox.privacy.asking.names import Names, plain
from sandbox.privacy.asking.refusal import refused
from sandbox.privacy.asking.straight import has_arithmetic, without_nothing, worked_out
from sandbox.privacy.asking.tree import only, without_brackets

MAX_ROWS = 1_000_000  # of LIMIT and OFFSET

_SIGNS: dict[type[exp.Expression], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_COMPARISONS: dict[type[exp.Expression], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_AROUND = (exp.Round, exp.Coalesce, exp.Nullif, exp.Cast)  # also TRY_CAST, which is one
_MOST_DIGITS = 12
_VALUE_FIX = "Use aggregates, numbers, + - * / and names of the answer's columns."


def is_arithmetic(node: exp.Expression) -> bool:
    """True for what is reckoned from aggregates, rather than a key."""
    if is_measure(node):
        return has_arithmetic(node)
    if isinstance(node, _AROUND):
        return any(isinstance(part, exp.Expression) and is_measure(part) for part in node.walk())
    return (type(node) in _SIGNS or isinstance(node, exp.Neg)) and not is_form(node)


@dataclass(slots=True)
class Finishing:
    """Reads what is done with an answer.

    Attributes:
        paid: the keys and aggregates that the question pays for, in order; grows while reading.
        shown: the values of SELECT so far, by name.
    """

    names: Names
    paid: list[Key | Measure] = field(default_factory=list)
    shown: dict[str, Value] = field(default_factory=dict)

    def value(self, node: exp.Expression) -> Value:
        """A value in one row of the answer.

        Raises:
            QuestionRefused: anything but aggregates, numbers, arithmetic and names.
        """
        node = without_nothing(without_brackets(node))
        if is_measure(node) and has_arithmetic(node):
            return worked_out(node, self.value)
        if is_measure(node):
            return Name(self._pay(measure_of(node, None, self.names)))
        if isinstance(node, _AROUND):
            return self._around(node)
        if is_arithmetic(node):
            if isinstance(node, exp.Neg):
                only(node, {"this"})
                inner = without_brackets(node.this)
                if isinstance(inner, exp.Literal):
                    return Number(-_number(inner))
                return Arithmetic("*", Number(Decimal(-1)), self._noisy(inner))
            only(node, {"this", "expression", "typed", "safe"})
            left, right = self._noisy(node.this), self._noisy(node.expression)
            return Arithmetic(_SIGNS[type(node)], left, right)
        if isinstance(node, exp.Literal) and not node.is_string:
            return Number(_number(node))
        if isinstance(node, exp.Column) or is_form(node):
            return self._named(node)
        raise refused(f"{node.key.upper()} cannot stand here.", node, fix=_VALUE_FIX)

    def _around(self, node: exp.Expression) -> Value:
        """ROUND, COALESCE, NULLIF and CAST around a value of the answer."""
        inner = self._noisy(node.this)
        if isinstance(node, exp.Cast):
            _check_cast(node)
            return inner
        if isinstance(node, exp.Round):
            only(node, {"this", "decimals"})
            return Rounded(inner, _digits(node))
        if isinstance(node, exp.Nullif):
            only(node, {"this", "expression"})
            return EmptyAt(inner, _beside(node, node.expression))
        only(node, {"this", "expressions"})
        if len(node.expressions) != 1:
            raise refused("COALESCE takes a value and a number.", node, fix="Write COALESCE(SUM(x), 0).")
        return Otherwise(inner, _beside(node, node.expressions[0]))

    def having(self, node: exp.Expression) -> Test:
        """A condition on values of the answer."""
        node = without_brackets(node)
        if isinstance(node, exp.And | exp.Or):
            return Joined(tuple(self.having(part) for part in operands(node)), isinstance(node, exp.Or))
        if isinstance(node, exp.Not):
            only(node, {"this"})
            return Denied(self.having(node.this))
        if type(node) in _COMPARISONS:
            only(node, {"this", "expression"})
            return Compared(self._noisy(node.this), _COMPARISONS[type(node)], self._noisy(node.expression))
        if isinstance(node, exp.Between):
            only(node, {"this", "low", "high"})
            value = self._noisy(node.this)
            low, high = self._noisy(node.args["low"]), self._noisy(node.args["high"])
            return Joined((Compared(value, ">=", low), Compared(value, "<=", high)), any_of=False)
        if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
            only(node, {"this", "expression"})
            return Empty(self._noisy(node.this), negated=False)
        raise refused(
            f"{node.key.upper()} cannot stand in HAVING.",
            node,
            fix="Compare an aggregate: HAVING COUNT(*) >= 10.",
        )

    def order(self, clause: exp.Expression | None) -> tuple[Order, ...]:
        """The items of ORDER BY."""
        if clause is None:
            return ()
        only(clause, {"expressions"})
        found = []
        for item in clause.expressions:
            only(item, {"this", "desc", "nulls_first"})
            node = without_brackets(item.this)
            place = list(self.shown.values())
            if isinstance(node, exp.Literal) and not node.is_string:
                at = int(node.this) if str(node.this).isdecimal() and len(str(node.this)) < 4 else 0
                if not 1 <= at <= len(place):
                    raise refused("There is no such place in SELECT.", node, fix="Write the column's name.")
                value = place[at - 1]
            else:
                value = self.value(node)
            found.append(
                Order(
                    value=value,
                    descending=bool(item.args.get("desc")),
                    empty_first=bool(item.args.get("nulls_first")),
                )
            )
        return tuple(found)

    def finish(self, select: exp.Select) -> Finish:
        """Everything after SELECT's own values, which have been read."""
        having = select.args.get("having")
        if having is not None:
            only(having, {"this"})
        return Finish(
            columns=tuple(self.shown.items()),
            having=None if having is None else self.having(having.this),
            order=self.order(select.args.get("order")),
            limit=_whole(select.args.get("limit"), "LIMIT"),
            offset=_whole(select.args.get("offset"), "OFFSET") or 0,
        )

    def _noisy(self, node: exp.Expression) -> Value:
        value = self.value(node)
        if isinstance(value, Name) and any(isinstance(p, Key) and p.alias == value.name for p in self.paid):
            raise refused(
                "HAVING and arithmetic are about aggregates.",
                node,
                fix="Write a condition on a key into WHERE.",
            )
        return value

    def _named(self, node: exp.Expression) -> Value:
        """A column of SELECT by its name there, or a key."""
        if isinstance(node, exp.Column) and not node.table and isinstance(node.this, exp.Identifier):
            value = self.shown.get(plain(node.this))
            if value is not None:
                return value
        key = key_of(node, None, self.names)
        for paid in self.paid:
            if isinstance(paid, Key) and (paid.column, paid.form) == (key.column, key.form):
                return Name(paid.alias)
        raise refused("This is no column of the answer.", node, fix="Show it in SELECT, or use an aggregate.")

    def _pay(self, measure: Measure) -> str:
        """The name of the aggregate in the answer that is paid for; the same one is there once."""
        for paid in self.paid:
            if isinstance(paid, Measure) and paid.same_as(measure):
                return paid.alias
        taken = {paid.alias for paid in self.paid} | set(self.shown)
        alias, n = measure.alias, 2
        while alias in taken:
            alias, n = f"{measure.alias[:58]}_{n}", n + 1
        self.paid.append(replace(measure, alias=alias))
        return alias


def _number(node: exp.Expression) -> Decimal:
    value = number_of("This", node)
    return Decimal(value.numerator) / Decimal(value.denominator)


def without_casts(node: exp.Expression) -> exp.Expression:
    """What stands within brackets and casts of an aggregate: values are numbers of any kind, division never cuts.

    Arithmetic that does nothing is left out as well, so that all of it is the same question.
    """
    node = without_brackets(node)
    while isinstance(node, exp.Cast) and is_arithmetic(node):
        _check_cast(node)
        node = without_brackets(node.this)
    return without_nothing(node)


def _check_cast(node: exp.Expression) -> None:
    only(node, {"this", "to", "safe"})
    if not node.args["to"].is_type("double", "float", "decimal") or node.args["to"].expressions:
        raise refused("A value is cast to DOUBLE only.", node, fix="Write ROUND(…, 2), for instance.")


def _beside(node: exp.Expression, other: exp.Expression) -> Decimal:
    """The number beside a value in COALESCE or NULLIF."""
    bare = without_brackets(other)
    if not isinstance(bare.this if isinstance(bare, exp.Neg) else bare, exp.Literal):
        name = "COALESCE" if isinstance(node, exp.Coalesce) else "NULLIF"
        raise refused(f"{name} takes a value and a number.", other, fix=f"Write {name}(SUM(x), 0).")
    return _number(bare)


def _digits(node: exp.Round) -> int:
    digits = node.args.get("decimals")
    if digits is None:
        return 0
    number = _number(digits)
    if number != int(number) or abs(number) > _MOST_DIGITS:
        raise refused(
            f"ROUND takes a whole number of digits, at most {_MOST_DIGITS}.", node, fix="Write ROUND(…, 2)."
        )
    return int(number)


def _whole(clause: exp.Expression | None, what: str) -> int | None:
    if clause is None:
        return None
    only(clause, {"expression"})
    node = clause.expression
    text = str(node.this) if isinstance(node, exp.Literal) and not node.is_string else ""
    if not text.isdecimal() or not text.isascii() or len(text) > 7 or int(text) > MAX_ROWS:
        raise refused(f"{what} takes a whole number.", node, fix=f"Write {what} 10, for instance.")
    return int(text)
