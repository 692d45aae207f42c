"""Requests to bring files in: their files, findings and decisions.

Every change names the version it saw, and is refused when there has been another one since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.import_request import ImportedFile, ImportRequest, ImportState, ImportStep
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import datasets, import_files, import_findings, imports

_FINDING = ("file", "check", "verdict", "place", "reason", "fix", "source")


class Imports:
    """All requests, by number."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def create(self, *, grant: Grant, why: str, files: Sequence[ImportedFile], event: Event) -> ImportRequest:
        """Keep a request in CHECKING, with its files by hash."""
        now = stamp(self._now())
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(imports).values(
                    grant_id=grant.id,
                    dataset=grant.dataset,
                    project=grant.project,
                    requester=grant.person,
                    why=why,
                    state=ImportState.CHECKING,
                    version=1,
                    asked_at=now,
                    changed_at=now,
                )
            )
            number = number_of(made)
            connection.execute(
                insert(import_files),
                [
                    {
                        "import_id": number,
                        "position": at,
                        "name": file.name,
                        "sha256": file.sha256,
                        "size_bytes": file.size_bytes,
                    }
                    for at, file in enumerate(files)
                ],
            )
            self._log.append(connection, event, facts={"import": number}, id=number)
            return _one(connection, number)

    def checked(
        self, request: ImportRequest, row: ImportStep, findings: Sequence[Finding], *, event: Event
    ) -> ImportRequest:
        """Keep what the checks found, and take the step that follows from it.

        Raises:
            Conflict: the request changed since; another process checked it.
        """
        with self._database.transaction() as connection:
            self._step(connection, request, row)
            if findings:
                connection.execute(
                    insert(import_findings),
                    [
                        {
                            "import_id": request.id,
                            "position": at,
                            **{n: getattr(finding, n) for n in _FINDING},
                        }
                        for at, finding in enumerate(findings)
                    ],
                )
            self._log.append(connection, _under(event, row))
            return _one(connection, request.id)

    def move(self, request: ImportRequest, row: ImportStep, *, event: Event) -> ImportRequest:
        """Take a step of the state machine.

        Args:
            request: as the caller read it, with what the step adds: who decides, why, until when, the seal.
            row: the step; ``event`` is written under the action it names.

        Raises:
            Conflict: the request changed since.
        """
        with self._database.transaction() as connection:
            self._step(
                connection,
                request,
                row,
                until=request.until.isoformat() if request.until else "",
                decided_by=request.decided_by,
                reason=request.reason,
                seal=request.seal,
            )
            self._log.append(connection, _under(event, row))
            return _one(connection, request.id)

    def get(self, number: int) -> ImportRequest | None:
        """The request, or None."""
        found = self._where(imports.c.id == number)
        return found[0] if found else None

    def findings(self, number: int) -> tuple[Finding, ...]:
        """What the checks found, in their order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(import_findings)
                .where(import_findings.c.import_id == number)
                .order_by(import_findings.c.position)
            )
            return tuple(
                Finding(**{**{n: row._mapping[n] for n in _FINDING}, "verdict": Verdict(row.verdict)})
                for row in rows
            )

    def of_requester(self, name: str) -> tuple[ImportRequest, ...]:
        """A person's own requests, oldest first."""
        return self._where(imports.c.requester == name)

    def asked_later(self, request: ImportRequest) -> bool:
        """Whether the same person asked again since, for the same project on the same dataset."""
        again = select(imports.c.id).where(
            imports.c.requester == request.requester,
            imports.c.project == request.project,
            imports.c.dataset == request.dataset,
            imports.c.id > request.id,
        )
        with self._database.reading() as connection:
            return connection.execute(again.limit(1)).first() is not None

    def of_project(
        self, dataset: str, project: str, states: Collection[ImportState] = tuple(ImportState)
    ) -> tuple[ImportRequest, ...]:
        """A project's on one dataset, oldest first."""
        return self._where(
            imports.c.dataset == dataset, imports.c.project == project, imports.c.state.in_(list(states))
        )

    def in_state(self, state: ImportState, *, owner: str = "") -> tuple[ImportRequest, ...]:
        """All that are in a state, oldest first; of an owner's datasets alone, where one is named."""
        where = [imports.c.state == state]
        if owner:
            where.append(imports.c.dataset.in_(select(datasets.c.name).where(datasets.c.owner == owner)))
        return self._where(*where)

    def count(
        self, dataset: str, project: str, *, state: ImportState | None = None, since: datetime | None = None
    ) -> int:
        """How many of a project's requests are in a state, or were made since a time."""
        where = [imports.c.dataset == dataset, imports.c.project == project]
        if state is not None:
            where.append(imports.c.state == state)
        if since is not None:
            where.append(imports.c.asked_at >= stamp(since))
        with self._database.reading() as connection:
            return int(
                connection.execute(select(func.count()).select_from(imports).where(*where)).scalar_one()
            )

    def _where(self, *where: Any) -> tuple[ImportRequest, ...]:
        with self._database.reading() as connection:
            return _requests(connection, *where)

    def _step(self, connection: Connection, request: ImportRequest, row: ImportStep, **more: Any) -> None:
        moved = connection.execute(
            update(imports)
            .where(
                imports.c.id == request.id,
                imports.c.version == request.version,
                imports.c.state == row.start,
            )
            .values(state=row.end, version=request.version + 1, changed_at=stamp(self._now()), **more)
        )
        if moved.rowcount != 1:
            now = _one(connection, request.id)
            raise Conflict(
                f"Request {request.id} changed: it is {now.state.replace('_', ' ')} now, version {now.version}.",
                fix="Open it again and look once more.",
            )


def _under(event: Event, row: ImportStep) -> Event:
    """The state machine names the action; a second name for the same step would split the log."""
    return Event(event.actor, row.event, event.object, event.facts)


def _one(connection: Connection, number: int) -> ImportRequest:
    found = _requests(connection, imports.c.id == number)
    if not found:
        raise NotFound(f"There is no import request {number}.")
    return found[0]


def _requests(connection: Connection, *where: Any) -> tuple[ImportRequest, ...]:
    """Two queries, however many requests."""
    rows = connection.execute(select(imports).where(*where).order_by(imports.c.id)).all()
    files: dict[int, list[ImportedFile]] = {}
    for f in connection.execute(
        select(import_files)
        .where(import_files.c.import_id.in_(select(imports.c.id).where(*where)))
        .order_by(import_files.c.position)
    ):
        files.setdefault(f.import_id, []).append(
            ImportedFile(name=f.name, sha256=f.sha256, size_bytes=f.size_bytes)
        )
    return tuple(
        ImportRequest(
            id=row.id,
            grant_id=row.grant_id,
            dataset=row.dataset,
            project=row.project,
            requester=row.requester,
            why=row.why,
            files=tuple(files.get(row.id, ())),
            state=ImportState(row.state),
            version=row.version,
            asked_at=row.asked_at,
            until=date.fromisoformat(row.until) if row.until else None,
            decided_by=row.decided_by,
            reason=row.reason,
            seal=row.seal,
        )
        for row in rows
    )
