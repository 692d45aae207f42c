"""How averages differ with the number of rows: seen where it is so, not seen where it is noise."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.privacy.planning.tilt import averages

BINS = [
    20_000,
    13_000,
    9_000,
    7_000,
    10_000,
    7_000,
    9_000,
    5_000,
    5_500,
    2_900,
    2_900,
    1_200,
    1_000,
    400,
    300,
    100,
    50,
]
DEVIATION = 12.0


def measured(true: list[float], lot: random.Random) -> list[float]:
    sums = [n * a + lot.gauss(0, DEVIATION) for n, a in zip(BINS, true, strict=True)]
    return averages(sums, BINS, deviation=DEVIATION)


def test_where_all_units_are_alike_noise_is_not_taken_for_a_difference() -> None:
    lot = random.Random(1)
    flat = [measured([-0.4] * len(BINS), lot) for _ in range(200)]
    one_stair = sum(max(found) - min(found) < 1e-9 for found in flat)
    assert one_stair >= 190
    bin_by_bin = [
        n * -0.4 + lot.gauss(0, DEVIATION) for n in BINS
    ]  # the control: what is taken for one without
    apart = [total / n for total, n in zip(bin_by_bin, BINS, strict=True)]
    assert max(apart) - min(apart) > 0.05


@pytest.mark.parametrize("first", [6, 10, 13])
def test_where_heavy_units_are_others_it_shows_as_far_as_they_are_many(first: int) -> None:
    lot = random.Random(2)
    found = [measured([-0.4] * first + [0.2] * (len(BINS) - first), lot) for _ in range(100)]
    for place, true in ((0, -0.4), (first, 0.2), (-1, 0.2)):
        assert sum(abs(one[place] - true) < 0.1 for one in found) >= 95


def test_a_slope_is_followed() -> None:
    lot, slope = random.Random(3), [-0.5 + 0.05 * place for place in range(len(BINS))]
    for _ in range(50):
        found = measured(slope, lot)
        assert all(abs(f - s) < 0.08 for f, s in zip(found[:12], slope, strict=False))
        assert found[-1] > 0.05  # of few units, their neighbours' average is taken


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e5)), max_size=20), st.floats(0.1, 1e4))
def test_whatever_was_drawn_an_average_is_within_the_bounds(
    bins: list[tuple[float, float]], noise: float
) -> None:
    found = averages([total for total, _ in bins], [units for _, units in bins], deviation=noise)
    assert len(found) == len(bins)
    assert all(-1 <= average <= 1 for average in found)
