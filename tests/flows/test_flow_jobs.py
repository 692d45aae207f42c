"""Sent code on its way: the queue, both phases, what its sender reads, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, OperatorError, Tampered, TooOften
from sandbox.domain.job import PYTHON_LANGUAGES, Failure, JobEnd, JobState, Language, Phase, RowFiles
from sandbox.domain.release import Status
from sandbox.flows.work_jobs import PAUSE_S
from tests.flows.conftest import World
from tests.flows.working import CODE, CONTEXT, SECRET, Working, working


@pytest.fixture
def at_work(world: World, clock: list[datetime]) -> Working:
    return working(world, clock)


def ana(at_work: Working) -> Any:
    return at_work.world.person("ana")


def test_on_the_sample_all_is_shown(at_work: Working) -> None:
    job = at_work.tried()
    assert job.state is JobState.FINISHED
    view = at_work.world.sandbox.job_views.one(ana(at_work), job.id)
    assert view.log == "50\n"
    assert view.allowed_actions == ("read", "send_raw")
    assert at_work.world.sandbox.job_views.result(ana(at_work), job.id, "t.csv") == b"n\n50\n"
    assert at_work.rows.made[0][:2] == ("sample", "job-1")
    assert at_work.rows.there == set()


def test_raw_rows_are_read_by_the_very_same_package_only(at_work: Working) -> None:
    with pytest.raises(NotAllowed) as untried:
        at_work.send(Phase.RAW)
    assert untried.value.clause == "sample first"
    at_work.tried()
    for other in (
        {"code": ("analysis.py", CODE[1] + b"#")},
        {"outputs": ("t.csv", "u.csv")},
        {"inputs": [("a.txt", b"1")]},
    ):
        with pytest.raises(NotAllowed):
            at_work.send(Phase.RAW, **other)
    assert at_work.send(Phase.RAW).phase is Phase.RAW  # the control


def test_r_is_sent_where_its_image_was_built_and_reads_csv_in_both_phases(at_work: Working) -> None:
    code = ("analysis.R", b"rows <- sandbox::data()\n")
    here: set[Language] = set(PYTHON_LANGUAGES)
    run_job = replace(at_work.run_job, languages=lambda: frozenset(here))
    at_work.world.sandbox = replace(at_work.world.sandbox, run_job=run_job)
    with pytest.raises(NotAllowed) as refused:
        at_work.send(code=code)
    assert refused.value.clause == "image r"
    here.add(Language.R)  # it is built while the system runs
    at_work.send(code=code)
    assert at_work.done().state is JobState.FINISHED
    at_work.send(Phase.RAW, code=code)
    assert at_work.done().state is JobState.HANDED_IN
    assert at_work.rows.forms == [RowFiles.CSV, RowFiles.CSV]
    at_work.tried()
    assert at_work.rows.forms[-1] is RowFiles.PARQUET  # the control


def test_a_package_that_failed_on_the_sample_stays_off_the_raw_rows(at_work: Working) -> None:
    at_work.room.end = JobEnd(failure=Failure.PROGRAM, log=b"Traceback")
    assert at_work.tried().failure is Failure.PROGRAM
    with pytest.raises(NotAllowed):
        at_work.send(Phase.RAW)


def test_on_raw_rows_the_outputs_go_to_the_reviewers_and_the_sender_reads_nothing(at_work: Working) -> None:
    job, release = at_work.handed_in()
    sandbox = at_work.world.sandbox
    assert (job.state, release.status) == (JobState.HANDED_IN, Status.SUBMITTED)
    for attempt in (
        lambda: sandbox.job_views.result(ana(at_work), job.id, "t.csv"),
        lambda: sandbox.review_release.preview(ana(at_work), release.id, "t.csv"),
        lambda: sandbox.review_release.crate(ana(at_work), release.id),
        lambda: sandbox.job_views.behind(ana(at_work), release.id),
    ):
        with pytest.raises((NotAllowed, NotFound)):
            attempt()
    assert sandbox.job_views.one(ana(at_work), job.id).log == ""
    seen = sandbox.views.release(ana(at_work), release.id)
    assert (seen.findings, seen.release.files[0].sha256, seen.release.files[0].size_bytes) == ((), "", 0)
    record = sandbox.job_views.behind(at_work.world.person("rita"), release.id)
    assert (record.package.code, record.log, record.job.image) == (CODE, "amount 4711\n", "sha256:1")
    assert record.job.snapshot
    (staged,) = sandbox.store.log.newest(limit=1, action="release.staged")
    assert staged.event.facts["job"] == job.id
    assert staged.event.facts["image"] == "sha256:1"
    assert staged.event.facts["code_sha256"] == job.code.sha256


def test_once_released_the_sender_reads_it(at_work: Working) -> None:
    _, release = at_work.handed_in()
    for name in ("rita", "ravi"):
        release = at_work.vote(name, release)
    assert release.status is Status.RELEASED
    seen = at_work.world.sandbox.views.release(ana(at_work), release.id)
    assert seen.release.files[0].sha256
    assert at_work.world.sandbox.review_release.crate(ana(at_work), release.id)


def test_a_failing_check_of_a_jobs_output_is_no_answer_to_its_sender(at_work: Working) -> None:
    at_work.tried()
    small = b"sex,n\nfemale,1\nmale,50\n"  # blocked, where a person sends it
    at_work.room.end = replace(at_work.room.end, outputs=(("t.csv", small),))
    at_work.send(Phase.RAW)
    release = at_work.world.sandbox.store.releases.get(at_work.done().release)
    assert release is not None
    assert release.status is Status.SUBMITTED
    with pytest.raises(NotAllowed) as failed:  # people cannot let it out either
        at_work.vote("rita", release)
    assert failed.value.clause == "checks"
    submitted = at_work.world.sandbox.review_release.submit(
        ana(at_work), at_work.grant, files=[("t.csv", small)], context=CONTEXT, sql={}
    )
    assert submitted.release.status is Status.BLOCKED  # the control


@pytest.mark.parametrize("failure", list(Failure))
def test_a_failure_on_raw_rows_is_told_in_constant_words(at_work: Working, failure: Failure) -> None:
    at_work.tried()
    at_work.room.end = JobEnd(failure=failure, log=b"row 17: amount 4711")
    at_work.send(Phase.RAW)
    job = at_work.done()
    while job.state is JobState.QUEUED:
        job = at_work.done()
    view = at_work.world.sandbox.job_views.one(ana(at_work), job.id)
    assert job.failure is failure
    assert "4711" not in repr(view)
    assert view.told
    assert not any("4711" in str(e.event.facts) for e in at_work.world.sandbox.store.log.newest(limit=500))


def test_the_end_on_raw_rows_is_told_on_a_tick(at_work: Working, clock: list[datetime]) -> None:
    at_work.tried()

    def takes() -> None:
        clock[0] += timedelta(seconds=13)

    at_work.room.during = takes
    at_work.send(Phase.RAW)
    assert at_work.done().state is JobState.HANDED_IN
    assert sum(at_work.rested_s) == pytest.approx(7, abs=0.1)  # 20 s, of 10, 20, 40 …
    at_work.rested_s.clear()
    at_work.tried()  # the control: the sample tells its time
    assert at_work.rested_s == []


def test_outputs_that_are_too_large_end_it_by_their_reason(at_work: Working) -> None:
    at_work.tried()
    at_work.room.end = replace(at_work.room.end, outputs=(("t.csv", b"n\n" + b"1\n" * 600_000),))
    at_work.send(Phase.RAW)
    job = at_work.done()
    assert (job.state, job.failure) == (JobState.ENDED_EARLY, Failure.OUTPUTS)


def test_a_suspension_holds_what_waits_and_what_runs(at_work: Working) -> None:
    at_work.tried()
    sandbox, olga = at_work.world.sandbox, at_work.world.person("olga")
    at_work.room.during = lambda: sandbox.suspend_dataset.suspend(olga, "loans", reason="Look at it again.")
    at_work.send(Phase.RAW)
    waiting = at_work.send()
    job = at_work.done()
    assert (job.state, job.release) == (JobState.HELD, 0)
    assert sandbox.store.releases.of_grant(at_work.grant.id) == ()
    assert sandbox.store.jobs.get(waiting.id).state is JobState.HELD  # type: ignore[union-attr]
    assert at_work.worker.once() is None
    with pytest.raises(NotAllowed) as refused:
        at_work.send()
    assert refused.value.clause == "suspension"
    sandbox.suspend_dataset.resume(olga, "loans", reason="It is all right.")
    at_work.room.during = lambda: None
    assert at_work.done().state is JobState.HANDED_IN
    assert at_work.done().state is JobState.FINISHED


def test_a_revoked_grant_stops_its_jobs(at_work: Working) -> None:
    sandbox, olga = at_work.world.sandbox, at_work.world.person("olga")
    at_work.tried()
    at_work.room.during = lambda: sandbox.end_access.revoke(
        olga, at_work.grant.application, reason="Against the agreement."
    )
    at_work.send(Phase.RAW)
    waiting = at_work.send()
    assert at_work.done().state is JobState.CANCELLED
    assert sandbox.store.jobs.get(waiting.id).state is JobState.CANCELLED  # type: ignore[union-attr]
    assert sandbox.store.releases.of_grant(at_work.grant.id) == ()


def test_what_was_cancelled_while_it_ran_hands_nothing_in(at_work: Working) -> None:
    at_work.tried()
    sent = at_work.send(Phase.RAW)
    at_work.room.during = lambda: at_work.run_job.cancel(ana(at_work), sent.id)
    assert at_work.done().state is JobState.CANCELLED
    assert at_work.world.sandbox.store.releases.of_grant(at_work.grant.id) == ()
    with pytest.raises(Conflict):
        at_work.run_job.cancel(ana(at_work), sent.id)


def test_a_worker_that_died_is_found_out_and_its_job_runs_once_more(
    at_work: Working, clock: list[datetime]
) -> None:
    sent = at_work.send()
    jobs = at_work.world.sandbox.store.jobs
    dead = replace(at_work.worker, worker="worker-0")
    for attempt in (1, 2):
        from sandbox.domain.audit import Event

        claimed = jobs.claim(worker=dead.worker, at_once=2, event=Event("t", "job.started", "job:next"))
        assert claimed is not None
        assert at_work.worker.recover() == ()  # it was heard of just now
        clock[0] += timedelta(seconds=61)
        assert at_work.worker.recover() == (sent.id,)
        now = jobs.get(sent.id)
        assert now is not None
        assert now.state is (JobState.QUEUED if attempt == 1 else JobState.ENDED_EARLY)
    assert now.failure is Failure.ENGINE


def test_an_engine_that_fails_is_tried_twice(at_work: Working) -> None:
    at_work.rows.fails = OperatorError("The engine does not answer.")
    at_work.send()
    assert at_work.done().state is JobState.QUEUED
    assert at_work.rested_s == [PAUSE_S]  # it is being restarted: both tries at once would be none
    job = at_work.done()
    assert (job.state, job.failure) == (JobState.ENDED_EARLY, Failure.ENGINE)
    assert at_work.rested_s == [PAUSE_S]


def test_the_days_are_counted(at_work: Working, clock: list[datetime]) -> None:
    run_job = replace(at_work.run_job, limits=replace(at_work.run_job.limits, per_day=1, sample_per_day=2))

    def send(phase: Phase) -> Any:
        return run_job.send(
            ana(at_work), at_work.grant, code=CODE, outputs=("t.csv",), phase=phase, context=CONTEXT
        )

    send(Phase.SAMPLE)
    at_work.done()
    send(Phase.RAW)
    with pytest.raises(TooOften) as often:
        send(Phase.RAW)
    assert often.value.clause == "jobs.per_day"
    send(Phase.SAMPLE)
    with pytest.raises(TooOften):
        send(Phase.SAMPLE)
    clock[0] += timedelta(days=1)
    assert send(Phase.RAW).id


def test_a_grant_that_asks_questions_runs_no_code(at_work: Working) -> None:
    with pytest.raises(NotAllowed) as refused:
        at_work.run_job.send(ana(at_work), at_work.world.grant, code=CODE, outputs=("t.csv",))
    assert refused.value.clause == "mode"


def test_somebody_elses_job_is_no_job(at_work: Working) -> None:
    job = at_work.tried()
    ben = at_work.world.person("ben")
    for attempt in (
        lambda: at_work.run_job.cancel(ben, job.id),
        lambda: at_work.run_job.send_raw(ben, job.id, context=CONTEXT),
        lambda: at_work.world.sandbox.job_views.one(ben, job.id),
        lambda: at_work.world.sandbox.job_views.code(ben, job.id),
    ):
        with pytest.raises(NotFound, match=f"You sent no job {job.id}"):
            attempt()
    assert at_work.run_job.send_raw(ana(at_work), job.id, context=CONTEXT).phase is Phase.RAW


def test_only_a_running_job_is_opened(at_work: Working) -> None:
    job = at_work.send()
    with pytest.raises(NotAllowed) as waiting:
        at_work.run_job.opening(job.id)
    assert waiting.value.clause == "state"
    with pytest.raises(NotFound):
        at_work.run_job.opening(99)


def test_what_is_opened_leaves_suspended_columns_out(at_work: Working) -> None:
    sandbox, olga = at_work.world.sandbox, at_work.world.person("olga")
    at_work.tried()
    at_work.send(Phase.RAW)
    at_work.done()
    assert "amount" in at_work.rows.made[1][2]["loans"]  # the control
    sandbox.suspend_dataset.suspend(olga, "loans", reason="Wrong.", table="loans", column="amount")
    at_work.send(Phase.RAW)
    at_work.done()
    assert "amount" not in at_work.rows.made[2][2]["loans"]


def test_a_package_that_was_changed_in_the_database_does_not_run(at_work: Working) -> None:
    job = at_work.send()
    with at_work.world.sandbox.store.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE jobs SET outputs = '[\"other.csv\"]'")
    changed = at_work.world.sandbox.store.jobs.get(job.id)
    assert changed is not None
    with pytest.raises(Tampered):
        at_work.run_job.package(changed)


def test_a_context_is_asked_for_where_reviewers_will_read_it(at_work: Working) -> None:
    at_work.tried()
    with pytest.raises(BadInput):
        at_work.send(Phase.RAW, context="short")
    assert at_work.send(context="").id


def test_the_log_tells_the_whole_way(at_work: Working) -> None:
    at_work.handed_in()
    told = [a for a in at_work.world.actions() if a.startswith(("job.", "release."))]
    assert told == [
        *("job.sent", "job.started", "job.finished"),
        *("job.sent", "job.started", "release.staged", "job.handed_in", "release.submitted"),
    ]
    assert SECRET.decode() not in str(at_work.world.sandbox.store.log.newest(limit=500))
