"""What the site's policy says about people: how they sign in, which roles stay apart, which courses they need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from sandbox.domain.people import NAME, Role
from sandbox.domain.policy_keys import Way, doc

_COURSE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Method(StrEnum):
    """Who checks who somebody is."""

    LOCAL = "local"  # accounts of this installation: password and code
    OIDC = "oidc"  # an OpenID Connect provider


class Activity(StrEnum):
    """What training may be needed for."""

    ASK = "ask"
    NOTEBOOK = "notebook"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcTerms:
    """The OpenID Connect provider, when ``method`` is oidc."""

    issuer: str = doc(
        "Its issuer identifier: https://…, exactly as the provider writes it. Its addresses are read from there.",
        Way.ALWAYS,
        default="",
    )
    client_id: str = doc("This installation's client id at the provider.", Way.ALWAYS, default="")
    secret_file: str = doc(
        "The file in the home's ``keys`` folder that holds the client secret, readable by its owner only.",
        Way.NEVER,
        default="oidc-client-secret",
    )
    label: str = doc("What people know it by: 'the ministry'.", Way.NEVER, default="your organisation")
    scopes: tuple[str, ...] = doc("The scopes to ask for.", Way.NEVER, default=("openid", "profile", "email"))
    claim: str = doc(
        "The claim that says who somebody is, at their first sign-in; from then on the provider's ``sub`` does. "
        "Choose one that people cannot change themselves. ``email`` counts only when the provider verified it.",
        Way.ALWAYS,
        default="preferred_username",
    )
    names: Mapping[str, str] = doc(
        "User names here, by the claim's value there, written exactly alike. A value that is not listed stands "
        "for the user name of the same spelling.",
        Way.ALWAYS,
        default_factory=dict,
    )
    add_unknown: bool = doc(
        "true: somebody the provider knows and nobody knows here becomes a researcher. Then people who exist "
        "here are found through ``names`` only.",
        Way.ALWAYS,
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInTerms:
    """How people show who they are."""

    method: Method = doc(
        "local: accounts of this installation. oidc: a provider, whose second factor counts.",
        Way.ALWAYS,
        default=Method.LOCAL,
    )
    code_required_for: tuple[Role, ...] = doc(
        "Roles that need a second factor (TOTP) with a local account; who has none yet can do nothing but enrol. "
        "Whoever has enrolled is always asked for the code.",
        Way.FEWER,
        default=(Role.OWNER, Role.REVIEWER, Role.ADMINISTRATOR, Role.AUDITOR),
    )
    oidc: OidcTerms = doc("The provider, when ``method`` is oidc.", Way.NEVER, default_factory=OidcTerms)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparationTerms:
    """Which roles one person may not hold together. Rules that keep people apart on one object hold besides."""

    alone: tuple[Role, ...] = doc(
        "Roles that are held with no other: who checks the others is none of them.",
        Way.FEWER,
        default=(Role.AUDITOR,),
    )
    pairs: tuple[tuple[Role, Role], ...] = doc(
        "More pairs that are not held together, such as ``[owner, reviewer]``.", Way.FEWER, default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One course."""

    title: str = doc("Its name for people.", Way.NEVER)
    roles: tuple[Role, ...] = doc("Who needs it.", Way.FEWER, default=(Role.RESEARCHER,))
    before: tuple[Activity, ...] = doc(
        "What those people may not do without it, or after it ended.",
        Way.FEWER,
        default=(Activity.ASK, Activity.NOTEBOOK, Activity.REVIEW),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTerms:
    """Which courses people need. ``sandbox training add`` records who took one, and until when it counts."""

    courses: Mapping[str, Course] = doc("The courses by name.", Way.FEWER, default_factory=dict)
    remind_days: int = doc("People are reminded this many days before a course ends.", Way.NEVER, default=30)


def sign_in_mistakes(terms: SignInTerms) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """What no type can say: (keys from the top, problem, what would be accepted)."""
    here = ("sign_in", "oidc")
    oidc = terms.oidc
    if not _FILE.fullmatch(oidc.secret_file):
        yield (
            (*here, "secret_file"),
            f"{oidc.secret_file!r} is not the bare name of a file",
            "a-z, 0-9, ., _ and -",
        )
    for value, name in oidc.names.items():
        if not NAME.fullmatch(name):
            yield (*here, "names", value), f"{name!r} cannot be a user name", "2 to 32 of a-z, 0-9 and _"
    if terms.method is not Method.OIDC:
        return
    if not secure(oidc.issuer):
        yield (*here, "issuer"), f"{oidc.issuer!r} is not an https address", "https://…"
    if not oidc.client_id:
        yield (*here, "client_id"), "is missing", "text"
    if "openid" not in oidc.scopes:
        yield (*here, "scopes"), "lack openid", "openid, profile, email …"


def separation_mistakes(terms: SeparationTerms) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """As ``sign_in_mistakes``."""
    for number, (one, other) in enumerate(terms.pairs):
        if one is other:
            yield ("separation", "pairs", number), f"{one} stands twice in a pair", "two different roles"


def training_mistakes(terms: TrainingTerms) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """As ``sign_in_mistakes``."""
    if terms.remind_days < 1:
        yield ("training", "remind_days"), "has to be at least 1", "1, 2, 3 …"
    for name in terms.courses:
        if not _COURSE.fullmatch(name):
            yield ("training", "courses", name), f"{name!r} is not a course name", "a-z, 0-9 and _"


def secure(address: str) -> bool:
    """True for an https address; plain http is for this machine's own loopback only.

    >>> secure("https://id.example"), secure("http://127.0.0.1:9000"), secure("http://id.example"), secure("")
    (True, True, False, False)
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment or parts.query:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
