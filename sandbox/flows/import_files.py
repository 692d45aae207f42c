"""A file's way in: kept by hash, checked, decided by somebody else, seen read-only by the project from then on.

The mirror of ``review_release``. What comes in can hardly take rows out; it can bring a table by which rows are named,
or code that its readers did not mean to run. So the owner of the data looks, or an administrator.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from hashlib import sha256
from pathlib import Path
from threading import Lock

from sandbox.domain import import_request as rules
from sandbox.domain.access import Grant
from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotAllowed, NotFound, SandboxError, Tampered, TooLarge
from sandbox.domain.findings import Finding, worst
from sandbox.domain.import_request import ImportedFile, ImportRequest, ImportState, ImportVerb
from sandbox.domain.people import Person
from sandbox.domain.permission import Action
from sandbox.domain.policy import DatasetPolicy
from sandbox.flows.permission import Permission
from sandbox.isolation.entrance.folder import FILES, PYTHON, clashing, lay_out
from sandbox.isolation.entrance.found import Refused
from sandbox.isolation.entrance.judge import Beside, Entrance
from sandbox.isolation.entrance.wheel import Wheel
from sandbox.store import Store

_log = logging.getLogger(__name__)
_SYSTEM = "system:entrance"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFiles:
    """The journey's parts.

    Args:
        folders: where what was let in is laid out.
        one_at_a_time: a package is unpacked in memory, up to all that a project may hold.
    """

    store: Store
    permission: Permission
    entrance: Entrance
    folders: Path
    today: Callable[[], date]
    one_at_a_time: Lock = field(default_factory=Lock, repr=False)

    def ask(
        self,
        person: Person,
        grant: Grant,
        *,
        files: Sequence[tuple[str, bytes]],
        why: str,
        from_notebook: bool = False,
    ) -> ImportRequest:
        """Hand files in and have them checked.

        Args:
            files: (bare name, content).
            why: what they are for; for who decides.
            from_notebook: the request comes out of the locked room.
        """
        if from_notebook:
            self._check_room(person, grant)
        permit = self.permission(person, grant, Action.IMPORT)
        count = self.store.imports.count
        kept_why = rules.check_ask(
            [(name, len(content)) for name, content in files],
            why,
            self.entrance.terms,
            waiting=count(grant.dataset, grant.project, state=ImportState.WAITING),
            today=count(grant.dataset, grant.project, since=self._midnight()),
        )
        kept = []
        for name, content in files:
            stored = self.store.vault.put(content)
            kept.append(ImportedFile(name=name, sha256=stored.sha256, size_bytes=stored.size_bytes))
        request = self.store.imports.create(
            grant=grant,
            why=kept_why,
            files=kept,
            event=Event(
                person.name,
                "import.asked",
                "import:new",
                {
                    "dataset": grant.dataset,
                    "grant": grant.id,
                    "files_sha256": [file.sha256 for file in kept],
                    "in_notebook": from_notebook,
                    **permit.facts,
                },
            ),
        )
        return self._check(request)

    def finish_checks(self) -> tuple[int, ...]:
        """Check what was handed in when a process died before it could. Called when the portal starts.

        Returns:
            The numbers of the requests. One that cannot be checked stays, and holds up no other.
        """
        done = []
        for request in self.store.imports.in_state(ImportState.CHECKING):
            try:
                done.append(self._check(request).id)
            except SandboxError as failure:
                _log.error("import request %d stays unchecked: %s", request.id, failure.message)
        return tuple(done)

    def let_in(
        self, person: Person, number: int, *, version: int, days: int | None = None, reason: str = ""
    ) -> ImportRequest:
        """Let the files in, for the whole project, from the next start of a notebook or job.

        Args:
            version: the one that was looked at; a change in between is a Conflict.
            days: how long they stay; as long as the project has a grant when not given.
        """
        request, row = self._step(person, number, ImportVerb.LET_IN, version)
        self._check_room_for(request)
        decided = replace(
            request,
            decided_by=person.name,
            reason=rules.decision_reason(ImportVerb.LET_IN, reason),
            until=rules.last_day(days, today=self.today()),
        )
        return self.store.imports.move(
            replace(decided, seal=self.store.signer.sign(decided.sealed_bytes)),
            row,
            event=Event(
                person.name,
                row.event,
                request.object,
                {
                    "dataset": request.dataset,
                    "project": request.project,
                    "files_sha256": [file.sha256 for file in request.files],
                    "until": decided.until.isoformat() if decided.until else "",
                    "reason": decided.reason,
                    "clause": rules.CLAUSE,
                },
            ),
        )

    def refuse(self, person: Person, number: int, *, version: int, reason: str) -> ImportRequest:
        """Say no, and why; the requester reads it."""
        request, row = self._step(person, number, ImportVerb.REFUSE, version)
        said = rules.decision_reason(ImportVerb.REFUSE, reason)
        return self._move(replace(request, decided_by=person.name, reason=said), row, person, said)

    def withdraw(self, person: Person, number: int) -> ImportRequest:
        """The requester takes a request back."""
        request, row = self._step(person, number, ImportVerb.WITHDRAW, None)
        return self._move(request, row, person, "")

    def remove(self, person: Person, number: int, *, reason: str) -> ImportRequest:
        """Take away what was let in: the requester, or who may decide. It is gone at the next start."""
        request, row = self._step(person, number, ImportVerb.REMOVE, None)
        said = rules.decision_reason(ImportVerb.REMOVE, reason)
        return self._move(replace(request, reason=said, seal=b""), row, person, said)

    def expire(self) -> tuple[int, ...]:
        """Note down what is over. Nothing depends on it: ``folder`` looks at the day itself."""
        over = []
        for request in self.store.imports.in_state(ImportState.LET_IN):
            if not request.there_on(self.today()):
                row = rules.step(request.state, ImportVerb.EXPIRE)
                event = Event(_SYSTEM, row.event, request.object, {"until": str(request.until)})
                over.append(self.store.imports.move(request, row, event=event).id)
        return tuple(over)

    def folder(self, grant: Grant) -> Path | None:
        """What the containers of a grant are shown, read-only; None when nothing was let in.

        Laid out from the files by hash, and looked through anew at every call: whatever else lies there goes.

        Raises:
            Tampered: a request was not let in by the platform, or a file is not the one that was.
        """
        contents = self._contents(self._let_in(grant.dataset, grant.project))
        if not contents:
            return None
        return lay_out(self.folders, _key(grant.dataset, grant.project), contents)

    def _midnight(self) -> datetime:
        return datetime.combine(self.today(), time(), tzinfo=UTC)

    # what there is

    def _let_in(self, dataset: str, project: str) -> tuple[ImportRequest, ...]:
        """What a project may see today, each with the platform's own seal."""
        today = self.today()
        found = self.store.imports.of_project(dataset, project, (ImportState.LET_IN,))
        there = tuple(request for request in found if request.there_on(today))
        for request in there:
            try:
                self.store.signer.check(request.seal, request.sealed_bytes)
            except Tampered:
                raise Tampered(
                    f"Import request {request.id} is not as it was let in.", place=request.object
                ) from None
        return there

    def _contents(self, requests: Sequence[ImportRequest]) -> dict[str, bytes]:
        """Relative path -> bytes, of all of them."""
        contents: dict[str, bytes] = {}
        for request in requests:
            more = self._of(request)
            clash = clashing(contents, more)
            if clash:
                raise Conflict(
                    f"{clash} would be there twice.",
                    fix="Have the other request taken away first, or refuse this one.",
                )
            contents |= more
        return contents

    def _of(self, request: ImportRequest) -> dict[str, bytes]:
        contents: dict[str, bytes] = {}
        for file in request.files:
            data = self.store.vault.get(file.sha256)  # raises Tampered when its bytes changed
            if file.is_wheel:
                installed = self._wheel(file, data).installed
                contents |= {f"{PYTHON}/{path}": content for path, content in installed.items()}
            else:
                contents[f"{FILES}/{file.name}"] = data
        return contents

    def _wheel(self, file: ImportedFile, data: bytes) -> Wheel:
        """A package that passed once, and is held against the checks of today."""
        try:
            return self.entrance.read_wheel(file.name, data)
        except Refused as refused:
            raise NotAllowed(
                f"{file.name} no longer passes its checks. {refused.reason}",
                clause=f"{rules.CLAUSE}.{refused.check}",
                fix="Have it taken away, or refuse it.",
            ) from refused

    def _check_room_for(self, request: ImportRequest) -> None:
        there = self._let_in(request.dataset, request.project)
        size = sum(len(content) for content in self._contents((*there, request)).values())
        most = self.entrance.terms.max_project_bytes
        if size > most:
            raise TooLarge(
                f"The project would hold {size:,} bytes; it may hold {most:,}.",
                fix="Have something taken away first.",
            )

    # the checks

    def _check(self, request: ImportRequest) -> ImportRequest:
        policy = self._policy(request.dataset)
        files = [(file.name, self.store.vault.get(file.sha256)) for file in request.files]
        with self.one_at_a_time:
            findings = self.entrance.judge(files, self._beside(request, policy))
        verdict = worst(findings)
        row = rules.step(request.state, rules.after_checks(verdict))
        event = Event(
            _SYSTEM, row.event, request.object, {"verdict": str(verdict), "checks": _failed(findings)}
        )
        return self.store.imports.checked(request, row, findings, event=event)

    def _beside(self, request: ImportRequest, policy: DatasetPolicy) -> Beside:
        there = self._let_in(request.dataset, request.project)
        wheels = [
            self._wheel(file, self.store.vault.get(file.sha256))
            for one in there
            for file in one.files
            if file.is_wheel
        ]
        return Beside(
            columns=frozenset(c for table in policy.tables.values() for c in table.columns),
            unit=policy.unit.column if policy.unit else "",
            names=frozenset(file.name for one in there for file in one.files if not file.is_wheel),
            packages={wheel.name: wheel.version for wheel in wheels},
        )

    # steps

    def _step(
        self, person: Person, number: int, verb: ImportVerb, version: int | None
    ) -> tuple[ImportRequest, rules.ImportStep]:
        request = self.store.imports.get(number)
        owner = self._policy(request.dataset).owner if request else ""
        members = self.store.access.members_of(request.project) if request else ()
        own = request is not None and person.name == request.requester
        if request is None or not (own or person.name in members or rules.may_decide(person, owner=owner)):
            raise NotFound(f"There is no import request {number}.")
        try:
            row = rules.check_step(request, verb, person, owner=owner, members=members)
        except NotAllowed as refused:
            self.store.log.record(
                Event(
                    person.name,
                    "import.denied",
                    request.object,
                    {"verb": str(verb), "clause": refused.clause},
                )
            )
            raise
        if version not in (None, request.version):
            raise Conflict(
                "The request changed since you opened it.", fix="Open it again and look once more."
            )
        return request, row

    def _move(
        self, request: ImportRequest, row: rules.ImportStep, person: Person, reason: str
    ) -> ImportRequest:
        event = Event(person.name, row.event, request.object, {"reason": reason, "clause": rules.CLAUSE})
        return self.store.imports.move(request, row, event=event)

    def _check_room(self, person: Person, grant: Grant) -> None:
        try:
            rules.check_from_notebook(grant.mode)
        except NotAllowed as refused:
            self.store.log.record(
                Event(person.name, "import.denied", f"grant:{grant.id}", {"clause": refused.clause})
            )
            raise

    def _policy(self, dataset: str) -> DatasetPolicy:
        row = self.store.datasets.get(dataset)
        if row is None:
            raise NotFound(f"There is no dataset {dataset!r}.")
        return row.policy


def _failed(findings: Sequence[Finding]) -> list[str]:
    """The checks that had something to say, for the log: no name and no word of a file."""
    return sorted({f.check for f in findings if f.verdict != "pass"})


def _key(dataset: str, project: str) -> str:
    """A folder's name for a project's words."""
    return sha256(f"{dataset}\n{project}".encode()).hexdigest()[:32]
