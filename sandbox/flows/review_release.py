"""An output's way out: staged by hash, checked, voted on blind, rebuilt, sealed in a crate.

What the researcher sends is copied and known by its SHA-256 from then on; what changes afterwards in the notebook
changes nothing here. Where the SQL behind a table is given, its cells are computed again on the raw data with the
distinct units behind each, and nothing the researcher's process computed is believed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.disclosure.declaration import split
from sandbox.disclosure.judge import judge
from sandbox.disclosure.judge_table import keys_of
from sandbox.disclosure.rebuild import rebuild_table, sorted_rows, write_csv
from sandbox.disclosure.table import Table
from sandbox.domain import release as rule
from sandbox.domain.access import Grant
from sandbox.domain.agreement import release_terms
from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import (
    Conflict,
    NotAllowed,
    NotFound,
    SandboxError,
    Tampered,
)
from sandbox.domain.fast_lane import wholly_answers
from sandbox.domain.findings import Finding, Verdict, for_requester, worst
from sandbox.domain.output_cell import OutputCell
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import Action
from sandbox.domain.policy import Mode, ReleaseTerms
from sandbox.domain.question import canonical_sql
from sandbox.domain.release import Cause, Decision, Release, StagedFile, Status, Verb
from sandbox.domain.release_links import check_links
from sandbox.domain.release_request import check_request
from sandbox.flows.check_output import CheckOutput
from sandbox.flows.columns_behind import columns_behind
from sandbox.flows.hold_releases import HoldReleases
from sandbox.flows.let_out import LetOut
from sandbox.flows.permission import Permission
from sandbox.flows.published import in_use, published
from sandbox.flows.reviewers import reviewers_left
from sandbox.privacy.asking.parse import parse
from sandbox.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A staged request and what the checks said."""

    release: Release
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """Files that were copied, and what the checks made of them."""

    staged: tuple[StagedFile, ...]
    findings: tuple[Finding, ...]
    terms: ReleaseTerms
    facts: Mapping[str, Fact]  # of the permit
    lineage: str
    cells: Sequence[OutputCell]  # its numbers, to be held beside those of others
    answers: Mapping[str, int]  # the private answer that each output is; empty: not all of them are one


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A file, rendered safe."""

    file: StagedFile
    table: Table | None  # None when it is none, or could not be read
    rebuilt: bytes  # what would leave; empty when nothing may
    shown: bytes  # a table as CSV, whatever type leaves; else the text; empty for pictures
    bits_leaving: int  # the most that it can tell
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRelease:
    """The journey's parts."""

    store: Store
    permission: Permission
    check: CheckOutput
    holds: HoldReleases
    leave: LetOut

    def submit(
        self,
        person: Person,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        context: str,
        sql: Mapping[str, str],
        supersedes: int = 0,
        builds_on: Collection[int] = (),
        made_by: Mapping[str, Fact] | None = None,
        then: Callable[[Release], object] = lambda release: None,
    ) -> Submitted:
        """Stage files, run every check, and hand them to the reviewers unless a check fails.

        Args:
            files: (bare name, content).
            context: what the files are and why they may leave; for the reviewers.
            sql: for a file's name, the question that made it.
            supersedes: the release of the project in whose place this one will stand; 0: none.
            builds_on: earlier releases that its numbers rest on: while one is recalled, it does not leave.
            made_by: facts of the job that made the files. Its sender has not seen them, so that no check's verdict may
                show: all of them go to people.
            then: done in the transaction that stages the request.
        """
        looked = self._look(person, grant, files=files, context=context, sql=sql, by_job=made_by is not None)
        named = {n: r for n in {supersedes, *builds_on} if (r := self.store.releases.get(n)) is not None}
        check_links(grant, supersedes=supersedes, builds_on=builds_on, earlier=named)
        links: dict[str, Fact] = {"supersedes": supersedes} if supersedes else {}
        if builds_on:
            links["builds_on"] = sorted(set(builds_on))
        with self.store.transaction():
            release = self.store.releases.create(
                grant=grant,
                context=context.strip(),
                files=looked.staged,
                findings=looked.findings,
                reviewers_needed=looked.terms.reviewers,
                lineage=looked.lineage,
                cells=looked.cells,
                supersedes=supersedes,
                builds_on=sorted(set(builds_on)),
                event=Event(
                    person.name,
                    "release.staged",
                    "release:new",
                    {
                        "dataset": grant.dataset,
                        "files_sha256": [f.sha256 for f in looked.staged],
                        "grant": grant.id,
                        **links,
                        **(made_by or {}),
                        **looked.facts,
                    },
                ),
            )
            then(release)
            moved = self._after_checks(release, grant, looked, by_job=made_by is not None)
        return Submitted(release=self._out(moved), findings=looked.findings)

    def resubmit(
        self,
        person: Person,
        release_id: int,
        *,
        version: int,
        files: Sequence[tuple[str, bytes]],
        context: str,
        sql: Mapping[str, str],
    ) -> Submitted:
        """The next turn of a request that a check stopped or reviewers returned: all of its files, with what changed.

        Votes and comments of the turn before are kept and count no more.

        Raises:
            NotFound: it is not this person's.
            Conflict: it changed since, or is in no state for it; a job made its files.
            BadInput: nothing changed.
        """
        release = self._own(person, release_id)
        rule.check_version(release, version)
        row = rule.transition(release.status, Verb.RESUBMIT)
        if self.store.jobs.of_release(release.id) is not None:
            raise Conflict(
                "A job made these files beside the raw rows; no others can take their place.",
                fix="Change the code and send the job again.",
            )
        grant = self._grant(release)
        looked = self._look(person, grant, files=files, context=context, sql=sql)
        rule.check_resubmission(release, looked.staged, context)
        facts: dict[str, Fact] = {"files_sha256": [f.sha256 for f in looked.staged], **looked.facts}
        with self.store.transaction():
            again = self.store.releases.stage_again(
                release,
                row,
                context=context.strip(),
                files=looked.staged,
                findings=looked.findings,
                lineage=looked.lineage,
                cells=looked.cells,
                event=Event(person.name, row.event, f"release:{release.id}", facts),
            )
            moved = self._after_checks(again, grant, looked, by_job=False)
        return Submitted(release=self._out(moved), findings=looked.findings)

    def _look(
        self,
        person: Person,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        context: str,
        sql: Mapping[str, str],
        by_job: bool = False,
    ) -> _Looked:
        """Files copied by hash, and what the checks say about them."""
        dataset = published(self.store, grant.dataset)
        terms = self._terms(grant, Action.SUBMIT)
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
        fast = wholly_answers(list(judged), findings)
        return _Looked(
            staged=tuple(staged),
            findings=tuple(findings),
            terms=terms,
            facts=permit.facts,
            lineage=dataset.policy.budget_lineage,
            cells=looked.cells,
            answers=self.leave.lane.answers(dataset, grant, files=files, sql=sql) if fast else {},
        )

    def _after_checks(self, release: Release, grant: Grant, looked: _Looked, *, by_job: bool) -> Release:
        """Stopped, to people, or by the fast lane; within the caller's transaction."""
        # A verdict on private rows neither blocks nor shows for somebody who may only ask: it would be a free answer.
        shown = for_requester(looked.findings, reads_rows=grant.mode is Mode.ROOM)
        verdict = worst(shown) if not by_job else Verdict.REVIEW
        facts: dict[str, Fact] = {"verdict": str(verdict)}
        if looked.answers and not by_job:
            drawn = self.leave.lane.looked_at(grant, looked.answers)
            verb = Verb.PASS_CHECKS if drawn else Verb.FAST_LANE
            facts |= {"questions": sorted(set(looked.answers.values())), "sampled": drawn}
        else:
            verb = rule.after_checks(verdict)
        # Suspended while the checks ran: it waits with the others.
        return self.holds.hold_one(self._move(release, verb, actor="system:checks", facts=facts))

    def _out(self, release: Release) -> Release:
        return self.let_out(release) if release.status is Status.APPROVED else release

    def vote(
        self,
        person: Person,
        release_id: int,
        *,
        version: int,
        decision: Decision,
        comment: str,
        cause: Cause | None = None,
    ) -> Release:
        """Cast a vote; the last one decides, and an approved release leaves at once.

        Args:
            version: the version the reviewer looked at; a change in between is a Conflict.
            cause: of a vote that sends back, why in one word, for the figures.
        """
        release = self._release(release_id)
        dataset = published(self.store, release.dataset)
        rule.check_vote(
            release,
            person,
            pool=dataset.policy.release.pool,
            project_members=self.store.access.members_of(release.project),
            comment=comment,
            decision=decision,
        )
        by_job = self.store.jobs.of_release(release.id) is not None
        rule.check_approvable(self.store.releases.findings(release.id), decision, by_job=by_job)
        permit = self.permission(person, self._grant(release), Action.REVIEW)
        rule.check_version(release, version)
        self._originals(release)
        with self.store.transaction():
            release = self._void_lost(release, dataset.policy.release.pool)
            release = self.store.releases.add_vote(
                release,
                rule.Vote(
                    reviewer=person.name,
                    decision=decision,
                    comment=comment.strip()[:2000],
                    cause=None if decision is Decision.APPROVE else cause,
                ),
                row=rule.transition(release.status, Verb.VOTE),
                # Which way the vote went stays off the log until all are in: the log has readers too.
                event=Event(
                    person.name,
                    "release.voted",
                    f"release:{release.id}",
                    {
                        "vote": len(release.votes) + 1,
                        "files_sha256": [f.sha256 for f in release.files],
                        **permit.facts,
                    },
                ),
            )
            left = reviewers_left(self.store, release, dataset.policy.release.pool)
            follows = rule.after_vote(release, others_left=len(left))
            if follows is Verb.ASK_FURTHER:
                return self._move(release, Verb.ASK_FURTHER, actor="system:review")
            if follows is None:
                return release
            decisions = [f"{v.reviewer}:{v.decision}" for v in release.votes]
            release = self._move(
                release, Verb.COMPLETE, actor="system:review", facts={"decisions": decisions}
            )
            verb = rule.outcome(release.votes, release.reviewers_needed)
            release = self._move(release, verb, actor="system:review")
        return self._out(release)

    def _void_lost(self, release: Release, pool: Sequence[str]) -> Release:
        """Votes of people who may not review this any more are voided; within the caller's transaction."""
        reviewers = [p.name for p in self.store.people.all() if p.has(Role.REVIEWER)]
        lost = rule.lost_votes(
            release,
            pool=pool,
            project_members=self.store.access.members_of(release.project),
            reviewers=reviewers,
        )
        for vote in lost:
            row = rule.transition(release.status, Verb.VOID_VOTE)
            release = self.store.releases.void_vote(
                release,
                vote.reviewer,
                reason="Who cast it may not review this any more.",
                row=row,
                event=Event("system:review", row.event, f"release:{release.id}", {"reviewer": vote.reviewer}),
            )
        return release

    def finish_approved(self) -> tuple[int, ...]:
        """Let out what was approved when a process died before it could leave. Called when the portal starts.

        Returns:
            The numbers of the releases. One that may not leave stays, and holds up no other.
        """
        left = []
        for release in self.store.releases.in_status((Status.APPROVED,)):
            try:
                left.append(self.let_out(release).id)
            except SandboxError as refused:
                _log.error("release %d stays: %s", release.id, refused.message)
        return tuple(left)

    def let_out(self, release: Release) -> Release:
        """The last step of an approved request; see ``let_out``."""
        return self.leave(release)

    def withdraw(self, person: Person, release_id: int, *, version: int | None = None) -> Release:
        """The requester takes a request back.

        Args:
            version: the one that the requester looked at, where it matters to them.
        """
        release = self._own(person, release_id)
        rule.check_version(release, version)
        return self._move(release, Verb.WITHDRAW, actor=person.name)

    def crate(self, person: Person, release_id: int) -> bytes:
        """The released crate, for its requester and the dataset's owner."""
        release = self._release(release_id)
        dataset = published(self.store, release.dataset)
        if person.name not in (release.requester, dataset.policy.owner):
            raise NotFound(f"You have no request {release_id}.")
        if release.status is Status.RECALLED:
            raise NotAllowed(
                f"Request {release_id} was recalled. {release.reason}",
                clause="recall",
                fix="Do not use or pass on copies of it.",
            )
        in_use(self.store, release.dataset, columns=columns_behind(release, dataset.policy))
        if release.status not in rule.OUT:
            raise NotAllowed(
                f"Request {release_id} is {release.status}, not released.",
                clause="state",
                fix="Wait for the reviewers.",
            )
        body = self.store.vault.get(release.crate_sha256)
        self.store.log.record(
            Event(
                person.name,
                "release.downloaded",
                f"release:{release.id}",
                {"crate_sha256": release.crate_sha256},
            )
        )
        return body

    def preview(self, person: Person, release_id: int, file_name: str) -> Preview:
        """A file as reviewers see it: rebuilt by us, with its findings. For reviewers of the pool and the requester.

        Raises:
            NotFound: no such file, or not this person's to see.
        """
        release = self._release(release_id)
        dataset = in_use(self.store, release.dataset)
        grant = self.store.access.grant(release.grant_id)
        reviewer = (
            person.has(Role.REVIEWER)
            and person.name in dataset.policy.release.pool
            and person.name not in self.store.access.members_of(release.project)
        )
        if grant is None or (person.name != release.requester and not reviewer):
            raise NotFound(f"You have no request {release_id}.")
        by_job = self.store.jobs.of_release(release.id) is not None
        if rule.sealed(release, person, by_job=by_job):
            raise NotAllowed(
                "A job made this file beside the raw rows; its sender sees it when it is released.",
                clause="review",
                fix="Wait for the reviewers.",
            )
        for file in release.files:
            if file.name == file_name:
                declared, outputs = split(self._originals(release))
                content = dict(outputs).get(file_name)
                if content is None:
                    # A declaration does not leave, so that the sender of a job reads none that it wrote.
                    text = (
                        b""
                        if by_job and person.name == release.requester
                        else self.store.vault.get(file.sha256)
                    )
                    return Preview(
                        file=file, table=None, rebuilt=b"", shown=text, bits_leaving=0, findings=()
                    )
                checked = judge(
                    file.name,
                    content,
                    terms=self._terms(grant, Action.CHECK),
                    policy=dataset.policy,
                    declared=declared.get(file_name),
                    beside={n for n, _ in outputs},
                )
                found = tuple(f for f in self.store.releases.findings(release.id) if f.file == file.name)
                if person.name == release.requester:
                    found = for_requester(found, reads_rows=grant.mode is Mode.ROOM)
                table, shown = checked.table, checked.shown
                if table is not None and by_job and person.name == release.requester:
                    # As it left: the order in which the code wrote the rows could tell something too.
                    table = sorted_rows(rebuild_table(table), order=keys_of(dataset.policy))
                    shown = write_csv(table)
                    found = tuple(replace(f, row=None, place="") for f in found)
                return Preview(
                    file=file,
                    table=table,
                    rebuilt=checked.rebuilt,
                    shown=shown,
                    bits_leaving=checked.bits_leaving,
                    findings=found,
                )
        raise NotFound(f"Request {release_id} has no file {file_name!r}.")

    def _originals(self, release: Release) -> list[tuple[str, bytes]]:
        """All files as they were staged; raises Tampered when bytes changed."""
        return [(file.name, self.store.vault.get(file.sha256)) for file in release.files]

    def _terms(self, grant: Grant, action: Action) -> ReleaseTerms:
        """The terms of the signed agreement: a policy changed since then neither loosens nor tightens them."""
        return release_terms(self.permission.agreement(grant, action))

    def _grant(self, release: Release) -> Grant:
        grant = self.store.access.grant(release.grant_id)
        if grant is None:
            raise Tampered("The release's grant is gone.", place=f"release {release.id}")
        return grant

    def _move(
        self, release: Release, verb: Verb, *, actor: str, facts: Mapping[str, Fact] | None = None
    ) -> Release:
        row = rule.transition(release.status, verb)
        event = Event(actor, row.event, f"release:{release.id}", dict(facts or {}))
        return self.store.releases.move(release, row, event=event)

    def _own(self, person: Person, release_id: int) -> Release:
        release = self.store.releases.get(release_id)
        if release is None or release.requester != person.name:
            raise NotFound(f"You have no request {release_id}.")
        return release

    def _release(self, release_id: int) -> Release:
        release = self.store.releases.get(release_id)
        if release is None:
            raise NotFound(f"There is no request {release_id}.")
        return release
