"""SELECT and GROUP BY: a parse tree → a key, with its public values."""

from __future__ import annotations

from sqlglot import exp

from sandbox.domain.key_forms import Bins, Cases, DatePart, DateUnit, Extracted, Form, Holds, Truncated
from sandbox.domain.policy import Column, ColumnType, Scalar
from sandbox.domain.question import Key
from sandbox.privacy.asking.conditions import MAX_TEXT, Conditions
from sandbox.privacy.asking.names import Names, output_name, plain
from sandbox.privacy.asking.refusal import refused
from sandbox.privacy.asking.tree import only, without_brackets
from sandbox.privacy.stored import LARGEST, NUMERIC, bounds_in_steps, steps_per_one

MAX_BRANCHES = 100  # of one CASE
_WIDEST = 10**15

_CONDITIONS: tuple[type[exp.Expression], ...] = (
    exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In, exp.Is, exp.And, exp.Or, exp.Not,
)  # fmt: skip
_PARTS: dict[type[exp.Expression], DatePart] = {
    exp.Year: DatePart.YEAR,
    exp.Quarter: DatePart.QUARTER,
    exp.Month: DatePart.MONTH,
    exp.Day: DatePart.DAY,
    exp.DayOfMonth: DatePart.DAY,
    exp.DayOfWeek: DatePart.DOW,
}
_DATE_FIX = "Ask the owner to declare earliest and latest for it."
FORMS: tuple[type[exp.Expression], ...] = (
    *_CONDITIONS,
    *_PARTS,
    exp.Case,
    exp.Floor,
    exp.TimestampTrunc,
    exp.DateTrunc,
    exp.Extract,
)


def is_form(node: exp.Expression) -> bool:
    """True for what can only be meant as a key that is worked out."""
    return isinstance(node, FORMS) or (isinstance(node, exp.Mul) and node.find(exp.Floor) is not None)


def key_of(node: exp.Expression, alias: exp.Expression | None, names: Names) -> Key:
    """The key that a node says.

    Raises:
        QuestionRefused: no key, or one whose values do not follow from the policy.
    """
    node = without_brackets(node)
    if isinstance(node, exp.Column):
        name, column = names.column(node)
        if not column.key_values and not column.unlisted_keys:
            raise refused(
                f"{name} has no listed values, so that it cannot be a key of the answer.",
                node,
                fix=key_fix(names),
            )
        return Key(column=name, alias=output_name(alias, plain(node.this)))
    name, form = _form(node, names)
    return Key(column=name, alias=output_name(alias, _default_name(name, form)), form=form)


def key_fix(names: Names) -> str:
    able = sorted(
        names.shown(c)
        for c, column in names.table.columns.items()
        if (column.key_values or column.unlisted_keys) and c != names.unit_column and names.reaches(c)
    )
    return f"Columns that can be keys: {', '.join(able) or 'none'}."


def _form(node: exp.Expression, names: Names) -> tuple[str, Form]:
    if isinstance(node, exp.Case):
        return "", _cases(node, names)
    if isinstance(node, _CONDITIONS):
        return "", Holds(Conditions(names).read(node))
    if isinstance(node, exp.Mul | exp.Floor):
        return _bins(node, names)
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        return _truncated(node, names)
    if isinstance(node, exp.Extract):
        only(node, {"this", "expression"})
        return _extracted(node, str(node.this.name).lower(), node.expression, names)
    if type(node) in _PARTS:
        only(node, {"this"})
        return _extracted(node, _PARTS[type(node)], node.this, names)
    raise refused("This cannot be a key.", node, fix=key_fix(names))


def _bins(node: exp.Expression, names: Names) -> tuple[str, Form]:
    """``FLOOR(column / width) * width``, or ``FLOOR(column)`` for a width of 1."""
    fix = "Write FLOOR(column / 10) * 10: the same whole number twice, from 1."
    inner, width = node, 1
    if isinstance(node, exp.Mul):
        only(node, {"this", "expression"})
        sides = [without_brackets(node.this), without_brackets(node.expression)]
        inner, factor = sides if isinstance(sides[0], exp.Floor) else sides[::-1]
        width = _width(factor, fix)
    if not isinstance(inner, exp.Floor):
        raise refused("This is no key that can be worked out.", node, fix=fix)
    only(inner, {"this"})
    column_node, divisor = without_brackets(inner.this), 1
    if isinstance(column_node, exp.Div):
        only(column_node, {"this", "expression", "typed", "safe"})
        divisor = _width(without_brackets(column_node.expression), fix)
        column_node = without_brackets(column_node.this)
    if divisor != width or not isinstance(column_node, exp.Column):
        raise refused("This is no key that can be worked out.", node, fix=fix)
    name, column = names.column(column_node)
    if not column.summable or column.type not in NUMERIC:
        raise refused(
            f"{name} has no declared bounds, so that its bins have no ends.", node, fix=key_fix(names)
        )
    if max(width * steps_per_one(column), *map(abs, bounds_in_steps(column))) > LARGEST:
        raise refused(f"Bins of {name} could leave 64 bits.", node, fix="Use narrower ones.")
    return name, Bins(width)


def _width(node: exp.Expression, fix: str) -> int:
    text = str(node.this) if isinstance(node, exp.Literal) and not node.is_string else ""
    if not text.isdecimal() or not text.isascii() or len(text) > 15 or not 1 <= int(text) <= _WIDEST:
        raise refused("A bin's width is a whole number.", node, fix=fix)
    return int(text)


def _truncated(node: exp.Expression, names: Names) -> tuple[str, Form]:
    only(node, {"this", "unit"})
    word = str(node.args["unit"].name).lower() if node.args.get("unit") is not None else ""
    if word not in list(DateUnit):
        raise refused(
            "DATE_TRUNC cuts to a month, a quarter or a year.", node, fix="Write DATE_TRUNC('month', …)."
        )
    name, column = _date_column(node.this, names)
    if column.earliest is None:
        raise refused(f"{name} has no declared first and last day.", node, fix=_DATE_FIX)
    return name, Truncated(DateUnit(word))


def _extracted(node: exp.Expression, word: str, of: exp.Expression, names: Names) -> tuple[str, Form]:
    word = {"dayofweek": "dow"}.get(word, word)
    if word not in list(DatePart):
        raise refused(
            "EXTRACT takes year, quarter, month, day or dow.", node, fix="Write EXTRACT(month FROM …)."
        )
    name, column = _date_column(of, names)
    if word == DatePart.YEAR and column.earliest is None:
        raise refused(f"{name} has no declared first and last day.", node, fix=_DATE_FIX)
    return name, Extracted(DatePart(word))


def _date_column(node: exp.Expression, names: Names) -> tuple[str, Column]:
    node = without_brackets(node)
    if not isinstance(node, exp.Column):
        raise refused("A date column is needed here.", node, fix="Write its name.")
    name, column = names.column(node)
    if column.type is not ColumnType.DATE:
        raise refused(f"{name} is not a date.", node, fix="Use a date column.")
    return name, column


def _cases(node: exp.Case, names: Names) -> Form:
    only(
        node,
        {"ifs", "default"},
        {"this": ("CASE with a column behind it", "Write CASE WHEN column = … THEN … END.")},
    )
    if len(node.args["ifs"]) > MAX_BRANCHES:
        raise refused("This CASE has too many branches.", node, fix=f"Write at most {MAX_BRANCHES}.")
    branches = []
    for branch in node.args["ifs"]:
        only(branch, {"this", "true"})
        branches.append((Conditions(names).read(branch.this), _result(branch.args["true"])))
    default = node.args.get("default")
    otherwise = None if default is None or isinstance(default, exp.Null) else _result(default)
    results = [result for _, result in branches] + ([] if otherwise is None else [otherwise])
    if len({type(result) for result in results}) > 1:
        raise refused("The results of a CASE are of one type.", node, fix="Write them all as texts: 'x'.")
    return Cases(tuple(branches), otherwise)


def _result(node: exp.Expression) -> Scalar:
    node = without_brackets(node)
    sign = 1
    if isinstance(node, exp.Neg):
        sign, node = -1, without_brackets(node.this)
    if isinstance(node, exp.Literal):
        text = str(node.this)
        if node.is_string and sign == 1 and len(text) <= MAX_TEXT:
            return text
        if not node.is_string and text.isdecimal() and text.isascii() and len(text) <= 15:
            return sign * int(text)
    raise refused(
        "THEN and ELSE take a text or a whole number.",
        node,
        fix="Write it in single quotes, such as 'young'.",
    )


def _default_name(column: str, form: Form) -> str:
    match form:
        case Bins():
            return f"{column}_bin"[:63]
        case Truncated(unit):
            return f"{column}_{unit}"[:63]
        case Extracted(part):
            return f"{column}_{part}"[:63]
        case Cases():
            return "case"
        case Holds():
            return "condition"
