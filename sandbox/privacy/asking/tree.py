"""Two steps on a parse tree that every reader of it takes."""

from __future__ import annotations

from sqlglot import exp

from sandbox.privacy.asking.refusal import refused

_DEFAULT_FIX = "Leave it out; the grammar is SELECT … FROM … WHERE … GROUP BY …"


def only(node: exp.Expression, allowed: set[str], fixes: dict[str, tuple[str, str]] | None = None) -> None:
    """Raise unless all that the node says stands in the allowed parts.

    This is what makes the grammar an allow-list: a clause that a later version of the parser learns to read is
    refused until somebody writes it here.

    Args:
        fixes: for a part that is not allowed, its name in words and what to write instead.
    """
    for part, value in node.args.items():
        if part in allowed or value is None or value is False or value == []:
            continue
        child = value[0] if isinstance(value, list) else value
        what, fix = (fixes or {}).get(part, (part.strip("_").replace("_", " ").upper(), _DEFAULT_FIX))
        at = child if isinstance(child, exp.Expression) else node
        raise refused(f"{what} cannot be used here.", at, fix=fix)


def without_brackets(node: exp.Expression) -> exp.Expression:
    """What stands inside any number of round brackets."""
    while isinstance(node, exp.Paren):
        only(node, {"this"})
        node = node.this
    return node
