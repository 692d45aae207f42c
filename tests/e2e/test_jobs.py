"""Sent code in real containers: what is asked of it, and what hostile code makes of it. Nothing is left behind."""

from __future__ import annotations

import json
import os
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.domain.job import Failure, JobEnd, Language, Package
from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.containers import Containers
from sandbox.isolation.job_container import Cancelled, LocalJobRoom
from sandbox.isolation.lockdown import own_seccomp
from tests.e2e import rooms

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

LIMITS = JobLimits(memory_mib=256, minutes=1, work_mib=32, output_mib=2, processes=64, open_files=512)
PREFIX = f"test-{os.getpid()}-job-"
NEVER = lambda: False  # noqa: E731


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    opened = Containers.of_this_host()
    yield opened
    left = [name for name in opened.names("job") if name.startswith(PREFIX)]
    for name in left:
        opened.remove(name)
    assert left == []  # no orphan


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extract")
    folder.chmod(0o755)
    (folder / "rows.csv").write_text("id,amount\n1,10\n2,20\n")
    (folder / "rows.csv").chmod(0o444)
    return folder


@pytest.fixture(scope="module")
def room(containers: Containers) -> LocalJobRoom:
    return LocalJobRoom(
        containers=containers,
        image=lambda language: rooms.images().of_jobs(language),
        seccomp=own_seccomp(),
        prefix=PREFIX,
    )


Run = Callable[..., JobEnd]


@pytest.fixture
def run(room: LocalJobRoom, data: Path) -> Run:
    def go(
        code: str,
        *,
        name: str = "analysis.py",
        outputs: tuple[str, ...] = ("t.csv",),
        inputs: tuple[tuple[str, bytes], ...] = (),
        limits: JobLimits = LIMITS,
        cancelled: Callable[[], bool] = NEVER,
    ) -> JobEnd:
        package = Package(code=(name, textwrap.dedent(code).encode()), inputs=inputs, outputs=outputs)
        return room.run(1, package, limits=limits, data=data, imports=None, cancelled=cancelled)

    return go


WRITE = "open('outbox/t.csv', 'w').write('n\\n2\\n')\n"


def test_code_reads_the_rows_and_writes_what_it_declared(run: Run) -> None:
    end = run(
        """
        import helper
        rows = open('/data/rows.csv').read().splitlines()
        print('read', len(rows), helper.WORD, open('words.txt').read())
        open('outbox/t.csv', 'w').write('n\\n%d\\n' % (len(rows) - 1))
        open('outbox/other.txt', 'w').write('not declared')
        """,
        inputs=(("helper.py", b"WORD = 'hello'"), ("words.txt", b"there")),
    )
    assert end.failure is None
    assert end.outputs == (("t.csv", b"n\n2\n"),)
    assert end.log == b"read 3 hello there\n"
    assert end.image.startswith("sha256:")


def test_a_notebook_runs_and_leaves_executed_where_it_is_declared(run: Run) -> None:
    cell = {
        "cell_type": "code",
        "source": WRITE + "print(6 * 7)",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    book = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    end = run(book, name="study.ipynb", outputs=("t.csv", "study.ipynb"))
    assert end.failure is None, end.log
    executed = json.loads(dict(end.outputs)["study.ipynb"])
    assert "42" in json.dumps(executed["cells"][0]["outputs"])


def test_it_has_no_network_and_nothing_of_the_host(run: Run) -> None:
    end = run(
        """
        import os, socket
        print([line.split(':')[0].strip() for line in open('/proc/net/dev')][2:])
        print([l.split()[1] for l in open('/proc/mounts') if l.split()[1].startswith(('/data', '/imports', '/gate'))])
        try:
            open('/data/new', 'w')
        except OSError as refused:
            print(refused.errno)
        """
        + WRITE
    )
    assert end.log == b"['lo']\n['/data']\n30\n"


HOSTILE: dict[str, tuple[str, Failure]] = {
    "an error": ("raise ValueError('row 17: amount 4711')", Failure.PROGRAM),
    "exit 137": ("import os; os._exit(137)", Failure.PROGRAM),
    "killed by itself": ("import os; os.kill(os.getpid(), 9)", Failure.PROGRAM),
    "kills the runner": ("import os; os.kill(os.getppid(), 9); import time; time.sleep(60)", Failure.PROGRAM),
    "too much memory": ("x = bytearray(1 << 30); print(len(x))", Failure.MEMORY),
    "fills its disk": (
        "f = open('big', 'wb')\nwhile True: f.write(b'x' * 1000000); f.flush()",
        Failure.PROGRAM,
    ),
    "fills the outbox": (
        "f = open('outbox/t.csv', 'wb')\nwhile True: f.write(b'x' * 100000); f.flush()",
        Failure.PROGRAM,
    ),
    "makes files without end": (
        "import itertools\nfor i in itertools.count(): open(f'f{i}', 'w').close()",
        Failure.PROGRAM,
    ),
    "writes nothing": ("print('done')", Failure.OUTPUTS),
    "a sparse file": ("import os; os.truncate(os.open('outbox/t.csv', 66), 30000000)", Failure.OUTPUTS),
    "a link": ("import os; os.symlink('/data/rows.csv', 'outbox/t.csv')", Failure.OUTPUTS),
    "a pipe": ("import os; os.mkfifo('outbox/t.csv')", Failure.PROGRAM),  # no such call in here
    "a folder": ("import os; os.mkdir('outbox/t.csv')", Failure.OUTPUTS),
    "a name with a newline": ("open('outbox/t.csv\\n', 'w').write('x')", Failure.OUTPUTS),
    "writes into the stream": (
        "import os; f = open(f'/proc/{os.getppid()}/fd/1', 'wb')\n"
        "f.write(b'F' + (36).to_bytes(4, 'big') + b'{\"name\": \"evil\\\\n.csv\", \"size\": 10000}'.ljust(36)); f.flush()\n",
        Failure.OUTPUTS,
    ),
}


@pytest.mark.parametrize("attack", list(HOSTILE))
def test_hostile_code_ends_as_one_of_five_reasons(run: Run, attack: str) -> None:
    code, failure = HOSTILE[attack]
    end = run(code)
    assert (end.failure, end.outputs) == (failure, ())


def test_a_fork_bomb_ends_with_the_clock(run: Run) -> None:
    began = time.monotonic()
    code = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"
    end = run(code, limits=replace(LIMITS, minutes=0))
    assert end.failure is Failure.TIME
    assert time.monotonic() - began < 60


def test_what_never_ends_is_ended(room: LocalJobRoom, data: Path) -> None:
    from sandbox.isolation import job_container
    from sandbox.isolation.job_profile import job_profile

    settings = job_profile(
        2, image=room.image(Language.PYTHON), limits=LIMITS, seccomp=room.seccomp, data=data
    )
    ticks = iter([0.0, *([1.0] * 10)])
    end = job_container.run(
        room.containers,
        settings,
        name=f"{PREFIX}2",
        package=Package(code=("a.py", b"while True: pass"), inputs=(), outputs=("t.csv",)),
        limits=LIMITS,
        cancelled=NEVER,
        clock=lambda: next(ticks, 61.0),
    )
    assert end.failure is Failure.TIME


def test_gigabytes_printed_leave_the_end_of_a_log(run: Run) -> None:
    code = "import os\nfor _ in range(2000): os.write(1, b'x' * 1000000)\nos.write(1, b'the end')\n" + WRITE
    end = run(code)
    assert end.failure is None
    assert len(end.log) == 64 * 1024
    assert end.log.endswith(b"the end")


def test_a_child_that_stays_holds_nothing_up(run: Run) -> None:
    code = "import os, time\nif os.fork() == 0: time.sleep(600)\nelse:\n    " + WRITE
    assert run(code).failure is None


def test_a_cancelled_run_ends_within_two_seconds(run: Run, containers: Containers) -> None:
    began: list[float] = []

    def cancelled() -> bool:
        if not began and containers.running(f"{PREFIX}1"):
            began.append(time.monotonic())
        return bool(began)

    with pytest.raises(Cancelled):
        run("import time; time.sleep(600)", cancelled=cancelled)
    assert time.monotonic() - began[0] < 2
    assert not containers.running(f"{PREFIX}1")


def test_a_container_that_is_taken_away_is_the_engines_failure(run: Run, containers: Containers) -> None:
    def take_away() -> None:
        while not containers.running(f"{PREFIX}1"):
            time.sleep(0.05)
        containers.remove(f"{PREFIX}1")

    thief = threading.Thread(target=take_away)
    thief.start()
    end = run("import time; time.sleep(600)")
    thief.join()
    assert end.failure is Failure.ENGINE


def test_an_image_that_is_gone_is_the_engines_failure_and_said_to_the_operator(
    room: LocalJobRoom, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = replace(room, image=lambda _: "sandbox-notebook:there-is-none")
    package = Package(code=("a.py", b"1"), inputs=(), outputs=("t.csv",))
    end = gone.run(1, package, limits=LIMITS, data=data, imports=None, cancelled=NEVER)
    assert end.failure is Failure.ENGINE
    assert "there-is-none is not there" in caplog.text
    assert "make images" in caplog.text
    assert f"{PREFIX}1" not in room.containers.names("job")


def test_what_a_dead_worker_left_is_removed(room: LocalJobRoom, data: Path) -> None:
    from sandbox.isolation.job_profile import job_profile

    settings = job_profile(
        7, image=room.image(Language.PYTHON), limits=LIMITS, seccomp=room.seccomp, data=data
    )
    room.containers.start(settings, name=f"{PREFIX}7", command=["sleep", "600"])
    assert room.clear() == (f"{PREFIX}7",)
    assert room.clear() == ()
