"""An attack on a model that asks to leave, beside the raw rows: could somebody tell who it was trained on?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from sandbox.disclosure.membership import NOT_ATTACKED, check_attack, check_sides, check_training
from sandbox.disclosure.model_table import NoModel, read_model
from sandbox.disclosure.table import Table
from sandbox.domain.errors import OperatorError, Unanswered
from sandbox.domain.findings import Finding
from sandbox.domain.outputs import Declared, OutputKind
from sandbox.domain.policy import ReleaseTerms
from sandbox.domain.trained_model import Model, ModelScores, check_folds
from sandbox.flows.published import Published
from sandbox.isolation.membership_attack import Attacked
from sandbox.privacy.engine import Engine

_log = logging.getLogger(__name__)

Attack = Callable[[ModelScores], Attacked]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackModels:
    """The journey's parts.

    Args:
        attack: tells rows of a training from others by what the model says of them.
    """

    engine: Engine
    attack: Attack

    def __call__(
        self, dataset: Published, name: str, table: Table, declared: Declared, terms: ReleaseTerms
    ) -> list[Finding]:
        """What is found of one file; nothing when it is no model.

        Args:
            table: as it was read: with all its digits, so that each row goes the way that it went in the training.
        """
        if declared.kind is not OutputKind.MODEL:
            return []
        try:
            train = check_folds(declared.train)
            found, model = read_model(
                table,
                declared.method,
                declared.outcome,
                dataset.policy.tables,
                unit=dataset.policy.unit_column,
            )
        except NoModel as why:
            return [NOT_ATTACKED.file(name, f"{why}: no attack was made.")]
        except ValueError:
            return [NOT_ATTACKED.file(name, "Nobody said which folds it was trained on: no attack was made.")]
        return self._attacked(dataset, name, found, model, train, terms)

    def _attacked(
        self, dataset: Published, name: str, table: str, model: Model, train: str, terms: ReleaseTerms
    ) -> list[Finding]:
        try:
            scores: ModelScores = self.engine.model_scores(
                dataset=dataset.policy.name, snapshot=dataset.snapshot, table=table, model=model, train=train
            )
            training = list(check_training(name, model, scores))
            few = check_sides(name, scores)
            if few is not None:
                return [*training, few]
            attacked = self.attack(scores)
        except (Unanswered, OperatorError) as failure:
            _log.error("no attack on a model: %s", failure.message)
            unsaid = NOT_ATTACKED.file(name, "The attack could not be made: a person must judge.")
            # Whether a model can be asked may itself depend on rows: then only reviewers are told.
            return [replace(unsaid, from_rows=isinstance(failure, Unanswered))]
        return [*training, check_attack(name, attacked.auc, terms=terms.checks)]
