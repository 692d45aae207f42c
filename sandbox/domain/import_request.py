"""How a file comes in: one table of states, and the rules of who decides.

- Files are known by SHA-256 from the moment they are handed in; what was looked at is what comes in.
- Checks that fail refuse the request before a person looks.
- The owner of the data or an administrator decides: never who asked, never somebody of the project.
- What was let in is seen by the whole project, read-only, until its last day or until it is taken away.
- A room's notebook holds raw rows: nothing is asked for from inside it, since what is asked is read outside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, TooLarge, TooOften
from sandbox.domain.findings import Verdict
from sandbox.domain.import_terms import ImportTerms
from sandbox.domain.people import Person, Role, check_active
from sandbox.domain.plain_text import plain_text
from sandbox.domain.policy import Mode

CLAUSE = "imports"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,148}[A-Za-z0-9]")
_WHY = (20, 2000)  # characters, least and most
_REASON = (5, 500)


class ImportState(StrEnum):
    CHECKING = "checking"
    WAITING = "waiting"  # for a person
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LET_IN = "let_in"
    REMOVED = "removed"
    EXPIRED = "expired"


class ImportVerb(StrEnum):
    PASS_CHECKS = "pass_checks"  # noqa: S105 - a verb, not a password
    FAIL_CHECKS = "fail_checks"
    LET_IN = "let_in"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    REMOVE = "remove"
    EXPIRE = "expire"


class By(StrEnum):
    PLATFORM = "platform"
    REQUESTER = "requester"
    DECIDER = "decider"
    EITHER = "either"  # the requester, or who may decide


@dataclass(frozen=True, slots=True)
class ImportStep:
    """One row of the state machine."""

    start: ImportState
    verb: ImportVerb
    end: ImportState
    by: By
    event: str  # the audit action


_S, _V = ImportState, ImportVerb
STEPS: tuple[ImportStep, ...] = (
    ImportStep(_S.CHECKING, _V.PASS_CHECKS, _S.WAITING, By.PLATFORM, "import.checked"),
    ImportStep(_S.CHECKING, _V.FAIL_CHECKS, _S.REFUSED, By.PLATFORM, "import.blocked"),
    ImportStep(_S.WAITING, _V.LET_IN, _S.LET_IN, By.DECIDER, "import.let_in"),
    ImportStep(_S.WAITING, _V.REFUSE, _S.REFUSED, By.DECIDER, "import.refused"),
    ImportStep(_S.WAITING, _V.WITHDRAW, _S.WITHDRAWN, By.REQUESTER, "import.withdrawn"),
    ImportStep(_S.LET_IN, _V.REMOVE, _S.REMOVED, By.EITHER, "import.removed"),
    ImportStep(_S.LET_IN, _V.EXPIRE, _S.EXPIRED, By.PLATFORM, "import.expired"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A file as the platform holds it."""

    name: str  # a bare file name
    sha256: str
    size_bytes: int

    @property
    def is_wheel(self) -> bool:
        return ending(self.name) == "whl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """A request to bring files in, for all of a project on one dataset.

    Attributes:
        why: what the files are for, in the requester's words.
        until: the last day that what was let in is there; None: as long as the project has a grant.
        decided_by: who let it in, or refused it; empty before, and for the checks.
        reason: what was said at the last decision.
        seal: the platform's signature over ``sealed_bytes``, from the moment it is let in.
    """

    id: int
    grant_id: int
    dataset: str
    project: str
    requester: str
    why: str
    files: tuple[ImportedFile, ...]
    state: ImportState
    version: int
    asked_at: str  # ISO 8601, UTC
    until: date | None = None
    decided_by: str = ""
    reason: str = ""
    seal: bytes = b""

    @property
    def object(self) -> str:
        """Its name on the log."""
        return f"import:{self.id}"

    @property
    def sealed_bytes(self) -> bytes:
        """What is signed when it is let in: a row changed or made by hand in the database brings nothing in."""
        return b"sandbox-import-v1\n" + canonical_json(
            {
                "import": self.id,
                "dataset": self.dataset,
                "project": self.project,
                "requester": self.requester,
                "decided_by": self.decided_by,
                "until": self.until.isoformat() if self.until else "",
                "files": [[file.name, file.sha256] for file in self.files],
            }
        )

    def there_on(self, today: date) -> bool:
        """True while its files are to be seen."""
        return self.state is ImportState.LET_IN and (self.until is None or today <= self.until)


def step(state: ImportState, verb: ImportVerb) -> ImportStep:
    """The row for a verb in a state.

    Raises:
        Conflict: there is none.
    """
    for row in STEPS:
        if row.start is state and row.verb is verb:
            return row
    raise Conflict(f"A request that is {state.replace('_', ' ')} cannot be changed by '{verb}'.")


def ending(name: str) -> str:
    """What stands behind the last dot, in small letters.

    >>> ending("Study.R"), ending("none")
    ('r', '')
    """
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


def check_import_name(name: str) -> str:
    """Return a bare, plain file name, or raise: no folder, no ``..``, nothing hidden, nothing invisible."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise BadInput(
            f"{name[:150]!r} cannot be the name of a file that comes in.",
            where="file",
            fix="Use a bare name of letters, digits, '_', '-', '+' and '.', such as regions.csv, without folders.",
        )
    return name


def check_ask(
    files: Sequence[tuple[str, int]], why: str, terms: ImportTerms, *, waiting: int, today: int
) -> str:
    """What a request says it is for, as it is kept; or an error about it or its files.

    Args:
        files: (name, size in bytes) of each.
        waiting: how many requests of the project wait already.
        today: how many it has made today.
    """
    if not files:
        raise BadInput("No file was named.", where="files", fix="Name at least one.")
    if len(files) > terms.max_files:
        raise BadInput(
            f"A request holds at most {terms.max_files} files; this one has {len(files)}.",
            where="files",
            fix="Ask for the others in a request of their own.",
        )
    names = [check_import_name(name) for name, _ in files]
    if len({name.lower() for name in names}) != len(names):
        raise BadInput(
            "Two files have the same name.",
            where="files",
            fix="Give each a name of its own, also in small letters.",
        )
    for name, size in files:
        if size > terms.max_file_bytes:
            raise TooLarge(
                f"{name} has {size:,} bytes; a file may have {terms.max_file_bytes:,}.", fix="Bring less in."
            )
    if sum(size for _, size in files) > terms.max_request_bytes:
        raise TooLarge(
            f"All files together may have {terms.max_request_bytes:,} bytes.",
            fix="Bring in fewer or smaller files.",
        )
    if waiting >= terms.max_waiting:
        raise NotAllowed(
            f"{waiting} requests of this project wait for a decision.",
            clause=f"{CLAUSE}.max_waiting",
            fix="Wait for some of them, or take some back.",
        )
    if today >= terms.per_day:
        raise TooOften(
            f"This project has asked {today} times today.",
            clause=f"{CLAUSE}.per_day",
            fix="Ask again tomorrow.",
        )
    return plain_text(why, where="why", least=_WHY[0], most=_WHY[1], lines=True)


def check_from_notebook(mode: Mode) -> None:
    """Raise when a notebook of this mode may not ask.

    Who asks reads the request outside: its names, words and findings would carry rows past the reviewers.
    """
    if mode is Mode.ROOM:
        raise NotAllowed(
            "A notebook that shows raw rows cannot ask for files.",
            clause="mode",
            fix="Ask on the portal, under 'Imports', with files from your own machine.",
        )


def may_decide(person: Person, *, owner: str) -> bool:
    """True for those whose word counts, whoever asked."""
    return (person.name == owner and person.has(Role.OWNER)) or person.has(Role.ADMINISTRATOR)


def check_decides(request: ImportRequest, person: Person, *, owner: str, members: Collection[str]) -> None:
    """Raise unless this person may let the files in, or refuse them.

    Args:
        owner: of the data.
        members: everybody of the project, also past ones.
    """
    check_active(person)
    if person.name == request.requester:
        raise NotAllowed(
            "Nobody decides their own request.", clause="separation of duties", fix="Wait for somebody else."
        )
    if person.name in members:
        raise NotAllowed(
            "Nobody of the project decides what comes into it.",
            clause="separation of duties",
            fix="An administrator, or an owner who is not of the project, decides.",
        )
    if not may_decide(person, owner=owner):
        raise NotAllowed(
            "The owner of the data or an administrator decides.", clause="role", fix="Wait for one of them."
        )


def check_step(
    request: ImportRequest, verb: ImportVerb, person: Person, *, owner: str, members: Collection[str]
) -> ImportStep:
    """The step that this person may take, or an error."""
    row = step(request.state, verb)
    if row.by is By.PLATFORM:
        raise NotAllowed("The platform alone does this.", clause=CLAUSE)
    own = person.name == request.requester
    if row.by is By.REQUESTER and not own:
        raise NotAllowed("Who asked takes it back.", clause=CLAUSE)
    if row.by is By.DECIDER or (row.by is By.EITHER and not own):
        check_decides(request, person, owner=owner, members=members)
    check_active(person)
    return row


def allowed_verbs(
    request: ImportRequest, person: Person, *, owner: str, members: Collection[str]
) -> tuple[str, ...]:
    """What this person may do with the request now, for pages and programs."""
    verbs = []
    for row in STEPS:
        if row.start is request.state:
            try:
                check_step(request, row.verb, person, owner=owner, members=members)
            except NotAllowed:
                continue
            verbs.append(str(row.verb))
    return tuple(verbs)


def decision_reason(verb: ImportVerb, reason: str) -> str:
    """What is said at a decision, as it is kept. Who says no has to say why."""
    least = _REASON[0] if verb in (ImportVerb.REFUSE, ImportVerb.REMOVE) else 0
    return plain_text(reason, where="reason", least=least, most=_REASON[1], lines=True)


def last_day(days: int | None, *, today: date) -> date | None:
    """The last day of what is let in for so many days from today; None: without an end of its own."""
    if days is None:
        return None
    if not 1 <= days <= 3650:
        raise BadInput("A number of days from 1 to 3650 is needed.", where="days", fix="Or leave it empty.")
    return date.fromordinal(today.toordinal() + days)


def after_checks(verdict: Verdict) -> ImportVerb:
    """A failed check refuses; all else waits for a person."""
    return ImportVerb.FAIL_CHECKS if verdict is Verdict.FAIL else ImportVerb.PASS_CHECKS
