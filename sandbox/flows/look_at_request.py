"""A request's files, copied and known by their hash from then on, and what the checks say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.disclosure.declaration import split
from sandbox.domain.access import Grant
from sandbox.domain.agreement import release_terms
from sandbox.domain.audit import Fact
from sandbox.domain.fast_lane import all_passed, wholly_answers
from sandbox.domain.findings import Finding
from sandbox.domain.output_cell import OutputCell
from sandbox.domain.people import Person
from sandbox.domain.permission import Action
from sandbox.domain.policy import ReleaseTerms
from sandbox.domain.question import canonical_sql
from sandbox.domain.release import StagedFile
from sandbox.domain.release_request import check_request
from sandbox.flows.check_output import CheckOutput
from sandbox.flows.fast_lane import TakeFastLane
from sandbox.flows.permission import Permission
from sandbox.flows.published import published
from sandbox.privacy.asking.parse import parse
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Files that were copied, and what the checks made of them."""

    staged: tuple[StagedFile, ...]
    findings: tuple[Finding, ...]
    terms: ReleaseTerms
    facts: Mapping[str, Fact]  # of the permit
    lineage: str
    cells: Sequence[OutputCell]  # its numbers, to be held beside those of others
    answers: Mapping[str, int]  # what each output is, on the fast lane; empty: they do not take it


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtRequest:
    """The journey's parts."""

    store: Store
    permission: Permission
    check: CheckOutput
    lane: TakeFastLane

    def __call__(
        self,
        person: Person,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        context: str,
        sql: Mapping[str, str],
        by_job: bool = False,
    ) -> Looked:
        """Files copied by hash, and what the checks say about them."""
        dataset = published(self.store, grant.dataset)
        terms = release_terms(self.permission.agreement(grant, Action.SUBMIT))
        check_request(files, context, sql, max_bytes=terms.max_bytes)
        permit = self.permission(
            person, grant, Action.SUBMIT, sizes=tuple(len(content) for _, content in files)
        )
        staged: list[StagedFile] = []
        findings: list[Finding] = []
        declared, _ = split(files)
        judged = self.check.judge_all(person, dataset, grant, files=files, sql=sql)
        for name, content in files:
            stored = self.store.vault.put(content)
            question = sql.get(name) or (declared[name].sql if name in declared else "")
            if question and by_job:
                # Written by code that read rows: what it means is kept, and no remark or spelling of it.
                question = canonical_sql(parse(question, dataset.policy))
            staged.append(
                StagedFile(name=name, sha256=stored.sha256, size_bytes=stored.size_bytes, sql=question)
            )
            # A declaration is staged with what it is about, and is no output itself.
            findings.extend(judged[name].findings if name in judged else ())
        looked = self.check.beside_others(dataset, grant, judged, {f.name: f.sql for f in staged})
        findings.extend(looked.findings)
        answers: Mapping[str, int] = {}
        if wholly_answers(list(judged), findings):
            answers = self.lane.answers(dataset, grant, files=files, sql=sql)
        elif all_passed([name for name, _ in files], findings) and not by_job:
            answers = self.lane.planned(dataset, grant, files=files, sql=sql, context=context)
        return Looked(
            staged=tuple(staged),
            findings=tuple(findings),
            terms=terms,
            facts=permit.facts,
            lineage=dataset.policy.budget_lineage,
            cells=looked.cells,
            answers=answers,
        )
