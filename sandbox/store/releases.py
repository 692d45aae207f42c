"""Requests to let files out: their files, findings and votes.

Every change names the version it saw, and is refused when there has been another one since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, false, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict
from sandbox.domain.findings import Finding
from sandbox.domain.output_cell import OutputCell
from sandbox.domain.planted import Planted
from sandbox.domain.rater_agreement import CastTurn
from sandbox.domain.release import OUT, WAITING, Release, StagedFile, Status, Transition, Verb, Vote
from sandbox.domain.release_clock import Turn
from sandbox.store.database import Database, number_of, parts, stamp
from sandbox.store.log import Log
from sandbox.store.output_cells import cell_values
from sandbox.store.release_rows import (
    file_values,
    finding,
    finding_values,
    read_one,
    read_releases,
    staged_file,
    vote_of,
)
from sandbox.store.schema import datasets as datasets_table
from sandbox.store.schema import findings as findings_table
from sandbox.store.schema import (
    output_cells,
    planted_outputs,
    release_files,
    release_links,
    release_turns,
    releases,
    votes,
)

OF_EARLIER_TURN = "It was about the files of an earlier turn."
_DECIDING = frozenset({Verb.APPROVE, Verb.RETURN, Verb.REJECT, Verb.UNVEIL})
NEWEST = 500  # decided turns that figures are made of: older ones tell little of how it goes now


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
        supersedes: int = 0,
        builds_on: Sequence[int] = (),
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
            for earlier in sorted({*builds_on, supersedes} - {0}):
                connection.execute(
                    insert(release_links).values(
                        release_id=number, earlier_id=earlier, supersedes=earlier == supersedes
                    )
                )
            _stage(
                connection,
                number,
                1,
                context,
                now,
                files=files,
                findings=findings,
                lineage=lineage,
                cells=cells,
            )
            self._log.append(connection, event, facts={"release": number}, id=number)
            return read_one(connection, number)

    def stage_again(
        self,
        release: Release,
        row: Transition,
        *,
        context: str,
        files: Sequence[StagedFile],
        findings: Sequence[Finding],
        lineage: str = "",
        cells: Sequence[OutputCell] = (),
        event: Event,
    ) -> Release:
        """The next turn: other files, or another context. Earlier files, findings and votes are kept; votes are voided.

        Raises:
            Conflict: the release changed since.
        """
        turn = release.turn + 1
        with self._database.transaction() as connection:
            self._step(connection, release, row, turn=turn, context=context)
            connection.execute(
                update(votes)
                .where(votes.c.release_id == release.id, votes.c.voided == "")
                .values(voided=OF_EARLIER_TURN)
            )
            _stage(
                connection,
                release.id,
                turn,
                context,
                stamp(self._now()),
                files=files,
                findings=findings,
                lineage=lineage,
                cells=cells,
            )
            self._log.append(connection, _under(event, row), facts={"turn": turn})
            return read_one(connection, release.id)

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
            self._note_time(connection, release, row)
            self._log.append(connection, _under(event, row))
            return read_one(connection, release.id)

    def unveil(self, release: Release, row: Transition, *, planted: Planted, event: Event) -> Release:
        """The votes are in on a planted request: it ends, and what was planted is told.

        Args:
            planted: with its outcome and the reviewers' decision.

        Raises:
            Conflict: the release changed since.
        """
        with self._database.transaction() as connection:
            self._step(connection, release, row)
            self._note_time(connection, release, row)
            connection.execute(
                update(planted_outputs)
                .where(planted_outputs.c.release_id == release.id, planted_outputs.c.outcome == "")
                .values(outcome=planted.outcome, decision=planted.decision, decided_at=stamp(self._now()))
            )
            self._log.append(connection, _under(event, row))
            return read_one(connection, release.id)

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
                            turn=release.turn,
                            reviewer=vote.reviewer,
                            position=len(release.votes) + len(release.early),
                            decision=vote.decision,
                            comment=vote.comment,
                            cause=vote.cause or "",
                            cast_at=stamp(self._now()),
                            voided="",
                        )
                    )
            except IntegrityError as twice:
                raise Conflict("You have voted on this release.", fix="Wait for the other votes.") from twice
            self._log.append(connection, _under(event, row))
            return read_one(connection, release.id)

    def void_vote(
        self, release: Release, reviewer: str, *, reason: str, row: Transition, event: Event
    ) -> Release:
        """A vote of this turn counts no more; it is kept, with the reason."""
        with self._database.transaction() as connection:
            self._step(connection, release, row)
            connection.execute(
                update(votes)
                .where(
                    votes.c.release_id == release.id,
                    votes.c.turn == release.turn,
                    votes.c.reviewer == reviewer,
                )
                .values(voided=reason)
            )
            self._log.append(connection, _under(event, row))
            return read_one(connection, release.id)

    def get(self, release_id: int) -> Release | None:
        """The release, or None."""
        found = self._where(releases.c.id == release_id)
        return found[0] if found else None

    def findings(self, release_id: int) -> tuple[Finding, ...]:
        """What the checks found in the files of the present turn, in their order."""
        return self.findings_of([release_id]).get(release_id, ())

    def findings_of(self, numbers: Collection[int]) -> dict[int, tuple[Finding, ...]]:
        """The same for each of these requests; one without findings is not there."""
        query = (
            select(findings_table)
            .join(releases, releases.c.id == findings_table.c.release_id)
            .where(findings_table.c.release_id.in_(sorted(numbers)), findings_table.c.turn == releases.c.turn)
            .order_by(findings_table.c.release_id, findings_table.c.position)
        )
        found: dict[int, list[Finding]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.release_id, []).append(finding(row))
        return {number: tuple(of_one) for number, of_one in found.items()}

    def of_requester(
        self,
        name: str,
        *,
        statuses: Collection[Status] = (),
        grant_id: int | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[Release, ...]:
        """A person's own requests, newest first: in one of these states, under this grant; all, where none is named."""
        query = select(releases.c.id).where(releases.c.requester == name)
        if statuses:
            query = query.where(releases.c.status.in_(sorted(statuses)))
        if grant_id is not None:
            query = query.where(releases.c.grant_id == grant_id)
        query = query.order_by(releases.c.id.desc()).limit(limit).offset(offset)
        with self._database.reading() as connection:
            numbers = list(connection.scalars(query))
            return read_releases(connection, releases.c.id.in_(numbers))[::-1]

    def count_of_requester(self, name: str) -> dict[Status, int]:
        """How many of a person's requests are in each state; states without any are not there."""
        query = select(releases.c.status, func.count()).where(releases.c.requester == name)
        with self._database.reading() as connection:
            return {Status(s): n for s, n in connection.execute(query.group_by(releases.c.status))}

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
        """What of these datasets still waits for this reviewer's vote, the longest waiting first."""
        open_ = self._where(
            releases.c.status.in_(sorted(WAITING)),
            releases.c.dataset.in_(list(datasets)),
            releases.c.requester != reviewer,
        )
        return oldest_first(
            r
            for r in open_
            if all(v.reviewer != reviewer for v in (*r.votes, *(e for e in r.early if e.turn == r.turn)))
        )

    def voted_by(self, reviewer: str) -> tuple[Release, ...]:
        """What waits for votes though this reviewer has cast theirs, the longest waiting first."""
        theirs = exists().where(
            votes.c.release_id == releases.c.id, votes.c.reviewer == reviewer, votes.c.voided == ""
        )
        return oldest_first(self._where(releases.c.status.in_(sorted(WAITING)), theirs))

    def named_by(self, release_id: int) -> tuple[Release, ...]:
        """Later releases that name this one: they stand in its place, or build on it."""
        later = select(release_links.c.release_id).where(release_links.c.earlier_id == release_id)
        return self._where(releases.c.id.in_(later))

    def sharing_files(self, release: Release) -> tuple[Release, ...]:
        """Others that left with one of the same files, by hash."""
        same = (
            select(release_files.c.release_id)
            .join(releases, releases.c.id == release_files.c.release_id)
            .where(
                release_files.c.sha256.in_([f.sha256 for f in release.files]),
                release_files.c.turn == releases.c.turn,
                release_files.c.release_id != release.id,
            )
        )
        return self._where(releases.c.id.in_(same), releases.c.status.in_(sorted(OUT)))

    def decided_on(self, datasets: Collection[str] | None = None) -> tuple[str, ...]:
        """Of these datasets, or of all, those on whose outputs reviewers decided anything, by name."""
        query = select(datasets_table.c.name).where(
            exists(_decided_of(datasets_table.c.name)) if datasets is None or datasets else false()
        )
        if datasets is not None:
            query = query.where(datasets_table.c.name.in_(sorted(datasets)))
        with self._database.reading() as connection:
            return tuple(connection.scalars(query.order_by(datasets_table.c.name)))

    def with_finding(
        self, check: str, *, owner: str, statuses: Collection[Status], limit: int
    ) -> tuple[Release, ...]:
        """Those on an owner's data in one of these states, in whose files a check found something, newest first."""
        query = (
            select(releases.c.id)
            .join(findings_table, findings_table.c.release_id == releases.c.id)
            .join(datasets_table, datasets_table.c.name == releases.c.dataset)
            .where(
                findings_table.c.check == check,
                findings_table.c.turn == releases.c.turn,
                datasets_table.c.owner == owner,
                releases.c.status.in_(sorted(statuses)),
            )
        )
        query = query.distinct().order_by(releases.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return read_releases(connection, releases.c.id.in_(list(connection.scalars(query))))[::-1]

    def turns(self, datasets: Collection[str], *, newest: int = NEWEST) -> tuple[Turn, ...]:
        """The turns of these datasets that reviewers decided, of the newest requests, in their order."""
        query = _decided(datasets).order_by(*_NEWEST_FIRST)
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(newest)).all()
        return tuple(
            Turn(
                release=row.release_id,
                turn=row.turn,
                waiting_since=row.waiting_since,
                decided_at=row.decided_at,
                decision=Verb(row.decision),
            )
            for row in reversed(rows)
        )

    def ballots(self, turns: Sequence[Turn]) -> tuple[CastTurn, ...]:
        """The votes of these turns, but for those that were lost."""
        wanted = {(turn.release, turn.turn) for turn in turns}
        query = (
            select(votes, releases.c.reviewers_needed)
            .join(releases, releases.c.id == votes.c.release_id)
            .where(votes.c.voided.in_(["", OF_EARLIER_TURN]))
            .order_by(votes.c.release_id, votes.c.turn, votes.c.position)
        )
        cast: dict[tuple[int, int, int], list[Vote]] = {}
        with self._database.reading() as connection:
            for part in parts(sorted({release for release, _ in wanted})):
                for row in connection.execute(query.where(votes.c.release_id.in_(part))):
                    if (row.release_id, row.turn) in wanted:
                        cast.setdefault((row.release_id, row.turn, row.reviewers_needed), []).append(
                            vote_of(row)
                        )
        return tuple(CastTurn(votes=tuple(found), blind=needed) for (*_, needed), found in cast.items())

    def files_by_turn(self, release_id: int) -> dict[int, tuple[StagedFile, ...]]:
        """The files of every turn of a request, from the first."""
        query = (
            select(release_files)
            .where(release_files.c.release_id == release_id)
            .order_by(release_files.c.position)
        )
        found: dict[int, list[StagedFile]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query):
                found.setdefault(row.turn, []).append(staged_file(row))
        return {turn: tuple(files) for turn, files in sorted(found.items())}

    def _where(self, *where: Any) -> tuple[Release, ...]:
        with self._database.reading() as connection:
            return read_releases(connection, *where)

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
            now = read_one(connection, release.id)
            raise Conflict(
                f"Request {release.id} changed: it is {now.status} now, version {now.version}.",
                fix="Open it again and look once more.",
            )

    def _note_time(self, connection: Connection, release: Release, row: Transition) -> None:
        """When a turn came to the reviewers, and when and how they decided."""
        now = stamp(self._now())
        values: dict[str, str] = {}
        if row.end in WAITING and row.verb in (Verb.PASS_CHECKS, Verb.RESUME):
            values = {"waiting_since": now}
        elif row.start is Status.REVIEWED and row.verb in _DECIDING:
            values = {"decided_at": now, "decision": row.verb}
        if values:
            connection.execute(
                update(release_turns)
                .where(release_turns.c.release_id == release.id, release_turns.c.turn == release.turn)
                .values(**values)
            )


# Of decided turns, those of which figures are made: what was planted has figures of its own.
# By the index of the datasets, which ends with the number: nothing is sorted.
_NEWEST_FIRST = (releases.c.id.desc(), release_turns.c.turn.desc())
_COUNTS = (release_turns.c.decided_at != "", release_turns.c.decision != str(Verb.UNVEIL))


def _decided(datasets: Collection[str]) -> Select[Any]:
    told = ("release_id", "turn", "waiting_since", "decided_at", "decision")
    return (
        select(*(release_turns.c[name] for name in told))
        .join(releases, releases.c.id == release_turns.c.release_id)
        .where(releases.c.dataset.in_(list(datasets)), *_COUNTS)
    )


def _decided_of(dataset: Any) -> Select[Any]:
    """The decided turns of the dataset that another query is at."""
    return (
        select(release_turns.c.turn)
        .join(releases, releases.c.id == release_turns.c.release_id)
        .where(releases.c.dataset == dataset, release_turns.c.decided_at != "")
    )


def oldest_first(found: Iterable[Release]) -> tuple[Release, ...]:
    """In the order in which they came to the reviewers."""
    return tuple(sorted(found, key=lambda r: (r.waiting_since, r.id)))


def _stage(
    connection: Connection,
    number: int,
    turn: int,
    context: str,
    now: str,
    *,
    files: Sequence[StagedFile],
    findings: Sequence[Finding],
    lineage: str,
    cells: Sequence[OutputCell],
) -> None:
    """What a turn brings; rows of earlier turns stay, and positions go on."""
    connection.execute(
        insert(release_turns).values(
            release_id=number,
            turn=turn,
            context=context,
            staged_at=now,
            waiting_since="",
            decided_at="",
            decision="",
        )
    )
    for table, rows in (
        (release_files, [file_values(file) for file in files]),
        (findings_table, [finding_values(one) for one in findings]),
        (output_cells, [cell_values(cell, lineage) for cell in cells]),
    ):
        before = connection.execute(
            select(func.count()).select_from(table).where(table.c.release_id == number)
        ).scalar_one()
        if rows:
            values = [
                {"release_id": number, "position": before + at, "turn": turn, **row}
                for at, row in enumerate(rows)
            ]
            connection.execute(insert(table), values)


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
