"""What the gate puts on the log: each refusal, and running totals. Never a query, a body or a token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.audit import Fact
from sandbox.isolation.gate_rules import Direction

REFUSALS_A_PERIOD = 50  # beyond it they are only counted: else the log could be flooded from inside


class RecordKind(StrEnum):
    OPENED = "opened"
    CLOSED = "closed"
    REFUSED = "refused"
    TOTALS = "totals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a notebook with raw rows has shown today."""

    rows: int
    bytes: int
    page_bytes: int  # beside results and files


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """One line for the log. Numbers are of the time since the last totals."""

    kind: RecordKind
    person: str  # as in the address: for a server that is not there it is only what somebody wrote
    server: str
    direction: Direction | None = None  # of a refusal
    method: str = ""
    path: str = ""  # without the query, printable, at most 200 characters
    reason: str = ""
    requests: int = 0
    refusals: int = 0
    bytes_entered: int = 0  # into the container
    bytes_left: int = 0  # out of the container, to the screen, the hub or the portal
    shown: Shown | None = None  # where raw rows are inside

    # The same as the log writes it.
    @property
    def actor(self) -> str:
        return "system:gate"

    @property
    def action(self) -> str:
        return f"gate.{self.kind}"

    @property
    def object(self) -> str:
        return f"notebook:{self.person}/{self.server}" if self.person else "gate"

    @property
    def facts(self) -> dict[str, Fact]:
        if self.kind is RecordKind.REFUSED:
            return {
                "direction": str(self.direction),
                "method": self.method,
                "path": self.path,
                "reason": self.reason,
            }
        facts: dict[str, Fact] = {
            "requests": self.requests,
            "refusals": self.refusals,
            "bytes_entered": self.bytes_entered,
            "bytes_left": self.bytes_left,
        }
        if self.shown is not None:
            facts |= {
                "shown_rows": self.shown.rows,
                "shown_bytes": self.shown.bytes,
                "page_bytes": self.shown.page_bytes,
            }
        return facts


Recorder = Callable[[GateRecord], None]


class Tally:
    """Counts for one notebook, between one totals record and the next.

    Args:
        shown: gives what was shown today, where raw rows are inside.
    """

    def __init__(
        self, person: str, server: str, record: Recorder, *, shown: Callable[[], Shown] | None = None
    ) -> None:
        self.person, self.server, self._record, self._shown = person, server, record, shown
        self.requests = self.refusals = self.bytes_entered = self.bytes_left = 0

    def refuse(self, direction: Direction, method: str, path: str, reason: str) -> None:
        self.refusals += 1
        if self.refusals <= REFUSALS_A_PERIOD:
            self._record(
                GateRecord(
                    kind=RecordKind.REFUSED,
                    person=self.person,
                    server=self.server,
                    direction=direction,
                    method=printable(method, 16),
                    path=printable(path, 200),
                    reason=reason,
                )
            )

    def happened(self, kind: RecordKind) -> None:
        """Put an opening, a closing or totals on the log; counting starts anew. Empty totals say nothing."""
        if kind is RecordKind.TOTALS and not (self.requests or self.refusals or self.bytes_left):
            return
        self._record(
            GateRecord(
                kind=kind,
                person=self.person,
                server=self.server,
                requests=self.requests,
                refusals=self.refusals,
                bytes_entered=self.bytes_entered,
                bytes_left=self.bytes_left,
                shown=self._shown() if self._shown else None,
            )
        )
        self.requests = self.refusals = self.bytes_entered = self.bytes_left = 0


def printable(text: str, most: int) -> str:
    """What somebody outside wrote, safe to put on a line."""
    return "".join(c if " " < c < "\x7f" else "?" for c in text.partition("?")[0][:most])
