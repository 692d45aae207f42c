"""A grant becomes a locked container. The hub asks here, at every start, whether it may."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotFound
from sandbox.domain.people import Person
from sandbox.domain.permission import Action, permitting
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.flows.permission import Permission
from sandbox.store import Store

_SERVER = re.compile(r"grant-([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the spawner may start."""

    grant: Grant
    limits: NotebookLimits
    room: RoomLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNotebook:
    """The journey's parts."""

    store: Store
    limits: NotebookLimits
    room: RoomLimits
    permission: Permission
    check_enrolled: Callable[[Person], None]

    def allowed(self, user_name: str, server_name: str) -> Opening:
        """Raise unless this person may start this server now.

        Raises:
            NotFound: the server's name is no grant of this person.
            NotAllowed: the agreement's no; or a second factor that the person's role needs is missing.
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
        self.permission(person, grant, Action.OPEN_NOTEBOOK)
        return Opening(grant=grant, limits=self.limits, room=self.room)

    def opened(self, grant: Grant, *, container: str) -> None:
        """Put the start on the log, with the clause that permits it."""
        self.store.log.record(
            Event(
                grant.person,
                "notebook.opened",
                f"grant:{grant.id}",
                {
                    "container": container[:12],
                    "clause": permitting(Action.OPEN_NOTEBOOK),
                    "agreement_sha256": grant.agreement_hash,
                },
            )
        )

    def closed(self, grant: Grant, *, reason: str) -> None:
        """Put the end on the log."""
        self.store.log.record(Event(grant.person, "notebook.closed", f"grant:{grant.id}", {"reason": reason}))
