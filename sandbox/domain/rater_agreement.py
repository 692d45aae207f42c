"""How far reviewers agree beyond chance: Cohen's kappa for two people, Fleiss' for more.

- Only votes that were cast blind count: who decides a split has read what the others wrote.
- Two people who voted on everything together are rated by Cohen's kappa, which knows each one's own habits. A pool, in
  which other pairs meet every time, is rated by Fleiss', which does not need the same people at each request.

Source: Cohen, Educational and Psychological Measurement 20 (1960), 37-46; Fleiss, Psychological Bulletin 76 (1971),
378-382, with pairs counted request by request so that their number may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.domain.release import Vote

Ballot = Mapping[str, str]  # who voted how on one turn, blind


@dataclass(frozen=True, slots=True, kw_only=True)
class CastTurn:
    """The votes that decided one turn, in the order in which they were cast."""

    votes: tuple[Vote, ...]
    blind: int  # the first of them, cast without a word of the others

    @property
    def ballot(self) -> Ballot:
        """Those that were cast blind."""
        return {v.reviewer: v.decision for v in self.votes[: self.blind]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far they agree.

    Attributes:
        measure: ``cohen`` or ``fleiss``.
        raters: how many people voted.
        items: turns with at least two blind votes.
        observed_percent: pairs of votes that agree; None without items.
        kappa: 1: always, 0: as often as by chance; None where everybody always voted the same, or without items.
    """

    measure: str
    raters: int
    items: int
    observed_percent: int | None
    kappa: float | None


def rater_agreement(ballots: Sequence[Ballot]) -> Agreement:
    """The agreement over turns; those with fewer than two votes tell nothing about it.

    >>> two = [{"rita": "approve", "ravi": "approve"}] * 3 + [{"rita": "return", "ravi": "approve"}]
    >>> rater_agreement(two)
    Agreement(measure='cohen', raters=2, items=4, observed_percent=75, kappa=0.0)
    """
    rated = [ballot for ballot in ballots if len(ballot) > 1]
    people = sorted({name for ballot in rated for name in ballot})
    if not rated:
        return Agreement(measure="fleiss", raters=0, items=0, observed_percent=None, kappa=None)
    cohen = len(people) == 2
    observed = sum(_agreeing(ballot) for ballot in rated) / len(rated)
    expected = _cohen_chance(rated, people) if cohen else _fleiss_chance(rated)
    return Agreement(
        measure="cohen" if cohen else "fleiss",
        raters=len(people),
        items=len(rated),
        observed_percent=round(100 * observed),
        kappa=None if expected >= 1 else round((observed - expected) / (1 - expected), 2),
    )


def _agreeing(ballot: Ballot) -> float:
    """The share of pairs of votes on one turn that are alike."""
    n = len(ballot)
    return sum(k * (k - 1) for k in Counter(ballot.values()).values()) / (n * (n - 1))


def _cohen_chance(rated: Sequence[Ballot], people: Sequence[str]) -> float:
    one, two = (Counter(ballot[name] for ballot in rated) for name in people)
    return sum(one[vote] * two[vote] for vote in one) / len(rated) ** 2


def _fleiss_chance(rated: Sequence[Ballot]) -> float:
    votes = Counter(vote for ballot in rated for vote in ballot.values())
    return sum((k / votes.total()) ** 2 for k in votes.values())
