"""What each person may see of a job: its sender, and the reviewers of what it handed in. Reading only."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain import job as rules
from sandbox.domain.errors import NotFound
from sandbox.domain.job import FAILURE_TEXTS, Job, Package, Phase
from sandbox.domain.people import Person
from sandbox.flows.run_job import RunJob
from sandbox.flows.views import Views
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job as its sender sees it.

    Attributes:
        log: the end of what it printed; empty on raw rows, and while it has not ended.
        told: why it ended early, in constant words; empty when it did not.
        sent_at, started_at, ended_at: as far as they are told.
        raw: the jobs by which the same package was sent to raw rows, oldest first; of one on the sample.
    """

    job: Job
    log: str
    told: str
    sent_at: str
    started_at: str
    ended_at: str
    raw: tuple[int, ...]
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A job as the reviewers of its outputs see it: everything."""

    job: Job
    package: Package
    log: str

    @property
    def inputs(self) -> tuple[tuple[str, str | None], ...]:
        """(name, text) of the input files; None for one that is no text."""
        return tuple((name, _text(content)) for name, content in self.package.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobViews:
    """The journey's parts."""

    store: Store
    views: Views
    run_job: RunJob

    def all(self, person: Person) -> tuple[JobView, ...]:
        """The person's own, newest first, without what they printed."""
        own = self.store.jobs.of_person(person.name)
        return tuple(self._view(job, person, own, log="") for job in reversed(own))

    def one(self, person: Person, job_id: int) -> JobView:
        """One of the person's own.

        Raises:
            NotFound: somebody else's, or none.
        """
        job = rules.check_own(self.store.jobs.get(job_id), person, job_id)
        return self._view(job, person, self.store.jobs.of_person(person.name), log=self._log(job))

    def code(self, person: Person, job_id: int) -> str:
        """The code as its sender sent it."""
        job = rules.check_own(self.store.jobs.get(job_id), person, job_id)
        return self.store.vault.get(job.code.sha256).decode()

    def result(self, person: Person, job_id: int, name: str) -> bytes:
        """A file that a job wrote on the sample.

        Raises:
            NotAllowed: it ran on raw rows.
            Conflict: it has not ended.
        """
        job = rules.check_own(self.store.jobs.get(job_id), person, job_id)
        rules.check_shown(job)
        for file in job.results:
            if file.name == name:
                return self.store.vault.get(file.sha256)
        raise NotFound(f"Job {job_id} wrote no file {name!r}.")

    def behind(self, person: Person, release_id: int) -> JobRecord:
        """The job behind a request, for those who review it.

        Raises:
            NotFound: no such request, not this person's to review, or no job made it.
        """
        view = self.views.release(person, release_id)
        job = self.store.jobs.of_release(release_id)
        if job is None or person.name == view.release.requester:
            raise NotFound(f"No job stands behind request {release_id}.")
        printed = self.store.vault.get(job.log.sha256) if job.log is not None else b""
        return JobRecord(
            job=job, package=self.run_job.package(job), log=printed.decode("utf-8", errors="replace")
        )

    def _view(self, job: Job, person: Person, own: tuple[Job, ...], *, log: str) -> JobView:
        same = tuple(
            other.id
            for other in own
            if other.phase is Phase.RAW
            and (other.package_sha256, other.grant_id) == (job.package_sha256, job.grant_id)
        )
        return JobView(
            job=job,
            log=log,
            told=FAILURE_TEXTS[job.failure] if job.failure is not None else job.reason,
            sent_at=rules.told_time(job.sent_at, job.phase),
            started_at=rules.told_time(job.started_at, job.phase),
            ended_at=rules.told_time(job.ended_at, job.phase),
            raw=same if job.phase is Phase.SAMPLE else (),
            allowed_actions=rules.allowed_verbs(job, person),
        )

    def _log(self, job: Job) -> str:
        if job.phase is Phase.RAW or job.log is None:
            return ""
        return self.store.vault.get(job.log.sha256).decode("utf-8", errors="replace")


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
