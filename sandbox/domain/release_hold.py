"""Holding a request where it is, and recalling what has left.

A suspension holds every live request that is made of what it suspends, and its end lets go of just these. An owner may
hold a single request by hand, and is the one who lets it go. Recalling is the owner's, and has no way back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandbox.domain.errors import Conflict, NotAllowed
from sandbox.domain.people import Person
from sandbox.domain.plain_text import plain_text
from sandbox.domain.release import LIVE, Release, Status, Transition, Verb, transition
from sandbox.domain.suspension import Suspension, touching

Columns = Mapping[str, frozenset[str]]


def to_hold(
    release: Release, columns: Columns | None, suspensions: Iterable[Suspension]
) -> Suspension | None:
    """The suspension that holds a request; None when it goes on.

    Args:
        columns: what it is made of, by table; None where that is not known: any suspension holds it.
    """
    return touching(suspensions, columns) if release.status in LIVE else None


def to_resume(release: Release, columns: Columns | None, suspensions: Iterable[Suspension]) -> bool:
    """Whether a request that a suspension held goes on now: none that is in force touches it."""
    held = release.status is Status.ON_HOLD and not release.held_by
    return held and touching(suspensions, columns) is None


def owner_step(release: Release, verb: Verb, person: Person, *, owner: str, reason: str) -> Transition:
    """The row by which an owner holds, lets go of, or recalls a request.

    Raises:
        NotAllowed: it is somebody else's data, or a suspension holds it.
        Conflict: its state has no such verb.
        BadInput: no reason.
    """
    if person.name != owner:
        raise NotAllowed(
            f"Only the owner of {release.dataset} ({owner}) may {verb} request {release.id}.",
            clause="separation of duties",
        )
    row = transition(release.status, verb, held_from=release.held_from)
    if verb is Verb.RESUME and not release.held_by:
        raise NotAllowed(
            f"A suspension of {release.dataset} holds request {release.id}.",
            clause="suspension",
            fix="It goes on when the data are resumed.",
        )
    if verb is not Verb.RESUME:
        plain_text(reason, where="reason", least=5, most=500)
    return row


def owner_verbs(release: Release, person: Person, *, owner: str) -> tuple[Verb, ...]:
    """What the owner may do with a request beside reviewing it, which is not theirs."""
    found = []
    for verb in (Verb.HOLD, Verb.RESUME, Verb.RECALL):
        try:
            owner_step(release, verb, person, owner=owner, reason="a reason")
        except (NotAllowed, Conflict):
            continue
        found.append(verb)
    return tuple(found)
