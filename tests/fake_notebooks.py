"""Notebooks without a hub: those that are open, and those that were ended.

>>> from types import SimpleNamespace
>>> notebooks = FakeNotebooks(open={3})
>>> notebooks.stop(SimpleNamespace(id=3)), notebooks.stop(SimpleNamespace(id=4)), notebooks.open, notebooks.asked
(True, True, set(), [3, 4])
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.domain.access import Grant


@dataclass
class FakeNotebooks:
    """What ``Notebooks`` asks for. ``down`` makes it fail as a hub does that is not there."""

    open: set[int] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)
    down: bool = False

    def stop(self, grant: Grant) -> bool:
        self.asked.append(grant.id)
        if self.down:
            return False
        self.open.discard(grant.id)
        return True
