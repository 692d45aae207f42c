"""Ratings of datasets: one of each person, changed in place; the log keeps what it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotFound
from sandbox.domain.ratings import Rating
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import ratings


class Ratings:
    """What people say about datasets."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def rate(self, dataset: str, *, person: str, stars: int, sentence: str, event: Event) -> Rating:
        """Keep a person's rating, in the place of an earlier one. A hidden sentence stays hidden until it changes."""
        here = (ratings.c.dataset == dataset, ratings.c.person == person)
        with self._database.transaction() as connection:
            before = connection.execute(select(ratings).where(*here)).first()
            values: dict[str, Any] = {"stars": stars, "sentence": sentence, "rated_at": stamp(self._now())}
            if before is None:
                connection.execute(insert(ratings).values(dataset=dataset, person=person, **values))
            else:
                if before.sentence != sentence:
                    values["hidden"] = ""
                connection.execute(update(ratings).where(*here).values(values))
            facts = {"stars": stars, "stars_were": before.stars if before is not None else None}
            self._log.append(connection, event, facts=facts)
            return _one(connection, dataset, person)

    def hide(self, dataset: str, *, person: str, reason: str, event: Event) -> Rating:
        """Hide the sentence of a rating; its stars count on.

        Raises:
            Conflict: it is hidden already, or has no sentence.
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(ratings)
                .where(
                    ratings.c.dataset == dataset,
                    ratings.c.person == person,
                    ratings.c.hidden == "",
                    ratings.c.sentence != "",
                )
                .values(hidden=reason)
            )
            if changed.rowcount != 1:
                _one(connection, dataset, person)
                raise Conflict("There is no sentence to hide.")
            self._log.append(connection, event)
            return _one(connection, dataset, person)

    def of_dataset(self, dataset: str) -> tuple[Rating, ...]:
        """All ratings of a dataset, with who gave them: for rules, never for a page."""
        return self._where(ratings.c.dataset == dataset)

    def of_person(self, dataset: str, person: str) -> Rating | None:
        """A person's rating of a dataset, or None."""
        found = self._where(ratings.c.dataset == dataset, ratings.c.person == person)
        return found[0] if found else None

    def _where(self, *where: Any) -> tuple[Rating, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(
                select(ratings).where(*where).order_by(ratings.c.rated_at, ratings.c.person)
            )
            return tuple(_rating(row) for row in rows)


def _one(connection: Connection, dataset: str, person: str) -> Rating:
    row = connection.execute(
        select(ratings).where(ratings.c.dataset == dataset, ratings.c.person == person)
    ).first()
    if row is None:
        raise NotFound("There is no such rating.")
    return _rating(row)


def _rating(row: Row[Any]) -> Rating:
    return Rating(
        dataset=row.dataset,
        person=row.person,
        stars=row.stars,
        sentence=row.sentence,
        hidden=row.hidden,
        rated_at=row.rated_at,
    )
