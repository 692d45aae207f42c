"""A price, split over what it is spent on: each part gets by what it needs.

The noise of a vector with sensitivity Δ has the variance Δ²/(2ρ) when ρ is spent on it (the Gaussian mechanism under
zCDP, where ρ adds up), and 2Δ²/ε² when ε is (Laplace noise under pure differential privacy, where ε adds up). Both
are ``need / share ** power``, but for a factor that all have in common: power 1 and power 2.

The least total. Of Σ nᵢ / sᵢᵖ over all shares with Σ sᵢ = s, the least is where no share is worth more elsewhere
(Lagrange): p·nᵢ / sᵢᵖ⁺¹ is the same for all i. So sᵢ ∝ nᵢ^(1/(p+1)): for zCDP the root of the need, for pure the
third root. Put in, the least total is (Σ nᵢ^(1/(p+1)))ᵖ⁺¹ / sᵖ. The sum is convex in the shares, so it is the only one.

Source: for p = 1 the same sum as in the allocation of a sample to strata, Neyman 1934, J. R. Stat. Soc. 97(4), 558-625;
for p = 2 Yaroslavtsev, Cormode, Procopiuc & Srivastava 2013, "Accurate and efficient private release of datacubes and
contingency tables", ICDE, on budgets that are not uniform.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.domain.privacy_loss import Accounting

_FINE = 2**40  # shares are told apart so finely


def power_of(accounting: Accounting) -> int:
    """By which power of what is spent the variance falls."""
    return 2 if accounting is Accounting.PURE else 1


def least_total(needs: Sequence[float], *, power: int) -> float:
    """Σ need / share ** power at a price of 1, split as ``split`` does."""
    return float(sum(need ** (1 / (power + 1)) for need in needs) ** (power + 1))


def parts(needs: Sequence[float], *, power: int) -> tuple[float, ...]:
    """What part of a price each gets, for the least Σ need / share ** power; together 1.

    Args:
        needs: not below zero, and not all zero.

    >>> parts([4.0, 1.0], power=1)
    (0.6666666666666666, 0.3333333333333333)
    """
    roots = [need ** (1 / (power + 1)) for need in needs]
    whole = sum(roots)
    return tuple(root / whole for root in roots)


def split(whole: int, needs: Sequence[float], *, power: int) -> tuple[int, ...]:
    """A price in whole numbers, all of it and no more, split by ``parts``. Each gets 1 at least, where there is enough.

    >>> split(100, [4.0, 1.0], power=1)
    (67, 33)
    """
    shares = [round(part * _FINE) for part in parts(needs, power=power)]
    to_give = max(0, whole - len(needs))
    given = [min(1, whole // len(needs)) + to_give * share // sum(shares) for share in shares]
    given[0] += whole - sum(given) if whole >= len(needs) else 0  # what rounding down has left over
    return tuple(given)
