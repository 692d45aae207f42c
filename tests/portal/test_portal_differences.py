"""What a request says together with others, on the pages of those who may know."""

from __future__ import annotations

import doctest

import pytest

from sandbox.disclosure.differencing import earlier, labels
from sandbox.domain import population
from sandbox.domain.release import Decision, Release
from tests.portal.example_world import World

ALL = "SELECT COUNT(*) AS n FROM applications"
YES = (("rita", Decision.APPROVE, "Looked at it."), ("rosa", Decision.APPROVE, "Looked at it."))


def counts(world: World, sql: str) -> int:
    """The exact number, as the researchers of a room would have it."""
    dataset = world.sandbox.store.datasets.get("loans")
    assert dataset is not None
    rows = world.sandbox.engine.evidence(dataset="loans", snapshot=dataset.snapshot, sql=sql).rows
    return sum(row.rows for row in rows)


@pytest.fixture
def differing(world: World) -> Release:
    """Another project's total has left; a total of three people fewer is asked for."""
    total = counts(world, ALL)
    theirs = world.granted("ben", project="Housing")
    world.voted(world.submitted(theirs, files=(("n.csv", b"n\n%d\n" % total),), sql={"n.csv": ALL}), *YES)
    mine = world.granted()
    fewer = ALL + " WHERE sex = 'female' OR sex = 'male'"
    return world.submitted(mine, files=(("n.csv", b"n\n%d\n" % (total - 3)),), sql={"n.csv": fewer})


def test_reviewers_read_which_releases_and_numbers_say_so(world: World, differing: Release) -> None:
    page = world.browser("rita").get(f"/releases/{differing.id}").text
    assert "singles out fewer than" in page
    assert "release 1 (project Housing)" in page


def test_the_requester_reads_nothing_of_another_projects_numbers(world: World, differing: Release) -> None:
    page = world.browser("ana").get(f"/releases/{differing.id}").text
    document = world.program("ana").get(f"/releases/{differing.id}").text
    for text in (page, document):
        assert "singles out" not in text
        assert "Housing" not in text


def test_an_owners_decisions_name_exact_numbers_beside_private_answers(world: World) -> None:
    grant = world.granted()
    theirs = world.granted("ben", project="Housing")
    world.sandbox.answer_question.ask(world.person("ben"), theirs, sql=ALL)
    assert "beside private answers" not in world.browser("olga").get("/decisions").text
    content = b"n\n%d\n" % counts(world, ALL)
    world.voted(world.submitted(grant, files=(("n.csv", content),), sql={"n.csv": ALL}), *YES)
    page = world.browser("olga").get("/decisions").text
    assert "Exact numbers beside private answers" in page
    assert "(project Housing)" in page


@pytest.mark.parametrize("module", [earlier, labels, population])
def test_the_examples_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0
