"""A grant becomes a locked container. The hub asks here, at every start, whether it may."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.access import Grant, check_use
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.people import Person
from sandbox.domain.people_policy import Activity
from sandbox.domain.policy import Mode, NotebookLimits
from sandbox.flows.published import published
from sandbox.flows.trained import Trained
from sandbox.store import Store

_SERVER = re.compile(r"grant-([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the spawner may start."""

    grant: Grant
    limits: NotebookLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNotebook:
    """The journey's parts."""

    store: Store
    limits: NotebookLimits
    today: Callable[[], date]
    trained: Trained
    check_enrolled: Callable[[Person], None]

    def allowed(self, user_name: str, server_name: str) -> Opening:
        """Raise unless this person may start this server now.

        Raises:
            NotFound: the server's name is no grant of this person.
            NotAllowed: the grant does not hold, its mode opens no notebook here, or a course or a second factor
                is missing.
        """
        match = _SERVER.fullmatch(server_name)
        grant = self.store.access.grant(int(match.group(1))) if match else None
        if grant is None or grant.person != user_name:
            raise NotFound(
                "Notebooks are opened from a grant.",
                fix="Choose 'Open notebook' beside the grant on the portal.",
            )
        person = self.store.people.get(user_name)
        if person is None:
            raise NotFound(f"There is no person {user_name!r}.")
        self.check_enrolled(person)
        self.trained(person, Activity.NOTEBOOK)
        dataset = published(self.store, grant.dataset)
        check_use(grant, person, dataset=dataset.policy.name, today=self.today())
        if grant.mode is not Mode.QUERY:
            raise NotAllowed(f"Mode {grant.mode} opens no notebook on this installation.", clause="mode")
        return Opening(grant=grant, limits=self.limits)

    def opened(self, grant: Grant, *, container: str) -> None:
        """Put the start on the log."""
        self.store.log.record(
            Event(grant.person, "notebook.opened", f"grant:{grant.id}", {"container": container[:12]})
        )

    def closed(self, grant: Grant, *, reason: str) -> None:
        """Put the end on the log."""
        self.store.log.record(Event(grant.person, "notebook.closed", f"grant:{grant.id}", {"reason": reason}))
