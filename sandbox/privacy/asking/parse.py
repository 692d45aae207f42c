"""SQL → ``Question``: our own grammar, read off a parse tree by an allow-list.

    [WITH name AS (SELECT column [AS name], … FROM … [WHERE …]), …]
    SELECT [WITH DIFFERENTIAL_PRIVACY OPTIONS(…)] key | aggregate | arithmetic of aggregates [AS name], …
    FROM table [[AS] name] | (SELECT column [AS name], … FROM … [WHERE …])
       | (SELECT unit, key | aggregate [AS name], … FROM … [WHERE …] GROUP BY unit, key, …)
    [[LEFT] JOIN table | (SELECT …) [[AS] name] ON a.unit = b.unit | USING (unit)] …
    [[LEFT] JOIN lookup [[AS] name] ON column = lookup.key | USING (key)]
    [WHERE column compared with literals, AND, OR, NOT]
    [GROUP BY key, …]
    [HAVING …] [ORDER BY …] [LIMIT … [OFFSET …]]

Aggregates: counts, sums, averages, spreads, quantiles, of all rows or of some (``aggregates``, ``filtered``,
``histogram``). Keys: columns with listed values, bins, parts of dates, CASE, conditions (``keys``). Everything else is
refused with its place and what to write instead. The asker's text ends here: no engine ever sees it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlglot import exp

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.finish import Finish, Name, nothing_to_do
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.question import Key, Measure, Question, canonical_sql, with_what_it_needs
from sandbox.domain.relation import Base
from sandbox.privacy.asking.aggregates import measure_of
from sandbox.privacy.asking.finishes import Finishing, is_arithmetic, without_casts
from sandbox.privacy.asking.histogram import unfold_histogram
from sandbox.privacy.asking.keys import is_form, key_fix, key_of
from sandbox.privacy.asking.names import Names, output_name, plain
from sandbox.privacy.asking.options import NO_OPTIONS, Options
from sandbox.privacy.asking.refusal import refused
from sandbox.privacy.asking.sources import source_of
from sandbox.privacy.asking.tree import only, without_brackets
from sandbox.privacy.asking.words import read_tree

MAX_MEASURES = 20
MAX_CELLS = 10_000  # cells of an answer: the product of the keys' numbers of values

_CLAUSES: dict[str, tuple[str, str]] = {
    "laterals": ("LATERAL", "Ask about a table."),
    "distinct": ("SELECT DISTINCT", "Use GROUP BY; COUNT(DISTINCT unit column) counts units."),
    "qualify": ("QUALIFY", "Leave it out, or use HAVING: that is free."),
    "into": ("INTO", "Leave it out; an answer is kept by itself."),
    "hint": ("A hint", "Leave it out."),
    "sample": ("TABLESAMPLE", "Leave it out; a sample would be no more private."),
}
_READ = {
    "expressions", "from_", "from", "joins", "where", "group", "kind", "with_", "with", "having", "order", "limit",
    "offset",
}  # fmt: skip
_ARITHMETIC_FIX = "Give it a name with AS."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A text, read.

    Attributes:
        question: what has to be paid for.
        finish: what is done with its answer, for free; None where nothing is.
        options: what the text says about its own price and bounds.
    """

    question: Question
    finish: Finish | None
    options: Options


def parse(sql: str, policy: DatasetPolicy) -> Question:
    """Read a question that ends with its answer: what engines and checks are sent.

    Raises:
        QuestionRefused: see ``read``; also a text that does something with the answer, or states its own price.
    """
    asked = read(sql, policy)
    if asked.finish is not None or asked.options != NO_OPTIONS:
        select, _ = read_tree(sql)
        clauses = [select.args.get(part) for part in ("having", "order", "limit", "offset")]
        raise refused(
            "Here a question ends with GROUP BY.",
            next((clause for clause in clauses if clause is not None), select),
            fix="Leave out arithmetic, HAVING, ORDER BY, LIMIT and OPTIONS.",
        )
    return asked.question


def read(sql: str, policy: DatasetPolicy) -> Asked:
    """Read a question with all that is to be done with its answer.

    Raises:
        QuestionRefused: outside the grammar, or about what the policy does not declare; with position and fix.
    """
    asked = _read(sql, policy)
    if not isinstance(asked.question.source, Base):
        _check_engine_reads(asked.question, policy)
    return asked


def _check_engine_reads(question: Question, policy: DatasetPolicy) -> None:
    """Raise where the engine would refuse the one text of a question, which may be longer than the asker's.

    It is sent to the engine once it is paid for: too late to find out.
    """
    try:
        same = _read(canonical_sql(question), policy).question == question
    except QuestionRefused:
        same = False
    if not same:
        raise QuestionRefused(
            "The question is too long once it is written out.",
            position=0,
            fix="Use fewer parts and conditions.",
        )


def _read(sql: str, policy: DatasetPolicy) -> Asked:
    select, options = read_tree(sql)
    only(select, _READ, _CLAUSES)
    if select.args.get("kind"):
        raise refused("SELECT AS cannot be used here.", select, fix="Write SELECT …")
    source = source_of(select, policy)
    names = source.names
    unfold_histogram(select, names)
    outputs = [_output(node, names) for node in select.expressions]
    keys = tuple(output for output in outputs if isinstance(output, Key))
    finishing = Finishing(names, paid=[output for output in outputs if output is not None])
    _show(select, outputs, finishing)
    _check_groups(select, names, keys)
    finish = finishing.finish(select)
    measures = tuple(item for item in finishing.paid if isinstance(item, Measure))
    _check_measures(select, measures)
    question = Question(
        source=names.relation,
        keys=keys,
        measures=measures,
        where=source.narrowed(select.args.get("where")),
        select=tuple(item.alias for item in finishing.paid),
    )
    question = with_what_it_needs(question)
    _check_cells(names, keys, select)
    return Asked(
        question=question, finish=None if nothing_to_do(finish, question) else finish, options=options
    )


def _output(node: exp.Expression, names: Names) -> Key | Measure | None:
    """One item of SELECT; None for arithmetic, which is read when all others are known."""
    alias = None
    if isinstance(node, exp.Alias):
        only(node, {"this", "alias"})
        alias, node = node.args["alias"], node.this
    node = without_casts(node)
    if is_arithmetic(node):
        return None
    if is_form(node) or (isinstance(node, exp.Column) and not isinstance(node.this, exp.Star)):
        return key_of(node, alias, names)
    return measure_of(node, alias, names)


def _show(select: exp.Select, outputs: list[Key | Measure | None], finishing: Finishing) -> None:
    """Give each item of SELECT its name and value."""
    for node, output in zip(select.expressions, outputs, strict=True):
        if output is not None:
            name, value = output.alias, Name(output.alias)
        elif isinstance(node, exp.Alias):
            name, value = output_name(node.args["alias"], ""), finishing.value(node.this)  # type: ignore[assignment]
        else:
            raise refused("What is reckoned here has no name.", node, fix=_ARITHMETIC_FIX)
        if name in finishing.shown:
            raise refused(f"Two columns of the answer are called {name}.", node, fix="Rename one with AS.")
        finishing.shown[name] = value


def _check_measures(select: exp.Select, measures: tuple[Measure, ...]) -> None:
    if not measures:
        raise refused("Nothing is counted or added up here.", select, fix="Ask for COUNT(*), for instance.")
    if len(measures) > MAX_MEASURES:
        raise refused(
            f"{len(measures)} aggregates share one price.",
            select,
            fix=f"Ask for at most {MAX_MEASURES} at a time.",
        )


def _check_groups(select: exp.Select, names: Names, keys: tuple[Key, ...]) -> None:
    """Raise unless GROUP BY names just the keys that SELECT shows."""
    group = select.args.get("group")
    grouped: list[Key] = []
    if group is not None:
        only(group, {"expressions"})
        grouped = [_grouped(without_brackets(item), select, names, keys) for item in group.expressions]
    for node in select.expressions:
        output = _output(node, names)
        if isinstance(output, Key) and not any(_same(output, key) for key in grouped):
            raise refused(
                f"{_called(output, names)} is shown but not grouped by.",
                node,
                fix=f"Add GROUP BY {_called(output, names)}.",
            )
    for key in grouped:
        if not any(_same(key, shown) for shown in keys):
            called = _called(key, names)
            raise refused(f"{called} is grouped by but not shown.", group, fix=f"Add {called} to SELECT.")
    if any(_same(one, other) for at, one in enumerate(keys) for other in keys[:at]):
        raise refused("A key is shown twice.", select, fix="Show each key once.")


def _grouped(node: exp.Expression, select: exp.Select, names: Names, keys: tuple[Key, ...]) -> Key:
    """The key that one item of GROUP BY means: itself, its place in SELECT, or its name there."""
    if isinstance(node, exp.Literal) and not node.is_string:
        items = select.expressions
        place = int(node.this) if str(node.this).isdecimal() and len(str(node.this)) < 4 else 0
        if not 1 <= place <= len(items):
            raise refused("There is no such place in SELECT.", node, fix="Write the column's name.")
        item = items[place - 1]
        node = without_brackets(item.this if isinstance(item, exp.Alias) else item)
    if isinstance(node, exp.Column) and not node.table and isinstance(node.this, exp.Identifier):
        written = plain(node.this)
        if names.meant(written) is None:
            for key in keys:
                if key.alias == written:
                    return key
    if not isinstance(node, exp.Column) and not is_form(node):
        raise refused("GROUP BY takes columns.", node, fix=key_fix(names))
    return key_of(node, None, names)


def _same(one: Key, other: Key) -> bool:
    return (one.column, one.form) == (other.column, other.form)


def _called(key: Key, names: Names) -> str:
    return names.shown(key.column) if key.form is None else key.alias


def _check_cells(names: Names, keys: tuple[Key, ...], select: exp.Select) -> None:
    cells = math.prod(key.how_many(names.table) for key in keys if key.listed(names.table))
    if cells > MAX_CELLS:
        raise refused(
            f"The answer would have {cells} rows.",
            select,
            fix=f"Use fewer keys or wider bins: at most {MAX_CELLS} rows.",
        )
