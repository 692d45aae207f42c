"""An output's way out: staged by hash, checked, voted on blind, rebuilt, sealed in a crate.

What the researcher sends is copied and known by its SHA-256 from then on; what changes afterwards in the notebook
changes nothing here. Where the SQL behind a table is given, its cells are computed again on the raw data with the
distinct units behind each, and nothing the researcher's process computed is believed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.disclosure.crate import build_crate
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
from sandbox.domain.findings import Finding, Verdict, for_requester, worst
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import Action
from sandbox.domain.policy import Mode, ReleaseTerms
from sandbox.domain.question import canonical_sql
from sandbox.domain.release import Decision, Release, StagedFile, Status, Verb
from sandbox.domain.release_request import check_request
from sandbox.flows.check_output import CheckOutput
from sandbox.flows.columns_behind import columns_behind
from sandbox.flows.hold_releases import HoldReleases
from sandbox.flows.permission import Permission
from sandbox.flows.published import in_use, published
from sandbox.privacy.asking.parse import parse
from sandbox.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A staged request and what the checks said."""

    release: Release
    findings: tuple[Finding, ...]


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

    def submit(
        self,
        person: Person,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        context: str,
        sql: Mapping[str, str],
        made_by: Mapping[str, Fact] | None = None,
        then: Callable[[Release], object] = lambda release: None,
    ) -> Submitted:
        """Stage files, run every check, and hand them to the reviewers unless a check fails.

        Args:
            files: (bare name, content).
            context: what the files are and why they may leave; for the reviewers.
            sql: for a file's name, the question that made it.
            made_by: facts of the job that made the files. Its sender has not seen them, so that no check's verdict may
                show: all of them go to people.
            then: done in the transaction that stages the request.
        """
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
            if question and made_by is not None:
                # Written by code that read rows: what it means is kept, and no remark or spelling of it.
                question = canonical_sql(parse(question, dataset.policy))
            staged.append(
                StagedFile(name=name, sha256=stored.sha256, size_bytes=stored.size_bytes, sql=question)
            )
            # A declaration is staged with what it is about, and is no output itself.
            findings.extend(judged[name].findings if name in judged else ())
        looked = self.check.beside_others(dataset, grant, judged, {f.name: f.sql for f in staged})
        findings.extend(looked.findings)
        # A verdict on private rows neither blocks nor shows for somebody who may only ask: it would be a free answer.
        shown = for_requester(findings, reads_rows=grant.mode is Mode.ROOM)
        verdict = worst(shown) if made_by is None else Verdict.REVIEW
        with self.store.transaction():
            release = self.store.releases.create(
                grant=grant,
                context=context.strip(),
                files=tuple(staged),
                findings=tuple(findings),
                reviewers_needed=terms.reviewers,
                lineage=dataset.policy.budget_lineage,
                cells=looked.cells,
                event=Event(
                    person.name,
                    "release.staged",
                    "release:new",
                    {
                        "dataset": grant.dataset,
                        "files_sha256": [f.sha256 for f in staged],
                        "grant": grant.id,
                        **(made_by or {}),
                        **permit.facts,
                    },
                ),
            )
            then(release)
            moved = self._move(
                release, rule.after_checks(verdict), actor="system:checks", facts={"verdict": str(verdict)}
            )
            # Suspended while the checks ran: it waits with the others.
            moved = self.holds.hold_one(moved)
        return Submitted(release=moved, findings=tuple(findings))

    def vote(
        self, person: Person, release_id: int, *, version: int, decision: Decision, comment: str
    ) -> Release:
        """Cast a vote; the last one decides, and an approved release leaves at once.

        Args:
            version: the version the reviewer looked at; a change in between is a Conflict.
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
        if version != release.version:
            raise Conflict(
                "The release changed since you opened it.", fix="Open it again and look once more."
            )
        with self.store.transaction():
            release = self.store.releases.add_vote(
                release,
                rule.Vote(reviewer=person.name, decision=decision, comment=comment.strip()[:2000]),
                row=rule.transition(release.status, Verb.VOTE),
                # Which way the vote went stays off the log until all are in: the log has readers too.
                event=Event(
                    person.name,
                    "release.voted",
                    f"release:{release.id}",
                    {"vote": len(release.votes) + 1, **permit.facts},
                ),
            )
            if len(release.votes) < release.reviewers_needed:
                return release
            decisions = [f"{v.reviewer}:{v.decision}" for v in release.votes]
            release = self._move(
                release, Verb.COMPLETE, actor="system:review", facts={"decisions": decisions}
            )
            release = self._move(release, rule.outcome(release.votes), actor="system:review")
        return self.let_out(release) if release.status is Status.APPROVED else release

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
        """Rebuild the approved files, seal them in a crate, and mark the release as released.

        Raises:
            NotAllowed: the grant was revoked, the dataset is suspended, or a file no longer passes.
            Tampered: files, votes, grant or agreement are not those that the log tells of.
        """
        grant = self._grant(release)
        dataset = published(self.store, release.dataset)
        rule.check_recorded(release, grant, self.store.log.proved(f"release:{release.id}"))
        permit = self.permission(
            None,
            grant,
            Action.RELEASE,
            approvals=frozenset(v.reviewer for v in release.votes if v.decision is Decision.APPROVE),
            columns=columns_behind(release, dataset.policy),
        )
        self.check.differences.look_again(dataset, release, threshold=permit.terms.threshold)
        contents = {}
        declared, outputs = split(self._originals(release))
        for name, original in outputs:
            checked = judge(
                name,
                original,
                terms=permit.terms,
                policy=dataset.policy,
                declared=declared.get(name),
                beside={n for n, _ in outputs},
            )
            if not checked.rebuilt:
                raise NotAllowed(f"{name} no longer passes its checks.", clause="checks at release")
            contents[name] = checked.rebuilt
        signed = self.store.access.agreement_by_hash(grant.agreement_hash)
        head = self.store.log.head()
        crate = build_crate(
            release=release,
            files=contents,
            findings=for_requester(
                self.store.releases.findings(release.id), reads_rows=grant.mode is Mode.ROOM
            ),
            agreement=signed.body,
            agreement_signature=signed.signature,
            policy_title=dataset.policy.title,
            source=dataset.policy.source,
            licence=dataset.policy.licence,
            snapshot=dataset.snapshot,
            log_head=head,
            ledger=self.store.ledger.charges_of(grant.project, dataset.policy.budget_lineage),
            released_at=self.store.now().isoformat(timespec="seconds"),
            public_key_pem=self.store.signer.public_pem,
            sign=self.store.signer.sign,
        )
        stored = self.store.vault.put(crate)
        return self._move(
            replace(release, crate_sha256=stored.sha256),
            Verb.RELEASE,
            actor="system:release",
            facts={
                "crate_sha256": stored.sha256,
                "files_sha256": [f.sha256 for f in release.files],
                **permit.facts,
            },
        )

    def withdraw(self, person: Person, release_id: int) -> Release:
        """The requester takes a request back."""
        release = self._release(release_id)
        if release.requester != person.name:
            raise NotFound(f"You have no release {release_id}.")
        return self._move(release, Verb.WITHDRAW, actor=person.name)

    def crate(self, person: Person, release_id: int) -> bytes:
        """The released crate, for its requester and the dataset's owner."""
        release = self._release(release_id)
        dataset = published(self.store, release.dataset)
        if person.name not in (release.requester, dataset.policy.owner):
            raise NotFound(f"You have no release {release_id}.")
        if release.status is Status.RECALLED:
            raise NotAllowed(
                f"Release {release_id} was recalled. {release.reason}",
                clause="recall",
                fix="Do not use or pass on copies of it.",
            )
        in_use(self.store, release.dataset, columns=columns_behind(release, dataset.policy))
        if release.status is not Status.RELEASED:
            raise NotAllowed(
                f"Release {release_id} is {release.status}, not released.",
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
            raise NotFound(f"You have no release {release_id}.")
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
        raise NotFound(f"Release {release_id} has no file {file_name!r}.")

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
        self, release: Release, verb: Verb, *, actor: str, facts: Mapping[str, str | list[str]] | None = None
    ) -> Release:
        row = rule.transition(release.status, verb)
        event = Event(actor, row.event, f"release:{release.id}", dict(facts or {}))
        return self.store.releases.move(release, row, event=event)

    def _release(self, release_id: int) -> Release:
        release = self.store.releases.get(release_id)
        if release is None:
            raise NotFound(f"There is no release {release_id}.")
        return release
