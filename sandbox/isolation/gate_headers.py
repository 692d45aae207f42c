"""Which headers and cookies go along. Two lists each way; what is not listed stays behind.

The gate reads and writes every message anew, so framing (lengths, chunks, hop-by-hop headers) is its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

_REQUEST_IN = frozenset(
    {
        "accept",
        "accept-language",
        "authorization",
        "cache-control",
        "content-type",
        "host",  # the server compares it with the origin
        "if-modified-since",
        "if-none-match",
        "origin",
        "referer",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "user-agent",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-scheme",
        "x-xsrftoken",
    }
)
_REQUEST_OUT = frozenset({"accept", "authorization", "content-type", "idempotency-key", "if-none-match"})
_ANSWER = frozenset(
    {
        "cache-control",
        "content-type",
        "etag",
        "last-modified",
        "retry-after",
        "vary",
        "x-jupyterhub-version",
    }
)

# Our own, instead of what the server says. Inline scripts: the lab's page has one. eval: its schema checker.
# No address but our own: a picture in a result cannot carry a value to another site.
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; media-src data: blob:; connect-src 'self'; "
        "worker-src 'self' blob:; frame-src 'self' blob:; manifest-src 'self'; form-action 'self'; "
        "base-uri 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Server": "gate",  # instead of the names and versions of libraries
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Pairs = Collection[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one notebook's server may call its own."""

    person: str
    server: str
    site: str  # where the hub is, without a slash at the end

    @property
    def prefix(self) -> str:
        """The path of its pages, with a slash at the end."""
        return f"/user/{self.person}/{self.server}/"

    def signs_in(self, cookie: str) -> bool:
        """Whether a cookie of this name holds its own browser's sign-in."""
        name = f"jupyterhub-user-{self.person}-{self.server}"
        plain = cookie.removeprefix("__Host-")
        return plain == name or plain.startswith(f"{name}-oauth-state")


def request_in(headers: Pairs, own: Own) -> list[tuple[str, str]]:
    """Of a browser's request, what the notebook's server is told."""
    kept = [(k, v) for k, v in headers if k.lower() in _REQUEST_IN]
    cookies = "; ".join(c for k, v in headers if k.lower() == "cookie" for c in _own_cookies(v, own))
    # Unpacked, so that sizes are known and models can be read.
    return [*kept, *([("Cookie", cookies)] if cookies else []), ("Accept-Encoding", "identity")]


def request_out(headers: Pairs) -> list[tuple[str, str]]:
    """Of a container's request, what the hub or the portal is told. No cookies, no claims about itself."""
    return [(k, v) for k, v in headers if k.lower() in _REQUEST_OUT]


def answer_in(headers: Pairs, own: Own) -> tuple[list[tuple[str, str]], bool]:
    """Of the notebook server's answer, what the browser is told: cookies are for its path, and it leads there or to
    the hub.

    Returns:
        The headers, and whether one had to be dropped that no honest server sends.
    """
    kept: list[tuple[str, str]] = []
    dishonest = False
    for key, value in headers:
        name = key.lower()
        if name in _ANSWER:
            kept.append((key, value))
        elif name == "set-cookie":
            cookie = _own_cookie(value, own)
            kept += [(key, cookie)] if cookie else []
            dishonest = dishonest or not cookie
        elif name == "location":
            if value.startswith((own.prefix, f"{own.site}/hub/")) and "\\" not in value:
                kept.append((key, value))
            else:
                dishonest = True
    return kept, dishonest


def plain(headers: Pairs, kind: str) -> list[tuple[str, str]]:
    """Of headers that ``answer_in`` let pass, those in which nothing can be written beside what they are for.

    Args:
        kind: what the answer calls itself, which was looked at.
    """
    kept = [(k, v) for k, v in headers if k.lower() in ("set-cookie", "location")]
    return [("Content-Type", f"{kind}; charset=UTF-8"), ("Cache-Control", "private, no-cache"), *kept]


def answer_out(headers: Pairs) -> list[tuple[str, str]]:
    """Of the hub's or the portal's answer, what the container is told."""
    return [(k, v) for k, v in headers if k.lower() in _ANSWER]


def bearer(headers: Pairs) -> str | None:
    """The one token that a request carries, or None when it has none or several."""
    found = [v for k, v in headers if k.lower() == "authorization"]
    if len(found) != 1:
        return None
    scheme, _, token = found[0].partition(" ")
    return token.strip() if scheme.lower() in ("token", "bearer") and token.strip() else None


def _own_cookies(header: str, own: Own) -> Iterable[str]:
    """The cookies that a notebook's server set itself."""
    for cookie in header.split(";"):
        name = cookie.partition("=")[0].strip()
        if own.signs_in(name) or name == "_xsrf":
            yield cookie.strip()


def _own_cookie(header: str, own: Own) -> str:
    """A cookie that stays within the server's own path, written anew; empty for another one.

    Any other could speak to the hub in the browser's name.
    """
    try:
        parsed = SimpleCookie(header)
    except CookieError:
        return ""
    morsels = list(parsed.values())
    if len(morsels) != 1 or morsels[0]["domain"]:
        return ""
    (morsel,) = morsels
    # Browsers take a cookie with this beginning for its one host only, and then for all of it.
    bound = morsel.key.startswith("__Host-") and own.signs_in(morsel.key)
    return morsel.OutputString() if bound or (morsel["path"] + "/").startswith(own.prefix) else ""
