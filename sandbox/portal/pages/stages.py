"""A way with stages, as a row of a page: done, under way, stopped, ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of a way, as a person sees it."""

    name: str
    state: str  # done | now | stopped | ahead


def ways(names: Sequence[str], at: int, *, stopped: bool, finished: bool) -> tuple[Stage, ...]:
    """Where something stands on its way; nowhere when it was taken back.

    Args:
        at: the stage that it has reached, from 1; 0: it was taken back.

    >>> [stage.state for stage in ways(("Asked", "Decided", "Done"), 2, stopped=False, finished=False)]
    ['done', 'now', 'ahead']
    """
    if not at:
        return ()

    def state(number: int) -> str:
        if number < at or finished:
            return "done"
        if number > at:
            return "ahead"
        return "stopped" if stopped else "now"

    return tuple(Stage(name=name, state=state(number)) for number, name in enumerate(names, start=1))
