"""What is unusual: so many refusals, questions or wrong sign-ins that somebody should look. It stops nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Unusual(StrEnum):
    REFUSALS = "refusals"
    QUESTIONS = "questions"
    SIGN_INS = "sign-ins"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Something done once: by whom, with what."""

    person: str
    dataset: str  # empty: with none
    grant: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Much:
    """What somebody did so often that it is unusual."""

    what: Unusual
    seen: Seen  # the first of them
    count: int


def unusual(what: Unusual, found: Iterable[Seen], *, from_on: int) -> tuple[Much, ...]:
    """Who did it so often or more, by person and dataset.

    Args:
        found: all of a day, or of an hour.

    >>> ana = Seen(person="ana", dataset="loans")
    >>> [much.count for much in unusual(Unusual.REFUSALS, [ana, ana, ana], from_on=3)]
    [3]
    >>> unusual(Unusual.REFUSALS, [ana, ana], from_on=3)
    ()
    """
    first: dict[tuple[str, str], Seen] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for seen in found:
        key = (seen.person, seen.dataset)
        first.setdefault(key, seen)
        counts[key] += 1
    return tuple(
        Much(what=what, seen=first[key], count=count) for key, count in counts.items() if count >= from_on
    )
