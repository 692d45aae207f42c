"""What each person may see. Reading only; every value here is filtered for the person who asks.

Applications, grants and budgets are in ``access_views``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sandbox.domain import release as release_rules
from sandbox.domain.audit import Entry
from sandbox.domain.errors import BadInput, NotFound
from sandbox.domain.findings import Finding, for_requester
from sandbox.domain.paging import check_page
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.planted import Planted
from sandbox.domain.policy import DatasetPolicy, Mode
from sandbox.domain.release import Release, Status, Vote
from sandbox.domain.review_comment import ReviewComment, may_comment, may_void, visible_comments
from sandbox.flows.blinding import Blinding
from sandbox.store import Store


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
    review_days: int  # working days that its reviewers have
    comments: tuple[ReviewComment, ...] = ()  # beside cells and files, those this person may see
    voidable: tuple[ReviewComment, ...] = ()  # those that this person may void
    job: int = 0  # the job that made the files; 0 when its requester sent them
    planted: Planted | None = None  # once it is decided, and told to everybody who sees the request
    sealed: bool = False  # the files are a job's, and this person sees nothing of them before they leave


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """What is kept beside requests: policies by dataset, members by project, the rest by request."""

    policies: Mapping[str, DatasetPolicy]
    jobs: Mapping[int, int]
    members: Mapping[str, tuple[str, ...]]
    comments: Mapping[int, tuple[ReviewComment, ...]]
    findings: Mapping[int, tuple[Finding, ...]]
    planted: Mapping[int, Planted]
    reading_rows: frozenset[int]  # the numbers of the person's own grants under which rows are read


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

    def releases(
        self,
        person: Person,
        *,
        statuses: Collection[Status] = (),
        grant_id: int | None = None,
        offset: int = 0,
        limit: int = 25,
    ) -> tuple[ReleaseView, ...]:
        """The person's own requests, newest first: in one of these states, under this grant."""
        check_page(offset, limit)
        return self._views(
            self.store.releases.of_requester(
                person.name, statuses=statuses, grant_id=grant_id, offset=offset, limit=limit
            ),
            person,
        )

    def counts(self, person: Person) -> dict[Status, int]:
        """How many of the person's own requests are in each state; states without any are not there."""
        return self.store.releases.count_of_requester(person.name)

    def review_queue(self, person: Person) -> tuple[ReleaseView, ...]:
        """What waits for this reviewer's vote, oldest first."""
        check_role(person, Role.REVIEWER)
        with self.store.one_moment():
            pools = [d.policy.name for d in self.store.datasets.of_reviewer(person.name)]
            waiting = self.store.releases.waiting_for(person.name, datasets=pools)
            return tuple(v for v in self._views(waiting, person) if "vote" in v.allowed_actions)

    def voted_and_waiting(self, person: Person) -> tuple[ReleaseView, ...]:
        """What this reviewer has voted on and waits for others' votes, oldest first."""
        check_role(person, Role.REVIEWER)
        with self.store.one_moment():
            voted = self.store.releases.voted_by(person.name)
            return self._views([r for r in voted if self._reviews(person, r)], person)

    def release(self, person: Person, release_id: int) -> ReleaseView:
        """One request, for its requester, the pool's reviewers and auditors."""
        with self.store.one_moment():
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
        return self._views([release], person)[0]

    def _views(self, releases: Sequence[Release], person: Person) -> tuple[ReleaseView, ...]:
        """As this person sees them. What is kept beside them is read for all of them at once."""
        numbers = [release.id for release in releases]
        beside = _Beside(
            policies={
                row.policy.name: row.policy
                for row in self.store.datasets.several(sorted({release.dataset for release in releases}))
            },
            jobs={number: job.id for number, job in self.store.jobs.of_releases(numbers).items()},
            members=self.store.access.members_of_several({release.project for release in releases}),
            comments=self.store.review_comments.of_several(numbers),
            findings=self.store.releases.findings_of(numbers),
            planted=self.store.planted_outputs.of_several(numbers),
            reading_rows=frozenset(
                grant.id for grant in self.store.grants.of_person(person.name) if grant.mode is Mode.ROOM
            ),
        )
        return tuple(self._view(release, person, beside) for release in releases)

    def _view(self, release: Release, person: Person, beside: _Beside) -> ReleaseView:
        policy = beside.policies[release.dataset]
        job, members, pool = (
            beside.jobs.get(release.id, 0),
            beside.members[release.project],
            policy.release.pool,
        )
        sealed = release_rules.sealed(release, person, by_job=job > 0)
        comments = visible_comments(
            release, beside.comments.get(release.id, ()), person, project_members=members, sealed=sealed
        )
        findings = () if sealed else _seen(release, person, beside)
        if sealed:
            # A job writes the declared questions as well: they can hold rows like any other file of it.
            bare = tuple(replace(file, sha256="", size_bytes=0, sql="") for file in release.files)
            release = replace(release, files=bare)
        actions = release_rules.allowed_verbs(
            release, person, pool=pool, project_members=members, by_job=job > 0
        )
        votes_in, votes_needed = release_rules.votes_told(release, deciding="vote" in actions)
        if job and person.name == release.requester:  # how long a job took depends on rows
            release = replace(release, waiting_since=release.waiting_since[:10])
        return ReleaseView(
            release=release,
            title=policy.title,
            findings=findings,
            job=job,
            sealed=sealed,
            votes=release_rules.visible_votes(release, person),
            early=release_rules.early_votes(release, person),
            split_comments=release_rules.split_comments(release, person),
            votes_needed=votes_needed,
            votes_in=votes_in,
            allowed_actions=(
                *actions,
                *(("comment",) if may_comment(release, person, pool=pool, project_members=members) else ()),
            ),
            review_days=policy.release.review_days,
            comments=comments,
            planted=beside.planted.get(release.id) if release.status is Status.PLANTED else None,
            voidable=tuple(c for c in comments if may_void(release, c, person)),
        )

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
        blind, reviews = Blinding(self.store, person), person.has(Role.REVIEWER)
        # A name can be tried against the hash of its entry, and of every entry after it: they go on from each other.
        hashes = not reviews and not person.has(Role.RESEARCHER)
        shown = []
        for entry in entries:
            seen = blind(entry)
            if reviews and seen != entry:
                continue  # nor that others voted, and when, before the decision
            shown.append(seen if hashes and seen == entry else replace(seen, hash=""))
        return LogPage(entries=tuple(shown), total=self.store.log.head().seq)


def _seen(release: Release, person: Person, beside: _Beside) -> tuple[Finding, ...]:
    """All findings for reviewers; for the requester those that tell nothing about rows they may not read."""
    found = beside.findings.get(release.id, ())
    if person.name != release.requester:
        return found
    return for_requester(found, reads_rows=release.grant_id in beside.reading_rows)
