"""Sent code through the portal: the API, the pages, and a researcher who looks for the outputs everywhere."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from sandbox.domain.access import Grant
from sandbox.domain.job import Failure, JobEnd
from sandbox.domain.policy import Mode
from sandbox.domain.release import Decision
from sandbox.flows.work_jobs import WorkJobs
from sandbox.portal import pages
from sandbox.portal.api import PARTS
from sandbox.settings import Settings
from tests.flows.working import FakeRoom, FakeRows
from tests.portal.example_world import LOANS, Door, World, loans_csv
from tests.portal.markup import dangers, text_of

CODE = b"import sandbox\nrows = sandbox.data()\nprint(len(rows))\n"
SYNTHETIC = b"sex,n\nfemale,11111\nmale,22222\n"
SECRET = b"sex,n\nfemale,33333\nmale,44444\n"
PRINTED = b"amount of applicant 7: 55555\n"
CONTEXT = "Applicants by sex, for the yearly report."
# What a reader of the outputs, or of the log, would have.
TRACES = ("33333", "44444", "55555", hashlib.sha256(SECRET).hexdigest(), hashlib.sha256(PRINTED).hexdigest())


@dataclass
class Desk:
    """Ana's grant that runs code, and a worker without containers."""

    world: World
    grant: Grant
    room: FakeRoom
    worker: WorkJobs

    def send(self, who: Door | None = None, **fields: Any) -> Any:
        files = [("code", ("analysis.py", CODE)), ("inputs", ("words.txt", b"hello"))]
        told = {"outputs": json.dumps(["by_sex.csv"]), "grant": str(self.grant.id), **fields}
        return (who or self.world.program("ana")).post("/jobs", data=told, files=files)

    def tried(self) -> int:
        self.room.end = JobEnd(
            failure=None, outputs=(("by_sex.csv", SYNTHETIC),), log=b"1000\n", image="sha256:1"
        )
        number = int(self.send().json()["id"])
        self.worker.once()
        return number

    def handed_in(self) -> tuple[int, int]:
        """Numbers of a job on raw rows, and of the request that it handed in."""
        sample = self.tried()
        self.room.end = JobEnd(failure=None, outputs=(("by_sex.csv", SECRET),), log=PRINTED, image="sha256:1")
        job = self.world.program("ana").post(f"/jobs/{sample}/raw", json={"context": CONTEXT}).json()["id"]
        self.worker.once()
        release = self.world.program("ana").get(f"/jobs/{job}").json()["release"]
        return int(job), int(release)


@pytest.fixture
def desk(world: World) -> Desk:
    world.publish(
        "loans", LOANS.replace("modes: [query]", "modes: [query, job]"), {"applications": loans_csv()}
    )
    grant = world.granted(project="Code", mode=Mode.JOB)
    room = FakeRoom()
    sandbox = world.sandbox

    def rest(lost: threading.Event, seconds: float) -> None:
        world.clock.now += timedelta(seconds=seconds)

    worker = WorkJobs(
        store=sandbox.store,
        run_job=sandbox.run_job,
        hold_jobs=sandbox.hold_jobs,
        review=sandbox.review_release,
        rows=FakeRows(),
        room=room,
        worker="worker-1",
        rest=rest,
    )
    return Desk(world, grant, room, worker)


def test_code_is_sent_tried_and_read(desk: Desk) -> None:
    sent = desk.send()
    assert sent.status_code == 201
    assert (sent.json()["state"], sent.json()["allowed_actions"]) == ("queued", ["cancel"])
    number = desk.tried() - 1
    desk.worker.once()
    shown = desk.world.program("ana").get(f"/jobs/{number}").json()
    assert (shown["state"], shown["log"], shown["allowed_actions"]) == (
        "finished",
        "1000\n",
        ["read", "send_raw"],
    )
    file = desk.world.program("ana").get(f"/jobs/{number}/files/by_sex.csv")
    assert (file.status_code, file.content) == (200, SYNTHETIC)
    assert file.headers["content-disposition"] == 'attachment; filename="by_sex.csv"'


def _filled(path: str, job: int, release: int, names: tuple[str, ...]) -> list[str]:
    """An address of the portal with every value that could be of use put in."""
    values = {"job_id": (job,), "release_id": (release,), "name": names, "file_name": names}
    holes = re.findall(r"{([a-z_]+)(?::[a-z]+)?}", path)
    choices = itertools.product(*(values.get(hole, ("loans", 1, release, job)) for hole in holes))
    filled = []
    for chosen in choices:
        address = path
        for value in chosen:
            address = re.sub(r"{[^}]*}", str(value), address, count=1)
        filled.append(address)
    return filled


def _everything_that_ana_may_ask(desk: Desk, job: int, release: int) -> dict[str, str]:
    """Every address of the API and every page, read by ana in person, and by her notebook."""
    names = ("by_sex.csv", "log.txt", "analysis.py")
    seen = {}
    for part in PARTS:
        for route in part.routes:
            if isinstance(route, Route) and "GET" in (route.methods or ()):
                for path in _filled(route.path, job, release, names):
                    for token in ("token-of-ana", f"notebook-{desk.grant.id}-of-ana"):
                        seen[f"api {path} {token}"] = desk.world.program(token=token).get(path).text
    for part in pages.PARTS:
        for route in part.routes:
            if isinstance(route, Route) and "GET" in (route.methods or ()) and "logout" not in route.path:
                for path in _filled(route.path, job, release, names):
                    seen[f"page {path}"] = desk.world.browser("ana").get(path).text
    return seen


def _found(seen: dict[str, str]) -> dict[str, list[str]]:
    found = {place: [trace for trace in TRACES if trace in text] for place, text in seen.items()}
    return {place: traces for place, traces in found.items() if traces}


def test_a_researcher_finds_nothing_of_a_jobs_outputs_before_their_release(desk: Desk) -> None:
    """By any address of the API and on any page, in any state of the request."""
    job, release = desk.handed_in()
    seen = _everything_that_ana_may_ask(desk, job, release)
    assert len(seen) > 100
    assert _found(seen) == {}
    # The control: a reviewer finds them where ana asked, and the search would have seen them.
    rita = desk.world.program("rita").get(f"/releases/{release}/job").json()
    assert rita["log"] == PRINTED.decode()
    page = desk.world.browser("rita").get(f"/releases/{release}").text
    assert _found({"page": page})
    assert _found({"api": desk.world.program("rita").get(f"/releases/{release}").text})


def test_nor_when_it_was_returned(desk: Desk) -> None:
    job, release = desk.handed_in()
    now = desk.world.sandbox.store.releases.get(release)
    assert now is not None
    desk.world.voted(
        now,
        ("rita", Decision.RETURN, "Please round the counts."),
        ("ravi", Decision.RETURN, "Please round the counts."),
    )
    seen = _everything_that_ana_may_ask(desk, job, release)
    assert _found(seen) == {}
    assert "Please round the counts." in seen[f"api /releases/{release} token-of-ana"]


def test_once_released_she_finds_them(desk: Desk) -> None:
    _, release = desk.handed_in()
    now = desk.world.sandbox.store.releases.get(release)
    assert now is not None
    desk.world.voted(now, ("rita", Decision.APPROVE, ""), ("ravi", Decision.APPROVE, ""))
    assert "33333" in desk.world.browser("ana").get(f"/releases/{release}").text
    assert desk.world.program("ana").get(f"/releases/{release}/crate").status_code == 200
    assert PRINTED.decode() not in desk.world.browser("ana").get(f"/releases/{release}").text


def test_reviewers_alone_read_that_a_check_failed_and_that_approval_is_barred(desk: Desk) -> None:
    _, good = desk.handed_in()
    page = text_of(desk.world.browser("rita").get(f"/releases/{good}").text)
    assert "It may leave as it is." in page
    assert "A check failed." not in page
    desk.room.end = replace(desk.room.end, outputs=(("by_sex.csv", b"sex,n\nfemale,3\nmale,44444\n"),))
    desk.world.program("ana").post("/jobs/1/raw", json={"context": CONTEXT})
    desk.worker.once()
    page = text_of(desk.world.browser("rita").get(f"/releases/{good + 1}").text)
    assert "A check failed. Its requester is not told" in page
    assert "Not possible: a check failed on what a job made." in page
    page = text_of(desk.world.browser("ana").get(f"/releases/{good + 1}").text)
    assert "waits for the reviewers" in page
    assert "A check failed" not in page


@pytest.mark.parametrize("failure", [Failure.PROGRAM, Failure.MEMORY, Failure.OUTPUTS])
def test_a_failure_on_raw_rows_tells_its_reason_and_no_more(desk: Desk, failure: Failure) -> None:
    sample = desk.tried()
    desk.room.end = JobEnd(failure=failure, outputs=(), log=PRINTED, image="sha256:1")
    ana = desk.world.program("ana")
    job = ana.post(f"/jobs/{sample}/raw", json={"context": CONTEXT}).json()["id"]
    desk.worker.once()
    shown = ana.get(f"/jobs/{job}").json()
    assert (shown["state"], shown["failure"], shown["log"], shown["results"]) == (
        "ended_early",
        str(failure),
        None,
        None,
    )
    assert _found(_everything_that_ana_may_ask(desk, int(job), 1)) == {}


def test_that_a_job_ended_early_is_over_once_another_is_sent(desk: Desk) -> None:
    def dealt_with() -> list[bool]:
        found = desk.world.program("ana").get("/notices?topic=job").json()["notices"]
        return [one["dealt_with"] for one in found if one["kind"] == "job.ended_early"]

    desk.room.end = JobEnd(failure=Failure.PROGRAM, outputs=(), log=b"no such column", image="sha256:1")
    desk.send()
    desk.worker.once()
    assert dealt_with() == [False]
    desk.send()
    assert dealt_with() == [True]
    (one,) = desk.world.program("ana").get("/notices?topic=job").json()["notices"]
    assert desk.world.program("ana").post(f"/notices/{one['notice']}/read").json()["dealt_with"]


def test_a_notebook_sends_under_its_own_grant_only(desk: Desk) -> None:
    other = desk.world.granted(project="Other", mode=Mode.JOB)
    notebook = desk.world.program(token=f"notebook-{desk.grant.id}-of-ana")
    assert desk.send(notebook, grant=str(other.id)).status_code == 403
    number = desk.send(notebook).json()["id"]
    strange = desk.world.program(token=f"notebook-{other.id}-of-ana")
    for refused in (
        strange.get(f"/jobs/{number}"),
        strange.post(f"/jobs/{number}/cancel"),
        strange.post(f"/jobs/{number}/raw", json={"context": CONTEXT}),
        strange.get(f"/jobs/{number}/files/by_sex.csv"),
    ):
        assert refused.status_code == 403
    assert strange.get("/jobs").json() == []
    assert notebook.post(f"/jobs/{number}/cancel").json()["state"] == "cancelled"  # the control


def test_others_are_told_that_there_is_no_such_job(desk: Desk) -> None:
    number = desk.tried()
    ben = desk.world.program("ben")
    assert ben.get(f"/jobs/{number}").status_code == 404
    assert ben.get(f"/jobs/{number}").json()["error"]["message"] == ben.get("/jobs/99").json()["error"][
        "message"
    ].replace("99", str(number))
    assert ben.get(f"/jobs/{number}/files/by_sex.csv").status_code == 404
    assert desk.world.browser("ben").get(f"/jobs/{number}").status_code == 404


def test_the_code_behind_a_request_is_for_its_reviewers(desk: Desk) -> None:
    _, release = desk.handed_in()
    for name in ("ana", "ben", "olga", "august"):
        assert desk.world.program(name).get(f"/releases/{release}/job").status_code == 404
    told = desk.world.program("rita").get(f"/releases/{release}/job").json()
    assert (told["code"]["text"], told["image"]) == (CODE.decode(), "sha256:1")
    assert told["snapshot"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"outputs": "by_sex.csv"}, "outputs"),
        ({"outputs": '["a\\n.csv"]'}, "file"),
        ({"outputs": "[]"}, "outputs"),
        ({"outputs": "[" * 9000}, "outputs"),
    ],
)
def test_a_mistake_is_named(desk: Desk, fields: dict[str, str], where: str) -> None:
    refused = desk.send(**fields)
    assert refused.status_code == 422
    assert refused.json()["error"]["where"] == where


def test_the_pages_lead_from_the_sample_to_the_reviewers(desk: Desk) -> None:
    sample = desk.tried()
    ana = desk.world.browser("ana")
    page = ana.get(f"/jobs/{sample}").text
    assert "11111" in page
    short = ana.send(f"/jobs/{sample}/raw", context="short")
    assert short.status_code == 422
    assert "A request needs a context." in short.text
    desk.room.end = replace(desk.room.end, outputs=(("by_sex.csv", SECRET),))
    sent = ana.send(f"/jobs/{sample}/raw", context=CONTEXT)
    assert sent.status_code == 303
    waiting = ana.get(sent.headers["location"].removeprefix("/services/portal"))
    assert waiting.headers["refresh"]
    desk.worker.once()
    page = ana.get("/jobs").text
    assert "See request 1" in page
    assert "A job made these files" in ana.get("/releases/1").text


def test_r_is_offered_where_its_image_was_built_and_said_to_be_missing_elsewhere(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "images.json"
    monkeypatch.setattr(Settings, "images_file", property(lambda self: file))
    files = [("code", ("analysis.R", b"rows <- sandbox::data()\n"))]
    told = {"outputs": '["t.csv"]', "grant": str(desk.grant.id)}
    ana, browser = desk.world.program("ana"), desk.world.browser("ana")
    for roles, status, said in (
        (("gate", "engine", "notebook"), 403, "the operator adds it with"),
        (("gate", "engine", "notebook", "r"), 201, "analysis.R"),
    ):
        file.write_text(json.dumps({role: {"digest": f"sha256:{1:064x}"} for role in roles}))
        answer = ana.post("/jobs", data=told, files=files)
        assert answer.status_code == status
        page = text_of(browser.get("/jobs").text)
        assert said in page
        assert ("the operator adds it" in page) is (status == 403)
        if status == 403:
            assert answer.json()["error"]["clause"] == "image r"
            assert "sandbox images build r" in answer.json()["error"]["fix"]


def test_code_is_shown_as_text(desk: Desk) -> None:
    hostile = b"# <script>alert(1)</script> <img src=x onerror=alert(1)>\n"
    files = [("code", ("analysis.py", hostile))]
    told = {"outputs": '["t.csv"]', "grant": str(desk.grant.id)}
    number = desk.world.program("ana").post("/jobs", data=told, files=files).json()["id"]
    desk.room.end = JobEnd(failure=None, outputs=(("t.csv", hostile),), log=hostile, image="sha256:1")
    desk.worker.once()
    page = desk.world.browser("ana").get(f"/jobs/{number}").text
    assert dangers(page) == []
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("verb", ["cancel", "raw"])
def test_a_form_of_another_site_changes_no_job(desk: Desk, verb: str) -> None:
    number = desk.tried() if verb == "raw" else int(desk.send().json()["id"])
    ana = desk.world.browser("ana")
    before = desk.world.sandbox.store.log.head()
    for token in ({}, {"form_token": "0" * 64}, {"form_token": desk.world.browser("ben").form_token()}):
        assert ana.post(f"/jobs/{number}/{verb}", data={"context": CONTEXT, **token}).status_code == 403
    assert desk.world.sandbox.store.log.head() == before
    assert ana.send(f"/jobs/{number}/{verb}", context=CONTEXT).status_code == 303  # the positive control
