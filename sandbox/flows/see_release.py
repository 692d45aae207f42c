"""Seeing what asks to leave, as it would, and taking home what left."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.disclosure.declaration import split
from sandbox.disclosure.judge import judge
from sandbox.disclosure.judge_picture import table_behind
from sandbox.disclosure.judge_table import keys_of
from sandbox.disclosure.rebuild import rebuild_table, sorted_rows, write_csv
from sandbox.disclosure.table import Table
from sandbox.domain.agreement import release_terms
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.findings import Finding, for_requester
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import Action
from sandbox.domain.policy import Mode
from sandbox.domain.release import OUT, Release, StagedFile, Status, sealed
from sandbox.flows.columns_behind import columns_behind
from sandbox.flows.permission import Permission
from sandbox.flows.published import in_use, published
from sandbox.store import Store


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
class SeeRelease:
    """The journey's parts."""

    store: Store
    permission: Permission

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
        if release.status not in OUT:
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
        grant = self.store.grants.get(release.grant_id)
        reviewer = (
            person.has(Role.REVIEWER)
            and person.name in dataset.policy.release.pool
            and person.name not in self.store.access.members_of(release.project)
        )
        if grant is None or (person.name != release.requester and not reviewer):
            raise NotFound(f"You have no request {release_id}.")
        by_job = self.store.jobs.of_release(release.id) is not None
        if sealed(release, person, by_job=by_job):
            raise NotAllowed(
                "A job made this file beside the raw rows; its sender sees it when it is released.",
                clause="review",
                fix="Wait for the reviewers.",
            )
        if release.status is Status.PLANTED and person.name == release.requester:
            raise NotAllowed(f"Request {release_id} was planted: what it holds stays here.", clause="planted")
        for file in release.files:
            if file.name == file_name:
                declared, outputs = split([(f.name, self.store.vault.get(f.sha256)) for f in release.files])
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
                terms = release_terms(self.permission.agreement(grant, Action.CHECK))
                checked = judge(
                    file.name,
                    content,
                    terms=terms,
                    policy=dataset.policy,
                    declared=declared.get(file_name),
                    beside={n for n, _ in outputs},
                    behind=table_behind(declared.get(file_name), outputs, terms=terms, policy=dataset.policy),
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

    def _release(self, release_id: int) -> Release:
        release = self.store.releases.get(release_id)
        if release is None:
            raise NotFound(f"There is no request {release_id}.")
        return release
