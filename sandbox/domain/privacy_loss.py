"""Privacy loss as exact integers, and its translation to the (epsilon, delta) that people read.

Accounting is zero-concentrated differential privacy (zCDP): losses rho of answers chosen adaptively add up.
Source: Bun & Steinke 2016, "Concentrated Differential Privacy", Lemma 2.3 and Proposition 1.3; filter
(stopping at a cap): Rogers et al. 2016, Feldman & Zrnic 2021.

A loss is kept in whole *nano-rho* (1e-9 rho) and whole *atto-delta* (1e-18 of probability). Prices are rounded up,
caps down; nothing is ever compared with a tolerance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sandbox.domain.errors import BadInput

NANO = 10**9
ATTO = 10**18


@dataclass(frozen=True, slots=True, order=False)
class Loss:
    """What an answer costs, or what a budget holds.

    >>> Loss(nano_rho=5) + Loss(nano_rho=7, atto_delta=1)
    Loss(nano_rho=12, atto_delta=1)
    """

    nano_rho: int
    atto_delta: int = 0

    def __post_init__(self) -> None:
        for field in ("nano_rho", "atto_delta"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int):
                raise BadInput("a privacy loss is a whole number.", where=field)
            if value < 0:
                raise BadInput("a privacy loss is not negative.", where=field)

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.nano_rho + other.nano_rho, self.atto_delta + other.atto_delta)

    def fits_in(self, other: Loss) -> bool:
        """True when neither part is larger than the other's."""
        return self.nano_rho <= other.nano_rho and self.atto_delta <= other.atto_delta

    def minus(self, other: Loss) -> Loss:
        """What is left, never below zero."""
        return Loss(max(0, self.nano_rho - other.nano_rho), max(0, self.atto_delta - other.atto_delta))

    @property
    def rho(self) -> float:
        return self.nano_rho / NANO

    @property
    def delta(self) -> float:
        return self.atto_delta / ATTO


ZERO = Loss(0, 0)


def nano_rho_rounded_up(rho: float) -> int:
    """The smallest whole number of nano-rho that is not below ``rho``.

    Raises:
        BadInput: NaN, infinite or negative.
    """
    if not math.isfinite(rho) or rho < 0:
        raise BadInput("a privacy loss is a finite number, not negative.", where="rho")
    return math.ceil(math.nextafter(rho, math.inf) * NANO) if rho else 0


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
    if loss.nano_rho == 0:
        return 0.0
    if spare <= 0:
        return math.inf
    rho, log_delta = loss.rho, math.log(spare)

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
    """The largest whole-nano-rho loss whose guarantee at ``delta`` is not above ``epsilon``.

    >>> loss_for_epsilon(1.0, delta=1e-6).nano_rho > 17_000_000
    True
    """
    check_epsilon(epsilon)
    low, high = 0, NANO * math.ceil(epsilon + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if epsilon_of(Loss(middle), delta=delta) <= epsilon:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        raise BadInput(
            f"epsilon={epsilon:g} is too small to measure.", where="epsilon", fix="Use at least 0.0005."
        )
    return Loss(low)
