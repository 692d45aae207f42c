"""Losses are exact, prices round up, caps round down, and the translation to epsilon is a true bound."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.domain.errors import BadInput
from sandbox.domain.privacy_loss import (
    NANO,
    Loss,
    check_epsilon,
    epsilon_of,
    loss_for_epsilon,
    nanos_rounded_up,
)

LOSSES = st.builds(Loss, st.integers(0, 10**12), st.integers(0, 10**15))


@given(LOSSES, LOSSES)
def test_what_is_left_and_what_was_spent_make_the_cap(spent: Loss, extra: Loss) -> None:
    cap = spent + extra
    assert cap.minus(spent) == extra
    assert spent.fits_in(cap)


@pytest.mark.parametrize("bad", [-1, 0.5, "1", True, float("nan")])
def test_a_loss_is_a_whole_number_and_not_negative(bad: object) -> None:
    with pytest.raises(BadInput):
        Loss(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), -float("inf"), 101, True, "1"])
def test_epsilon_has_to_be_finite_and_positive(bad: object) -> None:
    with pytest.raises(BadInput):
        check_epsilon(bad)  # type: ignore[arg-type]


@given(st.floats(min_value=1e-12, max_value=1e3))
def test_a_price_is_never_rounded_down(rho: float) -> None:
    assert nanos_rounded_up(rho) >= rho * NANO


@given(st.floats(min_value=0.01, max_value=20), st.sampled_from([1e-5, 1e-6, 1e-9]))
def test_the_loss_for_an_epsilon_is_the_largest_that_keeps_it(epsilon: float, delta: float) -> None:
    loss = loss_for_epsilon(epsilon, delta=delta)
    assert epsilon_of(loss, delta=delta) <= epsilon
    assert epsilon_of(loss + Loss(max(1, loss.nano // 1000)), delta=delta) > epsilon * 0.999


@given(st.floats(min_value=0.002, max_value=100), st.floats(min_value=1e-15, max_value=0.01))
@settings(deadline=None)
@example(0.0012282917785644573, 0.005848370294788394)  # one that guessing alone does not find
def test_the_loss_for_an_epsilon_is_found_to_the_last_integer(epsilon: float, delta: float) -> None:
    """Against plain halving, which needs no guess."""
    low, high = 0, NANO * math.ceil(epsilon + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if epsilon_of(Loss(middle), delta=delta) <= epsilon:
            low = middle
        else:
            high = middle - 1
    assert loss_for_epsilon(epsilon, delta=delta).nano == low


def test_a_loss_that_is_remembered_is_not_given_for_what_is_no_epsilon() -> None:
    loss_for_epsilon(1.0, delta=1e-6)
    with pytest.raises(BadInput):
        loss_for_epsilon(True, delta=1e-6)
    with pytest.raises(BadInput):
        loss_for_epsilon(1.0, delta=1)


@given(st.integers(1, 3 * NANO), st.sampled_from([1e-5, 1e-6, 1e-9]))
def test_epsilon_is_between_a_valid_lower_bound_and_the_classical_upper_bound(
    nano: int, delta: float
) -> None:
    """Upper: Bun & Steinke 2016, Prop. 1.3. Lower: what the Gaussian mechanism of that rho has."""
    rho = nano / NANO
    epsilon = epsilon_of(Loss(nano), delta=delta)
    assert epsilon <= rho + 2 * math.sqrt(rho * math.log(1 / delta)) + 1e-12
    assert _gaussian_delta(rho, epsilon) <= delta * (1 + 1e-6)


def test_a_delta_that_the_loss_has_spent_is_gone() -> None:
    assert epsilon_of(Loss(1000, 10**12), delta=1e-6) == math.inf


def _gaussian_delta(rho: float, epsilon: float) -> float:
    """The exact delta of the Gaussian mechanism with that rho. Source: Balle & Wang 2018, Theorem 8."""
    mu = math.sqrt(2 * rho)

    def cdf(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    return cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * cdf(-mu / 2 - epsilon / mu)
