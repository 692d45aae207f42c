"""The tour's credit model without hub and portal: real rows, real extracts, real containers, real review."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from sandbox.cli.launching import jobs_of
from sandbox.cli.working import alone, worker_of, works
from sandbox.demo import jobs as credit
from sandbox.demo.datasets import RECIPES, _write
from sandbox.demo.people import PEOPLE
from sandbox.domain.access import Grant
from sandbox.domain.application import Wish
from sandbox.domain.audit import Event
from sandbox.domain.errors import OperatorError
from sandbox.domain.job import Job, JobState, Phase
from sandbox.domain.people import Person
from sandbox.domain.policy import Mode
from sandbox.domain.release import Decision, Status
from sandbox.flows.work_jobs import WorkJobs
from sandbox.isolation.container import Images
from sandbox.isolation.containers import Containers
from sandbox.privacy.engine import LocalEngine
from sandbox.settings import CHECKOUT, Settings
from sandbox.store import Store
from sandbox.wiring import Sandbox, build
from tests.documents import blocks

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
OUTPUTS = ("coefficients.csv", "quality.csv")
NEVER_ENDS = ("forever.py", b"import time\nwhile True: time.sleep(1)\n")


@dataclass
class Desk:
    sandbox: Sandbox
    worker: WorkJobs
    grant: Grant
    containers: Containers

    def person(self, name: str) -> Person:
        found = self.sandbox.store.people.get(name)
        assert found is not None
        return found

    def send(self, code: tuple[str, bytes], phase: Phase = Phase.SAMPLE, outputs: Any = OUTPUTS) -> Job:
        return self.sandbox.run_job.send(
            self.person("cleo"), self.grant, code=code, outputs=outputs, phase=phase, context=credit.CONTEXT
        )

    def state(self, job: Job) -> JobState:
        now = self.sandbox.store.jobs.get(job.id)
        assert now is not None
        return now.state

    def names(self) -> list[str]:
        prefix = f"sandbox-{self.sandbox.settings.hub_port}-job-"
        return [name for name in self.containers.names("job") if name.startswith(prefix)]

    def wait(self, what: Any, *, within_s: float = 60) -> float:
        began = time.monotonic()
        while not what():
            assert time.monotonic() - began < within_s
            time.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("journey")
    port = 30_000 + os.getpid() % 20_000  # names the containers; nothing listens
    settings = Settings(home=home, policies=CHECKOUT / "policies", hub_port=port, extracts=home / "extracts")
    settings.run_dir.mkdir(parents=True)
    store = Store(settings.database, settings.home, hasher=PasswordHasher(1, 8, 1))
    for folder in (settings.data_keys_dir, settings.extracts_dir):
        folder.mkdir(parents=True)
    engine = LocalEngine(
        raw=settings.raw_dir,
        views=settings.views_dir,
        keys=settings.data_keys_dir,
        extracts=settings.extracts_dir,
    )
    sandbox = build(settings, engine=engine, store=store)
    for name, roles in PEOPLE.items():
        store.people.add(
            Person(name, frozenset(roles)),
            password="a long password",
            event=Event("t", "p", f"person:{name}"),
        )
    olga, cleo = store.people.get("olga"), store.people.get("cleo")
    assert olga is not None
    assert cleo is not None
    file = home / "german_credit.csv"
    _write(file, next(recipe for recipe in RECIPES if recipe.dataset == "german_credit"))
    policy_file = settings.policies / "datasets" / "german_credit.yaml"
    sandbox.publish_dataset(olga, policy_file=policy_file, files={"loans": file})
    words = {k: v for k, v in credit.APPLICATION.items() if k not in ("dataset", "mode")}
    made = sandbox.request_access.apply(cleo, dataset="german_credit", wish=Wish(mode=Mode.JOB, **words))
    sandbox.request_access.approve(olga, made.id)
    grant = sandbox.request_access.sign(cleo, made.id)
    assert grant is not None
    sandbox = replace(sandbox, run_job=replace(sandbox.run_job, limits=replace(sandbox.site.jobs, tick_s=1)))
    yield Desk(sandbox, replace(worker_of(sandbox), room=jobs_of(sandbox)), grant, Containers.of_this_host())
    assert list(settings.extracts_dir.iterdir()) == []  # no rows are left
    store.close()


def test_the_credit_model_goes_from_synthetic_rows_to_a_release(desk: Desk) -> None:
    code = ("credit_model.py", credit.CODE.encode())
    desk.send(code)
    sample = desk.worker.once()
    assert sample is not None
    view = desk.sandbox.job_views.one(desk.person("cleo"), sample.id)
    assert sample.state is JobState.FINISHED, view.log
    assert view.log.startswith("fitted on ")
    desk.send(code, Phase.RAW)
    raw = desk.worker.once()
    assert raw is not None
    assert raw.state is JobState.HANDED_IN, raw.failure
    record = desk.sandbox.job_views.behind(desk.person("rita"), raw.release)
    assert record.log == "fitted on 1000 applicants, 300 bad loans\n"
    release = desk.sandbox.store.releases.get(raw.release)
    for name in ("rita", "rosa"):
        assert release is not None
        release = desk.sandbox.review_release.vote(
            desk.person(name), release.id, version=release.version, decision=Decision.APPROVE, comment=""
        )
    assert release is not None
    assert release.status is Status.RELEASED
    assert desk.names() == []


def test_the_documents_model_in_r_goes_the_same_way(desk: Desk) -> None:
    """What docs/how-to/run-a-job.md shows: on made-up rows, then the very same on raw ones, and to the reviewers."""
    if not Images.read(desk.sandbox.settings.images_file).r:
        pytest.skip("the image of jobs in R is not built: sandbox images build r")
    (shown,) = blocks((CHECKOUT / "docs" / "how-to" / "run-a-job.md").read_text(), "r")
    code, outputs = ("scorecard.R", shown.encode()), ("coefficients.csv",)
    desk.send(code, outputs=outputs)
    sample = desk.worker.once()
    assert sample is not None
    view = desk.sandbox.job_views.one(desk.person("cleo"), sample.id)
    assert sample.state is JobState.FINISHED, view.log
    assert view.log.startswith("fitted on ")
    desk.send(code, Phase.RAW, outputs=outputs)
    raw = desk.worker.once()
    assert raw is not None
    assert raw.state is JobState.HANDED_IN, raw.failure
    assert desk.sandbox.job_views.one(desk.person("cleo"), raw.id).log == ""
    record = desk.sandbox.job_views.behind(desk.person("rita"), raw.release)
    assert (record.log, record.package.code) == ("fitted on 1000 applicants\n", code)
    assert record.job.image == Images.read(desk.sandbox.settings.images_file).r
    release = desk.sandbox.store.releases.get(raw.release)
    assert release is not None
    table = desk.sandbox.store.vault.get(release.files[0].sha256).decode()
    assert "credit_amount" in table
    assert [f.name for f in release.files] == ["coefficients.csv", "outputs.yaml"]
    for name in ("rita", "rosa"):
        release = desk.sandbox.review_release.vote(
            desk.person(name), release.id, version=release.version, decision=Decision.APPROVE, comment=""
        )
    assert release.status is Status.RELEASED
    assert desk.names() == []


def test_a_revoked_grant_ends_its_running_job_in_two_seconds(desk: Desk) -> None:
    """Held by a suspension here, which may be undone; a revoked grant goes the same way."""
    sent = desk.send(NEVER_ENDS)
    thread = threading.Thread(target=desk.worker.once)
    thread.start()
    desk.wait(lambda: any(desk.containers.running(name) for name in desk.names()))
    olga = desk.person("olga")
    desk.sandbox.suspend_dataset.suspend(olga, "german_credit", reason="Look at it again.")
    assert desk.wait(lambda: desk.names() == []) < 2.5
    thread.join()
    assert desk.state(sent) is JobState.HELD
    desk.sandbox.suspend_dataset.resume(olga, "german_credit", reason="It is all right.")
    assert desk.state(sent) is JobState.QUEUED
    desk.sandbox.run_job.cancel(desk.person("cleo"), sent.id)


def test_a_worker_that_is_told_to_end_gives_its_job_back(desk: Desk) -> None:
    sent = desk.send(NEVER_ENDS)
    ended = threading.Event()
    thread = threading.Thread(target=desk.worker.serve, args=(ended,))
    thread.start()
    desk.wait(lambda: any(desk.containers.running(name) for name in desk.names()))
    ended.set()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert (desk.state(sent), desk.names()) == (JobState.QUEUED, [])
    desk.sandbox.run_job.cancel(desk.person("cleo"), sent.id)


def test_one_worker_runs_at_a_time(desk: Desk) -> None:
    settings = desk.sandbox.settings
    assert not works(settings)
    with alone(settings):
        assert works(settings)
        with pytest.raises(OperatorError, match="Another worker"), alone(settings):
            pass
    assert not works(settings)
    assert not works(replace(settings, home=Path("/nowhere")))
