"""Privacy loss as exact integers, and its translation to the (epsilon, delta) that people read.

A lineage has one accounting for its whole life, in which the losses of answers chosen adaptively add up:

- ``zcdp``: zero-concentrated differential privacy, its loss is rho. Noise is Gaussian. Best for many answers.
  Source: Bun & Steinke 2016, "Concentrated Differential Privacy", Lemma 2.3 and Proposition 1.3; filter
  (stopping at a cap): Rogers et al. 2016, Feldman & Zrnic 2021.
- ``pure``: differential privacy, its loss is epsilon. Noise is Laplace. Best for fewer than about ten answers.
  Source: Dwork & Roth 2014, Theorem 3.16; filter: Rogers et al. 2016, Theorem 3.3.

A loss is kept in whole *nanos* (1e-9 of rho, or of epsilon) and whole *atto-delta* (1e-18 of probability; spent only
where keys are not listed). Prices are rounded up, caps down; nothing is ever compared with a tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from sandbox.domain.errors import BadInput

NANO = 10**9
ATTO = 10**18
_GUESSES = 12  # before an interval is halved instead


@dataclass(frozen=True, slots=True, order=False)
class Loss:
    """What an answer costs, or what a budget holds.

    >>> Loss(nano=5) + Loss(nano=7, atto_delta=1)
    Loss(nano=12, atto_delta=1)
    """

    nano: int
    atto_delta: int = 0

    def __post_init__(self) -> None:
        for field in ("nano", "atto_delta"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int):
                raise BadInput("a privacy loss is a whole number.", where=field)
            if value < 0:
                raise BadInput("a privacy loss is not negative.", where=field)

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.nano + other.nano, self.atto_delta + other.atto_delta)

    def fits_in(self, other: Loss) -> bool:
        """True when neither part is larger than the other's."""
        return self.nano <= other.nano and self.atto_delta <= other.atto_delta

    def minus(self, other: Loss) -> Loss:
        """What is left, never below zero."""
        return Loss(max(0, self.nano - other.nano), max(0, self.atto_delta - other.atto_delta))

    @property
    def measure(self) -> float:
        """rho, or epsilon under pure accounting."""
        return self.nano / NANO

    @property
    def delta(self) -> float:
        return self.atto_delta / ATTO


ZERO = Loss(0, 0)


class Accounting(StrEnum):
    """How the losses of a lineage add up."""

    ZCDP = "zcdp"
    PURE = "pure"

    @property
    def symbol(self) -> str:
        """What one nano is a billionth of."""
        return "ρ" if self is Accounting.ZCDP else "ε"


@dataclass(frozen=True, slots=True)
class Guarantee:
    """How a lineage's losses are read: what they add up to, as an epsilon at its delta."""

    delta: float
    accounting: Accounting = Accounting.ZCDP

    def __post_init__(self) -> None:
        check_delta(self.delta)

    def epsilon(self, loss: Loss) -> float:
        """The epsilon that a loss guarantees at ``delta``."""
        if self.accounting is Accounting.PURE:
            return loss.measure if loss.delta <= self.delta else math.inf
        return epsilon_of(loss, delta=self.delta)

    def loss(self, epsilon: float) -> Loss:
        """The largest loss that guarantees ``epsilon``, rounded down to whole nanos.

        Raises:
            BadInput: an epsilon out of range, or too small to be kept in nanos.
        """
        if self.accounting is Accounting.PURE:
            nano = math.floor(math.nextafter(check_epsilon(epsilon) * NANO, 0.0))
            return _measurable(nano, epsilon)
        return loss_for_epsilon(epsilon, delta=self.delta)


def nanos_rounded_up(measure: float) -> int:
    """The smallest whole number of nanos that is not below ``measure``.

    Raises:
        BadInput: NaN, infinite or negative.
    """
    return _rounded_up(measure, NANO)


def attos_rounded_up(delta: float) -> int:
    """The smallest whole number of atto-delta that is not below ``delta``; likewise."""
    return _rounded_up(delta, ATTO)


def _rounded_up(number: float, parts: int) -> int:
    if not math.isfinite(number) or number < 0:
        raise BadInput("a privacy loss is a finite number, not negative.", where="loss")
    return math.ceil(Fraction(number) * parts)


def check_epsilon(epsilon: object) -> float:
    """Return epsilon, or raise.

    Raises:
        BadInput: not a finite number above 0 and up to 100.
    """
    if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not math.isfinite(epsilon):
        raise BadInput("epsilon has to be a finite number.", where="epsilon", fix="Try epsilon=0.1.")
    if not 0 < epsilon <= 100:
        raise BadInput(
            f"epsilon={epsilon:g} is outside (0, 100].",
            where="epsilon",
            fix="Smaller is more private: try 0.1.",
        )
    return float(epsilon)


def check_delta(delta: object) -> float:
    """Return delta, or raise unless 0 < delta < 1."""
    if isinstance(delta, bool) or not isinstance(delta, (int, float)) or not 0 < delta < 1:
        raise BadInput("delta has to lie between 0 and 1.", where="delta", fix="Use about 1e-6.")
    return float(delta)


def epsilon_of(loss: Loss, *, delta: float) -> float:
    """The epsilon that a zCDP loss guarantees at ``delta``.

    The optimal Rényi conversion, minimised over the order alpha:
    epsilon = alpha*rho + log((alpha-1)/alpha) + (log(1/delta) - log(alpha)) / (alpha-1).
    The part of delta that the loss itself spends is taken off first.

    Source: Canonne, Kamath & Steinke 2020, "The Discrete Gaussian for Differential Privacy", Proposition 12
    (equation 13). Any alpha > 1 gives a valid bound, so a search that stops early is safe.
    """
    spare = check_delta(delta) - loss.delta
    if loss.nano == 0:
        return 0.0
    if spare <= 0:
        return math.inf
    rho, log_delta = loss.measure, math.log(spare)

    def bound(log_excess: float) -> float:
        excess = math.exp(log_excess)  # alpha - 1
        alpha = 1 + excess
        return alpha * rho + math.log(excess / alpha) - (log_delta + math.log(alpha)) / excess

    # The bound is unimodal in log(alpha - 1): golden-section search around the classical optimum.
    centre = 0.5 * math.log(-log_delta / rho)
    low, high = centre - 4, centre + 4
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(80):
        a, b = high - golden * (high - low), low + golden * (high - low)
        if bound(a) < bound(b):
            high = b
        else:
            low = a
    return max(0.0, min(bound((low + high) / 2), rho + 2 * math.sqrt(-rho * log_delta)))


def loss_for_epsilon(epsilon: float, *, delta: float) -> Loss:
    """The largest zCDP loss in whole nanos whose guarantee at ``delta`` is not above ``epsilon``.

    >>> loss_for_epsilon(1.0, delta=1e-6).nano > 17_000_000
    True
    """
    check_epsilon(epsilon)
    return _measurable(_largest_within(float(epsilon), check_delta(delta)), epsilon)


def _measurable(nano: int, epsilon: float) -> Loss:
    if nano < 1:
        raise BadInput(
            f"epsilon={epsilon:g} is too small to measure.", where="epsilon", fix="Use at least 0.0005."
        )
    return Loss(nano)


@lru_cache(maxsize=4096)
def _largest_within(epsilon: float, delta: float) -> int:
    """The largest whole number of nano-rho whose guarantee at ``delta`` is not above ``epsilon``; 0 for none.

    The guarantee rises with the loss, nearly as a straight line from guess to guess: each guess is where the line
    through the two before meets ``epsilon``. The guarantee itself says on which side of it a whole number lies. About
    eight guesses do; where a dozen did not, the interval is halved.
    """

    def gap(nano: int) -> float:
        return epsilon_of(Loss(nano), delta=delta) - epsilon

    # The first guess: the classical bound rho + 2 sqrt(rho log(1/delta)), solved. It is never below the guarantee.
    log_delta = -math.log(delta)
    low, high = 0, NANO * math.ceil(epsilon + 1)
    before, guess = high, int(NANO * (math.sqrt(log_delta + epsilon) - math.sqrt(log_delta)) ** 2)
    gap_before, guesses = gap(high), 0
    if gap_before <= 0:
        return high
    while high - low > 1:
        guesses += 1
        if guesses > _GUESSES:
            guess = (low + high) // 2
        guess = min(max(guess, low + 1), high - 1)
        gap_here = gap(guess)
        if gap_here <= 0:
            low = guess
        else:
            high = guess
        rise = gap_here - gap_before
        step = gap_here * (guess - before) / rise if rise else 0.0
        before, gap_before, guess = guess, gap_here, math.floor(guess - step)
    return low
