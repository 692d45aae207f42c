"""What holds for the whole installation: ``site.yaml`` as a value.

How far a dataset's policy may go, how large a container is, how people sign in, what society may ask and stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.catalogue_terms import ClassNames
from sandbox.domain.import_terms import ImportTerms
from sandbox.domain.notice_terms import NoticeTerms
from sandbox.domain.people_policy import SeparationTerms, SignInTerms, TrainingTerms
from sandbox.domain.planted import ReviewTerms
from sandbox.domain.policy import Mode, OpenClass
from sandbox.domain.policy_keys import Way
from sandbox.domain.policy_keys import doc as _doc


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookLimits:
    """The size of a locked container."""

    memory_mib: int = _doc("Memory, and no swap beyond it, in MiB.", Way.NEVER, default=1024)
    cpus: int = _doc("Processor time, in whole processors.", Way.NEVER, default=1)
    processes: int = _doc("Processes and threads.", Way.NEVER, default=256)
    open_files: int = _doc("Open files per process.", Way.NEVER, default=4096)
    home_mib: int = _doc("The home folder, in memory, in MiB.", Way.NEVER, default=128)
    tmp_mib: int = _doc("The folder for temporary files, in memory, in MiB.", Way.NEVER, default=64)
    idle_minutes: int = _doc("A notebook idle for this long is stopped.", Way.NEVER, default=120)


class Runtime(StrEnum):
    """What runs a researcher's container: each puts more before the host's kernel. Why: docs/adr/0031."""

    RUNC = "runc"  # the host's kernel, behind our list of system calls
    AUTO = "auto"  # gVisor where it works and is fast, else runc
    RUNSC = "runsc"  # gVisor: a kernel of its own, in a process without rights


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerTerms:
    """How containers are run."""

    runtime: Runtime = _doc(
        "What runs notebooks and jobs. ``runsc`` is gVisor, and nothing starts without it; ``auto`` takes gVisor where "
        "the engine has it on a fast platform, else runc.",
        Way.EARLIER,
        default=Runtime.AUTO,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLimits:
    """How much a container that is shown raw rows (mode room) may show to whoever works in it.

    A row is a line of text (a longer one counts for each 200 characters) or a row of a table in HTML; a picture counts
    as forty. A day is one of UTC; a session is from the opening of a notebook to its end. A restart gives nothing anew.
    """

    display_rows: int = _doc(
        "So many rows of results, files and messages one grant's notebook shows in a day.",
        Way.LARGER,
        default=4000,
    )
    display_bytes: int = _doc(
        "The same in bytes, with all that is written around them.", Way.LARGER, default=4_000_000
    )
    session_rows: int = _doc("So many rows within one session.", Way.LARGER, default=2000)
    session_bytes: int = _doc("The same in bytes.", Way.LARGER, default=2_000_000)
    page_bytes: int = _doc(
        "What its server may say beside that in a day: pages, settings, lists, in bytes. The lab's own program is "
        "known by its hash and does not count.",
        Way.LARGER,
        default=8_000_000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """What a job may take, and how much its ends may tell. Why: docs/adr/0028."""

    memory_mib: int = _doc("Memory, and no swap beyond it, in MiB.", Way.NEVER, default=2048)
    cpus: int = _doc("Processor time, in whole processors.", Way.NEVER, default=1)
    minutes: int = _doc("A job running longer is ended, in minutes.", Way.NEVER, default=30)
    work_mib: int = _doc(
        "Its home folder and its temporary files, in memory, in MiB.", Way.NEVER, default=256
    )
    output_mib: int = _doc("All files that it writes to its outbox together, in MiB.", Way.NEVER, default=16)
    processes: int = _doc("Processes and threads.", Way.NEVER, default=256)
    open_files: int = _doc("Open files per process.", Way.NEVER, default=4096)
    at_once: int = _doc("So many run at a time.", Way.NEVER, default=2)
    per_day: int = _doc(
        "So many jobs one person may send to raw rows in a day (UTC): each end tells a few bits about them.",
        Way.LARGER,
        default=20,
    )
    sample_per_day: int = _doc(
        "So many jobs one person may send to the sample in a day (UTC).", Way.NEVER, default=200
    )
    tick_s: int = _doc(
        "The end of a job on raw rows is told after 1, 2, 4, 8 … times this many seconds, so that time says less.",
        Way.SMALLER,
        default=10,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """What an answer may take."""

    tick_ms: int = _doc(
        "Answers leave after 1, 2, 4, 8 … times this many milliseconds, so that time says less.",
        Way.SMALLER,
        default=100,
    )
    timeout_s: int = _doc(
        "A question running longer fails, and stays charged, in seconds.", Way.NEVER, default=30
    )
    engine_memory_mib: int = _doc(
        "Memory of the process that reads raw data, in MiB.", Way.NEVER, default=2048
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a dataset's policy may go. A dataset may only tighten what the site says."""

    open_classes: tuple[OpenClass, ...] = _doc(
        "The classes that a dataset may have.", Way.MORE, default=tuple(OpenClass)
    )
    max_epsilon: str = _doc("The largest ``budget.epsilon``.", Way.LARGER, default="100")
    max_delta: str = _doc("The largest ``budget.delta``.", Way.LARGER, default="1e-3")
    max_per_question_percent: int = _doc(
        "The largest ``budget.per_question_percent``.", Way.LARGER, default=100
    )
    max_project_percent: int = _doc("The largest ``budget.project_percent``.", Way.LARGER, default=100)
    modes: tuple[Mode, ...] = _doc("The modes that a dataset may offer.", Way.MORE, default=tuple(Mode))
    max_days: int | None = _doc(
        "The largest ``access.max_days``. Empty: there is none.", Way.LARGER, default=None
    )
    min_threshold: int = _doc("The smallest ``release.threshold``.", Way.SMALLER, default=3)
    min_reviewers: int = _doc("The smallest ``release.reviewers``.", Way.SMALLER, default=1)
    file_types: tuple[str, ...] | None = _doc(
        "The file types that may leave. Empty: all that there are.", Way.MORE, default=None
    )
    max_bytes: int | None = _doc(
        "The largest ``release.max_bytes``. Empty: there is none.", Way.LARGER, default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SocietyTerms:
    """How society takes part, and what it is told."""

    demands_per_day: int = _doc(
        "How many datasets one visitor's address, or one person, may ask for in a day. 0: visitors may not ask.",
        Way.NEVER,
        default=3,
    )
    votes_per_day: int = _doc(
        "How many demands one visitor's address may vote for in a day. 0: only people with an account vote.",
        Way.NEVER,
        default=20,
    )
    all_demands_per_day: int = _doc(
        "How many demands all visitors together may make in a day.", Way.NEVER, default=100
    )
    all_votes_per_day: int = _doc(
        "How many votes all visitors together may cast in a day.", Way.NEVER, default=5000
    )
    name_members: bool = _doc("Whether the public project register names people.", Way.ALWAYS, default=False)
    name_in_breaches: bool = _doc(
        "Whether a public notice of a breach names the person instead of a pseudonym.",
        Way.ALWAYS,
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionTerms:
    """What anybody may stop without an account, and how often. Why: docs/adr/0024."""

    at_once_per_day: int = _doc(
        "So many objections of rights-holders suspend one dataset at once within a day; what comes beyond is looked at "
        "by the owner first.",
        Way.SMALLER,
        default=3,
    )
    abuse_days: int = _doc(
        "After an objection was dismissed as abuse, those of people without an account are looked at first for so long "
        "(days).",
        Way.LARGER,
        default=30,
    )
    per_dataset_per_day: int = _doc(
        "So many are taken about one dataset within a day.", Way.SMALLER, default=50
    )
    per_address_per_day: int = _doc(
        "So many are taken from one visitor's address in a day. Addresses are not kept.",
        Way.SMALLER,
        default=5,
    )
    max_files: int = _doc("So many files may come with one as evidence.", Way.NEVER, default=5)
    max_file_mib: int = _doc(
        "The largest of them, in MiB; all together hold at most 8.", Way.NEVER, default=4
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePolicy:
    """What holds for the whole installation."""

    name: str = _doc("The installation's name, on every page.", Way.NEVER, default="Secure Data Sandbox")
    class_names: ClassNames = _doc("What the three classes are called here.", Way.NEVER, default=ClassNames())
    notebook: NotebookLimits = _doc("The size of a locked container.", Way.NEVER, default=NotebookLimits())
    containers: ContainerTerms = _doc("How containers are run.", Way.NEVER, default=ContainerTerms())
    room: RoomLimits = _doc(
        "How much a notebook with raw rows may show (mode room).", Way.NEVER, default=RoomLimits()
    )
    jobs: JobLimits = _doc(
        "What a job may take, and how much its ends may tell.", Way.NEVER, default=JobLimits()
    )
    answers: AnswerLimits = _doc("What an answer may take.", Way.NEVER, default=AnswerLimits())
    bounds: Bounds = _doc("How far a dataset's policy may go.", Way.NEVER, default=Bounds())
    society: SocietyTerms = _doc(
        "How society takes part, and what it is told.", Way.NEVER, default=SocietyTerms()
    )
    sign_in: SignInTerms = _doc("How people show who they are.", Way.NEVER, default_factory=SignInTerms)
    separation: SeparationTerms = _doc(
        "Which roles one person may not hold together.", Way.NEVER, default=SeparationTerms()
    )
    training: TrainingTerms = _doc("Which courses people need.", Way.NEVER, default_factory=TrainingTerms)
    objections: ObjectionTerms = _doc(
        "Objections and reports of errors.", Way.NEVER, default=ObjectionTerms()
    )
    review: ReviewTerms = _doc("How review itself is looked at.", Way.NEVER, default=ReviewTerms())
    imports: ImportTerms = _doc(
        "Files and packages that researchers ask to bring in.", Way.NEVER, default=ImportTerms()
    )
    notices: NoticeTerms = _doc("What people are told of, by e-mail too.", Way.NEVER, default=NoticeTerms())
