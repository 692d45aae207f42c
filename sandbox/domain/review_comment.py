"""What reviewers write beside a request: about a cell, a column, a file, or all files together.

- Written by who may review the request, while it waits for votes; never deleted: its author may void it, and says why.
- Nobody sees another's before the votes of that turn are in. Comments are numbered for each author apart, and change
  no version: neither a number nor a refused vote tells that somebody else wrote.
- The requester, and their project, read them then, without names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.release import WAITING, Release, may_review, votes_are_in

MAX_LENGTH = 2000  # characters
MAX_COMMENTS = 200  # of one person on one request
SOMEBODY = "a reviewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewComment:
    """One comment.

    Attributes:
        number: from 1, for each author of a request apart.
        file: what it is about; empty: all files of the request together.
        row: 0-based data row of the cell; None: the whole column, or the file.
        column: of the cell; empty: the whole file.
        voided: why it counts no more; it is kept all the same.
    """

    release: int
    turn: int
    author: str
    number: int
    text: str
    file: str = ""
    row: int | None = None
    column: str = ""
    written_at: str = ""
    voided: str = ""

    @property
    def place(self) -> str:
        """``row 3, column n``, as findings say it; empty for a whole file."""
        if not self.column:
            return ""
        return f"column {self.column}" if self.row is None else f"row {self.row + 1}, column {self.column}"


def check_may_comment(
    release: Release, person: Person, *, pool: Sequence[str], project_members: Sequence[str]
) -> None:
    """Raise unless this person may write beside this request now."""
    if not person.has(Role.REVIEWER) or not may_review(
        person.name, release, pool=pool, project_members=project_members
    ):
        raise NotAllowed("Only its independent reviewers comment on a request.", clause="reviewer pool")
    if release.status not in WAITING:
        raise Conflict(
            f"Request {release.id} does not wait for votes: it is {str(release.status).replace('_', ' ')}.",
            fix="Comments are written while a request waits for its reviewers.",
        )


def may_comment(
    release: Release, person: Person, *, pool: Sequence[str], project_members: Sequence[str]
) -> bool:
    """``check_may_comment`` as yes or no."""
    try:
        check_may_comment(release, person, pool=pool, project_members=project_members)
    except (NotAllowed, Conflict):
        return False
    return True


def check_comment(
    release: Release, *, text: str, file: str, row: int | None, column: str, own: Sequence[ReviewComment]
) -> None:
    """Raise unless it says something about something that is there.

    Args:
        own: what this person wrote beside the request already.
    """
    if not 2 <= len(text.strip()) <= MAX_LENGTH:
        raise BadInput(
            f"A comment has 2 to {MAX_LENGTH} characters.",
            where="text",
            fix="Say what you see, in few words.",
        )
    if file and file not in {f.name for f in release.files}:
        raise BadInput(f"The request has no file {file!r}.", where="file", fix="Choose one of its files.")
    if (column or row is not None) and not file:
        raise BadInput("A cell is in a file.", where="file", fix="Choose the file that the cell is in.")
    if row is not None and not column:
        raise BadInput("A cell has a column.", where="column", fix="Name the column, or leave the row out.")
    if len(own) >= MAX_COMMENTS:
        raise BadInput(
            f"You have written {MAX_COMMENTS} comments on this request.",
            where="text",
            fix="Say the rest in the comment of your vote.",
        )


def may_void(release: Release, comment: ReviewComment, person: Person) -> bool:
    """Whether a comment is this person's to void now."""
    own = comment.author == person.name and comment.number > 0
    return own and not comment.voided and comment.turn == release.turn and release.status in WAITING


def check_void(release: Release, comment: ReviewComment | None, reason: str) -> ReviewComment:
    """The comment, when its author may void it now."""
    if comment is None or comment.turn != release.turn:
        raise BadInput(
            "You have no such comment on this turn.", where="number", fix="Open the request again."
        )
    if comment.voided:
        raise Conflict("You have voided this comment.", fix="Write another one.")
    if not 2 <= len(reason.strip()) <= 200:
        raise BadInput("A voided comment needs a reason of 2 to 200 characters.", where="reason")
    return comment


def visible_comments(
    release: Release,
    comments: Sequence[ReviewComment],
    person: Person,
    *,
    project_members: Sequence[str],
    sealed: bool = False,
) -> tuple[ReviewComment, ...]:
    """Those that this person may see: one's own at once; others' when the votes of their turn are in.

    A turn that is over was decided. One taken back, or held, before it was decided shows nobody another's.

    Args:
        sealed: this person sees nothing of the files, so that no comment tells of a column that they have.
    """
    complete = votes_are_in(release)
    shown = [c for c in comments if c.author == person.name or c.turn < release.turn or complete]
    theirs = person.name == release.requester or person.name in project_members
    if theirs or not person.has(Role.REVIEWER):
        if sealed:
            shown = [replace(c, row=None, column="") for c in shown]
        shown = sorted(
            (replace(c, author=SOMEBODY, number=0, written_at="") for c in shown),
            key=lambda c: (c.turn, c.file, -1 if c.row is None else c.row, c.column, c.text),
        )
    return tuple(shown)
