"""How a person stands to an application: whether they may know of it, and whether they saw it as it is now."""

from __future__ import annotations

from sandbox.domain.application import Application, ApplicationState
from sandbox.domain.errors import Conflict
from sandbox.domain.people import Person
from sandbox.domain.policy import DatasetPolicy

RENEWABLE = frozenset({ApplicationState.ACTIVE, ApplicationState.EXPIRED})


def concerns(application: Application, policy: DatasetPolicy, person: Person) -> bool:
    """True for its applicant; for whom it names and for the owner, once it was handed in."""
    if person.name == application.applicant:
        return True
    return bool(application.submitted_at) and person.name in (*application.people, policy.owner)


def may_renew(application: Application, person: Person) -> bool:
    """True for who leads it, while it runs and after its time is over."""
    return person.name == application.applicant and application.state in RENEWABLE


def check_seen(application: Application, version: int | None) -> None:
    """Raise unless the version that somebody decides on is the one that is there; None: whichever is.

    Raises:
        Conflict: it was changed since.
    """
    if version is not None and version != application.version:
        raise Conflict(
            f"Application {application.id} was changed since you looked at it; it is {application.state} now.",
            fix="Look at what it says now, then decide.",
        )


def check_read(application: Application, agreement_hash: str) -> None:
    """Raise unless the agreement that somebody has read is the one that is there; empty: whichever is.

    Raises:
        Conflict: it is another one.
    """
    if agreement_hash and agreement_hash != application.agreement_hash:
        raise Conflict(
            f"The agreement of application {application.id} is not the one that you have read.",
            fix="Read the present one, then sign.",
        )
