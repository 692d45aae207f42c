"""A breach: recorded with its clause, its measure carried out, and a public notice."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain import breaches as rules
from sandbox.domain.access import Grant
from sandbox.domain.application import ApplicationState
from sandbox.domain.audit import Event
from sandbox.domain.breaches import Breach, Measure, Notice
from sandbox.domain.errors import Conflict, NotAllowed, NotFound
from sandbox.domain.paging import check_page
from sandbox.domain.people import Person
from sandbox.domain.plain_text import plain_text
from sandbox.domain.projects import same_project
from sandbox.domain.site_policy import SocietyTerms
from sandbox.flows.end_access import EndAccess
from sandbox.flows.listed import Listed
from sandbox.store import Store
from sandbox.store.catalogue import ListedDataset


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachView:
    """A public notice."""

    id: int
    dataset: str
    title: str  # of the dataset
    project: str
    who: str  # a pseudonym, or a name where policy says so; empty when it is about the project
    notice: Notice
    lifted: str
    recorded_at: str
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachViews:
    """A part of the list."""

    breaches: tuple[BreachView, ...]
    total: int
    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBreach:
    """The journey's parts."""

    store: Store
    listed: Listed
    end_access: EndAccess
    terms: SocietyTerms
    pseudonym_key: bytes

    def record(
        self,
        person: Person,
        *,
        dataset: str,
        project: str,
        about: str = "",
        clause: str,
        measure: Measure,
        text: str,
        block_days: int = 0,
    ) -> Breach:
        """Record a breach. A closure takes the grants back that it is about, in the same transaction.

        Args:
            about: the person's name; empty when it is about the whole project.
            block_days: of a project's closure: for so many days its people may not apply for these data again.

        Raises:
            NotFound: the project has no grant on the dataset, or the person has none in it.
            NotAllowed: the person may not record it; or, for a closure, does not own the dataset.
            Conflict: a closure, and no grant is left to close.
        """
        notice = rules.notice(clause=clause, measure=measure, text=text)
        grants = [
            g
            for g in self.store.grants.all(dataset=dataset)
            if same_project(g.project, project) and about in ("", g.person)
        ]
        row = self.store.datasets.get(dataset)
        kept = (
            grants[0].project if grants else project
        )  # as it was first spelt: its members are looked up by it
        self._check(person, owner=row.policy.owner if row else "", project=kept, about=about)
        if not grants:
            raise NotFound(
                "There is no such grant.", fix="Name a dataset, and a project or person with a grant on it."
            )
        with self.store.transaction():
            if measure is Measure.CLOSURE:
                self._close(person, grants, notice=notice, about=about, block_days=block_days)
            facts = {
                "dataset": dataset,
                "project": kept,
                "person": about,
                "clause": notice.clause,
                "measure": str(measure),
            }
            return self.store.breaches.add(
                notice,
                dataset=dataset,
                project=kept,
                person=about,
                event=Event(person.name, "breach.recorded", "breach:new", facts),
            )

    def lift(self, person: Person, breach_id: int, *, reason: str) -> Breach:
        """Say that it should not have been recorded. What was revoked stays revoked: access is applied for anew."""
        breach = self.store.breaches.get(breach_id)
        if breach is None:
            raise NotFound(f"There is no breach {breach_id}.")
        row = self.store.datasets.get(breach.dataset)
        owner = row.policy.owner if row is not None else ""
        self._check(person, owner=owner, project=breach.project, about=breach.person)
        why = plain_text(reason, where="reason", least=5, most=500)
        event = Event(person.name, "breach.lifted", f"breach:{breach_id}", {"reason": why})
        return self.store.breaches.lift(breach_id, reason=why, event=event)

    def page(self, person: Person | None, *, offset: int = 0, limit: int = 50) -> BreachViews:
        """The public notices, the newest first."""
        check_page(offset, limit)
        listed = self.listed.all()
        found = [b for b in self.store.breaches.all() if b.dataset in listed]
        return BreachViews(
            breaches=tuple(self._view(b, person, listed[b.dataset]) for b in found[offset : offset + limit]),
            total=len(found),
            offset=offset,
            limit=limit,
        )

    def one(self, person: Person | None, breach_id: int) -> BreachView:
        """One public notice.

        Raises:
            NotFound: no such breach, or none that is public.
        """
        breach = self.store.breaches.get(breach_id)
        listed = self.listed.all()
        if breach is None or breach.dataset not in listed:
            raise NotFound(f"There is no breach {breach_id}.")
        return self._view(breach, person, listed[breach.dataset])

    def subjects(self, person: Person) -> tuple[tuple[str, str, str], ...]:
        """Whom this person may record a breach about: dataset, project, member."""
        rows = {d.policy.name: d.policy for d in self.store.datasets.all()}
        return tuple(
            sorted(
                {
                    (g.dataset, g.project, g.person)
                    for g in self.store.grants.all()
                    if g.dataset in rows and self._may(person, rows[g.dataset].owner, g.project, g.person)
                }
            )
        )

    def _close(
        self, person: Person, grants: list[Grant], *, notice: Notice, about: str, block_days: int
    ) -> None:
        """One person is taken out of an application with others; else the application is revoked."""
        reason = f"{notice.clause}: {notice.text}"[:500]
        closed = 0
        for number in sorted({g.application for g in grants if not g.revoked}):
            application = self.store.access.application(number)
            if application is None or application.state is not ApplicationState.ACTIVE:
                continue
            if about and len(application.people) > 1:
                self.end_access.remove_member(person, number, member=about, reason=reason)
            else:
                self.end_access.revoke(
                    person, number, reason=reason, clause=notice.clause, block_days=block_days
                )
            closed += 1
        if not closed:
            raise Conflict("No grant is left to close.", fix="Record a warning, or a limit.")

    def _check(self, person: Person, *, owner: str, project: str, about: str) -> None:
        members = self.store.access.members_of(project)
        rules.check_recording(person, owner=owner, members=members, about=about)

    def _may(self, person: Person, owner: str, project: str, about: str) -> bool:
        try:
            self._check(person, owner=owner, project=project, about=about)
        except NotAllowed:
            return False
        return True

    def _view(self, breach: Breach, person: Person | None, dataset: ListedDataset) -> BreachView:
        pseudonym = rules.pseudonym(breach.person, project=breach.project, key=self.pseudonym_key)
        may = (
            person is not None
            and not breach.lifted
            and self._may(person, dataset.owner, breach.project, breach.person)
        )
        return BreachView(
            id=breach.id,
            dataset=breach.dataset,
            title=dataset.title,
            project=breach.project,
            who=breach.person if self.terms.name_in_breaches else pseudonym,
            notice=breach.notice,
            lifted=breach.lifted,
            recorded_at=breach.recorded_at,
            allowed_actions=("lift",) if may else (),
        )
