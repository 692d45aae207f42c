"""The last bits of an answer tell nothing that its price does not cover.

Noise that is drawn and added in floating point leaves holes: which numbers can come out depends on the true value,
so that the last bits of one answer may give it away. Source: Mironov 2012, "On significance of the least significant
bits for differential privacy". Here noise is drawn and added in whole steps, and only then written as a decimal.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest

from sandbox.domain.privacy_loss import epsilon_of, loss_for_epsilon
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.noise import draw
from sandbox.privacy.planning.measurements import Plan
from sandbox.privacy.planning.plan import plan
from tests.privacy.audit.loss import epsilon_at_least
from tests.privacy.audit.report import PAIRS, found
from tests.privacy.made_up import LIMITS, hospital, published, row

DELTA, EPSILON = 1e-3, 0.5
POLICY = hospital(max_rows_per_unit=1)
SUM = "select sum(cost) v from visits"
LOOKS = max(PAIRS, 20_000)


def planned() -> Plan:
    loss = loss_for_epsilon(EPSILON, delta=DELTA)
    return plan(parse(SUM, POLICY), POLICY, target=loss)


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """The bounded sum in cents with and without one patient of an odd number of cents."""
    others = [row(f"p{n}", cost="0.02") for n in range(4)]
    found_ = []
    for which, rows in (("with", [*others, row("she", cost="500.00")]), ("without", others)):
        _, view = published(tmp_path_factory.mktemp(which), rows, POLICY)
        ((value,),) = count_exactly(planned(), view, LIMITS).values()
        found_.append(value)
    return found_[0], found_[1]


def shown(ready: Plan, noisy: Sequence[int]) -> list[float]:
    """The floating-point numbers that leave, for noisy sums."""
    values = []
    for value in noisy:
        answer = assemble(ready, {"sum_cost": [value]}, dataset="hospital", snapshot="")
        values.append(answer.document()["rows"][0]["v"]["value"])
    return values


def naive(value: int, scale: float, lot: random.Random) -> float:
    """What is often written: noise of floating point, added to a number of floating point."""
    return value + lot.gauss(0.0, scale)


def test_every_answer_is_the_number_nearest_to_a_whole_step(exact: tuple[int, int]) -> None:
    """What can come out is one grid, the same for every table: no true value has numbers of its own."""
    ready = planned()
    for value in exact:
        for number in shown(ready, draw([value] * 500, ready.noise("sum_cost"))):
            assert number == float(Fraction(round(Fraction(number) * 100), 100))
    lot = random.Random(3)
    off = [naive(exact[0], 1e4, lot) / 100 for _ in range(500)]
    assert any(n != float(Fraction(round(Fraction(n) * 100), 100)) for n in off), "the control"


# Statistics of a value's last bits, in steps. Each is taken in both directions.
LAST_BITS: dict[str, Callable[[int], float]] = {
    "parity": lambda steps: steps % 2,
    "the last three bits": lambda steps: steps % 8,
    "the last decimal": lambda steps: steps % 10,
    "trailing zeros": lambda steps: (steps & -steps).bit_length(),
}


def test_the_last_bits_lose_no_more_than_was_paid(exact: tuple[int, int]) -> None:
    ready = planned()
    claim = epsilon_of(ready.loss, delta=DELTA)
    noise = ready.noise("sum_cost")
    with_her, without = (draw([value] * LOOKS, noise) for value in exact)
    losses = {}
    for name, bits in LAST_BITS.items():
        one, other = [bits(x) for x in with_her], [bits(x) for x in without]
        upside_down = [-x for x in one], [-x for x in other]
        losses[name] = max(
            epsilon_at_least(one, other, delta=DELTA), epsilon_at_least(*upside_down, delta=DELTA)
        )
    # The control, at the same noise in units of the sensitivity: numbers with bits finer than 2⁻⁵² steps occur near
    # 0 alone, and a sum that was not 0 before the noise cannot come near 0 with them.
    lot = random.Random(7)
    scale = noise.scale / noise.sensitivity

    def finest(value: int) -> float:
        number = naive(value, scale, lot)
        return float(abs(number) < 0.25 and not (number * 2.0**53).is_integer())

    looks = 40_000
    caught = epsilon_at_least(
        [finest(0) for _ in range(looks)], [finest(1) for _ in range(looks)], delta=DELTA
    )
    found(
        "Last bits (epsilon at δ = 0.001)",
        f"decimal sum, {LOOKS:,} pairs: {', '.join(LAST_BITS)}",
        claimed=f"≤ {claim:.3f}",
        measured=f"≥ {max(losses.values()):.3f}",
        control=f"noise in floating point: ≥ {caught:.2f}",
    )
    assert all(loss <= claim for loss in losses.values()), losses
    assert caught > claim
