"""Applications as each person may see them. Reading only; grants and budgets are in ``grant_views``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.domain import application as rules
from sandbox.domain.access import Block
from sandbox.domain.agreement import in_words
from sandbox.domain.application import (
    WAITING,
    Application,
    ApplicationState,
    Change,
    Turn,
    Verb,
    differences,
)
from sandbox.domain.audit import Entry
from sandbox.domain.deadlines import decision_due
from sandbox.domain.duties import Duty, DutyState
from sandbox.domain.earlier_form import is_present, period_of
from sandbox.domain.errors import NotFound
from sandbox.domain.paging import check_page
from sandbox.domain.papers import seal
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.standing import concerns, may_renew
from sandbox.flows.commitments import uncommitted
from sandbox.flows.grant_views import GrantViews
from sandbox.flows.permission import duties_of
from sandbox.store import Dataset, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationView:
    """An application for one of its people, or for the owner who decides.

    Attributes:
        agreement: the signed document's text; empty before approval.
        clauses: the same in words.
        ends: the last day that was agreed, ISO 8601; empty before approval.
        changes: what differs from the turn before.
        due: the last day for the owner's first decision; None when nothing waits for one.
        overdue: that day is past.
        gone: members whose own grant ended while the others' go on.
        renewal: the application that is to continue this one; 0 for none.
        free_epsilon: for the owner: what the budget can still promise.
    """

    application: Application
    policy: DatasetPolicy
    title: str
    owner: str
    allowed_actions: tuple[str, ...]
    agreement: str
    clauses: tuple[tuple[str, str], ...]
    ends: str
    turns: tuple[Turn, ...]
    changes: tuple[Change, ...]
    due: date | None
    overdue: bool
    duties: tuple[Duty, ...]
    reports: tuple[Report, ...]
    gone: tuple[str, ...]
    renewal: int
    free_epsilon: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessViews(GrantViews):
    """Applications: those of one's own, and those that one decides; and, of ``GrantViews``, what came of them."""

    def applications(self, person: Person) -> tuple[ApplicationView, ...]:
        """All that the person leads, is named in, or decides; in order."""
        return self._views(self.store.access.concerning(person.name), person)

    def _views(self, found: Sequence[Application], person: Person) -> tuple[ApplicationView, ...]:
        names = sorted({application.dataset for application in found})
        with self.store.one_moment():
            rows = {row.policy.name: row for row in self.store.datasets.several(names)}
            return tuple(
                self._application_view(application, rows[application.dataset], person)
                for application in found
                if application.dataset in rows
                and concerns(application, rows[application.dataset].policy, person)
            )

    def to_decide(self, owner: Person) -> tuple[Application, ...]:
        """What waits for an owner's decision, the longest waiting first."""
        check_role(owner, Role.OWNER)
        found = self.store.access.on_data_of(owner.name, {ApplicationState.SUBMITTED}, oldest_first=True)
        return tuple(sorted(found, key=lambda a: (a.submitted_at, a.id)))

    def waiting(self, owner: Person, *, limit: int) -> tuple[ApplicationView, ...]:
        """The same, as the owner sees them: those that wait longest."""
        return self._views(self.to_decide(owner)[:limit], owner)

    def overdue(self, application: Application) -> bool:
        """It waits for longer than owners have to decide."""
        return self.today() > decision_due(date.fromisoformat(application.submitted_at[:10]))

    def on_data_of(
        self, owner: Person, states: Collection[ApplicationState], *, offset: int = 0, limit: int = 20
    ) -> tuple[ApplicationView, ...]:
        """Those in one of these states on an owner's data, the newest first."""
        check_role(owner, Role.OWNER)
        check_page(offset, limit)
        found = self.store.access.on_data_of(owner.name, states, offset=offset, limit=limit)
        return self._views(found, owner)

    def counts(self, owner: Person) -> dict[ApplicationState, int]:
        """How many there are on an owner's data in each state."""
        check_role(owner, Role.OWNER)
        return self.store.access.count_on_data_of(owner.name)

    def application(self, person: Person, application_id: int) -> ApplicationView:
        application, row = self._known(person, application_id)
        return self._application_view(application, row, person)

    def events(self, person: Person, application_id: int) -> tuple[Entry, ...]:
        """What the log says of an application, in order, for those whom it concerns."""
        application, _ = self._known(person, application_id)
        return self.store.log.entries(object=f"application:{application.id}", limit=1000)

    def paper(self, person: Person, application_id: int) -> bytes:
        """The agreement with the platform's signature, JSON, for its people and the owner."""
        application, _ = self._known(person, application_id)
        if not application.agreement_hash:
            raise NotFound(f"There is no agreement of application {application_id} yet.")
        signed = self.store.access.agreement(application.id)
        return seal("agreement", signed.document(), signed.signature)

    # blocks

    def blocks(self, person: Person) -> tuple[Block, ...]:
        """What keeps a person from applying now."""
        today = self.today()
        return tuple(block for block in self.store.duties.blocks_of(person.name) if block.holds_on(today))

    def blocks_by(self, owner: Person) -> tuple[Block, ...]:
        """Whom an owner's data are closed to now."""
        today = self.today()
        held = [block for block in self.store.duties.blocks() if block.holds_on(today)]
        mine = {
            lineage
            for lineage in {block.lineage for block in held}
            if any(name == owner.name for _, name in self.store.datasets.of_lineage(lineage))
        }
        return tuple(block for block in held if block.lineage in mine)

    def _known(self, person: Person, application_id: int) -> tuple[Application, Dataset]:
        found = self.store.access.application(application_id)
        row = self.store.datasets.get(found.dataset) if found is not None else None
        if found is None or row is None or not concerns(found, row.policy, person):
            raise NotFound(f"You have no application {application_id}.")
        return found, row

    def _application_view(self, application: Application, row: Dataset, person: Person) -> ApplicationView:
        sha256 = application.agreement_hash
        signed = self.store.access.agreement_by_hash(sha256) if sha256 else None
        document: Mapping[str, Any] = signed.document() if signed else {}
        turns = self.store.access.turns(application.id)
        waits = application.state is ApplicationState.SUBMITTED
        deciding = waits and person.name == row.policy.owner
        due = decision_due(date.fromisoformat(application.submitted_at[:10])) if waits else None
        duties = duties_of(self.store, application, today=self.today())
        renewal = self._renewal(application) if may_renew(application, person) else 0
        gone = self._gone(application)
        actions = [str(verb) for verb in rules.allowed_verbs(application, row.policy, person)]
        if document and not is_present(document):
            actions = [verb for verb in actions if verb != Verb.SIGN]
        if person.name in gone:
            actions = [verb for verb in actions if verb != Verb.LEAVE]
        if turns[-1].answer:  # it is as it was when it came back
            actions = [verb for verb in actions if verb != Verb.SUBMIT]
        if may_renew(application, person) and not renewal:
            actions.append("renew")
        if person.name in application.people and any(d.state is not DutyState.DONE for d in duties):
            actions.append("report")
        if application.certificate:
            actions.append("certificate")
        return ApplicationView(
            application=application,
            policy=row.policy,
            title=row.policy.title,
            owner=row.policy.owner,
            allowed_actions=tuple(actions),
            agreement=signed.body.decode() if signed else "",
            clauses=in_words(document) if document and is_present(document) else (),
            ends=period_of(document)["ends"] if document else "",
            turns=turns,
            changes=differences(turns[-2].wish, turns[-1].wish) if len(turns) > 1 else (),
            due=due,
            overdue=due is not None and self.today() > due,
            duties=duties,
            reports=self.store.duties.reports(application.id),
            gone=gone,
            renewal=renewal,
            free_epsilon=self._free(application, row.policy) if deciding else None,
        )

    def _free(self, application: Application, policy: DatasetPolicy) -> float:
        free = uncommitted(self.store, policy, but=application.renews)
        return policy.guarantee.epsilon(Loss(free.nano))

    def _gone(self, application: Application) -> tuple[str, ...]:
        if application.state is not ApplicationState.ACTIVE:
            return ()
        return tuple(g.person for g in self.store.grants.under(application.id) if g.revoked)

    def _renewal(self, application: Application) -> int:
        """The one that waits to continue it."""
        others = self.store.access.applications(applicant=application.applicant, dataset=application.dataset)
        return next((o.id for o in others if o.renews == application.id and o.state in WAITING), 0)
