"""ACRO's verdicts, run by the Python of its own environment: ``acro_peer.py FOLDER`` reads calls.json and writes
acro.json beside it. Each call is the one of ACRO's own functions that makes the output from the rows; what ACRO has no
function for is left out. ``pass``, ``review`` and ``fail`` are its words; an error counts as its refusal.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd


def verdict(acro: Any, rows: pd.DataFrame, call: dict[str, Any]) -> str:
    """The status of the record that a call makes."""
    by, name = list(call.get("by", ())), call["call"]
    value = call.get("value")
    rows = rows.dropna(subset=[*by, *([value] if value else [])])
    how = {"quantile": "median", "count": "count"}.get(name, name)
    if name == "crosstab":
        acro.crosstab(rows[by[0]], rows[by[1]])
    elif name in ("mean", "quantile", "max", "min", "std") and len(by) == 2:
        acro.crosstab(rows[by[0]], rows[by[1]], values=rows[value], aggfunc=how)
    elif name in ("mean", "quantile", "max", "min", "std", "count"):
        column = value or next(c for c in rows.columns if pd.api.types.is_numeric_dtype(rows[c]))
        acro.pivot_table(rows, index=by, values=[column], aggfunc=how)
    elif name == "ols":
        import statsmodels.api as sm

        design = sm.add_constant(pd.get_dummies(rows[call["factor"]], drop_first=True, dtype=float))
        acro.ols(rows[call["y"]].astype(float), design)
    elif name == "survival":
        acro.surv_func(rows[value], pd.Series(1, index=rows.index), output="table")
    elif name == "histogram":
        acro.hist(rows, value, bins=call["bins"])
    return str(acro.results.get_index(-1).status)


def main(folder: Path) -> None:
    import acro as library

    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    calls = json.loads((folder / "calls.json").read_text())
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in {c["dataset"] for c in calls}}
    found = []
    for call in calls:
        session = library.ACRO(suppress=False)
        try:
            found.append(verdict(session, tables[call["dataset"]], call))
        except Exception as error:  # whatever it raises, it made no output
            found.append(f"error: {type(error).__name__}: {str(error)[:100]}")
    version = __import__("importlib.metadata").metadata.version("acro")
    (folder / "acro.json").write_text(json.dumps({"version": version, "verdicts": found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
