"""A person opens a notebook of theirs, sees how far it is, goes there, stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotFound
from sandbox.domain.notebook_start import NotebookState, Stage
from sandbox.domain.origins import notebook_host
from sandbox.domain.people import Person
from sandbox.flows.access_views import AccessViews
from sandbox.flows.grant_views import GrantView
from sandbox.flows.open_notebook import OpenNotebook
from sandbox.isolation.own_notebooks import OwnNotebooks

_S = NotebookState


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookView:
    """A notebook for its person.

    Attributes:
        stage: how far its start is; None where it does not start, or nobody says.
        trouble: why its last start failed; empty where it did not.
        address: where it is, once it is ready.
    """

    view: GrantView
    state: NotebookState
    stage: Stage | None
    trouble: str
    address: str
    idle_minutes: int

    @property
    def grant(self) -> Grant:
        return self.view.grant

    @property
    def moves(self) -> bool:
        """It is on its way to another state."""
        return self.state in (_S.STARTING, _S.STOPPING)

    @property
    def allowed_actions(self) -> list[str]:
        match self.state:
            case _S.STOPPED:
                return ["open"] if self.view.holds else []
            case _S.READY:
                return ["go", "stop"]
            case _S.STARTING | _S.STOPPING:
                return []


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowNotebook:
    """The journey's parts.

    Args:
        stage: (person, server) → how far a start is; None where the hub itself starts notebooks.
    """

    opening: OpenNotebook
    access_views: AccessViews
    hub: OwnNotebooks
    stage: Callable[[str, str], Stage] | None
    site_url: str

    def look(self, person: Person, server: str, *, token: str) -> NotebookView:
        """How it is.

        Args:
            token: of the person's own session with the hub.

        Raises:
            NotFound: no grant of this person's has such a notebook.
            NotAllowed: the session may not look at notebooks.
            OperatorError: the hub does not answer.
        """
        view = self._view(person, server)
        seen = self.hub.look(token, view.grant)
        starting = seen.state is _S.STARTING
        return NotebookView(
            view=view,
            state=seen.state,
            stage=self.stage(person.name, server) if starting and self.stage is not None else None,
            trouble=seen.trouble,
            address=self._address(view.grant) if seen.state is _S.READY else "",
            idle_minutes=self.opening.limits.idle_minutes,
        )

    def open(self, person: Person, server: str, *, token: str) -> None:
        """Have it started; nothing happens where it runs or starts already.

        Raises:
            NotAllowed: the agreement's no, with its clause; or the session's.
        """
        grant = self._view(person, server).grant
        self.opening.allowed(person.name, server)
        if self.hub.look(token, grant).state is _S.STOPPED:
            self.hub.start(token, grant)

    def stop(self, person: Person, server: str, *, token: str) -> None:
        """End it. That needs no right to the data."""
        self.hub.stop(token, self._view(person, server).grant)

    def _view(self, person: Person, server: str) -> GrantView:
        number = server.removeprefix("grant-")
        if not server.startswith("grant-") or not (number.isascii() and number.isdigit()) or len(number) > 9:
            raise NotFound("Notebooks are opened from a grant.", fix="Choose one under 'My data'.")
        view = self.access_views.grant(person, int(number))
        if view.grant.server_name != server:  # written otherwise: 'grant-01'
            raise NotFound("Notebooks are opened from a grant.", fix="Choose one under 'My data'.")
        return view

    def _address(self, grant: Grant) -> str:
        """On the person's own host: see ``sandbox.domain.origins``."""
        scheme = urlsplit(self.site_url).scheme
        return f"{scheme}://{notebook_host(grant.person, self.site_url)}/user/{grant.person}/{grant.server_name}/"
