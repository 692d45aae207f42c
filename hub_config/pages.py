"""The hub's own pages are for a person who goes to them, not for a script.

Whatever is in a notebook's container can answer with a page of its own. Its script runs in the browser of whoever opens
it. On the hub's origin it could do there what the hub's own scripts do: read a page of the hub, take the form token
(``_xsrf``) out of it, and make a token in that person's name. Notebooks have other hosts (``hub_config.origins``), and
should a browser or a proxy mix them up, this holds still:

- A page of the hub is found on the site's own host only: on a person's host, whoever signs in there would give the
  person's notebooks a session of theirs (``OwnHost``).
- A request that is no navigation finds nobody signed in (``OnlyNavigation``). No script can write these two headers;
  browsers send them over HTTPS and on the loopback address.
- A page of the hub that was opened by another page is cut off from it (``Cross-Origin-Opener-Policy``).
- The cookie with the form token is not shown to scripts: they could reach its path by ``history.pushState``.

The hub's API takes a cookie only together with the form token, which is out of reach then.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from jupyterhub import handlers
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.static import LogoHandler
from tornado import web

from sandbox.domain.origins import site_host
from sandbox.settings import CHECKOUT

LOGO = CHECKOUT / "sandbox" / "portal" / "static" / "mark.svg"
# What a browser asks for by itself beside a file or a document without a page: the hub leads it here from the root.
ICON: tuple[Any, ...] = (r"/favicon\.ico", LogoHandler, {"path": str(LOGO)})

# ``JupyterHub.tornado_settings``.
TORNADO_SETTINGS: dict[str, Any] = {
    "headers": {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    },
    "xsrf_cookie_kwargs": {"httponly": True},
}


class OwnHost:
    """Mixed into a handler before its own class."""

    request: Any
    settings: Any
    hub: Any
    redirect: Any

    async def prepare(self) -> None:
        """Lead a browser that came to another host to the page's own; refuse what would change something there."""
        public = self.settings["public_url"]
        site = f"{public.scheme}://{public.netloc}"
        # The second is how the proxy asks for the hub's page about an error.
        if self.request.host.lower() not in (site_host(site), urlsplit(self.hub.url).netloc):
            if self.request.method not in ("GET", "HEAD"):
                raise web.HTTPError(403, f"This page is at {site}.")
            self.redirect(f"{site}{self.request.uri}")
            return
        await super().prepare()  # type: ignore[misc]  # of the class it is mixed into

    def _set_cookie(self, key: str, value: Any, encrypted: bool = True, **options: Any) -> None:
        """No cookie of the hub's is for the hosts below its own: containers have no use for its session's number."""
        options.pop("domain", None)
        super()._set_cookie(key, value, encrypted, **options)  # type: ignore[misc]  # as above

    def clear_cookie(self, name: str, **options: Any) -> None:
        """A cookie is cleared as it was set."""
        options.pop("domain", None)
        super().clear_cookie(name, **options)  # type: ignore[misc]  # as above


class OnlyNavigation:
    """Mixed into a handler before its own class."""

    request: Any

    def get_current_user_cookie(self) -> Any:
        """The person of the cookie, when the browser itself goes to the page; else nobody."""
        if not is_navigation(self.request.headers):
            return None
        return super().get_current_user_cookie()  # type: ignore[misc]  # of the class it is mixed into


def is_navigation(headers: Any) -> bool:
    """False when a script, a frame, a picture or a worker asks.

    >>> is_navigation({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
    True
    >>> is_navigation({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"})
    False
    """
    mode, destination = headers.get("Sec-Fetch-Mode", "navigate"), headers.get("Sec-Fetch-Dest", "document")
    return bool(mode == "navigate" and destination == "document")


def guarded_pages(more: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """All addresses at which the hub takes a cookie without a form token, each with its handler guarded.

    Args:
        more: the authenticator's own.

    Returns:
        Rows as ``Authenticator.get_handlers`` returns them; the hub looks at these before its own.
    """
    # The last one would else hand a code for signing in, in its address, to a script that follows the redirect.
    rows = [*more, *handlers.default_handlers, (r"/api/oauth2/authorize", OAuthAuthorizeHandler)]
    return [
        (path, _guarded(handler), *rest) for path, handler, *rest in rows if issubclass(handler, BaseHandler)
    ]


def _guarded(handler: type[Any]) -> type[Any]:
    return type(handler.__name__, (OwnHost, OnlyNavigation, handler), {"__doc__": handler.__doc__})
