"""An output's way out: staged by hash, checked, voted on blind, rebuilt, sealed in a crate.

What the researcher sends is copied and known by its SHA-256 from then on; what changes afterwards in the notebook
changes nothing here. Where the SQL behind a table is given, its cells are computed again on the raw data with the
distinct units behind each, and nothing the researcher's process computed is believed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sandbox.domain import release as rule
from sandbox.domain.access import Grant
from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import (
    Conflict,
    NotFound,
    SandboxError,
    Tampered,
)
from sandbox.domain.findings import Finding, Verdict, for_requester, worst
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import Action
from sandbox.domain.policy import Mode
from sandbox.domain.release import Cause, Decision, Release, Status, Verb
from sandbox.domain.release_links import check_links
from sandbox.flows.hold_releases import HoldReleases
from sandbox.flows.let_out import LetOut
from sandbox.flows.look_at_request import LookAtRequest, Looked
from sandbox.flows.permission import Permission
from sandbox.flows.plant_output import unveil
from sandbox.flows.published import published
from sandbox.flows.reviewers import reviewers_left
from sandbox.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A staged request and what the checks said."""

    release: Release
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRelease:
    """The journey's parts."""

    store: Store
    permission: Permission
    look: LookAtRequest
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
        looked = self.look(person, grant, files=files, context=context, sql=sql, by_job=made_by is not None)
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
        looked = self.look(person, grant, files=files, context=context, sql=sql)
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

    def _after_checks(self, release: Release, grant: Grant, looked: Looked, *, by_job: bool) -> Release:
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
        """Cast a vote; the last one decides, and an approved release leaves at once, unless it was planted.

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
            planted = self.store.planted_outputs.of(release.id)
            if planted is not None:
                return unveil(self.store, release, planted)
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

    def _originals(self, release: Release) -> list[tuple[str, bytes]]:
        """All files as they were staged; raises Tampered when bytes changed."""
        return [(file.name, self.store.vault.get(file.sha256)) for file in release.files]

    def _grant(self, release: Release) -> Grant:
        grant = self.store.grants.get(release.grant_id)
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
