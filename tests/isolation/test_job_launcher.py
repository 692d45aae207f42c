"""The worker names a job; the launcher finds out the rest, and ends what nobody waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, UnixConnector, web

from sandbox.domain.errors import NotAllowed, OperatorError
from sandbox.domain.job import Failure, JobEnd, Package
from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.job_container import Cancelled
from sandbox.isolation.job_launcher import JobLauncher, LaunchedJobs, Opening, document_of, end_of
from sandbox.isolation.launcher_client import LauncherClient, Refused
from sandbox.isolation.launcher_service import doors, job_doors
from sandbox.settings import Settings
from tests.isolation.gate_world import run

END = JobEnd(failure=None, outputs=(("t.csv", b"n\n50\n"),), log=b"50\n\xff", image="sha256:1")
PACKAGE = Package(code=("a.py", b"1"), inputs=(), outputs=("t.csv",))


@dataclass
class Room:
    """In the container engine's place: runs until it is told to end, or at once."""

    at_once: bool = True
    ended: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)
    given: list[tuple[Any, ...]] = field(default_factory=list)
    kept: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, job_id: int, package: Package, **more: Any) -> JobEnd:
        self.given.append((job_id, package, more["data"], more["imports"]))
        self.began.set()
        while not self.at_once:
            if more["cancelled"]():
                self.ended.set()
                raise Cancelled
            threading.Event().wait(0.01)
        return END

    def clear(self, *, keep: Collection[str] = ()) -> tuple[str, ...]:
        self.kept.append(tuple(keep))
        return ("house-1-job-7",)


@dataclass
class World:
    room: Room
    data: Path
    worker: LaunchedJobs
    socket: Path
    jobs: JobLauncher


@asynccontextmanager
async def a_world(tmp_path: Path, *, at_once: bool = True, refuses: bool = False) -> AsyncIterator[World]:
    room, data = Room(at_once=at_once), tmp_path / "extracts" / "job-7"
    data.mkdir(parents=True)

    def opening(job_id: int) -> Opening:
        if refuses or job_id != 7:
            raise NotAllowed("Grant 1 was revoked.", clause="revocation")
        return Opening(package=PACKAGE, limits=JobLimits(), data=data, imports=None)

    jobs = JobLauncher(room=room, opening=opening)  # type: ignore[arg-type]
    app = job_doors(jobs)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    socket = tmp_path / "launcher.sock"
    await web.UnixSite(runner, str(socket)).start()
    try:
        yield World(room, data, LaunchedJobs(launcher=LauncherClient(socket)), socket, jobs)
    finally:
        room.at_once = True
        await runner.cleanup()


def never() -> bool:
    return False


def test_a_job_runs_with_what_the_launcher_found_out(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            assert await asyncio.to_thread(world.worker.run, 7, cancelled=never) == END
            assert world.room.given == [(7, PACKAGE, world.data, None)]
            await asyncio.to_thread(world.worker.clear)

    run(test())


def test_an_end_goes_over_the_wire_and_back() -> None:
    for end in (END, JobEnd(failure=Failure.MEMORY, log=b"\x00")):
        assert end_of(document_of(end)) == end


@pytest.mark.parametrize("job_id", [7, 8])
def test_a_job_that_may_not_run_starts_nothing(tmp_path: Path, job_id: int) -> None:
    async def test() -> None:
        async with a_world(tmp_path, refuses=True) as world:
            with pytest.raises(Refused, match="revoked") as refused:
                await asyncio.to_thread(world.worker.run, job_id, cancelled=never)
            assert (refused.value.code, refused.value.status) == (NotAllowed.code, NotAllowed.status)
            assert not world.room.given

    run(test())


@pytest.mark.parametrize("body", [{"image": "mine"}, {"data": "/"}, {"limits": {"memory_mib": 10**6}}])
def test_what_a_caller_says_of_a_job_is_not_read(tmp_path: Path, body: dict[str, Any]) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world, ClientSession(connector=UnixConnector(str(world.socket))) as c:
            async with c.post("http://launcher/jobs/7", json=body) as answer:
                await answer.read()
            assert world.room.given == [(7, PACKAGE, world.data, None)]
            for number in ("0", "-1", "7/../8", "x"):
                async with c.post(f"http://launcher/jobs/{number}") as answer:
                    assert answer.status in (403, 404)

    run(test())


def test_rows_that_are_a_link_are_not_shown(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path) as world:
            world.data.rmdir()
            world.data.symlink_to("/etc")
            with pytest.raises(Refused) as refused:
                await asyncio.to_thread(world.worker.run, 7, cancelled=never)
            assert refused.value.code == OperatorError.code
            assert not world.room.given

    run(test())


@pytest.mark.parametrize("how", ["cancelled", "gone"])
def test_a_job_that_nobody_waits_for_ends(tmp_path: Path, how: str) -> None:
    async def test() -> None:
        async with a_world(tmp_path, at_once=False) as world:
            if how == "cancelled":
                with pytest.raises(Cancelled):
                    await asyncio.to_thread(world.worker.run, 7, cancelled=world.room.began.is_set)
            else:  # as a worker that was killed
                async with ClientSession(connector=UnixConnector(str(world.socket))) as c:
                    waiting = asyncio.create_task(c.post("http://launcher/jobs/7"))
                    await asyncio.to_thread(world.room.began.wait, 10)
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
            assert await asyncio.to_thread(world.room.ended.wait, 10)

    run(test())


def test_a_launcher_that_is_away_or_lost_is_the_engines_failure(tmp_path: Path) -> None:
    worker = LaunchedJobs(launcher=LauncherClient(tmp_path / "launcher.sock"), wait_s=0)
    assert worker.run(7, cancelled=never).failure is Failure.ENGINE

    async def lost(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"\n\n")
        return response

    assert from_(tmp_path, lost).failure is Failure.ENGINE


def test_a_launcher_that_is_being_restarted_is_waited_for(tmp_path: Path) -> None:
    worker = LaunchedJobs(launcher=LauncherClient(tmp_path / "launcher.sock"))
    asked = threading.Event()

    def looked() -> bool:  # whether it was cancelled: asked while nobody listens
        asked.set()
        return False

    async def test() -> None:
        running = asyncio.create_task(asyncio.to_thread(worker.run, 7, cancelled=looked))
        await asyncio.to_thread(asked.wait, 10)
        async with a_world(tmp_path):
            assert await running == END

    run(test())


def test_a_job_is_cancelled_while_the_launcher_is_away(tmp_path: Path) -> None:
    worker = LaunchedJobs(launcher=LauncherClient(tmp_path / "launcher.sock"))
    with pytest.raises(Cancelled):
        worker.run(7, cancelled=lambda: True)


def test_what_no_job_owns_is_swept_and_what_runs_is_kept(tmp_path: Path) -> None:
    async def test() -> None:
        async with a_world(tmp_path, at_once=False) as world:
            running = asyncio.create_task(asyncio.to_thread(world.worker.run, 7, cancelled=never))
            await asyncio.to_thread(world.room.began.wait, 10)
            world.jobs.sweep()
            world.room.at_once = True
            await running
            world.jobs.sweep()
            assert world.room.kept == [("7",), ()]

    run(test())


@pytest.mark.parametrize("line", ["{", "[]", '{"failure": "sunshine"}', '{"failure": null, "outputs": 3}'])
def test_an_answer_that_is_none_is_the_engines_failure(tmp_path: Path, line: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f"{line}\n")

    assert from_(tmp_path, answer).failure is Failure.ENGINE


def from_(tmp_path: Path, answer: Callable[[web.Request], Any]) -> JobEnd:
    """What the worker makes of an answer."""

    async def asked() -> JobEnd:
        app = web.Application()
        app.router.add_post("/jobs/7", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.UnixSite(runner, str(tmp_path / "other.sock")).start()
        worker = LaunchedJobs(launcher=LauncherClient(tmp_path / "other.sock"))
        try:
            return await asyncio.to_thread(worker.run, 7, cancelled=never)
        finally:
            await runner.cleanup()

    return asyncio.run(asked())


def test_the_hub_has_no_verb_by_which_a_job_hands_it_what_it_wrote(tmp_path: Path) -> None:
    launcher: Any = None
    of_hub = {(r.method, r.resource.canonical) for r in doors(launcher).router.routes() if r.resource}
    jobs: Any = None
    of_worker = {(r.method, r.resource.canonical) for r in job_doors(jobs).router.routes() if r.resource}
    assert not any("jobs" in path for _, path in of_hub)
    assert {path for _, path in of_worker} == {"/jobs/{number}", "/jobs"}  # the control
    settings = Settings(home=tmp_path)
    assert settings.launcher_socket.parent not in (settings.jobs_socket.parent, *settings.jobs_socket.parents)
