"""Who may publish a dataset, or change its policy; and what is for life."""

from __future__ import annotations

from sandbox.domain.errors import Conflict, NotAllowed
from sandbox.domain.lookalike import lookalike
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_change import differences, loosening
from sandbox.store import Dataset, Store


def check_may_publish(store: Store, person: Person, policy: DatasetPolicy) -> None:
    """Raise unless this person may publish by this policy.

    Raises:
        NotAllowed: it is another owner's, or a new one's name is taken for another's.
        Conflict: it belongs to somebody else, or moves to another budget.
    """
    before = store.datasets.get(policy.name)
    if not person.has(Role.ADMINISTRATOR):
        _check_owner(store, person, policy, before)
    if before is None:
        _check_apart(store, policy)
        _check_siblings(store, policy)
    elif before.policy.budget_lineage != policy.budget_lineage:
        raise Conflict(
            f"{policy.name} draws on the budget of {before.policy.budget_lineage}; that is for life.",
            fix=f"Set lineage: {before.policy.budget_lineage}.",
        )


def _check_owner(store: Store, person: Person, policy: DatasetPolicy, before: Dataset | None) -> None:
    if not person.has(Role.OWNER) or person.name != policy.owner:
        raise NotAllowed(
            f"Only its owner ({policy.owner}) or an administrator may publish {policy.name}.",
            clause="role",
        )
    if before is not None and before.policy.owner != person.name:
        raise Conflict(f"{policy.name} belongs to {before.policy.owner}.")
    for other in store.datasets.all():
        if other.policy.budget_lineage == policy.budget_lineage and other.policy.owner != person.name:
            raise NotAllowed(
                f"The lineage {policy.budget_lineage} is {other.policy.owner}'s, as {other.policy.name} is.",
                clause="lineage",
                fix="Ask them to publish it, or choose another lineage.",
            )


def _check_apart(store: Store, policy: DatasetPolicy) -> None:
    """A copy under nearly the same name, or on nearly the same lineage, would have a budget that nobody looks for."""
    published = store.datasets.all()
    names = [other.policy.name for other in published]
    lineages = [other.policy.budget_lineage for other in published]
    for what, name, others in (
        ("dataset", policy.name, names),
        ("lineage", policy.budget_lineage, lineages),
    ):
        like = lookalike(name, others)
        if like is not None:
            raise NotAllowed(
                f"The {what} {name} would be taken for {like}, which there is.",
                clause="look-alike name",
                fix=f"Choose another name, or set lineage: {like} where it is about the same people.",
            )


def _check_siblings(store: Store, policy: DatasetPolicy) -> None:
    """A first version on an old lineage keeps the terms of its datasets: a copy is no way to loosen them."""
    for other in store.datasets.all():
        if other.policy.budget_lineage != policy.budget_lineage:
            continue
        looser = [
            change.key
            for change in loosening(differences(other.policy, policy))
            if change.key.partition(".")[0] in ("open_class", "access", "release")
        ]
        if looser:
            raise NotAllowed(
                f"{policy.name} is about the same people as {other.policy.name}, and looser in {', '.join(looser)}.",
                clause="second person",
                fix=f"Publish it with the terms of {other.policy.name}; then apply the looser ones, which a second "
                "person approves.",
            )
