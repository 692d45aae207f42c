"""The journey of a planted output: counted once, in its own figures, and in no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.domain.errors import Conflict, NotAllowed
from sandbox.domain.notices import text_of
from sandbox.domain.output_cell import labels_text
from sandbox.domain.people import Person, Role
from sandbox.domain.planted import Flaw, Outcome, Planted, Planting, ReviewTerms
from sandbox.domain.release import Release, Status
from sandbox.flows.transparency import OUTCOMES
from tests.flows.conftest import ALMA
from tests.flows.reviewing import AUDITOR, OTHER, A, R, X, now, resubmit, submit, vote

THIRD = b"sex,n\nfemale,64\nmale,44\n"


@pytest.fixture
def planting(world: Any) -> Any:
    """The site lets outputs be planted."""
    box = world.sandbox
    plant = replace(box.plant_output, terms=ReviewTerms(planted=Planting.ALLOWED))
    world.sandbox = replace(box, plant_output=plant)
    return world


def plant(world: Any, release: Release, *, by: Person = ALMA, flaw: Flaw = Flaw.ROUNDING) -> Planted:
    box = world.sandbox.plant_output
    word = box.word(world.person("ana"), release.id)
    made: Planted = box.plant(
        by, release.id, word=word, flaw=flaw, file="t.csv", place="", words="It was never rounded at all."
    )
    return made


def outcome(world: Any, release: Release) -> Outcome | None:
    found: Outcome | None = world.sandbox.store.planted_outputs.of(release.id).outcome
    return found


@pytest.mark.parametrize(
    ("decisions", "became"),
    [
        ((A, A), Outcome.MISSED),
        ((R, R), Outcome.FOUND),
        ((X, X), Outcome.FOUND),
        ((A, X, A), Outcome.MISSED),  # a split that a third person decides
        ((A, R, R), Outcome.FOUND),
    ],
)
def test_it_ends_with_the_reviewers_decision(planting: Any, decisions: Any, became: Outcome) -> None:
    release = submit(planting)
    before = now(planting, release)
    plant(planting, release)
    assert now(planting, release) == before  # its version too
    decided = vote(planting, release, *zip(("rita", "ravi", "rosa"), decisions, strict=False))
    assert decided.status is Status.PLANTED
    assert outcome(planting, release) is became
    assert planting.sandbox.verify_books(AUDITOR).planted == 1
    with pytest.raises(Conflict):
        resubmit(planting, release)


def test_it_is_planted_once(planting: Any) -> None:
    release = submit(planting)
    plant(planting, release)
    head = planting.sandbox.store.log.head()
    with pytest.raises(Conflict, match="planted already"):
        plant(planting, release, by=Person("adam", frozenset({Role.ADMINISTRATOR})))
    assert planting.sandbox.store.log.head() == head  # nothing of it on the log


def test_a_planted_one_is_in_no_figure_but_its_own(planting: Any) -> None:
    box = planting.sandbox
    vote(planting, submit(planting), ("rita", A), ("ravi", A))

    def figures() -> tuple[Any, ...]:
        (line,) = box.review_queue.turnaround(planting.person("rita"))
        report = box.transparency()
        return line.figures, line.causes, line.agreement, report.releases_by_outcome, report.results

    before = figures()
    missed, found = submit(planting, OTHER), submit(planting, THIRD)
    plant(planting, missed)
    plant(planting, found, flaw=Flaw.DIFFERENCE)
    vote(planting, missed, ("rita", A), ("ravi", A))
    vote(planting, found, ("rita", R), ("rosa", X))
    assert figures() == before
    (line,) = box.review_queue.turnaround(planting.person("rita"))
    assert (line.planted.all.planted, line.planted.all.found, line.planted.all.missed) == (2, 1, 1)
    assert line.planted.all.missed_percent == (1.3, 98.7)
    assert {flaw: one.found for flaw, one in line.planted.by_flaw.items()} == {
        Flaw.DIFFERENCE: 1,
        Flaw.ROUNDING: 0,
    }
    assert box.transparency().planted == line.planted.all
    # Each reviewer's own, for themself.
    own = {name: box.review_queue.own_planted(planting.person(name)) for name in ("rita", "ravi", "rosa")}
    assert {name: (one.found, one.missed) for name, one in own.items()} == {
        "rita": (1, 1),
        "ravi": (0, 1),
        "rosa": (1, 0),
    }
    with pytest.raises(NotAllowed):
        box.review_queue.own_planted(planting.person("olga"))
    # The control: an ordinary one changes them.
    vote(planting, submit(planting, b"sex,n\nfemale,66\nmale,46\n"), ("rita", R), ("ravi", R))
    assert figures() != before


def test_a_dataset_on_which_nothing_else_was_decided_shows_them_too(planting: Any) -> None:
    release = submit(planting)
    plant(planting, release)
    assert planting.sandbox.review_queue.turnaround(planting.person("rita")) == ()
    vote(planting, release, ("rita", X), ("ravi", X))
    (line,) = planting.sandbox.review_queue.turnaround(planting.person("rita"))
    assert (line.figures.decided, line.agreement.items, line.planted.all.found) == (0, 0, 1)


def test_its_numbers_are_forgotten_when_it_is_decided(planting: Any) -> None:
    """While it waits they count as those of any request; afterwards nobody outside can ever have them."""
    box = planting.sandbox
    first = submit(planting)
    plant(planting, first)
    cells = box.store.output_cells
    labels = {labels_text(cell) for cell in cells.of_release(first.id)}
    assert cells.of_labels("loans", labels, unasked=True)  # pending, as any other
    vote(planting, first, ("rita", A), ("ravi", A))
    assert cells.of_labels("loans", labels, unasked=True) == []
    second = vote(planting, submit(planting), ("rita", A), ("ravi", A))
    assert {e.release for e in cells.of_labels("loans", labels, unasked=True)} == {second.id}  # the control


def test_what_was_taken_back_is_not_counted_and_not_told(planting: Any) -> None:
    release = submit(planting)
    plant(planting, release)
    planting.sandbox.review_release.withdraw(planting.person("ana"), release.id)
    assert outcome(planting, release) is None
    assert "release.unveiled" not in planting.actions()
    assert planting.sandbox.verify_books(AUDITOR).planted == 1


def test_what_was_on_hold_before_the_decision_is_not_counted(planting: Any) -> None:
    box, olga = planting.sandbox, planting.person("olga")
    release = submit(planting)
    plant(planting, release)
    box.hold_releases.hold(olga, release.id, reason="Look at the cell for women.")
    assert outcome(planting, release) is None
    box.hold_releases.let_go(olga, release.id)
    assert (
        vote(planting, release, ("rita", A), ("ravi", A)).status is Status.PLANTED
    )  # it never leaves all the same
    assert outcome(planting, release) is Outcome.NOT_COUNTED
    assert box.review_queue.turnaround(planting.person("rita"))[0].planted.all.planted == 0
    assert box.verify_books(AUDITOR).planted == 1


def test_what_its_planter_came_to_vote_on_is_not_counted(planting: Any) -> None:
    """The pool may change after planting: then it decides nothing about the others."""
    box = planting.sandbox
    adam = Person("adam", frozenset({Role.ADMINISTRATOR, Role.REVIEWER}))
    box.look_after_people.add(ALMA, "adam", [Role.ADMINISTRATOR, Role.REVIEWER], password="a long password")
    release = submit(planting)
    plant(planting, release, by=adam)
    planting.policy_file.write_text(
        planting.policy_file.read_text().replace("[rita, ravi, rosa]", "[rita, ravi, rosa, adam]")
    )
    planting.agreed()
    vote(planting, release, ("adam", X), ("rita", X))
    assert outcome(planting, release) is Outcome.NOT_COUNTED
    assert box.verify_books(AUDITOR).planted == 1


def test_a_suspension_before_the_decision_is_a_hold(planting: Any) -> None:
    box, olga = planting.sandbox, planting.person("olga")
    release = submit(planting)
    plant(planting, release)
    box.suspend_dataset.suspend(olga, "loans", reason="An objection is looked at.")
    assert now(planting, release).status is Status.ON_HOLD
    box.suspend_dataset.resume(olga, "loans", reason="It was looked at.")
    vote(planting, release, ("rita", X), ("ravi", X))
    assert outcome(planting, release) is Outcome.NOT_COUNTED


def test_sender_and_reviewers_are_told_when_it_is_decided(planting: Any) -> None:
    release = submit(planting)
    plant(planting, release)
    box = planting.sandbox

    def told(name: str) -> list[str]:
        page = box.my_notices.page(planting.person(name))
        return [text_of(n, str) for n in page.notices if n.kind.startswith("release.unveiled")]

    vote(planting, release, ("rita", X))
    assert told("rita") == told("ana") == []
    vote(planting, release, ("ravi", X))
    for name in ("rita", "ravi", "rosa"):
        assert told(name)[0].startswith(
            "Request 1 from loans was planted. Its page says what was to be found"
        )
    assert told("ana") == [
        "Request 1 from loans was planted, and is decided. Its page says whether it was found."
    ]
    assert told("olga") == told("ada") == []


def test_what_a_job_made_is_not_planted(planting: Any) -> None:
    class Made:
        """A request that came from a job."""

        def of_release(self, _: int) -> int:
            return 1

    release = submit(planting)
    box = planting.sandbox
    word = box.plant_output.word(planting.person("ana"), release.id)
    store = box.store
    ordinary, store.jobs = store.jobs, Made()
    with pytest.raises(NotAllowed, match="A job made"):
        box.plant_output.word(planting.person("ana"), release.id)
    with pytest.raises(NotAllowed, match="A job made"):
        box.plant_output.plant(
            ALMA, release.id, word=word, flaw=Flaw.OTHER, file="", place="", words="Anything at all, really."
        )
    store.jobs = ordinary
    plant(planting, release)  # the control


def test_every_status_has_a_public_outcome_but_the_planted_one() -> None:
    assert set(Status) - set(OUTCOMES) == {Status.PLANTED}
