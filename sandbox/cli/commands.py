"""The commands. Each translates; the journeys are in ``flows``.

The parts of the system are imported where they are used: a command that verifies a file starts without a database.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from sandbox.cli import ask as ask_commands
from sandbox.cli import serve
from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, NotFound, OperatorError
from sandbox.domain.people import Person, Role
from sandbox.settings import Settings
from sandbox.terminal import indented, plain_table

if TYPE_CHECKING:
    from sandbox.wiring import Sandbox

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Secure Data Sandbox: set up, run and look after an installation, and ask from a terminal.",
    pretty_exceptions_enable=False,
)
user_app = typer.Typer(no_args_is_help=True, help="People and their roles.")
dataset_app = typer.Typer(no_args_is_help=True, help="Publish and list datasets.")
base_app = typer.Typer(no_args_is_help=True, help="Base releases: free counts and synthetic rows.")
policy_app = typer.Typer(no_args_is_help=True, help="Check policy files.")
release_app = typer.Typer(no_args_is_help=True, help="Released crates.")
audit_app = typer.Typer(no_args_is_help=True, help="The tamper-evident log.")
for name, child in (
    ("user", user_app),
    ("dataset", dataset_app),
    ("base", base_app),
    ("policy", policy_app),
    ("release", release_app),
    ("audit", audit_app),
):
    app.add_typer(child, name=name)
console = Console()


def system() -> Sandbox:
    """The system as this machine is set up."""
    from sandbox.wiring import build

    return build(Settings.from_environment())


def operator(sandbox: Sandbox) -> Person:
    """The operator at the machine's own terminal: an administrator by access to the files."""
    return Person(name="operator", roles=frozenset({Role.ADMINISTRATOR}))


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
def doctor() -> None:
    """Say what this machine has, what is missing, and what to do."""
    from sandbox.cli.doctor import examine

    findings = list(examine(Settings.from_environment()))
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

    already = processes.running(settings)
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


# people


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="a-z, 0-9 and _, starting with a letter.")],
    role: Annotated[list[Role], typer.Option(help="May be given several times.")],
    password: Annotated[
        str,
        typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for when left out."),
    ],
) -> None:
    """Add a person."""
    sandbox = system()
    person = Person(name=name, roles=frozenset(role))
    sandbox.store.people.add(
        person,
        password=password,
        event=Event("operator", "person.added", f"person:{name}", {"roles": sorted(str(r) for r in role)}),
    )
    console.print(f"Added {name}: {', '.join(sorted(role))}.")


@user_app.command("password")
def user_password(
    name: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Set a person's password anew, and lift a lock after wrong tries."""
    event = Event("operator", "person.password_set", f"person:{name}")
    system().store.people.set_password(name, password, event=event)
    console.print(f"{name} has a new password.")


@user_app.command("roles")
def user_roles(
    name: str, role: Annotated[list[Role], typer.Option(help="May be given several times.")]
) -> None:
    """Replace a person's roles."""
    roles = sorted(str(r) for r in role)
    event = Event("operator", "person.roles_set", f"person:{name}", {"roles": roles})
    system().store.people.set_roles(name, role, event=event)
    console.print(f"{name}: {', '.join(roles)}.")


@user_app.command("list")
def user_list() -> None:
    """List people and roles."""
    table = plain_table("name", "roles")
    for person in system().store.people.all():
        table.add_row(person.name, ", ".join(sorted(person.roles)))
    console.print(table)


# datasets and policies


@dataset_app.command("publish")
def dataset_publish(
    policy: Annotated[Path, typer.Argument(help="The dataset's policy (YAML).")],
    file: Annotated[
        list[str], typer.Argument(help="TABLE=FILE for each table, or FILE when there is one table.")
    ],
    new_profile: Annotated[
        bool, typer.Option(help="Learn anew how much units contribute; it is paid from the budget.")
    ] = False,
) -> None:
    """Publish a dataset, or a new version of it."""
    from sandbox.store.policy_files import read_dataset_policy

    sandbox = system()
    tables = list(read_dataset_policy(policy).tables)
    files = {}
    for item in file:
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
    console.print(
        f"[green]✓[/] {report.dataset} ({report.open_class}), version {report.snapshot[:12]}", highlight=False
    )
    for line in report.lines:
        console.print(
            escape(indented(line, indent="  ", width=console.width)), highlight=False, soft_wrap=True
        )


@dataset_app.command("list")
def dataset_list() -> None:
    """List published datasets."""
    table = plain_table("name", "class", "version", "title")
    for entry in system().views.catalogue():
        table.add_row(
            entry.policy.name, str(entry.policy.open_class), entry.snapshot[:12], entry.policy.title
        )
    console.print(table)


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


@policy_app.command("check")
def policy_check(
    files: Annotated[list[Path], typer.Argument(help="site.yaml, or datasets' policies.")],
) -> None:
    """Check policy files; every mistake is named with file, line, key and allowed values."""
    from sandbox.store.policy_files import read_dataset_policy, read_site_policy

    for file in files:
        (read_site_policy if file.name == "site.yaml" else read_dataset_policy)(file)
        console.print(f"[green]✓[/] {file}", highlight=False)


# releases and the log


@release_app.command("verify")
def release_verify(
    crate: Annotated[Path, typer.Argument(help="The crate (ZIP).")],
    key: Annotated[
        Path | None, typer.Option(help="The platform's public key (PEM); this machine's when left out.")
    ] = None,
) -> None:
    """Check a crate offline: every file's hash and the platform's signature."""
    from sandbox.disclosure.crate import verify_crate
    from sandbox.store.keys import PUBLIC, verify_signature

    if not crate.is_file():
        raise NotFound(f"There is no file {crate}.")
    key = key or Settings.from_environment().keys_dir / PUBLIC
    if not key.is_file():
        raise NotFound(f"There is no key {key}.", fix="Give the platform's public key by --key.")
    report = verify_crate(crate.read_bytes(), verify=partial(verify_signature, key.read_bytes()))
    console.print(
        f"[green]✓[/] The crate is whole and signed by the platform's key ({key.name}).", highlight=False
    )
    for line in report.lines():
        console.print(f"  {line}", highlight=False, soft_wrap=True)  # a hash stays whole, to be copied


@audit_app.command("verify")
def audit_verify() -> None:
    """Walk the whole log, every link and the signed head; then hold every other table and file against it."""
    sandbox = system()
    books = sandbox.verify_books(operator(sandbox))
    console.print(f"[green]✓[/] {books.entries} entries, unbroken, head signed.", highlight=False)
    console.print(
        f"[green]✓[/] As the log says: {books.datasets} datasets, {books.questions} questions, "
        f"{books.grants} grants, {books.releases} releases; {books.files} files with their hashes.",
        highlight=False,
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
    entry = system().store.log.accept_restored(Event("operator", "log.restored", "log", {}))
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
