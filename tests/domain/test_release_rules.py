"""The release's state machine and the rules of review, every pair."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.findings import Verdict
from sandbox.domain.people import Person, Role
from sandbox.domain.release import (
    FINAL,
    LIVE,
    TRANSITIONS,
    Decision,
    Release,
    StagedFile,
    Status,
    Verb,
    Vote,
    after_checks,
    after_vote,
    allowed_verbs,
    check_file_name,
    check_resubmission,
    check_vote,
    further_needed,
    lost_votes,
    outcome,
    split_comments,
    transition,
    visible_votes,
    votes_needed,
    votes_told,
)

REVIEWER = frozenset({Role.REVIEWER})
RITA, RAVI, ROSA = (Person(name=n, roles=REVIEWER) for n in ("rita", "ravi", "rosa"))
ANA = Person(name="ana", roles=frozenset({Role.RESEARCHER, Role.REVIEWER}))
POOL = ("rita", "ravi", "ana")
RELEASE = Release(
    id=1,
    grant_id=1,
    dataset="d",
    project="p",
    requester="ana",
    context="c",
    files=(),
    status=Status.SUBMITTED,
    version=2,
    reviewers_needed=2,
)


@pytest.mark.parametrize(("start", "end"), list(product(Status, Status)))
def test_every_pair_of_states_is_joined_as_the_table_says_and_no_vote_is_passed_by(
    start: Status, end: Status
) -> None:
    """What people see of the way: from each state to each other one, by these verbs and no others."""
    verbs = {t.verb for t in TRANSITIONS if (t.start, t.end) == (start, end)}
    if start in LIVE and end is Status.ON_HOLD:
        assert verbs == {Verb.HOLD}
    elif start is Status.ON_HOLD and end in LIVE:
        assert verbs == {Verb.RESUME}
    else:
        assert verbs == JOINED.get((start, end), set())


S, V = Status, Verb
JOINED = {
    (S.CHECKING, S.BLOCKED): {V.BLOCK},
    (S.CHECKING, S.SUBMITTED): {V.PASS_CHECKS},
    (S.CHECKING, S.APPROVED): {V.FAST_LANE},
    (S.SUBMITTED, S.PARTIALLY_REVIEWED): {V.VOTE},
    (S.PARTIALLY_REVIEWED, S.PARTIALLY_REVIEWED): {V.VOTE, V.VOID_VOTE, V.ASK_FURTHER},
    (S.PARTIALLY_REVIEWED, S.REVIEWED): {V.COMPLETE},
    (S.REVIEWED, S.APPROVED): {V.APPROVE},
    (S.REVIEWED, S.RETURNED): {V.RETURN},
    (S.REVIEWED, S.REJECTED): {V.REJECT},
    (S.REVIEWED, S.PLANTED): {V.UNVEIL},
    (S.BLOCKED, S.CHECKING): {V.RESUBMIT},
    (S.RETURNED, S.CHECKING): {V.RESUBMIT},
    (S.APPROVED, S.RELEASED): {V.RELEASE},
    (S.RELEASED, S.SUPERSEDED): {V.SUPERSEDE},
    (S.RELEASED, S.RECALLED): {V.RECALL},
    (S.SUPERSEDED, S.RECALLED): {V.RECALL},
    **{(s, S.WITHDRAWN): {V.WITHDRAW} for s in (S.BLOCKED, S.SUBMITTED, S.PARTIALLY_REVIEWED, S.RETURNED)},
}


@pytest.mark.parametrize(("status", "verb"), list(product(Status, Verb)))
def test_every_pair_is_in_the_table_once_or_refused(status: Status, verb: Verb) -> None:
    rows = [t for t in TRANSITIONS if t.start is status and t.verb is verb]
    if verb is Verb.RESUME and rows:  # one for each state that it may have been held in
        assert sorted(row.end for row in rows) == sorted(LIVE)
        assert [transition(status, verb, held_from=row.end) for row in rows] == rows
        with pytest.raises(Conflict):
            transition(status, verb)
    elif rows:
        assert len(rows) == 1
        assert transition(status, verb) is rows[0]
    else:
        with pytest.raises(Conflict):
            transition(status, verb)


def test_nothing_leaves_a_final_state_and_every_other_state_can_be_reached_and_left() -> None:
    assert not [t for t in TRANSITIONS if t.start in FINAL]
    assert {t.start for t in TRANSITIONS} == set(Status) - FINAL
    assert {t.end for t in TRANSITIONS} | {Status.CHECKING} == set(Status)


def test_only_approval_leads_out() -> None:
    assert [t.start for t in TRANSITIONS if t.end is Status.RELEASED] == [Status.APPROVED]
    leads = [(t.start, t.verb) for t in TRANSITIONS if t.end is Status.APPROVED]
    assert leads == [
        (Status.CHECKING, Verb.FAST_LANE),
        (Status.REVIEWED, Verb.APPROVE),
        (Status.ON_HOLD, Verb.RESUME),
    ]


def test_what_is_held_goes_back_to_where_it_was_and_nowhere_else() -> None:
    """Each live state can be held; holding and letting go leads in a circle, of which no part leads out."""
    assert {t.start for t in TRANSITIONS if t.verb is Verb.HOLD} == LIVE
    assert {t.verb for t in TRANSITIONS if t.start is Status.ON_HOLD} == {Verb.RESUME}
    for live in LIVE:
        held = transition(live, Verb.HOLD)
        assert transition(held.end, Verb.RESUME, held_from=live).end is live
    with pytest.raises(Conflict):
        transition(Status.ON_HOLD, Verb.RESUME, held_from=Status.RELEASED)


def vote(
    release: Release,
    person: Person,
    *,
    members: tuple[str, ...] = (),
    comment: str = "fine",
    decision: Decision = Decision.APPROVE,
) -> None:
    check_vote(release, person, pool=POOL, project_members=members, comment=comment, decision=decision)


def test_a_reviewer_of_the_pool_may_vote() -> None:
    vote(RELEASE, RITA)  # the positive control of the refusals below


@pytest.mark.parametrize(
    ("person", "members", "clause"),
    [
        (ANA, (), "reviewer is not the requester"),
        (RITA, ("rita",), "reviewer is not on the project"),
        (ROSA, (), "reviewer pool"),
        (Person(name="rita", roles=frozenset({Role.OWNER})), (), "role"),
    ],
)
def test_who_may_not_vote(person: Person, members: tuple[str, ...], clause: str) -> None:
    with pytest.raises(NotAllowed) as caught:
        vote(RELEASE, person, members=members)
    assert caught.value.clause == clause


def test_nobody_votes_twice_or_sends_back_without_a_reason() -> None:
    voted = replace(RELEASE, votes=(Vote(reviewer="rita", decision=Decision.APPROVE, comment=""),))
    with pytest.raises(Conflict):
        vote(voted, RITA)
    with pytest.raises(BadInput):
        vote(RELEASE, RITA, decision=Decision.REJECT, comment=" ")


A, R, X = (Vote(reviewer=n, decision=d, comment=n) for n, d in zip("arx", Decision, strict=True))


@pytest.mark.parametrize(
    ("votes", "verb"),
    [
        ((A, A), Verb.APPROVE),
        ((A, R), Verb.RETURN),
        ((R, X), Verb.REJECT),
        ((A, X), Verb.REJECT),
        ((A, X, A), Verb.APPROVE),
        ((A, R, X), Verb.REJECT),
        ((A,), Verb.RETURN),
        ((), Verb.RETURN),
    ],
)
def test_two_approvals_let_out_and_else_the_strictest_vote_stands(
    votes: tuple[Vote, ...], verb: Verb
) -> None:
    assert outcome(votes, 2) is verb


@pytest.mark.parametrize("needed", [1, 2, 3, 4])
def test_one_more_person_decides_just_where_that_can_bring_n_approvals(needed: int) -> None:
    """All sets of votes: without the further one nothing leaves; with it, n approvals are in, or none ever would be."""
    for decisions in product(Decision, repeat=needed):
        votes = [Vote(reviewer=f"r{i}", decision=d, comment="") for i, d in enumerate(decisions)]
        approvals = decisions.count(Decision.APPROVE)
        asked = further_needed(votes, needed)
        assert asked == (needed > 1 and approvals == needed - 1)
        assert (outcome(votes, needed) is Verb.APPROVE) == (approvals == needed)
        if asked:
            assert outcome([*votes, A], needed) is Verb.APPROVE
            assert outcome([*votes, X], needed) is Verb.REJECT


def test_nobody_left_to_ask_leaves_the_stricter_vote() -> None:
    split = replace(RELEASE, status=Status.PARTIALLY_REVIEWED, votes=(A, X))
    assert after_vote(split, others_left=1) is Verb.ASK_FURTHER
    assert after_vote(split, others_left=0) is Verb.COMPLETE
    assert after_vote(replace(split, votes=(A,)), others_left=1) is None
    assert votes_needed(split) == 3


def test_votes_of_those_who_may_not_review_any_more_are_lost() -> None:
    def lost(**now: tuple[str, ...]) -> list[str]:
        known = {"pool": POOL, "project_members": (), "reviewers": ("rita", "ravi", "rosa"), **now}
        return [v.reviewer for v in lost_votes(voted, **known)]

    cast = tuple(Vote(reviewer=n, decision=Decision.APPROVE, comment="") for n in ("rita", "ravi"))
    voted = replace(RELEASE, votes=cast)
    assert lost() == []
    assert lost(pool=("ravi",)) == ["rita"]
    assert lost(project_members=("ravi",)) == ["ravi"]
    assert lost(reviewers=("rita",)) == ["ravi"]


def test_a_turn_that_changes_nothing_is_refused() -> None:
    files = (StagedFile(name="t.csv", sha256="a" * 64, size_bytes=1),)
    before = replace(RELEASE, files=files, context="what it is")
    with pytest.raises(BadInput):
        check_resubmission(before, files, " what it is ")
    check_resubmission(before, files, "what it is about")
    check_resubmission(before, (replace(files[0], sha256="b" * 64),), "what it is")


def test_votes_are_hidden_until_the_last_is_in() -> None:
    first = Vote(reviewer="rita", decision=Decision.APPROVE, comment="looks fine")
    second = Vote(reviewer="ravi", decision=Decision.RETURN, comment="merge two rows")
    half = replace(RELEASE, votes=(first,), status=Status.PARTIALLY_REVIEWED)
    assert visible_votes(half, RAVI) == ()
    assert visible_votes(half, RITA) == (first,)
    assert visible_votes(half, ANA) == ()
    for stopped in (
        replace(half, status=Status.WITHDRAWN),
        replace(half, status=Status.ON_HOLD, held_from=Status.PARTIALLY_REVIEWED),
    ):
        assert visible_votes(stopped, ANA) == ()  # taking it back, or a hold, shows none of them
        assert visible_votes(stopped, RAVI) == ()
    split = replace(half, votes=(first, second))
    assert visible_votes(split, ROSA) == ()
    assert split_comments(split, ROSA) == ("looks fine", "merge two rows")
    assert split_comments(split, RITA) == split_comments(split, ANA) == ()
    for stopped in (
        replace(split, status=Status.WITHDRAWN),  # one that split, before anybody decided it
        replace(split, status=Status.ON_HOLD, held_from=Status.PARTIALLY_REVIEWED),
    ):
        for person in (ANA, ROSA):
            assert visible_votes(stopped, person) == ()
    assert votes_told(split, deciding=True) == (2, 3)
    assert votes_told(split, deciding=False) == votes_told(half, deciding=False) == (1, 2)  # no split is told
    full = replace(
        RELEASE,
        votes=(first, second),
        status=Status.RETURNED,
        decided_at="2025-03-10T09:30:00.000000+00:00",
    )
    assert votes_told(full, deciding=False) == (2, 2)
    assert visible_votes(full, RAVI) == (first, second)
    seen = visible_votes(full, ANA)
    assert {v.comment for v in seen} == {"looks fine", "merge two rows"}
    assert not {v.reviewer for v in seen} & {"rita", "ravi"}


def test_actions_follow_the_rules() -> None:
    def actions(release: Release, person: Person) -> tuple[str, ...]:
        return allowed_verbs(release, person, pool=POOL, project_members=("ana",))

    assert actions(RELEASE, RITA) == (Verb.VOTE,)
    assert actions(RELEASE, ANA) == (Verb.WITHDRAW,)
    returned = replace(RELEASE, status=Status.RETURNED)
    assert set(actions(returned, ANA)) == {Verb.WITHDRAW, Verb.RESUBMIT}
    assert allowed_verbs(returned, ANA, pool=POOL, project_members=("ana",), by_job=True) == (Verb.WITHDRAW,)
    assert actions(replace(RELEASE, status=Status.SUPERSEDED), ANA) == ("download",)
    assert actions(replace(RELEASE, status=Status.RELEASED), ANA) == ("download",)
    assert actions(replace(RELEASE, status=Status.RELEASED), RITA) == ()


@pytest.mark.parametrize(
    ("verdict", "verb"),
    [(Verdict.FAIL, Verb.BLOCK), (Verdict.REVIEW, Verb.PASS_CHECKS), (Verdict.PASS, Verb.PASS_CHECKS)],
)
def test_only_a_failed_check_blocks(verdict: Verdict, verb: Verb) -> None:
    assert after_checks(verdict) is verb


@pytest.mark.parametrize(
    "name",
    [
        "../x.csv",
        "a/b.csv",
        "a\\b.csv",
        ".hidden",
        "",
        "a\x00.csv",
        "a..csv",
        "x" * 200,
        "-rf.csv",
        "tab\t.csv",
        "é.csv",
    ],
)
def test_a_name_with_tricks_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        check_file_name(name)


def test_a_plain_name_is_accepted() -> None:
    assert check_file_name("table_2-b.csv") == "table_2-b.csv"
