"""What happens because time passes: grants that are over are noted down, people are reminded of what they owe.

Nothing that is permitted depends on it: every use is held against the day itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandbox.domain.errors import SandboxError

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class KeepTime:
    """Does its chores now and then, in a thread of its own, until it is closed.

    Args:
        chores: each is called in turn; one that fails holds up no other.
        every_s: how long to wait in between, in seconds.
    """

    chores: Sequence[Callable[[], object]]
    every_s: float = 600.0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="keep-time", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after the chore in hand."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def once(self) -> None:
        """Every chore, once."""
        for chore in self.chores:
            try:
                chore()
            except SandboxError as failure:
                _log.error("a chore failed, and is tried again later: %s", failure.message)
            except Exception as failure:
                _log.error("a chore failed, and is tried again later: %s", type(failure).__name__)

    def _run(self) -> None:
        while not self._ended.is_set():
            self.once()
            self._ended.wait(self.every_s)
