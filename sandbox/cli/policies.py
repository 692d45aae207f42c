"""``sandbox policy``: the files that say what holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.common import console

app = typer.Typer(no_args_is_help=True, help="Check policy files.")


@app.command("check")
def policy_check(
    files: Annotated[list[Path], typer.Argument(help="site.yaml, or datasets' policies.")],
) -> None:
    """Check policy files; every mistake is named with file, line, key and allowed values."""
    from sandbox.store.policy_files import read_dataset_policy, read_site_policy

    for file in files:
        (read_site_policy if file.name == "site.yaml" else read_dataset_policy)(file)
        console.print(f"[green]✓[/] {file}", highlight=False)
