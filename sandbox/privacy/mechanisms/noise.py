"""Noise, and its price: OpenDP does both. Nothing here is our own formula but the search for a scale.

The mechanism is the discrete Gaussian on whole numbers (Canonne, Kamath & Steinke 2020), which draws from the
operating system's randomness and has no floating-point leak. Sums that would leave 64 bits saturate.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import opendp.prelude as dp

from sandbox.domain.errors import BadInput
from sandbox.domain.privacy_loss import nano_rho_rounded_up
from sandbox.privacy.mechanisms.sensitivity import root_up

# The Gaussian measurement is proved on paper but not yet through OpenDP's full vetting; it asks to be told so.
dp.enable_features("contrib")

Z_95 = 1.959963984540054  # the two-sided 95 % point of the normal distribution
_WIDEST = 2.0**60  # noise that no longer fits in 64 bits says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Discrete Gaussian noise for one vector, with its price.

    Attributes:
        scale: the σ of the discrete Gaussian, in whole steps of what is measured.
        sensitivity: the L2 distance that is paid for, in the same steps.
        nano_rho: OpenDP's map at that distance, rounded up.
    """

    scale: float
    sensitivity: float
    nano_rho: int


def price(*, scale: float, sensitivity: float) -> int:
    """What OpenDP says that this noise costs, in whole nano-rho, rounded up."""
    return nano_rho_rounded_up(float(_measurement(scale).map(sensitivity)))


@functools.lru_cache(maxsize=4096)
def noise_for(*, sensitivity_squared: int, nano_rho: int) -> Noise:
    """The least noise whose price is not above ``nano_rho``.

    Raises:
        BadInput: there is none that still fits in 64 bits.
    """
    sensitivity = root_up(sensitivity_squared)
    if nano_rho < 1:
        raise BadInput(
            "The price is too small for so many aggregates.", where="epsilon", fix="Use a larger epsilon."
        )
    low = high = sensitivity / math.sqrt(2 * nano_rho / 1e9)  # where the search starts; the price decides
    step = 2.0**-40
    while price(scale=high, sensitivity=sensitivity) > nano_rho:
        low, high, step = high, high * (1 + step), step * 2
    for _ in range(60):
        middle = low + (high - low) / 2
        if not low < middle < high:
            break
        if price(scale=middle, sensitivity=sensitivity) > nano_rho:
            low = middle
        else:
            high = middle
    if high > _WIDEST:
        raise BadInput(
            "At this price the noise would be larger than any number kept.",
            where="epsilon",
            fix="Use a larger epsilon.",
        )
    return Noise(scale=high, sensitivity=sensitivity, nano_rho=price(scale=high, sensitivity=sensitivity))


def draw(values: Sequence[int], noise: Noise) -> list[int]:
    """The values (each within 64 bits) with fresh noise. Every call is a release and has to be paid for."""
    return [int(value) for value in _measurement(noise.scale)(list(values))]


@functools.lru_cache(maxsize=4096)
def half_width_95(scale: float) -> int:
    """The smallest whole number that the noise stays within with a probability of at least 95 %."""
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
def standard_deviation(scale: float) -> float:
    """Of the discrete Gaussian; a little below its scale where the scale is small."""
    if scale > 200:
        return scale
    weights, total = _weights(scale)
    return math.sqrt(sum(2 * x * x * weight for x, weight in enumerate(weights)) / total)


def _weights(scale: float) -> tuple[list[float], float]:
    """The unnormalised probabilities of 0, 1, 2 … and the sum over all whole numbers."""
    weights = [math.exp(-x * x / (2 * scale * scale)) for x in range(math.ceil(12 * scale) + 2)]
    return weights, 2 * sum(weights) - weights[0]


@functools.lru_cache(maxsize=4096)
def _measurement(scale: float) -> Any:
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    return dp.m.make_gaussian(*space, scale=scale, MO="ZeroConcentratedDivergence")
