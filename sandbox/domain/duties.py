"""What people owe under an agreement: to say what came of the data, in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any


class DutyState(StrEnum):
    AHEAD = "ahead"
    DUE_SOON = "due soon"  # within REMIND_DAYS
    OVERDUE = "overdue"  # still within the days of grace
    BLOCKING = "blocking"  # uses and new grants are refused until it is done
    DONE = "done"


REMIND_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One report that is owed by the people of an application, once for all of them."""

    application: int
    due: date
    blocks: date  # from this day on it blocks
    state: DutyState


def due_dates(agreement: Mapping[str, Any]) -> tuple[date, ...]:
    """The days on which reports are due, in order: while it runs, if agreed so, and after its end."""
    terms, period = agreement["feedback"], agreement["period"]
    if not terms["days_after_end"]:
        return ()
    starts, ends = date.fromisoformat(period["starts"]), date.fromisoformat(period["ends"])
    found, every = [], terms["every_days"]
    if every > 0:
        day = starts + timedelta(days=every)
        while day <= ends:
            found.append(day)
            day += timedelta(days=every)
    return (*found, ends + timedelta(days=terms["days_after_end"]))


def duties(
    agreement: Mapping[str, Any], *, given: Sequence[date], today: date, ended: date | None = None
) -> tuple[Duty, ...]:
    """All reports of an agreement, each with its state.

    Args:
        given: the due days that a report was given for.
        ended: when it ended before its time: the last report is then due that much earlier.
    """
    days = due_dates(agreement)
    if days and ended is not None:
        last = ended + timedelta(days=agreement["feedback"]["days_after_end"])
        # What was given before the early end is given.
        last = days[-1] if days[-1] in given else min(days[-1], last)
        days = (*(day for day in days[:-1] if day <= ended), last)
    grace = timedelta(days=agreement["feedback"]["grace_days"])
    return tuple(
        Duty(
            application=agreement["application"],
            due=day,
            blocks=day + grace + timedelta(days=1),
            state=_state(day, grace, done=day in given, today=today),
        )
        for day in days
    )


def _state(due: date, grace: timedelta, *, done: bool, today: date) -> DutyState:
    if done:
        return DutyState.DONE
    if today > due + grace:
        return DutyState.BLOCKING
    if today > due:
        return DutyState.OVERDUE
    return DutyState.DUE_SOON if today > due - timedelta(days=REMIND_DAYS) else DutyState.AHEAD


def blocking(found: Sequence[Duty]) -> Duty | None:
    """The first report that blocks."""
    return next((duty for duty in found if duty.state is DutyState.BLOCKING), None)
