"""Steps of a review, for the tests of the journey."""

from __future__ import annotations

from typing import Any

from sandbox.domain.people import Person, Role
from sandbox.domain.release import Decision, Release

GOOD = b"sex,n\nfemale,60\nmale,40\n"
OTHER = b"sex,n\nfemale,61\nmale,41\n"
CONTEXT = "Counts of applicants by sex, for the report."
A, R, X = Decision


def submit(world: Any, content: bytes = GOOD, **more: Any) -> Release:
    release: Release = world.sandbox.review_release.submit(
        world.person("ana"),
        more.pop("grant", world.grant),
        files=more.pop("files", [("t.csv", content)]),
        context=more.pop("context", CONTEXT),
        sql=more.pop("sql", {}),
        **more,
    ).release
    return release


def resubmit(world: Any, release: Release, content: bytes = OTHER, *, context: str = CONTEXT) -> Release:
    again: Release = world.sandbox.review_release.resubmit(
        world.person("ana"),
        release.id,
        version=now(world, release).version,
        files=[("t.csv", content)],
        context=context,
        sql={},
    ).release
    return again


def now(world: Any, release: Release) -> Release:
    found: Release = world.sandbox.store.releases.get(release.id)
    return found


def vote(world: Any, release: Release, *votes: tuple[str, Decision]) -> Release:
    for name, decision in votes:
        release = world.sandbox.review_release.vote(
            world.person(name),
            release.id,
            version=now(world, release).version,
            decision=decision,
            comment=f"words of {name}",
        )
    return release


def released(world: Any, content: bytes = GOOD, **more: Any) -> Release:
    return vote(world, submit(world, content, **more), ("rita", A), ("ravi", A))


AUDITOR = Person("ada", frozenset({Role.AUDITOR}))

SQL = "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"
ANSWER = b"sex,n\nfemale,3\nmale,5\n"  # what the fake engine answers; far too small to leave as a count


def with_fast_lane(world: Any, *, sample_percent: int = 0, **wish: Any) -> Any:
    """A grant whose agreement opens the fast lane; the one question under it was answered."""
    text = world.policy_file.read_text()
    if "fast_lane" not in text:
        terms = f"release: {{fast_lane: answers, sample_percent: {sample_percent}, "
        world.policy_file.write_text(
            text.replace("release: {", terms).replace(
                "budget: {", "access: {modes: [query, job, room]}\nbudget: {"
            )
        )
        world.agreed()
    grant = world.granted(project=wish.pop("project", "answers"), **wish)
    world.sandbox.answer_question.ask(world.person("ana"), grant, sql=SQL, epsilon=0.01)
    return grant
