"""The operator's view of the container images: which are started, what is in them, which of it has known faults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.common import console
from sandbox.domain.errors import OperatorError
from sandbox.settings import CHECKOUT, Settings
from sandbox.terminal import plain_table

app = typer.Typer(no_args_is_help=True, help="Container images: digests, packages, known faults.")
Role = Annotated[str, typer.Argument(help="gate, engine, notebook, r …", metavar="ROLE")]
BUILDER = CHECKOUT / "images" / "build.py"


@app.command("build")
def images_build(role: Role) -> None:
    """Build one image. With r, jobs may be sent in R from then on; set-up keeps their image up to date."""
    if not BUILDER.is_file():
        raise OperatorError(
            "There is nothing here that images are made from.",
            fix="Run it on the machine itself, in the folder that the product was set up in.",
        )
    done = subprocess.run([sys.executable, str(BUILDER), "--only", role], check=False)  # noqa: S603 - our own script
    raise typer.Exit(done.returncode)


@app.command("list")
def images_list() -> None:
    """The image of each role, and whether the engine has it."""
    from sandbox.isolation.image_list import listed_images

    table = plain_table("role", "digest", "tag", "packages", "engine", title="Images")
    missing = False
    for image in listed_images(Settings.from_environment().images_file):
        missing |= not image.there
        state = "[green]has it[/]" if image.there else "[red]does not have it[/]"
        table.add_row(image.role, image.digest, image.tag, image.packages, state)
    console.print(table)
    raise typer.Exit(1 if missing else 0)


@app.command("packages")
def images_packages(
    role: Role,
    as_json: Annotated[
        bool, typer.Option("--json", help="The whole list as its file has it: CycloneDX.")
    ] = False,
) -> None:
    """What is in an image: every package with its version and licence."""
    from sandbox.isolation.packages import packages_file, read_packages

    file = packages_file(Settings.from_environment().images_file, role)
    packages = read_packages(file)
    if as_json:
        typer.echo(file.read_text(encoding="utf-8"), nl=False)
        return
    table = plain_table("kind", "package", "version", "licence", title=f"{len(packages)} packages of {role}")
    for package in packages:
        table.add_row(package.kind, package.name, package.version, package.licence)
    console.print(table)


@app.command("faults")
def images_faults(
    advisories: Annotated[
        Path, typer.Option(help="A folder of advisories in OSV's JSON format, as fresh as you fetched them.")
    ],
) -> None:
    """Packages with known faults, by advisories that you hand in. Ends with 1 if there are any."""
    from sandbox.isolation.advisories import faults, read_advisories
    from sandbox.isolation.image_list import listed_images
    from sandbox.isolation.packages import packages_file, read_packages

    file = Settings.from_environment().images_file
    known = tuple(read_advisories(advisories))
    found = [
        (image.role, fault)
        for image in listed_images(file)
        if image.packages
        for fault in faults(read_packages(packages_file(file, image.role)), known)
    ]
    console.print(f"{len(known)} advisories read; {len(found)} faults.")
    if found:
        table = plain_table("image", "package", "version", "advisory", "mended in", "")
        for role, fault in found:
            names = ", ".join((fault.advisory, *fault.aliases))
            package = fault.package
            table.add_row(role, package.name, package.version, names, fault.fixed_in or "–", fault.summary)
        console.print(table)
    raise typer.Exit(1 if found else 0)
