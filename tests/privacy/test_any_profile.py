"""Whatever noise made of a profile, a plan by it stands, costs no more than was offered, and is the engine's too."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.policy import Column, ColumnType, DatasetPolicy
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.profile import TILT_PARTS, Counted, Profile, filled_in, offer
from tests.privacy.made_up import hospital

WIDE = Column(type=ColumnType.INTEGER, lower=-7, upper=900)
TINY = Column(type=ColumnType.INTEGER, lower=0, upper=1)
QUESTIONS = (
    "select count(*), count(distinct patient_id) u from visits",
    "select ward, avg(age) a, count(age) n from visits group by ward",
    "select ward, sex, sum(cost) s, avg(cost) a, avg(wide) w from visits group by ward, sex",
    "select ward, stddev(age) d, sum(wide) s, avg(tiny) t from visits where smoker group by ward",
    "select smoker, median(age) m, avg(wide) w from visits group by smoker",
    "select floor(age / 10) * 10 d, sum(tiny) s, avg(tiny) a from visits group by d",
)


def policy_with(accounting: Accounting, most: int) -> DatasetPolicy:
    policy = hospital(max_rows_per_unit=most, wide=WIDE, tiny=TINY)
    assert policy.budget is not None
    return replace(policy, budget=replace(policy.budget, accounting=accounting))


@st.composite
def profiles(draw: st.DrawFn) -> tuple[DatasetPolicy, Profile]:
    policy = policy_with(draw(st.sampled_from(list(Accounting))), draw(st.sampled_from([2, 4, 60, 900])))
    offered = offer(policy, "visits")
    assert offered is not None
    largest = draw(st.sampled_from([0, 10, 100_000]))
    noisy = {}
    for w in offered.wanted:
        size = largest * (TILT_PARTS if w.counted is Counted.TILT else 1)
        least = -size if w.counted is Counted.TILT else -30
        numbers = st.lists(st.integers(least, size), min_size=len(w.edges), max_size=len(w.edges))
        noisy[w.counted, w.column] = draw(numbers)
    return policy, filled_in(offered, noisy, snapshot="a" * 64)


@settings(max_examples=60, deadline=None)
@given(profiles(), st.sampled_from(QUESTIONS), st.integers(10**6, 10**11))
def test_a_plan_by_any_profile_stands_and_is_found_again_at_its_own_price(
    bought: tuple[DatasetPolicy, Profile], sql: str, nano: int
) -> None:
    policy, profile = bought
    question = parse(sql, policy)
    ready = plan(question, policy, target=Loss(nano), profile=profile)
    assert ready.loss.fits_in(Loss(nano))
    assert plan(question, policy, target=ready.loss, profile=profile) == ready
    table = policy.tables["visits"]
    assert ready.bounding.rows_per_unit <= table.max_rows_per_unit
    assert all(m.noise.nano >= 1 for m in ready.measurements)
