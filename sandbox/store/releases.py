"""Requests to let files out: their files, findings and votes.

Every change names the version it saw, and is refused when there has been another one since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.output_cell import OutputCell
from sandbox.domain.release import Decision, Release, StagedFile, Status, Transition, Verb, Vote
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.output_cells import cell_values
from sandbox.store.schema import findings as findings_table
from sandbox.store.schema import output_cells, release_files, releases, votes


class Releases:
    """All requests, by number."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def create(
        self,
        *,
        grant: Grant,
        context: str,
        files: Sequence[StagedFile],
        findings: Sequence[Finding],
        reviewers_needed: int,
        event: Event,
        lineage: str = "",
        cells: Sequence[OutputCell] = (),
    ) -> Release:
        """Keep a request in CHECKING, with its files by hash, what the checks found, and its numbers.

        Args:
            lineage: of the numbers: those of other requests on it are compared with them.
        """
        now = stamp(self._now())
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(releases).values(
                    grant_id=grant.id,
                    dataset=grant.dataset,
                    project=grant.project,
                    requester=grant.person,
                    context=context,
                    status=Status.CHECKING,
                    version=1,
                    reviewers_needed=reviewers_needed,
                    staged_at=now,
                    changed_at=now,
                )
            )
            number = number_of(made)
            _insert_all(connection, release_files, number, [_file_values(file) for file in files])
            _insert_all(
                connection, findings_table, number, [_finding_values(finding) for finding in findings]
            )
            _insert_all(connection, output_cells, number, [cell_values(cell, lineage) for cell in cells])
            self._log.append(connection, event, facts={"release": number}, id=number)
            return _one(connection, number)

    def move(self, release: Release, row: Transition, *, event: Event) -> Release:
        """Take a step of the state machine.

        Args:
            release: as the caller read it: its version is the one that must still hold. It carries what the step
                adds: its crate's hash on the step to RELEASED, who holds it and why, why it is recalled.
            row: the step; ``event`` is written under the action it names.

        Raises:
            Conflict: the release changed since.
        """
        with self._database.transaction() as connection:
            self._step(connection, release, row, **_carried(release, row))
            self._log.append(connection, _under(event, row))
            return _one(connection, release.id)

    def add_vote(self, release: Release, vote: Vote, *, row: Transition, event: Event) -> Release:
        """Keep a vote and take its step, in one transaction.

        Raises:
            Conflict: the release changed since, or this reviewer has voted.
        """
        with self._database.transaction() as connection:
            self._step(connection, release, row)
            try:
                with connection.begin_nested():
                    connection.execute(
                        insert(votes).values(
                            release_id=release.id,
                            reviewer=vote.reviewer,
                            position=len(release.votes),
                            decision=vote.decision,
                            comment=vote.comment,
                            cast_at=stamp(self._now()),
                        )
                    )
            except IntegrityError as twice:
                raise Conflict("You have voted on this release.", fix="Wait for the other votes.") from twice
            self._log.append(connection, _under(event, row))
            return _one(connection, release.id)

    def get(self, release_id: int) -> Release | None:
        """The release, or None."""
        found = self._where(releases.c.id == release_id)
        return found[0] if found else None

    def findings(self, release_id: int) -> tuple[Finding, ...]:
        """What the checks found, in their order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(findings_table)
                .where(findings_table.c.release_id == release_id)
                .order_by(findings_table.c.position)
            )
            return tuple(_finding(row) for row in rows)

    def of_requester(self, name: str) -> tuple[Release, ...]:
        """A person's own requests, oldest first."""
        return self._where(releases.c.requester == name)

    def of_grant(self, grant_id: int) -> tuple[Release, ...]:
        """Those made under a grant, oldest first."""
        return self._where(releases.c.grant_id == grant_id)

    def of_dataset(self, name: str) -> tuple[Release, ...]:
        """A dataset's, oldest first."""
        return self._where(releases.c.dataset == name)

    def in_status(self, statuses: Collection[Status]) -> tuple[Release, ...]:
        """All that are in one of these states, oldest first."""
        return self._where(releases.c.status.in_(list(statuses)))

    def waiting_for(self, reviewer: str, *, datasets: Collection[str]) -> tuple[Release, ...]:
        """What a reviewer may still vote on, oldest first: of these datasets, not their own, not voted on yet."""
        open_ = self._where(
            releases.c.status.in_([Status.SUBMITTED, Status.PARTIALLY_REVIEWED]),
            releases.c.dataset.in_(list(datasets)),
            releases.c.requester != reviewer,
        )
        return tuple(r for r in open_ if all(v.reviewer != reviewer for v in r.votes))

    def _where(self, *where: Any) -> tuple[Release, ...]:
        with self._database.reading() as connection:
            return _releases(connection, *where)

    def _step(self, connection: Connection, release: Release, row: Transition, **more: Any) -> None:
        moved = connection.execute(
            update(releases)
            .where(
                releases.c.id == release.id,
                releases.c.version == release.version,
                releases.c.status == row.start,
            )
            .values(status=row.end, version=release.version + 1, changed_at=stamp(self._now()), **more)
        )
        if moved.rowcount != 1:
            now = _one(connection, release.id)
            raise Conflict(
                f"Release {release.id} changed: it is {now.status} now, version {now.version}.",
                fix="Open it again and look once more.",
            )


def _carried(release: Release, row: Transition) -> dict[str, str]:
    match row.verb:
        case Verb.RELEASE:
            return {"crate_sha256": release.crate_sha256}
        case Verb.HOLD:
            return {"held_from": row.start, "held_by": release.held_by, "reason": release.reason}
        case Verb.RESUME:
            return {"held_from": "", "held_by": "", "reason": ""}
        case Verb.RECALL:
            return {"reason": release.reason}
        case _:
            return {}


def _under(event: Event, row: Transition) -> Event:
    """The state machine names the action; a second name for the same step would split the log."""
    return Event(event.actor, row.event, event.object, event.facts)


def _insert_all(connection: Connection, table: Any, release_id: int, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        connection.execute(
            insert(table), [{"release_id": release_id, "position": i, **row} for i, row in enumerate(rows)]
        )


def _one(connection: Connection, release_id: int) -> Release:
    found = _releases(connection, releases.c.id == release_id)
    if not found:
        raise NotFound(f"There is no release {release_id}.")
    return found[0]


def _releases(connection: Connection, *where: Any) -> tuple[Release, ...]:
    """Three queries, however many releases."""
    rows = connection.execute(select(releases).where(*where).order_by(releases.c.id)).all()
    numbers = select(releases.c.id).where(*where)
    files: dict[int, list[StagedFile]] = {}
    for f in connection.execute(
        select(release_files)
        .where(release_files.c.release_id.in_(numbers))
        .order_by(release_files.c.position)
    ):
        files.setdefault(f.release_id, []).append(
            StagedFile(name=f.name, sha256=f.sha256, size_bytes=f.size_bytes, sql=f.sql)
        )
    cast: dict[int, list[Vote]] = {}
    for v in connection.execute(
        select(votes).where(votes.c.release_id.in_(numbers)).order_by(votes.c.position)
    ):
        cast.setdefault(v.release_id, []).append(
            Vote(reviewer=v.reviewer, decision=Decision(v.decision), comment=v.comment)
        )
    return tuple(
        Release(
            id=row.id,
            grant_id=row.grant_id,
            dataset=row.dataset,
            project=row.project,
            requester=row.requester,
            context=row.context,
            files=tuple(files.get(row.id, ())),
            status=Status(row.status),
            version=row.version,
            reviewers_needed=row.reviewers_needed,
            votes=tuple(cast.get(row.id, ())),
            crate_sha256=row.crate_sha256,
            held_from=Status(row.held_from) if row.held_from else None,
            held_by=row.held_by,
            reason=row.reason,
        )
        for row in rows
    )


def _file_values(file: StagedFile) -> dict[str, Any]:
    return {"name": file.name, "sha256": file.sha256, "size_bytes": file.size_bytes, "sql": file.sql}


_FINDING = (
    "file",
    "check",
    "verdict",
    "place",
    "reason",
    "fix",
    "source",
    "row",
    "column",
    "from_rows",
    "detail",
)


def _finding_values(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in _FINDING}


def _finding(row: Row[Any]) -> Finding:
    values = {name: row._mapping[name] for name in _FINDING}
    return Finding(**{**values, "verdict": Verdict(row.verdict), "from_rows": bool(row.from_rows)})
