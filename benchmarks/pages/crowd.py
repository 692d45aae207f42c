"""A large installation, made from a small one: its rows are written again under other names and numbers.

Everything a page reads is there and fits together. The log's hashes do not: pages read the log, and its proof takes as
long as it takes whatever a page does.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, text, update

from benchmarks.catalogue import made_up
from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.policy_document import policy_to_document
from sandbox.domain.release import Decision
from sandbox.store import schema as t
from tests.portal.example_world import World

PEOPLE = 2_000
GRANTS = 2_000
OPENED = 200  # datasets that somebody uses
WAITING = 300  # requests that reviewers have not decided
CHUNK = 5_000
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Size:
    datasets: int
    releases: int
    entries: int


def _time(n: int) -> str:
    return (BEGAN + timedelta(seconds=30 * n)).isoformat(timespec="microseconds")


def furnish(world: World) -> None:
    """A bit of everything, in the small installation."""
    grant = world.granted("ana")
    world.applied("ben", project="Another question")
    world.proposed()
    decided = world.submitted(grant)
    world.voted(decided, ("rita", Decision.APPROVE, ""), ("ravi", Decision.APPROVE, ""))
    world.submitted(grant, context="Loan applicants by sex, once more, for the second report of the year.")


def crowd(engine: Engine, world: World, size: Size) -> None:
    """Fill the database up to the size."""
    draw = random.Random(1)  # noqa: S311 - not for secrets
    with engine.begin() as connection:
        _people(connection)
    for n in range(size.datasets):
        policy = made_up(n, draw)
        world.sandbox.store.datasets.publish(
            policy,
            policy_hash=content_hash(policy_to_document(policy)),
            snapshot="s",
            public_files={},
            event=Event("benchmark", "dataset.published", f"dataset:{policy.name}"),
        )
    with engine.begin() as connection:
        _grants(connection)
        _releases(connection, size.releases)
        _entries(connection, size.entries)


def copied(source: Engine, target: Engine) -> None:
    """The same rows in another database, in place of those that an installation begins with."""
    with source.connect() as old, target.begin() as new:
        for table in reversed(t.metadata.sorted_tables):
            new.execute(delete(table))
        for table in t.metadata.sorted_tables:
            for rows in _batched(old.execute(select(table)).mappings()):
                new.execute(insert(table), [dict(row) for row in rows])
            for column in table.primary_key:
                if target.dialect.name == "postgresql" and column.autoincrement is True:
                    new.execute(
                        text(
                            f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), 10000000)"
                        )
                    )

    with target.connect().execution_options(isolation_level="AUTOCOMMIT") as looked_at:
        looked_at.execute(text("ANALYZE"))  # a server does so by itself, minutes after so many rows


def _people(connection: Connection) -> None:
    one = _first(connection, t.people, t.people.c.name == "ana")
    _insert(connection, t.people, ({**one, "name": f"person_{n}"} for n in range(PEOPLE)))


def _grants(connection: Connection) -> None:
    application = _first(connection, t.applications, t.applications.c.id == 1)
    turn = _first(connection, t.application_turns, t.application_turns.c.application_id == 1)
    grant = _first(connection, t.grants, t.grants.c.id == 1)
    ids = range(1_000, 1_000 + GRANTS)
    datasets = [f"made_up_{n % OPENED}" for n in ids]
    _insert(
        connection,
        t.applications,
        (
            {
                **application,
                "id": n,
                "dataset": d,
                "applicant": f"person_{n % PEOPLE}",
                "project": f"Project {n}",
            }
            for n, d in zip(ids, datasets, strict=True)
        ),
    )
    _insert(connection, t.application_turns, ({**turn, "application_id": n} for n in ids))
    _insert(
        connection,
        t.grants,
        (
            {
                **grant,
                "id": n,
                "application_id": n,
                "dataset": d,
                "person": f"person_{n % PEOPLE}",
                "project": f"Project {n}",
            }
            for n, d in zip(ids, datasets, strict=True)
        ),
    )


def _releases(connection: Connection, count: int) -> None:
    """Most are out; the last are with the reviewers. Every twentieth is ana's, of the loans."""
    out = connection.execute(
        select(t.releases.c.id).where(t.releases.c.status == "released").limit(1)
    ).scalar_one()
    waiting = connection.execute(
        select(t.releases.c.id).where(t.releases.c.status == "submitted").limit(1)
    ).scalar_one()
    ids = range(1_000, 1_000 + count)

    def of(n: int) -> int:
        return waiting if n >= ids.stop - WAITING else out

    def own(n: int) -> Mapping[str, Any]:
        if n % 20 == 0 or of(n) == waiting:
            return {}
        m = 1_000 + n % GRANTS
        return {
            "grant_id": m,
            "dataset": f"made_up_{m % OPENED}",
            "requester": f"person_{m % PEOPLE}",
            "project": f"Project {m}",
        }

    first = {n: _first(connection, t.releases, t.releases.c.id == n) for n in (out, waiting)}
    _insert(
        connection,
        t.releases,
        ({**first[of(n)], **own(n), "id": n, "staged_at": _time(n), "changed_at": _time(n)} for n in ids),
    )
    for table in (t.release_files, t.release_turns, t.findings, t.votes):
        kept = {
            n: [dict(r) for r in connection.execute(select(table).where(table.c.release_id == n)).mappings()]
            for n in (out, waiting)
        }
        _insert(connection, table, ({**row, "release_id": n} for n in ids for row in kept[of(n)]))


def _entries(connection: Connection, count: int) -> None:
    last = connection.execute(select(func.max(t.audit_log.c.seq))).scalar_one()
    kinds = [
        dict(row)
        for row in connection.execute(select(t.audit_log).order_by(t.audit_log.c.seq).limit(200)).mappings()
    ]

    def entry(seq: int) -> dict[str, Any]:
        kind = dict(kinds[seq % len(kinds)])
        word, _, number = kind["object"].partition(":")
        if number.isdigit():  # of other people's, but for a few
            kind["object"] = f"{word}:{1_000 + seq % 100_000}"
        digest = f"{seq:064x}"
        return {**kind, "seq": seq, "at": _time(seq), "previous": f"{seq - 1:064x}", "hash": digest}

    _insert(connection, t.audit_log, map(entry, range(last + 1, count + 1)))
    connection.execute(update(t.audit_head).values(seq=count, hash=f"{count:064x}"))
    connection.execute(update(t.notice_cursor).values(seq=count))  # everybody was told of it


def _first(connection: Connection, table: Any, where: Any) -> dict[str, Any]:
    return dict(connection.execute(select(table).where(where)).mappings().one())


def _insert(connection: Connection, table: Any, rows: Iterator[Mapping[str, Any]]) -> None:
    for some in _batched(rows):
        connection.execute(insert(table), some)


def _batched(rows: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(rows)
    while some := list(islice(left, CHUNK)):
        yield some
