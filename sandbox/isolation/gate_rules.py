"""What may pass the gate: two lists of (method, path, reason). What is not listed is refused.

- A path is judged as it was sent, and forwarded as it was sent: nothing is decoded, joined or normalised between.
- IN: from the hub's proxy to the notebook's server. Paths are relative to ``/user/<person>/<server>``.
- OUT: from the container to the hub and the portal. ``{person}`` is the container's own.
- No rule trusts the container: sizes, kinds of content and frames are looked at here, outside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from sandbox.domain.notebook_addresses import NOTEBOOK_ADDRESSES

MIB = 1024 * 1024
PORTAL_API = "/services/portal/api/v1/"


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Kind(StrEnum):
    """How the answer is looked at."""

    PAGE = "page"  # HTML
    ASSET = "asset"  # scripts, styles, fonts, pictures of the program itself
    JSON = "json"
    CONTENTS = "contents"  # JSON whose model is a notebook, a folder or text
    FRAMES = "frames"  # a kernel's websocket: JSON text, judged message by message
    EVENTS = "events"  # a websocket that only tells
    ANY = "any"  # comes from outside the container


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a list."""

    methods: tuple[str, ...]
    path: str  # {path} any rest, {rest} the same or nothing, {id} a UUID, {name} one plain segment, {number} digits
    kind: Kind
    reason: str
    request_bytes: int = 64 * 1024  # the most that may be sent
    answer_bytes: int = 2 * MIB  # the most that may come back
    own_token: bool = False  # OUT: only with the container's own token
    to_portal: bool = False  # OUT: to the portal rather than the hub
    reviewed: bool = False  # OUT: what is sent there is looked at by a person before anybody else sees it


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something does not pass. The text says nothing about what is behind the gate."""

    reason: str
    status: int = 403


_READ = ("GET", "HEAD")

IN: tuple[Rule, ...] = (
    Rule(methods=_READ, path="/", kind=Kind.PAGE, reason="the start, which leads to the lab"),
    Rule(methods=_READ, path="/lab", kind=Kind.PAGE, reason="the lab's page"),
    Rule(methods=_READ, path="/lab/", kind=Kind.PAGE, reason="the lab's page"),
    Rule(methods=_READ, path="/lab/tree{rest}", kind=Kind.PAGE, reason="the lab's page, opened at a file"),
    Rule(
        methods=_READ,
        path="/lab/workspaces{rest}",
        kind=Kind.PAGE,
        reason="the lab's page with a saved layout",
    ),
    Rule(methods=_READ, path="/doc{rest}", kind=Kind.PAGE, reason="the lab's page in its simple form"),
    Rule(methods=("GET",), path="/oauth_callback", kind=Kind.PAGE, reason="the end of signing in"),
    Rule(methods=("GET",), path="/logout", kind=Kind.PAGE, reason="signing out"),
    Rule(
        methods=_READ,
        path="/static/{path}",
        kind=Kind.ASSET,
        answer_bytes=16 * MIB,
        reason="the lab's program",
    ),
    Rule(
        methods=_READ,
        path="/lab/extensions/{path}",
        kind=Kind.ASSET,
        answer_bytes=16 * MIB,
        reason="extensions that are in the image",
    ),
    Rule(methods=_READ, path="/lab/api/themes/{path}", kind=Kind.ASSET, reason="colours and pictures"),
    Rule(methods=_READ, path="/kernelspecs/{name}/{name}", kind=Kind.ASSET, reason="a kernel's logo"),
    Rule(methods=_READ, path="/favicon.ico", kind=Kind.ASSET, reason="the browser asks for it"),
    Rule(
        methods=_READ, path="/custom/custom.css", kind=Kind.ASSET, reason="the lab asks for it; it is empty"
    ),
    Rule(
        methods=("GET",),
        path="/lab/api/settings{rest}",
        kind=Kind.JSON,
        reason="the person's settings of the lab",
    ),
    Rule(methods=("PUT",), path="/lab/api/settings/{path}", kind=Kind.JSON, reason="changing them"),
    Rule(methods=("GET",), path="/lab/api/translations{rest}", kind=Kind.JSON, reason="the lab's language"),
    Rule(
        methods=("GET",),
        path="/lab/api/build",
        kind=Kind.JSON,
        reason="the lab asks at its start; a status only",
    ),
    Rule(methods=("GET",), path="/lab/api/listings/{path}", kind=Kind.JSON, reason="the lists of extensions"),
    Rule(
        methods=("GET", "PUT", "DELETE"),
        path="/lab/api/workspaces{rest}",
        kind=Kind.JSON,
        request_bytes=MIB,
        reason="the lab's saved layout",
    ),
    Rule(
        methods=_READ,
        path="/api",
        kind=Kind.JSON,
        reason="the server's version; the hub asks whether it is up",
    ),
    Rule(methods=_READ, path="/api/", kind=Kind.JSON, reason="the same, as some clients write it"),
    Rule(methods=("GET",), path="/api/me", kind=Kind.JSON, reason="who is signed in"),
    Rule(methods=("GET",), path="/api/status", kind=Kind.JSON, reason="idle or busy"),
    Rule(methods=("GET",), path="/api/config/{name}", kind=Kind.JSON, reason="the lab's own configuration"),
    Rule(
        methods=("GET",),
        path="/api/nbconvert",
        kind=Kind.JSON,
        reason="names of formats; making them is refused",
    ),
    Rule(methods=("GET",), path="/api/kernelspecs", kind=Kind.JSON, reason="which kernels there are"),
    Rule(methods=("GET",), path="/api/kernelspecs/{name}", kind=Kind.JSON, reason="one kernel's description"),
    Rule(methods=("GET", "POST"), path="/api/kernels", kind=Kind.JSON, reason="list and start kernels"),
    Rule(
        methods=("GET", "DELETE"),
        path="/api/kernels/{id}",
        kind=Kind.JSON,
        reason="look at and stop a kernel",
    ),
    Rule(methods=("POST",), path="/api/kernels/{id}/interrupt", kind=Kind.JSON, reason="stop a calculation"),
    Rule(methods=("POST",), path="/api/kernels/{id}/restart", kind=Kind.JSON, reason="start a kernel afresh"),
    Rule(
        methods=("GET",),
        path="/api/kernels/{id}/channels",
        kind=Kind.FRAMES,
        request_bytes=8 * MIB,  # of one frame
        answer_bytes=8 * MIB,  # of one frame
        reason="code to the kernel, results to the screen",
    ),
    Rule(
        methods=("GET",), path="/api/events/subscribe", kind=Kind.EVENTS, reason="what changed on the server"
    ),
    Rule(
        methods=("GET", "POST"),
        path="/api/sessions",
        kind=Kind.JSON,
        reason="which notebook has which kernel",
    ),
    Rule(
        methods=("GET", "PATCH", "DELETE"),
        path="/api/sessions/{id}",
        kind=Kind.JSON,
        reason="the same, for one",
    ),
    Rule(
        methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        path="/api/contents{rest}",
        kind=Kind.CONTENTS,
        request_bytes=16 * MIB,
        answer_bytes=16 * MIB,
        reason="notebooks, folders and text on the screen; see check_contents",
    ),
)

OUT: tuple[Rule, ...] = (
    Rule(
        methods=("GET",), path="/hub/api", kind=Kind.ANY, reason="the server compares versions at its start"
    ),
    Rule(methods=("GET",), path="/hub/api/", kind=Kind.ANY, reason="the same, as some versions write it"),
    Rule(methods=("GET",), path="/hub/api/user", kind=Kind.ANY, reason="whose token did the browser send?"),
    Rule(
        methods=("POST",), path="/hub/api/oauth2/token", kind=Kind.ANY, reason="the last step of signing in"
    ),
    Rule(
        methods=("POST",),
        path="/hub/api/users/{person}/activity",
        kind=Kind.ANY,
        own_token=True,
        reason="its person was active; else it would be stopped as idle",
    ),
    *(
        Rule(
            methods=address.methods,
            path=f"{PORTAL_API}{address.path}",
            kind=Kind.ANY,
            request_bytes=8 * MIB,
            answer_bytes=64 * MIB,
            own_token=True,
            to_portal=True,
            reviewed=address.reviewed,
            reason=address.reason,
        )
        for address in NOTEBOOK_ADDRESSES
    ),
)

# What each kind of answer may call itself. A download under another name is still not one of these.
CONTENT_TYPES: Mapping[Kind, frozenset[str]] = {
    Kind.PAGE: frozenset({"text/html"}),
    Kind.JSON: frozenset({"application/json"}),
    Kind.CONTENTS: frozenset({"application/json"}),
    Kind.ASSET: frozenset(
        {
            "application/javascript",
            "application/json",
            "application/wasm",
            "font/ttf",
            "font/woff",
            "font/woff2",
            "image/gif",
            "image/png",
            "image/svg+xml",
            "image/vnd.microsoft.icon",
            "image/x-icon",
            "text/css",
            "text/html",
            "text/javascript",
        }
    ),
}

_PLACEHOLDERS = {
    "{path}": r".+",
    "{rest}": r"(?:/.*)?",
    "{name}": r"[A-Za-z0-9_.@:+-]+",
    "{number}": r"[0-9]{1,9}",
    "{id}": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
}
# Printable ASCII but for what nobody needs unencoded and parsers disagree on.
_TARGET = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]|]*)?")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Encoded slash, backslash, dot, percent and control characters: two programs could read them differently.
_DISPUTED = re.compile(r"%(?:2[fFeE5]|5[cC]|[01][0-9A-Fa-f]|7[fF])")


def clean_path(target: str) -> str | Refusal:
    """The path of a request target, as it was sent, or why nobody should have to interpret it."""
    if not _TARGET.fullmatch(target):
        return Refusal("the address holds characters that it may not", 400)
    path = target.partition("?")[0]
    if _ESCAPE.search(target) or _DISPUTED.search(path):
        return Refusal("the address holds an encoding that can be read in two ways", 400)
    if "//" in path or any(segment in (".", "..") for segment in path.split("/")):
        return Refusal("the address holds an empty or a dotted segment", 400)
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return Refusal("the address is not UTF-8", 400)
    return path


def find_rule(rules: tuple[Rule, ...], method: str, path: str, *, person: str) -> Rule | Refusal:
    """The row that lets a request pass.

    Args:
        path: as ``clean_path`` returned it, and relative for IN.
        person: whose container it is.
    """
    listed = False
    for rule in rules:
        if _expression(rule.path, person).fullmatch(path):
            if method in rule.methods:
                return rule
            listed = True
    if listed:
        return Refusal(f"{method} is not allowed here", 405)
    return Refusal("this address is not on the list of what may pass")


@lru_cache(maxsize=4096)
def _expression(pattern: str, person: str) -> re.Pattern[str]:
    placeholders = {**_PLACEHOLDERS, "{person}": re.escape(person)}
    return re.compile("".join(placeholders.get(p, re.escape(p)) for p in re.split(r"(\{[a-z]+\})", pattern)))
