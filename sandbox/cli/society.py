"""``sandbox register`` and ``sandbox demand``: the public lists on a terminal, and the answers to what is asked."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, system
from sandbox.domain.demands import DemandState, Verb
from sandbox.domain.errors import NotFound
from sandbox.terminal import plain_table

register_app = typer.Typer(no_args_is_help=True, help="The public registers.")
demand_app = typer.Typer(no_args_is_help=True, help="What people ask to be opened.")

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, as the API says it.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many.")]


@register_app.command("results")
def register_results(
    dataset: Annotated[str, typer.Option(help="Only of this dataset.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """What was made with the data, and confirmed."""
    from sandbox.portal import documents

    page = system().report_result.register(dataset=dataset, limit=limit)
    if as_json:
        return _print(documents.results(page))
    table = plain_table("appeared", "kind", "title", "authors", "dataset", "project", "link")
    for view in page.results:
        made = view.result.made
        cells = (made.kind, made.title, made.authors, view.result.dataset, view.result.project, made.link)
        table.add_row(made.made_on.isoformat(), *(escape(str(cell)) for cell in cells))
    console.print(table)
    _told(len(page.results), page.total, "result")


@register_app.command("projects")
def register_projects(
    dataset: Annotated[str, typer.Option(help="Only on this dataset.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Who is allowed what, for what, until when, and what they spent of their budget."""
    from sandbox.portal import documents

    page = system().project_register.page(dataset=dataset, limit=limit)
    if as_json:
        return _print(documents.projects(page))
    table = plain_table("project", "dataset", "state", "until", "people", "spent", "purpose")
    for line in page.projects:
        table.add_row(
            escape(line.project),
            line.dataset,
            line.state,
            line.ends.isoformat(),
            str(line.people),
            f"{line.spent_percent} %",
            escape("\n".join(line.purposes)),
        )
    console.print(table)
    _told(len(page.projects), page.total, "project")


@register_app.command("demands")
def register_demands(
    state: Annotated[DemandState | None, typer.Option(help="Only those answered so.")] = None,
    newest: Annotated[bool, typer.Option(help="The newest first, not the most wanted.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """What people ask to be opened, and how many want it."""
    from sandbox.portal import documents

    states = (state,) if state is not None else ()
    page = system().demand_data.page(None, states=states, newest=newest, limit=limit)
    if as_json:
        return _print(documents.demands(page))
    table = plain_table("no.", "people", "visitors", "state", "what", numeric=frozenset({0, 1, 2}))
    for view in page.demands:
        demand = view.demand
        table.add_row(
            str(demand.id),
            str(demand.votes),
            str(demand.visitor_votes),
            str(demand.state),
            escape(demand.wish.title),
        )
    console.print(table)
    _told(len(page.demands), page.total, "demand")


@demand_app.command("show")
def demand_show(number: Annotated[int, typer.Argument(help="The demand's number.")]) -> None:
    """Show one demand in full, and how to reach who asked, when they said."""
    sandbox = system()
    view = sandbox.demand_data.view(operator(sandbox), number)
    demand = view.demand
    lines = {
        "what": demand.wish.title,
        "data": demand.wish.data,
        "holder": demand.wish.holder,
        "for": demand.wish.purpose,
        "votes": f"{demand.votes} people, {demand.visitor_votes} visitors",
        "state": str(demand.state),
        "answer": demand.answer,
        "hidden": demand.hidden,
        "contact": view.contact,
    }
    for name, text in lines.items():
        if text:
            console.print(f"[bold]{name:8}[/] {escape(text)}", highlight=False)


@demand_app.command("answer")
def demand_answer(
    number: Annotated[int, typer.Argument(help="The demand's number.")],
    verb: Annotated[Verb, typer.Argument(help="What is answered.")],
    text: Annotated[str, typer.Option(help="In words, for everybody; a refusal needs them.")] = "",
    dataset: Annotated[str, typer.Option(help="For open: the dataset it was opened as.")] = "",
    into: Annotated[int | None, typer.Option(help="For merge: the number of the other one.")] = None,
) -> None:
    """Answer a demand."""
    sandbox = system()
    there = sandbox.store.demands.get(number)
    if there is None:
        raise NotFound(f"There is no demand {number}.", fix="See 'sandbox register demands'.")
    demand = sandbox.demand_data.answer(
        operator(sandbox), number, verb, version=there.version, text=text, dataset=dataset, into=into
    )
    console.print(f"[green]✓[/] Demand {demand.id} is {demand.state}.", highlight=False)


@demand_app.command("hide")
def demand_hide(
    number: Annotated[int, typer.Argument(help="The demand's number.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the records.")],
) -> None:
    """Hide spam. Nothing is deleted."""
    sandbox = system()
    sandbox.demand_data.hide(operator(sandbox), number, reason=reason)
    console.print(f"[green]✓[/] Demand {number} is hidden.", highlight=False)


@demand_app.command("unhide")
def demand_unhide(number: Annotated[int, typer.Argument(help="The demand's number.")]) -> None:
    """Put a hidden demand back on the list."""
    sandbox = system()
    sandbox.demand_data.show(operator(sandbox), number)
    console.print(f"[green]✓[/] Demand {number} is on the list again.", highlight=False)


def _print(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _told(shown: int, total: int, noun: str) -> None:
    console.print(f"{shown} of {total} {noun}{'' if total == 1 else 's'}", highlight=False)
