"""A bank's credit model in the tour: written on synthetic rows, run beside the real ones, sent to the reviewers."""

from __future__ import annotations

from typing import Any

APPLICATION: dict[str, Any] = {
    "dataset": "german_credit",
    "project": "credit_scorecard",
    "purpose": "Fit a scorecard for small loans and publish its coefficients and quality.",
    "legal_basis": "Contract with the data owner; regulation on opening public data, conditional class.",
    "mode": "job",
    "days": 60,
    "epsilon": "0.1",  # the code reads the rows; it asks next to nothing
    "output_plan": "One table of coefficients with standard errors, and one of quality figures.",
}
CONTEXT = "A logistic scorecard for bad loans, fitted on all applicants: coefficients and quality figures."

CODE = '''\
"""A scorecard for bad loans: logistic regression, its coefficients, and how well it ranks people it has not seen."""

import pandas as pd
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import cross_val_predict

import sandbox

loans = sandbox.data("loans").dropna()  # synthetic rows may lack a value where no real one does
bad = (loans["risk"] == "bad").astype(int)
known = pd.DataFrame({
    "duration_months": loans["duration_months"],
    "amount_in_1000_dm": loans["credit_amount"] / 1000,
    "age": loans["age"],
    "no_checking_account": (loans["checking_account"] == "no account").astype(int),
    "checking_below_0_dm": (loans["checking_account"] == "below 0 DM").astype(int),
    "owns_the_home": (loans["housing"] == "own").astype(int),
}).astype(float)

model = sm.Logit(bad, sm.add_constant(known)).fit(disp=False)
coefficients = pd.DataFrame({
    "term": model.params.index,
    "coefficient": model.params.round(3).to_numpy(),
    "std_error": model.bse.round(3).to_numpy(),
})
sandbox.output(coefficients, "coefficients.csv", kind="regression", dims=["term"],
               statistics={"coefficient": "coefficient", "std_error": "error"},
               n=int(model.nobs), df=int(model.df_resid))

chance = cross_val_predict(LogisticRegression(max_iter=1000), known, bad, cv=5, method="predict_proba")[:, 1]
quality = pd.DataFrame([
    ("area under the ROC curve, five folds", round(roc_auc_score(bad, chance), 2)),
    ("Brier score, five folds", round(brier_score_loss(bad, chance), 3)),
], columns=["figure", "value"])
sandbox.output(quality, "quality.csv", kind="association", dims=["figure"],
               n=int(model.nobs), df=int(model.df_resid))
print(f"fitted on {len(loans)} applicants, {int(bad.sum())} bad loans")
'''

# What the second analyst types into the notebook.
WRITE_AND_TRY = f"""
import pathlib, sandbox
pathlib.Path("credit_model.py").write_text({CODE!r})
job = sandbox.run("credit_model.py", outputs=["coefficients.csv", "quality.csv"])
print(job.log)
print(job.frame("coefficients.csv").to_string(index=False))
print(job.frame("quality.csv").to_string(index=False))
"""

ON_RAW_ROWS = f"""
raw = job.on_raw_data(context={CONTEXT!r})
print("LOG", repr(raw.log), "FILES", raw.files)
print("JOB", raw.id, "RELEASE", raw.release)
"""
