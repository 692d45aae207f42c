"""Names in a question → names of the policy. What leaves here is the policy's own spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import Column, DatasetPolicy, Table
from sandbox.privacy.refusal import nearest, refused
from sandbox.privacy.tree import only

_OUTPUT_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one table, and what the question calls it."""

    table_name: str
    table: Table
    called: str  # the table's alias, or its name
    unit_column: str
    unit_noun: str

    def column(self, node: exp.Column) -> tuple[str, Column]:
        """The policy's column that a node names.

        Raises:
            QuestionRefused: no such column, another table's, or the one that names the units.
        """
        only(node, {"this", "table"})
        if not isinstance(node.this, exp.Identifier):
            raise refused("A column's name is needed here.", node, fix=self._listing("*"))
        if node.table and node.table.lower() != self.called:
            raise refused(f"There is no {node.table!r} here.", node, fix=f"Write {self.called}.column.")
        name = _plain(node.this)
        if name == self.unit_column:
            raise refused(
                f"{name} names the {self.unit_noun}; it cannot be shown, compared or grouped by.",
                node,
                fix=f"Count them with COUNT(DISTINCT {name}).",
            )
        column = self.table.columns.get(name)
        if column is None:
            raise refused(f"There is no column {node.name[:60]!r}.", node, fix=self._listing(name))
        return name, column

    def is_unit(self, node: exp.Expression) -> bool:
        """True for the column that names the units, under the table's name or alone."""
        return (
            isinstance(node, exp.Column)
            and isinstance(node.this, exp.Identifier)
            and set(node.args) - {"this", "table"} <= {k for k, v in node.args.items() if not v}
            and node.table.lower() in ("", self.called)
            and _plain(node.this) == self.unit_column
        )

    def _listing(self, name: str) -> str:
        return nearest(name, [c for c in self.table.columns if c != self.unit_column], what="Columns")


def names_of(source: exp.From | None, select: exp.Select, policy: DatasetPolicy) -> Names:
    """The table that FROM names.

    Raises:
        QuestionRefused: no FROM, no such table, or more than a table's name and alias.
    """
    if policy.unit is None:
        raise QuestionRefused(
            f"{policy.name} takes no private questions.", position=0, fix="Download it: it is open to all."
        )
    if source is None:
        raise refused("There is no FROM.", select, fix=nearest("", policy.tables, what="Tables"))
    only(source, {"this"})
    node = source.this
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise refused("FROM takes one table.", source, fix=nearest("", policy.tables, what="Tables"))
    only(node, {"this", "alias"}, {"joins": ("JOIN", "Ask about one table; joins are coming later.")})
    name = _plain(node.this)
    table = policy.table(name)
    if table is None:
        raise refused(
            f"{policy.name} has no table {node.name[:60]!r}.",
            node,
            fix=nearest(name, policy.tables, what="Tables"),
        )
    alias = node.args.get("alias")
    if alias is not None:
        only(alias, {"this"})
    return Names(
        table_name=name,
        table=table,
        called=alias.name.lower() if alias is not None else name,
        unit_column=policy.unit.column,
        unit_noun=policy.unit.noun,
    )


def output_name(node: exp.Expression | None, default: str) -> str:
    """The name of an answer's column: the alias in lower case, or the default."""
    if node is None:
        return default
    name = node.name.lower()
    if not _OUTPUT_NAME.fullmatch(name):
        raise refused(
            f"{node.name[:60]!r} cannot name a column of the answer.",
            node,
            fix="Use 1 to 63 of a-z, 0-9 and _, starting with a letter.",
        )
    return name


def _plain(identifier: exp.Identifier) -> str:
    """Lower case, by ASCII only: no other alphabet's letter becomes one of a name's."""
    text = str(identifier.this)
    return text.lower() if text.isascii() else text
