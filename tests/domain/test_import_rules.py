"""Who may take which step with a request to bring files in."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed, TooLarge, TooOften
from sandbox.domain.import_request import (
    STEPS,
    By,
    ImportedFile,
    ImportRequest,
    ImportState,
    ImportVerb,
    allowed_verbs,
    check_ask,
    check_from_notebook,
    check_import_name,
    check_step,
    decision_reason,
    last_day,
    step,
)
from sandbox.domain.import_terms import ImportTerms
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import Mode

ANA = Person("ana", frozenset({Role.RESEARCHER}))
BEN = Person("ben", frozenset({Role.RESEARCHER}))
OLGA = Person("olga", frozenset({Role.OWNER}))
OSCAR = Person("oscar", frozenset({Role.OWNER}))
ALMA = Person("alma", frozenset({Role.ADMINISTRATOR}))
WHY = "Growth by region, to lie beside the loans."
TERMS = ImportTerms(max_files=3, max_file_mib=1, max_request_mib=2, max_waiting=2)
MIB = 2**20


def request(state: ImportState = ImportState.WAITING, **more: object) -> ImportRequest:
    values: dict[str, object] = {
        "id": 1,
        "grant_id": 1,
        "dataset": "loans",
        "project": "model",
        "requester": "ana",
        "why": WHY,
        "files": (ImportedFile(name="t.csv", sha256="a" * 64, size_bytes=1),),
        "state": state,
        "version": 2,
        "asked_at": "",
    }
    return ImportRequest(**{**values, **more})  # type: ignore[arg-type]


def may(
    person: Person, state: ImportState = ImportState.WAITING, members: tuple[str, ...] = ("ana", "ben")
) -> set[str]:
    return set(allowed_verbs(request(state), person, owner="olga", members=members))


def test_every_state_and_verb_has_its_row_or_is_a_conflict() -> None:
    known = {(row.start, row.verb): row for row in STEPS}
    assert len(known) == len(STEPS)
    for state, verb in product(ImportState, ImportVerb):
        if (state, verb) in known:
            assert step(state, verb) is known[state, verb]
        else:
            with pytest.raises(Conflict):
                step(state, verb)


def test_every_step_has_an_event_of_its_own_and_every_state_is_reached() -> None:
    assert len({row.event for row in STEPS}) == len(STEPS)
    assert {row.end for row in STEPS} | {ImportState.CHECKING} == set(ImportState)


def test_the_owner_and_administrators_decide() -> None:
    for person in (OLGA, ALMA):
        assert may(person) == {"let_in", "refuse"}
        assert may(person, ImportState.LET_IN) == {"remove"}
    for person in (OSCAR, BEN):
        assert may(person) == set()
        assert may(person, ImportState.LET_IN) == set()


def test_who_asked_takes_it_back_and_decides_nothing_whatever_their_roles() -> None:
    everything = Person("ana", frozenset(Role))
    assert may(ANA) == may(everything) == {"withdraw"}
    assert may(ANA, ImportState.LET_IN) == {"remove"}
    with pytest.raises(NotAllowed) as refused:
        check_step(request(), ImportVerb.LET_IN, everything, owner="ana", members=())
    assert refused.value.clause == "separation of duties"


def test_nobody_of_the_project_decides() -> None:
    assert may(OLGA, members=("ana", "olga")) == set()
    assert may(ALMA, members=("ana", "alma")) == set()
    assert may(OLGA, members=("ana",)) == {"let_in", "refuse"}  # the control


def test_a_closed_account_takes_no_step() -> None:
    for person in (OLGA, ALMA, ANA):
        closed = Person(person.name, person.roles, active=False)
        assert may(closed) == set()


def test_no_person_takes_a_step_of_the_platform() -> None:
    for row in (row for row in STEPS if row.by is By.PLATFORM):
        for person in (ANA, OLGA, ALMA):
            with pytest.raises(NotAllowed):
                check_step(request(row.start), row.verb, person, owner="olga", members=())


def test_a_room_asks_for_nothing_from_inside() -> None:
    for mode in Mode:
        if mode is Mode.ROOM:
            with pytest.raises(NotAllowed) as refused:
                check_from_notebook(mode)
            assert refused.value.clause == "mode"
        else:
            check_from_notebook(mode)


def test_sizes_and_numbers_have_limits() -> None:
    assert check_ask([("a.csv", MIB), ("b.csv", MIB)], WHY, TERMS, waiting=1, today=29) == WHY
    for files, error in (
        ([], BadInput),
        ([("a.csv", 1)] * 4, BadInput),
        ([("a.csv", 1), ("A.CSV", 1)], BadInput),
        ([("a.csv", MIB + 1)], TooLarge),
        ([("a.csv", MIB), ("b.csv", MIB), ("c.csv", 1)], TooLarge),
    ):
        with pytest.raises(error):
            check_ask(files, WHY, TERMS, waiting=0, today=0)
    with pytest.raises(NotAllowed) as refused:
        check_ask([("a.csv", 1)], WHY, TERMS, waiting=2, today=2)
    assert refused.value.clause == "imports.max_waiting"
    with pytest.raises(TooOften) as refused:
        check_ask([("a.csv", 1)], WHY, TERMS, waiting=0, today=30)
    assert refused.value.clause == "imports.per_day"
    for why in ("too short", "hidden \u202e characters are in this reason", "long " * 500):
        with pytest.raises(BadInput):
            check_ask([("a.csv", 1)], why, TERMS, waiting=0, today=0)


@pytest.mark.parametrize("name", ["a.csv", "numpy-2.0+cpu-cp311-cp311-linux_x86_64.whl", "My study 2.py"])
def test_plain_names_are_taken(name: str) -> None:
    assert check_import_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "../a.csv",
        "a/b.csv",
        "a\\b.csv",
        ".a.csv",
        "a..csv",
        "a.csv ",
        "-rf.csv",
        "a\0.csv",
        "ä.csv",
        "x" * 151,
    ],
)
def test_others_are_not(name: str) -> None:
    with pytest.raises(BadInput):
        check_import_name(name)


def test_a_no_needs_a_reason_and_a_yes_does_not() -> None:
    assert decision_reason(ImportVerb.LET_IN, "") == ""
    for verb in (ImportVerb.REFUSE, ImportVerb.REMOVE):
        with pytest.raises(BadInput):
            decision_reason(verb, "no")


def test_it_ends_on_its_last_day() -> None:
    today = date(2026, 1, 5)
    assert last_day(None, today=today) is None
    until = last_day(2, today=today)
    assert until == date(2026, 1, 7)
    let_in = request(ImportState.LET_IN, until=until)
    assert let_in.there_on(date(2026, 1, 7))
    assert not let_in.there_on(date(2026, 1, 8))
    assert not request(ImportState.REMOVED).there_on(today)
    for days in (0, -1, 3651):
        with pytest.raises(BadInput):
            last_day(days, today=today)


def test_the_seal_covers_whatever_decides() -> None:
    base = request(decided_by="olga", until=date(2026, 1, 7))
    others = (
        request(decided_by="olga", until=date(2026, 1, 8)),
        request(decided_by="alma", until=date(2026, 1, 7)),
        request(decided_by="olga", until=date(2026, 1, 7), project="other"),
        request(decided_by="olga", until=date(2026, 1, 7), dataset="other"),
        request(decided_by="olga", until=date(2026, 1, 7), id=2),
        request(
            decided_by="olga",
            until=date(2026, 1, 7),
            files=(ImportedFile(name="t.csv", sha256="b" * 64, size_bytes=1),),
        ),
        request(
            decided_by="olga",
            until=date(2026, 1, 7),
            files=(ImportedFile(name="u.csv", sha256="a" * 64, size_bytes=1),),
        ),
    )
    assert len({base.sealed_bytes, *(o.sealed_bytes for o in others)}) == 1 + len(others)
