"""Names in a question → names of the policy. What leaves here is the policy's own spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
        sides: of a join: the same for each side by its alias; empty where there is no join.
        unclear: names that several sides have, and that mean nothing alone.
    """

    relation: Relation
    table: Table
    called: str
    unit_column: str
    unit_noun: str
    renamed: Mapping[str, str] | None = None
    sides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unclear: frozenset[str] = frozenset()

    def column(self, node: exp.Column) -> tuple[str, Column]:
        """The policy's column that a node names.

        Raises:
            QuestionRefused: no such column, another table's, or the one that names the units.
        """
        only(node, {"this", "table"})
        if not isinstance(node.this, exp.Identifier):
            raise refused("A column's name is needed here.", node, fix=self._listing("*", self._all))
        written = plain(node.this)
        side = self._side(node)
        if side is None:
            able = " or ".join(f"{called}.column" for called in self.sides or [self.called] if called.strip())
            raise refused(
                f"There is no {node.table!r} here.", node, fix=f"Write {able or 'the column alone'}."
            )
        if written in self.unclear and not node.table:
            able = " or ".join(
                f"{called}.{written}"
                for called, names in self.sides.items()
                if written in names and called.strip()
            )
            raise refused(f"Several tables have a column {written}.", node, fix=f"Write {able}.")
        name = side.get(written)
        if name == self.unit_column:
            raise refused(
                f"{written} names the {self.unit_noun}; it cannot be shown, compared or grouped by.",
                node,
                fix=f"Count them with COUNT(DISTINCT {written}).",
            )
        column = self.table.columns.get(name) if name is not None else None
        if name is None or column is None:
            raise refused(f"There is no column {node.name[:60]!r}.", node, fix=self._listing(written, side))
        return name, column

    def is_unit(self, node: exp.Expression) -> bool:
        """True for the column that names the units, under the table's name or alone."""
        return (
            isinstance(node, exp.Column)
            and isinstance(node.this, exp.Identifier)
            and set(node.args) - {"this", "table"} <= {k for k, v in node.args.items() if not v}
            and (side := self._side(node)) is not None
            and side.get(plain(node.this)) == self.unit_column
        )

    def meant(self, written: str) -> str | None:
        """The policy's name for what the question calls a column; None where it calls none so."""
        return self._all.get(written)

    def beside(self, called: str, columns: Mapping[str, str], node: exp.Expression) -> Names:
        """The names with another side's beside them.

        Args:
            called: the side's alias.
            columns: its columns by what it calls them.
        """
        sides = dict(self.sides or {self.called or " 0": self._all})
        called = called or f" {len(sides)}"  # one without a name: no text can name it
        if called in sides:
            raise refused(f"Two sides of a join are called {called}.", node, fix="Rename one with AS.")
        return self.of_sides({**sides, called: columns})

    def of_sides(self, sides: Mapping[str, Mapping[str, str]]) -> Names:
        """The names of a join with these sides.

        Args:
            sides: by alias, each side's columns by what it calls them.
        """
        # A name of one side alone, a name that means the same on all, and each column's own name, mean something.
        meanings: dict[str, set[str]] = {}
        for names in sides.values():
            for written, meant in names.items():
                meanings.setdefault(written, set()).add(meant)
        unclear = frozenset(written for written, meant in meanings.items() if len(meant) > 1)
        renamed = {written: meant for written, (meant, *_) in meanings.items() if written not in unclear}
        for names in sides.values():
            renamed |= {meant: meant for meant in names.values() if meant not in meanings}
        return replace(self, called="", renamed=renamed, sides=sides, unclear=unclear)

    @property
    def columns_in_reach(self) -> Mapping[str, str]:
        """The policy's columns by what the question calls them."""
        return self._all

    @property
    def _all(self) -> Mapping[str, str]:
        return self.renamed if self.renamed is not None else {name: name for name in self.table.columns}

    def _side(self, node: exp.Column) -> Mapping[str, str] | None:
        """The columns that a name before the point means; None where it means nothing."""
        called = node.table.lower()
        if not called or (called == self.called and not self.sides):
            return self._all
        return self.sides.get(called)

    def reaches(self, column: str) -> bool:
        """Whether the question can name a column of the policy."""
        return self.renamed is None or column in self.renamed.values()

    def shown(self, column: str) -> str:
        """What the question calls a column of the policy that it reaches."""
        names = [written for written, meant in (self.renamed or {}).items() if meant == column]
        return names[0] if names else column

    def _listing(self, name: str, side: Mapping[str, str]) -> str:
        return nearest(name, [c for c, meant in side.items() if meant != self.unit_column], what="Columns")


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
