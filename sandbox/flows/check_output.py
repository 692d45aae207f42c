"""What the checks say about files: when they ask to leave, and before, for whoever wants to know what would be said.

A file whose numbers all come from a stored private answer is protected by that answer's noise. Any other file with its
SQL is held against the same table computed again on the raw rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.disclosure.declaration import split
from sandbox.disclosure.judge import Judged, judge
from sandbox.disclosure.judge_picture import table_behind
from sandbox.disclosure.judge_table import keys_of
from sandbox.disclosure.private_answer import private_answer
from sandbox.disclosure.sources import RECOMPUTED
from sandbox.disclosure.table import Table
from sandbox.disclosure.together import check_together
from sandbox.domain.access import Grant
from sandbox.domain.agreement import release_terms
from sandbox.domain.audit import Event
from sandbox.domain.budget import ChargeState
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import BadInput, OperatorError, QuestionRefused, Unanswered
from sandbox.domain.findings import Finding, Verdict, for_requester, worst
from sandbox.domain.outputs import Declared
from sandbox.domain.people import Person
from sandbox.domain.permission import Action
from sandbox.domain.policy import Mode
from sandbox.domain.question import Question, canonical_sql, columns_by_table
from sandbox.domain.release_request import check_request
from sandbox.flows.attack_models import AttackModels
from sandbox.flows.differences import Differences, Looked, ReadFile
from sandbox.flows.permission import Permission
from sandbox.flows.published import Published, published
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engine import Engine
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the checks say to the one who asks.

    Attributes:
        findings: as far as they may be shown to this person.
        bits_leaving: the most that each file would tell, by its name.
        threshold: the fewest distinct units behind a cell, by the agreement.
    """

    findings: tuple[Finding, ...]
    bits_leaving: Mapping[str, int]
    threshold: int

    @property
    def verdict(self) -> Verdict:
        return worst(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutput:
    """The journey's parts."""

    store: Store
    engine: Engine
    permission: Permission
    differences: Differences
    attack_models: AttackModels

    def preview(
        self,
        person: Person,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        sql: Mapping[str, str],
    ) -> Checked:
        """Check files that are not submitted. Nothing is staged; that it was asked is on the log.

        Whoever may only ask questions learns nothing here that rests on private rows, and none are read.

        Raises:
            BadInput: the files or their declaration cannot be understood.
            NotAllowed: the grant does not let such files leave.
        """
        dataset = published(self.store, grant.dataset)
        permit = self.permission(
            person, grant, Action.SUBMIT, sizes=tuple(len(content) for _, content in files)
        )
        check_request(files, _NO_CONTEXT, sql, max_bytes=permit.terms.max_bytes)
        reads_rows = grant.mode is Mode.ROOM
        judged = self.judge_all(person, dataset, grant, files=files, sql=sql, recompute=reads_rows)
        declared, _ = split(files)
        asked = {name: sql.get(name) or (declared[name].sql if name in declared else "") for name in judged}
        found = [f for one in judged.values() for f in one.findings]
        found += self.beside_others(dataset, grant, judged, asked).findings
        findings = for_requester(found, reads_rows=reads_rows)
        self.store.log.record(
            Event(
                person.name,
                "output.checked",
                f"grant:{grant.id}",
                {
                    "dataset": grant.dataset,
                    "files_sha256": [sha256_hex(content) for _, content in files],
                    "verdict": str(worst(findings)),
                    **permit.facts,
                },
            )
        )
        return Checked(
            findings=findings,
            bits_leaving={n: j.bits_leaving for n, j in judged.items()},
            threshold=permit.terms.threshold,
        )

    def beside_others(
        self, dataset: Published, grant: Grant, judged: Mapping[str, Judged], sql: Mapping[str, str]
    ) -> Looked:
        """The numbers of judged files beside those of all other requests on the data.

        Args:
            sql: by file; empty where none was given.
        """
        # What is a private answer is protected by its noise, and no number to reckon with.
        tables = [
            ReadFile(name=name, table=one.table, sql=sql.get(name, ""), evidence=one.evidence)
            for name, one in judged.items()
            if one.table is not None and not any(f.check == "private_answer" for f in one.findings)
        ]
        return self.differences.look(
            dataset,
            tables,
            [f for one in judged.values() for f in one.findings],
            project=grant.project,
            threshold=release_terms(self.permission.agreement(grant, Action.CHECK)).threshold,
        )

    def judge_all(
        self,
        person: Person,
        dataset: Published,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        sql: Mapping[str, str],
        recompute: bool = True,
    ) -> dict[str, Judged]:
        """Every file of a request through every check, by its name. What declares the others is no output.

        Args:
            recompute: read private rows where a file comes with its question.
        """
        declared, outputs = split(files)
        judged = {
            name: self.judge_one(
                person,
                dataset,
                grant,
                name,
                content,
                sql=sql.get(name) or (declared[name].sql if name in declared else ""),
                declared=declared.get(name),
                outputs=outputs,
                recompute=recompute,
            )
            for name, content in outputs
        }
        tables: dict[str, Table] = {n: j.table for n, j in judged.items() if j.table is not None}
        terms = release_terms(self.permission.agreement(grant, Action.CHECK))
        for finding in check_together(tables, threshold=terms.threshold, keys=keys_of(dataset.policy)):
            own = judged[finding.file]
            if not any(f.check == "private_answer" for f in own.findings):
                judged[finding.file] = replace(own, findings=(*own.findings, finding))
        return judged

    def judge_one(
        self,
        person: Person,
        dataset: Published,
        grant: Grant,
        name: str,
        content: bytes,
        *,
        sql: str,
        declared: Declared | None,
        outputs: Sequence[tuple[str, bytes]],
        recompute: bool = True,
    ) -> Judged:
        """One file's findings and what may leave of it.

        Args:
            outputs: all of the request.
        """
        policy = dataset.policy
        question = self._question(dataset, name, sql) if sql else None
        columns = None if question is None else columns_by_table(question, unit=policy.unit_column)
        terms = self.permission(person, grant, Action.CHECK, columns=columns).terms
        beside = {other for other, _ in outputs} - {name}
        behind = table_behind(declared, outputs, terms=terms, policy=policy)
        plainly = judge(
            name, content, terms=terms, policy=policy, declared=declared, beside=beside, behind=behind
        )
        attacked: list[Finding] = []
        if recompute and declared is not None and plainly.table is not None:
            attacked = self.attack_models(dataset, name, plainly.table, declared, terms)
            plainly = replace(plainly, findings=(*plainly.findings, *attacked))
        if question is None:
            return plainly
        canonical = canonical_sql(question)
        for charge in self.store.ledger.history(project=grant.project, lineage=policy.budget_lineage):
            if charge.state is ChargeState.RELEASED and charge.canonical == canonical:
                private = private_answer(charge.id, self.store.ledger.answer(charge.id))
                checked = judge(name, content, terms=terms, policy=policy, private=private)
                if any(f.check == "private_answer" for f in checked.findings):
                    return checked
        if not recompute:
            return plainly
        try:
            evidence = self.engine.evidence(dataset=policy.name, snapshot=dataset.snapshot, sql=canonical)
        except (Unanswered, OperatorError) as failure:
            # Whether a question can be computed may itself depend on rows: then only reviewers are told.
            unsaid = replace(_not_recomputed(name), from_rows=isinstance(failure, Unanswered))
            return replace(plainly, findings=(*plainly.findings, unsaid))
        beside_rows = judge(
            name,
            content,
            terms=terms,
            policy=policy,
            evidence=evidence,
            declared=declared,
            beside=beside,
            behind=behind,
        )
        return replace(beside_rows, findings=(*beside_rows.findings, *attacked))

    def _question(self, dataset: Published, name: str, sql: str) -> Question:
        try:
            return parse(sql, dataset.policy)
        except QuestionRefused as refused:
            raise BadInput(
                f"The SQL for {name} was refused: {refused.message}", where=f"sql[{name}]", fix=refused.fix
            ) from refused


_NO_CONTEXT = "checked before it is submitted"


def _not_recomputed(name: str) -> Finding:
    return Finding(
        file=name,
        check="evidence",
        verdict=Verdict.FAIL,
        reason="The table could not be computed again from its SQL.",
        fix="Submit again; if it fails twice, submit without SQL for a person to judge.",
        source=RECOMPUTED,
    )
