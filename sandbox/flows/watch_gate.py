"""What the gate saw, put on the log without holding up the gate: its records queue for a thread of their own."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass, field

from sandbox.domain.audit import Event
from sandbox.domain.errors import SandboxError
from sandbox.isolation.gate_record import GateRecord
from sandbox.store import Store

_log = logging.getLogger(__name__)
_WAITING_AT_MOST = 10_000  # beyond it records are counted and dropped: a flood must not eat the memory


@dataclass(slots=True)
class WatchGate:
    """Call it with each record; it returns at once."""

    store: Store
    dropped: int = 0
    _waiting: queue.Queue[GateRecord | None] = field(default_factory=lambda: queue.Queue(_WAITING_AT_MOST))
    _writer: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._writer = threading.Thread(target=self._write, name="gate-log", daemon=True)
        self._writer.start()

    def __call__(self, record: GateRecord) -> None:
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Write what waits, then end."""
        self._waiting.put(None)
        self._writer.join()

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            try:
                self.store.log.record(event_of(record, dropped=self.dropped))
                self.dropped = 0
            except SandboxError as error:
                _log.error("a record of the gate could not be written: %s", error.message)


def event_of(record: GateRecord, *, dropped: int = 0) -> Event:
    """A record of the gate as an event: numbers, and printable text about addresses only."""
    facts = {**record.facts, **({"records_dropped": dropped} if dropped else {})}
    return Event(record.actor, record.action, record.object, facts)
