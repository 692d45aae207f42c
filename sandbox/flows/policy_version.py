"""A policy takes its place: the version, the budget that follows from it, what becomes of proposals; all or nothing.

Publishing and applying both end here; nothing else makes a version or raises a budget.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.domain.audit import Event, Fact
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import Conflict
from sandbox.domain.people import Person
from sandbox.domain.policy import BudgetTerms, DatasetPolicy
from sandbox.domain.policy_change import Approval, check_change
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.proposal import STEPS, Proposal, ProposalState, approval_of
from sandbox.store import Dataset, Store

APPLY = next(step for step in STEPS if step.verb == "apply")


def standing_approval(
    store: Store, about: str, *, base_hash: str, policy_hash: str
) -> tuple[Proposal, Approval] | None:
    """The approved proposal of exactly this change that waits to be carried out, proved by the log."""
    for proposal in store.policies.proposals(about, states=(ProposalState.APPROVED,)):
        if (proposal.base_hash, proposal.policy_hash) == (base_hash, policy_hash):
            return proposal, approval_of(proposal, store.log.proved(proposal.object))
    return None


def check_version(store: Store, policy: DatasetPolicy) -> None:
    """Raise, before any work is done, unless the policy may take the place of the published one.

    Raises:
        NotAllowed: it loosens, and nobody else approved this change.
    """
    before = store.datasets.get(policy.name)
    if before is None:
        return
    about, digest = f"dataset:{policy.name}", content_hash(policy_to_document(policy))
    found = standing_approval(store, about, base_hash=before.policy_hash, policy_hash=digest)
    check_change(
        about,
        before.policy,
        policy,
        base_hash=before.policy_hash,
        policy_hash=digest,
        approval=found[1] if found else None,
    )


def make_version(
    store: Store,
    person: Person,
    policy: DatasetPolicy,
    *,
    snapshot: str,
    public_files: Mapping[str, str],
    report: Mapping[str, object],
    action: str,
    raw_files: Mapping[str, str] | None = None,
) -> Dataset:
    """Make the newest version of a dataset, with its budget.

    Args:
        raw_files: what its rows are made of, by table; those of the version before when not given.
        action: what the log calls it: ``dataset.published``, ``policy.applied``.

    Raises:
        NotAllowed: it loosens, and nobody else approved this change.
        Conflict: the budget would rise by more than was approved, or change its accounting.
    """
    about, digest = f"dataset:{policy.name}", content_hash(policy_to_document(policy))
    with store.transaction():
        before = store.datasets.get(policy.name)
        base_hash = before.policy_hash if before is not None else ""
        found = standing_approval(store, about, base_hash=base_hash, policy_hash=digest)
        proposal, approval = found or (None, None)
        if policy.budget is not None and policy.private:
            was = before.policy.budget if before is not None else None
            _settle_budget(store, person, policy.budget_lineage, policy.budget, was, approval)
        facts: dict[str, Fact] = {
            "policy_sha256": digest,
            "was_sha256": base_hash,
            "snapshot": snapshot,
            "class": str(policy.open_class),
        }
        made = store.datasets.publish(
            policy,
            policy_hash=digest,
            snapshot=snapshot,
            public_files=public_files,
            report=report,
            raw_files=raw_files if raw_files is not None else before.raw_files if before is not None else {},
            approval=approval,
            event=Event(person.name, action, about, facts | _number(proposal)),
        )
        settle_proposals(store, person, about, policy_hash=digest, carried_out=proposal)
        return made


def settle_proposals(
    store: Store, person: Person, about: str, *, policy_hash: str, carried_out: Proposal | None
) -> None:
    """After a policy took its place: the proposal that it came from is done, and others about the old one are void."""
    if carried_out is not None:
        event = Event(person.name, APPLY.event, carried_out.object, {"policy_sha256": policy_hash})
        store.policies.move(carried_out, APPLY, event=event)
    event = Event(person.name, "policy.voided", "proposal:new", {"policy_sha256": policy_hash})
    store.policies.void_others(about, policy_hash=policy_hash, event=event)


def _settle_budget(
    store: Store,
    person: Person,
    lineage: str,
    budget: BudgetTerms,
    was: BudgetTerms | None,
    approval: Approval | None,
) -> None:
    rises = was is not None and not (
        budget.cap.fits_in(was.cap) and budget.per_project.fits_in(was.per_project)
    )
    if was is None or approval is None or not rises:
        store.ledger.open_account(
            lineage,
            accounting=budget.accounting,
            cap=budget.cap,
            project_cap=budget.per_project,
            event=Event(person.name, "budget.opened", f"lineage:{lineage}", {"cap_nano": budget.cap.nano}),
        )
        return
    if budget.accounting is not was.accounting:
        raise Conflict(
            f"The lineage {lineage} counts in {was.accounting}, for its whole life.",
            fix=f"Write accounting: {was.accounting}.",
        )
    whole, project = store.ledger.accounts(lineage, "")
    if (whole.cap, project.cap) != (was.cap, was.per_project):
        raise Conflict(
            f"The budget of lineage {lineage} is not the one that this change raises: another dataset lowered it.",
            fix="Publish this dataset with the lower budget first, and raise it from there.",
        )
    store.ledger.raise_cap(
        lineage,
        cap=budget.cap,
        project_cap=budget.per_project,
        approval=approval,
        event=Event(person.name, "budget.raised", f"lineage:{lineage}"),
    )


def _number(proposal: Proposal | None) -> dict[str, Fact]:
    return {"proposal": proposal.id} if proposal is not None else {}
