"""Recognising what may leave without a vote, private answers and planned outputs, and the draw that sends some of it to
people all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.disclosure.declaration import split
from sandbox.disclosure.judge import judge
from sandbox.disclosure.judge_table import keys_of
from sandbox.disclosure.planned import planned_csv
from sandbox.disclosure.private_answer import private_answer
from sandbox.domain.access import Grant
from sandbox.domain.agreement import release_terms
from sandbox.domain.budget import ChargeState
from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import OperatorError, QuestionRefused, Unanswered
from sandbox.domain.fast_lane import AS_PLANNED, planned_outputs, sampled, wholly_answers
from sandbox.domain.permission import Action, takes_fast_lane, takes_planned_lane
from sandbox.domain.policy import DatasetPolicy, Mode, ReleaseTerms
from sandbox.domain.question import canonical_sql
from sandbox.flows.permission import Permission
from sandbox.flows.published import Published
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engine import Engine
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFastLane:
    """The journey's parts.

    Args:
        secret: decides which requests people look at all the same.
    """

    store: Store
    permission: Permission
    engine: Engine
    secret: bytes

    def answers(
        self, dataset: Published, grant: Grant, *, files: Sequence[tuple[str, bytes]], sql: Mapping[str, str]
    ) -> dict[str, int]:
        """The stored answer that each output consists of: its question's number, by the file's name.

        Returns:
            Nothing unless all of them do, the agreement lets them leave so, and their sender reads no raw rows.
        """
        agreement = self.permission.agreement(grant, Action.CHECK)
        if not takes_fast_lane(agreement) or self._reads_rows(grant, dataset.policy):
            return {}
        terms = release_terms(agreement)
        declared, outputs = split(files)
        found = {}
        for name, content in outputs:
            question = sql.get(name) or (declared[name].sql if name in declared else "")
            number = self._answer(dataset.policy, grant, name, content, question, terms) if question else 0
            if not number:
                return {}
            found[name] = number
        return found

    def planned(
        self,
        dataset: Published,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        sql: Mapping[str, str],
        context: str,
    ) -> dict[str, int]:
        """A number that stands for each output, where all of them are as the signed plan names them; else nothing.

        The files' bytes have to be those that the platform writes from the questions: no order, digit or name is left
        to their sender, who reads raw rows. That every check passes is for the caller to see.
        """
        agreement = self.permission.agreement(grant, Action.CHECK)
        if not takes_planned_lane(agreement) or context.strip() != AS_PLANNED:
            return {}
        plan = planned_outputs(agreement["outputs"]["plan"])
        found = {}
        for name, content in files:
            if name not in plan or sql.get(name) != plan[name]:
                return {}
            try:
                question = parse(plan[name], dataset.policy)
                canonical = canonical_sql(question)
                evidence = self.engine.evidence(
                    dataset=dataset.policy.name, snapshot=dataset.snapshot, sql=canonical
                )
            except (QuestionRefused, Unanswered, OperatorError):
                return {}
            if planned_csv(evidence, question.select, order=keys_of(dataset.policy)) != content:
                return {}
            drawn_by = sha256_hex(canonical_json({"sql": canonical, "snapshot": dataset.snapshot}))
            found[name] = int(drawn_by[:12], 16)
        return found

    def looked_at(self, grant: Grant, answers: Mapping[str, int]) -> bool:
        """Whether people look at them all the same."""
        terms = release_terms(self.permission.agreement(grant, Action.CHECK))
        return sampled(self.secret, project=grant.project, answers=answers, percent=terms.sample_percent)

    def _reads_rows(self, grant: Grant, policy: DatasetPolicy) -> bool:
        """Whether somebody of the project may have seen raw rows of this lineage, also under a grant that ended."""
        people = self.store.access.members_of(grant.project)
        grants = [g for name in people for g in self.store.grants.of_person(name)]
        return any(g.mode is Mode.ROOM and self._lineage(g.dataset) == policy.budget_lineage for g in grants)

    def _lineage(self, dataset: str) -> str:
        row = self.store.datasets.get(dataset)
        return row.policy.budget_lineage if row is not None else ""

    def _answer(
        self,
        policy: DatasetPolicy,
        grant: Grant,
        name: str,
        content: bytes,
        sql: str,
        terms: ReleaseTerms,
    ) -> int:
        try:
            canonical = canonical_sql(parse(sql, policy))
        except QuestionRefused:
            return 0
        for charge in self.store.ledger.history(project=grant.project, lineage=policy.budget_lineage):
            if charge.state is ChargeState.RELEASED and charge.canonical == canonical:
                private = private_answer(charge.id, self.store.ledger.answer(charge.id))
                checked = judge(name, content, terms=terms, policy=policy, private=private)
                if wholly_answers([name], checked.findings) and checked.rebuilt:
                    return charge.id
        return 0
