"""``SELECT unit, …, aggregates FROM … GROUP BY unit``: a parse tree → a relation with one row for each unit.

Within one unit every aggregate may be asked, also the smallest and the largest value: what is worked out stays among
the unit's own rows, and only the question around it makes an answer of it.
"""

from __future__ import annotations

from sqlglot import exp

from sandbox.domain.derived import declared, narrowed, unit_column
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import Column, DatasetPolicy, Table
from sandbox.domain.predicate import Literal, Predicate
from sandbox.domain.relation import Per, Relation, UnitValue, per_unit
from sandbox.privacy.asking.conditions import value_on_grid
from sandbox.privacy.asking.keys import key_fix
from sandbox.privacy.asking.names import Names, output_name, plain
from sandbox.privacy.asking.refusal import refused
from sandbox.privacy.asking.tree import only, without_brackets

MAX_VALUES = 50  # numbers of one unit
_KINDS: dict[type[exp.Expression], Per] = {
    exp.Sum: Per.SUM,
    exp.Avg: Per.AVG,
    exp.Min: Per.MIN,
    exp.Max: Per.MAX,
}
_FIX = "Per unit there are COUNT, SUM, AVG, MIN and MAX of a column, also within LEAST or GREATEST with a number."
_LIMITS: tuple[type[exp.Expression], ...] = (exp.Least, exp.Greatest)


def unit_names(
    select: exp.Select, names: Names, where: Predicate | None, policy: DatasetPolicy, *, called: str
) -> Names:
    """The names of the relation that a grouped SELECT makes.

    Args:
        names: of the rows behind its FROM.
        where: what these have to meet.

    Raises:
        QuestionRefused: not grouped by the unit, or something that is no number of each unit.
    """
    keys = _keys(select, names)
    renamed: dict[str, str] = {}
    values: set[UnitValue] = set()
    made: list[tuple[str, UnitValue]] = []
    for item in select.expressions:
        alias, node = None, item
        if isinstance(item, exp.Alias):
            only(item, {"this", "alias"})
            alias, node = item.args["alias"], item.this
        node = without_brackets(node)
        if names.is_unit(node):
            written, meant = output_name(alias, plain(node.this)), names.unit_column
        elif isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            meant, _ = names.column(node)
            written = output_name(alias, plain(node.this))
            if meant not in keys:
                name = names.shown(meant)
                raise refused(f"{name} is shown but not grouped by.", node, fix=f"Add {name} to GROUP BY.")
        else:
            value = _value(node, names)
            written, meant = output_name(alias, _default_name(value)), ""
            values.add(value)
            made.append((written, value))
        if written in renamed:
            raise refused(f"Two columns are called {written}.", item, fix="Rename one with AS.")
        renamed[written] = meant
    if len(values) > MAX_VALUES:
        raise refused("This SELECT has too many numbers.", select, fix=f"Write at most {MAX_VALUES}.")
    relation = per_unit(names.relation, unit=names.unit_column, where=where, keys=keys, values=values)
    renamed |= {written: relation.name_of(value) for written, value in made}
    return Names(
        relation=relation,
        table=derived(relation, policy, select),
        called=called,
        unit_column=names.unit_column,
        unit_noun=names.unit_noun,
        renamed=renamed,
    )


def derived(relation: Relation, policy: DatasetPolicy, node: exp.Expression) -> Table:
    """The relation's rows as a table; what is wrong with them is told with its place."""
    try:
        return declared(relation, policy)
    except QuestionRefused as wrong:
        raise refused(wrong.message, node, fix=wrong.fix) from None


def _keys(select: exp.Select, names: Names) -> frozenset[str]:
    """What it is grouped by besides the unit."""
    group = select.args["group"]
    only(group, {"expressions"})
    nodes = [_meant(without_brackets(item), select, names) for item in group.expressions]
    if not any(names.is_unit(node) for node in nodes):
        unit = names.shown(names.unit_column)
        raise refused(
            f"A SELECT in brackets is grouped by {unit}: one row for each {names.unit_noun}.",
            group,
            fix=f"Write GROUP BY {unit}, or group the question around it.",
        )
    keys = set()
    for node in nodes:
        if names.is_unit(node):
            continue
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            raise refused("GROUP BY takes columns here.", node, fix=key_fix(names))
        name, column = names.column(node)
        if not column.key_values and not column.unlisted_keys:
            raise refused(f"{name} has no listed values.", node, fix=key_fix(names))
        keys.add(name)
    return frozenset(keys)


def _meant(node: exp.Expression, select: exp.Select, names: Names) -> exp.Expression:
    """The column that an item of GROUP BY means: itself, its place in SELECT, or its name there."""
    items = select.expressions
    if isinstance(node, exp.Literal) and not node.is_string:
        place = int(node.this) if str(node.this).isdecimal() and len(str(node.this)) < 4 else 0
        if not 1 <= place <= len(items):
            raise refused("There is no such place in SELECT.", node, fix="Write the column's name.")
        item = items[place - 1]
        return without_brackets(item.this if isinstance(item, exp.Alias) else item)
    if isinstance(node, exp.Column) and not node.table and isinstance(node.this, exp.Identifier):
        written = plain(node.this)
        if names.meant(written) is None:
            for item in items:
                if isinstance(item, exp.Alias) and item.alias.lower() == written:
                    return without_brackets(item.this)
    return node


def _value(node: exp.Expression, names: Names) -> UnitValue:
    """A number of each unit, within its limits."""
    value = _read(node, names)
    try:
        unit_column(value, names.table)
        return narrowed(value, names.table)
    except QuestionRefused as wrong:
        raise refused(wrong.message, node, fix=wrong.fix) from None


def _read(node: exp.Expression, names: Names) -> UnitValue:
    if isinstance(node, _LIMITS):
        return _limited(node, names)
    if isinstance(node, exp.Count):
        return _count(node, names)
    if type(node) in _KINDS:
        only(node, {"this"})
        kind = _KINDS[type(node)]
        return UnitValue(kind=kind, column=_bounded(without_brackets(node.this), kind, names))
    raise refused("This is no number of each unit.", node, fix=_FIX)


def _limited(node: exp.Expression, names: Names) -> UnitValue:
    """``LEAST(value, number)`` or ``GREATEST(value, number)``, in any order and depth."""
    only(node, {"this", "expressions", "ignore_nulls"})
    parts = [without_brackets(part) for part in (node.this, *node.expressions)]
    numbers = [part for part in parts if isinstance(part, exp.Literal | exp.Neg)]
    others = [part for part in parts if part not in numbers]
    if len(others) != 1 or not numbers:
        raise refused("LEAST and GREATEST take one number of each unit and a literal.", node, fix=_FIX)
    value = _read(others[0], names)
    plainly = UnitValue(kind=value.kind, column=value.column)
    column = unit_column(plainly, names.table)
    for number in numbers:
        limit = value_on_grid(names.shown(value.column) or "This", column, number)
        value = _with_limit(value, limit, at_most=isinstance(node, exp.Least), node=node)
    return value


def _with_limit(value: UnitValue, limit: Literal, *, at_most: bool, node: exp.Expression) -> UnitValue:
    """min(max(x, a), b) with one limit more, again of that form: a ≤ b."""
    least, most = value.least, value.most
    if at_most:
        most = limit if most is None else min(most, limit)
    else:
        least = limit if least is None else max(least, limit)
    if least is not None and most is not None and least >= most:  # type: ignore[operator]
        raise refused("These limits leave one value only.", node, fix="Write the larger one into LEAST.")
    return UnitValue(kind=value.kind, column=value.column, least=least, most=most)


def _count(node: exp.Count, names: Names) -> UnitValue:
    only(node, {"this", "big_int"})
    inner = node.this
    if isinstance(inner, exp.Star) or (isinstance(inner, exp.Literal) and not inner.is_string):
        if isinstance(inner, exp.Star):
            only(inner, set())
        return UnitValue(kind=Per.ROWS)
    if isinstance(inner, exp.Distinct):
        only(inner, {"expressions"})
        columns = [without_brackets(column) for column in inner.expressions]
        if len(columns) == 1 and isinstance(columns[0], exp.Column):
            return UnitValue(kind=Per.DISTINCT, column=names.column(columns[0])[0])
        raise refused("COUNT(DISTINCT …) takes one column here.", node, fix=_FIX)
    inner = without_brackets(inner)
    if not isinstance(inner, exp.Column):
        raise refused(
            "COUNT takes * or one column.", node, fix="Write COUNT(*), with the condition in WHERE."
        )
    if names.is_unit(inner):  # each row names its unit
        return UnitValue(kind=Per.ROWS)
    return UnitValue(kind=Per.FILLED, column=names.column(inner)[0])


def _bounded(node: exp.Expression, kind: Per, names: Names) -> str:
    if not isinstance(node, exp.Column):
        raise refused(f"{kind.upper()} takes one column.", node, fix="Write the column's name.")
    name, column = names.column(node)
    if not column.summable:
        able = [names.shown(c) for c, d in names.table.columns.items() if _usable(c, d, names)]
        raise refused(
            f"{name} has no declared bounds.",
            node,
            fix=f"Columns with bounds: {', '.join(sorted(able)) or 'none'}.",
        )
    return name


def _usable(name: str, column: Column, names: Names) -> bool:
    return column.summable and name != names.unit_column and names.reaches(name)


def _default_name(value: UnitValue) -> str:
    if value.kind is Per.ROWS:
        return "count"
    return "_".join(part for part in (str(value.kind), value.column) if part)[:63]
