"""``sandbox dataset`` and ``sandbox base``: what is published, and what is bought for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli import catalogue
from sandbox.cli.common import console, operator, system
from sandbox.domain.errors import BadInput
from sandbox.terminal import indented

app = typer.Typer(no_args_is_help=True, help="Publish and list datasets.")
base_app = typer.Typer(no_args_is_help=True, help="Base releases: free counts and synthetic rows.")


@app.command("publish")
def dataset_publish(
    policy: Annotated[Path, typer.Argument(help="The dataset's policy (YAML).")],
    file: Annotated[
        list[str] | None,
        typer.Argument(help="TABLE=FILE for each table, or FILE when there is one table; none when closed."),
    ] = None,
    new_profile: Annotated[
        bool, typer.Option(help="Learn anew how much units contribute; it is paid from the budget.")
    ] = False,
) -> None:
    """Publish a dataset, or a new version of it."""
    from sandbox.store.policy_files import read_dataset_policy

    sandbox = system()
    tables = list(read_dataset_policy(policy).tables)
    files = {}
    for item in file or []:
        table, _, path = item.rpartition("=")
        if not table and len(tables) != 1:
            raise BadInput(
                f"{item!r} names no table.",
                where="file",
                fix=f"Write TABLE=FILE; tables: {', '.join(tables)}.",
            )
        files[table or tables[0]] = Path(path)
    with console.status(f"Publishing {policy.stem} …"):
        report = sandbox.publish_dataset(
            operator(sandbox), policy_file=policy, files=files, new_profile=new_profile
        )
    class_name = sandbox.site.class_names[report.open_class]
    console.print(
        f"[green]✓[/] {report.dataset} ({escape(class_name)}), version {report.snapshot[:12]}",
        highlight=False,
    )
    for line in report.lines:
        console.print(
            escape(indented(line, indent="  ", width=console.width)), highlight=False, soft_wrap=True
        )


app.command("list")(catalogue.dataset_list)
app.command("show")(catalogue.dataset_show)
app.command("export-dcat")(catalogue.dataset_export_dcat)


@base_app.command("buy")
def base_buy(dataset: Annotated[str, typer.Argument(help="The dataset's name.")]) -> None:
    """Buy a dataset's base release from its budget, once: counts are then free, and there are synthetic rows."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    sandbox = system()
    layout = (BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TextColumn("{task.description}"))
    with Progress(*layout, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("waiting for the engine", total=1.0)

        def told(fraction: float, words: str) -> None:
            bar.update(task, completed=fraction, description=escape(words))

        bought = sandbox.buy_base(operator(sandbox), dataset, progress=told)
    base = bought.base
    paid = "nothing now: it was bought before" if bought.before else f"{bought.percent} % of the budget"
    console.print(
        f"[green]✓[/] {dataset}: {len(base.tables)} tables over {len(base.columns)} columns, for {paid}.",
        highlight=False,
    )


@base_app.command("sample")
def base_sample(
    dataset: Annotated[str, typer.Argument(help="The dataset's name.")],
    rows: Annotated[int | None, typer.Option(help="How many; as many as the base counts by default.")] = None,
) -> None:
    """Print synthetic rows of a dataset as CSV. They cost nothing."""
    typer.echo(system().buy_base.sample(dataset, rows).csv(), nl=False)
