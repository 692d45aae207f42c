"""How useful a dataset was to those who used it.

- A conditional dataset is rated by who holds or held a grant on it, an unconditional one by anybody with an account.
- Nobody rates a dataset of their own; everybody has one rating of each, which they may change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.domain.errors import BadInput, NotAllowed
from sandbox.domain.people import Person
from sandbox.domain.plain_text import plain_text
from sandbox.domain.policy import OpenClass

STARS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One person's word on one dataset."""

    dataset: str
    person: str  # never shown
    stars: int  # 1 to 5
    sentence: str
    hidden: str  # why the sentence is hidden; empty when it is shown
    rated_at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Usefulness:
    """All ratings of a dataset."""

    counts: tuple[int, ...]  # of 1, 2, 3, 4, 5 stars
    sentences: tuple[tuple[int, str, str], ...]  # stars, sentence, day; the newest first

    @property
    def n(self) -> int:
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """1 to 5; None without a rating."""
        return sum(s * n for s, n in zip(STARS, self.counts, strict=True)) / self.n if self.n else None


def check_rating(dataset: str, open_class: OpenClass, person: Person, *, owner: str, had_grant: bool) -> None:
    """Raise unless this person may rate the dataset."""
    if open_class is OpenClass.CLOSED:
        raise NotAllowed(f"{dataset} is closed: nobody has used it.", clause="open_class")
    if owner == person.name:
        raise NotAllowed("Nobody rates their own dataset.", clause="separation of duties")
    if open_class is OpenClass.CONDITIONAL and not had_grant:
        raise NotAllowed(
            f"{dataset} is rated by those who had a grant on it.",
            clause="grant",
            fix="Apply for it first.",
        )


def may_rate(dataset: str, open_class: OpenClass, person: Person, *, owner: str, had_grant: bool) -> bool:
    """The same as a yes or no, for pages."""
    try:
        check_rating(dataset, open_class, person, owner=owner, had_grant=had_grant)
    except NotAllowed:
        return False
    return True


def rating(stars: int, sentence: str) -> tuple[int, str]:
    """Stars and sentence as they are kept."""
    if type(stars) is not int or stars not in STARS:
        raise BadInput(f"{stars!r} is not a number of stars.", where="stars", fix="Give 1 to 5.")
    return stars, plain_text(sentence, where="sentence", least=0, most=300)


def usefulness(ratings: Sequence[Rating]) -> Usefulness:
    """What everybody may see of a dataset's ratings: a hidden sentence still counts with its stars."""
    newest = sorted(ratings, key=lambda r: r.rated_at, reverse=True)
    return Usefulness(
        counts=tuple(sum(1 for r in ratings if r.stars == stars) for stars in STARS),
        sentences=tuple(
            (r.stars, r.sentence, r.rated_at[:10]) for r in newest if r.sentence and not r.hidden
        ),
    )
