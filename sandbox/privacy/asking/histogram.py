"""HISTOGRAM: the short form of a question whose keys are bins, and whose only aggregate counts rows.

    SELECT HISTOGRAM(age, 10) FROM visits
    SELECT FLOOR(age / 10) * 10 AS age_bin, COUNT(*) AS count FROM visits GROUP BY FLOOR(age / 10) * 10

The parse tree of the first is made that of the second, before anything is read of it. Without a width it is the
smallest of 1, 2, 5, 10, 20, 50 … that gives at most ``MOST_BINS`` between the declared bounds, which are public. A
column with listed values needs no bins: its values are.
"""

from __future__ import annotations

import itertools

from sqlglot import exp

from sandbox.domain.policy import Column, ColumnType
from sandbox.privacy.asking.aggregates import is_measure
from sandbox.privacy.asking.finishes import is_arithmetic
from sandbox.privacy.asking.names import Names
from sandbox.privacy.asking.refusal import refused
from sandbox.privacy.asking.tree import only, without_brackets

MOST_BINS = 20
_FIX = "Write HISTOGRAM(age, 10), or HISTOGRAM(age): a column with bounds, and a whole width."


def unfold_histogram(select: exp.Select, names: Names) -> None:
    """Write a HISTOGRAM in SELECT out: its bins where it stands and in GROUP BY, COUNT(*) behind all else.

    Raises:
        QuestionRefused: another aggregate beside it, or no column and width.
    """
    items = [(place, _bare(item)) for place, item in enumerate(select.expressions)]
    found = [(place, node) for place, node in items if _is_histogram(node)]
    if not found:
        return
    place, node = found[0]
    for _, other in items:
        if other is not node and (is_measure(other) or is_arithmetic(other) or _is_histogram(other)):
            raise refused(
                "HISTOGRAM is the only aggregate of its question.",
                other,
                fix="Write FLOOR(age / 10) * 10 AS bin beside the aggregates, and GROUP BY bin.",
            )
    name, key = _key(node, names)
    item = select.expressions[place]
    alias = item.args["alias"].copy() if isinstance(item, exp.Alias) else None
    if alias is None and not isinstance(key, exp.Column):
        alias = exp.to_identifier(f"{name}_bin"[:63])
    shown = key if alias is None else exp.Alias(this=key, alias=alias)
    rows = exp.Count(this=exp.Star(), big_int=True)
    select.set("expressions", [*select.expressions[:place], shown, *select.expressions[place + 1 :], rows])
    group = select.args.get("group")
    if group is None:
        select.set("group", exp.Group(expressions=[key.copy()]))
    else:
        group.append("expressions", key.copy())


def _bare(item: exp.Expression) -> exp.Expression:
    return without_brackets(item.this if isinstance(item, exp.Alias) else item)


def _is_histogram(node: exp.Expression) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).upper() == "HISTOGRAM"


def _key(node: exp.Expression, names: Names) -> tuple[str, exp.Expression]:
    """The column's name, and the bins as the long form writes them, or the column itself."""
    only(node, {"this", "expressions"})
    parts = [without_brackets(part) for part in node.expressions]
    if not 1 <= len(parts) <= 2 or not isinstance(parts[0], exp.Column):
        raise refused("HISTOGRAM takes a column, and perhaps a width.", node, fix=_FIX)
    name, column = names.column(parts[0])
    if column.type is ColumnType.DATE:
        fix = f"Write DATE_TRUNC('month', {names.shown(name)}) AS month, COUNT(*) … GROUP BY month."
        raise refused(f"{name} is a date.", parts[0], fix=fix)
    if len(parts) == 2:
        width = parts[1]
        text = str(width.this) if isinstance(width, exp.Literal) and not width.is_string else ""
        if not (text.isascii() and text.isdecimal()):
            raise refused(
                "A bin's width is a whole number.", width, fix=f"{_FIX} For other bins, write CASE WHEN."
            )
    elif column.key_values:
        return name, parts[0].copy()
    else:
        width = exp.Literal.number(_sensible_width(column))
    floor = exp.Floor(this=exp.Div(this=parts[0].copy(), expression=width.copy()))
    return name, exp.Mul(this=floor, expression=width.copy())


def _sensible_width(column: Column) -> int:
    """The narrowest round width with few enough bins; 1 where there are no bounds, which ``keys`` refuses.

    >>> _sensible_width(Column(type=ColumnType.INTEGER, lower=0, upper=100))
    10
    """
    if column.lower is None or column.upper is None:
        return 1
    for power in itertools.count():
        for digit in (1, 2, 5):
            width: int = digit * 10**power
            if column.upper // width - column.lower // width < MOST_BINS:
                return width
    raise AssertionError("some width is wide enough")
