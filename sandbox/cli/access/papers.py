"""Papers to keep: the signed agreement, the certificate; and checking them far from home."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.access.portal import Number, portal
from sandbox.cli.access.words import say, show_paper
from sandbox.cli.common import console
from sandbox.domain.errors import NotFound
from sandbox.settings import Settings


def agreement(
    number: Number,
    file: Annotated[Path | None, typer.Argument(help="Where to put it.")] = None,
) -> None:
    """Keep the signed agreement as a file."""
    _keep(number, "agreement", file)


def certificate(
    number: Number,
    file: Annotated[Path | None, typer.Argument(help="Where to put it.")] = None,
) -> None:
    """Keep the certificate of a closed application as a file."""
    _keep(number, "certificate", file)


def verify(
    file: Annotated[Path, typer.Argument(help="An agreement or a certificate.")],
    key: Annotated[
        Path | None, typer.Option(help="The platform's public key (PEM); this machine's when left out.")
    ] = None,
) -> None:
    """Check an agreement or a certificate offline, and say what it says."""
    from sandbox.domain.papers import read_paper
    from sandbox.store.keys import PUBLIC, verify_signature

    if not file.is_file():
        raise NotFound(f"There is no file {file}.")
    key = key or Settings.from_environment().keys_dir / PUBLIC
    if not key.is_file():
        raise NotFound(f"There is no key {key}.", fix="Give the platform's public key by --key.")
    paper = read_paper(file.read_bytes(), verify=partial(verify_signature, key.read_bytes()))
    console.print(
        f"[green]✓[/] The {paper.kind} is whole and signed by the platform's key ({key.name}).",
        highlight=False,
    )
    show_paper(paper)


def _keep(number: int, kind: str, file: Path | None) -> None:
    with portal() as door:
        body = door.get_bytes(f"applications/{number}/{kind}")
    file = file or Path(f"{kind}-{number}.json")
    file.write_bytes(body)
    say(f"Kept as {file}. Check it with 'sandbox access verify {file}'.")
