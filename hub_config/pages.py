"""The hub's own pages are for a person who goes to them, not for a script.

Notebooks are served from the hub's origin, and whatever is in a notebook's container can answer with a page of its
own. Its script runs in the browser of whoever opens it, and could do there what the hub's own scripts do: read a page
of the hub, take the form token (``_xsrf``) out of it, and make a token in that person's name. So:

- A request that is no navigation finds nobody signed in (``OnlyNavigation``). No script can write these two headers;
  browsers send them over HTTPS and on the loopback address.
- A page of the hub that was opened by another page is cut off from it (``Cross-Origin-Opener-Policy``).
- The cookie with the form token is not shown to scripts: they could reach its path by ``history.pushState``.

The hub's API takes a cookie only together with the form token, which is out of reach then.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import handlers
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.handlers.base import BaseHandler

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
    return type(handler.__name__, (OnlyNavigation, handler), {"__doc__": handler.__doc__})
