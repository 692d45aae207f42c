"""The commands. Each translates; the journeys are in ``flows``.

The parts of the system are imported where they are used: a command that verifies a file starts without a database.
"""

from __future__ import annotations

from typing import Annotated

import typer

from sandbox.cli import (
    access,
    data_keys,
    datasets,
    deploy,
    images,
    imports,
    jobs,
    log_proofs,
    notices,
    objections,
    people,
    policies,
    preparing,
    records,
    review,
    serve,
    society,
    suspensions,
    training,
)
from sandbox.cli import ask as ask_commands
from sandbox.cli.common import console
from sandbox.cli.policy_words import print_notes
from sandbox.settings import Settings
from sandbox.terminal import plain_table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Secure Data Sandbox: set up, run and look after an installation, and ask from a terminal.",
    pretty_exceptions_enable=False,
)
for name, child in (
    ("user", people.app),
    ("training", training.app),
    ("dataset", datasets.app),
    ("base", datasets.base_app),
    ("keys", data_keys.app),
    ("imports", imports.app),
    ("objection", objections.app),
    ("policy", policies.app),
    ("jobs", jobs.app),
    ("notices", notices.app),
    ("release", records.release_app),
    ("review", review.app),
    ("audit", records.audit_app),
    ("images", images.app),
    ("access", access.app),
    ("register", society.register_app),
    ("demand", society.demand_app),
    ("deploy", deploy.app),
):
    app.add_typer(child, name=name)
for name, command in (
    ("head", log_proofs.audit_head),
    ("prove", log_proofs.audit_prove),
    ("consistent", log_proofs.audit_consistent),
    ("export", log_proofs.audit_export),
    ("check", log_proofs.audit_check),
):
    records.audit_app.command(name)(command)
datasets.app.command("suspend")(suspensions.dataset_suspend)
datasets.app.command("resume")(suspensions.dataset_resume)
datasets.app.command("destroy")(data_keys.dataset_destroy)
datasets.app.command("verify-destruction")(data_keys.dataset_verify_destruction)


app.command(hidden=True)(preparing.prepare)


# running


@app.command()
def up() -> None:
    """Start everything and leave it running."""
    from sandbox.demo.people import ensure_demo_people
    from sandbox.wiring import build

    settings = Settings.from_environment()
    bring_up(settings)
    sandbox = build(settings)
    passwords = ensure_demo_people(sandbox)
    console.print(f"\nRunning at [bold]{settings.portal_url}/[/]\n", highlight=False)
    table = plain_table("account", "password", "roles", title="Demo accounts")
    for person in sandbox.store.people.all():
        if person.name in passwords:
            table.add_row(person.name, passwords[person.name], ", ".join(sorted(person.roles)))
    console.print(table)
    site = sandbox.policy_views.site(settings.policies / "site.yaml")
    if not site.good:
        print_notes(console, [site])
    if not sandbox.store.datasets.all():
        console.print("No dataset is published yet: 'sandbox demo' publishes four and takes you round.")
    console.print("Stop it with [bold]make down[/] (or [bold]sandbox down[/]).")


@app.command()
def down() -> None:
    """Stop everything that 'up' started."""
    from sandbox.cli import processes

    stopped = processes.stop(Settings.from_environment())
    console.print("Stopped." if stopped else "Nothing was running.")


@app.command()
def demo(
    keep: Annotated[bool, typer.Option(help="Leave the system running afterwards.")] = False,
) -> None:
    """Take the tour: the main job, end to end, on real data."""
    from sandbox.cli import processes
    from sandbox.demo.tour import take_tour

    settings = Settings.from_environment()
    was_running = processes.running(settings)
    bring_up(settings)
    try:
        take_tour(settings, console=console)
    finally:
        if not keep and not was_running:
            processes.stop(settings)


@app.command()
def doctor(
    attack: Annotated[bool, typer.Option(help="Attack this installation, and say what was refused.")] = False,
    notebook: Annotated[
        str, typer.Option(help="With --attack: also from this open notebook, PERSON/SERVER.")
    ] = "",
    fresh: Annotated[
        bool, typer.Option(help="With --attack: also from a notebook of a second installation, made for it.")
    ] = False,
    report: Annotated[bool, typer.Option(help="Show what the last attack found.")] = False,
) -> None:
    """Say what this machine has, what is missing, and what to do. Ends with 1 when something is missing or open."""
    from sandbox.cli import attacks
    from sandbox.cli.doctor import examine

    settings = Settings.from_environment()
    if report:
        raise typer.Exit(0 if attacks.show_last(settings, console) else 1)
    if attack:
        raise typer.Exit(0 if attacks.attack(settings, console, notebook=notebook, fresh=fresh) else 1)
    findings = list(examine(settings))
    healthy = all(finding.good for finding in findings)
    table = plain_table("check", "state", "" if healthy else "what to do")
    for finding in findings:
        table.add_row(
            finding.name,
            ("[green]ok[/]  " if finding.good else "[red]missing[/]  ") + finding.state,
            finding.fix,
        )
    console.print(table)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def status() -> None:
    """Which processes answer. Ends with 1 when one does not."""
    from sandbox.cli import processes

    found = processes.status(Settings.from_environment())
    for name, answers in found.items():
        console.print(f"{name:8} {'[green]answers[/]' if answers else '[red]down[/]'}")
    raise typer.Exit(0 if all(found.values()) else 1)


def bring_up(settings: Settings) -> None:
    """Start the processes and wait for them, showing progress."""
    from sandbox.cli import processes
    from sandbox.isolation.container import Images

    already = processes.running(settings)
    if not already:
        Images.read(settings.images_file)  # otherwise the launcher and the engine would end, and end again
    processes.start(settings)
    with console.status("Starting …") as spinner:
        waiting = set(processes.NAMES)
        for ready in processes.wait_ready(settings):
            waiting.discard(ready.name)
            spinner.update("Waiting for " + ", ".join(n for n in processes.NAMES if n in waiting))
            if not already:
                console.print(
                    f"  [green]✓[/] {ready.name:8} ready after {ready.waited_s:.1f} s", highlight=False
                )


app.command("serve", hidden=True)(serve.serve)

# asking: a person's own commands, everything else is the operator's

app.command("login")(ask_commands.login)
app.command("estimate")(ask_commands.estimate)
app.command("ask")(ask_commands.ask)
app.command("verify-answer")(records.verify_answer)
