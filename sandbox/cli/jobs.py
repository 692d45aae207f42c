"""``sandbox jobs``: code that runs beside the rows, for the one who signed in at this terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from sandbox.cli.access.portal import portal
from sandbox.cli.common import console
from sandbox.terminal import plain_table

if TYPE_CHECKING:
    from sandbox.client import Job

app = typer.Typer(no_args_is_help=True, help="Code of yours that runs beside the rows.")

Number = Annotated[int, typer.Argument(help="The job's number.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, as the API says it.")]
Context = Annotated[str, typer.Option(help="What the outputs are and why they may leave; for the reviewers.")]


@app.command()
def send(
    code: Annotated[Path, typer.Argument(help="analysis.py, study.ipynb or analysis.R")],
    output: Annotated[list[str], typer.Option(help="A file that it writes to its outbox; may be repeated.")],
    input: Annotated[list[Path] | None, typer.Option(help="A file beside it; may be repeated.")] = None,
    context: Context = "",
    raw: Annotated[
        bool,
        typer.Option("--raw", help="On raw rows: the same package has to have run on the sample before."),
    ] = False,
    grant: Annotated[
        int | None, typer.Option(help="Which of your grants; needed when several would fit.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end.")] = False,
) -> None:
    """Send code: to the sample, where you see all it prints and writes; with --raw to the raw rows."""
    from sandbox.client.jobs import send_job

    with portal() as line:
        job = send_job(
            line,
            code,
            inputs=input or [],
            outputs=output,
            context=context,
            grant=grant,
            phase="raw" if raw else "sample",
        )
        _end(job.wait(say=_say) if wait else job)


@app.command("list")
def list_jobs(as_json: AsJson = False) -> None:
    """Your jobs, newest first."""
    with portal() as line:
        found: list[dict[str, Any]] = line.get("jobs")
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = plain_table("job", "code", "dataset", "phase", "state", "sent", "request")
    for job in found:
        cells = (job["code"]["name"], job["dataset"], job["phase"], job["state"].replace("_", " "))
        table.add_row(
            str(job["id"]),
            *(escape(c) for c in cells),
            job["sent_at"][:16].replace("T", " "),
            str(job["release"] or ""),
        )
    console.print(table)


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """One job, with what it printed on the sample."""
    with portal() as line:
        job = _one(line, number)
    if as_json:
        typer.echo(json.dumps(job.raw, indent=2))
    else:
        _say(str(job))


@app.command()
def raw(
    number: Number,
    context: Context,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end.")] = False,
) -> None:
    """Send the package of a job that ran on the sample to the raw rows. Its outputs go to the reviewers."""
    with portal() as line:
        job = _one(line, number).on_raw_data(context=context, wait=False)
        _end(job.wait(say=_say) if wait else job)


@app.command()
def fetch(
    number: Number,
    folder: Annotated[Path, typer.Option(help="Where to.")] = Path("."),
) -> None:
    """Save the files that a job wrote on the sample."""
    with portal() as line:
        job = _one(line, number)
        for name in job.files:
            (folder / name).write_bytes(job.read(name))
            _say(f"saved {folder / name}")


@app.command()
def cancel(number: Number) -> None:
    """Take a job back; one that runs is ended."""
    with portal() as line:
        _say(str(_one(line, number).cancel()))


@app.command()
def wait(
    number: Number,
    timeout_s: Annotated[float, typer.Option(help="Wait no longer, in seconds; the job goes on.")] = 3600,
) -> None:
    """Wait for a job's end. Ends with 1 when it ended early or was stopped."""
    with portal() as line:
        _end(_one(line, number).wait(timeout_s=timeout_s, say=_say))


def _one(line: Any, number: int) -> Job:
    from sandbox.client import Job

    return Job(line, line.get(f"jobs/{number}"))


def _end(job: Job) -> None:
    _say(str(job))
    if job.state in ("ended_early", "cancelled"):
        raise typer.Exit(1)


def _say(text: str) -> None:
    console.print(text, highlight=False, markup=False)
