"""FROM and WITH: a parse tree → the names of one relation, and the conditions that were put on it on the way.

A WITH part, or a SELECT in brackets, may rename columns, leave some out, and filter rows. It is read through to the
table itself: what remains is one question on that table, the same as if it had been asked directly. One that is
grouped by the unit makes rows of its own (``per_unit``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.predicate import Predicate, conjunction
from sandbox.domain.relation import Base
from sandbox.privacy.asking.conditions import Conditions
from sandbox.privacy.asking.joins import Side, add_lookup, clauses_of, join_tables, no_table
from sandbox.privacy.asking.names import Names, output_name, plain
from sandbox.privacy.asking.per_unit import unit_names
from sandbox.privacy.asking.refusal import nearest, refused
from sandbox.privacy.asking.tree import only, without_brackets

MAX_WITH = 20  # parts of one WITH
_INNER_FIX = (
    "A WITH part or a SELECT in brackets may rename columns and filter rows (SELECT a AS b FROM … WHERE …), "
    "or be grouped by the unit column."
)
_INNER: dict[str, tuple[str, str]] = {
    part: (what, _INNER_FIX)
    for part, what in (
        ("distinct", "SELECT DISTINCT"),
        ("having", "HAVING"),
        ("order", "ORDER BY"),
        ("limit", "LIMIT"),
        ("offset", "OFFSET"),
        ("with_", "WITH"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One relation under the question's own names.

    Attributes:
        where: what its rows have to meet before the question's own WHERE; None for all.
    """

    names: Names
    where: Predicate | None = None

    def narrowed(self, where: exp.Expression | None) -> Predicate | None:
        """The source's conditions and those of a WHERE."""
        if where is None:
            return self.where
        only(where, {"this"})
        own = Conditions(self.names).read(where.this)
        return own if self.where is None else conjunction([self.where, own])


def source_of(select: exp.Select, policy: DatasetPolicy) -> Source:
    """What a question is about.

    Raises:
        QuestionRefused: no FROM, no such table, or more than one table with its names and rows.
    """
    if policy.unit is None:
        raise QuestionRefused(
            f"{policy.name} takes no private questions.", position=0, fix="Download it: it is open to all."
        )
    return _from(select, policy, _with(select, policy))


def _with(select: exp.Select, policy: DatasetPolicy) -> Mapping[str, Source]:
    clause = select.args.get("with_") or select.args.get("with")
    if clause is None:
        return {}
    only(clause, {"expressions"}, {"recursive": ("RECURSIVE", _INNER_FIX)})
    if len(clause.expressions) > MAX_WITH:
        raise refused("WITH has too many parts.", clause, fix=f"Write at most {MAX_WITH}.")
    known: dict[str, Source] = {}
    for part in clause.expressions:
        only(part, {"this", "alias"})
        only(part.args["alias"], {"this"}, {"columns": ("A list of columns", _INNER_FIX)})
        name = output_name(part.args["alias"], "")
        if name in known or name in policy.tables or name in policy.lookups:
            raise refused(f"There is a {name} already.", part, fix="Give it another name.")
        known[name] = _inner(part.this, policy, known, called=name)
    return known


def _from(select: exp.Select, policy: DatasetPolicy, known: Mapping[str, Source]) -> Source:
    source = select.args.get("from_") or select.args.get("from")
    if source is None:
        raise refused("There is no FROM.", select, fix=nearest("", policy.tables, what="Tables"))
    only(source, {"this"})
    first = _side(source.this, policy, known)
    sides, lookups = [Side(clause=None, names=first.names, where=first.where)], []
    for clause in clauses_of(select):
        lookup = _lookup(clause.node.this, policy, known)
        if lookup is not None:
            lookups.append((clause, lookup))
        else:
            side = _side(clause.node.this, policy, known)
            sides.append(Side(clause=clause, names=side.names, where=side.where))
    names, where = join_tables(sides, policy) if len(sides) > 1 else (first.names, first.where)
    for clause, lookup in lookups:
        names = add_lookup(clause, *lookup, names, policy)
    return Source(names=names, where=where)


def _lookup(
    node: exp.Expression, policy: DatasetPolicy, known: Mapping[str, Source]
) -> tuple[str, str] | None:
    """The lookup that a side of a join names, and what it is called; None where it names none."""
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        return None
    name = plain(node.this)
    if name in known or name not in policy.lookups:
        return None
    only(node, {"this", "alias"})
    return name, _called(node, name)


def _called(node: exp.Expression, otherwise: str) -> str:
    alias = node.args.get("alias")
    if alias is None:
        return otherwise
    only(alias, {"this"}, {"columns": ("A list of columns", _INNER_FIX)})
    return str(alias.name).lower()


def _side(node: exp.Expression, policy: DatasetPolicy, known: Mapping[str, Source]) -> Source:
    """A table, a part of WITH, or a SELECT in brackets."""
    if isinstance(node, exp.Subquery):
        only(node, {"this", "alias"})
        return _inner(node.this, policy, known, called=_called(node, ""))
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise refused("FROM takes a table.", node, fix=nearest("", policy.tables, what="Tables"))
    only(node, {"this", "alias"})
    name = plain(node.this)
    called = _called(node, name)
    if name in known:
        return replace(known[name], names=replace(known[name].names, called=called))
    table = policy.table(name)
    if table is None or policy.unit is None:
        raise refused(
            f"{policy.name} has no table {node.name[:60]!r}.",
            node,
            fix=no_table(name, policy, known),
        )
    return Source(
        names=Names(
            relation=Base(name),
            table=table,
            called=called,
            unit_column=policy.unit.column,
            unit_noun=policy.unit.noun,
        )
    )


def _inner(
    select: exp.Expression, policy: DatasetPolicy, known: Mapping[str, Source], *, called: str
) -> Source:
    """A SELECT of columns as they are, read through to its table; or one that is grouped by the unit."""
    if not isinstance(select, exp.Select):
        raise refused("This is not a single SELECT.", select, fix=_INNER_FIX)
    only(select, {"expressions", "from_", "from", "joins", "where", "group"}, _INNER)
    source = _from(select, policy, known)
    names = source.names
    if select.args.get("group") is not None:
        where = source.narrowed(select.args.get("where"))
        return Source(names=unit_names(select, names, where, policy, called=called))
    renamed: dict[str, str] = {}
    for item in select.expressions:
        alias, node = None, item
        if isinstance(item, exp.Alias):
            only(item, {"this", "alias"})
            alias, node = item.args["alias"], item.this
        node = without_brackets(node)
        for written, meant in _columns(node, alias, names):
            if written in renamed:
                raise refused(f"Two columns are called {written}.", item, fix="Rename one with AS.")
            renamed[written] = meant
    return Source(
        names=replace(names, called=called, renamed=renamed, sides={}, unclear=frozenset()),
        where=source.narrowed(select.args.get("where")),
    )


def _columns(node: exp.Expression, alias: exp.Expression | None, names: Names) -> list[tuple[str, str]]:
    """What an item of the inner SELECT calls each column of the table that it shows."""
    if isinstance(node, exp.Star):
        only(node, set())
        able = names.table.columns if names.renamed is None else names.renamed
        return [(written, names.meant(written) or written) for written in able]
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        raise refused("Only columns as they are can stand here.", node, fix=_INNER_FIX)
    if names.is_unit(node):
        return [(output_name(alias, plain(node.this)), names.unit_column)]
    return [(output_name(alias, plain(node.this)), names.column(node)[0])]
