"""Noise, and its price: OpenDP does both. Nothing here is our own formula but the search for a scale.

Two mechanisms on whole numbers, both drawn from the operating system's randomness, without a floating-point leak:
the discrete Gaussian under zCDP, priced in ρ by the L2 distance, and the discrete Laplace under pure accounting,
priced in ε by the L1 distance. Sums that would leave 64 bits saturate.

Source: Canonne, Kamath & Steinke 2020, "The Discrete Gaussian for Differential Privacy"; Ghosh, Roughgarden &
Sundararajan 2009, "Universally Utility-Maximizing Privacy Mechanisms" (the geometric, which is the discrete Laplace).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import opendp.prelude as dp

from sandbox.domain.errors import BadInput
from sandbox.domain.privacy_loss import Accounting, nanos_rounded_up

# The measurements are proved on paper but not yet through OpenDP's full vetting; they ask to be told so.
dp.enable_features("contrib")

Z_95 = 1.959963984540054  # the two-sided 95 % point of the normal distribution
_WIDEST = 2.0**60  # noise that no longer fits in 64 bits says nothing
_SINGLY = 8  # so many numbers are tried one by one: twice what was ever needed
_FINEST = 10**9  # parts of a step
_GRAIN = 1000  # parts of a σ


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Noise for one vector, with its price.

    Attributes:
        accounting: says which: Gaussian for ``zcdp``, Laplace for ``pure``.
        scale: the σ of the discrete Gaussian, or the scale of the discrete Laplace, in whole steps of what is measured.
        sensitivity: the distance that is paid for, in the same steps: L2 or L1.
        nano: OpenDP's map at that distance, rounded up.
        scales: of the draws that it was combined from (``combined``); empty for a single draw.
    """

    accounting: Accounting = Accounting.ZCDP
    scale: float
    sensitivity: float
    nano: int
    scales: tuple[float, ...] = ()

    def sigma(self, miss: float = 0.05) -> float:
        """The σ of a normal law that is as wide: beyond its two-sided points the noise is in ``miss`` of draws.

        Of the Gaussian its scale. Of the Laplace a little more than its standard deviation; sums of several are nearer
        to normal, with lighter tails, so that a sum of such σ² covers too.
        """
        if self.accounting is Accounting.ZCDP:
            return self.scale
        return self.scale * _as_normal(miss)


@functools.cache
def _as_normal(miss: float) -> float:
    return -math.log(miss) / NormalDist().inv_cdf(1 - miss / 2)


def price(*, scale: float, sensitivity: float, accounting: Accounting = Accounting.ZCDP) -> int:
    """What OpenDP says that this noise costs, in whole nanos, rounded up."""
    distance = sensitivity if accounting is Accounting.ZCDP else math.ceil(sensitivity)
    return nanos_rounded_up(float(_measurement(accounting, scale).map(distance)))


@functools.lru_cache(maxsize=4096)
def noise_for(*, sensitivity: float, nano: int, accounting: Accounting = Accounting.ZCDP) -> Noise:
    """The least noise whose price is not above ``nano``.

    Args:
        sensitivity: L2 under zCDP, L1 under pure accounting; rounded up.

    Raises:
        BadInput: there is none that still fits in 64 bits.
    """
    if nano < 1:
        raise BadInput(
            "The price is too small for so many aggregates.", where="epsilon", fix="Use a larger epsilon."
        )

    # OpenDP's map is Δ²/(2σ²), or Δ over the scale, rounded up in its last digits. So the search begins at that answer
    # and goes up number by number; in longer steps, were the map ever another one. The map decides, not this formula.
    measure = nano / 1e9
    scale = sensitivity / (math.sqrt(2 * measure) if accounting is Accounting.ZCDP else measure)
    cost, steps = nano + 1, 0
    while scale <= _WIDEST and cost > nano:
        scale += math.ulp(scale) * 2 ** max(0, steps - _SINGLY) if steps else 0.0
        steps += 1
        cost = price(scale=scale, sensitivity=sensitivity, accounting=accounting)
    if cost > nano:
        raise BadInput(
            "At this price the noise would be larger than any number kept.",
            where="epsilon",
            fix="Use a larger epsilon.",
        )
    return Noise(accounting=accounting, scale=scale, sensitivity=sensitivity, nano=cost)


def draw(values: Sequence[int], noise: Noise) -> list[int]:
    """The values (each within 64 bits) with fresh noise. Every call is a release and has to be paid for."""
    return [int(value) for value in _measurement(noise.accounting, noise.scale)(list(values))]


def half_width_95(noise: Noise) -> int | float:
    """What the noise stays within with a probability of at least 95 %: of one draw, the smallest such whole number."""
    if noise.scales:
        return _combined_half_width_95(noise.scale, min(noise.scales))
    if noise.accounting is Accounting.PURE:
        return _laplace_half_width_95(noise.scale)
    return _gaussian_half_width_95(noise.scale)


def standard_deviation(noise: Noise) -> float:
    """Of the noise; a little off its continuous relative's where the scale is small."""
    if noise.accounting is Accounting.PURE:
        # Two-sided geometric with p = exp(-1/b): variance 2p / (1-p)².
        p = math.exp(-1 / noise.scale)
        return math.sqrt(2 * p) / -math.expm1(-1 / noise.scale)
    return _gaussian_deviation(noise.scale)


def parts_for(scale: float) -> int:
    """Combined values are whole multiples of 1 over this power of ten: a thousandth of their σ, or whole steps."""
    parts = 1
    while parts < _FINEST and parts * scale < _GRAIN:
        parts *= 10
    return parts


def _combined_half_width_95(scale: float, least: float) -> int | float:
    """Of the weighted mean of several Gaussian draws, of which the most exact has the σ ``least``.

    Its values may lie on a lattice, no wider than the steps in which the most exact draw moves it: half of such a step
    covers what the normal law leaves out. The rounding to parts is added too.
    """
    step = (scale / least) ** 2  # the weight of the most exact draw
    width = Z_95 * scale + step / 2
    parts = parts_for(scale)
    whole = math.ceil(width * parts + 0.5)
    return whole if parts == 1 else whole / parts


def _laplace_half_width_95(scale: float) -> int:
    """P(|X| > w) = 2·p^(w+1) / (1+p) with p = exp(-1/scale): the smallest w for which it is at most 5 %."""
    p = math.exp(-1 / scale)
    return max(0, math.ceil(scale * (math.log(2 / (1 + p)) - math.log(0.05)) - 1))


@functools.lru_cache(maxsize=4096)
def _gaussian_half_width_95(scale: float) -> int:
    if scale > 200:
        return math.ceil(Z_95 * scale)  # the discrete one is the normal one here, to four digits
    weights, total = _weights(scale)
    within = 0.0
    for width, weight in enumerate(weights):
        within += weight if width == 0 else 2 * weight
        if within >= 0.95 * total:
            return width
    return len(weights)


@functools.lru_cache(maxsize=4096)
def _gaussian_deviation(scale: float) -> float:
    if scale > 200:
        return scale
    weights, total = _weights(scale)
    return math.sqrt(sum(2 * x * x * weight for x, weight in enumerate(weights)) / total)


def _weights(scale: float) -> tuple[list[float], float]:
    """The unnormalised probabilities of 0, 1, 2 … and the sum over all whole numbers."""
    weights = [math.exp(-x * x / (2 * scale * scale)) for x in range(math.ceil(12 * scale) + 2)]
    return weights, 2 * sum(weights) - weights[0]


@functools.lru_cache(maxsize=4096)
def _measurement(accounting: Accounting, scale: float) -> Any:
    values = dp.vector_domain(dp.atom_domain(T="i64"))
    if accounting is Accounting.PURE:
        return dp.m.make_laplace(values, dp.l1_distance(T="i64"), scale=scale)
    return dp.m.make_gaussian(values, dp.l2_distance(T="f64"), scale=scale, MO="ZeroConcentratedDivergence")
