"""Price words: how an asker says what an answer may cost, or how exact it has to be.

- One of three: ``epsilon`` (at the policy's δ), ``budget`` (a share of what the asker may spend in all), ``accuracy``
  (how far from the truth the noise may take the answer). What each comes to for a question, the planner says.
- Accuracy is about the noise, in 95 of 100 cells, as every interval here is. It is one number for all aggregates,
  or one for each that is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sandbox.domain.errors import BadInput
from sandbox.domain.privacy_loss import check_epsilon

ACCURACY_FIX = "Write accuracy='±50 at 95%', or for each aggregate: accuracy='n ±50, total ±1000'."
BUDGET_FIX = "Write budget='1%', for instance."
USUAL_EPSILON = 0.1  # what a question costs where neither its text nor its caller has to say it
_LONGEST = 2_000  # characters of a price
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_SHARE = re.compile(rf"\s*({_NUMBER})\s*%\s*")
_WITHIN = re.compile(
    rf"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]{{0,62}})\s*[:=]?\s*)?(?:±|\+/-|\+-)?\s*(?P<width>{_NUMBER})"
    rf"\s*(?:(?:at|@)\s*(?P<sure>{_NUMBER})\s*%\s*)?"
)


@dataclass(frozen=True, slots=True)
class ByEpsilon:
    """This answer alone, at the policy's δ."""

    epsilon: float

    @property
    def text(self) -> str:
        return f"epsilon={self.epsilon:g}"


@dataclass(frozen=True, slots=True)
class ByShare:
    """So much of what the asker may spend in all."""

    percent: Fraction

    @property
    def text(self) -> str:
        return f"budget={float(self.percent):g}%"


@dataclass(frozen=True, slots=True)
class ByAccuracy:
    """The cheapest noise that stays within these half widths in 95 of 100 cells.

    Attributes:
        within: by the aggregate's name, in the aggregate's own unit; under the empty name, of every aggregate.
    """

    within: tuple[tuple[str, Decimal], ...]

    @property
    def text(self) -> str:
        return "accuracy=" + ", ".join(f"{name} ±{width}".strip() for name, width in self.within)


Price = ByEpsilon | ByShare | ByAccuracy


def price_of(
    *,
    epsilon: float | None = None,
    budget: str | None = None,
    accuracy: str | Mapping[str, object] | None = None,
) -> Price | None:
    """The price that these words say; None when none of them is given.

    Raises:
        BadInput: more than one is given, or one cannot be read.
    """
    given = {"epsilon": epsilon, "budget": budget, "accuracy": accuracy}
    said = [name for name, value in given.items() if value is not None]
    if len(said) > 1:
        raise BadInput(
            f"{' and '.join(said)} are two prices.",
            where=said[1],
            fix="Say one: epsilon, budget or accuracy.",
        )
    if epsilon is not None:
        return ByEpsilon(check_epsilon(epsilon))
    if budget is not None:
        return share_of(budget)
    if accuracy is not None:
        return accuracy_of(accuracy)
    return None


def share_of(budget: object) -> ByShare:
    """``'1%'`` → a hundredth.

    Raises:
        BadInput: no percentage above 0 and up to 100.
    """
    found = _SHARE.fullmatch(budget) if isinstance(budget, str) and len(budget) <= _LONGEST else None
    if found is None:
        raise BadInput(
            "A budget is a percentage of what you may spend in all.", where="budget", fix=BUDGET_FIX
        )
    percent = Fraction(found.group(1))
    if not 0 < percent <= 100:
        raise BadInput(f"{float(percent):g} % is outside of 0 to 100.", where="budget", fix=BUDGET_FIX)
    return ByShare(percent)


def accuracy_of(accuracy: object) -> ByAccuracy:
    """``'±50 at 95%'``, ``'50'``, ``'+-50'``, ``'n ±50, total ±1000'``, or ``{'n': '±50', 'total': 1000}``.

    >>> accuracy_of("+-2.5 at 95%").text, accuracy_of("n ±50, total: ±1000").text
    ('accuracy=±2.5', 'accuracy=n ±50, total ±1000')

    Raises:
        BadInput: it cannot be read, is not about 95 %, or names an aggregate twice.
    """
    if isinstance(accuracy, Mapping):
        items = [_within(str(width), name=str(name)) for name, width in accuracy.items()]
    elif isinstance(accuracy, str) and len(accuracy) <= _LONGEST:
        items = [_within(item) for item in accuracy.split(",")]
    else:
        raise BadInput("This accuracy cannot be read.", where="accuracy", fix=ACCURACY_FIX)
    names = [name for name, _ in items]
    if not items or len(set(names)) != len(names):
        raise BadInput(
            "accuracy says no number, or two for one aggregate.", where="accuracy", fix=ACCURACY_FIX
        )
    if "" in names and len(names) > 1:
        raise BadInput(
            "accuracy says a number for all aggregates and others for some.",
            where="accuracy",
            fix=ACCURACY_FIX,
        )
    return ByAccuracy(tuple(sorted(items)))


def _within(text: str, *, name: str = "") -> tuple[str, Decimal]:
    found = _WITHIN.fullmatch(text)
    if found is None or (name and found.group("name")):
        raise BadInput(f"{text.strip()[:60]!r} is no accuracy.", where="accuracy", fix=ACCURACY_FIX)
    if found.group("sure") is not None and Decimal(found.group("sure")) != 95:
        raise BadInput(
            f"Intervals are stated at 95 %, not at {found.group('sure')} %.",
            where="accuracy",
            fix=ACCURACY_FIX,
        )
    width = Decimal(found.group("width"))
    if not width:
        raise BadInput("An accuracy of ±0 would be an exact answer.", where="accuracy", fix=ACCURACY_FIX)
    return (name or found.group("name") or "").lower(), width.normalize() if width < 1 else +width
