"""Fieller's interval of a ratio of two noisy numbers."""

from __future__ import annotations

import math

from sandbox.privacy.mechanisms.noise import Z_95


def ratio(
    *, over: float, under: float, over_variance: float, under_variance: float, covariance: float
) -> tuple[float, float] | None:
    """The 95 % interval of a ratio of two jointly normal numbers; None where the lower one may be 0.

    All θ with |over − θ·under| ≤ z·√(v_o − 2θ·c + θ²·v_u): for θ the true ratio the left side is normal with just
    that variance. It is a bounded interval when under² > z²·v_u.

    Source: Fieller 1954, "Some problems in interval estimation", J. R. Stat. Soc. B 16(2), 175-185.
    """
    z = Z_95 * Z_95
    a = under * under - z * under_variance
    if a <= 0:
        return None
    b = over * under - z * covariance
    c = over * over - z * over_variance
    spread = math.sqrt(max(0.0, b * b - a * c))
    return (b - spread) / a, (b + spread) / a
