"""``sandbox keys``: what data are closed with where they lie; and ``sandbox dataset destroy``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, system
from sandbox.domain.errors import BadInput, NotFound
from sandbox.settings import Settings
from sandbox.terminal import plain_table

app = typer.Typer(no_args_is_help=True, help="The keys that data are closed with where they lie.")

Dataset = Annotated[str, typer.Argument(help="The dataset's name.")]


@app.command("list")
def keys_list() -> None:
    """List the keys: which dataset, since when, until when. The secret halves are the engine's alone."""
    sandbox = system()
    table = plain_table("dataset", "key", "since", "until", whole=frozenset({1}))
    for known in sandbox.close_data.keys(operator(sandbox)):
        table.add_row(
            known.dataset, known.key.id, _minute(known.made_at), _minute(known.ended_at) or "in use"
        )
    console.print(table)


@app.command("rotate")
def keys_rotate(name: Dataset) -> None:
    """Replace a dataset's key: its files are closed again with a new one, and the old one is destroyed."""
    sandbox = system()
    with console.status(f"Closing the files of {escape(name)} again …"):
        done = sandbox.close_data.rotate(operator(sandbox), name)
    console.print(
        f"[green]✓[/] {name} is closed with key {done.key.id}; destroyed: {', '.join(done.retired) or 'none'}.",
        highlight=False,
        soft_wrap=True,
    )


@app.command("renew-master")
def keys_renew_master() -> None:
    """Replace the master key, which the datasets' keys are wrapped with. No file is closed again."""
    sandbox = system()
    count = sandbox.close_data.renew_master(operator(sandbox))
    console.print(f"[green]✓[/] {count} keys are wrapped for a new master key.", highlight=False)


def dataset_destroy(
    name: Dataset,
    reason: Annotated[str, typer.Option(help="Why; everybody reads it in the catalogue.")],
    certificate: Annotated[Path | None, typer.Option(help="Where to write the certificate (JSON).")] = None,
) -> None:
    """Destroy a dataset's data for ever: its keys, then its files. Asks for the name once more."""
    sandbox = system()
    typed = typer.prompt(f"Nothing brings them back. Type {name} to destroy its data")
    with console.status(f"Destroying the data of {escape(name)} …"):
        sandbox.destroy_data(operator(sandbox), name, typed=typed, reason=reason)
    console.print(f"[green]✓[/] No byte of {name} can be opened any more.", highlight=False)
    if certificate is not None:
        certificate.write_text(
            json.dumps(sandbox.destroy_data.certificate(name), ensure_ascii=False, indent=1)
        )
        console.print(f"  the certificate: {escape(str(certificate))}", highlight=False, soft_wrap=True)


def dataset_verify_destruction(
    certificate: Annotated[Path, typer.Argument(help="The certificate (JSON).")],
    key: Annotated[
        Path | None, typer.Option(help="The platform's public key (PEM); this machine's when left out.")
    ] = None,
) -> None:
    """Check a certificate of destruction offline: the platform's signature."""
    from sandbox.domain.destruction import signed_bytes
    from sandbox.store.keys import PUBLIC, verify_signature

    key = key or Settings.from_environment().keys_dir / PUBLIC
    for file in (certificate, key):
        if not file.is_file():
            raise NotFound(f"There is no file {file}.")
    try:
        paper = json.loads(certificate.read_bytes())
        document, signature = json.loads(paper["certificate"]), bytes.fromhex(paper["signature"])
        said = signed_bytes(document)
        rows = [
            ("dataset", document["dataset"]),
            ("destroyed at", document["destroyed_at"]),
            ("asked for by", document["asked_by"]),
            ("reason", document["reason"]),
            ("keys", ", ".join(document["keys"])),
            ("entry of the log", f"{document['log']['entry']} ({document['log']['hash']})"),
        ]
    except (ValueError, KeyError, TypeError):
        raise BadInput(
            f"{certificate.name} is no certificate of destruction.", where=certificate.name
        ) from None
    verify_signature(key.read_bytes(), signature, said)
    console.print(f"[green]✓[/] Signed by the platform's key ({key.name}).", highlight=False)
    for name, value in rows:
        console.print(f"  {name}: {escape(str(value))}", highlight=False, soft_wrap=True)


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
