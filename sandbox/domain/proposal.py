"""A change of a policy that loosens something waits for a second person: the proposal's life, and who may move it.

- A proposal names the policy that it changes and the one that is to hold, both by hash; neither can be edited.
- It is approved by an owner or administrator who did not propose it, and who has signed in: the operator at the
  machine's terminal is known by access to the files alone, so ``operator`` proposes and never approves.
- It is void as soon as another policy is published in the place of the one that it changes.
- Approved, it holds at once; where private views have to be made anew, when the dataset is published by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sandbox.domain.audit import Entry
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import Conflict, NotAllowed, Tampered
from sandbox.domain.people import Person, Role
from sandbox.domain.policy_change import Approval

SITE = "site"
OPERATOR = "operator"
# What another one can do to make an account their own.
ACCOUNT_CHANGED = frozenset(
    {
        "person.added",
        "person.password_set",
        "person.roles_set",
        "person.activated",
        "person.second_factor_begun",
        "person.second_factor_set",
        "person.second_factor_reset",
        "person.unbound",
    }
)


class ProposalState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"  # waits until the dataset is published by it
    APPLIED = "applied"
    REJECTED = "rejected"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the proposal's state machine."""

    start: ProposalState
    verb: str
    end: ProposalState
    event: str
    by_a_person: bool  # otherwise it follows from what is published


STEPS: tuple[Step, ...] = (
    Step(ProposalState.OPEN, "approve", ProposalState.APPROVED, "policy.approved", True),
    Step(ProposalState.OPEN, "reject", ProposalState.REJECTED, "policy.rejected", True),
    Step(ProposalState.APPROVED, "reject", ProposalState.REJECTED, "policy.rejected", True),
    Step(ProposalState.APPROVED, "apply", ProposalState.APPLIED, "policy.settled", False),
    Step(ProposalState.OPEN, "void", ProposalState.VOID, "policy.voided", False),
    Step(ProposalState.APPROVED, "void", ProposalState.VOID, "policy.voided", False),
)
WAITING = (ProposalState.OPEN, ProposalState.APPROVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that somebody proposed.

    Attributes:
        about: ``dataset:NAME`` or ``site``, as the log calls it.
        policy: the document that is to hold.
        difference: what it changes, as documents of ``Change``.
    """

    id: int
    about: str
    base_hash: str
    policy: dict[str, Any]
    policy_hash: str
    difference: tuple[dict[str, Any], ...]
    reason: str
    proposed_by: str
    proposed_at: str
    state: ProposalState = ProposalState.OPEN
    decided_by: str = ""
    decided_at: str = ""
    comment: str = ""

    @property
    def name(self) -> str:
        """What people call it: the dataset's name, or ``site``."""
        return self.about.rpartition(":")[2]

    @property
    def object(self) -> str:
        return f"proposal:{self.id}"

    @property
    def sha256(self) -> str:
        """The hash of all that was proposed; it stands on the log."""
        return proposal_hash(
            about=self.about,
            base_hash=self.base_hash,
            policy_hash=self.policy_hash,
            difference=self.difference,
            reason=self.reason,
            proposed_by=self.proposed_by,
        )


def proposal_hash(
    *,
    about: str,
    base_hash: str,
    policy_hash: str,
    difference: Sequence[dict[str, Any]],
    reason: str,
    proposed_by: str,
) -> str:
    return content_hash(
        {
            "format": "sandbox-policy-proposal-v1",
            "about": about,
            "base_sha256": base_hash,
            "policy_sha256": policy_hash,
            "difference": list(difference),
            "reason": reason,
            "proposed_by": proposed_by,
        }
    )


def may_see(proposal: Proposal, person: Person, *, owner: str) -> bool:
    """Owners see what is proposed for their datasets; administrators and auditors see all."""
    return (
        person.has(Role.ADMINISTRATOR)
        or person.has(Role.AUDITOR)
        or (person.has(Role.OWNER) and person.name in (owner, proposal.proposed_by))
    )


def allowed_verbs(proposal: Proposal, person: Person, *, owner: str) -> tuple[str, ...]:
    """What this person may do with it now.

    Args:
        owner: of the dataset, as it is published; empty for the site.
    """
    verbs = (s.verb for s in STEPS if s.start is proposal.state and s.by_a_person)
    return tuple(verb for verb in verbs if not _hindrance(proposal, verb, person, owner))


def step(proposal: Proposal, verb: str, person: Person, *, owner: str) -> Step:
    """The row that applies, or an error that says why none does.

    Raises:
        Conflict: it is not in a state that has this verb.
        NotAllowed: the verb is somebody else's.
    """
    row = next((s for s in STEPS if (s.start, s.verb) == (proposal.state, verb) and s.by_a_person), None)
    if row is None:
        raise Conflict(
            f"Proposal {proposal.id} is {proposal.state}; nobody can {verb} it.",
            fix="Look at it again, or propose anew.",
        )
    if hindrance := _hindrance(proposal, verb, person, owner):
        raise hindrance
    return row


def _hindrance(proposal: Proposal, verb: str, person: Person, owner: str) -> NotAllowed | None:
    """Why a person may not use a verb; None where the person may."""
    if not person.has(Role.ADMINISTRATOR) and not (person.has(Role.OWNER) and person.name == owner):
        who = f"{owner} (its owner) or an administrator" if owner else "an administrator"
        return NotAllowed(f"Only {who} may {verb} proposal {proposal.id}.", clause="role")
    if verb == "approve" and person.name == OPERATOR:
        return NotAllowed(
            "The operator at the terminal is known by the files alone, and approves nothing.",
            clause="second person",
            fix="Approve as a person: --as NAME, with that person's password; or on the portal.",
        )
    if verb == "approve" and person.name == proposal.proposed_by:
        return NotAllowed(
            f"You proposed it: a second person has to approve proposal {proposal.id}.",
            clause="second person",
            fix="Ask another owner or administrator.",
        )
    return None


def check_proved(proposal: Proposal, told: Sequence[Entry]) -> None:
    """Raise unless the log, whose chain holds, says of the proposal what the database says.

    Raises:
        Tampered: it was edited, or moved, in the database.
    """
    first, *later = (entry.event for entry in told) if told else (None,)
    if (
        first is None
        or (first.action, first.actor) != ("policy.proposed", proposal.proposed_by)
        or first.facts.get("proposal_sha256") != proposal.sha256
        or content_hash(proposal.policy) != proposal.policy_hash
    ):
        raise Tampered(
            f"Proposal {proposal.id} is not the one that was proposed: it was changed in the database.",
            place=f"proposal {proposal.id}",
        )
    rows = {row.event: row for row in STEPS}
    state, decided_by = ProposalState.OPEN, ""
    for event in later:
        if row := rows.get(event.action):
            state, decided_by = row.end, event.actor if row.by_a_person else decided_by
    if (state, decided_by) != (proposal.state, proposal.decided_by):
        raise Tampered(
            f"Of proposal {proposal.id}, the database says {proposal.state}; the log says {state}.",
            place=f"proposal {proposal.id}",
        )


def check_account(person: Person, since: Sequence[Entry]) -> None:
    """Raise when the approver's account was made, or taken over, while the proposal waited.

    Args:
        since: the log's entries about the account after the proposal's.

    Raises:
        NotAllowed: the one who did that could be the one who proposed it.
    """
    for entry in since:
        if entry.event.action in ACCOUNT_CHANGED and entry.event.actor != person.name:
            raise NotAllowed(
                f"The account {person.name} was changed by {entry.event.actor} after this was proposed "
                f"(entry {entry.seq} of the log).",
                clause="second person",
                fix="Let somebody else approve it, or propose it again.",
            )


def approval_of(proposal: Proposal, told: Sequence[Entry]) -> Approval:
    """The approval that a proposal and its proved entries amount to.

    Raises:
        Tampered: as ``check_proved``.
        Conflict: it is not approved.
    """
    check_proved(proposal, told)
    approved = [entry.event.actor for entry in told if entry.event.action == "policy.approved"]
    if proposal.state is not ProposalState.APPROVED or not approved:
        raise Conflict(f"Proposal {proposal.id} is {proposal.state}, not approved.")
    return Approval(
        proposal=proposal.id,
        about=proposal.about,
        base_hash=proposal.base_hash,
        policy_hash=proposal.policy_hash,
        proposed_by=proposal.proposed_by,
        approved_by=approved[-1],
    )
