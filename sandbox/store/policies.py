"""How policies change: the site's policy version by version, and proposals that wait for a second person.

A proposal's row is believed only where the log says the same (``domain.proposal.check_proved``); nothing in it is
edited but its state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json, content_hash
from sandbox.domain.errors import Conflict, NotFound, Tampered
from sandbox.domain.policy_change import Approval, Change, check_change
from sandbox.domain.policy_document import policy_to_document, site_from_document
from sandbox.domain.proposal import STEPS, WAITING, Proposal, ProposalState, Step, proposal_hash
from sandbox.domain.site_policy import SitePolicy
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import policy_proposals, site_versions

_VOID = {step.start: step for step in STEPS if step.verb == "void"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVersion:
    """The installation's policy, as it held from a moment on."""

    policy: SitePolicy
    policy_hash: str
    version: int
    made_at: str  # ISO 8601, UTC


class Policies:
    """The site's policy and all proposals."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    # the site

    def site(self) -> SiteVersion | None:
        """The policy in force; None before the first start."""
        with self._database.reading() as connection:
            return _newest_site(connection)

    def site_versions(self) -> tuple[SiteVersion, ...]:
        """All versions, the newest last."""
        with self._database.reading() as connection:
            rows = connection.execute(select(site_versions).order_by(site_versions.c.version))
            return tuple(_site(row) for row in rows)

    def publish_site(
        self, policy: SitePolicy, *, base_hash: str, event: Event, approval: Approval | None = None
    ) -> SiteVersion:
        """Make a policy the one in force.

        Args:
            base_hash: of the policy in force that was compared with; empty for the first.

        Raises:
            NotAllowed: it loosens, and nobody else approved this very change.
            Conflict: another one is in force by now.
        """
        document = policy_to_document(policy)
        digest = content_hash(document)
        with self._database.transaction() as connection:
            before = _newest_site(connection)
            if (before.policy_hash if before is not None else "") != base_hash:
                raise Conflict("The site's policy was changed in this moment.", fix="Look at it again.")
            if before is not None:
                check_change(
                    "site",
                    before.policy,
                    policy,
                    base_hash=base_hash,
                    policy_hash=digest,
                    approval=approval,
                )
            version = before.version + 1 if before is not None else 1
            connection.execute(
                insert(site_versions).values(
                    version=version,
                    policy=_json(document),
                    policy_hash=digest,
                    made_at=stamp(self._now()),
                )
            )
            self._log.append(
                connection,
                event,
                facts={"version": version, "policy_sha256": digest, "was_sha256": base_hash},
            )
            made = _newest_site(connection)
        assert made is not None  # noqa: S101 - it was just inserted
        return made

    # proposals

    def propose(
        self,
        *,
        about: str,
        base_hash: str,
        policy: dict[str, Any],
        difference: Sequence[Change],
        reason: str,
        event: Event,
    ) -> Proposal:
        """Keep a proposal of the event's actor. All of it is hashed, and the hash is on the log."""
        digest, changes = content_hash(policy), [change.document() for change in difference]
        said = {
            "about": about,
            "base_hash": base_hash,
            "policy_hash": digest,
            "reason": reason,
            "proposed_by": event.actor,
        }
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(policy_proposals).values(
                    **said,
                    policy=_json(policy),
                    difference=canonical_json(changes).decode(),
                    proposed_at=stamp(self._now()),
                    state=ProposalState.OPEN,
                )
            )
            number = number_of(made)
            facts = {
                "about": about,
                "was_sha256": base_hash,
                "policy_sha256": digest,
                "proposal_sha256": proposal_hash(**said, difference=changes),
            }
            self._log.append(connection, event, facts=facts, id=number)
            return _proposal(_row(connection, number))

    def move(self, proposal: Proposal, row: Step, *, event: Event, comment: str = "") -> Proposal:
        """Take a step of the proposal's state machine.

        Raises:
            Conflict: it is no longer in the state the step starts from.
        """
        decided = {"decided_by": event.actor, "decided_at": stamp(self._now()), "comment": comment}
        with self._database.transaction() as connection:
            moved = connection.execute(
                update(policy_proposals)
                .where(policy_proposals.c.id == proposal.id, policy_proposals.c.state == row.start)
                .values(state=row.end, **(decided if row.by_a_person else {}))
            )
            if moved.rowcount != 1:
                now = _proposal(_row(connection, proposal.id))
                raise Conflict(f"Proposal {now.id} is {now.state} by now.", fix="Look at it again.")
            self._log.append(connection, event)
            return _proposal(_row(connection, proposal.id))

    def void_others(self, about: str, *, policy_hash: str, event: Event) -> tuple[int, ...]:
        """End every proposal that waits and changes another policy than the one that holds now.

        Args:
            policy_hash: of the policy that holds now.
            event: written for each of them; ``proposal:new`` is its own number.
        """
        with self._database.transaction() as connection:
            stale = [
                proposal for proposal in _all(connection, about, WAITING) if proposal.base_hash != policy_hash
            ]
            for proposal in stale:
                connection.execute(
                    update(policy_proposals)
                    .where(policy_proposals.c.id == proposal.id)
                    .values(state=_VOID[proposal.state].end)
                )
                self._log.append(connection, event, id=proposal.id)
        return tuple(proposal.id for proposal in stale)

    def proposal(self, number: int) -> Proposal | None:
        """The proposal, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(policy_proposals).where(policy_proposals.c.id == number)).first()
        return _proposal(row) if row is not None else None

    def proposals(
        self, about: str = "", *, states: Collection[ProposalState] = tuple(ProposalState)
    ) -> tuple[Proposal, ...]:
        """All, or those about one policy, in these states; in order."""
        with self._database.reading() as connection:
            return tuple(_all(connection, about, states))


def _newest_site(connection: Connection) -> SiteVersion | None:
    row = connection.execute(select(site_versions).order_by(site_versions.c.version.desc()).limit(1)).first()
    return _site(row) if row is not None else None


def _site(row: Row[Any]) -> SiteVersion:
    document = json.loads(row.policy)
    if content_hash(document) != row.policy_hash:
        raise Tampered(
            f"The site's policy (version {row.version}) was changed in the database.",
            place=f"site policy {row.version}",
        )
    return SiteVersion(
        policy=site_from_document(document),
        policy_hash=row.policy_hash,
        version=row.version,
        made_at=row.made_at,
    )


def _all(connection: Connection, about: str, states: Collection[ProposalState]) -> list[Proposal]:
    query = select(policy_proposals).where(policy_proposals.c.state.in_([*states]))
    if about:
        query = query.where(policy_proposals.c.about == about)
    return [_proposal(row) for row in connection.execute(query.order_by(policy_proposals.c.id))]


def _row(connection: Connection, number: int) -> Row[Any]:
    row = connection.execute(select(policy_proposals).where(policy_proposals.c.id == number)).first()
    if row is None:
        raise NotFound(f"There is no proposal {number}.")
    return row


def _proposal(row: Row[Any]) -> Proposal:
    try:
        policy, difference = json.loads(row.policy), json.loads(row.difference)
        state = ProposalState(row.state)
    except ValueError as broken:
        raise Tampered(
            f"Proposal {row.id} was changed in the database.", place=f"proposal {row.id}"
        ) from broken
    return Proposal(
        id=row.id,
        about=row.about,
        base_hash=row.base_hash,
        policy=policy,
        policy_hash=row.policy_hash,
        difference=tuple(difference),
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        state=state,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        comment=row.comment,
    )


def _json(value: dict[str, Any]) -> str:
    """In the order it was given, which canonical form would lose."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
