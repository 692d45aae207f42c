"""A better answer for the difference of two prices: as good as if bought at once, never cheaper, never drawn twice."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.answer import document_to_bytes, measured_part, shown, stored
from sandbox.domain.errors import BadInput, Unanswered
from sandbox.domain.limits import NO_LIMITS
from sandbox.domain.policy import BudgetTerms
from sandbox.domain.price import ByEpsilon
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.domain.question import Question
from sandbox.privacy import PrivateData
from sandbox.privacy.answering.measured import Measured, measured_by, measured_bytes, measured_of
from sandbox.privacy.answering.reuse import Wanted, refinement
from sandbox.privacy.asking.parse import read
from sandbox.privacy.mechanisms.combined import Vector, combined, together
from sandbox.privacy.mechanisms.noise import draw, half_width_95, noise_for, parts_for, price
from sandbox.privacy.planning.plan import Plan, plan
from tests.privacy.made_up import Asked, hospital, many_visits, write_csv
from tests.privacy.test_prices import COUNT, PROFILE, WIDE

TERMS = BudgetTerms(epsilon="20", per_question_percent=100, profile_percent=0)
POLICY = replace(hospital(), budget=TERMS)
SQL = "SELECT sex, COUNT(*) AS n, SUM(cost) AS total, AVG(age) AS mean FROM visits GROUP BY sex"
DRAWS = 10_000


@pytest.fixture
def data(tmp_path: Path) -> PrivateData:
    raw = write_csv(tmp_path / "visits.csv", many_visits())
    return PrivateData.publish(raw, POLICY, folder=tmp_path / "private")


def spent(data: PrivateData) -> int:
    return data.budget.spent.nano


def test_the_difference_buys_what_the_whole_price_would_have_bought(data: PrivateData) -> None:
    before = spent(data)
    first = data.ask(SQL, epsilon=0.5)
    paid_first = spent(data) - before
    better = data.ask(SQL, epsilon=1.5)
    at_once = data.estimate(SQL, epsilon=1.5)
    assert spent(data) - before == pytest.approx(at_once.loss.nano, abs=10)
    assert spent(data) - before <= at_once.loss.nano  # no more than at once
    assert better["price"]["nano"] == pytest.approx(spent(data) - before, abs=10)
    assert spent(data) - before > paid_first
    for column, planned in zip(better["columns"][1:], at_once.columns, strict=True):
        if planned.error_95 is not None:
            assert column["error_95"] == pytest.approx(planned.error_95, rel=0.02)
    assert any("refined" in note for note in better["notes"])
    assert "measured" not in better
    assert first["rows"] != better["rows"]


def wanted(epsilon: float) -> Wanted:
    """A question on a table of many rows per unit, whose best bounds hang on the price."""
    asked = read(COUNT, WIDE)

    def plan_of(question: Question, target: Loss) -> Plan:
        return plan(question, WIDE, target=target, profile=PROFILE)

    return Wanted(
        asked=asked,
        price=ByEpsilon(epsilon),
        planned=plan_of(asked.question, WIDE.guarantee.loss(epsilon)),
        plan_of=plan_of,
        policy=WIDE,
        snapshot="s",
        profile=PROFILE,
        limits=NO_LIMITS,
    )


def kept(one: Wanted) -> Measured:
    return measured_by(one.planned, {"rows": [5, 7]}, planned_at=one.planned.loss.nano, profile=PROFILE.id)


def test_where_the_first_bounds_would_weigh_more_than_the_noise_it_is_a_new_question() -> None:
    first, best = wanted(0.1), wanted(5.0)
    assert first.planned.bounding.rows_per_unit < best.planned.bounding.rows_per_unit
    assert refinement(best, kept(first)) is None
    found = refinement(wanted(0.11), kept(first))  # the control: so near, the bounds are as good
    assert found is not None
    assert found.plan.bounding == first.planned.bounding
    assert refinement(first, kept(first)) is None  # nothing to pay for


def test_a_cheaper_question_after_a_dearer_one_is_served_the_dearer_bytes(data: PrivateData) -> None:
    dear = data.ask(SQL, epsilon=1.5)
    before = spent(data)
    assert data.ask(SQL, epsilon=0.5) == dear
    assert data.ask(f"{SQL} ORDER BY n LIMIT 1", epsilon=0.7)["rows"] == sorted(
        dear["rows"], key=lambda row: row["n"]["value"]
    )[:1]  # fmt: skip
    assert spent(data) == before


def test_the_same_price_again_is_the_same_bytes_also_when_a_better_answer_came_later(
    data: PrivateData,
) -> None:
    first = data.ask(SQL, epsilon=0.5)
    better = data.ask(SQL, epsilon=1.0)
    before = spent(data)
    assert data.ask(SQL, epsilon=0.5) == first
    assert data.ask(SQL, epsilon=1.0) == better
    assert data.ask(SQL, epsilon=0.6) == better
    assert spent(data) == before


def test_refining_in_steps_never_costs_less_than_the_final_accuracy(data: PrivateData) -> None:
    """The attack: many small steps, in the hope that roundings are kept."""
    start, sql = spent(data), "SELECT COUNT(*) AS n FROM visits"
    for step in range(1, 9):
        data.ask(sql, epsilon=0.05 * step)
    file = max((data.folder / "answers").iterdir(), key=lambda f: int(f.stem.split("-")[1]))
    measured = measured_of(file.read_bytes())
    assert measured is not None
    noise = measured.vectors["rows"].noise
    assert len(noise.scales) == 8
    assert spent(data) - start >= price(scale=noise.scale, sensitivity=noise.sensitivity) - 8
    assert (spent(data) - start) / 1e9 >= noise.sensitivity**2 / (2 * noise.scale**2) * (1 - 1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1_000, 10**9), min_size=2, max_size=12), st.integers(1, 10**6))
def test_a_chain_of_draws_is_never_more_exact_than_what_was_paid_for(prices: list[int], squared: int) -> None:
    sensitivity = math.sqrt(squared)
    noises = [noise_for(sensitivity=sensitivity, nano=nano) for nano in prices]
    whole = noises[0]
    for other in noises[1:]:
        whole = together(whole, other)
    assert whole.nano == sum(n.nano for n in noises)
    assert Fraction(whole.nano, 10**9) >= Fraction(sensitivity) ** 2 / (2 * Fraction(whole.scale) ** 2) * (
        1 - Fraction(1, 10**9)
    )
    assert whole.scale >= noise_for(sensitivity=sensitivity, nano=whole.nano).scale * (1 - 1e-9)


def test_a_combination_that_forgot_a_price_would_be_caught() -> None:
    """The control: two draws, of which one was paid for, are more exact than what was paid for."""
    one = noise_for(sensitivity=1.0, nano=10**6)
    both = together(one, one)
    assert one.nano / 1e9 < 1 / (2 * both.scale**2)


PAIRS = [
    (0.4, 0.4),
    (0.5, 3.0),
    (1.0, 1.0),
    (3.0, 0.7),
    (2.0, 60.0),
    (5.0, 4.0),
    (40.0, 30.0),
    (1e3, 2e3),
    (1e9, 3e9),
]


@pytest.mark.parametrize("scales", PAIRS)
@pytest.mark.parametrize("truth", [0, 231])
def test_the_interval_of_a_combined_count_covers_in_95_of_100_draws(
    scales: tuple[float, float], truth: int
) -> None:
    one, other = (replace(noise_for(sensitivity=1.0, nano=10**6), scale=s) for s in scales)
    found = combined(
        Vector(values=tuple(draw([truth] * DRAWS, one)), parts=1, noise=one),
        Vector(values=tuple(draw([truth] * DRAWS, other)), parts=1, noise=other),
    )
    width = half_width_95(found.noise)
    covered = sum(abs(x - truth) <= width for x in found.numbers) / DRAWS
    assert covered >= 0.95 - 0.011
    if min(scales) >= 30:
        assert covered <= 0.95 + 0.012
    sd = math.sqrt(sum(float(x - truth) ** 2 for x in found.numbers) / DRAWS)
    assert sd <= found.noise.scale * 1.05
    if min(scales) >= 1:
        assert sd == pytest.approx(found.noise.scale, rel=0.06)


def test_an_interval_of_the_first_draw_alone_would_not_be_so_narrow() -> None:
    """The control: half the combined width covers far less."""
    one = replace(noise_for(sensitivity=1.0, nano=10**6), scale=5.0)
    both = [Vector(values=tuple(draw([0] * DRAWS, one)), parts=1, noise=one) for _ in range(2)]
    found = combined(*both)
    assert sum(abs(x) <= half_width_95(found.noise) / 2 for x in found.numbers) / DRAWS < 0.8


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62)), min_size=1, max_size=5),
    st.floats(0.3, 1e12),
    st.floats(0.3, 1e12),
)
def test_combined_values_are_the_weighted_mean_to_a_thousandth_of_their_noise(
    pairs: list[tuple[int, int]], first: float, second: float
) -> None:
    one, other = (replace(noise_for(sensitivity=1.0, nano=10**6), scale=s) for s in (first, second))
    found = combined(
        Vector(values=tuple(a for a, _ in pairs), parts=1, noise=one),
        Vector(values=tuple(b for _, b in pairs), parts=1, noise=other),
    )
    p, q = 1 / Fraction(first) ** 2, 1 / Fraction(second) ** 2
    for (a, b), number in zip(pairs, found.numbers, strict=True):
        exact = (a * p + b * q) / (p + q)
        assert abs(number - exact) <= Fraction(1, parts_for(found.noise.scale)) + abs(a - b) * Fraction(
            1, 2**45
        )


def test_the_engine_refuses_to_draw_more_than_the_difference_pays_for(tmp_path: Path) -> None:
    asked = Asked(tmp_path, many_visits(), POLICY)
    first = measured_of(asked.engine.answer(**asked.where, sql=SQL, nano=10_000_000))
    assert first is not None
    fresh = asked.engine.answer(**asked.where, sql=SQL, nano=7_000_000, planned_at=first.planned_at)
    drawn = measured_of(fresh)
    assert drawn is not None
    assert drawn.nano <= 7_000_000
    assert drawn.how == first.how
    for name, vector in drawn.vectors.items():
        noise = vector.noise
        assert price(scale=noise.scale, sensitivity=noise.sensitivity) == noise.nano
        assert noise.scale > first.vectors[name].noise.scale
    for bad in (-1, True, 1):
        with pytest.raises(BadInput):
            asked.engine.answer(**asked.where, sql=SQL, nano=10, planned_at=bad)


def test_under_pure_accounting_a_better_price_is_a_new_question(tmp_path: Path) -> None:
    terms = replace(TERMS, accounting=Accounting.PURE)
    raw = write_csv(tmp_path / "visits.csv", many_visits())
    data = PrivateData.publish(raw, replace(POLICY, budget=terms), folder=tmp_path / "private")
    start = spent(data)
    data.ask(SQL, epsilon=0.5)
    better = data.ask(SQL, epsilon=1.0)
    assert spent(data) - start == pytest.approx(1.5e9, abs=20)
    assert not any("refined" in note for note in better["notes"])
    assert data.ask(SQL, epsilon=0.7) == better  # a dearer one still serves
    asked = Asked(tmp_path / "engine", many_visits(), replace(POLICY, budget=terms))
    with pytest.raises(BadInput, match="cannot be refined"):
        asked.engine.answer(**asked.where, sql=SQL, nano=10**8, planned_at=10**8)


def test_a_failed_refinement_stays_charged_and_the_first_answer_stays(
    data: PrivateData, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = data.ask(SQL, epsilon=0.5)
    before = spent(data)

    def fail(*_: object, **__: object) -> bytes:
        raise Unanswered

    with monkeypatch.context() as patched:
        patched.setattr(type(data.engine), "answer", fail)
        with pytest.raises(Unanswered):
            data.ask(SQL, epsilon=1.0)
    lost = spent(data) - before
    assert lost > 0
    assert data.ask(SQL, epsilon=0.5) == first
    data.ask(SQL, epsilon=1.0)
    assert spent(data) - before == 2 * lost  # paid again: nothing was given back


def test_parallel_refinements_are_each_paid_for(data: PrivateData) -> None:
    data.ask(SQL, epsilon=0.2)
    start = spent(data)
    prices = [0.5, 0.5, 0.9, 0.9, 0.7, 0.5]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda e: data.ask(SQL, epsilon=e), prices))
    best = max(a["price"]["nano"] for a in answers)
    assert best == pytest.approx(data.estimate(SQL, epsilon=0.9).loss.nano, abs=10)
    # In whatever order: each step is paid from the one before, so that all together cost what the best costs.
    whole = data.estimate(SQL, epsilon=0.9).loss.nano - data.estimate(SQL, epsilon=0.2).loss.nano
    assert whole <= spent(data) - start <= whole + 20
    assert len({json.dumps(a, sort_keys=True) for a in answers}) <= 3


def test_averaging_what_is_free_gains_nothing(data: PrivateData) -> None:
    """The attack: ask the same at many prices up to the paid one, and average. All are the same bytes."""
    paid = data.ask(SQL, epsilon=1.0)
    before = spent(data)
    assert all(data.ask(SQL, epsilon=0.01 * n) == paid for n in range(5, 100, 7))
    assert spent(data) == before


def test_what_was_measured_is_kept_and_is_not_shown(data: PrivateData) -> None:
    data.ask(SQL, epsilon=1.0)
    (file,) = (data.folder / "answers").iterdir()
    body = file.read_bytes()
    measured = measured_of(body)
    assert measured is not None
    assert measured_of(stored(shown(body), measured_bytes(measured))) == measured
    assert stored(shown(body), measured_part(body) or b"") == body
    assert "measured" not in json.loads(shown(body))
    odd = document_to_bytes({"columns": [], "rows": [], "notes": [',"measured":{"form":1}']})
    assert (shown(odd), measured_part(odd), measured_of(odd)) == (odd, None, None)


def broken(body: bytes) -> Iterator[bytes]:
    document: dict[str, Any] = json.loads(body)
    for path, value in (
        (("form",), 2),
        (("planned_at",), None),
        (("how",), "0" * 64),
        (("vectors", "rows", "values"), 5),
    ):
        changed = json.loads(json.dumps(document["measured"]))
        inner = changed
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        yield stored(shown(body), json.dumps(changed, separators=(",", ":")).encode())


def test_measurements_of_another_form_are_not_used(data: PrivateData) -> None:
    data.ask(SQL, epsilon=0.5)
    (file,) = (data.folder / "answers").iterdir()
    good = file.read_bytes()
    whole = data.estimate(SQL, epsilon=1.0).loss.nano
    for body in broken(good):
        file.write_bytes(body)
        before = spent(data)
        data.ask(SQL, epsilon=1.0)
        assert spent(data) - before == whole  # a new answer, at its whole price
        for other in (data.folder / "answers").iterdir():
            if other != file:
                other.unlink()
