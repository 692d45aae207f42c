"""What happens because time passes, happens; and one chore that fails holds up no other."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

from sandbox.domain.application import ApplicationState
from sandbox.domain.errors import OperatorError
from sandbox.flows.keep_time import KeepTime


def test_what_is_over_is_noted_down_and_owed_reports_are_called_for(
    world: Any, clock: list[datetime]
) -> None:
    ends = world.sandbox.end_access
    clock[0] += timedelta(days=60)
    KeepTime([ends.expire, ends.remind]).once()
    assert world.sandbox.store.access.application(1).state is ApplicationState.EXPIRED
    assert {"grant.expired", "duty.reminded"} <= set(world.actions())


def test_a_chore_that_fails_holds_up_no_other() -> None:
    done = threading.Event()

    def fails() -> None:
        raise OperatorError("The database is away.")

    def surprises() -> None:
        raise ZeroDivisionError

    keeper = KeepTime([fails, surprises, done.set], every_s=3600)
    keeper.start()
    assert done.wait(10)
    keeper.close()
