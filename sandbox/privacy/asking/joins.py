"""JOIN: a parse tree → rows with what stands beside them.

A public lookup may be joined by its key: each row finds one row of it at most. Everything else could put one unit's row
beside another's, and is refused with its place and what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from sandbox.domain.policy import DatasetPolicy, Lookup
from sandbox.domain.relation import WithLookup, with_lookup
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
