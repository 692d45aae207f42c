"""The list of people: found by name and role, page by page, at the same cost however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from sandbox.domain.audit import Event
from sandbox.domain.people import Person, Role
from tests.portal.example_world import World
from tests.portal.markup import text_of


@contextmanager
def _counted(world: World) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engine = world.sandbox.store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _add(world: World, count: int) -> None:
    for number in range(count):
        person = Person(f"zz{number:03}", frozenset({Role.RESEARCHER}))
        told = Event("alma", "person.added", f"person:{person.name}")
        world.sandbox.store.people.add(person, password=None, event=told)


def test_people_come_fifty_a_page(world: World) -> None:
    _add(world, 60)
    alma = world.browser("alma")
    first, second = text_of(alma.get("/people").text), text_of(alma.get("/people?page=2").text)
    assert "69 people" in first
    assert "Page 1 of 2" in first
    assert "zz040" in first
    assert "zz041" not in first
    assert "zz041" in second
    assert "zz059" in text_of(alma.get("/people?page=999999999").text)  # beyond the last is the last
    assert alma.get("/people?page=-3").status_code == 200


def test_people_are_found_by_name_and_role(world: World) -> None:
    alma = world.browser("alma")
    found = alma.get("/people?q=RI").text
    assert "/people/rita" in found
    assert "/people/ana" not in found
    reviewers = alma.get("/people?role=reviewer").text
    assert "/people/ravi" in reviewers
    assert "/people/olga" not in reviewers
    assert "Nobody fits" in alma.get("/people?q=%25").text  # a wildcard is a letter like any other
    assert alma.get("/people?role=king").status_code == 200
    assert "<script>" not in alma.get("/people?q=<script>").text


def test_a_page_of_people_costs_the_same_however_many_there_are(world: World) -> None:
    look, alma = world.sandbox.look_after_people, world.person("alma")
    with _counted(world) as few:
        look.page(alma)
    _add(world, 30)
    with _counted(world) as many:
        assert len(look.page(alma).people) == 39
    assert len(many) == len(few)
    assert len(look.people(alma)) == 39


@pytest.mark.parametrize("name", ["ana", "olga", "rita", "august"])
def test_nobody_else_searches_people(world: World, name: str) -> None:
    for address in ("/people?q=a", "/people?role=reviewer", "/people?page=2"):
        answer = world.browser(name).get(address)
        assert answer.status_code == 403
        assert "/people/ben" not in answer.text
