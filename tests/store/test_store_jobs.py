"""The queue on both databases: claimed once, changed by who saw it last, quiet only where nothing changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.errors import Conflict
from sandbox.domain.job import Failure, Job, JobFile, JobState, Phase, Verb, step
from sandbox.store import Store
from sandbox.store.jobs import Jobs, Outcome
from tests.store.test_store_writes import silent_writes
from tests.store.world import Clock, did

CODE = JobFile(name="a.py", sha256="a" * 64, size_bytes=1)
INPUT = JobFile(name="x.txt", sha256="b" * 64, size_bytes=2)


def send(store: Store, grant: Grant, phase: Phase = Phase.SAMPLE) -> Job:
    return store.jobs.send(
        grant=grant,
        phase=phase,
        code=CODE,
        inputs=(INPUT,),
        outputs=("t.csv",),
        package_sha256="c" * 64,
        context="",
        event=did("job.sent", "job:new"),
    )


def claim(store: Store, worker: str = "w1", at_once: int = 2) -> Job | None:
    return store.jobs.claim(worker=worker, at_once=at_once, event=did("job.started", "job:next"))


def move(store: Store, job: Job, verb: Verb, outcome: Outcome = Outcome()) -> Job:  # noqa: B008
    return store.jobs.move(job, step(job.state, verb), event=did("x", f"job:{job.id}"), outcome=outcome)


def test_what_is_sent_is_read_as_it_was_sent(store: Store, grant: Grant) -> None:
    job = send(store, grant)
    assert store.jobs.get(job.id) == job
    assert (job.code, job.inputs, job.outputs) == (CODE, (INPUT,), ("t.csv",))
    assert (job.state, job.version, job.attempts) == (JobState.QUEUED, 1, 0)
    (sent,) = store.log.newest(limit=1)
    assert (sent.event.action, sent.event.object, sent.event.facts["job"]) == (
        "job.sent",
        f"job:{job.id}",
        job.id,
    )


def test_the_oldest_is_claimed_first_and_no_more_than_run_at_once(store: Store, grant: Grant) -> None:
    first, second, third = (send(store, grant) for _ in range(3))
    one, two = claim(store), claim(store)
    assert one is not None
    assert two is not None
    assert (one.id, two.id) == (first.id, second.id)
    assert claim(store) is None
    move(store, one, Verb.FINISH)
    three = claim(store)
    assert three is not None
    assert three.id == third.id


def test_a_job_is_claimed_once_by_many_workers(store: Store, grant: Grant) -> None:
    for _ in range(6):
        send(store, grant)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda n: claim(store, f"w{n}", at_once=100), range(12)))
    numbers = [job.id for job in claimed if job is not None]
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_an_end_that_comes_too_late_changes_nothing(store: Store, grant: Grant) -> None:
    send(store, grant)
    running = claim(store)
    assert running is not None
    move(store, running, Verb.CANCEL)
    before = store.log.head()
    with pytest.raises(Conflict, match="cancelled now"):
        move(store, running, Verb.FINISH)
    assert store.log.head() == before


def test_its_end_is_kept_with_what_it_wrote(store: Store, grant: Grant) -> None:
    send(store, grant)
    running = claim(store)
    assert running is not None
    log = JobFile(name="log.txt", sha256="d" * 64, size_bytes=5)
    made = Outcome(image="sha256:1", snapshot="s", log=log, results=(INPUT,))
    ended = move(store, running, Verb.FINISH, made)
    assert (ended.image, ended.snapshot, ended.log, ended.results) == ("sha256:1", "s", log, (INPUT,))
    assert store.jobs.tried(grant_id=grant.id, package_sha256="c" * 64) == ended
    assert store.jobs.tried(grant_id=grant.id, package_sha256="e" * 64) is None


def test_a_job_that_ended_early_has_a_reason(store: Store, grant: Grant) -> None:
    send(store, grant)
    running = claim(store)
    assert running is not None
    with pytest.raises(Conflict):  # the database itself says so
        move(store, running, Verb.FAIL)
    assert move(store, running, Verb.FAIL, Outcome(failure=Failure.TIME)).failure is Failure.TIME


def test_a_silent_worker_is_found_and_its_job_goes_back(store: Store, grant: Grant, clock: Clock) -> None:
    send(store, grant)
    running = claim(store)
    assert running is not None
    clock.forward(seconds=30)
    assert store.jobs.beat(running)
    clock.forward(seconds=50)
    late = clock() - timedelta(seconds=60)
    assert store.jobs.unheard(before=late) == ()
    assert [j.id for j in store.jobs.unheard(before=late, workers=["w1"])] == [running.id]
    clock.forward(seconds=11)
    assert store.jobs.unheard(before=clock() - timedelta(seconds=60))
    back = move(store, running, Verb.QUEUE_AGAIN)
    assert (back.state, back.worker, back.attempts) == (JobState.QUEUED, "", 1)
    assert not store.jobs.beat(running)
    again = claim(store, "w2")
    assert again is not None
    assert again.attempts == 2


def test_only_the_heartbeat_is_off_the_log() -> None:
    assert silent_writes(Jobs) == ["beat"]


def test_jobs_are_counted_by_phase_and_day(store: Store, grant: Grant, clock: Clock) -> None:
    send(store, grant)
    send(store, grant, Phase.RAW)
    since = clock()
    assert store.jobs.sent_since("ana", Phase.RAW, since) == 1
    assert store.jobs.sent_since("ana", Phase.RAW, since + timedelta(days=1)) == 0
    assert store.jobs.sent_since("ben", Phase.RAW, since) == 0
