"""``sandbox release`` and ``sandbox audit``: what waits for reviewers, released crates, and the tamper-evident log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sandbox.cli.common import console, operator, platform_key, system
from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, NotFound, OperatorError
from sandbox.settings import Settings
from sandbox.terminal import indented, plain_table

release_app = typer.Typer(no_args_is_help=True, help="Requests to let files out, and released crates.")
audit_app = typer.Typer(no_args_is_help=True, help="The tamper-evident log.")


@release_app.command("verify")
def release_verify(
    crate: Annotated[Path, typer.Argument(help="The crate (ZIP).")],
    key: Annotated[
        Path | None, typer.Option(help="The platform's public key (PEM); this machine's when left out.")
    ] = None,
) -> None:
    """Check a crate offline: every file's hash and the platform's signature."""
    from sandbox.disclosure.crate import verify_crate

    if not crate.is_file():
        raise NotFound(f"There is no file {crate}.")
    report = verify_crate(crate.read_bytes(), verify=platform_key(key))
    name = key.name if key is not None else "this machine's"
    console.print(
        f"[green]✓[/] The crate is whole and signed by the platform's key ({name}).", highlight=False
    )
    for line in report.lines():
        console.print(f"  {line}", highlight=False, soft_wrap=True)  # a hash stays whole, to be copied


def verify_answer(
    file: Annotated[Path, typer.Argument(help="An answer with its receipt (JSON).")],
    key: Annotated[
        Path | None, typer.Option(help="The platform's public key (PEM); this machine's when left out.")
    ] = None,
) -> None:
    """Check a private answer offline: that the platform gave it, to which question, at what price."""
    from sandbox.domain.receipt import check_receipt

    if not file.is_file():
        raise NotFound(f"There is no file {file}.")
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as broken:
        raise BadInput(f"{file.name} is no JSON.", fix="Save it with 'answer.save(path)'.") from broken
    parts = document if isinstance(document, dict) else {}
    receipt = check_receipt(parts.get("answer"), parts.get("receipt"), platform_key(key))
    console.print("[green]✓[/] The platform gave this answer, as it stands here:", highlight=False)
    for line in receipt.lines():
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


@release_app.command("queue")
def release_queue() -> None:
    """List what waits for reviewers, the longest waiting first, with the day when a decision is due."""
    sandbox = system()
    table = plain_table("request", "dataset", "turn", "votes", "may vote", "since", "decision by", "late")
    for waiting in sandbox.review_queue.all(operator(sandbox)):
        release, clock = waiting.release, waiting.clock
        table.add_row(
            str(release.id),
            release.dataset,
            str(release.turn),
            f"{len(release.votes)} of {waiting.votes_needed}",
            str(waiting.reviewers_left),
            clock.since.isoformat(),
            clock.due.isoformat(),
            f"{clock.overdue_days} working days" if clock.overdue_days else "",
        )
    console.print(table)


@release_app.command("turnaround")
def release_turnaround() -> None:
    """Say how long decisions took, in working days, and how they went."""
    sandbox = system()
    table = plain_table("dataset", "decided", "half within", "nine of ten within", "in time", "how")
    for line in sandbox.review_queue.turnaround(operator(sandbox)):
        figures = line.figures
        shown = (figures.median_days, figures.slow_days, figures.in_time_percent)
        half, slow, in_time = ("" if value is None else str(value) for value in shown)
        how = ", ".join(f"{count} {verb}" for verb, count in figures.decisions.items() if count)
        table.add_row(line.dataset, str(figures.decided), half, slow, f"{in_time} %" if in_time else "", how)
    console.print(table)


@audit_app.command("verify")
def audit_verify() -> None:
    """Walk the whole log, every link and the signed head; then hold every other table and file against it.

    The log keeps that it was done, where it can be written.
    """
    sandbox = system()
    books, kept = sandbox.verify_log.though_not_kept(operator(sandbox))
    console.print(f"[green]✓[/] {books.entries} entries, unbroken, head signed.", highlight=False)
    console.print(
        f"[green]✓[/] As the log says: {books.datasets} datasets, {books.questions} questions, "
        f"{books.grants} grants, {books.releases} releases, {books.planted} planted outputs, "
        f"{books.policies} proposed changes of policies; "
        f"{books.files} files with their hashes; {books.heads} kept heads of the log.",
        highlight=False,
    )
    if not kept:
        console.print(
            "The log cannot be written here, and does not keep that it was verified.", highlight=False
        )


@audit_app.command("show")
def audit_show(
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 20,
    action: Annotated[str, typer.Option(help="Only this one, such as question.answered.")] = "",
) -> None:
    """Show the newest entries, in UTC."""
    sandbox = system()
    for entry in reversed(sandbox.views.log(operator(sandbox), limit=limit, action=action).entries):
        event = entry.event
        when = entry.at[:19].replace("T", " ")
        console.print(
            f"{entry.seq:5}  {when}  [bold]{escape(event.action):22}[/]  "
            f"{escape(event.actor)} → {escape(event.object)}",
            highlight=False,
        )
        facts = ", ".join(f"{k}={_short(v)}" for k, v in event.facts.items())
        if facts:
            shown = indented(facts, indent=" " * 7, width=console.width)
            console.print(f"[dim]{escape(shown)}[/]", highlight=False, soft_wrap=True)


@audit_app.command("accept-restored")
def audit_accept_restored(
    yes: Annotated[
        bool, typer.Option("--yes", prompt="Go on from the newest entry that is here?", help="Do not ask.")
    ],
) -> None:
    """Go on with a database that was put back on purpose, or under a new signing key.

    The log then says so for ever, with the entry that was the newest before.
    """
    if not yes:
        raise typer.Exit(1)
    store = system().store
    entry = store.log.accept_restored(Event("operator", "log.restored", "log", {}))
    store.log_tree.begin_anew(entry.seq)
    console.print(f"[green]✓[/] The log goes on at entry {entry.seq}.", highlight=False)


@audit_app.command("key")
def audit_key() -> None:
    """Print the platform's public key, which verifies crates and the log."""
    from sandbox.store.keys import PUBLIC

    pem = Settings.from_environment().keys_dir / PUBLIC
    if not pem.is_file():
        raise OperatorError("This installation has no key yet.", fix="Start it once with 'make up'.")
    typer.echo(pem.read_text())


def _short(value: object) -> str:
    # Some of it was written by people: control characters could rewrite the operator's screen.
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text[:12] + "…" if len(text) > 40 else text
