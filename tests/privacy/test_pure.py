"""Pure accounting: Laplace noise, priced by OpenDP in epsilon, by the L1 sensitivity."""

from __future__ import annotations

import math
from dataclasses import replace

import opendp.prelude as dp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.policy import BudgetTerms, DatasetPolicy
from sandbox.domain.privacy_loss import Accounting, Guarantee, Loss
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.noise import Noise, draw, half_width_95, noise_for, price
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import hospital

QUESTIONS = (
    "select count(*) from visits",
    "select sex, ward, count(*), count(distinct patient_id) u from visits group by sex, ward",
    "select ward, sum(cost), avg(age) from visits group by ward",
    "select stddev(age), median(cost) from visits",
)


def pure(**changes: object) -> DatasetPolicy:
    policy = hospital(**changes)
    assert policy.budget is not None
    return replace(policy, budget=replace(policy.budget, accounting=Accounting.PURE))


def planned(sql: str, *, nano: int = 10**9, policy: DatasetPolicy | None = None) -> Plan:
    policy = policy or pure()
    return plan(parse(sql, policy), policy, target=Loss(nano))


@pytest.mark.parametrize("sql", QUESTIONS)
@pytest.mark.parametrize("nano", [2_001, 10**7 + 3, 10**9])
def test_the_price_is_opendp_s_map_of_laplace_noise_at_the_l1_sensitivity(sql: str, nano: int) -> None:
    ready = planned(sql, nano=nano)
    asked = 0.0
    for m in ready.measurements:
        assert m.noise.accounting is Accounting.PURE
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
        own = dp.m.make_laplace(*space, scale=m.noise.scale)
        asked += own.map(m.target.absolute_sensitivity(ready.bounding))
    assert asked <= ready.loss.nano / 1e9
    assert ready.loss.fits_in(Loss(nano))
    assert ready.loss.nano >= nano - len(ready.measurements)
    assert ready.guarantee.epsilon(ready.loss) == ready.loss.nano / 1e9


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**9), st.integers(10, 10**11))
def test_no_smaller_noise_would_be_affordable(distance: int, nano: int) -> None:
    noise = noise_for(sensitivity=float(distance), nano=nano, accounting=Accounting.PURE)
    assert noise.nano <= nano
    less = price(scale=noise.scale * (1 - 1e-6), sensitivity=noise.sensitivity, accounting=Accounting.PURE)
    assert less >= noise.nano


def test_a_single_count_is_more_exact_than_under_zcdp_and_a_hundred_are_less() -> None:
    """Why a policy may choose it, and why it is not the default. Figures of PRIVACY: 1.4 against 4.5."""
    zcdp, one = Guarantee(1e-6), Guarantee(1e-6, Accounting.PURE)

    def deviation(guarantee: Guarantee, share: int) -> float:
        loss = guarantee.loss(1.0).nano // share
        noise = noise_for(sensitivity=1.0, nano=loss, accounting=guarantee.accounting)
        return noise.scale * (math.sqrt(2) if guarantee.accounting is Accounting.PURE else 1)

    assert deviation(one, 1) == pytest.approx(1.414, rel=0.01)
    assert deviation(zcdp, 1) / deviation(one, 1) == pytest.approx(3.2, rel=0.1)
    assert deviation(one, 100) > 3 * deviation(zcdp, 100)


def test_a_lineage_keeps_its_own_measure() -> None:
    budget = BudgetTerms(epsilon="2", accounting=Accounting.PURE)
    assert budget.cap == Loss(1_999_999_999)  # rounded down
    assert budget.guarantee.epsilon(budget.cap) <= 2


@pytest.mark.parametrize("bad", [0, -1, float("nan"), 101])
def test_a_bad_epsilon_is_refused_here_too(bad: float) -> None:
    with pytest.raises(Exception, match="epsilon"):
        Guarantee(1e-6, Accounting.PURE).loss(bad)


@pytest.mark.parametrize("parts", [1, 2, 5, 20])
def test_a_sum_of_noises_is_covered_by_the_normal_law_that_stands_for_it(parts: int) -> None:
    noise = Noise(accounting=Accounting.PURE, scale=40.0, sensitivity=1.0, nano=1)
    tries = 20_000
    drawn = draw([0] * (tries * parts), noise)
    sums = [sum(drawn[i * parts : (i + 1) * parts]) for i in range(tries)]
    width = 1.959963984540054 * noise.sigma() * math.sqrt(parts)
    covered = sum(abs(x) <= width for x in sums) / tries
    assert 0.95 - 0.008 <= covered <= 0.975
    narrow = (
        1.959963984540054 * math.sqrt(2) * noise.scale * math.sqrt(parts)
    )  # the control: by its deviation
    if parts == 1:
        assert sum(abs(x) <= narrow for x in sums) / tries < 0.945


def test_the_half_width_is_the_smallest_that_covers() -> None:
    for scale in (0.2, 0.5, 1.0, 2.5, 7.0, 300.0):
        noise = Noise(accounting=Accounting.PURE, scale=scale, sensitivity=1.0, nano=1)
        p = math.exp(-1 / scale)

        def beyond(width: int, p: float = p) -> float:
            return 2 * p ** (width + 1) / (1 + p)

        width = half_width_95(noise)
        assert beyond(width) <= 0.05 + 1e-12
        assert width == 0 or beyond(width - 1) > 0.05 - 1e-12
