"""Whether a model remembers whom it was trained on: an attack on it, beside the raw rows.

The finding says that the agreed limit is kept or not, and never how far the attacker came: that is a number about rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import SACRO_ML
from sandbox.domain.check_terms import CheckTerms
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.trained_model import Model, ModelScores

FEWEST = 50  # rows on either side: of fewer, the attacker's success is luck

REMEMBERS = Rule(
    "membership_attack",
    Verdict.FAIL,
    "Train a model that fits less closely: fewer parameters, larger leaves, more regularisation.",
    SACRO_ML,
    from_rows=True,
    says="From what the model says of a row, an attacker tells better than agreed whether it was in the training.",
    limits=("checks.attack_auc_percent",),
)
FORGETS = Rule(
    "membership_attack",
    Verdict.PASS,
    "",
    SACRO_ML,
    from_rows=True,
    says="The attack was made, and does not succeed more often than agreed.",
    standing=True,
)
NOT_ATTACKED = Rule(
    "membership_not_attacked",
    Verdict.REVIEW,
    "Say in outputs.yaml which folds it was trained on (train) and what it predicts (outcome), and write it as a table "
    "of nodes or coefficients.",
    SACRO_ML,
    says="A model on which no attack was made: why, is said with it.",
)
TOO_FEW = Rule(
    "membership_not_attacked",
    Verdict.REVIEW,
    "Leave more folds for the test.",
    SACRO_ML,
    from_rows=True,
    says="The same, as too few rows are on one side of the training.",
)
OTHER_TRAINING = Rule(
    "training_not_reproduced",
    Verdict.FAIL,
    "Train the tree on exactly the folds that are named, on rows without empty cells in its features.",
    SACRO_ML,
    from_rows=True,
    says="A tree whose numbers of samples are not those of the rows that it is said to be trained on.",
)


def check_attack(name: str, auc: float, *, terms: CheckTerms) -> Finding:
    """What the attack came to.

    Args:
        auc: the area under the attacker's curve (0.5: guessing).
    """
    limit = f"the agreed {terms.attack_auc_percent} %"
    if auc * 100 > terms.attack_auc_percent:
        reason = f"An attacker tells rows of the training from others better than {limit} allow."
        return REMEMBERS.file(name, reason)
    return FORGETS.file(
        name, f"An attack on it stays within {limit}: its area under the curve is not larger."
    )


def check_sides(name: str, scores: ModelScores) -> Finding | None:
    """A finding where there are too few rows for an attack to say anything."""
    if min(len(scores.members), len(scores.others)) >= FEWEST:
        return None
    return TOO_FEW.file(
        name, f"Fewer than {FEWEST} rows are on one side of the training: no attack was made."
    )


def check_training(name: str, model: Model, scores: ModelScores) -> Iterator[Finding]:
    """Whether a single tree was trained on the rows that are named: each node counts them."""
    if len(model.trees) != 1 or not scores.reached:
        return
    told = [node.samples for node in model.trees[0]]
    if any(told) and told != list(scores.reached):
        reason = "The numbers of samples in its nodes are not those of the training rows that are named."
        yield OTHER_TRAINING.file(name, reason)
