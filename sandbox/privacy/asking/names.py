"""Names in a question → names of the policy. What leaves here is the policy's own spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from sandbox.domain.policy import Column, Table
from sandbox.domain.relation import Relation
from sandbox.privacy.asking.refusal import nearest, refused
from sandbox.privacy.asking.tree import only

_OUTPUT_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one relation, and what the question calls it and its columns.

    Attributes:
        table: the relation's rows, declared as those of a table are.
        called: the table's alias, or its name.
        renamed: the columns that are in reach, by what the question calls them; None for all, as they are.
    """

    relation: Relation
    table: Table
    called: str
    unit_column: str
    unit_noun: str
    renamed: Mapping[str, str] | None = None

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
        written = plain(node.this)
        name = self.meant(written)
        if name == self.unit_column:
            raise refused(
                f"{written} names the {self.unit_noun}; it cannot be shown, compared or grouped by.",
                node,
                fix=f"Count them with COUNT(DISTINCT {written}).",
            )
        column = self.table.columns.get(name) if name is not None else None
        if name is None or column is None:
            raise refused(f"There is no column {node.name[:60]!r}.", node, fix=self._listing(written))
        return name, column

    def is_unit(self, node: exp.Expression) -> bool:
        """True for the column that names the units, under the table's name or alone."""
        return (
            isinstance(node, exp.Column)
            and isinstance(node.this, exp.Identifier)
            and set(node.args) - {"this", "table"} <= {k for k, v in node.args.items() if not v}
            and node.table.lower() in ("", self.called)
            and self.meant(plain(node.this)) == self.unit_column
        )

    def meant(self, written: str) -> str | None:
        """The policy's name for what the question calls a column; None where it calls none so."""
        if self.renamed is not None:
            return self.renamed.get(written)
        return written if written in self.table.columns else None

    def reaches(self, column: str) -> bool:
        """Whether the question can name a column of the policy."""
        return self.renamed is None or column in self.renamed.values()

    def shown(self, column: str) -> str:
        """What the question calls a column of the policy that it reaches."""
        names = [written for written, meant in (self.renamed or {}).items() if meant == column]
        return names[0] if names else column

    def _listing(self, name: str) -> str:
        able = self.table.columns if self.renamed is None else self.renamed
        return nearest(name, [c for c in able if self.meant(c) != self.unit_column], what="Columns")


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


def plain(identifier: exp.Identifier) -> str:
    """Lower case, by ASCII only: no other alphabet's letter becomes one of a name's."""
    text = str(identifier.this)
    return text.lower() if text.isascii() else text
