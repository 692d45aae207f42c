"""``sandbox imports``: files and packages that ask to come in, and what is decided about them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, system
from sandbox.domain.errors import OperatorError
from sandbox.terminal import plain_table

if TYPE_CHECKING:
    from sandbox.flows.import_views import ImportView

app = typer.Typer(no_args_is_help=True, help="Files and packages that ask to come in.")

Number = Annotated[int, typer.Argument(help="The request's number.")]
_COLOURS = {"fail": "red", "review": "yellow", "pass": "green"}


@app.command("ask")
def imports_ask(
    files: Annotated[list[Path], typer.Argument(help="Text files, or wheels of Python packages.")],
    why: Annotated[str, typer.Option(help="Where they come from, and what they are for.")],
    grant: Annotated[
        int | None, typer.Option(help="Which of your grants; needed when several would fit.")
    ] = None,
) -> None:
    """Ask to bring files in, with the token of 'sandbox login'."""
    from sandbox.cli.ask import signed_in
    from sandbox.client import connect

    url, token = signed_in()
    with (
        closing(connect(url, token=token, grant=grant)) as box,
        console.status("Sending, and waiting for the checks …"),
    ):
        asked = box.ask_to_import(files, why=why)
    console.print(str(asked), highlight=False, markup=False, soft_wrap=True)


@app.command("list")
def imports_list(
    there: Annotated[bool, typer.Option("--in", help="What is in, instead of what waits.")] = False,
) -> None:
    """List what waits for a decision, the oldest first."""
    sandbox = system()
    views = sandbox.import_views
    who = operator(sandbox)
    table = plain_table("number", "dataset", "project", "asked by", "files", "findings")
    for view in views.there(who) if there else views.queue(who):
        r = view.request
        table.add_row(
            str(r.id),
            r.dataset,
            escape(r.project),
            r.requester,
            escape(", ".join(file.name for file in r.files)),
            _counts(view),
        )
    console.print(table)


@app.command("show")
def imports_show(number: Number) -> None:
    """Show one: what it is for, its files by hash, and what the checks found."""
    sandbox = system()
    view = sandbox.import_views.one(operator(sandbox), number)
    r = view.request
    console.print(f"[bold]Import request {r.id}[/]: {escape(_plain(r.why))}", highlight=False, soft_wrap=True)
    lines = {
        "dataset": r.dataset,
        "project": r.project,
        "asked by": r.requester,
        "state": r.state.replace("_", " "),
        "until": r.until.isoformat() if r.until else "",
        "decided by": r.decided_by,
        "reason": r.reason,
        "you may": ", ".join(view.allowed_actions),
    }
    for name, value in lines.items():
        if value:
            console.print(f"  [bold]{name:12}[/] {escape(_plain(value))}", highlight=False, soft_wrap=True)
    for file in r.files:
        console.print(
            f"\n  [bold]{escape(file.name)}[/]  {file.size_bytes:,} bytes  {file.sha256}",
            highlight=False,
            soft_wrap=True,
        )
        for found in (f for f in view.findings if f.file == file.name):
            colour = _COLOURS[found.verdict]
            console.print(
                f"    [{colour}]{found.verdict:6}[/] {found.check}: {escape(_plain(found.reason))}",
                highlight=False,
                soft_wrap=True,
            )


@app.command("let-in")
def imports_let_in(
    number: Number,
    days: Annotated[
        int | None, typer.Option(help="How long they stay; without an end when left out.")
    ] = None,
    note: Annotated[str, typer.Option(help="For the requester.")] = "",
) -> None:
    """Let the files in, for the whole project, from the next start of a notebook or job."""
    sandbox = system()
    who = operator(sandbox)
    version = sandbox.import_views.one(who, number).request.version
    with console.status("Reading every file once more …"):
        made = sandbox.import_files.let_in(who, number, version=version, days=days, reason=note)
    console.print(f"[green]✓[/] Import request {made.id} is let in.", highlight=False)


@app.command("refuse")
def imports_refuse(
    number: Number, reason: Annotated[str, typer.Option(help="The requester reads it.")]
) -> None:
    """Say no, and why."""
    sandbox = system()
    who = operator(sandbox)
    version = sandbox.import_views.one(who, number).request.version
    made = sandbox.import_files.refuse(who, number, version=version, reason=reason)
    console.print(f"[green]✓[/] Import request {made.id} is refused.", highlight=False)


@app.command("remove")
def imports_remove(
    number: Number, reason: Annotated[str, typer.Option(help="The project reads it.")]
) -> None:
    """Take away what was let in: it is gone at the next start of a notebook or job."""
    sandbox = system()
    made = sandbox.import_files.remove(operator(sandbox), number, reason=reason)
    console.print(f"[green]✓[/] Import request {made.id} is taken away.", highlight=False)


@app.command("for-everybody")
def imports_for_everybody(number: Number) -> None:
    """Put the packages of a request that was let in into the notebook image; 'make images' then builds a new one."""
    sandbox = system()
    folder = sandbox.settings.extra_wheels_dir
    wheels = sandbox.import_views.wheels(operator(sandbox), number)
    if not wheels:
        raise OperatorError(f"Request {number} has no package.", fix="Only wheels go into the image.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in wheels:
        (folder / name).write_bytes(content)
        console.print(f"[green]✓[/] {escape(str(folder / name))}", highlight=False, soft_wrap=True)
    console.print("Now build the image: [bold]make images[/]. Notebooks get it at their next start.")


def _counts(view: ImportView) -> str:
    found = [str(f.verdict) for f in view.findings]
    return ", ".join(f"{found.count(v)} {v}" for v in ("fail", "review", "pass") if v in found)


def _plain(text: str) -> str:
    # Written by people, or by the makers of a file: control characters could rewrite the operator's screen.
    return "".join(c if c.isprintable() else " " for c in text)
