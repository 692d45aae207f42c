"""``sandbox review``: outputs planted with a known flaw, and what reviewers find of them."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, system
from sandbox.domain.planted import Flaw, Share
from sandbox.terminal import plain_table

app = typer.Typer(
    no_args_is_help=True, help="Outputs planted with a known flaw, to measure what reviewers miss."
)


@app.command("plant")
def review_plant(
    number: Annotated[int, typer.Argument(help="The request: it waits, and nobody has voted on it.")],
    words: Annotated[str, typer.Argument(help="What reviewers should have seen; no value of the data.")],
    word: Annotated[str, typer.Option(help="The sender's word, from their page 'Planted outputs'.")],
    flaw: Annotated[Flaw, typer.Option(help="What is wrong with it.")],
    file: Annotated[str, typer.Option(help="Which file; all together when left out.")] = "",
    place: Annotated[str, typer.Option(help="Where in it, such as 'row 3, column n'.")] = "",
) -> None:
    """Declare that a waiting request has a known flaw. It never leaves; its reviewers learn of it afterwards."""
    sandbox = system()
    made = sandbox.plant_output.plant(
        operator(sandbox), number, word=word, flaw=flaw, file=file, place=place, words=words
    )
    console.print(f"[green]✓[/] Request {made.release} is planted.", highlight=False)
    console.print(f"  entry {made.entry} of the log holds {made.commitment}", highlight=False, soft_wrap=True)


@app.command("planted")
def review_planted() -> None:
    """List what was planted and is decided, or was planted here; and how much was missed, by dataset."""
    sandbox = system()
    person = operator(sandbox)
    table = plain_table("request", "dataset", "flaw", "where", "planted by", "state", "outcome")
    for view in sandbox.plant_output.listed(person):
        p = view.planted
        table.add_row(
            str(p.release),
            view.dataset,
            str(p.flaw).replace("_", " "),
            escape(_plain(", ".join(filter(None, (p.file, p.place))))),
            p.planted_by,
            str(view.status).replace("_", " "),
            str(p.outcome).replace("_", " ") if p.outcome else "",
        )
    console.print(table)
    figures = plain_table("dataset", "flaw", "planted", "found", "missed", "share that is missed (95 %)")
    for line in sandbox.review_queue.turnaround(person):
        if line.planted.all.planted:
            figures.add_row(line.dataset, "all", *_share(line.planted.all))
            for flaw, one in line.planted.by_flaw.items():
                figures.add_row("", str(flaw).replace("_", " "), *_share(one))
    if figures.row_count:
        console.print(figures)


def _share(share: Share) -> tuple[str, ...]:
    between = share.missed_percent
    shown = f"{between[0]} to {between[1]} %" if between else ""
    return str(share.planted), str(share.found), str(share.missed), shown


def _plain(text: str) -> str:
    # Written by people: control characters could rewrite the operator's screen.
    return "".join(c if c.isprintable() else "?" for c in text)
