"""Releases that name earlier ones: in whose place they stand, and what they build on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sandbox.domain.access import Grant
from sandbox.domain.errors import BadInput
from sandbox.domain.release import OUT, Release, Status

MAX_EARLIER = 20


def check_links(
    grant: Grant, *, supersedes: int, builds_on: Collection[int], earlier: Mapping[int, Release]
) -> None:
    """Raise unless a request may name these earlier releases.

    Args:
        grant: of the new request.
        supersedes: the release in whose place it will stand; 0: none.
        earlier: those that there are, by number.

    Raises:
        BadInput: one is not there, another project's or dataset's, or has not left.
    """
    if len(builds_on) > MAX_EARLIER:
        raise BadInput(
            f"{len(builds_on)} earlier releases are more than {MAX_EARLIER}.",
            where="builds_on",
            fix="Name those that the numbers rest on.",
        )
    if supersedes in builds_on:
        raise BadInput(
            "A release cannot stand in the place of what it builds on.",
            where="builds_on",
            fix="Name it once.",
        )
    for where, number, allowed in (
        ("supersedes", supersedes, frozenset({Status.RELEASED})),
        *(("builds_on", n, OUT) for n in sorted(builds_on)),
    ):
        if where == "supersedes" and not number:
            continue
        found = earlier.get(number)
        if found is None or (found.project, found.dataset) != (grant.project, grant.dataset):
            raise BadInput(
                f"There is no request {number} of this project and dataset.",
                where=where,
                fix="See 'My outputs' for the numbers.",
            )
        if found.status not in allowed:
            raise BadInput(
                f"Request {number} is {found.status}.", where=where, fix="Name one that is released."
            )
