"""Import requests as each person may see them. Reading only.

A file's content is shown to who decides, as text or as a list of what is in it, and to nobody else: what somebody sent
in is not handed back, so that nothing travels out under the name of coming in.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain import import_request as rules
from sandbox.domain.access import Grant
from sandbox.domain.errors import NotFound
from sandbox.domain.findings import Finding
from sandbox.domain.import_request import ImportedFile, ImportRequest, ImportState
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import DatasetPolicy
from sandbox.flows.import_files import ImportFiles
from sandbox.isolation.entrance.folder import FILES, PYTHON
from sandbox.isolation.entrance.found import Refused
from sandbox.isolation.entrance.wheel import Wheel
from sandbox.store import Store

SHOWN_BYTES = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportView:
    """A request for one of its people, or for who may decide.

    Attributes:
        decides: this person is among those who may decide on the dataset's requests.
    """

    request: ImportRequest
    title: str
    findings: tuple[Finding, ...]
    decides: bool
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPreview:
    """What is in a file, for who decides.

    Attributes:
        text: the beginning of a text file; empty for a wheel.
        more: the file goes on.
        wheel: a package's own words and files; None for a text file, or for one that cannot be read.
    """

    file: ImportedFile
    text: str = ""
    more: bool = False
    wheel: Wheel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportViews:
    """The journey's parts."""

    store: Store
    importing: ImportFiles

    def own(self, person: Person) -> tuple[ImportView, ...]:
        """Those of this person, and of others in their projects that were let in; the newest first."""
        found = {request.id: request for request in self.store.imports.of_requester(person.name)}
        for grant in self.store.grants.of_person(person.name):
            for request in self.store.imports.of_project(grant.dataset, grant.project, (ImportState.LET_IN,)):
                found[request.id] = request
        return tuple(self._view(request, person) for _, request in sorted(found.items(), reverse=True))

    def of_grant(self, person: Person, grant: Grant) -> tuple[ImportView, ...]:
        """A grant's project, the newest first; for its notebook."""
        found = self.store.imports.of_project(grant.dataset, grant.project)
        own = [r for r in found if r.requester == person.name or r.state is ImportState.LET_IN]
        return tuple(self._view(request, person) for request in reversed(own))

    def queue(self, person: Person) -> tuple[ImportView, ...]:
        """What waits for this person's decision, oldest first."""
        waiting = self._in_state(ImportState.WAITING, person)
        views = (self._view(request, person) for request in waiting)
        return tuple(view for view in views if "let_in" in view.allowed_actions)

    def there(self, person: Person) -> tuple[ImportView, ...]:
        """What was let in on this person's word or could have been, the newest first."""
        found = self._in_state(ImportState.LET_IN, person)
        return tuple(self._view(request, person) for request in reversed(found))

    def one(self, person: Person, number: int) -> ImportView:
        """One request, for its project and for who may decide.

        Raises:
            NotFound: no such request, or not this person's to see.
        """
        request = self.store.imports.get(number)
        if request is not None:
            view = self._view(request, person)
            seen = request.state is ImportState.LET_IN and person.name in self._members(request)
            if view.decides or person.name == request.requester or seen:
                return view
        raise NotFound(f"There is no import request {number}.")

    def preview(self, person: Person, number: int, name: str) -> ImportPreview:
        """A file's content, for who decides.

        Raises:
            NotFound: no such file, or not this person's to see.
            Tampered: its bytes are not those that were handed in.
        """
        view = self.one(person, number)
        file = next((f for f in view.request.files if f.name == name), None)
        if file is None or not view.decides:
            raise NotFound(f"There is no file {name!r} in request {number} for you to look into.")
        data = self.store.vault.get(file.sha256)
        if file.is_wheel:
            try:
                return ImportPreview(file=file, wheel=self.importing.entrance.read_wheel(name, data))
            except Refused:
                return ImportPreview(file=file)
        return ImportPreview(
            file=file, text=data[:SHOWN_BYTES].decode("utf-8", errors="replace"), more=len(data) > SHOWN_BYTES
        )

    def wheels(self, person: Person, number: int) -> tuple[tuple[str, bytes], ...]:
        """The packages of a request that was let in, for an administrator who puts them into the image.

        Returns:
            (name, content) of each.
        """
        view = self.one(person, number)
        if not person.has(Role.ADMINISTRATOR) or view.request.state is not ImportState.LET_IN:
            raise NotFound(f"There is no import request {number} that was let in.")
        files = [file for file in view.request.files if file.is_wheel]
        return tuple((file.name, self.store.vault.get(file.sha256)) for file in files)

    def _view(self, request: ImportRequest, person: Person) -> ImportView:
        policy = self._policy(request.dataset)
        members = self._members(request)
        return ImportView(
            request=request,
            title=policy.title,
            findings=self.store.imports.findings(request.id),
            decides=rules.may_decide(person, owner=policy.owner)
            and person.name not in (request.requester, *members),
            allowed_actions=rules.allowed_verbs(request, person, owner=policy.owner, members=members),
        )

    def _in_state(self, state: ImportState, person: Person) -> tuple[ImportRequest, ...]:
        """Those on datasets on which a person decides, oldest first."""
        if person.has(Role.ADMINISTRATOR):
            return self.store.imports.in_state(state)
        return self.store.imports.in_state(state, owner=person.name) if person.has(Role.OWNER) else ()

    def _members(self, request: ImportRequest) -> tuple[str, ...]:
        return self.store.access.members_of(request.project)

    def _policy(self, dataset: str) -> DatasetPolicy:
        row = self.store.datasets.get(dataset)
        if row is None:
            raise NotFound(f"There is no dataset {dataset!r}.")
        return row.policy


def places(request: ImportRequest) -> tuple[tuple[str, str], ...]:
    """Where each file of a request is seen from a notebook: (name, path)."""
    return tuple(
        (file.name, f"/imports/{PYTHON}" if file.is_wheel else f"/imports/{FILES}/{file.name}")
        for file in request.files
    )
