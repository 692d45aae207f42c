"""Covariance and correlation: right, bounded by what they can be, and with intervals that cover."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.policy import Column, ColumnType
from sandbox.domain.privacy_loss import Accounting
from sandbox.privacy.answering.assemble import assemble
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.mechanisms.moments import Moments, Noisy
from sandbox.privacy.mechanisms.noise import Noise, draw
from sandbox.privacy.mechanisms.pairs import correlation, covariance
from sandbox.privacy.mechanisms.spread import variance
from sandbox.privacy.planning.measurements import What
from sandbox.privacy.planning.plan import plan
from tests.privacy.made_up import LIMITS, PRICE, Asked, hospital, published, row

EXACT = 10**22


def some_rows(count: int = 400) -> list[dict[str, Any]]:
    lot = random.Random(9)
    rows = []
    for n in range(count):
        age = lot.randrange(100)
        cost = f"{min(max(4 * age + lot.gauss(0, 80), -20), 520):.2f}"
        rows.append(
            row(f"p{n}", sex=lot.choice(["female", "male"]), age="" if n % 11 == 3 else age, cost="" if n % 7 == 2 else cost)
        )  # fmt: skip
    return rows


def filled(rows: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    both = [r for r in rows if r["age"] != "" and r["cost"]]
    return [float(r["age"]) for r in both], [min(max(float(r["cost"]), -10), 500) for r in both]


def test_with_next_to_no_noise_they_are_the_truth(tmp_path: Path) -> None:
    rows = some_rows()
    box = Asked(tmp_path, rows)
    (found,) = box.ask(
        "select corr(age, cost) r, covar_samp(cost, age) c, covar_pop(age, cost) p, "
        "corr(age, cost) filter (where sex = 'male') m from visits",
        EXACT,
    )["rows"]
    ages, costs = filled(rows)
    assert found["r"]["value"] == pytest.approx(statistics.correlation(ages, costs), rel=1e-6)
    assert found["c"]["value"] == pytest.approx(statistics.covariance(ages, costs), rel=1e-6)
    assert found["p"]["value"] == pytest.approx(
        statistics.covariance(ages, costs) * (len(ages) - 1) / len(ages), rel=1e-6
    )
    men = filled([r for r in rows if r["sex"] == "male"])
    assert found["m"]["value"] == pytest.approx(statistics.correlation(*men), rel=1e-6)
    assert all(cell["low"] <= cell["value"] <= cell["high"] for cell in found.values())


@pytest.mark.parametrize("max_rows", [100_000, 10**14])
def test_the_engine_adds_up_products_as_plain_python_does(tmp_path: Path, max_rows: int) -> None:
    """With and without quanta: a table of 10^14 rows leaves 64 bits little room for each."""
    policy = hospital(max_rows=max_rows)
    ready = plan(
        parse("select sex, covar_samp(age, cost) v from visits group by sex", policy), policy, target=PRICE
    )
    (target,) = [m.target for m in ready.measurements if m.target.what is What.PRODUCTS]
    assert target.times is not None
    assert (target.times.quantum > 1) == (max_rows > 10**9)
    assert max_rows * target.magnitude <= 2**62
    found = count_exactly(ready, published(tmp_path, some_rows(), policy)[1], LIMITS)[target.name]
    expected = [0, 0]
    for r in some_rows():
        if r["age"] != "" and r["cost"]:
            number = 1
            for part, steps in ((target, int(r["age"])), (target.times, int(Fraction(r["cost"]) * 100))):
                away = min(max(steps, part.lower), part.upper) - part.middle
                number *= int(math.copysign((abs(away) + part.quantum // 2) // part.quantum, away))
            expected[["female", "male"].index(r["sex"])] += number
    assert found == expected


def test_too_little_is_left_empty_and_nothing_fails(tmp_path: Path) -> None:
    box = Asked(tmp_path, [])
    sql = "select corr(age, cost) r, covar_samp(age, cost) c from visits"
    for price in (PRICE.nano, EXACT):
        (found,) = box.ask(sql, price)["rows"]
        assert all(c["low"] is None or c["low"] <= c["value"] <= c["high"] for c in found.values())
    assert all(cell == {"value": None, "low": None, "high": None} for cell in found.values())


def test_a_plan_assembles_whatever_the_noise_is() -> None:
    policy = hospital(x=Column(type=ColumnType.INTEGER, lower=0, upper=0))
    sql = "select sex, corr(age, cost) r, covar_samp(age, cost) c, covar_pop(cost, x) p from visits group by sex"
    ready = plan(parse(sql, policy), policy, target=PRICE)
    lot = random.Random(4)
    for size in (1, 1000, 10**6, 2**62):
        for _ in range(50):
            noisy = {m.target.name: [lot.randint(-size, size) for _ in range(2)] for m in ready.measurements}
            document = assemble(ready, noisy, dataset="hospital", snapshot="").document()
            for found in document["rows"]:
                for cell in (found["r"], found["c"], found["p"]):
                    assert cell["value"] is None or cell["low"] <= cell["value"] <= cell["high"]
                assert found["r"]["value"] is None or -1 <= found["r"]["low"] <= found["r"]["high"] <= 1


# Intervals, at crowds and noises of many kinds: values lie within ±1, a count's noise is about 1.

NAMES = ("n", "x", "y", "xx", "yy", "xy")
Interval = tuple[float, float, float] | None


KINDS: dict[str, Callable[[Mapping[str, Noisy]], Interval]] = {
    "variance": lambda numbers: variance(numbers, most=2.0),
    "covariance": lambda numbers: covariance(numbers, less=1, most=2.0),
    "correlation": correlation,
}


def noise_of(scale: float) -> Noise:
    return Noise(scale=scale, sensitivity=1.0, nano=1)


def crowds() -> list[tuple[str, dict[str, float], dict[str, float]]]:
    """Kind, true numbers, deviations of the noises."""
    lot, found = random.Random(1), []
    for kind in KINDS:
        for place in range(12):
            n = math.exp(lot.uniform(math.log(8), math.log(300)))
            means = [lot.uniform(-0.9, 0.9) for _ in "xy"]
            spreads = [lot.uniform(0.01, 1 - mean**2) for mean in means]
            together = lot.choice([0.0, 0.95, lot.uniform(-1, 1)]) * math.sqrt(spreads[0] * spreads[1])
            true = {
                "n": n, "x": means[0] * n, "y": means[1] * n, "xx": (spreads[0] + means[0] ** 2) * n,
                "yy": (spreads[1] + means[1] ** 2) * n, "xy": (together + means[0] * means[1]) * n,
            }  # fmt: skip
            uneven = place % 2
            noises = {name: math.exp(lot.gauss(0, uneven)) for name in NAMES}
            found.append((kind, true, noises | {"n": min(noises["n"], n / 5)}))
    return found


def truth(kind: str, true: Mapping[str, float]) -> float:
    n, x, y, xx, yy, xy = (true[name] for name in NAMES)
    about = {"variance": xx - x * x / n, "covariance": xy - x * y / n}
    if kind in about:
        return about[kind] / (n - 1)
    return (xy - x * y / n) / math.sqrt((xx - x * x / n) * (yy - y * y / n))


def missed(
    kind: str, true: Mapping[str, float], noises: Mapping[str, float], tries: int, narrower: float = 1
) -> float:
    """The share of draws whose interval is shown and does not hold the truth."""
    lot, right, count = random.Random(2), truth(kind, true), 0
    for _ in range(tries):
        numbers = {n: Noisy(true[n] + lot.gauss(0, noises[n]), noise_of(noises[n] * narrower)) for n in NAMES}
        found = KINDS[kind](numbers)
        count += found is not None and not found[1] - 1e-9 <= right <= found[2] + 1e-9
    return count / tries


@pytest.mark.parametrize(("kind", "true", "noises"), crowds())
def test_intervals_cover_in_95_of_100_draws_for_crowds_and_noises_of_all_kinds(
    kind: str, true: dict[str, float], noises: dict[str, float]
) -> None:
    tries = 600
    assert missed(kind, true, noises, tries) <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / tries)


def test_an_interval_for_too_little_noise_is_caught() -> None:
    """The control."""
    for kind in KINDS:
        true = {"n": 200.0, "x": 20.0, "y": -30.0, "xx": 60.0, "yy": 80.0, "xy": 30.0}
        noises = dict.fromkeys(NAMES, 1.0)
        assert missed(kind, true, noises, 1500) <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / 1500)
        assert missed(kind, true, noises, 1500, narrower=0.7) > 0.1


def test_what_the_bend_adds_to_the_mean_is_taken_off() -> None:
    """The second order: without it, variances of few rows come out low on average."""
    lot, n, noise = random.Random(3), 15.0, 1.5
    sums = {"n": n, "x": 9.0, "xx": 7.0}
    with_it, without = [], []
    for _ in range(40_000):
        numbers = {name: Noisy(value + lot.gauss(0, noise), noise_of(noise)) for name, value in sums.items()}
        with_it.append(Moments(numbers).about_the_means("x", "x").value)
        without.append(numbers["xx"].value - numbers["x"].value ** 2 / numbers["n"].value)
    right = sums["xx"] - sums["x"] ** 2 / n
    assert abs(statistics.mean(with_it) - right) < 0.04
    assert abs(statistics.mean(without) - right) > 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [12.0, 30.0, 250.0])
def test_intervals_cover_under_laplace_noise_too(kind: str, rows: float) -> None:
    """Where a policy counts in pure accounting."""
    true = {
        "n": rows,
        "x": 0.3 * rows,
        "y": -0.2 * rows,
        "xx": 0.5 * rows,
        "yy": 0.4 * rows,
        "xy": 0.1 * rows,
    }
    steps, tries = 1000, 1500  # noise of whole numbers, in thousandths
    noise = Noise(accounting=Accounting.PURE, scale=0.7 * steps, sensitivity=1.0, nano=1)
    drawn = {name: draw([round(value * steps)] * tries, noise) for name, value in true.items()}
    count, right = 0, truth(kind, true)
    for n in range(tries):
        numbers = {
            name: Noisy(values[n] / steps, replace(noise, scale=noise.scale / steps))
            for name, values in drawn.items()
        }
        found = KINDS[kind](numbers)
        count += found is not None and not found[1] - 1e-3 <= right <= found[2] + 1e-3
    assert count / tries <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / tries)
