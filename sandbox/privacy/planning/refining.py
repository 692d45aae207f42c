"""A plan → the same plan at a better price, of which a part was paid before.

Only noise is added to a refined answer's price: its bounds, and the vectors that are measured, are those of the answer
that is refined. What is added is split over the vectors as the first price was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.mechanisms.noise import Noise, noise_for
from sandbox.privacy.planning.bounding import BoundingLoss
from sandbox.privacy.planning.choice import Weighing, loss_to
from sandbox.privacy.planning.estimate import column_estimate
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.profile import Profile
from sandbox.privacy.planning.ways import Setting


def topped_up(base: Plan, added: Loss) -> Plan:
    """What a fresh draw measures that is to be combined with an answer of ``base``: the same, with other noise.

    Raises:
        BadInput: the price is too small to be split over the measurements.
    """
    whole = base.loss.nano
    noises = {
        m.target.name: noise_for(
            sensitivity=m.noise.sensitivity,
            nano=added.nano * m.noise.nano // whole,
            accounting=m.noise.accounting,
        )
        for m in base.measurements
    }
    return with_noises(base, noises)


def with_noises(plan: Plan, noises: Mapping[str, Noise], profile: Profile | None = None) -> Plan:
    """The plan with other noises, and what follows from them: price, expected errors, and whether bounds weigh more."""
    lost = plan.bounding_loss
    if profile is not None and lost is not None:
        whole = sum(noise.nano for noise in noises.values())
        lost = loss_to(_setting(plan, whole, profile), plan.bounding)
    return replace(
        plan,
        measurements=tuple(replace(m, noise=noises[m.target.name]) for m in plan.measurements),
        loss=Loss(sum(noises[m.target.name].nano for m in plan.measurements)),
        columns=tuple(column_estimate(recipe, plan.table, noises) for recipe in plan.recipes),
        bounding_loss=lost,
    )


def expected_error(plan: Plan, profile: Profile) -> float:
    """What the planner thinks of a plan: noise and what its bounds leave out, relative to the aggregates."""
    setting = _setting(plan, plan.loss.nano, profile)
    return Weighing(setting).error(plan.bounding) if setting.crowd.strata else 0.0


def expected_loss(plan: Plan, nano: int, profile: Profile) -> BoundingLoss | None:
    """What the plan's bounds are expected to leave out, beside the noise that so many nanos would buy."""
    return loss_to(_setting(plan, nano, profile), plan.bounding)


def _setting(plan: Plan, nano: int, profile: Profile) -> Setting:
    return Setting(
        question=plan.question,
        cells=plan.most_cells,
        recipes=plan.recipes,
        targets=tuple(m.target for m in plan.measurements),
        nano=nano,
        accounting=plan.guarantee.accounting,
        profile=profile,
    )
