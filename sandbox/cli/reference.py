"""``docs/reference/cli.md``, made from the commands themselves.

python -m sandbox.cli.reference > docs/reference/cli.md
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo

from sandbox.cli.commands import app

HEAD = """\
# Command line

Made from the commands by `python -m sandbox.cli.reference > docs/reference/cli.md`; a test fails when it is stale.

The installation is chosen by the environment (`SANDBOX_HOME`, `SANDBOX_PORT` …), see
[operate it](../how-to/operate.md). An error is one line that says what is wrong, and one that says what to do; the exit
code is then 2 when you can mend it, and 1 when the installation needs its operator.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One argument or option of a command, as a reader needs it."""

    name: str  # as it is typed
    usage: str
    kind: str
    text: str


def reference() -> str:
    """The whole page, Markdown."""
    return "\n".join([HEAD, *(_section(path, function) for path, function in commands(app, ("sandbox",)))])


def commands(
    group: typer.Typer, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Callable[..., Any]]]:
    """Every command that people use, with what runs it, in the order of ``--help``."""
    for info in group.registered_commands:
        if info.callback is not None and not info.hidden:
            yield (*path, info.name or info.callback.__name__), info.callback
    for child in group.registered_groups:
        if child.typer_instance is not None:
            yield from commands(child.typer_instance, (*path, str(child.name)))


def _section(path: tuple[str, ...], function: Callable[..., Any]) -> str:
    given = list(_given(function))
    usage = " ".join([*path, *(g.usage for g in given)])
    lines = [f"## {' '.join(path)}", "", inspect.getdoc(function) or "", "", "```text", usage, "```"]
    if given:
        lines += ["", "| | | |", "|---|---|---|"]
        lines += [f"| `{g.name}` | {g.kind} | {g.text} |" for g in given]
    return "\n".join(lines) + "\n"


def _given(function: Callable[..., Any]) -> Iterator[Given]:
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        info = extras[0] if extras else None
        required = parameter.default is inspect.Parameter.empty
        options = [a for a in get_args(kind) if a is not type(None)]
        many = list in (get_origin(kind), *map(get_origin, options))
        text = (info.help if info else "") or ""
        if isinstance(info, ArgumentInfo):
            word = parameter.name.upper() + ("..." if many else "")
            usage = word if required else f"[{word}]"
            yield Given(name=parameter.name.upper(), usage=usage, kind=_kind(kind), text=text)
            continue
        name = _declared(info) or f"--{parameter.name.replace('_', '-')}"
        typed = name if kind is bool else f"{name} {parameter.name.upper()}"
        asked = bool(info and info.prompt)
        if parameter.default not in (inspect.Parameter.empty, None, "", False):
            text += f" Default: `{parameter.default}`."
        if info and info.envvar:
            text += f" Also from `{info.envvar}`."
        usage = typed if required and not asked else f"[{typed}]"
        yield Given(name=name, usage=usage + ("..." if many else ""), kind=_kind(kind), text=text.strip())


def _declared(info: Any) -> str:
    """The name that an option was given, if any; inside ``Annotated`` Typer keeps the first one as its default."""
    names = [info.default, *(info.param_decls or ())] if info else []
    return next((n for n in names if isinstance(n, str) and n.startswith("--")), "")


def _kind(kind: Any) -> str:
    """A type in words."""
    options = [a for a in get_args(kind) if a is not type(None)]
    if options:  # list[X], X | None
        return _kind(options[0])
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(kind)
    return {int: "whole number", float: "number", bool: "switch", Path: "file"}.get(kind, "text")


if __name__ == "__main__":
    sys.stdout.write(reference())
