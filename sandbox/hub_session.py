"""A person's own session with JupyterHub, for the command line and the tour: sign in, token, start a notebook."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from sandbox.domain.errors import NotSignedIn, OperatorError, SandboxError
from sandbox.domain.origins import notebook_host, site_host
from sandbox.settings import PORTAL_PREFIX, Settings

TOKEN_LIFE_S = 8 * 3600


class HubRefused(SandboxError):
    """The hub would not do it, and said why."""

    code = "hub_refused"
    status = 409


def visitor(settings: Settings) -> httpx.Client:
    """Somebody at the public address. Where the processes have hosts of their own, that address is only a name here."""
    if not settings.hosts:
        return httpx.Client(base_url=settings.url, timeout=60, trust_env=False)
    return httpx.Client(
        base_url=settings.proxy_url, headers={"Host": site_host(settings.url)}, timeout=60, trust_env=False
    )


@dataclass(slots=True)
class HubSession:
    """Signed in as one person, through the public address, as a browser would be.

    Raises:
        NotSignedIn: name, password or code is wrong.
    """

    settings: Settings
    name: str
    password: str = field(repr=False)
    note: str = "command line"
    code: str = field(default="", repr=False)  # of the second factor
    token: str = field(init=False, repr=False)
    http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        with visitor(self.settings) as browser:
            self.token = self._sign_in(browser)
        self.http = visitor(self.settings)
        self.http.headers["Authorization"] = f"token {self.token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def portal(self, method: str, path: str, **more: Any) -> Any:
        """Call the portal's API as this person.

        Raises:
            HubRefused: with the portal's own message and fix.
        """
        response = self.http.request(method, f"{PORTAL_PREFIX}/api/v1/{path}", **more)
        if response.is_error:
            try:
                error = response.json()["error"]
            except (ValueError, KeyError, TypeError):  # the proxy's page: nobody stands behind it now
                raise HubRefused(
                    f"The portal does not answer (HTTP {response.status_code}).", fix="Try again in a minute."
                ) from None
            raise HubRefused(error.get("message", response.text), fix=error.get("fix", ""))
        kind = response.headers.get("content-type", "")
        return response.json() if "json" in kind else response.content

    def start_notebook(self, server: str, *, timeout_s: float = 90) -> float:
        """Start a grant's notebook server, and wait until it answers.

        Returns:
            The seconds it took.

        Raises:
            HubRefused: the hub would not start it.
        """
        began = time.monotonic()
        response = self.http.post(f"/hub/api/users/{self.name}/servers/{server}")
        if response.status_code not in (201, 202, 400):
            raise HubRefused(_message(response))
        if response.status_code == 400 and "already running" not in response.text:
            raise HubRefused(_message(response))
        while time.monotonic() - began < timeout_s:
            if self.notebook_ready(server):
                return time.monotonic() - began
            time.sleep(0.2)
        raise HubRefused(
            f"The notebook {server} was not ready after {timeout_s:.0f} s.", fix="Run 'sandbox doctor'."
        )

    def notebook_ready(self, server: str) -> bool:
        """True when the server runs."""
        response = self.http.get(f"/hub/api/users/{self.name}")
        if response.is_error:  # a hub that is being restarted
            return False
        state = response.json().get("servers", {}).get(server)
        return bool(state and state.get("ready"))

    def stop_notebook(self, server: str) -> None:
        """Stop the server; nothing happens when it does not run."""
        self.http.delete(f"/hub/api/users/{self.name}/servers/{server}")

    def notebook(self, server: str, path: str) -> httpx.Response:
        """Get a page of a notebook of theirs, by its path below the server's.

        Through the proxy on this machine, which is told the host: programs do not know names below localhost.
        """
        return self.http.get(
            f"{self.settings.proxy_url}/user/{self.name}/{server}/{path}",
            headers={"Host": notebook_host(self.name, self.settings.url)},
        )

    def _sign_in(self, browser: httpx.Client) -> str:
        try:
            page = browser.get("/hub/login")
            if page.has_redirect_location:
                raise NotSignedIn(
                    "People sign in here through a provider, in a browser.",
                    fix="Make a token on the page Tokens of the hub, and set SANDBOX_TOKEN.",
                )
            form = {
                "username": self.name,
                "password": self.password,
                "otp": self.code,
                "_xsrf": browser.cookies.get("_xsrf", path="/hub/"),
            }
            answer = browser.post("/hub/login", data=form)
        except httpx.HTTPError as error:
            raise OperatorError(
                f"The sandbox does not answer at {self.settings.url}.", fix="Start it with 'make up'."
            ) from error
        if answer.status_code != 302:
            raise NotSignedIn(
                "Name, password or code is wrong.", fix="An administrator can set a new password."
            )
        made = browser.post(
            f"/hub/api/users/{self.name}/tokens",
            json={"expires_in": TOKEN_LIFE_S, "note": self.note},
            headers={"X-XSRFToken": browser.cookies.get("_xsrf", path="/hub/") or ""},
        )
        if made.status_code != 201:
            raise OperatorError(f"The hub gave no token: {_message(made)}")
        return str(made.json()["token"])


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError):
        return f"HTTP {response.status_code}"
