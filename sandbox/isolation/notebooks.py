"""Ending open notebooks, from outside of the hub, and asking the hub which it knows.

The portal's own token may stop servers and nothing else, the launcher's may list them and nothing else (see
``hub_config.configure``). Whoever calls has withdrawn the right to the data before: a notebook that is not stopped here
ends at the launcher's next look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import httpx

from sandbox.domain.access import Grant
from sandbox.domain.errors import OperatorError
from sandbox.isolation.launcher_client import LauncherClient, Refused

_log = logging.getLogger(__name__)
_PAGE = 100  # people at a time
_GONE = frozenset({202, 204, 404})  # being stopped, stopped, never started


class Notebooks(Protocol):
    """What ends a notebook."""

    def stop(self, grant: Grant) -> bool:
        """End the grant's notebook; True when it does not go on running. Does not raise."""
        ...


class HubNotebooks:
    """JupyterHub's interface.

    Args:
        hub_url: the hub as this machine's own processes reach it; no slash at the end.
        token: gives the portal's own token.
        timeout_s: how long to wait for the hub.
    """

    def __init__(self, hub_url: str, token: Callable[[], str], *, timeout_s: float = 5.0) -> None:
        self._hub_url, self._token, self._timeout_s = hub_url, token, timeout_s

    def stop(self, grant: Grant) -> bool:
        url = f"{self._hub_url}/hub/api/users/{grant.person}/servers/{grant.server_name}"
        try:
            answer = httpx.delete(
                url,
                headers={"Authorization": f"token {self._token()}"},
                timeout=self._timeout_s,
                trust_env=False,
            )
        except httpx.HTTPError as failure:
            _log.warning("the notebook of grant %d was not stopped: %s", grant.id, type(failure).__name__)
            return False
        if answer.status_code not in _GONE:
            _log.warning("the notebook of grant %d was not stopped: HTTP %d", grant.id, answer.status_code)
        return answer.status_code in _GONE


@dataclass(frozen=True, slots=True)
class LauncherNotebooks:
    """Ends a notebook whether the hub is there or not; then tells the hub, so that its page says the same."""

    launcher: LauncherClient
    hub: Notebooks

    def stop(self, grant: Grant) -> bool:
        try:
            self.launcher.stop(grant.person, grant.server_name, reason="its right to the data ended")
        except (OperatorError, Refused) as failure:
            _log.warning("the launcher did not stop the notebook of grant %d: %s", grant.id, failure.message)
            return self.hub.stop(grant)
        self.hub.stop(grant)
        return True


class HubServers:
    """Which servers the hub knows, starting ones too.

    Args:
        hub_url: the hub as this machine's own processes reach it; no slash at the end.
        token: gives the launcher's own token.
    """

    def __init__(self, hub_url: str, token: Callable[[], str], *, timeout_s: float = 10.0) -> None:
        self._hub_url, self._token, self._timeout_s = hub_url, token, timeout_s

    def __call__(self) -> frozenset[tuple[str, str]] | None:
        """(person, server) of each; None when the hub does not say."""
        found: set[tuple[str, str]] = set()
        try:
            with httpx.Client(
                headers={"Authorization": f"token {self._token()}"}, timeout=self._timeout_s, trust_env=False
            ) as client:
                for offset in count(step=_PAGE):
                    page = client.get(
                        f"{self._hub_url}/hub/api/users",
                        params={"state": "active", "offset": offset, "limit": _PAGE},
                    )
                    page.raise_for_status()
                    people = page.json()
                    found |= {(person["name"], server) for person in people for server in person["servers"]}
                    if len(people) < _PAGE:
                        break
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        return frozenset(found)


class StopNotebooks:
    """Ends many at once, and waits no longer than it has to.

    Args:
        at_once: how many are asked for at a time.
        wait_s: the longest that a caller is held up. What takes longer goes on.
    """

    def __init__(self, notebooks: Notebooks, *, at_once: int = 16, wait_s: float = 1.0) -> None:
        self._notebooks, self._wait_s = notebooks, wait_s
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="stop-notebooks")

    def __call__(self, grants: Sequence[Grant]) -> tuple[int, ...]:
        """Returns: the numbers of the grants whose notebooks are known to be over."""
        asked = {self._workers.submit(self._notebooks.stop, grant): grant.id for grant in grants}
        done = wait(asked, timeout=self._wait_s).done
        return tuple(
            sorted(asked[future] for future in done if future.exception() is None and future.result())
        )
