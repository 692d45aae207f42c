"""Variance, covariance and correlation from noisy sums: values, and intervals that cover in 95 of 100 draws.

What is measured: a count n, centred sums x and y, sums of squares xx and yy, a sum of products xy; whole numbers with
independent noise of a known law. Of them, sums about the mean: a = xy − x·y/n, b = xx − x²/n, c = yy − y²/n. Then
the covariance is a/(n − 1), the variance b/(n − 1) and the correlation a/√(b·c).

The interval of θ = a/d, with d = n − 1, is Fieller's set: all θ for which a − θ·d is within z standard deviations of 0
(``fieller.ratio``). It would cover in exactly 95 of 100 draws were a − θ·d a sum of the noises with fixed weights. It
nearly is: n, xy and xx stand in it as they are, and only x·y/n bends it. So

- what the bend adds to the mean is taken off: E[x·y/n] − x·y/n is about (m_x·m_y·σ_n²)/n, with m = mean of the
  column, and for x²/n about (σ_x² + m_x²·σ_n²)/n (second order of the Taylor series);
- it is used only where the bend is small beside the whole noise (``_straight``): the share of it in the deviation,
  and the skewness that it gives. Elsewhere the caller takes a wider interval that rests on no approximation.

For a correlation d is √(b·c), whose weights are those of b and c, and whose mean is set right likewise; both have to
stand clear of their noise (``_CLEAR``). The audit draws 10 000 intervals of each kind (``tests/privacy/audit``), and
``tests/privacy/test_pairs.py`` looks for crowds and noises at which fewer than 94 of 100 would cover.

Source: Fieller 1954 for the set; Bickel & Doksum 2015, "Mathematical Statistics" vol. 1, section 5.3, for moments of
functions of means.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from sandbox.privacy.mechanisms.fieller import ratio
from sandbox.privacy.mechanisms.noise import Noise

_ENOUGH = 8.0  # deviations of its noise that the count is away from 0
_BEND, _SKEW = 0.15, 0.1  # of x·y/n: the largest share of the deviation, and a third of the largest skewness
_CLEAR = 0.3  # the largest relative deviation of a variance that a correlation is divided by


@dataclass(frozen=True, slots=True)
class Noisy:
    """A number with its noise, both in units of ``unit``."""

    number: float
    noise: Noise
    unit: int = 1

    @property
    def value(self) -> float:
        return self.number * self.unit

    @property
    def sd(self) -> float:
        """Of a normal law as wide as the noise: its standard deviation, or for Laplace noise a little more."""
        return self.noise.sigma() * self.unit

    def within(self, miss: float) -> tuple[float, float]:
        """An interval that leaves the truth out in at most ``miss`` of draws."""
        width = NormalDist().inv_cdf(1 - miss / 2) * self.noise.sigma(miss) * self.unit
        return self.value - width, self.value + width


@dataclass(frozen=True, slots=True)
class _Sum:
    """A value that follows from the noisy numbers, and its slope in each of them, by name."""

    value: float
    slopes: Mapping[str, float]


class Moments:
    """What is known of one cell.

    Args:
        numbers: ``n``, ``x``, ``xx``, and of a pair ``y``, ``xy`` and perhaps ``yy``, by these names; n above 0.
    """

    def __init__(self, numbers: Mapping[str, Noisy]) -> None:
        self._numbers = numbers
        self._n = numbers["n"].value

    def about_the_means(self, one: str, other: str) -> _Sum:
        """a, b or c: the sum of products less what the means give, without what noise adds to it on average."""
        first, second = self._mean(one), self._mean(other)
        both = "".join(sorted((one, other)))
        slopes = {both: 1.0, "n": first * second}
        for name, mean in ((one, second), (other, first)):
            slopes[name] = slopes.get(name, 0.0) - mean
        added = self._covariance(self._away(one), self._away(other)) / self._n
        return _Sum(self._numbers[both].value - first * second * self._n + added, slopes)

    def over_rows(self, one: str, other: str, *, less: int) -> tuple[float, float] | None:
        """The 95 % interval of a sum about the means over n − ``less``; None where it might not cover."""
        if not self._enough_rows():
            return None
        over, under = self.about_the_means(one, other), _Sum(self._n - less, {"n": 1.0})
        left = self._difference(over, under, over.value / under.value)
        bends = [(one, other, 1.0)]
        return self._ratio(over, under) if self._straight(left, bends) else None

    def correlation(self) -> tuple[float, float] | None:
        """The 95 % interval of a/√(b·c); None where it might not cover."""
        over = self.about_the_means("x", "y")
        one, other = self.about_the_means("x", "x"), self.about_the_means("y", "y")
        if not self._enough_rows() or not (self._clear(one) and self._clear(other)):
            return None
        root = math.sqrt(one.value * other.value)
        weights = 0.5 * other.value / root, 0.5 * one.value / root
        slopes = {
            name: weights[0] * one.slopes.get(name, 0.0) + weights[1] * other.slopes.get(name, 0.0)
            for name in {**one.slopes, **other.slopes}
        }
        # E√(b·c) is below √(b·c): the root bends downwards.
        lost = (
            self._covariance(one, one) / one.value**2 / 8
            + self._covariance(other, other) / other.value**2 / 8
            - self._covariance(one, other) / (one.value * other.value) / 4
        )
        under = _Sum(root * (1 + lost), slopes)
        found = over.value / under.value
        left = self._difference(over, under, found)
        bends = [("x", "y", 1.0), ("x", "x", abs(found) * weights[0]), ("y", "y", abs(found) * weights[1])]
        return self._ratio(over, under) if self._straight(left, bends) else None

    def _mean(self, name: str) -> float:
        return self._numbers[name].value / self._n

    def _away(self, name: str) -> _Sum:
        """How a sum's noise moves it away from n times the mean."""
        return _Sum(0.0, {name: 1.0, "n": -self._mean(name)})

    def _difference(self, one: _Sum, other: _Sum, times: float) -> _Sum:
        names = {**one.slopes, **other.slopes}
        return _Sum(0.0, {n: one.slopes.get(n, 0.0) - times * other.slopes.get(n, 0.0) for n in names})

    def _covariance(self, one: _Sum, other: _Sum) -> float:
        return math.fsum(
            slope * other.slopes.get(name, 0.0) * self._numbers[name].sd ** 2
            for name, slope in one.slopes.items()
        )

    def _ratio(self, over: _Sum, under: _Sum) -> tuple[float, float] | None:
        return ratio(
            over=over.value,
            under=under.value,
            over_variance=self._covariance(over, over),
            under_variance=self._covariance(under, under),
            covariance=self._covariance(over, under),
        )

    def _enough_rows(self) -> bool:
        return self._n > max(2.0, _ENOUGH * self._numbers["n"].sd)

    def _clear(self, square: _Sum) -> bool:
        return square.value > 0 and self._covariance(square, square) < (_CLEAR * square.value) ** 2

    def _straight(self, left: _Sum, bends: list[tuple[str, str, float]]) -> bool:
        """Whether products of noises, each with its weight, hardly show in a sum of noises.

        A product dx·dy/n has the deviation √(σ_x²·σ_y² + σ_xy²)/n, and together with the sum a third cumulant of
        6·cov(sum, dx)·cov(sum, dy)/n.
        """
        sd = math.sqrt(self._covariance(left, left))
        if sd == 0:
            return False
        share = skew = 0.0
        for one, other, weight in bends:
            first, second = self._away(one), self._away(other)
            alone = self._covariance(first, first) * self._covariance(second, second)
            share += weight * math.sqrt(alone + self._covariance(first, second) ** 2) / (self._n * sd)
            along = self._covariance(left, first) * self._covariance(left, second)
            skew += weight * 2 * abs(along) / (self._n * sd**3)
        return share <= _BEND and skew <= _SKEW
