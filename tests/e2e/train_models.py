"""Run by the Python of the attack's environment: trains scikit-learn's classifiers on the folds of an extract that are
named, and writes each as the notebook's client does. ``train_models.py ROOT ROWS.csv FOLDS OUT``.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

MODELS = {
    "deep_tree": DecisionTreeClassifier(random_state=0),
    "wide_tree": DecisionTreeClassifier(min_samples_leaf=40, random_state=0),
    "forest": RandomForestClassifier(n_estimators=10, random_state=0),
    "regression": LogisticRegression(max_iter=2000),
}


def client(root: Path) -> types.ModuleType:
    """The part of the client that writes models, without the rest of it."""
    errors = types.ModuleType("sandbox.client.errors")
    errors.BadInput = ValueError
    sys.modules |= {name: types.ModuleType(name) for name in ("sandbox", "sandbox.client")}
    sys.modules["sandbox.client.errors"] = errors
    spec = importlib.util.spec_from_file_location("models", root / "sandbox" / "client" / "models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(root: Path, rows: Path, folds: str, out: Path) -> None:
    frame = pd.read_csv(rows, dtype={"patient_id": str, "ward": str}).dropna()
    frame = frame[[p[0] in folds for p in frame.patient_id]]
    features = pd.get_dummies(frame[["age", "cost", "ward", "sex"]], columns=["ward", "sex"], prefix_sep="=")
    write = client(root).model_table
    for name, classifier in MODELS.items():
        table, method = write(classifier.fit(features, frame.smoker))
        table.to_csv(out / f"{name}.csv", index=False)
        (out / f"{name}.method").write_text(method)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
