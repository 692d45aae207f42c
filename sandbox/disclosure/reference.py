"""The manual of the checks, made from the rules themselves.

``python -m sandbox.disclosure.reference > docs/reference/checks.md`` writes it; a test says when that page is stale.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from dataclasses import fields

import sandbox.disclosure as disclosure
from sandbox.disclosure.kinds.registry import KINDS
from sandbox.disclosure.mark import Rule
from sandbox.domain.check_terms import CheckTerms
from sandbox.domain.policy import ReleaseTerms

_HEAD = """# The checks

What is looked for in a file before a person sees it. Each finding names the cell, the rule, the reason and what mends
it. *fail* blocks the request, *review* is for a person. Counts are of distinct privacy units where the platform can
compute a table again from its question (sql); findings that rest on private rows are marked *rows* and are shown to
nobody who may only ask questions.

This page is made from the program: `python -m sandbox.disclosure.reference > docs/reference/checks.md`
"""


def rules() -> dict[str, tuple[Rule, ...]]:
    """All rules by the module that declares them."""
    found = {}
    for part in sorted(
        pkgutil.walk_packages(disclosure.__path__, "sandbox.disclosure."), key=lambda p: p.name
    ):
        if part.name == __name__:
            continue
        module = importlib.import_module(part.name)
        source = inspect.getsource(module)
        own = tuple(
            value
            for name, value in vars(module).items()
            if isinstance(value, Rule) and f"\n{name} = " in source  # others are imported
        )
        if own:
            found[part.name.removeprefix("sandbox.disclosure.")] = own
    return found


def page() -> str:
    """The page as Markdown."""
    lines = [_HEAD]
    for module, own in rules().items():
        text = importlib.import_module(f"sandbox.disclosure.{module}").__doc__ or ""
        title = module.removeprefix("kinds.").removesuffix(".rules").replace("_", " ")
        lines += [f"## {title}\n", " ".join(text.strip().split("\n\n")[0].split()) + "\n"]
        lines += [
            "| check | verdict | what it finds | held against | what mends it |",
            "|---|---|---|---|---|",
        ]
        for rule in own:
            verdict = (
                str(rule.verdict)
                + (", rows" if rule.from_rows else "")
                + (", always" if rule.standing else "")
            )
            limits = ", ".join(f"`{k}` [{_default(k)}]" for k in rule.limits)
            lines.append(f"| `{rule.name}` | {verdict} | {rule.says} | {limits} | {rule.fix} |")
        sources = sorted({rule.source for rule in own if rule.source})
        lines.append("\nSource: " + "; ".join(sources) + ".\n")
    lines += ["## What a person looks at\n", "| kind | always for a person |", "|---|---|"]
    lines += [f"| {kind} | {of.person or '–'} |" for kind, of in KINDS.items()]
    return "\n".join(lines) + "\n"


def _default(key: str) -> str:
    names = {f.name for f in fields(CheckTerms)}
    last = key.removeprefix("checks.")
    return str(getattr(CheckTerms() if last in names else ReleaseTerms(), last))


if __name__ == "__main__":
    sys.stdout.write(page())
