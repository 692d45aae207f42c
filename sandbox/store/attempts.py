"""Wrong tries at signing in, by name: counted, and answered with a lock that grows.

Counted for unknown names too: a counter that only real names have would tell which names are real.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from sandbox.domain.errors import NotSignedIn
from sandbox.store.database import stamp
from sandbox.store.schema import failed_logins

FREE_FAILURES = 4  # wrong tries in a row that lock nothing
FIRST_LOCK_S, LONGEST_LOCK_S = 60, 15 * 60
FORGET_S = 24 * 3600  # failures older than this count no more


def lock_s(failures: int) -> int:
    """How long a name is locked after so many failures in a row, in seconds."""
    if failures <= FREE_FAILURES:
        return 0
    return int(min(LONGEST_LOCK_S, FIRST_LOCK_S * 2 ** min(failures - FREE_FAILURES - 1, 10)))


class Attempts:
    """The counters, within the transaction of who asks."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def refuse_locked(self, connection: Connection, name: str) -> None:
        """Raise while the name is locked."""
        now = self._now()
        row = connection.execute(select(failed_logins).where(failed_logins.c.name == name)).first()
        if row is not None and row.locked_until > stamp(now):
            seconds = (datetime.fromisoformat(row.locked_until) - now).total_seconds()
            raise NotSignedIn(
                "Too many wrong tries.",
                fix=f"Wait {int(seconds // 60) + 1} minutes, or ask an administrator.",
            )

    def count(self, connection: Connection, name: str) -> None:
        """One more failure; it may lock the name."""
        now = self._now()
        old = failed_logins.c.last_at < stamp(now - timedelta(seconds=FORGET_S))
        connection.execute(delete(failed_logins).where(old))
        row = connection.execute(select(failed_logins).where(failed_logins.c.name == name)).first()
        failures = (row.failures if row is not None else 0) + 1
        values = {
            "failures": failures,
            "locked_until": stamp(now + timedelta(seconds=lock_s(failures))),
            "last_at": stamp(now),
        }
        if row is None:
            connection.execute(insert(failed_logins).values(name=name, **values))
        else:
            connection.execute(update(failed_logins).where(failed_logins.c.name == name).values(**values))

    def forget(self, connection: Connection, name: str) -> None:
        """Start anew, after a success or by an administrator."""
        connection.execute(delete(failed_logins).where(failed_logins.c.name == name))
