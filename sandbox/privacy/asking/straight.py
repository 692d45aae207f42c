"""Straight arithmetic within SUM and AVG: it is done to the answer, and costs no more than the plain aggregates.

What stands within is read as a·x + b, with one column and numerals. Then

    SUM(a·x + b) = a·SUM(x) + b·COUNT(x)      AVG(a·x + b) = a·AVG(x) + b
    SUM(CASE WHEN c THEN b ELSE 0 END) = b·COUNT(*) FILTER (WHERE c)
    AVG(CASE WHEN c THEN b ELSE 0 END) = b·COUNT(*) FILTER (WHERE c) / COUNT(*)

the last of which is how people write a share of rows. Cells count as the nearer bound before that, as always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sqlglot import exp

from sandbox.domain.finish import Arithmetic, Number, Value
from sandbox.privacy.asking.conditions import number_of
from sandbox.privacy.asking.filtered import is_number
from sandbox.privacy.asking.refusal import refused
from sandbox.privacy.asking.tree import only, without_brackets

_FIX = "Write one column with numerals and + - * /, such as SUM(2 * x + 1)."
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
_LARGEST = 10**15  # of the numerals, put together


@dataclass(frozen=True, slots=True)
class _Line:
    """a·x + b; a is 0 where there is no column."""

    column: exp.Column | None
    a: Fraction
    b: Fraction


def has_arithmetic(node: exp.Expression) -> bool:
    """True for a sum or an average of more than a column: of arithmetic, or of a number for each row of a CASE."""
    core = _core(node)
    if not isinstance(core, exp.Sum | exp.Avg):
        return False
    within = _within(core)
    if isinstance(within, exp.Literal) and _case(core) is not None:
        return isinstance(core, exp.Avg) or not is_number(within, 1)
    return isinstance(within, _ARITHMETIC)


def without_nothing(node: exp.Expression) -> exp.Expression:
    """The aggregate as it is, where arithmetic within leaves all as it is: SUM(x * 1) is SUM(x)."""
    if not has_arithmetic(node):
        return node
    line = _line(_within(_core(node)))
    if line.column is None or line.a != 1 or line.b:
        return node
    return _again(node, type(_core(node)), line.column)


def worked_out(node: exp.Expression, pay: Callable[[exp.Expression], Value]) -> Value:
    """The value of such an aggregate.

    Args:
        pay: the value of an aggregate of a column as it is, which is paid for.

    Raises:
        QuestionRefused: what stands within is not straight.
    """
    core = _core(node)
    within = _within(core)
    line, averaged = _line(within), isinstance(core, exp.Avg)
    if max(abs(n) for f in (line.a, line.b) for n in f.as_integer_ratio()) > _LARGEST:
        raise refused("The numbers here are too large.", within, fix=_FIX)
    if line.column is None:
        if _case(core) is None:
            raise refused("There is no column here.", within, fix=_FIX)
        met = pay(_again(node, exp.Sum, exp.Literal.number(1)))
        value = _times(met, line.b)
        if averaged and _otherwise(core):
            return Arithmetic("/", value, pay(_all_rows(node)))
        if averaged:
            raise refused("This average is always the same.", within, fix="Write ELSE 0 for a share of rows.")
        return value
    value = _times(pay(_again(node, type(core), line.column)), line.a)
    if averaged and line.b and _otherwise(core):
        raise refused("ELSE would count in this average.", within, fix="Leave ELSE out.")
    if not line.b:
        return value
    if averaged:
        return _plus(value, Number(Decimal(1)), line.b)
    return _plus(value, pay(_again(node, exp.Count, line.column)), line.b)


def _core(node: exp.Expression) -> exp.Expression:
    """The aggregate without its FILTER."""
    while isinstance(node, exp.Filter):
        node = without_brackets(node.this)
    return node


def _case(core: exp.Expression) -> exp.Expression | None:
    """The CASE of one branch, or IF, that an aggregate is of."""
    inner = without_brackets(core.this) if isinstance(core.this, exp.Expression) else None
    if isinstance(inner, exp.If) or (isinstance(inner, exp.Case) and len(inner.args["ifs"]) == 1):
        return inner
    return None


def _within(core: exp.Expression) -> exp.Expression:
    """What is added up: the argument, or what stands behind THEN."""
    case = _case(core)
    if case is None:
        return without_brackets(core.this)
    branch = case.args["ifs"][0] if isinstance(case, exp.Case) else case
    return without_brackets(branch.args["true"])


def _otherwise(core: exp.Expression) -> bool:
    """True where ELSE says something: ``filtered`` sees to what it may."""
    case = _case(core)
    said = None if case is None else case.args.get("default" if isinstance(case, exp.Case) else "false")
    return said is not None and not isinstance(without_brackets(said), exp.Null)


def _again(node: exp.Expression, kind: type[exp.Expression], of: exp.Expression) -> exp.Expression:
    """The same aggregate of a column or a number, under the same conditions, or another ``kind`` of it."""
    copy = node.copy()
    core = _core(copy)
    within = _within(core)
    within.replace(of.copy())
    case = _case(core)
    if case is not None and kind is not exp.Sum and kind is not exp.Avg:
        case.set("default" if isinstance(case, exp.Case) else "false", None)  # COUNT would count it
    if type(core) is kind:
        return copy
    other = kind(this=core.this.copy())
    if core is copy:
        return other
    core.replace(other)
    return copy


def _all_rows(node: exp.Expression) -> exp.Expression:
    copy = node.copy()
    core = _core(copy)
    rows = exp.Count(this=exp.Star(), big_int=True)
    if core is copy:
        return rows
    core.replace(rows)
    return copy


def _line(node: exp.Expression) -> _Line:
    """What an expression is as a·x + b."""
    node = without_brackets(node)
    if isinstance(node, exp.Column):
        return _Line(node, Fraction(1), Fraction(0))
    if isinstance(node, exp.Literal) and not node.is_string:
        return _Line(None, Fraction(0), number_of("This", node))
    if isinstance(node, exp.Neg):
        only(node, {"this"})
        line = _line(node.this)
        return _Line(line.column, -line.a, -line.b)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        only(node, {"this", "expression", "typed", "safe"})
        return _joined(node, _line(node.this), _line(node.expression))
    raise refused("This is no straight arithmetic.", node, fix=_FIX)


def _joined(node: exp.Expression, one: _Line, other: _Line) -> _Line:
    if isinstance(node, exp.Add | exp.Sub):
        sign = 1 if isinstance(node, exp.Add) else -1
        if one.column is not None and other.column is not None and one.column != other.column:
            raise refused("There are two columns here.", node, fix=_FIX)
        return _Line(one.column or other.column, one.a + sign * other.a, one.b + sign * other.b)
    if isinstance(node, exp.Mul) and one.column is None:
        one, other = other, one
    if other.column is not None or (isinstance(node, exp.Div) and not other.b):
        raise refused("A column is multiplied with or divided by a number here, not 0.", node, fix=_FIX)
    factor = other.b if isinstance(node, exp.Mul) else 1 / other.b
    return _Line(one.column, one.a * factor, one.b * factor)


def _times(value: Value, factor: Fraction) -> Value:
    """The value times the factor, written with whole numbers and decimals that end."""
    if factor == 1:
        return value
    over, under = factor.as_integer_ratio()
    rest = under
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1:
        number = Decimal(over) / Decimal(under)
        if Fraction(number) == factor and number.normalize().as_tuple().exponent >= -30:  # type: ignore[operator]
            return Arithmetic("*", Number(number.normalize()), value)
    whole = value if over == 1 else Arithmetic("*", Number(Decimal(over)), value)
    return Arithmetic("/", whole, Number(Decimal(under)))


def _plus(value: Value, other: Value, factor: Fraction) -> Value:
    """The value and so much of another; of the number 1, the factor itself."""
    added = _times(other, abs(factor))
    if isinstance(other, Number):
        match added:
            case Arithmetic("*", number, _):
                added = number
            case Arithmetic("/", Arithmetic("*", number, _), under):
                added = Arithmetic("/", number, under)
    return Arithmetic("+" if factor > 0 else "-", value, added)
