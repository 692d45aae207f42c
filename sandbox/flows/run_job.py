"""Sent code, from the door to the queue: first on the sample, then the very same on the raw rows.

What is sent is kept by SHA-256 and is the same in both phases, for the worker and for the reviewers. Whether it may run
is asked when it is sent, and again when a container is about to start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.domain import job as rules
from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotAllowed, NotFound, Tampered, TooOften
from sandbox.domain.job import Job, JobFile, JobState, Language, Package, Phase, Verb
from sandbox.domain.people import Person
from sandbox.domain.permission import Action
from sandbox.domain.release_request import check_context
from sandbox.domain.site_policy import JobLimits
from sandbox.flows.extracts import Columns
from sandbox.flows.permission import Permission, Permit
from sandbox.flows.published import published
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOpening:
    """What may be started for a job, at this moment.

    Attributes:
        columns: what its container reads, by table.
        snapshot: of the dataset.
    """

    job: Job
    grant: Grant
    limits: JobLimits
    columns: Columns
    snapshot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """The journey's parts.

    Args:
        columns_open: the columns that a grant opens now, by table.
        languages: those that jobs are run in here, at this moment.
    """

    store: Store
    permission: Permission
    limits: JobLimits
    columns_open: Callable[[Grant], Columns]
    languages: Callable[[], frozenset[Language]]

    def send(
        self,
        person: Person,
        grant: Grant,
        *,
        code: tuple[str, bytes],
        inputs: Sequence[tuple[str, bytes]] = (),
        outputs: Sequence[str],
        phase: Phase = Phase.SAMPLE,
        context: str = "",
    ) -> Job:
        """Queue a job.

        Args:
            code: (bare name, content) of what is run: ``analysis.py``, ``study.ipynb`` or ``analysis.R``.
            inputs: further files that lie beside it.
            outputs: the names of the files that it writes to its outbox; nothing else is taken from there.
            context: on raw rows: what the outputs are and why they may leave; for the reviewers.

        Raises:
            BadInput: the package cannot be sent; says what is wrong with it.
            NotAllowed: the agreement's no; nothing here runs its language; or the package did not run to its end on
                the sample.
            TooOften: more than one person may send in a day.
        """
        package = Package(code=code, inputs=tuple(inputs), outputs=tuple(outputs))
        rules.check_package(package)
        rules.check_runs_here(rules.language_of(code[0]), self.languages())
        if phase is Phase.RAW:
            check_context(context)
        permit, _ = self._permitted(person, grant)
        sent_code, *sent_inputs = (self._put(name, content) for name, content in (code, *package.inputs))
        digest = rules.package_hash(sent_code, sent_inputs, package.outputs)
        with self.store.transaction():
            if phase is Phase.RAW:
                rules.check_tried(self.store.jobs.tried(grant_id=grant.id, package_sha256=digest))
            self._check_often(person, phase)
            return self.store.jobs.send(
                grant=grant,
                phase=phase,
                code=sent_code,
                inputs=sent_inputs,
                outputs=package.outputs,
                package_sha256=digest,
                context=context.strip(),
                event=Event(
                    person.name,
                    "job.sent",
                    "job:new",
                    {
                        "dataset": grant.dataset,
                        "grant": grant.id,
                        "phase": str(phase),
                        "package_sha256": digest,
                        "code_sha256": sent_code.sha256,
                        **permit.facts,
                    },
                ),
            )

    def send_raw(self, person: Person, job_id: int, *, context: str) -> Job:
        """The package of a job that ran to its end on the sample, on raw rows."""
        sample = rules.check_own(self.store.jobs.get(job_id), person, job_id)
        if sample.phase is not Phase.SAMPLE:
            raise Conflict(f"Job {job_id} ran on raw rows already.", fix="Send it anew to run it again.")
        package = self.package(sample)
        return self.send(
            person,
            self._grant(sample),
            code=package.code,
            inputs=package.inputs,
            outputs=package.outputs,
            phase=Phase.RAW,
            context=context,
        )

    def cancel(self, person: Person, job_id: int) -> Job:
        """Its sender takes it back; one that runs is ended.

        Raises:
            NotFound: not this person's.
            Conflict: it has ended.
        """
        job = rules.check_own(self.store.jobs.get(job_id), person, job_id)
        row = rules.step(job.state, Verb.CANCEL)
        return self.store.jobs.move(job, row, event=Event(person.name, row.event, f"job:{job.id}"))

    def opening(self, job_id: int) -> JobOpening:
        """Asked right before a container starts.

        Raises:
            NotFound: no such job.
            NotAllowed: it does not run, or the agreement says no by now.
        """
        job = self.store.jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no job {job_id}.")
        if job.state is not JobState.RUNNING:
            raise NotAllowed(
                f"Job {job_id} is {job.state.replace('_', ' ')}; a container is started for one that runs.",
                clause="state",
            )
        grant = self._grant(job)
        person = self.store.people.get(job.person)
        if person is None:
            raise Tampered("The job's sender is gone.", place=f"job {job.id}")
        _, columns = self._permitted(person, grant)
        return JobOpening(
            job=job,
            grant=grant,
            limits=self.limits,
            columns=columns,
            snapshot=published(self.store, job.dataset).snapshot,
        )

    def package(self, job: Job) -> Package:
        """What was sent, hashed again.

        Raises:
            Tampered: a file is not the one that was sent.
        """
        digest = rules.package_hash(job.code, job.inputs, job.outputs)
        if digest != job.package_sha256:
            raise Tampered(f"Job {job.id} is not the one that was sent.", place=f"job {job.id}")
        return Package(
            code=(job.code.name, self.store.vault.get(job.code.sha256)),
            inputs=tuple((file.name, self.store.vault.get(file.sha256)) for file in job.inputs),
            outputs=job.outputs,
        )

    def _permitted(self, person: Person, grant: Grant) -> tuple[Permit, Columns]:
        """The agreement's yes, and the columns that the code may read."""
        columns = self.columns_open(grant)
        return self.permission(person, grant, Action.RUN_JOB, columns=columns), columns

    def _check_often(self, person: Person, phase: Phase) -> None:
        most = self.limits.per_day if phase is Phase.RAW else self.limits.sample_per_day
        midnight = datetime.combine(self.store.now().astimezone(UTC).date(), datetime.min.time(), UTC)
        if self.store.jobs.sent_since(person.name, phase, midnight) >= most:
            where = "raw rows" if phase is Phase.RAW else "the sample"
            raise TooOften(
                f"{most} jobs on {where} are sent in a day by one person.",
                clause="jobs.per_day" if phase is Phase.RAW else "jobs.sample_per_day",
                fix="Go on tomorrow (UTC).",
            )

    def _put(self, name: str, content: bytes) -> JobFile:
        stored = self.store.vault.put(content)
        return JobFile(name=name, sha256=stored.sha256, size_bytes=stored.size_bytes)

    def _grant(self, job: Job) -> Grant:
        grant = self.store.grants.get(job.grant_id)
        if grant is None:
            raise Tampered("The job's grant is gone.", place=f"job {job.id}")
        return grant
