"""``sandbox dataset list``, ``show``, ``export-dcat``: the catalogue at the terminal, hidden datasets included."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli.common import console, system
from sandbox.domain.catalogue_terms import Frequency, OpenMode
from sandbox.domain.policy import Column, Domain, OpenClass, Scalar
from sandbox.domain.search import search
from sandbox.flows.browse_catalogue import CatalogueEntry
from sandbox.terminal import indented, plain_table

MOST_VALUES = 12  # listed values that are shown before the rest is counted


def dataset_list(
    text: Annotated[
        str, typer.Option("--search", help="Words of title, keywords, provider, columns or description.")
    ] = "",
    open_class: Annotated[OpenClass | None, typer.Option("--class", help="Only this class.")] = None,
    domain: Annotated[Domain | None, typer.Option(help="Only this field.")] = None,
    mode: Annotated[OpenMode | None, typer.Option(help="Only what is opened this way.")] = None,
    frequency: Annotated[Frequency | None, typer.Option(help="Only what is updated this often.")] = None,
    offset: Annotated[int, typer.Option(help="How many to pass over.")] = 0,
    limit: Annotated[int, typer.Option(help="How many to show.")] = 50,
) -> None:
    """List published datasets, the best first; hidden ones too."""
    wanted = search(
        text,
        open_class=open_class or "",
        domain=domain or "",
        mode=mode or "",
        frequency=frequency or "",
        offset=offset,
        limit=limit,
    )
    page = system().browse_catalogue.search(wanted, hidden=True)
    table = plain_table("name", "class", "version", "title")
    for entry in page.entries:
        marks = ", hidden" * entry.policy.hidden + ", suspended" * entry.suspended
        name, class_name, title = entry.policy.name, entry.class_name, entry.policy.title
        table.add_row(name, escape(f"{class_name}{marks}"), str(entry.version), escape(title))
    console.print(table)
    last = min(offset + limit, page.total)
    if page.total > len(page.entries):
        shown = f"{offset + 1} to {last}" if page.entries else "none"
        console.print(f"{shown} of {page.total}; go on with --offset {last}", highlight=False)


def dataset_show(name: Annotated[str, typer.Argument(help="The dataset's name.")]) -> None:
    """Show a dataset: class, terms, schema, versions, and how to cite it."""
    catalogue = system().browse_catalogue
    entry = catalogue.dataset(name, hidden=True)
    policy = entry.policy
    marks = ", hidden" * policy.hidden + ", suspended" * entry.suspended
    console.print()
    console.print(f"[bold]{escape(policy.title)}[/]  ({escape(entry.class_name)}{marks})", highlight=False)
    _tell("", policy.description)
    for head, text in _terms(entry):
        _tell(f"{head}: ", text)
    for table, content in policy.tables.items():
        shown = plain_table("column", "type", "values", "what it is", title=f"table {table}")
        for column_name, column in content.columns.items():
            shown.add_row(column_name, str(column.type), escape(_values(column)), escape(column.description))
        console.print(shown)
    if not policy.hidden:
        versions = plain_table("version", "day", "snapshot", "what changed")
        for version in catalogue.history(name, limit=10):
            changes = escape(" ".join(version.changes))
            versions.add_row(str(version.version), version.published_at[:10], version.snapshot[:12], changes)
        console.print(versions)
    _tell("cite as: ", entry.citation.text)


def dataset_export_dcat(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; to the terminal when not given.")
    ] = None,
    dataset: Annotated[str, typer.Option(help="One dataset instead of the whole catalogue.")] = "",
) -> None:
    """Write the catalogue as DCAT-AP 3 (JSON-LD), for other catalogues."""
    from sandbox.portal.documents import dataset_graph
    from sandbox.portal.export import place_of, whole_catalogue

    sandbox = system()
    graph = (
        dataset_graph(place_of(sandbox), sandbox.browse_catalogue.dataset(dataset))
        if dataset
        else whole_catalogue(sandbox)
    )
    text = json.dumps(graph, ensure_ascii=False, indent=2) + "\n"
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    n = sum(node["@type"] == "dcat:Dataset" for node in graph["@graph"])
    console.print(f"[green]✓[/] {file}: {n} dataset{'' if n == 1 else 's'}", highlight=False)


def _tell(head: str, text: str) -> None:
    if text:
        lines = escape(indented(head + " ".join(text.split()), indent="  ", width=console.width))
        console.print(lines, highlight=False, soft_wrap=True)


def _terms(entry: CatalogueEntry) -> list[tuple[str, str]]:
    policy, contact = entry.policy, entry.policy.contact
    reached = " ".join(filter(None, (contact.name, contact.email, contact.url))) if contact else ""
    return [
        ("field", policy.domain),
        ("provider", policy.provider),
        ("contact", reached),
        ("licence", policy.licence),
        ("updated", policy.update_frequency),
        ("opened by", ", ".join(policy.open_modes)),
        ("keywords", ", ".join(policy.keywords)),
        *(("quality", note) for note in policy.quality),
        *(("statistics", line) for line in policy.statistics),
        *(("condition", condition) for condition in policy.access.conditions),
        *((file.table, f"{file.form}, {file.size_bytes:,} bytes") for file in entry.files),
    ]


def _word(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(column: Column) -> str:
    if column.key_values:
        shown = ", ".join(_word(value) for value in column.key_values[:MOST_VALUES])
        more = len(column.key_values) - MOST_VALUES
        return f"{shown} and {more} more" if more > 0 else shown
    bounds = f"{column.lower} to {column.upper}" if column.lower is not None else ""
    days = f"{column.earliest} to {column.latest}" if column.earliest is not None else ""
    return f"{bounds or days} {column.measured_in}".strip()
