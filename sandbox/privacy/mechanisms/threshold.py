"""Keys without a public list: which of them may be shown, and how many units are behind each.

A key that is there only because of one unit must not be seen. So each key's number of distinct units gets noise, and
the key is shown where that is at least a threshold: a key of one unit comes through with a probability below delta.
OpenDP draws, compares and prices; here only the scale and the threshold are searched for. OpenDP 0.16 shows counts
*at* the threshold but leaves them out of its delta (opendp/opendp issue 2922, which our own audit found as well); so
the price is its map for a threshold that is lower by 1. Where that is mended, this pays a little too much.

Before that, ``FLOOR`` − 1 is taken off every count, and keys with nothing left are not looked at. One unit still moves
a count by at most 1 and at most as many counts as before (x ↦ max(0, x − a) never widens a distance), so that the same
price holds; and a column in which nearly every value is unique does not fill the memory.

Source: Rogers 2023, "A Unifying Privacy Analysis Framework for Unknown Domain Algorithms in Differential Privacy";
Korolova et al. 2009, "Releasing search queries and clicks privately" (the threshold).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import opendp.prelude as dp

from sandbox.domain.errors import BadInput
from sandbox.domain.privacy_loss import Accounting, Loss, attos_rounded_up, nanos_rounded_up
from sandbox.privacy.mechanisms.noise import Noise, noise_for
from sandbox.privacy.mechanisms.sensitivity import root_up

FLOOR = 3  # keys with fewer units are not looked at
_WIDEST = 2**60

Found = tuple[Any, ...]  # one cell of an answer, as the private view stores its keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Noise for a number of units per key, and from which noisy number on a key is shown.

    Attributes:
        least: a key is shown where its noisy units are at least this many.
        groups: one unit is in at most so many keys.
        loss: OpenDP's map, rounded up; with the delta it spends.
    """

    noise: Noise
    least: int
    groups: int
    loss: Loss


@functools.lru_cache(maxsize=1024)
def threshold_for(*, groups: int, price: Loss, accounting: Accounting) -> Threshold:
    """The least noise, and then the lowest threshold, for a price.

    Raises:
        BadInput: the price is too small, or leaves no delta.
    """
    sensitivity = float(groups) if accounting is Accounting.PURE else root_up(groups)
    noise = noise_for(sensitivity=sensitivity, nano=price.nano, accounting=accounting)

    def cost(threshold: int) -> Loss:
        return _price(accounting, noise.scale, threshold, groups)

    low, high = 1, 2
    while not cost(high).fits_in(price):
        low, high = high, high * 2
        if high > _WIDEST:
            raise BadInput(
                "At this price no unlisted key could ever be shown.",
                where="epsilon",
                fix="Use a larger epsilon.",
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if cost(middle).fits_in(price) else (middle, high)
    return Threshold(noise=noise, least=high + FLOOR - 1, groups=groups, loss=cost(high))


def shown(units: Mapping[Found, int], threshold: Threshold) -> dict[Found, int]:
    """The keys that may be seen with their noisy units, in an order that says nothing about rows. A release.

    Args:
        units: distinct units of each key, as they are.
    """
    named = {json.dumps(key, default=str): key for key, count in units.items() if count >= FLOOR}
    limit = threshold.least - FLOOR + 1
    noisy = _measurement(threshold.noise.accounting, threshold.noise.scale, limit)(
        {name: units[key] - FLOOR + 1 for name, key in named.items()}
    )
    return {named[name]: int(noisy[name]) + FLOOR - 1 for name in sorted(noisy)}


def _price(accounting: Accounting, scale: float, threshold: int, groups: int) -> Loss:
    """OpenDP's map for the measurement that leaves out counts of ``threshold`` − 1 and below, in fact."""
    distance = (groups, groups, 1) if accounting is Accounting.PURE else (groups, root_up(groups), 1.0)
    measure, delta = _measurement(accounting, scale, threshold - 1).map(distance)
    return Loss(nanos_rounded_up(float(measure)), attos_rounded_up(float(delta)))


@functools.lru_cache(maxsize=256)
def _measurement(accounting: Accounting, scale: float, threshold: int) -> Any:
    counts = dp.map_domain(dp.atom_domain(T="String"), dp.atom_domain(T="i64"))
    if accounting is Accounting.PURE:
        return dp.m.make_laplace_threshold(
            counts,
            dp.l01inf_distance(dp.absolute_distance(T="i64")),
            scale=scale,
            threshold=threshold,
            MO="Approximate<MaxDivergence>",
        )
    return dp.m.make_gaussian_threshold(
        counts,
        dp.l02inf_distance(dp.absolute_distance(T="f64")),
        scale=scale,
        threshold=threshold,
        MO="Approximate<ZeroConcentratedDivergence>",
    )
