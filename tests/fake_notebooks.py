"""Notebooks without a hub: those that are open, and those that were ended.

>>> from types import SimpleNamespace
>>> notebooks = FakeNotebooks(open={3})
>>> notebooks.stop(SimpleNamespace(id=3)), notebooks.stop(SimpleNamespace(id=4)), notebooks.open, notebooks.asked
(True, True, set(), [3, 4])
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotAllowed
from sandbox.domain.notebook_start import NotebookState
from sandbox.isolation.own_notebooks import Seen


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


@dataclass
class FakeOwnNotebooks:
    """A hub that knows sessions as ``token-of-NAME``, and starts nothing for anybody else.

    Attributes:
        states: by (person, server); what is not in it is stopped.
        asked: (what, person, server), in order.
        trouble: why the last start failed.
    """

    states: dict[tuple[str, str], NotebookState] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    trouble: str = ""

    def start(self, token: str, grant: Grant) -> None:
        self._did("start", token, grant)
        self.states[grant.person, grant.server_name] = NotebookState.STARTING

    def stop(self, token: str, grant: Grant) -> None:
        self._did("stop", token, grant)
        self.states.pop((grant.person, grant.server_name), None)

    def look(self, token: str, grant: Grant) -> Seen:
        self._check(token, grant)
        state = self.states.get((grant.person, grant.server_name), NotebookState.STOPPED)
        return Seen(state, trouble=self.trouble)

    def ready(self, grant: Grant) -> None:
        """It answers now."""
        self.states[grant.person, grant.server_name] = NotebookState.READY

    def _did(self, what: str, token: str, grant: Grant) -> None:
        self._check(token, grant)
        self.asked.append((what, grant.person, grant.server_name))

    def _check(self, token: str, grant: Grant) -> None:
        if token != f"token-of-{grant.person}":
            raise NotAllowed("This sign-in cannot open notebooks.", clause="session")
