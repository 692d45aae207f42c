"""JOIN: a parse tree → rows with what stands beside them.

Tables are joined by the column that names the units, so that only rows of one unit stand beside each other. A public
lookup is joined by its key: each row finds one row of it at most. Everything else could put one unit's row beside
another's, and is refused with its place and what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.joining import joined
from sandbox.domain.policy import DatasetPolicy, Lookup
from sandbox.domain.predicate import Predicate, conjunction, renamed
from sandbox.domain.relation import MAX_TABLES, WithLookup, tables_of, with_lookup
from sandbox.privacy.asking.names import Names, plain
from sandbox.privacy.asking.per_unit import derived
from sandbox.privacy.asking.refusal import nearest, refused
from sandbox.privacy.asking.tree import only, without_brackets

MAX_JOINS = 20  # of one FROM
_KINDS = {("", ""): False, ("", "INNER"): False, ("LEFT", ""): True, ("LEFT", "OUTER"): True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One JOIN, and whether rows that find nothing stay."""

    node: exp.Join
    optional: bool


def clauses_of(select: exp.Select) -> list[Clause]:
    """The joins of a FROM.

    Raises:
        QuestionRefused: one of a kind that is not read.
    """
    joins = select.args.get("joins") or []
    if len(joins) > MAX_JOINS:
        raise refused("FROM has too many joins.", joins[MAX_JOINS], fix=f"Write at most {MAX_JOINS}.")
    return [_clause(join) for join in joins]


def _clause(join: exp.Join) -> Clause:
    side, kind, method = (str(join.args.get(part) or "").upper() for part in ("side", "kind", "method"))
    written = " ".join(word for word in (method, side, kind) if word)
    bare = not written and not join.args.get("on") and not join.args.get("using")
    if bare or method or (side, kind) not in _KINDS:
        what = f"{written} JOIN" if written else "Rows beside all others"
        raise refused(
            f"{what} cannot be used here.", join, fix="Write JOIN … USING (column) or LEFT JOIN … ."
        )
    only(join, {"this", "on", "using", "side", "kind"})
    return Clause(node=join, optional=_KINDS[side, kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One table of a FROM.

    Attributes:
        clause: the JOIN it stands in; None for the first.
        where: the conditions that were put on it on the way.
    """

    clause: Clause | None
    names: Names
    where: Predicate | None


def join_tables(sides: Sequence[Side], policy: DatasetPolicy) -> tuple[Names, Predicate | None]:
    """The names of tables side by side, and all their conditions.

    Raises:
        QuestionRefused: joined by anything but the unit, or rows that stand there twice.
    """
    first = sides[0].names
    for place, side in enumerate(sides[1:], start=1):
        assert side.clause is not None  # noqa: S101 - only the first has none
        _check_by_unit(side.clause.node, side.names, [other.names for other in sides[:place]])
        if side.clause.optional and side.where is not None:
            raise refused(
                "A side of LEFT JOIN cannot be filtered before it is joined.",
                side.clause.node,
                fix="Leave LEFT out, or group the side by the unit: its own WHERE then stands in the brackets.",
            )
    node = sides[-1].clause.node if sides[-1].clause is not None else None
    try:
        relation, mappings = joined(
            [(side.names.relation, side.clause is not None and side.clause.optional) for side in sides],
            unit=first.unit_column,
            policy=policy,
        )
    except QuestionRefused as wrong:
        raise refused(wrong.message, node, fix=wrong.fix) from None
    if len(list(tables_of(relation))) > MAX_TABLES:
        raise refused("Too many tables stand in this FROM.", node, fix=f"Use at most {MAX_TABLES}.")
    assert node is not None  # noqa: S101 - there are two sides at least
    called: dict[str, Mapping[str, str]] = {}
    where = []
    for place, (side, mapping) in enumerate(zip(sides, mappings, strict=True)):
        own = {**mapping, first.unit_column: first.unit_column}
        alias = side.names.called or f" {place}"  # one without a name: no text can name it
        if alias in called:
            raise refused(f"Two sides of a join are called {alias}.", node, fix="Rename one with AS.")
        reach = side.names.columns_in_reach
        called[alias] = {written: own[meant] for written, meant in reach.items() if meant in own}
        if side.where is not None:
            where.append(renamed(side.where, own))
    names = Names(
        relation=relation,
        table=derived(relation, policy, node),
        called="",
        unit_column=first.unit_column,
        unit_noun=first.unit_noun,
    )
    return names.of_sides(called), conjunction(where) if where else None


def _check_by_unit(join: exp.Join, side: Names, before: Sequence[Names]) -> None:
    """Raise unless the side is joined to one before it by the unit."""
    unit = side.shown(side.unit_column)
    fix = f"Write USING ({unit}), or ON …{unit} = {side.called or '…'}.{unit}."
    problem = f"Tables are joined by {unit} alone: rows of one {side.unit_noun} stand beside each other, and no others."
    if join.args.get("using"):
        (written, *more) = join.args["using"]
        column = exp.Column(this=written)
        if more or not side.is_unit(column) or not any(names.is_unit(column) for names in before):
            raise refused(problem, written, fix=fix)
        return
    on = without_brackets(join.args["on"])
    if not isinstance(on, exp.EQ):
        raise refused(problem, on, fix=fix)
    only(on, {"this", "expression"})
    one, other = without_brackets(on.this), without_brackets(on.expression)
    for here, there in ((one, other), (other, one)):
        qualified = (
            isinstance(here, exp.Column) and isinstance(there, exp.Column) and here.table and there.table
        )
        if qualified and side.is_unit(here) and any(names.is_unit(there) for names in before):
            return
    raise refused(problem, on, fix=fix)


def add_lookup(clause: Clause, lookup: str, called: str, names: Names, policy: DatasetPolicy) -> Names:
    """The names with those of a lookup that is joined.

    Args:
        called: the lookup's alias, or its name.
        names: of what it is joined to.
    """
    node, declared_as = clause.node, policy.lookups[lookup]
    on, using = _matched(node, lookup, declared_as, called, names)
    if any(isinstance(part, WithLookup) and part.lookup == lookup for part in _chain(names)):
        raise refused(f"{lookup} is joined twice.", node, fix="Join it once.")
    relation = with_lookup(
        names.relation,
        lookup=lookup,
        on=on,
        key=declared_as.key,
        columns=declared_as.by_name,
        optional=clause.optional,
    )
    table = derived(relation, policy, node)
    own = {column: f"{lookup}_{column}" for column in declared_as.by_name}
    if clash := [name for name in own.values() if name in names.table.columns]:
        raise refused(f"There is a column {clash[0]} already.", node, fix="Rename it with AS.")
    found = names.beside(called, own, node)
    renamed = dict(found.renamed or {})
    if using and not clause.optional:
        # Both sides are equal; the lookup's has listed values.
        renamed[using] = own[declared_as.key]
    elif using:
        renamed[using] = on
    return replace(found, relation=relation, table=table, renamed=renamed, unclear=found.unclear - {using})


def _matched(join: exp.Join, lookup: str, declared_as: Lookup, called: str, names: Names) -> tuple[str, str]:
    """The column that is looked up, and what USING calls it (empty for ON)."""
    key = declared_as.key
    fix = f"Write ON column = {called}.{key}; conditions stand in WHERE."
    if join.args.get("using"):
        (written, *more) = join.args["using"]
        if more or not isinstance(written, exp.Identifier) or plain(written) != key:
            raise refused(f"{lookup} is found by {key}.", written, fix=f"Write USING ({key}), or {fix[6:]}")
        node: exp.Expression = exp.Column(this=written)
        using = key
    else:
        on = without_brackets(join.args["on"])
        if not isinstance(on, exp.EQ):
            raise refused(f"{lookup} is found by {key}.", on, fix=fix)
        only(on, {"this", "expression"})
        sides = [without_brackets(side) for side in (on.this, on.expression)]
        its_own = [side for side in sides if _is_own(side, key, called, names)]
        if len(its_own) != 1:
            raise refused(f"{lookup} is found by {key}.", on, fix=fix)
        node, using = next(side for side in sides if side is not its_own[0]), ""
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        raise refused("A column is looked up.", node, fix=fix)
    name, column = names.column(node)
    wanted = declared_as.by_name[key].type
    if column.type is not wanted:
        raise refused(
            f"{names.shown(name)} is of type {column.type}, and {called}.{key} of type {wanted}.",
            node,
            fix="Join by columns of one type.",
        )
    return name, using


def _is_own(side: exp.Expression, key: str, called: str, names: Names) -> bool:
    """True for the lookup's key, under its name or alone where nothing else is called so."""
    if not isinstance(side, exp.Column) or not isinstance(side.this, exp.Identifier):
        return False
    written = plain(side.this)
    alone = not side.table and names.meant(written) is None and written not in names.unclear
    return written == key and (side.table.lower() == called or alone)


def _chain(names: Names) -> Sequence[object]:
    """The relation and those it is made of, as far as rows stay the same."""
    found: list[object] = [names.relation]
    while isinstance(found[-1], WithLookup):
        found.append(found[-1].of)
    return found


def no_table(name: str, policy: DatasetPolicy, known: Mapping[str, object]) -> str:
    """How a name that is no table is mended."""
    if name in policy.lookups:
        return f"{name} is public: read it in the catalogue, or JOIN it to a table."
    return nearest(name, [*policy.tables, *known, *policy.lookups], what="Tables")
