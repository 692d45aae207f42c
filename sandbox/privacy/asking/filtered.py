"""Aggregates over some of the rows: FILTER, and CASE, IF and COUNT_IF where they say the same.

    SUM(CASE WHEN smoker THEN cost ELSE 0 END)         SUM(cost) FILTER (WHERE smoker)
    SUM(CASE WHEN smoker THEN 1 ELSE 0 END)            COUNT(*) FILTER (WHERE smoker)
    COUNT(CASE WHEN smoker THEN 1 END)                 COUNT(*) FILTER (WHERE smoker)
    COUNT(DISTINCT CASE WHEN smoker THEN unit END)     COUNT(DISTINCT unit) FILTER (WHERE smoker)

Both leave out the rows for which the condition is false or unknown. A condition of its own takes rows away from an
aggregate, and so never adds to what one unit can move it by (``mechanisms.sensitivity``).
"""

from __future__ import annotations

import re
from fractions import Fraction

from sqlglot import exp

from sandbox.domain.predicate import Predicate, conjunction
from sandbox.privacy.asking.conditions import Conditions
from sandbox.privacy.asking.names import Names
from sandbox.privacy.asking.refusal import refused
from sandbox.privacy.asking.tree import only, without_brackets

_NUMERAL = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?")
_CASE_FIX = "Write FILTER (WHERE …) behind the aggregate, or CASE WHEN condition THEN column END within it."


def some_rows(node: exp.Expression, names: Names) -> tuple[exp.Expression, Predicate | None]:
    """An aggregate without its condition, and the condition; None where it has none.

    Raises:
        QuestionRefused: a condition outside the grammar, or a CASE that is none.
    """
    found: list[Predicate] = []
    while isinstance(node, exp.Filter):
        only(node, {"this", "expression"})
        only(node.expression, {"this"})
        found.append(Conditions(names).read(node.expression.this))
        node = without_brackets(node.this)
    if isinstance(node, exp.CountIf):
        only(node, {"this"})
        found.append(Conditions(names).read(node.this))
        node = _all_rows()
    else:
        node, inner = _without_case(node, names)
        found += inner
    return node, conjunction(found) if found else None


def _without_case(node: exp.Expression, names: Names) -> tuple[exp.Expression, list[Predicate]]:
    """An aggregate of CASE as one of what stands behind THEN, and the condition."""
    place = _argument(node)
    case = without_brackets(place) if place is not None else None
    if not isinstance(case, exp.Case | exp.If):
        return node, []
    condition, then, otherwise = _branch(case)
    if otherwise is not None and not isinstance(otherwise, exp.Null):
        _check_otherwise(node, otherwise)
    predicate = Conditions(names).read(condition)
    if isinstance(then, exp.Literal) and not isinstance(node.this, exp.Distinct):
        counted = isinstance(node, exp.Count) or (isinstance(node, exp.Sum) and is_number(then, 1))
        if counted:
            return _all_rows(), [predicate]
    plain = node.copy()
    inside = _argument(plain)
    if inside is not None:
        inside.replace(then.copy())
    return plain, [predicate]


def _argument(node: exp.Expression) -> exp.Expression | None:
    """Where the column stands that an aggregate is of."""
    if isinstance(node, exp.WithinGroup):
        order = node.expression.expressions
        return order[0].this if len(order) == 1 else None
    inner = node.this
    if isinstance(inner, exp.Distinct):
        return inner.expressions[0] if len(inner.expressions) == 1 else None
    return inner if isinstance(inner, exp.Expression) else None


def _branch(case: exp.Expression) -> tuple[exp.Expression, exp.Expression, exp.Expression | None]:
    """The condition of a CASE of one branch, what stands behind THEN, and behind ELSE."""
    if isinstance(case, exp.Case):
        only(case, {"ifs", "default"}, {"this": ("CASE with a column behind it", _CASE_FIX)})
        if len(case.args["ifs"]) != 1:
            raise refused("Within an aggregate, CASE has one WHEN.", case, fix=_CASE_FIX)
        (branch,) = case.args["ifs"]
        only(branch, {"this", "true"})
        otherwise = case.args.get("default")
    else:
        branch = case
        only(branch, {"this", "true", "false"})
        otherwise = branch.args.get("false")
    then = without_brackets(branch.args["true"])
    return branch.this, then, None if otherwise is None else without_brackets(otherwise)


def _check_otherwise(node: exp.Expression, otherwise: exp.Expression) -> None:
    """Raise unless the rows that do not meet the condition add nothing."""
    if isinstance(node, exp.Sum) and is_number(otherwise, 0):
        return
    if isinstance(node, exp.Count):
        raise refused("COUNT counts what stands behind ELSE as well.", otherwise, fix="Leave ELSE out.")
    if isinstance(node, exp.Sum):
        raise refused("Within SUM, ELSE takes 0 or NULL.", otherwise, fix=_CASE_FIX)
    raise refused(
        "Rows that do not meet the condition would count with this value.",
        otherwise,
        fix="Leave ELSE out; a share of rows is COUNT(*) FILTER (WHERE …) / COUNT(*).",
    )


def is_number(node: exp.Expression, value: int) -> bool:
    """True for a numeral of this value: 1 and 1.0 are the same."""
    return (
        isinstance(node, exp.Literal)
        and not node.is_string
        and _NUMERAL.fullmatch(str(node.this)) is not None
        and Fraction(str(node.this)) == value
    )


def _all_rows() -> exp.Expression:
    return exp.Count(this=exp.Star(), big_int=True)
