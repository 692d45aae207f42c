"""Code that runs beside the raw rows: what may be sent, the states of a job, and what is told of it.

- A job runs twice at most: first on the synthetic sample, where everything is shown; then, the very same package, on
  the raw rows, where nothing is shown but the state. What it makes there leaves through review and in no other way.
- A package is the code, its input files and the names of its outputs. It is known by one SHA-256.
- Of a job on raw rows its requester learns how it ended, as one of ``Failure`` or not at all, and when, on the ticks of
  ``ticks``. No text, size, number or line of it is passed on.
- Nothing of the queue is lost: a job whose worker died is run again, once.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound
from sandbox.domain.people import Person
from sandbox.domain.plain_text import HIDDEN
from sandbox.domain.release import check_file_name

MAX_CODE_BYTES = 1 << 20
MAX_INPUTS = 20
MAX_PACKAGE_BYTES = 7 << 20  # code and inputs together; a request to the API holds 8 MiB
MAX_OUTPUTS = 20
RUNNER_FILE = "job.json"  # what the runner is told lies beside code and inputs under this name
UNREADABLE_CODE = frozenset({"pyc", "pyo", "pyd", "so", "rds", "rda", "rdata"})
ATTEMPTS = 2  # a job whose worker died is tried once more


class Phase(StrEnum):
    """What a job reads."""

    SAMPLE = "sample"  # synthetic rows: everything it prints and writes is shown
    RAW = "raw"  # raw rows: nothing is shown before its release


class RowFiles(StrEnum):
    """How the rows lie in their folder, by the end of the files' names."""

    PARQUET = "parquet"
    CSV = "csv"


class Language(StrEnum):
    """What runs the code, by the end of its name."""

    PYTHON = ".py"
    NOTEBOOK = ".ipynb"
    R = ".R"

    @property
    def row_files(self) -> RowFiles:
        """What it reads: Debian has nothing by which R reads Parquet."""
        return RowFiles.CSV if self is Language.R else RowFiles.PARQUET


PYTHON_LANGUAGES = frozenset({Language.PYTHON, Language.NOTEBOOK})  # they run in the image of notebooks


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"  # on the sample, to its end
    HANDED_IN = "handed_in"  # on raw rows, to its end: its outputs are with the checks and the reviewers
    ENDED_EARLY = "ended_early"
    CANCELLED = "cancelled"
    HELD = "held"  # the data are suspended; it is queued again when they are resumed


class Failure(StrEnum):
    """Why a job ended early. All that its requester is told of one on raw rows."""

    PROGRAM = "program"
    TIME = "time"
    MEMORY = "memory"
    OUTPUTS = "outputs"
    ENGINE = "engine"


# Constant texts: nothing in them comes from a run.
FAILURE_TEXTS: Mapping[Failure, str] = {
    Failure.PROGRAM: "The program ended with an error.",
    Failure.TIME: "It ran longer than a job may.",
    Failure.MEMORY: "It needed more memory than a job may.",
    Failure.OUTPUTS: "A declared output is missing, too large, or nothing that may leave.",
    Failure.ENGINE: "The platform could not run it to its end. It may be sent again.",
}


class Verb(StrEnum):
    START = "start"
    FINISH = "finish"  # on the sample
    HAND_IN = "hand_in"  # on raw rows
    FAIL = "fail"
    QUEUE_AGAIN = "queue_again"  # its worker died
    CANCEL = "cancel"
    STOP = "stop"  # the right to the data ended
    HOLD = "hold"
    RESUME = "resume"


class By(StrEnum):
    PLATFORM = "platform"
    REQUESTER = "requester"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the state machine."""

    start: JobState
    verb: Verb
    end: JobState
    by: By
    event: str  # the audit action


def _rows() -> tuple[Step, ...]:
    s, v, platform = JobState, Verb, By.PLATFORM
    under_way = (s.QUEUED, s.RUNNING, s.HELD)
    return (
        Step(s.QUEUED, v.START, s.RUNNING, platform, "job.started"),
        Step(s.RUNNING, v.FINISH, s.FINISHED, platform, "job.finished"),
        Step(s.RUNNING, v.HAND_IN, s.HANDED_IN, platform, "job.handed_in"),
        Step(s.RUNNING, v.FAIL, s.ENDED_EARLY, platform, "job.ended_early"),
        Step(s.RUNNING, v.QUEUE_AGAIN, s.QUEUED, platform, "job.queued_again"),
        *(Step(state, v.CANCEL, s.CANCELLED, By.REQUESTER, "job.cancelled") for state in under_way),
        *(Step(state, v.STOP, s.CANCELLED, platform, "job.stopped") for state in under_way),
        *(Step(state, v.HOLD, s.HELD, platform, "job.held") for state in (s.QUEUED, s.RUNNING)),
        Step(s.HELD, v.RESUME, s.QUEUED, platform, "job.resumed"),
    )


STEPS: tuple[Step, ...] = _rows()
LIVE = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.HELD})


def step(state: JobState, verb: Verb) -> Step:
    """The row for a verb in a state.

    Raises:
        Conflict: there is none.
    """
    for row in STEPS:
        if row.start is state and row.verb is verb:
            return row
    raise Conflict(f"A job that is {state.replace('_', ' ')} cannot be changed by '{verb}'.")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file of a job, as the platform holds it."""

    name: str  # a bare file name
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Code that was sent.

    Attributes:
        package_sha256: of code, inputs and the names of outputs together.
        outputs: the names of the files that it is to write; nothing else is taken from its container.
        context: what the outputs are and why they may leave; for the reviewers.
        version: counts changes; a change has to name the version it saw.
        attempts: how often it was started.
        failure: why it ended early.
        reason: why it is held or was stopped.
        image: the digest of the image that it ran in.
        snapshot: of the dataset that it read.
        log: the end of what it printed. On raw rows it is for the reviewers of its release alone.
        results: what it wrote on the sample; on raw rows its outputs are the release's files.
        release: the number of the request that it handed in; 0 while there is none.
    """

    id: int
    grant_id: int
    dataset: str
    project: str
    person: str
    phase: Phase
    code: JobFile
    inputs: tuple[JobFile, ...]
    outputs: tuple[str, ...]
    package_sha256: str
    context: str
    state: JobState
    version: int
    attempts: int = 0
    sent_at: str = ""  # ISO 8601, UTC; likewise those below, empty while it is not so
    started_at: str = ""
    ended_at: str = ""
    worker: str = ""
    failure: Failure | None = None
    reason: str = ""
    image: str = ""
    snapshot: str = ""
    log: JobFile | None = None
    results: tuple[JobFile, ...] = ()
    release: int = 0

    @property
    def language(self) -> Language:
        return language_of(self.code.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What is sent: the bytes of the code and of its input files, and the names of what it will write."""

    code: tuple[str, bytes]
    inputs: tuple[tuple[str, bytes], ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEnd:
    """How a run ended.

    Attributes:
        failure: None when it ran to its end and wrote what it declared.
        outputs: (name, content), in the order of their declaration; empty after a failure.
        log: the end of what it printed, at most some KiB.
        image: the digest of the image that ran.
    """

    failure: Failure | None
    outputs: tuple[tuple[str, bytes], ...] = ()
    log: bytes = b""
    image: str = ""


def language_of(name: str) -> Language:
    """What runs a file.

    Raises:
        BadInput: nothing here does.
    """
    for language in Language:
        if name.endswith(language):
            return language
    raise BadInput(
        f"{name!r} is no code that can be run.",
        where="code",
        fix="Send a Python file (analysis.py), a notebook (study.ipynb) or an R file (analysis.R).",
    )


def check_runs_here(language: Language, here: Collection[Language]) -> None:
    """Raise unless jobs in a language run on this installation.

    Args:
        here: the languages whose image was built.
    """
    if language not in here:
        raise NotAllowed(
            f"Jobs in {language.name} are not set up on this installation.",
            clause=f"image {language.name.lower()}",
            fix="Its operator builds their image, once: sandbox images build r. Send Python meanwhile.",
        )


def check_package(package: Package) -> None:
    """Raise unless a package can be sent.

    Raises:
        BadInput: what is wrong, and with which part.
    """
    name, code = package.code
    language = language_of(check_file_name(name))
    _check_code(name, code, language)
    if len(package.inputs) > MAX_INPUTS:
        raise BadInput(
            f"{len(package.inputs)} input files are more than {MAX_INPUTS}.",
            where="inputs",
            fix="Send fewer.",
        )
    names = [name, *(check_file_name(one) for one, _ in package.inputs)]
    _check_distinct(names, where="inputs")
    if RUNNER_FILE in (one.lower() for one in names):
        raise BadInput(
            f"An input cannot be called {RUNNER_FILE}: the runner is told by it what to run.",
            where="inputs",
            fix="Rename it.",
        )
    for one, content in package.inputs:
        _check_input(one, content)
    total = len(code) + sum(len(content) for _, content in package.inputs)
    if total > MAX_PACKAGE_BYTES:
        raise BadInput(
            f"Code and inputs have {total:,} bytes together; {MAX_PACKAGE_BYTES:,} can be sent.",
            where="inputs",
            fix="Send less.",
        )
    if not 1 <= len(package.outputs) <= MAX_OUTPUTS:
        raise BadInput(
            f"{len(package.outputs)} outputs were declared.",
            where="outputs",
            fix=f"Name 1 to {MAX_OUTPUTS} files that the code writes to its outbox.",
        )
    _check_distinct([check_file_name(one) for one in package.outputs], where="outputs")


def _check_input(name: str, content: bytes) -> None:
    """Inputs that can be run are read by reviewers as the code is, and take the place of no module that it names."""
    stem, _, kind = name.rpartition(".")
    if kind.lower() in UNREADABLE_CODE:
        raise BadInput(
            f"{name} can hold code that nobody can read.",
            where="inputs",
            fix="Send its source, and data as CSV files.",
        )
    if kind.lower() == "py" and stem in sys.stdlib_module_names:
        raise BadInput(
            f"{name} would take the place of Python's own module {stem}.", where="inputs", fix="Rename it."
        )
    if any(name.endswith(language) for language in Language) and content.strip():
        _check_code(name, content, language_of(name))


def _check_code(name: str, code: bytes, language: Language) -> None:
    if not code.strip():
        raise BadInput(f"{name} is empty.", where="code", fix="Send the code.")
    if len(code) > MAX_CODE_BYTES:
        raise BadInput(
            f"{name} has {len(code):,} bytes; {MAX_CODE_BYTES:,} can be sent.",
            where="code",
            fix="Send data as input files, and notebooks without their outputs.",
        )
    try:
        text = code.decode()
    except UnicodeDecodeError as broken:
        raise BadInput(
            f"{name} is no text in UTF-8 (byte {broken.start}).", where="code", fix="Save it as UTF-8."
        ) from None
    unseen = next((i for i, c in enumerate(text) if _hides(c)), None)
    if unseen is not None:
        line = text.count("\n", 0, unseen) + 1
        raise BadInput(
            f"{name}, line {line}, holds a character that nobody sees.",
            where="code",
            fix="Reviewers read the code: leave out control and direction characters.",
        )
    if language is Language.NOTEBOOK and not _is_notebook(text):
        raise BadInput(
            f"{name} is no notebook.", where="code", fix="Save it from JupyterLab and send it again."
        )


def _hides(character: str) -> bool:
    """Characters by which code reads otherwise than it runs."""
    return unicodedata.category(character) in HIDDEN and character not in "\n\r\t\f"


def _is_notebook(text: str) -> bool:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and isinstance(document.get("cells"), list)


def _check_distinct(names: Sequence[str], *, where: str) -> None:
    if len({name.lower() for name in names}) != len(names):
        raise BadInput("Two files have the same name.", where=where, fix="Rename one.")


def package_hash(code: JobFile, inputs: Sequence[JobFile], outputs: Sequence[str]) -> str:
    """The SHA-256 by which a package is known; the order of its inputs and outputs makes none."""
    document: dict[str, Any] = {
        "code": [code.name, code.sha256],
        "inputs": sorted([f.name, f.sha256] for f in inputs),
        "outputs": sorted(outputs),
    }
    return content_hash(document)


def check_tried(sample: Job | None) -> None:
    """Raise unless the package ran to its end on the sample.

    Args:
        sample: the newest job by which this very package ran to its end on the sample, under the same grant.
    """
    if sample is None:
        raise NotAllowed(
            "This very package has not run to its end on the sample.",
            clause="sample first",
            fix="Run it on the sample; then send the same code, inputs and outputs to the raw rows.",
        )


def check_own(job: Job | None, person: Person, job_id: int) -> Job:
    """The job, for the one who sent it.

    Raises:
        NotFound: no such job, or somebody else's; the words are the same.
    """
    if job is None or job.person != person.name:
        raise NotFound(f"You sent no job {job_id}.")
    return job


def check_shown(job: Job) -> None:
    """Raise unless its requester may read what it printed and wrote.

    Raises:
        NotAllowed: it read raw rows.
        Conflict: it has not ended.
    """
    if job.phase is Phase.RAW:
        raise NotAllowed(
            "What a job prints and writes beside the raw rows is shown to nobody but its reviewers.",
            clause="review",
            fix="Its outputs can be downloaded when they are released.",
        )
    if job.state in LIVE:
        raise Conflict(f"Job {job.id} has not ended.", fix="Wait for its end.")


def allowed_verbs(job: Job, person: Person) -> tuple[str, ...]:
    """What this person may do with the job now, for pages and programs."""
    if job.person != person.name:
        return ()
    verbs = [row.verb.value for row in STEPS if row.start is job.state and row.by is By.REQUESTER]
    if job.phase is Phase.SAMPLE and job.state not in LIVE:
        verbs.append("read")
    if job.phase is Phase.SAMPLE and job.state is JobState.FINISHED:
        verbs.append("send_raw")
    return tuple(verbs)


def told_time(moment: str, phase: Phase) -> str:
    """A time as the requester is told it: of a job on raw rows the minute, rounded up.

    >>> told_time("2026-01-05T12:59:01.500000+00:00", Phase.RAW)
    '2026-01-05T13:00+00:00'
    >>> told_time("", Phase.RAW), told_time("2026-01-05T12:00:01.5+00:00", Phase.SAMPLE)
    ('', '2026-01-05T12:00:01+00:00')
    """
    if not moment:
        return ""
    exact = datetime.fromisoformat(moment)
    if phase is Phase.SAMPLE:
        return exact.isoformat(timespec="seconds")
    minute = exact.replace(second=0, microsecond=0)
    return (minute if minute == exact else minute + timedelta(minutes=1)).isoformat(timespec="minutes")
