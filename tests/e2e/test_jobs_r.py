"""Code in R in real containers: the same stream, the same five reasons, and tables that come as they were written."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.errors import OperatorError
from sandbox.domain.job import Failure, JobEnd, Language, Package, RowFiles
from sandbox.domain.outputs import DECLARATIONS
from sandbox.domain.site_policy import JobLimits
from sandbox.isolation.containers import Containers
from sandbox.isolation.job_container import LocalJobRoom
from sandbox.isolation.lockdown import own_seccomp
from sandbox.privacy.base.made_up import made_up_rows
from sandbox.privacy.publishing.extracting import write_sample
from sandbox.settings import CHECKOUT
from tests.e2e import rooms
from tests.privacy.made_up import COLUMNS, hospital

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

LIMITS = JobLimits(memory_mib=512, minutes=1, work_mib=32, output_mib=2, processes=64, open_files=512)
PREFIX = f"test-{os.getpid()}-job-r-"
TEXTS: Mapping[str, str | None] = {
    "p1": "a,b",
    "p2": 'a"b',
    "p3": '"',
    "p4": "x\ny",
    "p5": "x\r\ny",
    "p6": "x\ry",
    "p7": "NA",
    "p8": "",
    "p9": None,
    "p10": " 007 ",
    "p11": 'x\n"p1","female",1,true\n',
    "p12": "ü€😀",
    "p13": "\\n\t#'",
    "p14": "TRUE",
    "p15": "1e5",
}


@pytest.fixture(scope="module")
def room() -> Iterator[LocalJobRoom]:
    if not rooms.images().r:
        pytest.skip("the image of jobs in R is not built: sandbox images build r")
    containers = Containers.of_this_host()
    yield LocalJobRoom(
        containers=containers,
        image=lambda language: rooms.images().of_jobs(language),
        seccomp=own_seccomp(),
        prefix=PREFIX,
    )
    left = [name for name in containers.names("job") if name.startswith(PREFIX)]
    for name in left:
        containers.remove(name)
    assert left == []  # no orphan


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables as the worker makes them for R: one with cells of every kind, one for a model."""
    out = tmp_path_factory.mktemp("extracts")
    out.chmod(0o755)
    first = made_up_rows(hospital(), 1)["visits"][0]
    big = (2**31 - 1, 2**31, -5, None, 2**53)
    cells = [
        {**first, "patient_id": p, "city": city, "age": big[n % 5], "smoker": (True, False, None)[n % 3]}
        for n, (p, city) in enumerate(TEXTS.items())
    ]
    policy = hospital()
    (visits,) = policy.tables.values()
    policy = replace(policy, tables={"visits": visits, "many": visits, "none": visits})
    rows = {"visits": cells, "many": made_up_rows(hospital(), 500)["visits"], "none": []}
    wanted = {name: [c for c in COLUMNS if c != "patient_id"] for name in rows}
    write_sample(policy, rows, wanted, out=out, target="job-1", max_bytes=10**7, form=RowFiles.CSV)
    return out / "job-1"


Run = Callable[..., JobEnd]


@pytest.fixture
def run(room: LocalJobRoom, data: Path) -> Run:
    def go(code: str, *, outputs: tuple[str, ...] = ("t.csv",), **more: Any) -> JobEnd:
        package = Package(
            code=(more.pop("name", "analysis.R"), textwrap.dedent(code).encode()),
            inputs=more.pop("inputs", ()),
            outputs=outputs,
        )
        words: dict[str, Any] = {"limits": LIMITS, "data": data, "imports": None, "cancelled": lambda: False}
        return room.run(1, package, **{**words, **more})

    return go


def test_it_reads_a_table_writes_one_and_says_what_it_is(run: Run) -> None:
    end = run(
        """
        source("helper.R")
        visits <- sandbox::data("many")
        table <- aggregate(list(mean_age = visits$age), by = list(sex = visits$sex), FUN = mean)
        table$n <- as.vector(table(visits$sex))
        sandbox::output(table, "t.csv", kind = "magnitude", dims = "sex",
                        statistics = list(mean_age = "mean"), units = "n")
        cat(word, nrow(visits), sandbox::tables(), "\\n")
        """,
        inputs=(("helper.R", b'word <- "read"\n'),),
    )
    assert (end.failure, end.log) == (None, b"read 500 many none visits \n")
    (name, table), (about, told) = end.outputs
    assert (name, about) == ("t.csv", DECLARATIONS)
    assert table.decode().splitlines()[0] == "sex,mean_age,n"
    assert json.loads(told) == {
        "format": "sandbox-outputs-v1",
        "files": {
            "t.csv": {
                "kind": "magnitude",
                "dims": ["sex"],
                "statistics": {"mean_age": "mean"},
                "units": "n",
            }
        },
    }
    assert end.image == rooms.images().r


def test_every_cell_comes_as_it_was_written(run: Run) -> None:
    end = run(
        """
        visits <- sandbox::data("visits")
        kinds <- vapply(visits, function(column) class(column)[[1]], "")
        none <- sandbox::data("none")
        told <- list(kinds = as.list(kinds), city = visits$city, age = sprintf("%.0f", visits$age), smoker = visits$smoker,
                     none = nrow(none), names = names(none))
        jsonlite::write_json(told, sandbox::outbox("t.csv"), auto_unbox = TRUE, na = "null")
        """
    )
    assert end.failure is None, end.log
    told = json.loads(dict(end.outputs)["t.csv"])
    assert told["kinds"] == {
        "patient_id": "character",
        "sex": "character",
        "ward": "integer",
        "smoker": "logical",
        "age": "numeric",  # some are larger than R's integers
        "cost": "numeric",
        "weight": "numeric",
        "admitted": "Date",
        "city": "character",
    }
    assert told["city"] == list(TEXTS.values())
    assert told["age"] == [str(2**31 - 1), str(2**31), "-5", "NA", str(2**53)] * 3
    assert told["smoker"] == [True, False, None] * 5
    assert (told["none"], told["names"]) == (0, list(COLUMNS))


def test_a_number_that_r_cannot_hold_exactly_is_said(run: Run) -> None:
    too_large = run('x <- sandbox:::whole("9007199254740994")\n' + WRITE)
    assert b"too large to be exact" in too_large.log
    assert run('x <- sandbox:::whole("9007199254740992")\n' + WRITE).log == b""  # the control


def test_rows_that_are_not_all_read_end_the_job(run: Run, data: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.mkdir(mode=0o755)
    for file in data.iterdir():
        (cut / file.name).write_bytes(file.read_bytes())
    lines = (cut / "many.csv").read_bytes().splitlines(keepends=True)
    (cut / "many.csv").write_bytes(b"".join(lines[:-1]))
    end = run('visits <- sandbox::data("many")\n' + WRITE, data=cut)
    assert (end.failure, b"cannot be read as they were written" in end.log) == (Failure.PROGRAM, True)
    assert run('visits <- sandbox::data("many")\n' + WRITE).failure is None  # the control


WRITE = "writeLines(c('n', '2'), 'outbox/t.csv')\n"


def test_a_name_with_spaces_is_run(run: Run) -> None:
    assert run(WRITE, name="my analysis 2.R").failure is None


def test_each_package_of_the_image_loads(run: Run) -> None:
    listed = (CHECKOUT / "images" / "r" / "packages").read_text().splitlines()
    wanted = [line.removeprefix("r-cran-") for line in listed if line.startswith("r-cran-")]
    assert "survey" in wanted
    names = ", ".join(f"'{name}'" for name in [*wanted, "survival", "MASS", "mgcv", "nlme", "boot"])
    end = run(f"for (p in c({names})) suppressMessages(library(p, character.only = TRUE))\n{WRITE}")
    assert end.failure is None, end.log


def test_a_plot_is_drawn_without_a_screen(run: Run) -> None:
    end = run(
        """
        png(sandbox::outbox("p.png"), width = 300, height = 200)
        print(ggplot2::ggplot(sandbox::data("many"), ggplot2::aes(sex)) + ggplot2::geom_bar())
        invisible(dev.off())
        sandbox::output(NULL, "p.png", kind = "plot")
        """,
        outputs=("p.png",),
    )
    assert end.failure is None, end.log
    assert dict(end.outputs)["p.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('sandbox::data("nobody")', "no such table here. Choose from many, none, visits."),
        ("sandbox::data()", "several tables"),
        ('sandbox::outbox("../t.csv")', "bare name"),
        ('sandbox::output(data.frame(a = 1), "t.csv", kind = "table")', "no kind of output"),
        ('sandbox::output(data.frame(a = 1), "t.csv", kind = "frequency", dims = "b")', "no column b"),
        ('sandbox::imported("x.csv")', "was not let in"),
    ],
)
def test_a_mistake_is_said_in_words(run: Run, code: str, words: str) -> None:
    end = run(code)
    assert end.failure is Failure.PROGRAM
    assert words in end.log.decode()


def test_what_was_let_in_is_found(run: Run, tmp_path: Path) -> None:
    imports = tmp_path / "imports"
    (imports / "files").mkdir(parents=True)
    (imports / "files" / "regions.csv").write_text("a\n1\n")
    for path in (tmp_path, imports, imports / "files"):
        path.chmod(0o755)
    end = run(f'print(read.csv(sandbox::imported("regions.csv"))$a)\n{WRITE}', imports=imports)
    assert (end.failure, end.log) == (None, b"[1] 1\n")


def test_it_has_no_network_and_writes_nothing_beside_its_rows(run: Run) -> None:
    end = run(
        """
        cat(trimws(sub(":.*", "", readLines("/proc/net/dev")[-(1:2)])), "\\n")
        asked <- try(suppressWarnings(url("http://192.0.2.1/", open = "r")), silent = TRUE)
        written <- try(suppressWarnings(writeLines("x", "/data/new")), silent = TRUE)
        cat(inherits(asked, "try-error"), inherits(written, "try-error"), "\\n")
        """
        + WRITE
    )
    assert end.log == b"lo \nTRUE TRUE \n"


def test_nothing_of_a_profile_or_an_earlier_session_is_run(run: Run) -> None:
    """Files of such names cannot be sent; and R does not look for them."""
    planted = ((".Rprofile", b"cat('profile\\n')\n"), (".Renviron", b"PLANTED=yes\n"))
    end = run('cat("planted:", Sys.getenv("PLANTED"), "\\n")\nsource(".Rprofile")\n' + WRITE, inputs=planted)
    assert end.log == b"planted:  \nprofile\n"  # once, where the code asks for it: the control


HOSTILE: dict[str, tuple[str, Failure]] = {
    "an error": ("stop('row 17: amount 4711')", Failure.PROGRAM),
    "exit 137": ("quit(status = 137)", Failure.PROGRAM),
    "killed by itself": ("tools::pskill(Sys.getpid(), 9)", Failure.PROGRAM),
    "kills the runner": (
        "s <- readLines('/proc/self/status'); p <- as.integer(sub('.*\\\\s', '', s[grep('^PPid', s)]))\n"
        "tools::pskill(p, 9); Sys.sleep(60)",
        Failure.PROGRAM,
    ),
    "too much memory": ("x <- raw(4e9); x[] <- as.raw(1); print(length(x))", Failure.MEMORY),
    "fills its disk": (
        "repeat data.table::fwrite(list(x = rep('x', 1e6)), 'big', append = TRUE)",
        Failure.PROGRAM,
    ),
    "writes nothing": ("print('done')", Failure.OUTPUTS),
    "a sparse file": ("system('truncate -s 30000000 outbox/t.csv')", Failure.OUTPUTS),
    "a link": ("invisible(file.symlink('/data/many.csv', 'outbox/t.csv'))", Failure.OUTPUTS),
    "a folder": ("dir.create('outbox/t.csv')", Failure.OUTPUTS),
    "a name with a newline": ("writeLines('x', 'outbox/t.csv\\n')", Failure.OUTPUTS),
    "writes into the stream": (
        "s <- readLines('/proc/self/status'); p <- as.integer(sub('.*\\\\s', '', s[grep('^PPid', s)]))\n"
        "for (fd in 1:9) try(silent = TRUE, {\n"
        "  f <- file(sprintf('/proc/%d/fd/%d', p, fd), 'wb')\n"
        '  writeBin(c(charToRaw(\'F\'), as.raw(c(0, 0, 0, 31)), charToRaw(\'{"name": "evil.csv", "size": 9}\')), f)\n'
        "  close(f) })\n" + WRITE,
        Failure.OUTPUTS,
    ),
}


@pytest.mark.parametrize("attack", list(HOSTILE))
def test_hostile_code_ends_as_one_of_five_reasons(run: Run, attack: str) -> None:
    code, failure = HOSTILE[attack]
    end = run(code)
    assert (end.failure, end.outputs) == (failure, ()), end.log


def test_processes_without_end_end_with_the_clock(run: Run) -> None:
    code = "repeat try(parallel:::mcfork(), silent = TRUE)"
    assert run(code, limits=replace(LIMITS, minutes=0)).failure is Failure.TIME


def test_without_the_image_the_operator_is_told_and_nothing_starts(room: LocalJobRoom, data: Path) -> None:
    bare = replace(room, image=lambda language: replace(rooms.images(), r="").of_jobs(language))
    package = Package(code=("a.R", b"1"), inputs=(), outputs=("t.csv",))
    with pytest.raises(OperatorError, match="sandbox images build r"):
        bare.run(1, package, limits=LIMITS, data=data, imports=None, cancelled=lambda: False)
    assert f"{PREFIX}1" not in room.containers.names("job")
    assert bare.image(Language.PYTHON) == rooms.images().notebook  # the control
