"""``sandbox objection``: what others say about data, and what is decided about it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, system
from sandbox.cli.suspensions import in_words
from sandbox.domain.objection import Verb
from sandbox.terminal import indented, plain_table

app = typer.Typer(no_args_is_help=True, help="Objections and reports of errors.")

Number = Annotated[int, typer.Argument(help="The objection's number.")]


@app.command("list")
def objection_list() -> None:
    """List objections: those that wait first, by their deadline."""
    sandbox = system()
    table = plain_table("number", "dataset", "kind", "about", "state", "decision by")
    for view in sandbox.objection_views.objections(operator(sandbox), decided=None):
        o = view.objection
        table.add_row(
            str(o.id),
            o.dataset,
            str(o.kind),
            escape(o.place),
            o.state.replace("_", " "),
            o.due.isoformat() if o.due else "",
        )
    console.print(table)


@app.command("show")
def objection_show(number: Number) -> None:
    """Show one: what was written, by whom, what it stopped, and which released outputs depend on it."""
    sandbox = system()
    view = sandbox.objection_views.objection(operator(sandbox), number)
    o = view.objection
    lines = {
        "about": f"{o.place} ({o.kind})",
        "state": o.state.replace("_", " "),
        "received": f"{o.received_at[:16]} UTC",
        "decision by": o.due.isoformat() if o.due else "",
        "from": ", ".join(filter(None, (view.contact.name, view.contact.contact, view.contact.person))),
        "evidence": ", ".join(f"{file.kind} {file.sha256}" for file in o.evidence),
        "suspends": in_words(view.suspension) if view.suspension else "nothing",
        "released outputs": ", ".join(str(d.release.id) for d in view.depending),
        "answer": o.answer,
        "you may": ", ".join(view.allowed_actions),
    }
    console.print(f"[bold]Objection {o.id}[/]", highlight=False)
    console.print(escape(_shown(o.text, console.width)), highlight=False, soft_wrap=True)
    for name, value in lines.items():
        if value:
            console.print(f"  [bold]{name:16}[/] {escape(_plain(value))}", highlight=False, soft_wrap=True)


@app.command("decide")
def objection_decide(
    number: Number,
    verb: Annotated[Verb, typer.Argument(help="What to do with it; 'show' says what is possible.")],
    reason: Annotated[str, typer.Option(help="Whoever objected reads it.")] = "",
) -> None:
    """Look at one, or decide it. What it suspended goes on by the decision."""
    sandbox = system()
    with console.status("Deciding …"):
        moved = sandbox.decide_objection(operator(sandbox), number, verb, reason=reason)
    console.print(f"[green]✓[/] Objection {moved.id} is {moved.state.replace('_', ' ')}.", highlight=False)
    for suspension in sandbox.store.suspensions.of(moved.dataset):
        console.print(f"  suspended: {escape(in_words(suspension))}", highlight=False, soft_wrap=True)


def _shown(text: str, width: int) -> str:
    return "\n".join(indented(_plain(line), indent="  ", width=width) for line in text.splitlines())


def _plain(text: str) -> str:
    # Written by strangers: control characters could rewrite the operator's screen.
    return "".join(c if c.isprintable() else "?" for c in text)
