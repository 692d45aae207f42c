"""Models as values: they judge rows, end, and hold nothing but numbers and names."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from sandbox.domain.trained_model import (
    LEAF,
    MAX_NODES,
    Feature,
    Model,
    ModelScores,
    Node,
    check_folds,
    check_model,
    leaf_of,
    model_document,
    model_from_document,
    scores_document,
    scores_from_document,
)

AGE, FEMALE = Feature("age"), Feature("sex", "female")
TREE = (
    Node(feature=0, threshold=50, left=1, right=2),
    Node(feature=LEAF, values=(0.9, 0.1)),
    Node(feature=1, threshold=0.5, left=3, right=4),
    Node(feature=LEAF, values=(0.4, 0.6)),
    Node(feature=LEAF, values=(0.2, 0.8)),
)
SICK = {"outcome": "sick", "classes": ("false", "true")}
MODEL = Model(features=(AGE, FEMALE), trees=(TREE,), **SICK)  # type: ignore[arg-type]


def test_a_row_goes_left_where_its_feature_is_at_most_the_threshold() -> None:
    rows = [{"age": 50.0, "sex": "male"}, {"age": 50.1, "sex": "male"}, {"age": 51.0, "sex": "female"}]
    seen = [MODEL.seen(row) or () for row in rows]
    assert [MODEL.probabilities(s) for s in seen] == [(0.9, 0.1), (0.4, 0.6), (0.2, 0.8)]
    assert leaf_of(TREE, seen[2]) == [0, 2, 4]


def test_a_row_with_an_empty_feature_is_not_judged() -> None:
    assert MODEL.seen({"age": None, "sex": "male"}) is None
    assert MODEL.seen({"age": 1.0, "sex": None}) is None


def test_it_is_right_where_its_likeliest_class_is_the_rows() -> None:
    rows = [{"sick": 0.0}, {"sick": 1.0}, {"sick": None}, {"sick": "True"}]
    assert [MODEL.right((0.9, 0.1), row) for row in rows] == [True, False, None, False]
    assert MODEL.columns == {"age", "sex", "sick"}


def test_a_forest_says_the_mean_of_its_trees() -> None:
    forest = replace(MODEL, trees=(TREE, (Node(feature=LEAF, values=(0.5, 0.5)),)))
    assert forest.probabilities((50, 0)) == (0.7, 0.3)


def test_a_logistic_regression_says_its_curve_however_large_the_score() -> None:
    model = Model(features=(AGE,), weights=(0.1,), intercept=-5, **SICK)
    assert model.probabilities((50,)) == (0.5, 0.5)
    assert model.probabilities((60,))[1] == pytest.approx(1 / (1 + math.exp(-1)))
    assert model.probabilities((1e9,)) == (0.0, 1.0)


def test_numbers_are_compared_with_a_listed_value_as_the_policy_writes_it() -> None:
    assert [Feature("ward", "2").of({"ward": ward}) for ward in (2.0, 3.0)] == [1.0, 0.0]


def test_models_and_scores_go_between_processes_whole() -> None:
    for model in (MODEL, Model(features=(AGE,), weights=(0.1,), intercept=-5.0, **SICK)):
        assert model_from_document(json.loads(json.dumps(model_document(model)))) == model
    scores = ModelScores(
        members=((0.5, 0.5),), others=((0.1, 0.9),), members_right=(True,), others_right=(False,), reached=(1, 1, 0, 0, 0)
    )  # fmt: skip
    assert scores_from_document(json.loads(json.dumps(scores_document(scores)))) == scores


WRONG = {
    "neither": replace(MODEL, trees=()),
    "both": replace(MODEL, weights=(1.0, 2.0)),
    "no features": replace(MODEL, features=()),
    "a weight too many": Model(features=(AGE,), weights=(1.0, 2.0), **SICK),
    "a circle": replace(MODEL, trees=((replace(TREE[0], left=0), *TREE[1:]),)),
    "out of the tree": replace(MODEL, trees=((replace(TREE[0], right=9), *TREE[1:]),)),
    "a feature too many": replace(MODEL, trees=((replace(TREE[0], feature=2), *TREE[1:]),)),
    "one class": replace(MODEL, trees=((Node(feature=LEAF, values=(1.0,)),),)),
    "other classes": replace(MODEL, trees=((*TREE[:4], Node(feature=LEAF, values=(0.2, 0.3, 0.5))),)),
    "classes that no leaf tells": replace(MODEL, classes=("a", "b", "c")),
    "no classes": replace(MODEL, classes=()),
    "no nodes": replace(MODEL, trees=((), TREE)),
    "no number": replace(MODEL, trees=((replace(TREE[0], threshold=math.nan), *TREE[1:]),)),
    "too many": replace(MODEL, trees=((Node(feature=LEAF, values=(0.5, 0.5)),) * (MAX_NODES + 1),)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_model_that_says_nothing_or_never_ends_is_refused(case: str) -> None:
    check_model(MODEL)
    with pytest.raises(ValueError):
        check_model(WRONG[case])


@pytest.mark.parametrize("train", ["", "g", "00", "0A", "0123456789abcdef", "0, 1"])
def test_folds_are_some_of_sixteen_and_never_all(train: str) -> None:
    assert check_folds("f0") == "0f"
    with pytest.raises(ValueError):
        check_folds(train)
