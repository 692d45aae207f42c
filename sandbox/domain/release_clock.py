"""How long requests wait for their reviewers: when a decision is due, and what decided ones took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from sandbox.domain.deadlines import working_days_after
from sandbox.domain.release_states import Verb

_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn that reviewers decided."""

    release: int
    turn: int
    waiting_since: str  # ISO 8601, UTC
    decided_at: str
    decision: Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How a waiting request stands against its deadline."""

    since: date
    due: date  # the last day in time
    overdue_days: int  # working days beyond; 0: in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnaround:
    """What decided turns took, in working days.

    Attributes:
        median_days, slow_days: half, and nine of ten, took no longer; None where nothing was decided yet.
        in_time_percent: decided on the day that it was due, or before.
        decisions: how many turns ended how.
    """

    decided: int
    median_days: int | None
    slow_days: int | None
    in_time_percent: int | None
    decisions: dict[str, int]


def clock(waiting_since: str, *, today: date, days: int) -> Clock:
    """How a request stands.

    Args:
        waiting_since: when it came to the reviewers, or back to them after a hold; ISO 8601, UTC.
        days: working days that they have.

    >>> clock("2026-11-26T09:00:00+00:00", today=date(2026, 12, 4), days=5)  # a Thursday; a Friday
    Clock(since=datetime.date(2026, 11, 26), due=datetime.date(2026, 12, 3), overdue_days=1)
    """
    since = datetime.fromisoformat(waiting_since).date()
    due = working_days_after(since, days)
    return Clock(since=since, due=due, overdue_days=working_days_between(due, today))


def working_days_between(start: date, end: date) -> int:
    """Working days after ``start``, up to and with ``end``; 0 where it is not later.

    >>> working_days_between(date(2026, 11, 27), date(2026, 11, 30))  # over a weekend
    1
    """
    whole, rest = divmod(max((end - start).days, 0), 7)
    return whole * 5 + sum((start + timedelta(days=n + 1)).weekday() < _SATURDAY for n in range(rest))


def turnaround(turns: Sequence[Turn], *, days: int) -> Turnaround:
    """Figures over decided turns.

    Args:
        days: working days that reviewers have.
    """
    took = sorted(_took(turn) for turn in turns if turn.waiting_since)
    counts = {str(verb): sum(t.decision is verb for t in turns) for verb in _DECIDING}

    def within(share: float) -> int | None:
        return took[ceil(share * len(took)) - 1] if took else None

    return Turnaround(
        decided=len(turns),
        median_days=within(0.5),
        slow_days=within(0.9),
        in_time_percent=100 * sum(t <= days for t in took) // len(took) if took else None,
        decisions=counts,
    )


_DECIDING = (Verb.APPROVE, Verb.RETURN, Verb.REJECT)


def _took(turn: Turn) -> int:
    since, decided = (datetime.fromisoformat(at).date() for at in (turn.waiting_since, turn.decided_at))
    return working_days_between(since, decided)
