"""Recognising outputs that consist wholly of private answers, and the draw that sends some of them to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.disclosure.declaration import split
from sandbox.disclosure.judge import judge
from sandbox.disclosure.private_answer import private_answer
from sandbox.domain.access import Grant
from sandbox.domain.agreement import release_terms
from sandbox.domain.budget import ChargeState
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.fast_lane import sampled, wholly_answers
from sandbox.domain.permission import Action, takes_fast_lane
from sandbox.domain.policy import DatasetPolicy, Mode, ReleaseTerms
from sandbox.domain.question import canonical_sql
from sandbox.flows.permission import Permission
from sandbox.flows.published import Published
from sandbox.privacy.asking.parse import parse
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFastLane:
    """The journey's parts.

    Args:
        secret: decides which requests people look at all the same.
    """

    store: Store
    permission: Permission
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

    def looked_at(self, grant: Grant, answers: Mapping[str, int]) -> bool:
        """Whether people look at them all the same."""
        terms = release_terms(self.permission.agreement(grant, Action.CHECK))
        return sampled(self.secret, project=grant.project, answers=answers, percent=terms.sample_percent)

    def _reads_rows(self, grant: Grant, policy: DatasetPolicy) -> bool:
        """Whether somebody of the project may have seen raw rows of this lineage, also under a grant that ended."""
        people = self.store.access.members_of(grant.project)
        grants = [g for name in people for g in self.store.access.grants_of(name)]
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
