"""Which requests a suspension holds, and what an owner may do with them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.people import Person, Role
from sandbox.domain.release import LIVE, OUT, Release, Status, Verb
from sandbox.domain.release_hold import owner_step, owner_verbs, to_hold, to_resume
from sandbox.domain.suspension import Suspension

RELEASE = Release(
    id=1,
    grant_id=1,
    dataset="loans",
    project="p",
    requester="ana",
    context="c",
    files=(),
    status=Status.SUBMITTED,
    version=2,
    reviewers_needed=2,
)
HELD = replace(RELEASE, status=Status.ON_HOLD, held_from=Status.SUBMITTED)
WHOLE = Suspension(dataset="loans")
AGE = Suspension(dataset="loans", table="loans", column="age")
OLGA = Person("olga", frozenset({Role.OWNER}))
BEN = Person("ben", frozenset({Role.RESEARCHER}))
USES_AGE = {"loans": frozenset({"age", "sex"})}
OTHER = {"loans": frozenset({"sex"}), "visits": frozenset({"age"})}


@pytest.mark.parametrize("status", Status)
def test_only_what_is_live_is_held(status: Status) -> None:
    found = to_hold(replace(RELEASE, status=status), None, [WHOLE])
    assert (found is WHOLE) is (status in LIVE)


@pytest.mark.parametrize(
    ("suspensions", "columns", "held"),
    [
        ([WHOLE], OTHER, True),
        ([AGE], USES_AGE, True),
        ([AGE], OTHER, False),  # the column of another table has the same name
        ([AGE], None, True),  # nobody knows what it is made of
        ([], None, False),
    ],
)
def test_a_column_holds_what_uses_it_or_might(
    suspensions: list[Suspension], columns: dict[str, frozenset[str]] | None, held: bool
) -> None:
    assert (to_hold(RELEASE, columns, suspensions) is not None) is held
    assert to_resume(HELD, columns, suspensions) is not held


def test_what_the_owner_holds_by_hand_no_resumption_lets_go() -> None:
    assert to_resume(HELD, None, [])
    assert not to_resume(replace(HELD, held_by="olga"), None, [])


@pytest.mark.parametrize(("status", "verb"), list(product(Status, (Verb.HOLD, Verb.RESUME, Verb.RECALL))))
def test_every_pair_of_the_owners_verbs(status: Status, verb: Verb) -> None:
    held = Status.SUBMITTED if status is Status.ON_HOLD else None
    release = replace(RELEASE, status=status, held_from=held, held_by="olga" if held else "")
    may = {
        Verb.HOLD: status in LIVE,
        Verb.RESUME: status is Status.ON_HOLD,
        Verb.RECALL: status in OUT,
    }[verb]
    assert (verb in owner_verbs(release, OLGA, owner="olga")) is may
    assert owner_verbs(release, BEN, owner="olga") == ()
    if may:
        assert owner_step(release, verb, OLGA, owner="olga", reason="a reason").start is status
    else:
        with pytest.raises(Conflict):
            owner_step(release, verb, OLGA, owner="olga", reason="a reason")


def test_an_owner_does_not_let_go_of_what_a_suspension_holds() -> None:
    with pytest.raises(NotAllowed) as caught:
        owner_step(HELD, Verb.RESUME, OLGA, owner="olga", reason="")
    assert caught.value.clause == "suspension"


def test_nobody_else_holds_and_nobody_holds_without_a_reason() -> None:
    with pytest.raises(NotAllowed):
        owner_step(RELEASE, Verb.HOLD, BEN, owner="olga", reason="a reason")
    with pytest.raises(BadInput):
        owner_step(RELEASE, Verb.HOLD, OLGA, owner="olga", reason=" ")
