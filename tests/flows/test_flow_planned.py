"""Planned outputs without a vote: as the signed plan names them, byte for byte as the platform writes them itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sandbox.disclosure.crate import verify_crate
from sandbox.domain.errors import Tampered
from sandbox.domain.fast_lane import AS_PLANNED
from sandbox.domain.policy import Mode
from sandbox.domain.release import Release, Status
from tests.flows.reviewing import AUDITOR, SQL, A, submit, vote

PLAN = f"Counts for the yearly report.\nby_sex.csv: {SQL}\nA figure of the same."
TABLE = b"sex,n\nfemale,50\nmale,50\n"  # what the fake engine computes


def planned(
    world: Any, *, lane: str = "planned", percent: int = 0, mode: Mode = Mode.ROOM, plan: str = PLAN
) -> Any:
    text = world.policy_file.read_text()
    if "fast_lane" not in text:
        terms = f"release: {{fast_lane: {lane}, sample_percent: {percent}, "
        text = text.replace("release: {", terms)
        text = text.replace("budget: {", "access: {modes: [query, job, room]}\nbudget: {")
        world.policy_file.write_text(text)
        world.agreed()
    return world.granted(project=f"planned {mode}", mode=mode, output_plan=plan)


def sent(world: Any, grant: Any, content: bytes = TABLE, **more: Any) -> Release:
    more = {"files": [("by_sex.csv", content)], "sql": {"by_sex.csv": SQL}, "context": AS_PLANNED, **more}
    return submit(world, grant=grant, **more)


def test_a_planned_output_leaves_at_once_where_the_agreement_says_so(world: Any) -> None:
    release = sent(world, planned(world))
    assert (release.status, release.votes) == (Status.RELEASED, ())
    crate = world.sandbox.see_release.crate(world.person("ana"), release.id)
    assert verify_crate(crate, verify=world.sandbox.store.signer.check).approvals == 0
    assert "release.fast_lane" in world.actions()
    world.sandbox.verify_books(AUDITOR)


OTHERWISE: dict[str, dict[str, Any]] = {
    "another number": {"content": b"sex,n\nfemale,51\nmale,50\n"},
    "a row left out": {"content": b"sex,n\nfemale,50\n"},
    "rows in a chosen order": {"content": b"sex,n\nmale,50\nfemale,50\n"},
    "columns in a chosen order": {"content": b"n,sex\n50,female\n50,male\n"},
    "digits of one's own": {"content": b"sex,n\nfemale,50.0\nmale,50\n"},
    "a suppressed cell": {"content": b"sex,n\nfemale,\nmale,50\n"},
    "a line end of one's own": {"content": b"sex,n\nfemale,50\nmale,50"},
    "a name of one's own": {"files": [("ana_has_hiv.csv", TABLE)], "sql": {"ana_has_hiv.csv": SQL}},
    "words of one's own": {"context": AS_PLANNED + " And ana has none."},
    "another question": {"sql": {"by_sex.csv": SQL + " "}},
    "no question": {"sql": {}},
    "a file beside it": {"files": [("by_sex.csv", TABLE), ("other.csv", TABLE)]},
    "a declaration beside it": {"files": [("by_sex.csv", TABLE), ("outputs.yaml", b"format: sandbox-outputs-v1\nfiles: {by_sex.csv: {kind: frequency}}\n")]},
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERWISE)
def test_whatever_is_its_senders_choice_closes_the_lane(world: Any, case: str) -> None:
    release = sent(world, planned(world), **OTHERWISE[case])
    assert release.status in (Status.SUBMITTED, Status.BLOCKED)


@pytest.mark.parametrize(
    ("lane", "mode"),
    [("planned", Mode.QUERY), ("planned", Mode.JOB), ("answers", Mode.ROOM), ("none", Mode.ROOM)],
)
def test_only_who_reads_rows_takes_it_and_only_where_it_was_agreed(world: Any, lane: str, mode: Mode) -> None:
    """For whoever may only ask, that it leaves would say that every number is right."""
    assert sent(world, planned(world, lane=lane, mode=mode)).status is Status.SUBMITTED


def test_what_was_not_planned_goes_to_people(world: Any) -> None:
    grant = planned(world, plan="Counts by sex, and whatever comes up.")
    assert sent(world, grant).status is Status.SUBMITTED


@pytest.mark.parametrize("units", [0, 9])
def test_a_rule_that_does_not_pass_closes_it(world: Any, units: int) -> None:
    world.engine.units = units
    content = f"sex,n\nfemale,{units}\nmale,{units}\n".encode()
    assert sent(world, planned(world), content).status in (Status.SUBMITTED, Status.BLOCKED)


def test_what_is_drawn_for_people_waits_for_them_however_often_it_is_sent(world: Any) -> None:
    grant = planned(world, percent=100)
    for _ in range(2):
        release = sent(world, grant)
        assert release.status is Status.SUBMITTED
        world.sandbox.review_release.withdraw(world.person("ana"), release.id)
    assert vote(world, sent(world, grant), ("rita", A), ("ravi", A)).status is Status.RELEASED


def stopped(world: Any, monkeypatch: pytest.MonkeyPatch) -> Release:
    """By the lane approved, and cut off before it left."""

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    grant = planned(world)
    with monkeypatch.context() as patch:
        patch.setattr(type(world.sandbox.review_release), "let_out", die)
        with pytest.raises(Killed):
            sent(world, grant)
    (release,) = world.sandbox.store.releases.in_status([Status.APPROVED])
    return release


def test_what_was_cut_off_leaves_later_while_it_is_still_so(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = stopped(world, monkeypatch)
    world.engine.units = 51  # other rows behind the same question
    assert world.sandbox.review_release.finish_approved() == ()
    world.engine.units = 50
    assert world.sandbox.review_release.finish_approved() == (release.id,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE releases SET context = 'words of one''s own, put there later'",
        "UPDATE release_files SET sql = 'SELECT sex, COUNT(*) AS n FROM loans WHERE amount > 5 GROUP BY sex'",
        "UPDATE release_files SET name = 'ana_has_hiv.csv'",
    ],
)
def test_what_is_changed_in_the_database_does_not_leave(
    world: Any, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    release = stopped(world, monkeypatch)
    with closing(sqlite3.connect(world.sandbox.settings.home / "state.db")) as db, db:
        db.execute(statement)
    with pytest.raises(Tampered):
        world.sandbox.review_release.let_out(world.sandbox.store.releases.get(release.id))
