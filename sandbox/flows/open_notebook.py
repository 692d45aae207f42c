"""A grant becomes a locked container. The launcher asks here, at every start and at every look, whether it may."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotFound
from sandbox.domain.people import Person
from sandbox.domain.permission import Action, permitting
from sandbox.domain.policy import Mode
from sandbox.domain.site_policy import NotebookLimits, RoomLimits
from sandbox.flows.extracts import Extracts
from sandbox.flows.permission import Permission
from sandbox.isolation.profile import Shown
from sandbox.store import Store

_SERVER = re.compile(r"grant-([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the launcher may start."""

    grant: Grant
    limits: NotebookLimits
    room: RoomLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenNotebook:
    """The journey's parts.

    Args:
        imports: the folder of what was let in for a grant's project.
    """

    store: Store
    limits: NotebookLimits
    room: RoomLimits
    permission: Permission
    check_enrolled: Callable[[Person], None]
    extracts: Extracts
    imports: Callable[[Grant], Path | None] = lambda grant: None

    def allowed(self, user_name: str, server_name: str) -> Opening:
        """Raise unless this person may start this server now.

        Raises:
            NotFound: the server's name is no grant of this person.
            NotAllowed: the agreement's no; or a second factor that the person's role needs is missing.
        """
        person, grant = self._holder(user_name, server_name)
        self.check_enrolled(person)
        self.permission(person, grant, Action.OPEN_NOTEBOOK)
        return Opening(grant=grant, limits=self.limits, room=self.room)

    def goes_on(self, user_name: str, server_name: str) -> Opening:
        """Raise unless this person may go on using this server: as ``allowed``, and with the rows that lie in it.

        Raises:
            NotAllowed: a column that it was shown is suspended now, or its rows are gone.
        """
        opening = self.allowed(user_name, server_name)
        grant = opening.grant
        if grant.mode is Mode.ROOM:
            self._may_see(grant, self.extracts.holds(_target(grant)))
        return opening

    def shown(self, opening: Opening) -> Shown:
        """Prepare what its container may read: rows in mode room, and what was let in for the project.

        Raises:
            NotAllowed: no column is open, or the agreement's no.
            OperatorError: the engine does not give the rows.
        """
        grant = opening.grant
        imports = self.imports(grant)
        if grant.mode is not Mode.ROOM:
            return Shown(imports=imports)
        columns = self.extracts.columns_open(grant)
        self._may_see(grant, columns)
        self.hidden(grant)
        return Shown(data=self.extracts.make(grant, target=_target(grant), tables=columns), imports=imports)

    def hidden(self, grant: Grant) -> None:
        """Take the rows of its container away; nothing happens when there are none."""
        self.extracts.remove(_target(grant))

    def swept(self, servers: Collection[str]) -> None:
        """Take away the rows of all containers but of these servers."""
        self.extracts.sweep("grant-", servers)

    def _may_see(self, grant: Grant, columns: Mapping[str, frozenset[str]]) -> None:
        person = self.store.people.get(grant.person)
        self.permission(person, grant, Action.SHOW_ROWS, columns=columns or None)

    def _holder(self, user_name: str, server_name: str) -> tuple[Person, Grant]:
        match = _SERVER.fullmatch(server_name)
        grant = self.store.grants.get(int(match.group(1))) if match else None
        if grant is None or grant.person != user_name:
            raise NotFound(
                "Notebooks are opened from a grant.",
                fix="Choose 'Open notebook' beside the grant on the portal.",
            )
        person = self.store.people.get(user_name)
        if person is None:
            raise NotFound(f"There is no person {user_name!r}.")
        return person, grant

    def opened(self, grant: Grant, *, container: str, image: str, runtime: str) -> None:
        """Put the start on the log, with the clause that permits it.

        Args:
            image: its digest, as the container engine says what it started.
            runtime: what it was started with.
        """
        self.store.log.record(
            Event(
                grant.person,
                "notebook.opened",
                f"grant:{grant.id}",
                {
                    "container": container[:12],
                    "image": image,
                    "runtime": runtime,
                    "clause": permitting(Action.OPEN_NOTEBOOK),
                    "agreement_sha256": grant.agreement_hash,
                },
            )
        )

    def closed(self, grant: Grant, *, reason: str) -> None:
        """Put the end on the log."""
        self.store.log.record(Event(grant.person, "notebook.closed", f"grant:{grant.id}", {"reason": reason}))


def _target(grant: Grant) -> str:
    """The name of its extract."""
    return grant.server_name
