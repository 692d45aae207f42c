"""Who sees a comment, in every state and by everybody; what may be written."""

from __future__ import annotations

from itertools import product

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.release import WAITING, Decision, Release, StagedFile, Status, Vote
from sandbox.domain.review_comment import (
    MAX_COMMENTS,
    ReviewComment,
    check_comment,
    check_may_comment,
    check_void,
    may_comment,
    visible_comments,
)

RITA, RAVI = (Person(name, frozenset({Role.REVIEWER})) for name in ("rita", "ravi"))
ANA = Person("ana", frozenset({Role.RESEARCHER}))
POOL = ("rita", "ravi", "rosa")


# Where a request can be once its votes decided it. One that is taken back before is not among them.
DECIDED = frozenset(
    {
        Status.RETURNED,
        Status.REJECTED,
        Status.APPROVED,
        Status.RELEASED,
        Status.SUPERSEDED,
        Status.RECALLED,
    }
)


def release(status: Status = Status.SUBMITTED, *, votes: int = 0, turn: int = 1) -> Release:
    cast = tuple(Vote(reviewer=n, decision=Decision.APPROVE, comment="") for n in POOL[1 : 1 + votes])
    return Release(
        id=7,
        grant_id=1,
        dataset="loans",
        project="p",
        requester="ana",
        context="c",
        files=(StagedFile(name="t.csv", sha256="0" * 64, size_bytes=3),),
        status=status,
        version=1,
        reviewers_needed=2,
        votes=cast,
        turn=turn,
        held_from=Status.SUBMITTED if status is Status.ON_HOLD else None,
        decided_at="2025-03-10T10:00:00.000000+00:00" if votes == 2 and status in DECIDED else "",
    )


def comment(author: str, *, turn: int = 1, number: int = 1) -> ReviewComment:
    return ReviewComment(
        release=7,
        turn=turn,
        author=author,
        number=number,
        text=f"by {author}",
        file="t.csv",
        row=2,
        column="n",
        written_at="2025-03-10T09:30:00.000000+00:00",
    )


@pytest.mark.parametrize(("status", "votes"), list(product(Status, (0, 1, 2))))
def test_nobody_sees_anothers_before_the_votes_are_in(status: Status, votes: int) -> None:
    now = release(status, votes=votes)
    both = (comment("rita"), comment("ravi"))
    seen = visible_comments(now, both, RITA, project_members=("ana",))
    decided = status in DECIDED and votes == 2
    assert {c.author for c in seen} == ({"rita", "ravi"} if decided else {"rita"})
    theirs = visible_comments(now, both, ANA, project_members=("ana",))
    assert len(theirs) == (2 if decided else 0)
    assert {(c.author, c.number, c.written_at) for c in theirs} <= {("a reviewer", 0, "")}


def test_comments_of_an_earlier_turn_are_open_and_of_this_one_are_not() -> None:
    found = (comment("ravi", turn=1), comment("ravi", turn=2, number=2))
    seen = visible_comments(release(turn=2), found, RITA, project_members=("ana",))
    assert [c.turn for c in seen] == [1]


def test_a_reviewer_on_the_project_reads_as_its_requester_does() -> None:
    now = release(Status.RETURNED, votes=2)
    seen = visible_comments(now, (comment("rosa"),), RAVI, project_members=("ana", "ravi"))
    assert [c.author for c in seen] == ["a reviewer"]


def test_of_sealed_files_no_column_is_told() -> None:
    now = release(Status.RETURNED, votes=2)
    (seen,) = visible_comments(now, (comment("rita"),), ANA, project_members=("ana",), sealed=True)
    assert (seen.row, seen.column, seen.text) == (None, "", "by rita")


def test_only_independent_reviewers_write_and_only_while_it_waits() -> None:
    for person, members in ((ANA, ("ana",)), (RITA, ("ana", "rita"))):
        with pytest.raises(NotAllowed):
            check_may_comment(release(), person, pool=POOL, project_members=members)
    with pytest.raises(NotAllowed):
        check_may_comment(release(), RITA, pool=("ravi",), project_members=("ana",))
    for status in Status:
        allowed = may_comment(release(status), RITA, pool=POOL, project_members=("ana",))
        assert allowed == (status in WAITING)


@pytest.mark.parametrize(
    ("where", "more"),
    [
        ("text", {"text": " x "}),
        ("text", {"text": "x" * 2001}),
        ("file", {"file": "other.csv"}),
        ("file", {"column": "n", "file": ""}),
        ("column", {"row": 1}),
    ],
)
def test_a_comment_is_about_something_that_is_there(where: str, more: dict[str, object]) -> None:
    said = {"text": "Too small.", "file": "t.csv", "row": None, "column": "", "own": (), **more}
    with pytest.raises(BadInput) as refused:
        check_comment(release(), **said)  # type: ignore[arg-type]
    assert refused.value.where == where


def test_so_many_are_enough() -> None:
    own = tuple(comment("rita", number=n) for n in range(MAX_COMMENTS))
    with pytest.raises(BadInput):
        check_comment(release(), text="One more.", file="", row=None, column="", own=own)


def test_what_is_voided_stays_voided_and_says_why() -> None:
    with pytest.raises(BadInput):
        check_void(release(), None, "A mistake.")
    with pytest.raises(BadInput):
        check_void(release(), comment("rita"), " ")
    with pytest.raises(BadInput):
        check_void(release(turn=2), comment("rita", turn=1), "A mistake.")
    voided = ReviewComment(release=7, turn=1, author="rita", number=1, text="x", voided="A mistake.")
    with pytest.raises(Conflict):
        check_void(release(), voided, "Again.")
    assert check_void(release(), comment("rita"), "A mistake.").number == 1
