"""Agreement between reviewers, against the worked examples of the literature."""

from __future__ import annotations

import doctest

from sandbox.disclosure import table_difference
from sandbox.domain import rater_agreement as module
from sandbox.domain.rater_agreement import CastTurn, rater_agreement
from sandbox.domain.release import Cause, Decision, Vote, causes

# Fleiss (1971), as it is printed in textbooks: ten subjects, fourteen raters, five categories; kappa is 0.210.
FLEISS = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)


def test_fleiss_kappa_of_the_paper() -> None:
    ballots = []
    for row in FLEISS:
        votes = [str(kind) for kind, n in enumerate(row) for _ in range(n)]
        ballots.append({f"rater {i}": vote for i, vote in enumerate(votes)})
    found = rater_agreement(ballots)
    assert (found.measure, found.kappa, found.raters, found.items) == ("fleiss", 0.21, 14, 10)


def test_cohens_kappa_of_two_readers() -> None:
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    found = rater_agreement([{"a": one, "b": two} for one, two in pairs])
    assert (found.measure, found.kappa, found.observed_percent) == ("cohen", 0.4, 70)


def test_a_pool_in_which_other_pairs_meet_is_rated_by_fleiss() -> None:
    ballots = [{"a": "approve", "b": "approve"}, {"b": "return", "c": "return"}]
    assert rater_agreement(ballots).measure == "fleiss"
    assert rater_agreement(ballots).kappa == 1.0


def test_nothing_is_said_where_nothing_can_be() -> None:
    assert rater_agreement([]).kappa is None
    assert rater_agreement([{"a": "approve"}]).items == 0
    always = rater_agreement([{"a": "approve", "b": "approve"}] * 5)
    assert (always.kappa, always.observed_percent) == (None, 100)  # as by chance, where nobody ever says no


def test_who_broke_a_tie_had_read_the_others_and_does_not_count() -> None:
    cast = (
        Vote(reviewer="a", decision=Decision.APPROVE, comment=""),
        Vote(reviewer="b", decision=Decision.RETURN, comment="x", cause=Cause.CONTEXT),
        Vote(reviewer="c", decision=Decision.RETURN, comment="y"),
    )
    assert CastTurn(votes=cast, blind=2).ballot == {"a": "approve", "b": "return"}
    assert causes(cast) == {"missing_context": 1, "not_said": 1}


def test_the_examples_hold() -> None:
    for one in (module, table_difference):
        result = doctest.testmod(one)
        assert (result.failed, result.attempted > 0) == (0, True)
