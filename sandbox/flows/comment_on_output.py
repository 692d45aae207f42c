"""Reviewers write beside a request's cells and files, and void what they wrote. The rules: ``review_comment``."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.domain import review_comment as rule
from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import BadInput, NotFound
from sandbox.domain.people import Person
from sandbox.domain.release import Release
from sandbox.domain.review_comment import ReviewComment
from sandbox.flows.published import published
from sandbox.flows.see_release import SeeRelease
from sandbox.flows.views import Views
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentOnOutput:
    """The journey's parts."""

    store: Store
    views: Views
    see: SeeRelease

    def write(
        self,
        person: Person,
        release_id: int,
        *,
        text: str,
        file: str = "",
        row: int | None = None,
        column: str = "",
    ) -> ReviewComment:
        """Keep a comment on the turn as it is now.

        Args:
            file, row, column: the cell; without a row the column; without a column the file; empty: all files.

        Raises:
            NotFound: the request is not this person's to see.
            NotAllowed: it is not theirs to review.
            BadInput: it says nothing, or is about a cell that is not there.
        """
        release = self._reviewed(person, release_id)
        own = [c for c in self.store.review_comments.of(release.id) if c.author == person.name]
        rule.check_comment(release, text=text, file=file, row=row, column=column, own=own)
        if column:
            self._check_cell(person, release, file, row, column)
        comment = ReviewComment(
            release=release.id,
            turn=release.turn,
            author=person.name,
            number=0,
            text=text.strip(),
            file=file,
            row=row,
            column=column,
        )
        # What was written, and about which cell, stays off the log: the log has readers too.
        event = Event(person.name, "release.commented", f"release:{release.id}", _facts(comment))
        return self.store.review_comments.add(comment, event=event)

    def void(self, person: Person, release_id: int, number: int, *, reason: str) -> ReviewComment:
        """One's own comment counts no more. It stays, with the reason.

        Args:
            number: among those of this person.
        """
        release = self._reviewed(person, release_id)
        own = {c.number: c for c in self.store.review_comments.of(release.id) if c.author == person.name}
        comment = rule.check_void(release, own.get(number), reason)
        event = Event(
            person.name,
            "release.comment_voided",
            f"release:{release.id}",
            {"comment": comment.number, **_facts(comment)},
        )
        self.store.review_comments.void(comment, reason=reason.strip(), event=event)
        return replace(comment, voided=reason.strip())

    def _reviewed(self, person: Person, release_id: int) -> Release:
        self.views.release(person, release_id)  # decides whether this person may see it at all
        release = self.store.releases.get(release_id)
        if release is None:
            raise NotFound(f"There is no request {release_id}.")
        rule.check_may_comment(
            release,
            person,
            pool=published(self.store, release.dataset).policy.release.pool,
            project_members=self.store.access.members_of(release.project),
        )
        return release

    def _check_cell(self, person: Person, release: Release, file: str, row: int | None, column: str) -> None:
        table = self.see.preview(person, release.id, file).table
        if table is None or column not in table.columns or not 0 <= (row or 0) < max(len(table.rows), 1):
            raise BadInput(
                "There is no such cell.",
                where="cell",
                fix="Choose a column of the table, and one of its rows.",
            )


def _facts(comment: ReviewComment) -> dict[str, Fact]:
    return {"turn": comment.turn, "file": comment.file}
