"""Trained models as tables, from what a classifier shows of itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sandbox.client.errors import BadInput
from sandbox.client.models import NODES, model_table
from sandbox.disclosure.model_table import read_model
from sandbox.disclosure.table import read_table
from sandbox.domain.trained_model import leaf_of
from tests.privacy.made_up import hospital


def stump() -> Any:
    """A tree of one question."""
    return SimpleNamespace(
        node_count=3,
        children_left=np.array([1, -1, -1]),
        children_right=np.array([2, -1, -1]),
        feature=np.array([1, -2, -2]),
        threshold=np.array([0.5, -2.0, -2.0]),
        n_node_samples=np.array([90, 60, 30]),
        value=np.array([[[45.0, 45.0]], [[40.0, 20.0]], [[5.0, 25.0]]]),
    )


def fitted(name: str, **shown: Any) -> Any:
    names = np.array(["age", "ward=2"])
    return type(name, (), {"feature_names_in_": names, "classes_": np.array([False, True]), **shown})()


def read_again(estimator: Any) -> Any:
    """As the platform reads what the client wrote."""
    table, method = model_table(estimator)
    read, _ = read_table("m.csv", table.to_csv(index=False).encode())
    assert read is not None
    name, model = read_model(read, method, "smoker", hospital().tables, unit="patient_id")
    assert name == "visits"
    return model


def test_a_tree_says_the_same_when_the_platform_reads_it() -> None:
    model = read_again(fitted("DecisionTreeClassifier", tree_=stump()))
    assert model.classes == ("False", "True")
    answers = {}
    for ward in (1.0, 2.0):
        seen = model.seen({"age": 40.0, "ward": ward, "smoker": 1.0})
        answers[ward] = [round(p, 3) for p in model.probabilities(seen)], leaf_of(model.trees[0], seen)
    assert answers == {1.0: ([0.667, 0.333], [0, 1]), 2.0: ([0.167, 0.833], [0, 2])}
    assert [n.samples for n in model.trees[0]] == [90, 60, 30]


def test_a_forest_is_its_trees() -> None:
    tree = SimpleNamespace(tree_=stump())
    model = read_again(fitted("RandomForestClassifier", estimators_=[tree, tree]))
    assert len(model.trees) == 2
    assert set(NODES) < set(model_table(fitted("RandomForestClassifier", estimators_=[tree, tree]))[0])


def test_a_logistic_regression_is_its_coefficients() -> None:
    estimator = fitted("LogisticRegression", coef_=np.array([[0.5, -1.0]]), intercept_=np.array([-20.0]))
    model = read_again(estimator)
    assert (model.weights, model.intercept, model.classes) == ((0.5, -1.0), -20.0, ("false", "true"))
    assert model.probabilities((40.0, 0.0)) == (0.5, 0.5)


@pytest.mark.parametrize(
    "estimator",
    [
        fitted("KNeighborsClassifier"),
        fitted("SVC", coef_=np.array([[1.0]])),
        fitted("GradientBoostingClassifier", estimators_=np.array([[1]])),
        fitted("LogisticRegression", coef_=np.zeros((3, 2)), intercept_=np.zeros(3)),
        type("DecisionTreeClassifier", (), {"tree_": stump()})(),
    ],
)
def test_what_holds_rows_or_cannot_be_read_again_is_not_written(estimator: Any) -> None:
    with pytest.raises(BadInput):
        model_table(estimator)
