"""``sandbox training``: who took which course, and until when it counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from sandbox.cli.common import console, operator, system
from sandbox.terminal import plain_table

app = typer.Typer(no_args_is_help=True, help="Courses that people took.")


@app.command("add")
def training_add(
    name: str,
    course: Annotated[str, typer.Argument(help="A course of site.yaml.")],
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day on which it counts, YYYY-MM-DD.")
    ],
) -> None:
    """Record a course. The newest record of a course is the one that holds."""
    sandbox = system()
    day: date = until.date()
    sandbox.look_after_people.record_training(operator(sandbox), name, course, until=day)
    console.print(f"{name}: {course} until {day}.", highlight=False)


@app.command("list")
def training_list(
    name: Annotated[str, typer.Argument(help="One person; everybody when left out.")] = "",
) -> None:
    """List who needs or took which course, and how that stands."""
    sandbox = system()
    table = plain_table("person", "course", "needed", "until", "state")
    for view in sandbox.look_after_people.people(operator(sandbox)):
        who = view.account.person.name
        for course in view.training if name in ("", who) else ():
            state = "ends soon" if course.ends_soon else "counts" if course.holds else "missing"
            table.add_row(
                who, course.course, "yes" if course.needed else "no", str(course.until or "never"), state
            )
    console.print(table)


@app.command("due")
def training_due() -> None:
    """List whom to remind: needed courses that end within the policy's remind_days, soonest first."""
    sandbox = system()
    due = sandbox.look_after_people.reminders(operator(sandbox))
    if not due:
        console.print(f"Nobody's course ends within {sandbox.site.training.remind_days} days.")
        return
    table = plain_table("person", "course", "until")
    for reminder in due:
        table.add_row(reminder.person, reminder.course.title, str(reminder.course.until))
    console.print(table)
