"""What of a lineage's budget is spent, promised and free: a project finds what it was promised, whoever asks first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from sandbox.domain.access import Grant
from sandbox.domain.agreement import budget_of
from sandbox.domain.application import ApplicationState
from sandbox.domain.budget import Allowance
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.privacy_loss import Loss
from sandbox.store import Store

_LIVE = (ApplicationState.APPROVED, ApplicationState.ACTIVE)


def uncommitted(store: Store, policy: DatasetPolicy, *, but: int = 0) -> Loss:
    """What can still be promised: the cap (times ``promise_percent``) without what is spent and what is promised.

    Args:
        but: an application whose promise ends when the one in hand begins.
    """
    assert policy.budget is not None  # noqa: S101 - check() demands it of private datasets
    account = store.ledger.accounts(policy.budget_lineage, "")[0]
    cap = account.cap.nano * policy.budget.promise_percent // 100
    promised = promised_on(store, policy.budget_lineage, but=but)
    return Loss(max(0, cap - account.spent.nano - promised.nano), account.left.atto_delta)


def promised_on(store: Store, lineage: str, *, but: int = 0) -> Loss:
    """What the agreements on a lineage still owe their projects: what they give, without what was asked."""
    nano = 0
    for name, _ in store.datasets.of_lineage(lineage):
        for application in store.access.applications(dataset=name, states=_LIVE):
            if application.id != but:
                given = budget_of(store.access.agreement(application.id).document())
                nano += max(0, given.nano - store.ledger.spent_under(application.id).nano)
    return Loss(nano)


def left_under(store: Store, policy: DatasetPolicy, grant: Grant, allowances: Sequence[Allowance]) -> Loss:
    """What a grant's holder can still spend now: the least of the accounts and of what the agreement gives."""
    left = [account.left for account in store.ledger.accounts(policy.budget_lineage, grant.project)]
    for allowance in allowances:
        spent = store.ledger.spent_under(
            allowance.application, person=allowance.person, since=allowance.since
        )
        left.append(
            Loss(
                max(0, allowance.cap.nano - spent.nano),
                max(0, allowance.cap.atto_delta - spent.atto_delta),
            )
        )
    return Loss(min(one.nano for one in left), min(one.atto_delta for one in left))


def day_began(today: date) -> str:
    """The first moment of a day, as times are kept: ISO 8601, UTC."""
    return datetime.combine(today, time(), tzinfo=UTC).isoformat(timespec="microseconds")
