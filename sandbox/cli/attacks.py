"""``sandbox doctor --attack``: the red team on this installation, and what it found."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sandbox.cli import processes
from sandbox.domain.errors import BadInput, OperatorError
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.isolation.probe import ATTACKS, IN_A_CONTAINER
from sandbox.isolation.probe.report import Control, Report, Verdict
from sandbox.isolation.probe.round import OpenNotebook, Told, attack_all, offered
from sandbox.settings import Settings
from sandbox.terminal import plain_table

ACTOR = "system:doctor"
_PORTS = 5
_MARKS = {
    Verdict.BLOCKED: "✓",
    Verdict.BY_DESIGN: "○",
    Verdict.OPEN: "✗ open",
    Verdict.UNCLEAR: "? unclear",
}
_COLOURS = {
    Verdict.BLOCKED: "green",
    Verdict.BY_DESIGN: "yellow",
    Verdict.OPEN: "bold red",
    Verdict.UNCLEAR: "bold red",
}


def attack(settings: Settings, console: Console, *, notebook: str, fresh: bool) -> bool:
    """Attack, show and keep the report.

    Args:
        notebook: PERSON/SERVER of an open notebook of this installation; empty for none.
        fresh: attack from a notebook of a second installation, which is made for it.

    Returns:
        True when nothing is open and every control was caught.
    """
    if notebook and fresh:
        raise BadInput(
            "Both a notebook and a fresh installation are named.", where="--fresh", fix="Name one."
        )
    from sandbox.wiring import build

    containers, images = Containers.of_this_host(), Images.read(settings.images_file)
    runtimes = offered(containers)
    sandbox = build(settings)
    _announce(console, runtimes, whole=bool(notebook) or fresh)
    with ExitStack() as stack:
        target = None
        if notebook:
            target = _named(containers, settings, notebook)
        elif fresh:
            target = stack.enter_context(_second_installation(settings, console))
        bar = stack.enter_context(_bar(console))
        report = attack_all(
            containers,
            images=images,
            runtimes=runtimes,
            parent=settings.home,
            name=f"sandbox-{settings.hub_port}-attack",
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            notebook=target,
            told=_teller(console, bar),
        )
    show(report, console)
    page = sandbox.record_attacks(report, actor=ACTOR)
    console.print(f"\nKept in {page}; its counts and hash are on the log.", highlight=False, soft_wrap=True)
    sandbox.store.close()
    return report.good


def show_last(settings: Settings, console: Console) -> bool:
    """Show the last report. False when something was open in it."""
    from sandbox.wiring import build

    sandbox = build(settings)
    report = sandbox.record_attacks.last()
    sandbox.store.close()
    show(report, console)
    return report.good


def show(report: Report, console: Console) -> None:
    """What every attack came to, then what is allowed and why, then what has to be looked at."""
    rooms = report.rooms
    subject = ""
    heads = (where.replace(", ", "\n") for where in rooms)
    table = plain_table("attack", *heads, "control", title=f"Attacks of {report.at}")
    for row in report.rows:
        if row.subject != subject:
            subject = row.subject
            table.add_row(f"[bold]{subject}[/]")
        ends = [
            f"[{_COLOURS[row.ends[w].verdict]}]{row.ends[w].verdict}[/]" if w in row.ends else ""
            for w in rooms
        ]
        control = str(row.control) if row.control is not Control.FAILED else f"[bold red]{row.control}[/]"
        table.add_row(escape(row.name), *ends, control)
    console.print(table)
    console.print("  ✓ blocked   ○ allowed by design, the reason is below", highlight=False)
    for name, version in report.versions.items():
        console.print(f"  {name}: {version}", highlight=False, soft_wrap=True)
    for words in report.left_out:
        console.print(f"  left out: {words}", highlight=False, soft_wrap=True)
    for verdict in (Verdict.BY_DESIGN, Verdict.UNCLEAR, Verdict.OPEN):
        _explain(report, verdict, console)
    for row in report.rows:
        if row.control is Control.FAILED:
            console.print(
                f"  [bold red]control failed[/] {escape(f'{row.name}: {row.control_words}')}", highlight=False
            )
    counts = report.counts()
    console.print(
        f"\n{counts['attacks']} attacks: {counts['blocked']} times blocked, {counts['by_design']} allowed by design, "
        f"[bold]{counts['open']} open[/], {counts['unclear']} unclear; controls: {counts['controls_caught']} caught, "
        f"{counts['controls_absent']} not here, {counts['controls_failed']} failed.",
        highlight=False,
    )


def _explain(report: Report, verdict: Verdict, console: Console) -> None:
    told: dict[tuple[str, str], list[str]] = {}
    for row in report.rows:
        for where, end in row.ends.items():
            if end.verdict is verdict:
                told.setdefault((row.name, end.words), []).append(where)
    for (name, words), rooms in told.items():
        line = f"{name} ({'; '.join(rooms)}): {words}"
        console.print(
            f"  [{_COLOURS[verdict]}]{verdict}[/] {escape(line)}",
            highlight=False,
        )


def _announce(console: Console, runtimes: tuple[str, ...], *, whole: bool) -> None:
    attacks = len(ATTACKS) if whole else len(IN_A_CONTAINER)
    console.print(
        f"{attacks} attacks are made in containers of each mode, on {' and '.join(runtimes)}, and first in a weak "
        "container in which they have to succeed.\n"
        "The containers are made for it with your profiles and images, small and at most three at once (below 3 GiB); "
        "nothing in them is real, nothing leaves this machine, and they are removed at the end. It takes about a "
        "minute for each mode.",
        highlight=False,
    )


def _teller(console: Console, bar: Progress) -> Told:
    """Moves the bar; without a terminal, says in one line where the attacks begin."""
    task = bar.add_task("beginning", total=None)
    begun: set[str] = set()

    def told(where: str, name: str, done: int, of: int) -> None:
        bar.update(task, description=f"{where}: {name}", completed=done, total=of)
        if not console.is_terminal and where not in begun:
            begun.add(where)
            console.print(f"  … {where}", highlight=False)

    return told


def _bar(console: Console) -> Progress:
    return Progress(
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        transient=True,
    )


def _named(containers: Containers, settings: Settings, notebook: str) -> OpenNotebook:
    person, _, server = notebook.partition("/")
    name = notebook_container(settings, person, server)
    if not server or not containers.running(name):
        raise BadInput(
            f"{notebook!r} is no open notebook.",
            where="--notebook",
            fix="Open one, and name it as PERSON/SERVER, such as ana/grant-1.",
        )
    return OpenNotebook(name, f"notebook {notebook}")


def notebook_container(settings: Settings, person: str, server: str) -> str:
    """The name of a notebook's container, as the hub gives it."""
    return f"sandbox-{settings.hub_port}-notebook-{person}-{server}"


@contextmanager
def _second_installation(settings: Settings, console: Console) -> Iterator[OpenNotebook]:
    """An installation in a temporary folder with one open notebook, for as long as the block."""
    from sandbox.demo.one_notebook import one_notebook
    from sandbox.wiring import build

    # A short path: the paths of unix sockets have at most 107 bytes.
    home = Path(tempfile.mkdtemp(prefix="sbx-"))
    second = replace(
        settings,
        home=home,
        hub_port=_free_ports(settings.hub_port),
        database_url="",
        bind_host="127.0.0.1",
        public_url="",
        extracts=None,
    )
    try:
        with console.status("A second installation starts, to be attacked …"):
            processes.start(second)
            for _ in processes.wait_ready(second):
                continue
            sandbox = build(second)
        with one_notebook(sandbox) as (person, server):
            yield OpenNotebook(notebook_container(second, person, server), "open notebook")
        sandbox.store.close()
    finally:
        processes.stop(second)
        shutil.rmtree(home, ignore_errors=True)


def _free_ports(after: int) -> int:
    """The first of so many free ports in a row as an installation needs."""
    for first in range(after + 100, 64_000, 10):
        with ExitStack() as probes:
            try:
                for port in range(first, first + _PORTS):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise OperatorError(f"There are no {_PORTS} free ports in a row.", fix="Stop other programs.")
