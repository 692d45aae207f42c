"""The register of results: a grant's holder reports what was made, the owner confirms it, everybody can read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain import results as rules
from sandbox.domain.audit import Event
from sandbox.domain.earlier_form import source_of
from sandbox.domain.errors import BadInput, Conflict, NotFound
from sandbox.domain.paging import check_page
from sandbox.domain.people import Person, Role
from sandbox.domain.results import Result, ResultKind, Told, Verb
from sandbox.flows.listed import Listed
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultView:
    """A result for the one who asks."""

    result: Result
    title: str  # of its dataset
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultViews:
    """A part of the register."""

    results: tuple[ResultView, ...]
    total: int
    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reportable:
    """A grant under which a person may report, and the citation that its results must carry."""

    grant_id: int
    dataset: str
    title: str
    project: str
    citation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """The journey's parts."""

    store: Store
    listed: Listed
    today: Callable[[], date]

    def report(self, person: Person, grant_id: int, told: Told) -> Result:
        """Report what was made under a grant. It is public once it is confirmed.

        Raises:
            NotFound: the person has no such grant.
            BadInput: names the field.
            Conflict: the project reported it before.
        """
        grant = self.store.grants.get(grant_id)
        if grant is None or grant.person != person.name:
            raise NotFound(f"You have no grant {grant_id}.", fix="Report under a grant of your own.")
        made = rules.made(told, today=self.today())
        event = Event(person.name, "result.reported", "result:new", {"grant": grant_id})
        return self.store.results.add(made, grant=grant, event=event)

    def amend(self, person: Person, result_id: int, told: Told, *, version: int) -> Result:
        """Tell it better, before it is confirmed."""
        result, row = self._step(person, result_id, Verb.AMEND, version)
        made = rules.made(told, today=self.today())
        event = Event(person.name, row.event, f"result:{result_id}")
        return self.store.results.move(result, row, made=made, event=event)

    def decide(self, person: Person, result_id: int, verb: Verb, *, version: int, reason: str = "") -> Result:
        """Confirm, send back or withdraw.

        Raises:
            NotAllowed: the person neither owns the dataset nor is an administrator, or reported it.
            Conflict: it changed meanwhile.
        """
        if verb is Verb.AMEND:
            raise BadInput(
                "To amend is to report anew.", where="verb", fix="Use confirm, return or withdraw."
            )
        result, row = self._step(person, result_id, verb, version)
        why = rules.reason(verb, reason)
        event = Event(person.name, row.event, f"result:{result_id}", {"reason": why} if why else {})
        return self.store.results.move(result, row, reason=why, event=event)

    # looking

    def register(
        self, *, offset: int = 0, limit: int = 20, dataset: str = "", kind: ResultKind | None = None
    ) -> ResultViews:
        """What is confirmed, for everybody, the newest first."""
        check_page(offset, limit)
        listed = self.listed.all()
        page = self.store.results.confirmed(offset=offset, limit=limit, dataset=dataset, kind=kind)
        return ResultViews(
            results=tuple(
                ResultView(result=r, title=listed[r.dataset].title, allowed_actions=()) for r in page.results
            ),
            total=page.total,
            offset=offset,
            limit=limit,
        )

    def mine(self, person: Person) -> tuple[ResultView, ...]:
        """What the person reported, newest first."""
        return tuple(self._view(r, person) for r in reversed(self.store.results.of_reporter(person.name)))

    def waiting(self, person: Person) -> tuple[ResultView, ...]:
        """What waits for this person's decision, oldest first."""
        if person.has(Role.ADMINISTRATOR):
            found = self.store.results.waiting()
        elif person.has(Role.OWNER):
            found = self.store.results.waiting(owner=person.name)
        else:
            found = ()
        views = (self._view(r, person) for r in found)
        return tuple(v for v in views if "confirm" in v.allowed_actions)

    def view(self, person: Person | None, result_id: int) -> ResultView:
        """One result: a confirmed one for everybody, any for its reporter and those who decide."""
        result = self.store.results.get(result_id)
        if result is not None:
            row = self.store.datasets.get(result.dataset)
            owner = row.policy.owner if row is not None else ""
            if self._is_public(result) or rules.may_see(result, person, owner=owner):
                return self._view(result, person)
        raise NotFound(f"There is no result {result_id}.")

    def reportable(self, person: Person) -> tuple[Reportable, ...]:
        """The grants under which the person may report, newest first, also those that have ended."""
        found = []
        for grant in sorted(self.store.grants.of_person(person.name), key=lambda g: -g.id):
            terms = self.store.access.agreement_by_hash(grant.agreement_hash).document()
            row = self.store.datasets.get(grant.dataset)
            found.append(
                Reportable(
                    grant_id=grant.id,
                    dataset=grant.dataset,
                    title=row.policy.title if row is not None else grant.dataset,
                    project=grant.project,
                    citation=source_of(terms),
                )
            )
        return tuple(found)

    def _is_public(self, result: Result) -> bool:
        return result.state is rules.ResultState.CONFIRMED and result.dataset in self.listed.all()

    def _view(self, result: Result, person: Person | None) -> ResultView:
        row = self.store.datasets.get(result.dataset)
        owner, title = (row.policy.owner, row.policy.title) if row is not None else ("", result.dataset)
        return ResultView(
            result=result,
            title=title,
            allowed_actions=rules.allowed_actions(result, person, owner=owner),
        )

    def _step(self, person: Person, result_id: int, verb: Verb, version: int) -> tuple[Result, rules.Step]:
        result = self.view(person, result_id).result
        row = self.store.datasets.get(result.dataset)
        step = rules.step(result, verb, person, owner=row.policy.owner if row is not None else "")
        if version != result.version:
            raise Conflict(
                f"Result {result_id} changed meanwhile: it is {result.state}.", fix="Look at it again."
            )
        return result, step
