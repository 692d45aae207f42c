"""The log's entries, each person's own: found in the database by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    and_,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from sandbox.domain.audit import Entry
from sandbox.domain.log_sight import BLINDED, OF_OWNED, OWN, SEALED, Sight
from sandbox.domain.planted import PLANTED
from sandbox.store.database import Database
from sandbox.store.log import entry_of
from sandbox.store.schema import (
    applications,
    audit_log,
    grants,
    imports,
    jobs,
    objections,
    planted_outputs,
    questions,
    release_turns,
    releases,
    results,
)

# What carries a number on the log: the first word of its object, and the column that says whose it is.
_NUMBERED: tuple[tuple[str, Table, str], ...] = (
    ("application", applications, "applicant"),
    ("grant", grants, "person"),
    ("import", imports, "requester"),
    ("job", jobs, "person"),
    ("question", questions, "person"),
    ("release", releases, "requester"),
    ("result", results, "reporter"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What entries are looked for; empty: any.

    Attributes:
        action: the whole action or its first words.
        since, until: the first and the last day, UTC.
    """

    actor: str = ""
    action: str = ""
    object: str = ""
    since: date | None = None
    until: date | None = None


EVERY = Sought()


class LogEntries:
    """Reading only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(
        self,
        sight: Sight,
        sought: Sought = EVERY,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> tuple[Entry, ...]:
        """Entries that this person may see, newest first; oldest first with ``after``.

        Args:
            before: only those with a smaller number.
            after: only those with a larger number.
        """
        seq = audit_log.c.seq
        query = select(audit_log).where(_seen(sight), *_sought(sought)).limit(limit)
        if before is not None:
            query = query.where(seq < before)
        if after is not None:
            query = query.where(seq > after)
        query = query.order_by(seq if after is not None else seq.desc())
        with self._database.reading() as connection:
            if not sought.action:
                return tuple(entry_of(row) for row in connection.execute(query))
            # One by one each action that begins so: its newest lie side by side in the index.
            rows = [
                row
                for action in _beginning(connection, sought.action)
                for row in connection.execute(query.where(audit_log.c.action == action))
            ]
        rows.sort(key=lambda row: row.seq, reverse=after is None)
        return tuple(entry_of(row) for row in rows[:limit])

    def numbers(self, sight: Sight, *, up_to: int) -> tuple[int, ...]:
        """The numbers of all entries that this person may see, in order."""
        query = select(audit_log.c.seq).where(_seen(sight), audit_log.c.seq <= up_to)
        with self._database.reading() as connection:
            return tuple(connection.execute(query.order_by(audit_log.c.seq)).scalars())

    def sees(self, sight: Sight, seq: int) -> bool:
        """Whether this person may see an entry."""
        query = select(audit_log.c.seq).where(_seen(sight), audit_log.c.seq == seq)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def answered(self, question: int) -> int:
        """The entry that holds the hash of a question's answer; 0 when there is none."""
        c = audit_log.c
        with self._database.reading() as connection:
            seq = connection.execute(
                select(c.seq).where(c.object == f"question:{question}", c.action == "question.answered")
            ).scalar()
            if seq is None:
                told = or_(
                    *(c.facts.contains(f'"question":{question}{end}', autoescape=True) for end in ",}")
                )
                seq = connection.execute(select(c.seq).where(c.action == "question.derived", told)).scalar()
        return int(seq or 0)


def _beginning(connection: Connection, words: str) -> tuple[str, ...]:
    """The actions on the log that begin so. All of them are gone through, each in one step of the index."""
    found: list[str] = []
    step = select(func.min(audit_log.c.action))
    action = connection.scalar(step)
    while action is not None:
        found.append(action)
        action = connection.scalar(step.where(audit_log.c.action > action))
    return tuple(action for action in found if action.startswith(words))


def _sought(sought: Sought) -> list[ColumnElement[bool]]:
    c = audit_log.c
    wanted: list[ColumnElement[bool]] = []
    if sought.actor:
        wanted.append(c.actor == sought.actor)
    if sought.object:
        wanted.append(c.object == sought.object)
    if sought.since is not None:
        wanted.append(c.at >= sought.since.isoformat())
    if sought.until is not None:
        wanted.append(c.at < f"{sought.until.isoformat()}U")  # after the T of that day's every moment
    return wanted


def _seen(sight: Sight) -> ColumnElement[bool]:
    c = audit_log.c
    if sight.everything:
        return not_(_blinded(sight)) if sight.reviews else true()
    about_own = [c.object == f"person:{sight.person}"]
    about_own += [
        c.object.in_(_names(word, table, table.c[column] == sight.person))
        for word, table, column in _NUMBERED
    ]
    of_jobs = select(literal("release:") + cast(jobs.c.release_id, String)).where(
        jobs.c.release_id.is_not(None)
    )
    own = and_(
        c.action.in_(sorted(OWN)),
        or_(c.actor == sight.person, *about_own),
        not_(and_(c.action.in_(sorted(SEALED)), c.object.in_(of_jobs))),
    )
    return or_(own, _owned(sight.owned))


def _blinded(sight: Sight) -> ColumnElement[bool]:
    """What others did beside requests whose present turn is not decided."""
    c = audit_log.c
    # What is planted, too: an entry names no request, and one that just came could be guessed.
    opened = select(planted_outputs.c.entry).where(planted_outputs.c.outcome != "")
    planted = and_(c.action == PLANTED, c.actor != sight.person, c.seq.not_in(opened))
    undecided = (
        select(literal("release:") + cast(releases.c.id, String))
        .join(
            release_turns,
            and_(release_turns.c.release_id == releases.c.id, release_turns.c.turn == releases.c.turn),
        )
        .where(release_turns.c.decided_at == "")
    )
    voting = and_(c.action.in_(sorted(BLINDED)), c.actor != sight.person, c.object.in_(undecided))
    return or_(planted, voting)


def _owned(names: tuple[str, ...]) -> ColumnElement[bool]:
    if not names:
        return false()
    c = audit_log.c
    about = [c.object.in_([f"dataset:{name}" for name in names])]
    about += [
        c.object.in_(_names(word, table, table.c.dataset.in_(names)))
        for word, table in (*((word, table) for word, table, _ in _NUMBERED), ("objection", objections))
    ]
    return and_(c.action.in_(sorted(OF_OWNED)), or_(*about))


def _names(word: str, table: Table, where: ColumnElement[bool]) -> Any:
    """The names on the log of the rows that fit."""
    return select(literal(f"{word}:") + cast(table.c.id, String)).where(where)
