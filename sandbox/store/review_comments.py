"""What reviewers wrote beside requests. Nothing is deleted: a comment is voided, with a reason."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict
from sandbox.domain.review_comment import ReviewComment
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import review_comments

_C = review_comments.c


class ReviewComments:
    """All comments, by request."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def add(self, comment: ReviewComment, *, event: Event) -> ReviewComment:
        """Keep a comment under its author's next number, whatever number it has."""
        with self._database.transaction() as connection:
            last = connection.execute(
                select(func.max(_C.number)).where(
                    _C.release_id == comment.release, _C.author == comment.author
                )
            ).scalar()
            kept = replace(comment, number=(last or 0) + 1, written_at=stamp(self._now()), voided="")
            try:
                with connection.begin_nested():
                    connection.execute(
                        insert(review_comments).values(
                            release_id=kept.release,
                            author=kept.author,
                            number=kept.number,
                            turn=kept.turn,
                            file=kept.file,
                            row=kept.row,
                            column=kept.column,
                            text=kept.text,
                            written_at=kept.written_at,
                            voided="",
                        )
                    )
            except IntegrityError as twice:
                raise Conflict(
                    "You wrote two comments at the same moment.", fix="Send this one again."
                ) from twice
            self._log.append(connection, event, facts={"comment": kept.number})
            return kept

    def void(self, comment: ReviewComment, *, reason: str, event: Event) -> None:
        """It counts no more; it is kept, with the reason."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(review_comments)
                .where(
                    _C.release_id == comment.release,
                    _C.author == comment.author,
                    _C.number == comment.number,
                    _C.voided == "",
                )
                .values(voided=reason)
            )
            if changed.rowcount != 1:
                raise Conflict("This comment was voided already.")
            self._log.append(connection, event)

    def of(self, release_id: int) -> tuple[ReviewComment, ...]:
        """A request's, of all turns and authors, in the order in which they were written."""
        return self.of_several([release_id]).get(release_id, ())

    def of_several(self, numbers: Collection[int]) -> dict[int, tuple[ReviewComment, ...]]:
        """Those of these requests, by request; one without any is not there."""
        query = select(review_comments).where(_C.release_id.in_(sorted(numbers)))
        found: dict[int, list[ReviewComment]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query.order_by(_C.written_at, _C.author, _C.number)):
                found.setdefault(row.release_id, []).append(
                    ReviewComment(
                        release=row.release_id,
                        turn=row.turn,
                        author=row.author,
                        number=row.number,
                        text=row.text,
                        file=row.file,
                        row=row.row,
                        column=row.column,
                        written_at=row.written_at,
                        voided=row.voided,
                    )
                )
        return {number: tuple(comments) for number, comments in found.items()}
