"""Who may still vote on a request."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.domain.people import Role
from sandbox.domain.release import Release, may_review
from sandbox.store import Store


def reviewers_left(store: Store, release: Release, pool: Sequence[str]) -> tuple[str, ...]:
    """Independent reviewers of the pool with an open account who have not voted in this turn."""
    voted = {v.reviewer for v in release.votes} | {
        v.reviewer for v in release.early if v.turn == release.turn
    }
    members = store.access.members_of(release.project)
    return tuple(
        person.name
        for person in store.people.all()
        if person.has(Role.REVIEWER)
        and person.name not in voted
        and may_review(person.name, release, pool=pool, project_members=members)
    )
