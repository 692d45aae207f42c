"""Attacks by code that was sent: on its sender's side of the wall, and on what reviewers are shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from sandbox.domain.errors import BadInput, NotAllowed
from sandbox.domain.job import Failure, Job, JobState, Phase
from sandbox.domain.release import Release, Status
from sandbox.portal import documents
from tests.flows.conftest import World
from tests.flows.working import Working, working

SECRET_SQL = "SELECT sex, COUNT(*) AS n FROM loans WHERE amount > 711 GROUP BY sex -- row 1: 31337"


@pytest.fixture
def at_work(world: World, clock: list[datetime]) -> Working:
    return working(world, clock)


def declaring(sql: str) -> bytes:
    entry = {"kind": "frequency", "sql": sql}
    return json.dumps({"format": "sandbox-outputs-v1", "files": {"t.csv": entry}}).encode()


def ran_raw(at_work: Working, sql: str) -> Job:
    """The code wrote a declaration beside the raw rows."""
    at_work.tried()
    files = (("t.csv", b"sex,n\nfemale,50\nmale,60\n"), ("outputs.yaml", declaring(sql)))
    at_work.room.end = replace(at_work.room.end, outputs=files)
    at_work.send(Phase.RAW)
    return at_work.done()


def test_rows_written_into_a_declared_question_do_not_reach_the_sender_before_the_release(
    at_work: Working,
) -> None:
    job = ran_raw(at_work, SECRET_SQL)
    assert job.state is JobState.HANDED_IN
    views = at_work.world.sandbox.views
    mine = views.release(at_work.world.person("ana"), job.release)
    listed = views.releases(at_work.world.person("ana"))
    told = json.dumps([documents.release(view) for view in (mine, *listed)])
    assert not any(value in told + repr(mine) + repr(listed) for value in ("711", "712", "31337"))
    assert len(mine.release.waiting_since) == len("2025-03-10")  # how long a job took depends on rows
    for_review = views.release(at_work.world.person("rita"), job.release)
    assert "712" in json.dumps(documents.release(for_review))  # the control: reviewers see the question


def test_a_remark_in_a_jobs_question_leaves_in_no_crate(at_work: Working) -> None:
    job = ran_raw(at_work, SECRET_SQL)
    release = at_work.world.sandbox.store.releases.get(job.release)
    assert release is not None
    assert [bool(f.sql) for f in release.files] == [True, False]  # the control: there is a question
    assert "31337" not in release.files[0].sql


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sex, AVG(amount) AS n FROM loans GROUP BY sex",
        "SELECT sex, COUNT(*) AS n FROM nowhere GROUP BY sex",
        "no question",
    ],
)
def test_what_a_jobs_question_names_is_no_message_to_its_sender(at_work: Working, sql: str) -> None:
    sandbox = at_work.world.sandbox
    sandbox.suspend_dataset.suspend(
        at_work.world.person("olga"), "loans", reason="A doubt.", table="loans", column="amount"
    )
    job = ran_raw(at_work, sql)
    assert (job.state, job.failure, job.reason) == (JobState.ENDED_EARLY, Failure.OUTPUTS, "")
    sane = ran_raw(at_work, "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex")
    assert sane.state is JobState.HANDED_IN  # the control


def test_an_input_cannot_take_the_place_of_what_the_runner_is_told(at_work: Working) -> None:
    told = json.dumps({"code": "other.py", "outputs": ["t.csv"], "about": [], "output_bytes": 1 << 40})
    inputs = [("job.json", told.encode()), ("other.py", b"print('nobody reviewed me')\n")]
    with pytest.raises(BadInput, match=r"job\.json"):
        at_work.send(inputs=inputs)
    with pytest.raises(BadInput, match=r"job\.json"):
        at_work.send(inputs=[("JOB.json", b"{}")])
    assert at_work.send(inputs=inputs[1:]).state is JobState.QUEUED  # the control


def left(at_work: Working, rows: bytes) -> Release:
    """A job's table and declaration, which two reviewers let out."""
    at_work.tried()
    about = declaring("SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex")
    about = about.replace(b'"sql": "SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex"', b'"dims": ["sex"]')
    files = (("t.csv", rows), ("outputs.yaml", about + b"\n# row 1: 31337\n"))
    at_work.room.end = replace(at_work.room.end, outputs=files)
    at_work.send(Phase.RAW)
    release = at_work.world.sandbox.store.releases.get(at_work.done().release)
    assert release is not None
    for name in ("rita", "ravi"):
        release = at_work.vote(name, release)
    assert release.status is Status.RELEASED
    return release


def test_a_released_jobs_preview_tells_its_sender_no_more_than_left(at_work: Working) -> None:
    release = left(at_work, b"sex,n\nmale,50\nfemale,60\n")
    preview, ana, rita = (
        at_work.world.sandbox.see_release.preview,
        at_work.world.person("ana"),
        at_work.world.person("rita"),
    )
    assert preview(ana, release.id, "t.csv").shown == preview(ana, release.id, "t.csv").rebuilt
    assert preview(ana, release.id, "outputs.yaml").shown == b""
    assert b"31337" in preview(rita, release.id, "outputs.yaml").shown  # the controls
    assert preview(rita, release.id, "t.csv").shown.startswith(b"sex,n\nmale")


def test_what_was_recalled_is_not_read_on_the_page_instead(at_work: Working) -> None:
    release = left(at_work, b"sex,n\nfemale,60\nmale,50\n")
    sandbox, ana = at_work.world.sandbox, at_work.world.person("ana")
    assert sandbox.see_release.preview(ana, release.id, "t.csv").shown  # the control
    sandbox.hold_releases.recall(at_work.world.person("olga"), release.id, reason="It tells of one person.")
    with pytest.raises(NotAllowed):
        sandbox.see_release.preview(ana, release.id, "t.csv")
    assert sandbox.views.release(ana, release.id).release.files[0].sha256 == ""


def test_a_job_that_read_rows_which_were_replaced_meanwhile_hands_nothing_in(at_work: Working) -> None:
    world = at_work.world
    at_work.tried()
    at_work.send(Phase.RAW)

    def published_anew() -> None:
        file = world.policy_file.with_name("fewer.csv")
        file.write_text("id,sex,amount\n1,female,5\n")
        world.sandbox.publish_dataset(
            world.person("olga"), policy_file=world.policy_file, files={"loans": file}
        )

    before = world.sandbox.store.datasets.get("loans")
    at_work.room.during = published_anew
    job = at_work.done()
    after = world.sandbox.store.datasets.get("loans")
    assert before is not None
    assert after is not None
    assert before.snapshot != after.snapshot  # the attack is one
    assert (job.state, job.release) == (JobState.QUEUED, 0)
    at_work.room.during = lambda: None
    assert at_work.done().state is JobState.HANDED_IN  # the control: of the rows that there are now


@pytest.mark.parametrize("name", ["json.py", "helper.pyc", "helper.so", "helper.py", "helper.R", "m.rds"])
def test_code_that_reviewers_cannot_read_is_not_sent_as_an_input(at_work: Working, name: str) -> None:
    hidden = "rows = 1  # \u202e as it reads, not as it runs\n".encode()
    with pytest.raises(BadInput):
        at_work.send(inputs=[(name, hidden)])
    assert at_work.send(
        inputs=[("helper.py", b"rows = 1\n"), ("helper.R", b"x <- 1\n"), ("json.csv", b"a\n1\n")]
    ).id  # the control


def test_reviewers_read_the_inputs_that_ran_beside_the_code(at_work: Working) -> None:
    inputs = [("helper.py", b"rows = 1\n"), ("weights.bin", b"\xff\x00")]
    at_work.send(inputs=inputs)
    at_work.done()
    at_work.send(Phase.RAW, inputs=inputs)
    record = at_work.world.sandbox.job_views.behind(at_work.world.person("rita"), at_work.done().release)
    assert record.inputs == (("helper.py", "rows = 1\n"), ("weights.bin", None))
    told = documents.job_record(record)
    assert [one["text"] for one in told["inputs"]] == ["rows = 1\n", None]
