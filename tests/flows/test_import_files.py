"""A file's way in, on a real store and a real folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, Tampered, TooLarge, TooOften
from sandbox.domain.import_request import ImportRequest, ImportState
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import Mode
from sandbox.flows.import_files import ImportFiles
from tests.flows.conftest import ALMA
from tests.wheels import CODE, wheel

TABLE = b"region,rate\nnorth,0.1\nsouth,0.2\n"
WHY = "Growth by region, to lie beside the loans."


def importing(world: Any) -> ImportFiles:
    found: ImportFiles = world.sandbox.import_files
    return found


def asked(world: Any, *files: tuple[str, bytes], **more: Any) -> ImportRequest:
    return importing(world).ask(
        world.person("ana"), world.grant, files=files or (("regions.csv", TABLE),), why=WHY, **more
    )


def let_in(world: Any, *files: tuple[str, bytes], **more: Any) -> ImportRequest:
    request = asked(world, *files)
    assert request.state is ImportState.WAITING, world.sandbox.store.imports.findings(request.id)
    return importing(world).let_in(world.person("olga"), request.id, version=request.version, **more)


def seen(world: Any) -> dict[str, bytes]:
    place = importing(world).folder(world.grant)
    if place is None:
        return {}
    return {p.relative_to(place).as_posix(): p.read_bytes() for p in place.rglob("*") if p.is_file()}


def test_what_was_let_in_is_seen_and_nothing_before(world: Any) -> None:
    request = asked(world)
    assert request.state is ImportState.WAITING
    assert seen(world) == {}
    importing(world).let_in(world.person("olga"), request.id, version=request.version)
    assert seen(world) == {"files/regions.csv": TABLE}
    assert [a for a in world.actions() if a.startswith("import.")] == [
        "import.asked",
        "import.checked",
        "import.let_in",
    ]
    world.sandbox.store.log.verify()


def test_a_package_is_unpacked_where_python_looks(world: Any) -> None:
    let_in(world, wheel(), ("study.py", b"import kind_words\n"))
    found = seen(world)
    assert found["python/kind_words/__init__.py"] == CODE["kind_words/__init__.py"]
    assert "python/kind_words-1.0.dist-info/METADATA" in found
    assert found["files/study.py"] == b"import kind_words\n"


def test_what_the_checks_refuse_nobody_can_let_in(world: Any) -> None:
    request = asked(world, ("regions.csv", b"\x7fELF\0"), ("fine.csv", TABLE))
    assert request.state is ImportState.REFUSED
    assert request.decided_by == ""
    with pytest.raises(Conflict):
        importing(world).let_in(world.person("olga"), request.id, version=request.version)
    assert "import.blocked" in world.actions()


def test_removal_and_the_last_day_take_effect_at_the_next_opening(world: Any, clock: list[datetime]) -> None:
    first = let_in(world)
    second = let_in(world, ("other.csv", TABLE), days=2)
    running = importing(world).folder(world.grant)
    importing(world).remove(world.person("olga"), first.id, reason="It named people after all.")
    assert set(seen(world)) == {"files/other.csv"}
    assert running is not None
    assert (running / "files" / "regions.csv").read_bytes() == TABLE  # what runs keeps what it saw
    clock[0] += timedelta(days=2)
    assert importing(world).expire() == ()
    assert set(seen(world)) == {"files/other.csv"}
    clock[0] += timedelta(days=1)
    assert seen(world) == {}
    assert importing(world).expire() == (second.id,)
    assert importing(world).expire() == ()
    assert world.sandbox.store.imports.get(second.id).state is ImportState.EXPIRED


def test_another_project_sees_nothing_of_it(world: Any) -> None:
    let_in(world)
    other = world.granted(project="other", name="ben")
    assert importing(world).folder(other) is None
    mate = world.granted(name="ben")  # the same project
    assert importing(world).folder(mate) == importing(world).folder(world.grant)


# --- who decides


def test_nobody_decides_their_own_request(world: Any) -> None:
    request = asked(world)
    powerful = Person("ana", frozenset(Role))
    for step in (importing(world).let_in, importing(world).refuse):
        with pytest.raises(NotAllowed) as refused:
            step(powerful, request.id, version=request.version, reason="Because I say so.")
        assert refused.value.clause == "separation of duties"
    assert world.actions().count("import.denied") == 2
    assert importing(world).let_in(ALMA, request.id, version=request.version).state is ImportState.LET_IN


def test_nobody_of_the_project_decides_also_not_an_administrator(world: Any) -> None:
    world.granted(name="ben")
    request = asked(world)
    ben = Person("ben", frozenset({Role.ADMINISTRATOR}))
    with pytest.raises(NotAllowed) as refused:
        importing(world).let_in(ben, request.id, version=request.version)
    assert refused.value.clause == "separation of duties"


@pytest.mark.parametrize("name", ["rita", "ada", "ben"])
def test_for_others_there_is_no_such_request(world: Any, name: str) -> None:
    request = asked(world)
    for step in ("let_in", "refuse", "withdraw", "remove"):
        arguments = {"version": request.version} if step in ("let_in", "refuse") else {}
        if step in ("refuse", "remove"):
            arguments["reason"] = "No reason at all."
        with pytest.raises(NotFound):
            getattr(importing(world), step)(world.person(name), request.id, **arguments)
    with pytest.raises(NotFound):
        world.sandbox.import_views.one(world.person(name), request.id)
    assert world.sandbox.import_views.queue(world.person(name)) == ()


def test_what_was_looked_at_is_what_is_decided(world: Any) -> None:
    request = asked(world)
    with pytest.raises(Conflict, match="changed since"):
        importing(world).let_in(world.person("olga"), request.id, version=request.version - 1)
    importing(world).withdraw(world.person("ana"), request.id)
    with pytest.raises(Conflict):
        importing(world).let_in(world.person("olga"), request.id, version=request.version)


# --- asking


def test_a_grant_that_ended_asks_for_nothing(world: Any, clock: list[datetime]) -> None:
    asked(world)  # the control
    clock[0] += timedelta(days=60)
    with pytest.raises(NotAllowed) as refused:
        asked(world)
    assert refused.value.clause == "period"


def test_a_room_asks_for_nothing_from_inside(world: Any) -> None:
    """Its words would be read outside: rows would leave without a reviewer."""
    room = replace(world.grant, mode=Mode.ROOM)
    with pytest.raises(NotAllowed) as refused:
        importing(world).ask(world.person("ana"), room, files=[("r.csv", TABLE)], why=WHY, from_notebook=True)
    assert refused.value.clause == "mode"
    assert "import.denied" in world.actions()
    assert asked(world, from_notebook=True).state is ImportState.WAITING  # the control: mode query


def test_only_so_many_wait(world: Any) -> None:
    for number in range(10):
        asked(world, (f"t{number}.csv", TABLE))
    with pytest.raises(NotAllowed) as refused:
        asked(world)
    assert refused.value.clause == "imports.max_waiting"


def test_only_so_many_are_made_in_a_day_also_of_refused_ones(world: Any, clock: list[datetime]) -> None:
    for _ in range(30):
        assert asked(world, ("bad.csv", b"\0")).state is ImportState.REFUSED
    with pytest.raises(TooOften):
        asked(world)
    clock[0] += timedelta(days=1)
    asked(world)


def test_a_name_that_is_there_does_not_come_in_twice(world: Any) -> None:
    twin = asked(
        world, ("regions.csv", b"region,rate\nnorth,9.9\n")
    )  # both wait, and were checked, before one is in
    same = asked(world)
    let_in(world)
    assert asked(world).state is ImportState.REFUSED
    with pytest.raises(Conflict, match="there twice"):
        importing(world).let_in(world.person("olga"), twin.id, version=twin.version)
    importing(world).let_in(world.person("olga"), same.id, version=same.version)  # the very same bytes may
    assert seen(world) == {"files/regions.csv": TABLE}


def test_a_project_holds_so_much_and_no_more(world: Any) -> None:
    small = replace(
        importing(world),
        entrance=replace(
            importing(world).entrance, terms=replace(importing(world).entrance.terms, max_project_mib=0)
        ),
    )
    request = asked(world)
    with pytest.raises(TooLarge):
        small.let_in(world.person("olga"), request.id, version=request.version)


def test_a_reason_is_needed_for_a_no(world: Any) -> None:
    request = asked(world)
    with pytest.raises(BadInput):
        importing(world).refuse(world.person("olga"), request.id, version=request.version, reason="")
    said = importing(world).refuse(
        world.person("olga"), request.id, version=request.version, reason="Bring it by region, not by person."
    )
    assert (said.state, said.decided_by) == (ImportState.REFUSED, "olga")


# --- files and rows that somebody changed behind the platform's back


def test_a_file_changed_between_request_and_decision_does_not_come_in(world: Any) -> None:
    request = asked(world)
    (file,) = request.files
    path = world.sandbox.settings.vault_dir / file.sha256[:2] / file.sha256[2:]
    path.chmod(0o600)
    path.write_bytes(b"region,rate\nnorth,666\n")
    with pytest.raises(Tampered):
        importing(world).let_in(world.person("olga"), request.id, version=request.version)
    assert world.sandbox.store.imports.get(request.id).state is ImportState.WAITING


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE imports SET state = 'let_in', decided_by = 'olga' WHERE id = 2",
        "UPDATE imports SET project = 'model' WHERE id = 3",
        "UPDATE import_files SET sha256 = (SELECT sha256 FROM import_files WHERE import_id = 2) WHERE import_id = 1",
        "UPDATE import_files SET name = 'study.py' WHERE import_id = 1",
        "UPDATE imports SET until = '2099-01-01' WHERE id = 1",
        "UPDATE imports SET decided_by = 'alma' WHERE id = 1",
    ],
)
def test_a_row_written_by_hand_brings_nothing_in(world: Any, change: str) -> None:
    let_in(world)
    asked(world, ("waiting.csv", b"never,seen\n1,2\n"))
    ben = world.granted(project="other", name="ben")
    theirs = importing(world).ask(world.person("ben"), ben, files=[("theirs.csv", TABLE)], why=WHY)
    importing(world).let_in(world.person("olga"), theirs.id, version=theirs.version)
    assert set(seen(world)) == {"files/regions.csv"}  # the control
    with world.sandbox.store.database.engine.begin() as connection:
        connection.execute(text(change))
    with pytest.raises(Tampered):
        importing(world).folder(world.grant)


def test_the_database_itself_lets_nobody_decide_their_own(world: Any) -> None:
    request = asked(world)
    with pytest.raises(Exception, match="second_person"), world.sandbox.store.database.engine.begin() as c:
        c.execute(text("UPDATE imports SET decided_by = requester WHERE id = :id"), {"id": request.id})


def test_a_planted_file_is_gone_at_the_next_opening(world: Any) -> None:
    let_in(world)
    place = importing(world).folder(world.grant)
    assert place is not None
    (place / "files" / "planted.py").write_bytes(b"import os\n")
    (place / "python").mkdir()
    (place / "python" / "sitecustomize.py").write_bytes(b"import os\n")
    assert seen(world) == {"files/regions.csv": TABLE}


# --- a process that dies


def test_what_was_left_unchecked_is_checked_at_the_next_start(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(importing(world).entrance), "judge", dies)
        with pytest.raises(KeyboardInterrupt):
            asked(world)
    (left,) = world.sandbox.store.imports.in_state(ImportState.CHECKING)
    assert importing(world).finish_checks() == (left.id,)
    assert world.sandbox.store.imports.get(left.id).state is ImportState.WAITING
    assert importing(world).finish_checks() == ()


# --- what is shown


def test_only_who_decides_looks_into_a_file(world: Any) -> None:
    request = asked(world, ("regions.csv", TABLE), wheel())
    views = world.sandbox.import_views
    assert views.preview(world.person("olga"), request.id, "regions.csv").text == TABLE.decode()
    shown = views.preview(world.person("olga"), request.id, "kind_words-1.0-py3-none-any.whl")
    assert shown.wheel is not None
    assert shown.wheel.top_level == ("kind_words",)
    for name in ("ana", "ben", "rita"):
        with pytest.raises(NotFound):
            views.preview(world.person(name), request.id, "regions.csv")
    with pytest.raises(NotFound):
        views.preview(world.person("olga"), request.id, "other.csv")


def test_a_refused_wheel_is_listed_as_unreadable(world: Any) -> None:
    request = asked(world, ("kind_words-1.0-py3-none-any.whl", b"PK no zip"))
    shown = world.sandbox.import_views.preview(world.person("olga"), request.id, request.files[0].name)
    assert shown.wheel is None
    assert shown.text == ""


def test_packages_for_everybody_are_an_administrators(world: Any) -> None:
    request = let_in(world, wheel(), ("study.py", b"x = 1\n"))
    views = world.sandbox.import_views
    assert [name for name, _ in views.wheels(ALMA, request.id)] == ["kind_words-1.0-py3-none-any.whl"]
    with pytest.raises(NotFound):
        views.wheels(world.person("olga"), request.id)
    waiting = asked(world, ("more.csv", TABLE))
    with pytest.raises(NotFound):
        views.wheels(ALMA, waiting.id)


def test_the_findings_name_columns_of_the_data(world: Any) -> None:
    request = asked(world, ("people.csv", b"id,sex\n1,female\n"))
    reasons = " ".join(f.reason for f in world.sandbox.store.imports.findings(request.id))
    assert "says whose a row is" in reasons
    assert "sex" in reasons


def test_the_log_says_no_name_and_no_word_of_a_file(world: Any) -> None:
    let_in(world, ("secret_plan.csv", TABLE))
    for entry in world.sandbox.store.log.newest(limit=50):
        if entry.event.action.startswith("import."):
            assert "secret_plan" not in str(dict(entry.event.facts))
            assert WHY not in str(dict(entry.event.facts))


def test_an_event_names_the_files_by_hash(world: Any) -> None:
    request = let_in(world)
    (entry,) = (e for e in world.sandbox.store.log.newest(limit=50) if e.event.action == "import.let_in")
    assert entry.event == Event(
        "olga",
        "import.let_in",
        f"import:{request.id}",
        {
            "dataset": "loans",
            "project": "model",
            "files_sha256": [f.sha256 for f in request.files],
            "until": "",
            "reason": "",
            "clause": "imports",
        },
    )


def test_the_folder_is_below_the_settings(world: Any) -> None:
    let_in(world)
    place = importing(world).folder(world.grant)
    assert place is not None
    assert Path(place).is_relative_to(world.sandbox.settings.imports_dir)
