"""Every kind of output: the known traps fail with their reason, each beside a harmless twin that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.disclosure.judge import judge
from sandbox.disclosure.table import Table, read_table
from sandbox.disclosure.together import check_together
from sandbox.domain.check_terms import CheckTerms, Undeclared
from sandbox.domain.evidence import Contributors, Evidence, EvidenceRow, MeasureKind
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.outputs import Declared, OutputKind
from sandbox.domain.policy import ReleaseTerms

TERMS = ReleaseTerms(threshold=10)
K = OutputKind


def found(text: str, declared: Declared | None, evidence: Evidence | None = None) -> tuple[Finding, ...]:
    return judge("t.csv", text.encode(), terms=TERMS, declared=declared, evidence=evidence).findings


def failed(text: str, declared: Declared | None, evidence: Evidence | None = None) -> set[str]:
    return {f.check for f in found(text, declared, evidence) if f.verdict is Verdict.FAIL}


def said(kind: K, **more: object) -> Declared:
    return Declared(kind=kind, **more)  # type: ignore[arg-type]


MEANS = said(K.SPREAD, dims=("sex",), units="n", statistics={"mean_x": "mean", "sd_x": "sd"})
QUANTILES = said(K.QUANTILE, dims=("sex",), units="n", statistics={"q": "quantile 0.9"})
MODEL = said(K.REGRESSION, n=200, df=195, units="n")
CURVE = said(K.SURVIVAL, dims=("time",))
RATIO = said(K.RATIO, dims=("sex",), statistics={"odds_ratio": "ratio"})

# (unsafe, what is declared, the check that fails, a harmless twin, what is declared of it)
TRAPS: dict[str, tuple[str, Declared, str, str, Declared]] = {
    "max of a cell": (
        "sex,n,max_x\nf,120,99\nm,130,80\n", said(K.EXTREME, units="n"), "extreme",
        "sex,n,mean_x\nf,120,9.5\nm,130,8.5\n", said(K.MAGNITUDE, units="n"),
    ),
    "max under another name": (
        "sex,n,peak\nf,120,99\nm,130,80\n", said(K.MAGNITUDE, units="n", statistics={"peak": "max"}), "extreme",
        "sex,n,usual\nf,120,9.5\nm,130,8.5\n", said(K.MAGNITUDE, units="n", statistics={"usual": "mean"}),
    ),
    "max as a row": (
        "statistic,n,x\nmean,120,9.5\nmax,120,99\n", said(K.MAGNITUDE, units="n"), "extreme",
        "statistic,n,x\nmean,120,9.5\nmean of women,120,9.9\n", said(K.MAGNITUDE, units="n"),
    ),
    "sd of a dominated cell": (
        "sex,n,mean_x,sd_x\nf,100,10,95\nm,130,10,5\n", MEANS, "implied_dominance",
        "sex,n,mean_x,sd_x\nf,100,10,9\nm,130,10,5\n", MEANS,
    ),
    "sd without its mean": (
        "sex,n,sd_x\nf,100,95\nm,130,5\n", replace(MEANS, statistics={"sd_x": "sd"}), "spread_without_mean",
        "sex,n,mean_x,sd_x\nf,100,10,9\nm,130,10,5\n", MEANS,
    ),
    "sd of all equal values": (
        "sex,n,mean_x,sd_x\nf,100,10,0\nm,130,10,5\n", MEANS, "all_equal",
        "sex,n,mean_x,sd_x\nf,100,10,1\nm,130,10,5\n", MEANS,
    ),
    "sd of ten": (
        "sex,n,mean_x,sd_x\nf,10,10,3\nm,130,10,5\n", MEANS, "too_few_behind",
        "sex,n,mean_x,sd_x\nf,11,10,3\nm,130,10,5\n", MEANS,
    ),
    "mean of a few": (
        "sex,units_behind,mean_x\nf,4,10.5\nm,130,9.5\n",
        said(K.MAGNITUDE, dims=("sex",), units="units_behind"), "too_few_behind",
        "sex,units_behind,mean_x\nf,14,10.5\nm,130,9.5\n",
        said(K.MAGNITUDE, dims=("sex",), units="units_behind"),
    ),
    "mean without a count": (
        "sex,mean_x\nf,10.5\nm,9.5\n", said(K.MAGNITUDE), "counts_missing",
        "sex,n,mean_x\nf,20,10.5\nm,30,9.5\n", said(K.MAGNITUDE),
    ),
    "a high percentile of few": (
        "sex,n,q\nf,60,9.5\nm,130,9.7\n", QUANTILES, "quantile_tail",
        "sex,n,q\nf,100,9.5\nm,130,9.7\n", QUANTILES,
    ),
    "whiskers": (
        "sex,n,median,whisker_high\nf,60,9.5,20\nm,130,9.7,30\n", said(K.QUANTILE, units="n"), "box_ends",
        "sex,n,median\nf,60,9.5\nm,130,9.7\n", said(K.QUANTILE, units="n"),
    ),
    "a dummy for one person": (
        "term,coef,std_err,n\nconst,1.5,0.1,200\nx[b],9.5,4.1,1\n", MODEL, "level_of_few",
        "term,coef,std_err,n\nconst,1.5,0.1,200\nx[b],9.5,0.2,90\n", MODEL,
    ),
    "a dummy without its count": (
        "term,coef,std_err\nconst,1.5,0.1\nC(x)[T.b],9.5,4.1\n", MODEL, "level_without_count",
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\n", MODEL,
    ),
    "no freedom left": (
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\n", replace(MODEL, n=11, df=9), "residual_freedom",
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\n", MODEL,
    ),
    "as many parameters as people": (
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\n", replace(MODEL, n=40, df=20), "many_parameters",
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\n", replace(MODEL, n=40, df=38),
    ),
    "a saturated model": (
        "term,coef,std_err\nconst,1.5,0\nage,0.5,0\n", MODEL, "saturated_model",
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\n", MODEL,
    ),
    "a model of unknown size": (
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\n", said(K.REGRESSION), "model_size_missing",
        "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\nn,200,\ndf_resid,198,\n", said(K.REGRESSION),
    ),
    "residuals": (
        "sex,residual\nf,0.5\nm,0.7\n", said(K.REGRESSION, n=200, df=198), "number_for_each_row",
        "term,coef,std_err\nconst,1.5,0.1\n", MODEL,
    ),
    "a survival table with counts of 1": (
        "time,at_risk,events,survival\n12,100,20,0.8\n24,60,20,0.5333\n36,11,1,0.4848\n", CURVE, "small_count",
        "time,at_risk,events,survival\n12,100,20,0.8\n24,60,20,0.5333\n", CURVE,
    ),
    "a survival curve alone": (
        "time,survival\n12,0.8\n24,0.5\n", CURVE, "at_risk_missing",
        "time,at_risk,events,survival\n12,100,20,0.8\n24,60,20,0.5333\n", CURVE,
    ),
    "a step of one in the curve": (
        "time,at_risk,survival\n12,100,0.8\n24,60,0.7867\n", CURVE, "survival_step_of_few",
        "time,at_risk,survival\n12,100,0.8\n24,60,0.5333\n", CURVE,
    ),
    "a ratio without counts": (
        "sex,odds_ratio\nf,1.5\nm,1\n", RATIO, "ratio_without_counts",
        "sex,cases,others,odds_ratio\nf,60,40,1.5\nm,50,50,1\n", RATIO,
    ),
    "a percentage of nothing said": (
        "sex,pct\nf,40.5\nm,39.1\n", said(K.FREQUENCY), "share_without_base",
        "sex,n,pct\nf,200,40.5\nm,300,39.1\n", said(K.FREQUENCY),
    ),
    "a percentage that is three people": (
        "sex,n,pct\nf,200,1.5\nm,300,39.1\n", said(K.FREQUENCY), "share_implies_count",
        "sex,n,pct\nf,200,40.5\nm,300,39.1\n", said(K.FREQUENCY),
    ),
    "a percentage of all but three": (
        "sex,n,pct\nf,200,98.5\nm,300,39.1\n", said(K.FREQUENCY), "share_implies_count",
        "sex,n,pct\nf,200,60.5\nm,300,39.1\n", said(K.FREQUENCY),
    ),
    "a rounding that is none": (
        "sex,n\nf,120\nm,131\n", said(K.FREQUENCY, rounding="5"), "rounding_not_applied",
        "sex,n\nf,120\nm,130\n", said(K.FREQUENCY, rounding="5"),
    ),
    "a correlation of a few": (
        "variable,x,y\nx,1,0.3\ny,0.3,1\n", said(K.ASSOCIATION, n=6), "model_of_few",
        "variable,x,y\nx,1,0.3\ny,0.3,1\n", said(K.ASSOCIATION, n=60),
    ),
    "an exact correlation": (
        "variable,x,y\nx,1,-1.0\ny,-1.0,1\n",
        said(K.ASSOCIATION, n=60, statistics={"x": "correlation", "y": "correlation"}), "perfect_correlation",
        "variable,x,y\nx,1,-0.9\ny,-0.9,1\n",
        said(K.ASSOCIATION, n=60, statistics={"x": "correlation", "y": "correlation"}),
    ),
    "an index of one": (
        "branch,n,hhi\na,100,0.91\nb,100,0.02\n", said(K.CONCENTRATION, units="n"), "index_tells_dominance",
        "branch,n,hhi\na,100,0.05\nb,100,0.02\n", said(K.CONCENTRATION, units="n"),
    ),
    "nearest neighbours": (
        "node,samples\na,400\nb,500\n", said(K.MODEL, method="k-nearest neighbours"), "instance_based_model",
        "node,samples\na,400\nb,500\n", said(K.MODEL, method="decision tree"),
    ),
    "a leaf of four": (
        "node,samples\na,400\nb,4\n", said(K.MODEL, method="decision tree"), "small_leaf",
        "node,samples\na,400\nb,500\n", said(K.MODEL, method="decision tree"),
    ),
    "a kind that nobody knows": (
        "sex,vibe\nf,1.5\nm,2.5\n", said(K.UNKNOWN), "unknown_kind",
        "sex,n\nf,150\nm,250\n", said(K.FREQUENCY),
    ),
    "counts that are said to be a key": (
        "sex,deaths\nf,3\nm,70\n", said(K.FREQUENCY, dims=("sex",)), "small_count",
        "sex,deaths\nf,30\nm,70\n", said(K.FREQUENCY, dims=("sex",)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_fails_with_its_reason_and_its_twin_does_not(trap: str) -> None:
    bad, declared, check, good, of_good = TRAPS[trap]
    findings = [f for f in found(bad, declared) if f.check == check and f.verdict is Verdict.FAIL]
    assert findings
    assert all(f.reason and f.fix and f.source for f in findings)
    assert failed(good, of_good) == set()


# What a name and a declaration can hide, goes to a person at least.
HIDDEN = {
    "counts as dims": ("sex,deaths\nf,3\nm,70\n", said(K.FREQUENCY, dims=("sex", "deaths"))),
    "counts as means": ("sex,n,x\nf,100,3\nm,100,70\n", said(K.MAGNITUDE, units="n", statistics={"x": "mean"})),
    "counts as p-values": ("sex,n,p\nf,100,3\nm,100,70\n", said(K.ASSOCIATION, n=200, statistics={"p": "correlation"})),
    "a kind that asks for less": ("term,coef,std_err\nconst,1.5,0.1\n", said(K.FREQUENCY)),
}  # fmt: skip


@pytest.mark.parametrize("trick", HIDDEN)
def test_a_declaration_takes_no_check_away(trick: str) -> None:
    text, declared = HIDDEN[trick]
    assert {f.check for f in found(text, declared)} - {"not_recomputed"}


def of_cell(parts: Contributors, units: int = 100) -> Evidence:
    row = EvidenceRow(key=("f",), values={"m": "10.5"}, units=units, rows=units, contributors={"m": parts})
    return Evidence(sql="", keys=("sex",), rows=(row,), kinds={"m": MeasureKind.AVG})


FINE = Contributors(largest=100, second=90, total=1000, givers=60, equal=False)


@pytest.mark.parametrize(
    ("parts", "check"),
    [
        (replace(FINE, largest=501), "dominance"),
        (replace(FINE, largest=400, second=280), "dominance"),
        (replace(FINE, givers=9), "few_contributors"),
        (replace(FINE, equal=True), "all_equal"),
    ],
)
def test_recomputed_contributors_are_held_against_the_rules_and_said_without_numbers(
    parts: Contributors, check: str
) -> None:
    text = "sex,m\nf,10.5\n"
    assert failed(text, None, of_cell(FINE)) == set()
    findings = [f for f in found(text, None, of_cell(parts)) if f.check == check]
    assert findings
    assert all(f.from_rows and "501" not in f.reason for f in findings)


def test_the_agreements_limits_are_those_that_hold() -> None:
    strict = replace(TERMS, checks=CheckTerms(largest_percent=9))
    judged = judge("t.csv", b"sex,m\nf,10.5\n", terms=strict, evidence=of_cell(FINE))
    assert "dominance" in {f.check for f in judged.findings if f.verdict is Verdict.FAIL}


def test_a_file_that_nobody_declared_is_for_a_person_or_refused() -> None:
    text = b"sex,n\nf,120\nm,130\n"
    refusing = replace(TERMS, checks=CheckTerms(undeclared=Undeclared.REFUSE))
    verdicts = [
        {f.check: f.verdict for f in judge("t.csv", text, terms=terms).findings}["undeclared"]
        for terms in (TERMS, refusing)
    ]
    assert verdicts == [Verdict.REVIEW, Verdict.FAIL]
    assert "undeclared" not in {f.check for f in found(text.decode(), said(K.FREQUENCY))}


def tables(**texts: str) -> dict[str, Table]:
    read = {f"{name}.csv": read_table(name, text.encode())[0] for name, text in texts.items()}
    return {name: table for name, table in read.items() if table is not None}


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        (
            "differs_by_few",
            {"a": "sex,n\nf,120\nm,130\n", "b": "sex,n\nf,119\nm,130\n"},
            {"a": "sex,n\nf,120\nm,130\n", "b": "sex,n\nf,80\nm,130\n"},
        ),
        (
            "implied_across_files",
            {"a": "sex,band,n\nf,x,\nf,y,100\nm,x,50\nm,y,60\n", "b": "sex,n\nf,104\nm,110\n"},
            {"a": "sex,band,n\nf,x,\nf,y,100\nm,x,50\nm,y,60\n", "b": "sex,n\nf,124\nm,110\n"},
        ),
    ],
)
def test_what_one_file_hides_another_may_not_tell(
    check: str, bad: dict[str, str], good: dict[str, str]
) -> None:
    assert {f.check for f in check_together(tables(**bad), threshold=10, keys={})} == {check}
    assert check_together(tables(**good), threshold=10, keys={}) == []
