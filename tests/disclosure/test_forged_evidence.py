"""Tables of spreads and quantiles beside the raw rows: the true one holds, a forged one is told cell by cell."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles, stdev, variance

import pytest

from sandbox.disclosure.judge import judge
from sandbox.domain.evidence import Contributors, Evidence, EvidenceRow, MeasureKind, Sides
from sandbox.domain.findings import Finding, Verdict, for_requester
from sandbox.domain.policy import ReleaseTerms
from tests.privacy.made_up import Asked, hospital, row

TERMS = ReleaseTerms(threshold=10)
SQL = """select sex, count(distinct patient_id) as n, stddev(cost) as sd_cost, variance(age) as var_age,
    median(cost) as median_cost, quantile_cont(age, 0.25) as q1_age from visits group by sex"""


def costs() -> dict[str, list[tuple[float, int]]]:
    lot = random.Random(6)
    return {
        sex: [(round(lot.uniform(0, 400), 2), lot.randrange(20, 90)) for _ in range(90)]
        for sex in ("female", "male")
    }


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    rows = [
        row(f"{sex}{n}", sex=sex, cost=f"{cost:.2f}", age=age)
        for sex, visits in costs().items()
        for n, (cost, age) in enumerate(visits)
    ]
    box = Asked(Path(tmp_path_factory.mktemp("hospital")), rows, hospital())
    return box.engine.evidence(**box.where, sql=SQL)


def honest() -> list[dict[str, str]]:
    table = []
    for sex, visits in costs().items():
        cost, age = [c for c, _ in visits], [a for _, a in visits]
        table.append(
            {
                "sex": sex,
                "n": "90",
                "sd_cost": str(stdev(cost)),
                "var_age": f"{variance(age):.4f}",
                "median_cost": f"{median(cost):.3f}",
                "q1_age": str(quantiles(age, n=4, method="inclusive")[0]),
            }
        )
    return table


def found(table: list[dict[str, str]], evidence: Evidence) -> list[Finding]:
    lines = [",".join(table[0]), *(",".join(r.values()) for r in table)]
    judged = judge(
        "t.csv", ("\n".join(lines) + "\n").encode(), terms=TERMS, policy=hospital(), evidence=evidence
    )
    return list(judged.findings)


def test_an_honest_table_of_spreads_and_quantiles_is_reproduced_whole(evidence: Evidence) -> None:
    findings = found(honest(), evidence)
    assert [f.reason for f in findings if f.check == "reproduced"] == ["10 numbers hold when computed again."]
    assert [f for f in findings if f.verdict is not Verdict.PASS] == []


@pytest.mark.parametrize("column", ["sd_cost", "var_age", "median_cost", "q1_age"])
def test_a_forged_spread_or_quantile_is_not_reproduced(evidence: Evidence, column: str) -> None:
    table = honest()
    table[1][column] = f"{float(table[1][column]) + 0.01:.4f}"
    told = [f for f in found(table, evidence) if f.check == "not_reproduced"]
    assert [(f.verdict, f.row, f.column, f.from_rows) for f in told] == [(Verdict.FAIL, 1, column, True)]
    assert for_requester(told, reads_rows=False) == ()
    assert "reproduced" in {f.check for f in found(table, evidence)}, "the other cells still hold"


def test_rows_swapped_between_groups_are_not_reproduced(evidence: Evidence) -> None:
    first, second = honest()
    swapped = [{**second, "sex": first["sex"]}, {**first, "sex": second["sex"]}]
    told = [f for f in found(swapped, evidence) if f.check == "not_reproduced"]
    assert {f.column for f in told} >= {"sd_cost", "median_cost"}


def of_cell(kind: MeasureKind, *, units: int = 100, **behind: object) -> Evidence:
    cell = EvidenceRow(key=("f",), values={"x": "10.5"}, units=units, rows=units, **behind)  # type: ignore[arg-type]
    return Evidence(sql="", keys=("sex",), rows=(cell,), kinds={"x": kind})


FINE = Sides(below=50, above=50, equal=False)
EVEN = Contributors(largest=100, second=90, total=1000, givers=60, equal=False)


@pytest.mark.parametrize(
    ("sides", "check"),
    [
        (replace(FINE, below=9), "quantile_tail"),
        (replace(FINE, above=9), "quantile_tail"),
        (replace(FINE, equal=True), "all_equal"),
    ],
)
def test_a_quantile_with_few_distinct_units_on_a_side_fails_without_a_number(
    sides: Sides, check: str
) -> None:
    text = b"sex,x\nf,10.5\n"
    good = judge("t.csv", text, terms=TERMS, evidence=of_cell(MeasureKind.QUANTILE, sides={"x": FINE}))
    assert {f.check for f in good.findings if f.verdict is Verdict.FAIL} == set()
    bad = judge("t.csv", text, terms=TERMS, evidence=of_cell(MeasureKind.QUANTILE, sides={"x": sides}))
    told = [f for f in bad.findings if f.check == check]
    assert [(f.verdict, f.from_rows) for f in told] == [(Verdict.FAIL, True)]
    assert "9" not in told[0].reason


def test_a_spread_rests_on_one_unit_more_than_a_mean() -> None:
    verdicts = []
    for kind, units in ((MeasureKind.STDDEV, 11), (MeasureKind.STDDEV, 10), (MeasureKind.AVG, 10)):
        evidence = of_cell(kind, units=units, contributors={"x": EVEN})
        findings = judge("t.csv", b"sex,x\nf,10.5\n", terms=TERMS, evidence=evidence).findings
        verdicts.append("small_cell" in {f.check for f in findings})
    assert verdicts == [False, True, False]


def test_a_dominated_spread_is_told_by_recomputation() -> None:
    one = replace(EVEN, largest=600)
    evidence = of_cell(MeasureKind.STDDEV, contributors={"x": one})
    checks = {f.check for f in judge("t.csv", b"sex,x\nf,10.5\n", terms=TERMS, evidence=evidence).findings}
    assert "dominance" in checks
