"""The budget's rules.

- A charge is reserved before any row is read, and is never given back once the question may have run.
- A lineage's cap bounds what all people together can learn; a project's quota is fairness within it.
- One question may cost at most the policy's share of the cap.

RESERVED -> RUNNING -> RELEASED | FAILED; RESERVED -> FAILED. All four count as spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.errors import BadInput, Conflict, OverBudget
from sandbox.domain.privacy_loss import ZERO, Guarantee, Loss


class ChargeState(StrEnum):
    RESERVED = "reserved"
    RUNNING = "running"
    RELEASED = "released"
    FAILED = "failed"


NEXT: dict[ChargeState, frozenset[ChargeState]] = {
    ChargeState.RESERVED: frozenset({ChargeState.RUNNING, ChargeState.FAILED}),
    ChargeState.RUNNING: frozenset({ChargeState.RELEASED, ChargeState.FAILED}),
    ChargeState.RELEASED: frozenset(),
    ChargeState.FAILED: frozenset(),
}


def check_step(now: ChargeState, to: ChargeState) -> None:
    """Raise unless a charge may go from ``now`` to ``to``."""
    if to not in NEXT[now]:
        raise Conflict(f"A charge that is {now} cannot become {to}.")


@dataclass(frozen=True, slots=True)
class Account:
    """What one lineage, or one project on it, holds."""

    name: str
    cap: Loss
    spent: Loss

    @property
    def left(self) -> Loss:
        return self.cap.minus(self.spent)

    def percent_left(self) -> float:
        """0 to 100."""
        return 100.0 * self.left.nano / self.cap.nano if self.cap.nano else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What an agreement gives within the accounts: to all its people, to one of them, or for a day.

    Attributes:
        name: as people read it, after "of".
        person: whose questions count; empty for everybody's.
        since: only questions asked from then on count; ISO 8601, UTC; empty for all.
    """

    name: str
    cap: Loss
    application: int
    person: str = ""
    since: str = ""

    def check(self, cost: Loss, *, spent: Loss, guarantee: Guarantee) -> None:
        """Raise ``OverBudget`` unless the cost fits in what is left of it."""
        left = self.cap.minus(spent) if spent.fits_in(self.cap) else ZERO
        if not cost.fits_in(left):
            raise OverBudget(
                f"This question costs ε={guarantee.epsilon(cost):.4g}; "
                f"{self.name} has ε={guarantee.epsilon(left):.4g} left.",
                fix="Ask with a smaller epsilon, or reuse an earlier answer (free)."
                + (" Tomorrow there is more." if self.since else ""),
            )


def check_affordable(
    cost: Loss, accounts: tuple[Account, ...], *, per_question: Loss, guarantee: Guarantee
) -> None:
    """Raise unless the question's price fits in every account and under the cap for one question.

    Raises:
        BadInput: a price of nothing (noise without a price would be an exact answer).
        OverBudget: names the account that is short, and what is left in epsilon.
    """
    if cost.nano <= 0:
        raise BadInput("A question has to cost something.", where="epsilon", fix="Use a larger epsilon.")
    if not cost.fits_in(per_question):
        raise OverBudget(
            f"This question costs ε={guarantee.epsilon(cost):.4g}; one question may cost at most "
            f"ε={guarantee.epsilon(per_question):.4g}.",
            fix="Ask with a smaller epsilon.",
        )
    for account in accounts:
        if cost.atto_delta > account.left.atto_delta:
            raise OverBudget(
                f"This answer by unlisted keys spends δ={cost.delta:.3g}; {account.name} has "
                f"δ={account.left.delta:.3g} left for such answers.",
                fix="Group by keys with listed values: they spend no δ.",
            )
        if not cost.fits_in(account.left):
            left = guarantee.epsilon(account.left)
            raise OverBudget(
                f"This question costs ε={guarantee.epsilon(cost):.4g}; {account.name} has ε={left:.4g} left.",
                fix="Ask with a smaller epsilon, reuse an earlier answer (free), or ask the owner for more.",
            )
