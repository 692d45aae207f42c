"""Opening and stopping notebooks in their person's own name.

The portal's own token starts nothing (see ``hub_config.configure``). The token of a person's session may start, stop
and look at that person's servers: so the portal opens a notebook only while its person is there, and nobody else's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from sandbox.domain.access import Grant
from sandbox.domain.errors import CallerError, Conflict, NotAllowed, OperatorError
from sandbox.domain.notebook_start import NotebookState

_UNDER_WAY = frozenset({201, 202})
_NOT_THIS_SESSION = ("Action is not authorized", "Missing or invalid credentials")  # JupyterHub's own words
_PENDING = {"spawn": NotebookState.STARTING, "stop": NotebookState.STOPPING}


@dataclass(frozen=True, slots=True)
class Seen:
    """How a notebook is.

    Attributes:
        trouble: why its last start failed, in the hub's words; empty where it did not.
    """

    state: NotebookState
    trouble: str = ""


class OwnNotebooks(Protocol):
    """A hub, asked in a person's name.

    Each raises NotAllowed where their session may not, and OperatorError where the hub does not answer.
    """

    def start(self, token: str, grant: Grant) -> None: ...
    def stop(self, token: str, grant: Grant) -> None: ...
    def look(self, token: str, grant: Grant) -> Seen: ...


class HubOwnNotebooks:
    """JupyterHub's interface.

    Args:
        hub_url: the hub as this machine's own processes reach it; no slash at the end.
        wait_s: how long to wait for a start. It goes on when nobody waits.
    """

    def __init__(self, hub_url: str, *, wait_s: float = 1.5, timeout_s: float = 5.0) -> None:
        self._hub_url, self._wait_s, self._timeout_s = hub_url, wait_s, timeout_s

    def start(self, token: str, grant: Grant) -> None:
        """Ask for it.

        Raises:
            Conflict: it is being stopped, or runs.
            CallerError: the hub's, or the launcher's, no.
        """
        try:
            answer = self._ask("POST", token, grant, timeout=self._wait_s)
        except httpx.ReadTimeout:
            return  # the hub is at it: whoever wants to know how far looks
        if answer.status_code not in _UNDER_WAY:
            said = _message(answer)
            error = Conflict if answer.status_code == 400 else CallerError
            raise error(said or "The notebook was not started.", fix="Look again in a moment.")

    def stop(self, token: str, grant: Grant) -> None:
        """End it; nothing happens when it does not run."""
        try:
            answer = self._ask("DELETE", token, grant)
        except httpx.ReadTimeout:
            return
        if answer.status_code not in (202, 204, 404):
            raise Conflict(_message(answer) or "The notebook was not stopped.", fix="Try again in a moment.")

    def look(self, token: str, grant: Grant) -> Seen:
        """How it is now."""
        try:
            answer = self._ask("GET", token, grant)
            if answer.status_code == 404:
                return Seen(NotebookState.STOPPED)
            model = answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as failure:
            raise _away(failure) from failure
        if model.get("pending"):
            return Seen(_PENDING.get(model["pending"], NotebookState.STARTING))
        if model.get("ready"):
            return Seen(NotebookState.READY)
        return Seen(NotebookState.STOPPED, trouble=self._trouble(token, grant))

    def _trouble(self, token: str, grant: Grant) -> str:
        """Why its last start failed; the hub says so at the address of its progress."""
        try:
            answer = self._ask("GET", token, grant, more="/progress")
        except httpx.HTTPError:
            return ""
        for line in answer.text.splitlines():
            if line.startswith("data:"):
                try:
                    event = json.loads(line.removeprefix("data:"))
                except ValueError:
                    continue
                if event.get("failed"):
                    return str(event.get("message", "")).removeprefix("Spawn failed: ")[:500]
        return ""

    def _ask(
        self, method: str, token: str, grant: Grant, *, more: str = "", timeout: float = 0
    ) -> httpx.Response:
        """Names come from the grant, never from a request."""
        url = f"{self._hub_url}/hub/api/users/{grant.person}/servers/{grant.server_name}{more}"
        try:
            answer = httpx.request(
                method,
                url,
                headers={"Authorization": f"token {token}"},
                timeout=timeout or self._timeout_s,
                trust_env=False,
            )
        except httpx.ReadTimeout:
            raise
        except httpx.HTTPError as failure:
            raise _away(failure) from failure
        if answer.status_code in (401, 403) and _message(answer).startswith(_NOT_THIS_SESSION):
            raise NotAllowed(
                "This sign-in cannot open notebooks.",
                clause="session",
                fix="Sign out and in again: sign-ins of before the last update cannot.",
            )
        return answer


def _message(answer: httpx.Response) -> str:
    try:
        found: Any = answer.json()
    except ValueError:
        return ""
    return str(found.get("message") or "")[:500] if isinstance(found, dict) else ""


def _away(failure: Exception) -> OperatorError:
    return OperatorError(
        f"The hub does not answer ({type(failure).__name__}).",
        fix="Try again in a minute; if it stays, tell the operator.",
    )
