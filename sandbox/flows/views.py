"""What each person may see. Reading only; every value here is filtered for the person who asks.

Applications, grants and budgets are in ``access_views``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sandbox.domain import release as release_rules
from sandbox.domain.audit import Entry
from sandbox.domain.errors import BadInput, NotFound
from sandbox.domain.findings import Finding, for_requester
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy, Mode
from sandbox.domain.release import Release, Vote
from sandbox.domain.review_comment import ReviewComment, may_comment, may_void, visible_comments
from sandbox.flows.blinding import Blinding
from sandbox.store import Store
from sandbox.store.releases import oldest_first


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseView:
    release: Release
    title: str
    findings: tuple[Finding, ...]
    votes: tuple[Vote, ...]  # those this person may see
    early: tuple[Vote, ...]  # voided ones, likewise
    split_comments: tuple[str, ...]  # for who decides a split
    votes_in: int
    votes_needed: int
    allowed_actions: tuple[str, ...]
    comments: tuple[ReviewComment, ...] = ()  # beside cells and files, those this person may see
    voidable: tuple[ReviewComment, ...] = ()  # those that this person may void
    job: int = 0  # the job that made the files; 0 when its requester sent them
    sealed: bool = False  # the files are a job's, and this person sees nothing of them before they leave


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    entries: tuple[Entry, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]

    # releases

    def releases(self, person: Person) -> tuple[ReleaseView, ...]:
        """The person's own requests, newest first."""
        own = self.store.releases.of_requester(person.name)
        return tuple(self._release_view(r, person) for r in sorted(own, key=lambda r: -r.id))

    def review_queue(self, person: Person) -> tuple[ReleaseView, ...]:
        """What waits for this reviewer's vote, oldest first."""
        check_role(person, Role.REVIEWER)
        pools = [d.policy.name for d in self.store.datasets.all() if person.name in d.policy.release.pool]
        waiting = self.store.releases.waiting_for(person.name, datasets=pools)
        views = (self._release_view(r, person) for r in waiting)
        return tuple(v for v in views if "vote" in v.allowed_actions)

    def voted_and_waiting(self, person: Person) -> tuple[ReleaseView, ...]:
        """What this reviewer has voted on and waits for others' votes, oldest first."""
        check_role(person, Role.REVIEWER)
        waiting = oldest_first(self.store.releases.in_status(sorted(release_rules.WAITING)))
        return tuple(
            self._release_view(r, person)
            for r in waiting
            if any(v.reviewer == person.name for v in r.votes) and self._reviews(person, r)
        )

    def release(self, person: Person, release_id: int) -> ReleaseView:
        """One request, for its requester, the pool's reviewers and auditors."""
        release = self.store.releases.get(release_id)
        if release is None:
            raise NotFound(f"There is no request {release_id}.")
        if person.name != release.requester and not self._reviews(person, release):
            raise NotFound(f"There is no request {release_id}.")
        return self._release_view(release, person)

    def _reviews(self, person: Person, release: Release) -> bool:
        return person.has(Role.REVIEWER) and release_rules.may_review(
            person.name,
            release,
            pool=self._policy(release.dataset).release.pool,
            project_members=self.store.access.members_of(release.project),
        )

    def _release_view(self, release: Release, person: Person) -> ReleaseView:
        policy = self._policy(release.dataset)
        job = self.store.jobs.of_release(release.id)
        sealed = release_rules.sealed(release, person, by_job=job is not None)
        members = self.store.access.members_of(release.project)
        pool = policy.release.pool
        comments = visible_comments(
            release,
            self.store.review_comments.of(release.id),
            person,
            project_members=members,
            sealed=sealed,
        )
        if sealed:
            # A job writes the declared questions as well: they can hold rows like any other file of it.
            bare = tuple(replace(file, sha256="", size_bytes=0, sql="") for file in release.files)
            release = replace(release, files=bare)
        return ReleaseView(
            release=release,
            title=policy.title,
            findings=() if sealed else self._findings(release, person),
            job=job.id if job is not None else 0,
            sealed=sealed,
            votes=release_rules.visible_votes(release, person),
            early=release_rules.early_votes(release, person),
            split_comments=release_rules.split_comments(release, person),
            votes_needed=release_rules.votes_needed(release),
            votes_in=len(release.votes),
            allowed_actions=(
                *release_rules.allowed_verbs(
                    release,
                    person,
                    pool=pool,
                    project_members=members,
                    by_job=job is not None,
                ),
                *(("comment",) if may_comment(release, person, pool=pool, project_members=members) else ()),
            ),
            comments=comments,
            voidable=tuple(c for c in comments if may_void(release, c, person)),
        )

    def _findings(self, release: Release, person: Person) -> tuple[Finding, ...]:
        """All of them for reviewers; for the requester those that tell nothing about rows they may not read."""
        found = self.store.releases.findings(release.id)
        if person.name != release.requester:
            return found
        grant = self.store.access.grant(release.grant_id)
        return for_requester(found, reads_rows=grant is not None and grant.mode is Mode.ROOM)

    def _policy(self, dataset: str) -> DatasetPolicy:
        row = self.store.datasets.get(dataset)
        if row is None:
            raise NotFound(f"There is no dataset {dataset!r}.")
        return row.policy

    # the log

    def log(self, person: Person, *, offset: int = 0, limit: int = 100, action: str = "") -> LogPage:
        """The log, newest first, for auditors; administrators operate the machine and may read it too."""
        check_role(person, Role.AUDITOR, Role.ADMINISTRATOR)
        if offset < 0 or not 1 <= limit <= 500:
            raise BadInput("offset is at least 0 and limit 1 to 500.", where="limit")
        entries: Sequence[Entry] = self.store.log.newest(offset=offset, limit=limit, action=action)
        blind = Blinding(self.store, person)
        shown = tuple(blind(entry) for entry in entries)
        return LogPage(entries=shown, total=self.store.log.head().seq)
