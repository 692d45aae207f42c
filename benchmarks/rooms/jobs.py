"""What the jobs do whose slowdown is measured. Runs inside the notebook image: ``python jobs.py``; prints JSON.

Each is timed in seconds of wall-clock time, the import of its libraries beside it: that one reads thousands of files.
"""

import json
import time


def pandas_job() -> None:
    """Two million rows: grouped, joined, sorted, counted over a window, and written as text in memory."""
    import io

    import numpy
    import pandas

    draw = numpy.random.default_rng(7)
    rows = pandas.DataFrame(
        {
            "key": draw.integers(0, 1000, 2_000_000),
            "region": draw.choice(["north", "south", "east", "west"], 2_000_000),
            "amount": draw.lognormal(3, 1, 2_000_000),
        }
    )
    grouped = rows.groupby(["region", "key"]).agg({"amount": ["sum", "mean", "median", "count"]})
    joined = rows.merge(
        rows.groupby("key", as_index=False)["amount"].mean(), on="key", suffixes=("", "_mean")
    )
    joined["over"] = joined["amount"] / joined["amount_mean"]
    joined.sort_values("over").head(1000).to_csv(io.StringIO())
    rows["amount"].rolling(100).mean()
    grouped.to_csv(io.StringIO())


def sklearn_job() -> None:
    """A credit model: a forest and a regression with cross-validation, on 20 000 rows of 20 columns."""
    import numpy
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    draw = numpy.random.default_rng(7)
    columns = draw.normal(size=(20_000, 20))
    label = (columns[:, :5].sum(axis=1) + draw.normal(size=20_000)) > 0
    RandomForestClassifier(30, random_state=7).fit(columns, label).predict(columns)
    cross_val_score(LogisticRegression(max_iter=500), columns, label, cv=5)


def files_job() -> None:
    """Two thousand small files in /tmp: made, listed, read, removed."""
    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for number in range(2000):
            pathlib.Path(folder, f"{number}.txt").write_text("row")
        for path in pathlib.Path(folder).iterdir():
            path.read_text()


def timed(work: str) -> float:
    began = time.perf_counter()
    exec(work, globals())  # noqa: S102  (three lines of this file)
    return time.perf_counter() - began


if __name__ == "__main__":
    told = {
        "imports": timed("import pandas, sklearn.ensemble, sklearn.linear_model, sklearn.model_selection")
    }
    for name in ("pandas", "sklearn", "files"):
        told[name] = timed(f"{name}_job()")
    print(json.dumps(told))
