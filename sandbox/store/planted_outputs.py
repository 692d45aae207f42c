"""Outputs with a known flaw, and what became of them. They are unveiled with their request, see ``releases``."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict
from sandbox.domain.planted import PLANTED, Outcome, Planted
from sandbox.domain.release import Vote
from sandbox.domain.release_states import Verb
from sandbox.store.database import Database, parts, stamp
from sandbox.store.log import Log
from sandbox.store.release_rows import vote_of
from sandbox.store.schema import audit_log, planted_outputs, releases, votes

_C = planted_outputs.c


class PlantedOutputs:
    """All of them, by request."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def add(self, planted: Planted, *, event: Event) -> Planted:
        """Keep one, with the number of the entry that holds its hash.

        Raises:
            Conflict: the request is planted already.
        """
        with self._database.transaction() as connection:
            entry = self._log.append(connection, event)
            kept = replace(planted, entry=entry.seq, planted_at=stamp(self._now()))
            try:
                with connection.begin_nested():
                    connection.execute(
                        insert(planted_outputs).values(
                            release_id=kept.release,
                            statement=kept.statement,
                            salt=kept.salt,
                            commitment=kept.commitment,
                            planted_by=kept.planted_by,
                            planted_at=kept.planted_at,
                            entry=kept.entry,
                            outcome="",
                            decision="",
                            decided_at="",
                        )
                    )
            except IntegrityError as twice:
                raise Conflict("This request is planted already.") from twice
            return kept

    def of(self, release_id: int) -> Planted | None:
        """What is planted in a request; None where nothing is."""
        return self.of_several([release_id]).get(release_id)

    def of_several(self, numbers: Collection[int]) -> dict[int, Planted]:
        """The same for each of these requests; those in which nothing is are not there."""
        return {p.release: p for p in self._where(_C.release_id.in_(sorted(numbers)))}

    def known_to(self, name: str) -> tuple[Planted, ...]:
        """What this person sent or planted, decided or not, newest first."""
        sent = select(releases.c.id).where(releases.c.requester == name)
        return self._where(or_(_C.planted_by == name, _C.release_id.in_(sent)))

    def decided(self, datasets: Collection[str] | None = None) -> tuple[Planted, ...]:
        """Those on these datasets, or on all, that reviewers decided, newest first."""
        where: list[Any] = [_C.outcome != ""]
        if datasets is not None:
            of = select(releases.c.id).where(releases.c.dataset.in_(sorted(datasets)))
            where.append(_C.release_id.in_(of))
        return self._where(*where)

    def all(self) -> tuple[Planted, ...]:
        """Every one, newest first; for who holds the books against the log."""
        return self._where()

    def votes_of(self, reviewer: str) -> tuple[Vote, ...]:
        """One reviewer's votes on those that are decided and count."""
        counted = select(_C.release_id).where(_C.outcome.in_([Outcome.FOUND, Outcome.MISSED]))
        theirs = select(votes).where(votes.c.reviewer == reviewer, votes.c.voided == "")
        found: list[Vote] = []
        with self._database.reading() as connection:
            # Few are planted: by their numbers, or the database looks through all votes.
            numbers = list(connection.scalars(counted.order_by(_C.release_id)))
            for some in parts(numbers):
                query = theirs.where(votes.c.release_id.in_(some)).order_by(votes.c.release_id)
                rows = connection.execute(query)
                found += [vote_of(row) for row in rows]
        return tuple(found)

    def opened(self, entry: int) -> bool:
        """Whether what an entry of the log stands for is decided, and told."""
        with self._database.reading() as connection:
            query = select(_C.release_id).where(_C.entry == entry, _C.outcome != "")
            return connection.execute(query).first() is not None

    def all_there(self) -> bool:
        """Whether the log tells of as many as there are here: one whose row is gone would leave like any other."""
        rows = select(func.count()).select_from(planted_outputs)
        told = select(func.count()).select_from(audit_log).where(audit_log.c.action == PLANTED)
        with self._database.reading() as connection:
            return connection.scalar(rows) == connection.scalar(told)

    def _where(self, *where: Any) -> tuple[Planted, ...]:
        query = select(planted_outputs).where(*where).order_by(_C.release_id.desc())
        with self._database.reading() as connection:
            return tuple(_planted(row) for row in connection.execute(query))


def _planted(row: Row[Any]) -> Planted:
    return Planted(
        release=row.release_id,
        statement=row.statement,
        salt=row.salt,
        commitment=row.commitment,
        planted_by=row.planted_by,
        planted_at=row.planted_at,
        entry=row.entry,
        outcome=Outcome(row.outcome) if row.outcome else None,
        decision=Verb(row.decision) if row.decision else None,
        decided_at=row.decided_at,
    )
