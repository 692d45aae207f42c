"""The loss that an attacker measures of a contribution profile stays below the one that was paid, for each histogram.

As in ``test_measured_loss``: everybody else is known, one person is made to weigh as much as the bounds allow, and the
profile is looked at through the statistic that tells D from D' best. Each histogram is then broken in each way that
applies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.policy import BudgetTerms, Table
from sandbox.domain.privacy_loss import Loss, epsilon_of
from sandbox.privacy.mechanisms.noise import Noise, draw
from sandbox.privacy.planning.profile import TILT_PARTS, Counted, Offer, Wanted, offer
from sandbox.privacy.publishing import profiling
from sandbox.privacy.publishing.views import View
from tests.privacy.audit.loss import epsilon_at_least
from tests.privacy.audit.report import LONG, PAIRS, found
from tests.privacy.audit.test_measured_loss import BEYOND, DELTA, OTHERS, POLICY, UPPER
from tests.privacy.made_up import LIMITS
from tests.privacy.test_sensitivity import Cell, view_with

# Of a large cap, a share for each histogram that an audit of few draws can see.
BUDGET = BudgetTerms(epsilon="14", delta=str(DELTA), profile_percent=25)
PERSON = [Cell(0, BEYOND)] * 6
MIDDLE = UPPER // 2
CASES = {
    "units by rows": (Counted.ROWS,),
    "units by their largest share of a key": (Counted.PEAK,),
    "units by how many values of a key they are in": (Counted.GROUPS,),
    "units by their sums": (Counted.SUM,),
    "averages by rows": (Counted.TILT,),
    "a whole profile": tuple(Counted),
}
Histogram = Callable[[Wanted, Table, Any], Any]


def offered(case: str) -> Offer:
    whole = offer(replace(POLICY, budget=BUDGET), "visits")
    assert whole is not None
    kept = [w for w in whole.wanted if w.counted in CASES[case] and w.column in ("", "group", "x")]
    return replace(whole, wanted=tuple(kept), loss=Loss(sum(w.noise.nano for w in kept)))


def by_row(wanted: Wanted, policy_table: Table, table: Any) -> Any:
    """Rows are counted, not units; of a tilt, each row adds what a unit may."""
    if wanted.counted is not Counted.TILT:
        return table.group_by(place=table["_rank"] * 0).aggregate(units=table.count())
    distance = (table.x.clip(lower=wanted.lower, upper=wanted.upper) - MIDDLE) * (TILT_PARTS // MIDDLE)
    return table.group_by(place=table["_rank"] * 0).aggregate(units=distance.sum().coalesce(0))


def no_clamp(wanted: Wanted, policy_table: Table, table: Any) -> Any:
    """A tilt of averages as they are, beyond the bounds too."""
    loose = replace(wanted, lower=wanted.lower - 10 * UPPER, upper=wanted.upper + 10 * UPPER)
    by_unit = table.group_by("_unit").aggregate(
        far=((table.x.clip(lower=loose.lower, upper=loose.upper) - MIDDLE) * (TILT_PARTS // MIDDLE))
        .mean()
        .floor()
    )
    return by_unit.group_by(place=by_unit["_unit"] * 0).aggregate(
        units=by_unit.far.sum().coalesce(0).cast("int64")
    )


def less_noise(noise: Noise) -> Noise:
    return replace(noise, scale=noise.scale / 5)


def as_a_count(noise: Noise) -> Noise:
    """The noise of a histogram that units add 1 to."""
    return replace(noise, scale=noise.scale / TILT_PARTS)


def measured(case: str, views: tuple[View, View], *, change: Callable[[Noise], Noise] | None = None) -> float:
    """The loss of a profile, by the real counting on real views and the real noise."""
    asked = offered(case)
    one, other = (profiling.count_units(asked, view, LIMITS) for view in views)
    samples = ([0.0] * PAIRS, [0.0] * PAIRS)
    for wanted in asked.wanted:
        noise = change(wanted.noise) if change else wanted.noise
        for here, there in zip(
            one[wanted.counted, wanted.column], other[wanted.counted, wanted.column], strict=True
        ):
            if here == there:
                continue  # says nothing; its noise would only blur
            weight = (here - there) / noise.scale**2
            for sample, exact in zip(samples, (here, there), strict=True):
                for place, noisy in enumerate(draw([exact] * PAIRS, noise)):
                    sample[place] += weight * noisy
    return epsilon_at_least(*samples, delta=DELTA)


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> tuple[View, View]:
    def view(name: str, units: list[list[Cell]]) -> View:
        folder: Path = tmp_path_factory.mktemp(name)
        return view_with(folder, units, POLICY)

    return view("with", [*OTHERS, PERSON]), view("without", OTHERS)


@pytest.mark.parametrize("case", CASES)
def test_a_profile_loses_no_more_than_was_paid_and_each_planted_fault_is_caught(
    case: str, neighbours: tuple[View, View], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = epsilon_of(offered(case).loss, delta=DELTA)
    kept = measured(case, neighbours)
    caught = {"noise too small": measured(case, neighbours, change=less_noise)}
    if CASES[case] == (Counted.TILT,):
        caught["noise of a count"] = measured(case, neighbours, change=as_a_count)
    broken: dict[str, Histogram] = {"rows for units": by_row}
    if CASES[case] == (Counted.TILT,):
        broken["no clamp"] = no_clamp
    for fault, histogram in broken.items():
        monkeypatch.setattr(profiling, "histogram", histogram)
        caught[fault] = measured(case, neighbours)
    found(
        "Loss of one person's presence in a profile (epsilon at δ = 0.001)",
        case,
        claimed=f"≤ {claim:.3f}",
        measured=f"≥ {kept:.3f}",
        control="; ".join(f"{fault}: ≥ {value:.2f}" for fault, value in caught.items()),
    )
    assert kept <= claim
    if LONG:
        assert kept > 0.15 * claim, "an audit that sees nothing proves nothing"
    assert all(value > claim for value in caught.values()), caught
