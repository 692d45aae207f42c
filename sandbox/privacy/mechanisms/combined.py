"""Several noisy measurements of one vector → the best one, by inverse variance.

A vector v was measured as v + N(σ₁) at a price of ρ₁ = Δ²/2σ₁², and again, with fresh noise, as v + N(σ₂) at ρ₂. Their
mean, each weighted by 1/σᵢ², has the variance 1/(1/σ₁² + 1/σ₂²): just that of noise bought at once for ρ₁ + ρ₂. So the
difference of two prices pays for the difference of two accuracies. That the losses add up is composition; that
weighing and rounding cost nothing is post-processing.

Source: Bun & Steinke 2016, Lemma 2.3 (composition) and Lemma 2.2 (post-processing); the weighted mean of least
variance, Aitken 1935, "On least squares and linear combinations of observations".

Combined values are whole multiples of 1/``parts``, at most a thousandth of their σ (``parts_for``): rounding moves them
by less than can be seen. Under pure accounting there is no such thing: Laplace noises at ε₁ and ε₂ do not make one at
ε₁ + ε₂, and a better price is a new question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sandbox.domain.privacy_loss import Accounting
from sandbox.privacy.mechanisms.noise import Noise, parts_for

_WEIGHT = 2**80


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """Noisy numbers, post-noise and so public: ``values`` in steps, times ``parts``."""

    values: tuple[int, ...]
    parts: int
    noise: Noise

    @property
    def numbers(self) -> Sequence[int | Fraction]:
        """The values in steps, exactly."""
        return self.values if self.parts == 1 else [Fraction(v, self.parts) for v in self.values]


def together(one: Noise, other: Noise) -> Noise:
    """The noise of the weighted mean of two independent measurements of one vector; its price is that of both.

    Raises:
        ValueError: not Gaussian, or bought for different sensitivities, so that they are not of one vector.
    """
    if {one.accounting, other.accounting} != {Accounting.ZCDP} or one.sensitivity != other.sensitivity:
        raise ValueError("noises of different vectors")
    scales = (*(one.scales or (one.scale,)), *(other.scales or (other.scale,)))
    precision = math.fsum(1 / scale**2 for scale in scales)
    return replace(one, scale=1 / math.sqrt(precision), nano=one.nano + other.nano, scales=scales)


def combined(one: Vector, other: Vector) -> Vector:
    """The weighted mean of two measurements of one vector."""
    noise = together(one.noise, other.noise)
    parts = parts_for(noise.scale)
    weight = round(Fraction((noise.scale / one.noise.scale) ** 2) * _WEIGHT)  # of the first one
    whole = _WEIGHT * one.parts * other.parts
    values = tuple(
        _nearest((b * one.parts * _WEIGHT + weight * (a * other.parts - b * one.parts)) * parts, whole)
        for a, b in zip(one.values, other.values, strict=True)
    )
    return Vector(values=values, parts=parts, noise=noise)


def added_up(noise: Noise, cells: int) -> Noise:
    """At least as wide as the noise of a sum over so many cells of one vector, which is drawn for each cell anew.

    Variances add up. A sum of Gaussian draws is Gaussian; one of Laplace draws has lighter tails than the Laplace law
    of its variance, which is taken.
    """
    root = math.sqrt(cells)
    return replace(noise, scale=noise.scale * root, scales=tuple(scale * root for scale in noise.scales))


def _nearest(number: int, whole: int) -> int:
    """number / whole, rounded half up."""
    return (2 * number + whole) // (2 * whole)
