"""Comments beside outputs, and what is laid beside a request: turns, recomputed numbers, earlier releases."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.disclosure.table import MAX_FINDINGS, Table
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.people import Person, Role
from sandbox.flows.compare_outputs import Recomputed, recomputed
from tests.flows.reviewing import GOOD, OTHER, A, R, now, released, resubmit, submit, vote


def write(world: Any, who: str, number: int, text: str = "Who are these?", **place: Any) -> Any:
    return world.sandbox.comment_on_output.write(world.person(who), number, text=text, **place)


def shown(world: Any, who: str, number: int) -> list[tuple[str, str]]:
    view = world.sandbox.views.release(world.person(who), number)
    return [(c.author, c.text) for c in view.comments]


def test_comments_come_to_light_with_the_last_vote(world: Any) -> None:
    release = submit(world)
    write(world, "rita", release.id, "words of rita beside a cell", file="t.csv", row=1, column="n")
    write(world, "ravi", release.id, "words of ravi beside the file", file="t.csv")
    for who, seen in (("rita", 1), ("ravi", 1), ("rosa", 0), ("ana", 0)):
        assert len(shown(world, who, release.id)) == seen, who
    vote(world, release, ("rita", R))
    assert len(shown(world, "ravi", release.id)) == 1
    vote(world, release, ("ravi", R))
    assert {a for a, _ in shown(world, "rosa", release.id)} == {"rita", "ravi"}
    assert {a for a, _ in shown(world, "ana", release.id)} == {"a reviewer"}
    again = resubmit(world, release)
    write(world, "rosa", again.id, "words of the second turn")
    assert len(shown(world, "rita", release.id)) == 2


def test_a_number_tells_nothing_of_what_others_wrote_and_no_version_changes(world: Any) -> None:
    release = submit(world)
    for _ in range(3):
        write(world, "ravi", release.id)
    assert write(world, "rita", release.id).number == 1
    assert now(world, release).version == release.version
    # The vote that was read before is still taken.
    vote(world, release, ("rosa", A))


def test_a_voided_comment_stays_and_only_its_author_voids_it(world: Any) -> None:
    release = submit(world)
    made = write(world, "rita", release.id)
    void = world.sandbox.comment_on_output.void
    with pytest.raises(BadInput):
        void(world.person("ravi"), release.id, made.number, reason="Not mine.")
    void(world.person("rita"), release.id, made.number, reason="I misread it.")
    with pytest.raises(Conflict):
        void(world.person("rita"), release.id, made.number, reason="Again.")
    (kept,) = world.sandbox.store.review_comments.of(release.id)
    assert (kept.text, kept.voided) == ("Who are these?", "I misread it.")


def test_what_was_written_is_not_on_the_log(world: Any) -> None:
    release = submit(world)
    write(world, "rita", release.id, "three people of one village", file="t.csv", row=0, column="n")
    (entry,) = world.sandbox.store.log.newest(limit=5, action="release.commented")
    assert entry.event.facts == {"comment": 1, "turn": 1, "file": "t.csv"}
    world.sandbox.verify_books(Person("ada", frozenset({Role.AUDITOR})))


@pytest.mark.parametrize(("who", "error"), [("ana", NotAllowed), ("olga", NotFound), ("nobody", NotFound)])
def test_others_write_nothing(world: Any, who: str, error: type[Exception]) -> None:
    release = submit(world)
    person = world.person(who) if who != "nobody" else Person("nobody", frozenset({Role.REVIEWER}))
    with pytest.raises(error):
        world.sandbox.comment_on_output.write(person, release.id, text="Planted words.")
    assert world.sandbox.store.review_comments.of(release.id) == ()


@pytest.mark.parametrize(
    "place", [{"row": 2, "column": "n"}, {"row": -1, "column": "n"}, {"column": "amount"}]
)
def test_a_cell_that_is_not_there_has_no_comment(world: Any, place: dict[str, Any]) -> None:
    release = submit(world)
    with pytest.raises(BadInput):
        write(world, "rita", release.id, file="t.csv", **place)
    assert write(world, "rita", release.id, file="t.csv", row=1, column="n").place == "row 2, column n"


def test_a_reviewer_who_reads_the_log_does_not_learn_who_wrote_or_voted_before(world: Any) -> None:
    release = submit(world)
    both = Person("rosa", frozenset({Role.REVIEWER, Role.ADMINISTRATOR}))
    write(world, "rita", release.id)
    vote(world, release, ("rita", A))
    seen = [e.event for e in world.sandbox.log_views.page(both, action="release.")]
    assert "release.staged" in {e.action for e in seen}
    assert not {e.action for e in seen} & {"release.commented", "release.voted"}
    page = world.sandbox.views.log(both, action="release.commented")
    assert page.entries == ()
    vote(world, release, ("ravi", A))
    after = {e.event.action for e in world.sandbox.log_views.page(both, action="release.")}
    assert {"release.commented", "release.voted"} <= after


def test_earlier_turns_are_laid_beside_cell_by_cell(world: Any) -> None:
    release = vote(world, submit(world), ("rita", R), ("ravi", R))
    resubmit(world, release, OTHER)
    for who in ("rita", "ana"):
        (earlier,) = world.sandbox.compare_outputs.turns(world.person(who), release.id)["t.csv"]
        assert (earlier.turn, earlier.same) == (1, False)
        assert {(c.row, c.before, c.after) for c in earlier.difference.cells} == {
            ("female", "60", "61"),
            ("male", "40", "41"),
        }
    with pytest.raises(NotFound):
        world.sandbox.compare_outputs.turns(world.person("olga"), release.id)


def test_what_left_of_the_same_tables_is_laid_beside_for_reviewers_alone(world: Any) -> None:
    first = released(world, GOOD)
    second = submit(world, b"sex,n\nfemale,75\nmale,40\n", grant=world.granted(project="another"))
    lineage = world.sandbox.compare_outputs.lineage(world.person("rita"), second.id)
    (beside,) = lineage.releases
    assert (beside.release.id, beside.total, beside.differing, lineage.more) == (first.id, 2, 1, 0)
    assert (beside.cells[0].labels, beside.cells[0].then, beside.cells[0].now) == ("female", "60", "75")
    with pytest.raises(NotFound):
        world.sandbox.compare_outputs.lineage(world.person("ana"), second.id)


def test_the_verdict_of_each_number() -> None:
    table = Table(("sex", "n", "m"), (("f", "60", "1"), ("m", "40", "1"), ("x", "5", "1"), ("t", "105", "1")))

    def found(check: str, row: int | None = None, column: str | None = None) -> Finding:
        return Finding(file="t.csv", check=check, verdict=Verdict.FAIL, row=row, column=column)

    held = found("reproduced")
    verdicts = recomputed(
        table,
        [held, found("not_reproduced", 1, "n"), found("not_reproduced", 2), found("not_recomputed", 3, "n")],
        frozenset({"n"}),
    )
    assert {place[0]: str(v) for place, v in verdicts.items()} == {
        0: "reproduced",
        1: "not reproduced",
        2: "not reproduced",
        3: "not computed",
    }
    assert recomputed(table, [held], frozenset()) == {}  # no question: nothing is said of any number
    nothing = recomputed(table, [], frozenset({"n"}))
    assert set(nothing.values()) == {Recomputed.NOT_COMPUTED}
    many = [found("not_reproduced", 0, "n")] * MAX_FINDINGS  # the list was cut: the others are not known
    assert recomputed(table, [held, *many], frozenset({"n"}))[1, "n"] is Recomputed.NOT_COMPUTED


def test_figures_tell_why_requests_went_back_and_how_far_reviewers_agree(world: Any) -> None:
    vote(world, submit(world), ("rita", R), ("ravi", R))
    vote(world, submit(world, OTHER), ("rita", A), ("ravi", R), ("rosa", A))
    (line,) = world.sandbox.review_queue.turnaround(world.person("olga"))
    assert line.causes == {"not_said": 3}
    # rita and ravi alone were blind: 2 requests, of which they agreed on one
    assert (line.agreement.measure, line.agreement.items, line.agreement.observed_percent) == ("cohen", 2, 50)
