"""The objection's state machine, every pair; what suspends at once; what evidence may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed, TooLarge
from sandbox.domain.evidence_file import EvidenceKind, kind_of, kinds_of
from sandbox.domain.objection import (
    OF_RIGHTS,
    OPEN,
    STEPS,
    Actor,
    Effect,
    Kind,
    Lately,
    Objection,
    ObjectorContact,
    Scope,
    State,
    Verb,
    allowed_verbs,
    check_answer,
    check_by_hand,
    check_column_alone,
    check_corrected,
    check_objection,
    decides,
    step,
    suspends_at_once,
    suspension_of,
)
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    ObjectionTerms,
    OpenClass,
    Table,
    Unit,
)
from sandbox.domain.suspension import PUBLIC, Suspension

POLICY = DatasetPolicy(
    name="loans",
    title="Loans",
    open_class=OpenClass.CONDITIONAL,
    provider="A bank",
    source="A bank",
    licence="On conditions",
    owner="olga",
    unit=Unit(column="id", noun="applicant"),
    tables={
        "loans": Table(
            max_rows=10, columns={n: Column(type=ColumnType.INTEGER) for n in ("id", "age", "amount")}
        )
    },
    budget=BudgetTerms(epsilon="1"),
)
OLGA = Person("olga", frozenset({Role.OWNER}))
OSCAR = Person("oscar", frozenset({Role.OWNER}))
ALMA = Person("alma", frozenset({Role.ADMINISTRATOR}))
ANA = Person("ana", frozenset({Role.RESEARCHER}))
MADE = Objection(
    id=7,
    dataset="loans",
    kind=Kind.PRIVACY,
    scope=Scope.DATASET,
    text="These rows are about me.",
    received_at="2026-11-26T09:00:00.000000+00:00",
)


@pytest.mark.parametrize(("state", "verb", "scope"), list(product(State, Verb, Scope)))
def test_every_pair_is_in_the_table_once_or_refused_and_each_side_has_its_own_verbs(
    state: State, verb: Verb, scope: Scope
) -> None:
    objection = replace(MADE, state=state, scope=scope)
    rows = [row for row in STEPS if row.start is state and row.verb is verb]
    assert len(rows) <= 1
    fits = {Verb.WITHHOLD: scope is Scope.UNIT, Verb.CORRECT: scope is not Scope.UNIT}.get(verb, True)
    for person in (OLGA, ALMA, OSCAR, ANA, None):
        plays = Actor.OBJECTOR if person is None else Actor.DECIDER if person in (OLGA, ALMA) else None
        may = bool(rows) and fits and rows[0].actor is plays
        assert (verb in allowed_verbs(objection, POLICY, person)) is may
        if may:
            assert step(objection, verb, POLICY, person) is rows[0]
        else:
            with pytest.raises((Conflict, NotAllowed)):
                step(objection, verb, POLICY, person)


def test_what_is_decided_stays_decided_but_for_what_was_upheld() -> None:
    over = set(State) - OPEN - {State.UPHELD_WITHDRAWN}
    assert not [row for row in STEPS if row.start in over]
    upheld = {row.verb for row in STEPS if row.start is State.UPHELD_WITHDRAWN}
    assert upheld == {Verb.CORRECT, Verb.WITHHOLD}


def test_every_way_out_says_what_becomes_of_the_suspension() -> None:
    """Data never stay suspended by something that is over, and never go on by something that is right."""
    for row in STEPS:
        ends = row.effect in (Effect.ENDS, Effect.ENDS_AT_ONCE)
        assert ends == (row.end not in OPEN | {State.UPHELD_WITHDRAWN}), row
    assert {row.effect for row in STEPS if row.verb is Verb.UPHOLD} == {Effect.BEGINS}


def test_a_verb_that_does_not_exist_is_refused() -> None:
    with pytest.raises(Conflict):
        step(MADE, "delete", POLICY, OLGA)


def test_only_owner_and_administrators_decide() -> None:
    assert [p.name for p in (OLGA, OSCAR, ALMA, ANA) if decides(POLICY, p)] == ["olga", "alma"]
    assert not decides(POLICY, Person("olga", frozenset({Role.RESEARCHER})))  # an owner whose role was taken


def test_the_decision_is_due_after_five_working_days_and_only_while_it_waits() -> None:
    assert MADE.due == date(2026, 12, 3)  # from a Thursday
    assert replace(MADE, state=State.DISMISSED).due is None


QUIET = Lately(at_once=0, abuse=False, own_abuse=False)


@pytest.mark.parametrize(
    ("kind", "named", "lately", "at_once"),
    [
        (Kind.PRIVACY, False, QUIET, True),
        (Kind.TRADE_SECRET, False, QUIET, True),
        (Kind.ERROR, False, QUIET, False),
        (Kind.OTHER, True, QUIET, False),
        (Kind.PRIVACY, False, replace(QUIET, at_once=2), True),
        (Kind.PRIVACY, False, replace(QUIET, at_once=3), False),  # the fourth of a day is looked at first
        (Kind.PRIVACY, True, replace(QUIET, at_once=3), False),
        (Kind.PRIVACY, False, replace(QUIET, abuse=True), False),
        (Kind.PRIVACY, True, replace(QUIET, abuse=True), True),  # others' abuse does not silence an account
        (Kind.PRIVACY, True, replace(QUIET, abuse=True, own_abuse=True), False),  # its own does
    ],
)
def test_what_suspends_before_anybody_looked(kind: Kind, named: bool, lately: Lately, at_once: bool) -> None:
    assert suspends_at_once(kind, named=named, lately=lately, terms=ObjectionTerms()) is at_once


def checked(**more: object) -> None:
    given = {"scope": Scope.DATASET, "text": "These rows are about me.", "contact": ObjectorContact()}
    check_objection(POLICY, **{**given, **more})  # type: ignore[arg-type]


def test_an_objection_in_plain_words_is_taken() -> None:
    checked()
    checked(scope=Scope.COLUMN, table="loans", column="age")
    checked(scope=Scope.UNIT, unit="17", contact=ObjectorContact(name="Zoë", contact="zoe@example.org"))


@pytest.mark.parametrize(
    ("where", "more"),
    [
        ("text", {"text": "short"}),
        ("text", {"text": "x" * 4001}),
        ("text", {"text": "These rows are about me\u202e, reversed."}),
        ("name", {"contact": ObjectorContact(name="x" * 201)}),
        ("contact", {"contact": ObjectorContact(contact="zoe\u200b@example.org")}),
        ("column", {"scope": Scope.COLUMN}),
        ("column", {"scope": Scope.COLUMN, "table": "loans", "column": "salary"}),
        ("column", {"scope": Scope.COLUMN, "table": "loans", "column": "id"}),  # every question needs it
        ("scope", {"table": "loans", "column": "age"}),
        ("scope", {"unit": "17"}),
        ("unit", {"scope": Scope.UNIT}),
        ("unit", {"scope": Scope.UNIT, "unit": "1" * 201}),
    ],
)
def test_what_cannot_be_an_objection_says_where(where: str, more: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        checked(**more)
    assert caught.value.where == where


def test_units_are_objected_to_only_where_there_are_some() -> None:
    public = replace(POLICY, open_class=OpenClass.UNCONDITIONAL, unit=None, budget=None)
    with pytest.raises(BadInput):
        check_objection(public, scope=Scope.UNIT, text="x" * 30, unit="1", contact=ObjectorContact())


def test_every_decision_needs_an_answer_that_the_objector_reads() -> None:
    assert check_answer(Verb.LOOK, "") == ""
    for verb in set(Verb) - {Verb.LOOK, Verb.WITHDRAW}:
        with pytest.raises(BadInput):
            check_answer(verb, "no")
        assert check_answer(verb, "  It is not about you. ") == "It is not about you."


def test_nothing_counts_as_corrected_before_a_new_version() -> None:
    with pytest.raises(Conflict):
        check_corrected(replace(MADE, data_version=3), 3)
    check_corrected(replace(MADE, data_version=3), 4)


@pytest.mark.parametrize("state", [None, *State])
def test_by_hand_nobody_ends_what_an_open_or_upheld_objection_suspends(state: State | None) -> None:
    held = Suspension(dataset="loans", objection=7)
    if state in OPEN or state is State.UPHELD_WITHDRAWN:
        with pytest.raises(NotAllowed) as caught:
            check_by_hand(held, state)
        assert caught.value.clause == "objection"
    else:
        check_by_hand(held, state)


def test_what_everybody_reads_of_a_suspension_is_its_kind_alone() -> None:
    private = replace(MADE, text="My name is Zoë Zimmer.", scope=Scope.UNIT, unit_file="secret.txt")
    said = suspension_of(private, POLICY, made_by=PUBLIC)
    assert said.whole  # a unit stops all of it until it is decided
    assert said.reason == "Somebody objected: privacy."
    assert {Kind.PRIVACY, Kind.TRADE_SECRET} == OF_RIGHTS


def test_of_what_is_handed_out_as_whole_files_a_column_stops_all() -> None:
    public = replace(POLICY, open_class=OpenClass.UNCONDITIONAL, unit=None, budget=None)
    about_age = replace(MADE, scope=Scope.COLUMN, table="loans", column="age")
    assert not suspension_of(about_age, POLICY, made_by=PUBLIC).whole
    assert suspension_of(about_age, public, made_by=PUBLIC).whole
    check_column_alone(POLICY, "loans", "age")
    with pytest.raises(BadInput):
        check_column_alone(public, "loans", "age")


# evidence


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 ...", EvidenceKind.PDF),
        (b"\x89PNG\r\n\x1a\n...", EvidenceKind.PNG),
        (b"\xff\xd8\xff\xe0...", EvidenceKind.JPEG),
        ("a;b\n1;2\näöü\n".encode(), EvidenceKind.TEXT),
        (b"\xef\xbb\xbfwith a mark", EvidenceKind.TEXT),
        (b"<script>alert(1)</script>", EvidenceKind.TEXT),  # text is what it is: it is never shown as a page
    ],
)
def test_evidence_is_told_by_its_bytes(content: bytes, kind: EvidenceKind) -> None:
    assert kind_of(content, place="Evidence 1") is kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"MZ\x90\x00\x03",  # a program
        b"PK\x03\x04\x14\x00",  # an archive, an office file
        b"\x7fELF\x02",
        b"GIF89a\x00",
        b"\xd0\xcf\x11\xe0",  # an old office file
        b"text\x00with a zero",
        b"\x1b[2Jclears a terminal",
        "UTF-16".encode("utf-16"),
    ],
)
def test_what_is_no_evidence_is_refused_whatever_it_calls_itself(content: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        kind_of(content, place="Evidence 1")
    assert caught.value.where == "evidence"


def test_too_many_or_too_large_files_are_refused() -> None:
    assert len(kinds_of([b"a"] * 5, max_files=5, max_bytes=1)) == 5
    with pytest.raises(BadInput):
        kinds_of([b"a"] * 6, max_files=5, max_bytes=1)
    with pytest.raises(TooLarge):
        kinds_of([b"a", b"ab"], max_files=5, max_bytes=1)
