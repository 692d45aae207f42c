"""Deadlines: counted in days that people work."""

from __future__ import annotations

from datetime import date, timedelta

DECISION_DAYS = 5  # working days to the first decision about an application or an objection
_SATURDAY = 5


def working_days_after(day: date, count: int) -> date:
    """The day that is so many working days (Monday to Friday) later.

    >>> working_days_after(date(2026, 11, 26), 5)  # a Thursday
    datetime.date(2026, 12, 3)
    """
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < _SATURDAY
    return day


def decision_due(handed_in: date) -> date:
    """The last day on which the first decision is in time."""
    return working_days_after(handed_in, DECISION_DAYS)
