"""The corpus's models, curves, tests and texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd
import statsmodels.api as sm

from benchmarks.disclosure.corpus import Output, Source, csv
from benchmarks.disclosure.truth import THRESHOLD, groups
from sandbox.domain.outputs import Declared, OutputKind


def models_and_words(loans: Source, health: Source) -> Iterator[Output]:
    yield from regressions(loans)
    yield from ratios(loans)
    yield from survivals(loans)
    yield from associations(loans)
    yield from concentrations(loans)
    yield from trees(loans)
    yield from words(loans)
    yield from rows_of_data(loans, health)


def _fit(rows: pd.DataFrame, y: str, factor: str) -> tuple[pd.DataFrame, int, int]:
    dummies = pd.get_dummies(rows[factor], drop_first=True, dtype=float)
    design = sm.add_constant(dummies)
    fitted = sm.OLS(rows[y].astype(float), design).fit()
    table = pd.DataFrame(
        {
            "term": ["const"] + [f"{factor}[{c}]" for c in dummies.columns],
            "coef": [f"{v:.4f}" for v in fitted.params],
            "std_err": [f"{v:.4f}" for v in fitted.bse],
            "n": [len(rows)] + [int(dummies[c].sum()) for c in dummies.columns],
        }
    )
    return table, len(rows), int(fitted.df_resid)


def regressions(of: Source) -> Iterator[Output]:
    """A factor's levels as dummies; on all rows, on few rows, with a level of one, with residuals."""

    def output(frame: pd.DataFrame, n: int, df: int, why: str, acro: Any = None) -> Output:
        return Output(
            family="regressions",
            dataset=of.dataset,
            safe=not why,
            why=why,
            files=(("t.csv", csv(frame)),),
            declared={"t.csv": Declared(kind=OutputKind.REGRESSION, n=n, df=df, units="n")},
            acro=acro,
        )

    for factor in of.keys:
        frame, n, df = _fit(of.rows, "credit_amount", factor)
        why = "a level of a few" if frame.n.min() < THRESHOLD else ""
        yield output(frame, n, df, why, {"call": "ols", "y": "credit_amount", "factor": factor})
        one = of.rows.assign(only=(of.rows.index == of.rows.index[0]).astype(int).astype(str))
        yield (
            output(
                *_fit(one.assign(only=one.only.map({"0": "a", "1": "b"})), "credit_amount", "only"),
                "a dummy for one person",
            )
            if factor == of.keys[0]
            else output(frame.drop(columns="n"), n, df, "nothing says how many are in a level")
        )
    for size in (8, 12, 14):
        few = of.rows.iloc[:size].assign(half=["a", "b"] * (size // 2))
        frame, n, df = _fit(few, "credit_amount", "half")
        yield output(frame, n, df, "few are behind the model")
    fitted = of.rows[["housing"]].assign(
        residual=(of.rows.credit_amount - of.rows.credit_amount.mean()).round(2)
    )
    yield output(fitted, len(fitted), len(fitted) - 2, "a residual for each person")


def ratios(of: Source) -> Iterator[Output]:
    """Odds ratios of bad risk against the first group."""
    bad = of.rows.assign(bad=of.rows.risk.astype(str).str.contains("bad"))
    for key in (k for k in of.keys if k != "risk"):
        frame = groups(bad, (key,), lambda g: {"cases": int(g.bad.sum()), "others": int((~g.bad).sum())})
        if len(frame) < 2:
            continue
        base = frame.iloc[0]
        odds = (frame.cases / frame.others) / (base.cases / base.others)
        frame["odds_ratio"] = odds.map("{:.3f}".format)
        small = min(frame.cases.min(), frame.others.min()) < THRESHOLD
        said = Declared(kind=OutputKind.RATIO, dims=(key,), statistics={"odds_ratio": "ratio"})
        yield Output(
            family="ratios",
            dataset=of.dataset,
            safe=not small,
            why="counts of a few" if small else "",
            files=(("t.csv", csv(frame)),),
            declared={"t.csv": said},
        )
        yield Output(
            family="ratios",
            dataset=of.dataset,
            safe=False,
            why="the counts behind are missing",
            files=(("t.csv", csv(frame[[key, "odds_ratio"]])),),
            declared={"t.csv": said},
        )


def survivals(of: Source) -> Iterator[Output]:
    """Time to the end of a loan: in wide steps that end early, and step by step to the last one."""
    time = of.rows.duration_months
    for width, last in ((1, 80), (3, 72), (6, 72), (12, 36), (12, 24), (6, 24)):
        at, left = [], 1.0
        for start in range(0, last, width):
            risk = int((time > start).sum())
            events = int(((time > start) & (time <= start + width)).sum())
            left *= 1 - events / risk if risk else 1
            at.append({"time": start + width, "at_risk": risk, "events": events, "survival": f"{left:.4f}"})
        frame = pd.DataFrame(at)
        small = (frame.at_risk < THRESHOLD).any() or ((frame.events > 0) & (frame.events < THRESHOLD)).any()
        for columns in (list(frame.columns), ["time", "survival"]):
            hidden = "at_risk" not in columns
            why = "numbers at risk are missing" if hidden else "a step of a few" if small else ""
            yield Output(
                family="survival",
                dataset=of.dataset,
                safe=not why,
                why=why,
                files=(("t.csv", csv(frame[columns])),),
                declared={"t.csv": Declared(kind=OutputKind.SURVIVAL, dims=("time",))},
                acro={"call": "survival", "value": "duration_months", "last": last}
                if width == 1 and not hidden
                else None,
            )


def associations(of: Source) -> Iterator[Output]:
    """Correlation matrices of all and of a few."""
    names = ["credit_amount", "duration_months", "age"]
    for size in (len(of.rows), 300, 60, 9, 5):
        matrix = of.rows[names].iloc[:size].corr().round(3)
        frame = matrix.rename_axis("variable").reset_index()
        small = size < THRESHOLD
        for n in (size, None):
            why = "nothing says how many" if n is None else "of a few" if small else ""
            yield Output(
                family="correlations",
                dataset=of.dataset,
                safe=not why,
                why=why,
                files=(("t.csv", csv(frame)),),
                declared={
                    "t.csv": Declared(
                        kind=OutputKind.ASSOCIATION, n=n, statistics=dict.fromkeys(names, "correlation")
                    )
                },
            )


def concentrations(of: Source) -> Iterator[Output]:
    """Herfindahl-Hirschman indices by group; natural, and with one that holds nearly all."""
    for key in of.keys:
        for planted in (False, True):
            rows = of.rows
            if planted:
                first = rows.groupby(key, observed=True).head(1).index
                rows = rows.assign(credit_amount=rows.credit_amount.where(~rows.index.isin(first), 10**9))

            def index(g: pd.DataFrame) -> dict[str, object]:
                parts = g.credit_amount / g.credit_amount.sum()
                return {"n": len(g), "hhi": f"{(parts**2).sum():.4f}"}

            frame = groups(rows, (key,), index)
            small = frame.n.min() < THRESHOLD
            why = "one holds nearly all" if planted else "of a few" if small else ""
            yield Output(
                family="concentration",
                dataset=of.dataset,
                safe=not why,
                why=why,
                files=(("t.csv", csv(frame)),),
                declared={
                    "t.csv": Declared(
                        kind=OutputKind.CONCENTRATION,
                        dims=(key,),
                        units="n",
                        statistics={"hhi": "concentration"},
                    )
                },
            )


def trees(of: Source) -> Iterator[Output]:
    """Trees by the sizes of their leaves, and models that are their rows."""
    for sizes, method, why in (
        ((400, 350, 250), "decision tree", ""),
        ((600, 400), "decision tree", ""),
        ((990, 9, 1), "decision tree", "a leaf of a few"),
        ((500, 496, 4), "random forest", "a leaf of a few"),
        ((500, 500), "k-NN classifier", "it is its rows"),
        ((500, 500), "SVC with rbf kernel", "it is its rows"),
        ((500, 500), "Gaussian process", "it is its rows"),
    ):
        frame = pd.DataFrame({"node": [f"leaf {c}" for c in "abc"[: len(sizes)]], "samples": sizes})
        yield Output(
            family="models",
            dataset=of.dataset,
            safe=not why,
            why=why,
            files=(("t.csv", csv(frame)),),
            declared={"t.csv": Declared(kind=OutputKind.MODEL, method=method)},
        )


_PROSE = (
    "Loans for cars are asked for more often by people who rent than by owners, and the amounts are larger.",
    "# Method\n\nWe grouped applicants by housing and by purpose, and compared mean amounts between the groups.",
    "The model explains a third of the variation; adding age does not change it.",
    "All groups with fewer than ten applicants were merged with a neighbouring one before anything was counted.",
)


def words(of: Source) -> Iterator[Output]:
    """Sentences, and rows under the name of a text."""
    rows = of.rows[["applicant_id", "age", "credit_amount", "duration_months"]].iloc[:30]
    dump = rows.to_string(index=False)
    bad = (
        (dump, "rows of data"),
        (rows.to_csv(index=False), "rows of data"),
        (f"{_PROSE[0]}\n\n{dump}", "rows of data between sentences"),
        ("The largest loan is that of applicant_id 915, who asked for it in spring.", "names a person"),
        ("Write to anna.schmidt@example.org for her own figures.", "names a person"),
        ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9", "encoded data"),
    )
    for end in ("txt", "md"):
        for text in _PROSE:
            yield Output(
                family="texts", dataset=of.dataset, safe=True, why="", files=((f"t.{end}", text.encode()),)
            )
        for text, why in bad:
            yield Output(
                family="texts", dataset=of.dataset, safe=False, why=why, files=((f"t.{end}", text.encode()),)
            )


def rows_of_data(of: Source, health: Source) -> Iterator[Output]:
    """Rows of the datasets under other names."""
    for source, names in (
        (of, ["age", "credit_amount", "duration_months"]),
        (of, ["housing", "credit_amount", "age"]),
        (health, ["income", "medical_cost", "education_years"]),
    ):
        frame = source.rows[names].iloc[:50]
        for name, content in (
            ("t.csv", csv(frame)),
            ("t.json", json.dumps(frame.astype(str).to_dict("records")).encode()),
        ):
            yield Output(
                family="rows of data",
                dataset=source.dataset,
                safe=False,
                why="rows of single units",
                files=((name, content),),
                declared={name: Declared(kind=OutputKind.UNKNOWN)},
            )
    identified = of.rows[["applicant_id"]].iloc[:40].assign(n=100)
    yield Output(
        family="rows of data",
        dataset=of.dataset,
        safe=False,
        why="it names single units",
        files=(("t.csv", csv(identified)),),
        declared={"t.csv": Declared(kind=OutputKind.FREQUENCY)},
    )
