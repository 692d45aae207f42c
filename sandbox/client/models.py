"""Trained models as tables: nodes of trees, or coefficients. What leaves of a model is numbers, never an object.

Written for scikit-learn's classifiers by what they show of themselves; nothing of it is imported.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from sandbox.client.errors import BadInput

NODES = ("tree", "node", "feature", "left", "right")  # the columns that a table of nodes is grouped by
_FIX = (
    "Give a decision tree, a random forest, or a logistic regression of two classes, fitted to a DataFrame."
)


def model_table(estimator: Any) -> tuple[pd.DataFrame, str]:
    """The table of a fitted classifier, and what it is called.

    Features are named as the columns of the frame that it was fitted to: a column, or ``column=value``, which
    ``pd.get_dummies(frame, prefix_sep="=")`` gives.

    Raises:
        BadInput: it is none of those that can leave.
    """
    names = [str(n) for n in getattr(estimator, "feature_names_in_", ())]
    classes = [str(c) for c in getattr(estimator, "classes_", ())]
    method = type(estimator).__name__
    if not names or len(classes) < 2:
        raise BadInput(f"A {method} has no names of features, or no classes.", fix=_FIX)
    if hasattr(estimator, "tree_"):
        return _nodes([estimator], names, classes), f"decision tree ({method})"
    trees = getattr(estimator, "estimators_", None)
    if isinstance(trees, list) and all(hasattr(t, "tree_") for t in trees):
        return _nodes(trees, names, classes), f"forest of trees ({method})"
    if hasattr(estimator, "coef_") and method == "LogisticRegression" and len(estimator.coef_) == 1:
        terms = ["const", *names]
        coefficients = [float(estimator.intercept_[0]), *map(float, estimator.coef_[0])]
        return pd.DataFrame({"term": terms, "coef": coefficients}), "logistic regression"
    raise BadInput(f"A {method} cannot be written as a table.", fix=_FIX)


def _nodes(trees: list[Any], names: list[str], classes: list[str]) -> pd.DataFrame:
    rows = []
    for number, fitted in enumerate(trees):
        tree = fitted.tree_
        for node in range(tree.node_count):
            leaf = tree.children_left[node] == tree.children_right[node]
            shares = tree.value[node][0] / tree.value[node][0].sum()
            rows.append(
                {
                    "tree": f"t{number}",
                    "node": node,
                    "feature": "" if leaf else names[tree.feature[node]],
                    "threshold": None if leaf else float(tree.threshold[node]),
                    "left": None if leaf else int(tree.children_left[node]),
                    "right": None if leaf else int(tree.children_right[node]),
                    "samples": int(tree.n_node_samples[node]),
                    **{f"p_{c}": float(s) if leaf else None for c, s in zip(classes, shares, strict=True)},
                }
            )
    table = pd.DataFrame(rows)
    return table.astype({"left": "Int64", "right": "Int64"})
