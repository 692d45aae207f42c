"""``sandbox dataset suspend`` and ``resume``: stopping data by hand."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, system
from sandbox.domain.errors import BadInput
from sandbox.domain.suspension import Suspension

Dataset = Annotated[str, typer.Argument(help="The dataset's name.")]
Reason = Annotated[str, typer.Option(help="Why; everybody reads it in the catalogue.")]
OneColumn = Annotated[str, typer.Option("--column", help="Only this one: TABLE.COLUMN.")]


def dataset_suspend(name: Dataset, reason: Reason, column: OneColumn = "") -> None:
    """Stop a dataset, or a column of it, at once: questions, notebooks, samples, requests under way."""
    sandbox = system()
    table, one = _place(column)
    made = sandbox.suspend_dataset.suspend(operator(sandbox), name, reason=reason, table=table, column=one)
    console.print(f"[bold]{escape(made.place)}[/] is suspended.", highlight=False)


def dataset_resume(name: Dataset, reason: Reason, column: OneColumn = "") -> None:
    """End what was suspended by hand. What an objection suspends is resumed by its decision alone."""
    sandbox = system()
    table, one = _place(column)
    left = sandbox.suspend_dataset.resume(operator(sandbox), name, reason=reason, table=table, column=one)
    console.print(f"[green]✓[/] Resumed {escape(column or name)}.", highlight=False)
    for suspension in left:
        console.print(f"  still suspended: {escape(in_words(suspension))}", highlight=False, soft_wrap=True)


def in_words(suspension: Suspension) -> str:
    because = f" by objection {suspension.objection}" if suspension.objection else f" by {suspension.made_by}"
    return f"{suspension.place}{because} since {suspension.since[:16]}: {suspension.reason}"


def _place(column: str) -> tuple[str, str]:
    table, dot, one = column.partition(".")
    if column and not (table and dot and one):
        raise BadInput(f"{column!r} names no column.", where="column", fix="Write TABLE.COLUMN.")
    return table, one
