"""The register of results. Every change names the version it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.results import Made, Result, ResultKind, ResultState, Step
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import catalogue_entries, datasets, results


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """A part of the register."""

    results: tuple[Result, ...]
    total: int


class Results:
    """All results, by number."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def add(self, made: Made, *, grant: Grant, event: Event) -> Result:
        """Keep a report under a grant.

        Raises:
            Conflict: the project reported the same before.
        """
        now = stamp(self._now())
        with self._database.transaction() as connection:
            self._refuse_twice(connection, made, grant.project, grant.dataset)
            done = connection.execute(
                insert(results).values(
                    grant_id=grant.id,
                    dataset=grant.dataset,
                    project=grant.project,
                    reporter=grant.person,
                    **_values(made),
                    state=ResultState.REPORTED,
                    version=1,
                    reported_at=now,
                    changed_at=now,
                )
            )
            number = number_of(done)
            self._log.append(
                connection, event, facts={"result": number, "result_sha256": made.sha256}, id=number
            )
            return _one(connection, number)

    def move(
        self, result: Result, row: Step, *, event: Event, reason: str = "", made: Made | None = None
    ) -> Result:
        """Take a step of the state machine.

        Args:
            made: what takes the place of what was told before, when the step amends it.

        Raises:
            Conflict: the result changed since it was read.
        """
        with self._database.transaction() as connection:
            if made is not None:
                self._refuse_twice(connection, made, result.project, result.dataset, but=result.id)
            moved = connection.execute(
                update(results)
                .where(
                    results.c.id == result.id,
                    results.c.state == row.start,
                    results.c.version == result.version,
                )
                .values(
                    state=row.end,
                    version=result.version + 1,
                    reason=reason,
                    changed_at=stamp(self._now()),
                    **(_values(made) if made is not None else {}),
                )
            )
            if moved.rowcount != 1:
                now = _one(connection, result.id)
                raise Conflict(
                    f"Result {result.id} changed meanwhile: it is {now.state}.", fix="Look at it again."
                )
            facts = {"result_sha256": (made or result.made).sha256}
            self._log.append(connection, event, facts=facts)
            return _one(connection, result.id)

    def get(self, result_id: int) -> Result | None:
        """The result, or None."""
        found = self._where(results.c.id == result_id)
        return found[0] if found else None

    def of_project(self, project: str) -> tuple[Result, ...]:
        """All that a project reported, in order, in every state: what fulfils its duty to report."""
        return self._where(results.c.project == project)

    def of_reporter(self, person: str) -> tuple[Result, ...]:
        """All that a person reported, in order."""
        return self._where(results.c.reporter == person)

    def waiting(self, *, owner: str = "") -> tuple[Result, ...]:
        """Those that wait to be confirmed, in order: on an owner's datasets, or on all."""
        where = [results.c.state == ResultState.REPORTED]
        if owner:
            where.append(results.c.dataset.in_(select(datasets.c.name).where(datasets.c.owner == owner)))
        return self._where(*where)

    def confirmed(
        self, *, offset: int, limit: int, dataset: str = "", kind: ResultKind | None = None
    ) -> ResultPage:
        """The public register, the newest first: of all datasets that are listed, or of this one."""
        listed = select(catalogue_entries.c.dataset).where(catalogue_entries.c.listed)
        where = [results.c.state == ResultState.CONFIRMED, results.c.dataset.in_(listed)]
        if dataset:
            where.append(results.c.dataset == dataset)
        if kind is not None:
            where.append(results.c.kind == kind)
        order = (results.c.made_on.desc(), results.c.id.desc())
        with self._database.reading() as connection:
            total = connection.execute(select(func.count()).select_from(results).where(*where)).scalar_one()
            rows = connection.execute(
                select(results).where(*where).order_by(*order).offset(offset).limit(limit)
            )
            return ResultPage(results=tuple(_result(row) for row in rows), total=int(total))

    def _refuse_twice(
        self, connection: Connection, made: Made, project: str, dataset: str, *, but: int = 0
    ) -> None:
        same = (results.c.project == project, results.c.dataset == dataset, results.c.id != but)
        live = results.c.state != ResultState.WITHDRAWN
        for row in connection.execute(
            select(results.c.id, results.c.title, results.c.kind).where(*same, live)
        ):
            if (row.title.casefold(), row.kind) == (made.title.casefold(), made.kind):
                raise Conflict(
                    f"Your project reported this already: result {row.id}.", fix="Amend that one instead."
                )

    def _where(self, *where: Any) -> tuple[Result, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(select(results).where(*where).order_by(results.c.id))
            return tuple(_result(row) for row in rows)


def _values(made: Made) -> dict[str, Any]:
    return {
        "kind": made.kind,
        "title": made.title,
        "authors": made.authors,
        "link": made.link,
        "made_on": made.made_on.isoformat(),
        "how_used": made.how_used,
        "citation_carried": made.citation_carried,
    }


def _one(connection: Connection, result_id: int) -> Result:
    row = connection.execute(select(results).where(results.c.id == result_id)).first()
    if row is None:
        raise NotFound(f"There is no result {result_id}.")
    return _result(row)


def _result(row: Row[Any]) -> Result:
    return Result(
        id=row.id,
        grant_id=row.grant_id,
        dataset=row.dataset,
        project=row.project,
        reporter=row.reporter,
        made=Made(
            kind=ResultKind(row.kind),
            title=row.title,
            authors=row.authors,
            link=row.link,
            made_on=date.fromisoformat(row.made_on),
            how_used=row.how_used,
            citation_carried=bool(row.citation_carried),
        ),
        state=ResultState(row.state),
        version=row.version,
        reason=row.reason,
        reported_at=row.reported_at,
        changed_at=row.changed_at,
    )
