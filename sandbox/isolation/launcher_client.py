"""Ask the launcher from another process of the same user."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.domain.errors import OperatorError, SandboxError
from sandbox.domain.notebook_start import Stage
from sandbox.isolation.launcher import State

START_TIMEOUT_S = 120  # rows may have to be prepared first
_TIMEOUT_S = 30
_GLANCE_S = 2


class Refused(SandboxError):
    """The launcher's no.

    Args:
        code, status: as the error that it stands for has them.
    """

    def __init__(self, message: str, *, code: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass(frozen=True, slots=True)
class LauncherClient:
    """Its verbs; each may take seconds.

    Args:
        path: of the socket that it listens on.
    """

    path: Path

    def start(self, person: str, server: str, environment: Mapping[str, str]) -> None:
        """Start a grant's notebook.

        Raises:
            Refused: it may not be started, or could not.
            OperatorError: the launcher does not answer.
        """
        self._ask("PUT", person, server, json={"environment": dict(environment)}, timeout=START_TIMEOUT_S)

    def look(self, person: str, server: str) -> State:
        """How it is; one that should end ends."""
        found = self._ask("GET", person, server)
        return State(running=found["running"], reason=found["reason"], idle_minutes=found["idle_minutes"])

    def stage(self, person: str, server: str) -> Stage:
        """How far its start is; waiting where the launcher does not say."""
        try:
            return Stage(self._ask("GET", person, f"{server}/stage", timeout=_GLANCE_S)["stage"])
        except (OperatorError, Refused, KeyError, ValueError):
            return Stage.WAITING

    def stop(self, person: str, server: str, *, reason: str) -> None:
        """End it, if it runs."""
        self._ask("DELETE", person, server, params={"reason": reason})

    def health(self) -> bool:
        """Whether it answers."""
        try:
            with self.open(2) as client:
                return client.get("/health").status_code == 200
        except (httpx.HTTPError, OSError):
            return False

    def _ask(self, method: str, person: str, server: str, *, timeout: float = _TIMEOUT_S, **more: Any) -> Any:
        try:
            with self.open(timeout) as client:
                answer = client.request(method, f"/notebooks/{person}/{server}", **more)
                found = answer.json()
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise OperatorError(
                f"The launcher does not answer ({type(error).__name__}).",
                fix="Start it: sandbox up. See 'sandbox doctor'.",
            ) from error
        if answer.status_code != 200:
            raise Refused(
                found.get("message", ""), code=found.get("code", "refused"), status=answer.status_code
            )
        return found

    @contextmanager
    def open(self, timeout: float | httpx.Timeout) -> Iterator[httpx.Client]:
        """A client whose addresses are the launcher's.

        Raises:
            OSError: nobody listens.
        """
        folder = os.open(self.path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Through the descriptor: a socket's address has to be shorter than 108 bytes.
            address = f"/proc/self/fd/{folder}/{self.path.name}"
            with socket.socket(socket.AF_UNIX) as knocking:  # httpx leaves its own open when it is refused
                knocking.connect(address)
            transport = httpx.HTTPTransport(uds=address)
            with httpx.Client(transport=transport, base_url="http://launcher", timeout=timeout) as client:
                yield client
        finally:
            os.close(folder)
