"""Rows of requests as the domain's values, and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from sandbox.domain.errors import NotFound
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.release import Cause, Decision, Release, StagedFile, Status, Vote
from sandbox.store.database import AT_ONCE
from sandbox.store.schema import release_files, release_links, release_turns, releases, votes


def read_one(connection: Connection, release_id: int) -> Release:
    found = read_releases(connection, releases.c.id == release_id)
    if not found:
        raise NotFound(f"There is no request {release_id}.")
    return found[0]


def read_releases(connection: Connection, *where: Any) -> tuple[Release, ...]:
    """Five queries, however many releases."""
    rows = connection.execute(select(releases).where(*where).order_by(releases.c.id)).all()
    if not rows:
        return ()
    few = len(rows) <= AT_ONCE  # named one by one: the database need not find them four times more
    numbers: Any = [row.id for row in rows] if few else select(releases.c.id).where(*where)
    files: dict[int, list[StagedFile]] = {}
    for f in connection.execute(
        select(release_files)
        .join(releases, releases.c.id == release_files.c.release_id)
        .where(release_files.c.release_id.in_(numbers), release_files.c.turn == releases.c.turn)
        .order_by(release_files.c.position)
    ):
        files.setdefault(f.release_id, []).append(staged_file(f))
    cast: dict[int, list[Vote]] = {}
    for v in connection.execute(
        select(votes).where(votes.c.release_id.in_(numbers)).order_by(votes.c.turn, votes.c.position)
    ):
        cast.setdefault(v.release_id, []).append(vote_of(v))
    links: dict[int, list[Any]] = {}
    for link in connection.execute(
        select(release_links)
        .where(release_links.c.release_id.in_(numbers))
        .order_by(release_links.c.earlier_id)
    ):
        links.setdefault(link.release_id, []).append(link)
    turns = {
        (t.release_id, t.turn): t
        for t in connection.execute(select(release_turns).where(release_turns.c.release_id.in_(numbers)))
    }
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
            votes=tuple(v for v in cast.get(row.id, ()) if not v.voided),
            early=tuple(v for v in cast.get(row.id, ()) if v.voided),
            turn=row.turn,
            supersedes=next((n.earlier_id for n in links.get(row.id, ()) if n.supersedes), 0),
            builds_on=tuple(n.earlier_id for n in links.get(row.id, ()) if not n.supersedes),
            waiting_since=turns[row.id, row.turn].waiting_since if (row.id, row.turn) in turns else "",
            decided_at=turns[row.id, row.turn].decided_at if (row.id, row.turn) in turns else "",
            crate_sha256=row.crate_sha256,
            held_from=Status(row.held_from) if row.held_from else None,
            held_by=row.held_by,
            reason=row.reason,
        )
        for row in rows
    )


def vote_of(row: Row[Any]) -> Vote:
    return Vote(
        reviewer=row.reviewer,
        decision=Decision(row.decision),
        comment=row.comment,
        cause=Cause(row.cause) if row.cause else None,
        turn=row.turn,
        voided=row.voided,
    )


def staged_file(row: Row[Any]) -> StagedFile:
    return StagedFile(name=row.name, sha256=row.sha256, size_bytes=row.size_bytes, sql=row.sql)


def file_values(file: StagedFile) -> dict[str, Any]:
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


def finding_values(one: Finding) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _FINDING}


def finding(row: Row[Any]) -> Finding:
    values = {name: row._mapping[name] for name in _FINDING}
    return Finding(**{**values, "verdict": Verdict(row.verdict), "from_rows": bool(row.from_rows)})
