"""Descriptions of trained models: those that are their data do not leave, and of trees no leaf of a few."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox.disclosure.columns import normal
from sandbox.disclosure.kinds.case import Case, numbers_of
from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import SACRO_ML
from sandbox.domain.findings import Finding, Verdict

INSTANCE_BASED = Rule(
    "instance_based_model",
    Verdict.FAIL,
    "Train a model that keeps no rows: a regression, or a tree with large leaves.",
    SACRO_ML,
    says="A model that holds rows of the data in itself: nearest neighbours, support vectors, kernels, Gaussian "
    "processes.",
)
METHOD_MISSING = Rule(
    "model_without_method",
    Verdict.FAIL,
    "Say its method in outputs.yaml.",
    SACRO_ML,
    says="A model of which nobody says what it is.",
)
SMALL_LEAF = Rule(
    "small_leaf",
    Verdict.FAIL,
    "Train it with min_samples_leaf at the threshold or above.",
    SACRO_ML,
    says="A leaf with fewer units than the threshold.",
    limits=("threshold",),
)

_INSTANCE = re.compile(
    r"\b(k[-_ ]?nn|k[-_ ]?neighbou?rs?\w*|nearest[-_ ]neighbou?rs?|svm|svc|svr|support[-_ ]vector\w*|kernel\w*|"
    r"gaussian[-_ ]?process\w*|gpr?|radius[-_ ]?neighbou?rs?\w*|rbf)\b",
    re.IGNORECASE,
)


def check_method(case: Case) -> Iterator[Finding]:
    """What it is."""
    method = case.declared.method if case.declared is not None else ""
    if not method.strip():
        yield METHOD_MISSING.file(case.name, "Nothing says what kind of model this is.")
    elif _INSTANCE.search(method):
        yield INSTANCE_BASED.file(case.name, f"'{method.strip()}' keeps rows of the data in itself.")


def check_leaves(case: Case) -> Iterator[Finding]:
    """The sizes of leaves, as a tree's table tells them."""
    for column in case.columns:
        if re.search(r"(^|_)(samples|n_node_samples|leaf_size|leaf_samples)($|_)", normal(column.name)):
            for row, number in numbers_of(column):
                if 0 < number.value < case.threshold:
                    yield SMALL_LEAF.cell(case.name, row, column.name, f"{number.value} are in this leaf.")


CHECKS = (check_method, check_leaves)
