"""SQL → ``Question``: our own grammar, read off a parse tree by an allow-list.

    SELECT key | aggregate [AS name], …
    FROM table [[AS] name]
    [WHERE column compared with literals, AND, OR, NOT]
    [GROUP BY key, …]

Aggregates: COUNT(*), COUNT(DISTINCT unit), SUM(column), AVG(column). Everything else is refused with its place
and what to write instead. The asker's text ends here: no engine ever sees it.
"""

from __future__ import annotations

import math

from sqlglot import exp

from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.predicate import Predicate
from sandbox.domain.question import Key, Measure, MeasureKind, Question
from sandbox.privacy.conditions import Conditions
from sandbox.privacy.names import Names, names_of, output_name
from sandbox.privacy.refusal import nearest, refused
from sandbox.privacy.tree import only, without_brackets
from sandbox.privacy.words import read_tree

MAX_MEASURES = 20
MAX_CELLS = 10_000  # cells of an answer: the product of the keys' listed values

_CLAUSES: dict[str, tuple[str, str]] = {
    "joins": ("JOIN", "Ask about one table; joins are coming later."),
    "laterals": ("LATERAL", "Ask about one table."),
    "distinct": ("SELECT DISTINCT", "Use GROUP BY; COUNT(DISTINCT unit column) counts units."),
    "having": ("HAVING", "Leave it out and filter the answer: that is free."),
    "order": ("ORDER BY", "Leave it out and sort the answer: that is free."),
    "limit": ("LIMIT", "Leave it out and cut the answer: that is free."),
    "offset": ("OFFSET", "Leave it out and cut the answer: that is free."),
    "qualify": ("QUALIFY", "Leave it out and filter the answer: that is free."),
    "with_": ("WITH", "Write one SELECT on one table; WITH is coming later."),
    "with": ("WITH", "Write one SELECT on one table; WITH is coming later."),
    "into": ("INTO", "Leave it out; an answer is kept by itself."),
    "hint": ("A hint", "Leave it out."),
    "sample": ("TABLESAMPLE", "Leave it out; a sample would be no more private."),
}
_AGGREGATES = ("COUNT", "SUM", "AVG")
_LATER = "It is coming later; now there are COUNT(*), COUNT(DISTINCT unit), SUM and AVG."
_AGGREGATE_FIX: dict[type[exp.Expression], str] = {
    exp.Min: "One person's value would be the answer. A 1 % quantile serves instead; it is coming later.",
    exp.Max: "One person's value would be the answer. A 99 % quantile serves instead; it is coming later.",
    exp.Median: _LATER,
    exp.Stddev: _LATER,
    exp.StddevSamp: _LATER,
    exp.Variance: _LATER,
    exp.Corr: _LATER,
    exp.Star: "Name the keys and the aggregates; rows themselves are never shown.",
    exp.Subquery: "Write one SELECT on one table; subqueries are coming later.",
    exp.Window: "Window functions show single rows; use GROUP BY.",
    exp.Filter: "Write the condition into WHERE.",
    exp.Case: "CASE is coming later; use WHERE.",
    exp.Cast: "Leave the cast out; columns have the types of the policy.",
    exp.Literal: "Leave it out; an answer holds keys and aggregates.",
}
_ARITHMETIC_FIX = "Ask for the aggregates, and reckon with the answer: that is free."


def parse(sql: str, policy: DatasetPolicy) -> Question:
    """Read a question.

    Raises:
        QuestionRefused: outside the grammar, or about what the policy does not declare; with position and fix.
    """
    select = read_tree(sql)
    only(select, {"expressions", "from_", "from", "where", "group", "kind"}, _CLAUSES)
    if select.args.get("kind"):
        raise refused("SELECT AS cannot be used here.", select, fix="Write SELECT …")
    names = names_of(select.args.get("from_") or select.args.get("from"), select, policy)
    outputs = [_output(node, names) for node in select.expressions]
    keys, measures = _split(outputs, select)
    _check_groups(select, names, keys)
    _check_cells(names, keys, select)
    return Question(
        table=names.table_name,
        keys=keys,
        measures=measures,
        where=_where(select, names),
        select=tuple(output.alias for output in outputs),
    )


def _split(outputs: list[Key | Measure], select: exp.Select) -> tuple[tuple[Key, ...], tuple[Measure, ...]]:
    keys = tuple(output for output in outputs if isinstance(output, Key))
    measures = tuple(output for output in outputs if isinstance(output, Measure))
    if not measures:
        raise refused("Nothing is counted or added up here.", select, fix="Ask for COUNT(*), for instance.")
    if len(measures) > MAX_MEASURES:
        raise refused(
            f"{len(measures)} aggregates share one price.",
            select,
            fix=f"Ask for at most {MAX_MEASURES} at a time.",
        )
    seen: set[str] = set()
    for place, output in enumerate(outputs):
        if output.alias in seen:
            raise refused(
                f"Two columns of the answer are called {output.alias}.",
                select.expressions[place],
                fix="Rename one with AS.",
            )
        seen.add(output.alias)
    return keys, measures


def _output(node: exp.Expression, names: Names) -> Key | Measure:
    """One item of SELECT."""
    alias = None
    if isinstance(node, exp.Alias):
        only(node, {"this", "alias"})
        alias, node = node.args["alias"], node.this
    node = without_brackets(node)
    if isinstance(node, exp.Count):
        return _count(node, alias, names)
    if isinstance(node, exp.Sum | exp.Avg):
        return _sum(node, alias, names)
    if isinstance(node, exp.Column):
        if isinstance(node.this, exp.Star):
            raise refused("SELECT * shows rows.", node, fix=_AGGREGATE_FIX[exp.Star])
        name, column = names.column(node)
        if not column.key_values:
            raise refused(
                f"{name} has no listed values, so that it cannot be a key of the answer.",
                node,
                fix=_key_fix(names),
            )
        return Key(column=name, alias=output_name(alias, name))
    if isinstance(node, exp.Binary | exp.Neg):
        raise refused("Arithmetic cannot stand in SELECT yet.", node, fix=_ARITHMETIC_FIX)
    if isinstance(node, exp.Anonymous):
        name = str(node.this).upper()[:60]
        raise refused(f"There is no {name}.", node, fix=nearest(name, _AGGREGATES, what="Aggregates"))
    what = "SELECT *" if isinstance(node, exp.Star) else _called(node)
    raise refused(f"{what} cannot be asked.", node, fix=_AGGREGATE_FIX.get(type(node), _LATER))


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
        raise refused(
            "COUNT(DISTINCT …) counts units only, for now.",
            node,
            fix=f"Write COUNT(DISTINCT {names.unit_column}).",
        )
    raise refused(
        "COUNT of a column cannot be asked yet.",
        node,
        fix="Write COUNT(*), with WHERE column IS NOT NULL for the filled cells.",
    )


def _rows(alias: exp.Expression | None) -> Measure:
    return Measure(kind=MeasureKind.COUNT_ROWS, column="", alias=output_name(alias, "count"))


def _sum(node: exp.Sum | exp.Avg, alias: exp.Expression | None, names: Names) -> Measure:
    only(node, {"this"})
    kind = MeasureKind.SUM if isinstance(node, exp.Sum) else MeasureKind.AVG
    inner = without_brackets(node.this)
    if not isinstance(inner, exp.Column):
        raise refused(
            f"{kind.upper()} takes one column.",
            node,
            fix="Write the column's name; expressions are coming later.",
        )
    name, column = names.column(inner)
    if not column.summable:
        able = [
            c for c, declared in names.table.columns.items() if declared.summable and c != names.unit_column
        ]
        raise refused(
            f"{name} has no declared bounds, so that one person could change {kind.upper()} without limit.",
            inner,
            fix=f"Columns with bounds: {', '.join(sorted(able)) or 'none'}.",
        )
    return Measure(kind=kind, column=name, alias=output_name(alias, f"{kind}_{name}"[:63]))


def _where(select: exp.Select, names: Names) -> Predicate | None:
    where = select.args.get("where")
    if where is None:
        return None
    only(where, {"this"})
    return Conditions(names).read(where.this)


def _check_groups(select: exp.Select, names: Names, keys: tuple[Key, ...]) -> None:
    """Raise unless GROUP BY names just the keys that SELECT shows."""
    group = select.args.get("group")
    grouped: set[str] = set()
    if group is not None:
        only(group, {"expressions"})
        for item in group.expressions:
            grouped.add(_grouped(without_brackets(item), select, names, keys))
    for place, node in enumerate(select.expressions):
        shown = without_brackets(node.this if isinstance(node, exp.Alias) else node)
        if isinstance(shown, exp.Column) and names.column(shown)[0] not in grouped:
            raise refused(
                f"{shown.name} is shown but not grouped by.",
                select.expressions[place],
                fix=f"Add GROUP BY {shown.name}.",
            )
    for name in sorted(grouped - {key.column for key in keys}):
        raise refused(f"{name} is grouped by but not shown.", group, fix=f"Add {name} to SELECT.")
    if len({key.column for key in keys}) < len(keys):
        raise refused("A key is shown twice.", select, fix="Show each key once.")


def _grouped(node: exp.Expression, select: exp.Select, names: Names, keys: tuple[Key, ...]) -> str:
    """The column that one item of GROUP BY means: a column, its place in SELECT, or its name there."""
    if isinstance(node, exp.Literal) and not node.is_string:
        items = select.expressions
        place = int(node.this) if str(node.this).isdecimal() and len(str(node.this)) < 4 else 0
        if not 1 <= place <= len(items):
            raise refused("There is no such place in SELECT.", node, fix="Write the column's name.")
        item = items[place - 1]
        node = without_brackets(item.this if isinstance(item, exp.Alias) else item)
    if not isinstance(node, exp.Column):
        raise refused("GROUP BY takes columns.", node, fix=_key_fix(names))
    if not node.table and node.name.lower() not in names.table.columns:
        for key in keys:
            if key.alias == node.name.lower():
                return key.column
    name, column = names.column(node)
    if not column.key_values:
        raise refused(
            f"{name} has no listed values, so that it cannot be grouped by.", node, fix=_key_fix(names)
        )
    return name


def _key_fix(names: Names) -> str:
    able = sorted(
        c for c, column in names.table.columns.items() if column.key_values and c != names.unit_column
    )
    return f"Columns with listed values: {', '.join(able) or 'none'}."


def _check_cells(names: Names, keys: tuple[Key, ...], select: exp.Select) -> None:
    cells = math.prod(len(names.table.columns[key.column].key_values) for key in keys)
    if cells > MAX_CELLS:
        raise refused(
            f"The answer would have {cells} rows.", select, fix=f"Use fewer keys: at most {MAX_CELLS} rows."
        )
