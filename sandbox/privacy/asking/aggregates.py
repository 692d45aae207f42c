"""SELECT: a parse tree → one aggregate."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from sqlglot import exp

from sandbox.domain.question import IsNull, Measure, MeasureKind
from sandbox.privacy.asking.filtered import some_rows
from sandbox.privacy.asking.names import Names, output_name
from sandbox.privacy.asking.refusal import nearest, refused
from sandbox.privacy.asking.tree import only, without_brackets

AGGREGATES = (
    "COUNT",
    "SUM",
    "AVG",
    "VAR_SAMP",
    "STDDEV",
    "COVAR_SAMP",
    "COVAR_POP",
    "CORR",
    "MEDIAN",
    "QUANTILE_CONT",
    "HISTOGRAM",
)
_LATER = f"It is coming later; now there are {', '.join(AGGREGATES)}."
_QUANTILE_FIX = "Write QUANTILE_CONT(column, 0.5), with at most four digits after the point."
_SHARE = re.compile(r"0?\.[0-9]{1,4}")
_OF_A_COLUMN: dict[type[exp.Expression], MeasureKind] = {
    exp.Sum: MeasureKind.SUM,
    exp.Avg: MeasureKind.AVG,
    exp.Variance: MeasureKind.VARIANCE,
    exp.Stddev: MeasureKind.STDDEV,
    exp.StddevSamp: MeasureKind.STDDEV,
}
_OF_TWO_COLUMNS: dict[type[exp.Expression], MeasureKind] = {
    exp.CovarSamp: MeasureKind.COVARIANCE,
    exp.CovarPop: MeasureKind.COVARIANCE_POP,
    exp.Corr: MeasureKind.CORRELATION,
}
_FIX: dict[type[exp.Expression], str] = {
    exp.Min: "One person's value would be the answer. Ask for a 1 % quantile: QUANTILE_CONT(column, 0.01).",
    exp.Max: "One person's value would be the answer. Ask for a 99 % quantile: QUANTILE_CONT(column, 0.99).",
    exp.Star: "Name the keys and the aggregates; rows themselves are never shown.",
    exp.Subquery: "Write one SELECT on one table; subqueries stand in FROM.",
    exp.Window: "Window functions show single rows; use GROUP BY.",
    exp.Cast: "Leave the cast out; columns have the types of the policy.",
    exp.Round: "Round an aggregate: ROUND(AVG(age), 1).",
    exp.Coalesce: "Write it around an aggregate: COALESCE(SUM(cost), 0). Rows with an empty cell are left out of it.",
    exp.Nullif: "Write it around an aggregate: SUM(cost) / NULLIF(COUNT(*), 0).",
    exp.Literal: "Leave it out; an answer holds keys and aggregates.",
}


def is_measure(node: exp.Expression) -> bool:
    if isinstance(node, exp.Filter):
        return is_measure(without_brackets(node.this))
    if type(node) in _OF_A_COLUMN or type(node) in _OF_TWO_COLUMNS:
        return True
    return isinstance(node, exp.Count | exp.CountIf | exp.Median) or _is_quantile(node)


def _is_quantile(node: exp.Expression) -> bool:
    inner = node.this if isinstance(node, exp.WithinGroup) else node
    return isinstance(inner, exp.PercentileCont)


def measure_of(node: exp.Expression, alias: exp.Expression | None, names: Names) -> Measure:
    """The aggregate that a node says.

    Raises:
        QuestionRefused: no aggregate, or one that the policy does not allow.
    """
    plain, where = some_rows(node, names)
    if where is None:
        return _of_all_rows(plain, alias, names)
    found = _of_all_rows(plain, None, names)
    if found.kind is MeasureKind.COUNT_ROWS and isinstance(where, IsNull) and where.negated:
        return Measure(
            kind=MeasureKind.COUNT_FILLED,
            column=where.column,
            alias=output_name(alias, f"count_{where.column}"[:63]),
        )
    return replace(found, where=where, alias=output_name(alias, f"{found.alias[:57]}_where"))


def _of_all_rows(node: exp.Expression, alias: exp.Expression | None, names: Names) -> Measure:
    """The aggregate that a node without a condition of its own says."""
    if isinstance(node, exp.Count):
        return _count(node, alias, names)
    if type(node) in _OF_TWO_COLUMNS:
        return _pair(node, alias, names)
    if type(node) in _OF_A_COLUMN:
        return _sum(node, alias, names)
    if isinstance(node, exp.Median):
        return _median(node, alias, names)
    if _is_quantile(node):
        return _quantile(node, alias, names)
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        raise refused("SELECT * shows rows.", node, fix=_FIX[exp.Star])
    if isinstance(node, exp.Anonymous):
        name = str(node.this).upper()[:60]
        if name == "HISTOGRAM":
            raise refused(
                "HISTOGRAM stands alone in SELECT, with keys at most.",
                node,
                fix="Write SELECT HISTOGRAM(age, 10) FROM …, with the condition in WHERE.",
            )
        raise refused(f"There is no {name}.", node, fix=nearest(name, AGGREGATES, what="Aggregates"))
    what = "SELECT *" if isinstance(node, exp.Star) else _called(node)
    raise refused(f"{what} cannot be asked.", node, fix=_FIX.get(type(node), _LATER))


def _called(node: exp.Expression) -> str:
    """What people call it."""
    return node.sql_name() if isinstance(node, exp.Func) else node.key.upper()


def _count(node: exp.Count, alias: exp.Expression | None, names: Names) -> Measure:
    only(node, {"this", "big_int"})
    inner = node.this
    if isinstance(inner, exp.Star):
        only(inner, set())
        return _rows(alias)
    if isinstance(inner, exp.Literal) and not inner.is_string:  # COUNT(1) is another way to write COUNT(*)
        return _rows(alias)
    if isinstance(inner, exp.Distinct):
        only(inner, {"expressions"})
        columns = [without_brackets(column) for column in inner.expressions]
        if len(columns) == 1 and names.is_unit(columns[0]):
            unit = names.unit_column
            return Measure(
                kind=MeasureKind.COUNT_UNITS, column=unit, alias=output_name(alias, f"count_{unit}"[:63])
            )
        if len(columns) == 1 and isinstance(columns[0], exp.Column):
            name, _ = names.column(columns[0])
            return Measure(
                kind=MeasureKind.COUNT_VALUES, column=name, alias=output_name(alias, f"distinct_{name}"[:63])
            )
        raise refused(
            "COUNT(DISTINCT …) takes one column.",
            node,
            fix=f"Write COUNT(DISTINCT {names.shown(names.unit_column)}), for instance.",
        )
    inner = without_brackets(inner)
    if isinstance(inner, exp.Column):
        if names.is_unit(inner):  # each published row names its unit
            return _rows(alias)
        name, _ = names.column(inner)
        return Measure(
            kind=MeasureKind.COUNT_FILLED, column=name, alias=output_name(alias, f"count_{name}"[:63])
        )
    raise refused("COUNT takes * or one column.", node, fix="Write COUNT(*), with the condition in WHERE.")


def _rows(alias: exp.Expression | None) -> Measure:
    return Measure(kind=MeasureKind.COUNT_ROWS, column="", alias=output_name(alias, "count"))


def _sum(node: exp.Expression, alias: exp.Expression | None, names: Names) -> Measure:
    only(node, {"this"})
    kind = _OF_A_COLUMN[type(node)]
    name = _summable(node.this, node, names)
    return Measure(kind=kind, column=name, alias=output_name(alias, f"{kind}_{name}"[:63]))


def _pair(node: exp.Expression, alias: exp.Expression | None, names: Names) -> Measure:
    """``CORR(x, y)``, which is ``CORR(y, x)``."""
    only(node, {"this", "expression"})
    first, second = sorted(_summable(part, node, names) for part in (node.this, node.expression))
    if first == second:
        raise refused(
            f"{_called(node)} takes two different columns.",
            node,
            fix=f"A column with itself is its variance: VAR_SAMP({names.shown(first)}).",
        )
    kind = _OF_TWO_COLUMNS[type(node)]
    return Measure(
        kind=kind,
        column=first,
        other=second,
        alias=output_name(alias, f"{kind}_{first[:26]}_{second[:26]}"),
    )


def _median(node: exp.Median, alias: exp.Expression | None, names: Names) -> Measure:
    only(node, {"this"})
    name = _summable(node.this, node, names)
    return Measure(
        kind=MeasureKind.QUANTILE,
        column=name,
        alias=output_name(alias, f"median_{name}"[:63]),
        share=Decimal("0.5"),
    )


def _quantile(node: exp.Expression, alias: exp.Expression | None, names: Names) -> Measure:
    """``QUANTILE_CONT(column, p)``, or ``PERCENTILE_CONT(p) WITHIN GROUP (ORDER BY column)``."""
    only(node, {"this", "expression"})
    inner, of, share = node, node.this, node.args.get("expression")
    if isinstance(node, exp.WithinGroup):
        inner, order = node.this, node.expression
        only(inner, {"this"})
        only(order, {"expressions"})
        if len(order.expressions) != 1 or order.expressions[0].args.get("desc"):
            raise refused("A quantile orders by one column, upwards.", node, fix=_QUANTILE_FIX)
        of, share = order.expressions[0].this, inner.this
    text = str(share.this) if isinstance(share, exp.Literal) and not share.is_string else ""
    if not _SHARE.fullmatch(text) or not Decimal(text):
        raise refused("A quantile's share lies between 0 and 1.", node, fix=_QUANTILE_FIX)
    name = _summable(of, node, names)
    return Measure(
        kind=MeasureKind.QUANTILE,
        column=name,
        alias=output_name(alias, f"quantile_{name}"[:63]),
        share=Decimal(text).normalize(),
    )


def _summable(inner: exp.Expression, node: exp.Expression, names: Names) -> str:
    """The column with bounds that an aggregate is of."""
    inner = without_brackets(inner)
    called = _called(node)
    if not isinstance(inner, exp.Column):
        if type(node) in _OF_TWO_COLUMNS:
            raise refused(f"{called} takes two columns.", node, fix="Write their names.")
        raise refused(
            f"{called} takes one column.",
            node,
            fix="Write the column's name; arithmetic stands within SUM and AVG, and around all aggregates.",
        )
    name, column = names.column(inner)
    if not column.summable:
        able = [
            names.shown(c)
            for c, declared in names.table.columns.items()
            if declared.summable and c != names.unit_column and names.reaches(c)
        ]
        raise refused(
            f"{name} has no declared bounds, so that one person could change {called} without limit.",
            inner,
            fix=f"Columns with bounds: {', '.join(sorted(able)) or 'none'}.",
        )
    return name
