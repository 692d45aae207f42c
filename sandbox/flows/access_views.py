"""Applications, grants and budgets as each person may see them. Reading only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.domain import application as rules
from sandbox.domain.access import Grant
from sandbox.domain.agreement import allowances, budget_of, in_words
from sandbox.domain.application import Application, ApplicationState, Change, Turn, differences
from sandbox.domain.budget import Account, Allowance
from sandbox.domain.deadlines import decision_due
from sandbox.domain.duties import Duty, DutyState
from sandbox.domain.errors import NotFound
from sandbox.domain.people import Person
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.price import USUAL_EPSILON
from sandbox.domain.privacy_loss import Loss
from sandbox.flows.commitments import day_began, left_under, uncommitted
from sandbox.flows.permission import duties_of
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.remembered import Remembered
from sandbox.store import Dataset, Report, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a budget is worth, in the plainest question there is."""

    left: int  # how many more counts
    within: float  # each within ± this in 95 of 100 cases


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """What an agreement gives, as its people read it.

    Attributes:
        epsilon_cap, epsilon_left: of the agreement; what is left is also bounded by the lineage and the quota.
        member_epsilon_left, day_epsilon_left: None where the agreement sets no such share.
    """

    dataset: str
    project: str
    epsilon_cap: float
    epsilon_left: float
    delta: float
    percent_left: float  # of what the agreement gives, 0-100
    lineage_percent_left: float
    account: Account
    lineage: Account
    member_epsilon_left: float | None
    day_epsilon_left: float | None
    counts: Counts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One line of a grant's history."""

    id: int
    sql: str
    state: str
    epsilon: float
    asked_at: str
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantView:
    grant: Grant
    title: str
    holds: bool
    suspended: bool
    budget: BudgetView
    history: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationView:
    """An application for one of its people, or for the owner who decides.

    Attributes:
        agreement: the signed document's text; empty before approval.
        clauses: the same in words.
        changes: what differs from the turn before.
        due: the last day for the owner's first decision; None when nothing waits for one.
        free_epsilon: for the owner: what the budget can still promise.
    """

    application: Application
    title: str
    owner: str
    allowed_actions: tuple[str, ...]
    agreement: str
    clauses: tuple[tuple[str, str], ...]
    turns: tuple[Turn, ...]
    changes: tuple[Change, ...]
    due: date | None
    duties: tuple[Duty, ...]
    reports: tuple[Report, ...]
    free_epsilon: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessViews:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]
    usual: Remembered[Counts | None]  # a policy's plainest question at the usual price

    # grants

    def grants(self, person: Person) -> tuple[GrantView, ...]:
        """The person's own, also past ones."""
        return tuple(self._grant_view(g) for g in self.store.access.grants_of(person.name))

    def grant(self, person: Person, grant_id: int) -> GrantView:
        for grant in self.store.access.grants_of(person.name):
            if grant.id == grant_id:
                return self._grant_view(grant)
        raise NotFound(f"You have no grant {grant_id}.")

    def budget(self, grant: Grant) -> BudgetView:
        return self._budget(grant, self._dataset(grant.dataset))

    def _grant_view(self, grant: Grant) -> GrantView:
        row = self._dataset(grant.dataset)
        application = self.store.access.application(grant.application)
        active = application is not None and application.state is ApplicationState.ACTIVE
        history = tuple(
            Question(
                id=q.id,
                sql=q.canonical,
                state=str(q.state),
                epsilon=row.policy.guarantee.epsilon(q.cost),
                asked_at=q.asked_at,
                person=q.person,
            )
            for q in self.store.ledger.history(project=grant.project, lineage=row.policy.budget_lineage)
        )
        return GrantView(
            grant=grant,
            title=row.policy.title,
            holds=grant.holds_on(self.today()) and active and not row.suspended,
            suspended=row.suspended,
            budget=self._budget(grant, row),
            history=history,
        )

    def _budget(self, grant: Grant, row: Dataset) -> BudgetView:
        policy = row.policy
        lineage, project = self.store.ledger.accounts(policy.budget_lineage, grant.project)
        guarantee = policy.guarantee
        document = self.store.access.agreement_by_hash(grant.agreement_hash).document()
        cap = Loss(0)
        given: tuple[Allowance, ...] = ()
        if "all_nano" in document["budget"]:  # an agreement in an earlier form permits nothing
            cap = budget_of(document)
            given = allowances(document, person=grant.person, day_began=day_began(self.today()))
        left = left_under(self.store, policy, grant, given) if given else Loss(0)
        shares = {
            "member" if one.person else "day": guarantee.epsilon(self._left_of(one)) for one in given[1:]
        }
        return BudgetView(
            dataset=grant.dataset,
            project=grant.project,
            epsilon_cap=guarantee.epsilon(cap),
            epsilon_left=guarantee.epsilon(left),
            delta=guarantee.delta,
            percent_left=100.0 * left.nano / cap.nano if cap.nano else 0.0,
            lineage_percent_left=lineage.percent_left(),
            account=project,
            lineage=lineage,
            member_epsilon_left=shares.get("member"),
            day_epsilon_left=shares.get("day"),
            counts=self._counts(row, left),
        )

    def _left_of(self, allowance: Allowance) -> Loss:
        spent = self.store.ledger.spent_under(
            allowance.application, person=allowance.person, since=allowance.since
        )
        return Loss(max(0, allowance.cap.nano - spent.nano))

    def _counts(self, row: Dataset, left: Loss) -> Counts | None:
        """How many counts of all rows are left, each at the price that is usual."""
        cost = row.policy.guarantee.loss(USUAL_EPSILON)
        usual = self.usual.get(row.policy_hash, lambda: _usual(row.policy, cost))
        return usual and Counts(left=left.nano // cost.nano, within=usual.within)

    # applications: those of one's own, and those that one decides

    def applications(self, person: Person) -> tuple[ApplicationView, ...]:
        """All that the person leads, is named in, or decides; in order."""
        rows = {row.policy.name: row for row in self.store.datasets.all()}
        return tuple(
            self._application_view(application, rows[application.dataset], person)
            for application in self.store.access.applications()
            if application.dataset in rows and _concerns(application, rows[application.dataset], person)
        )

    def application(self, person: Person, application_id: int) -> ApplicationView:
        found = self.store.access.application(application_id)
        row = self.store.datasets.get(found.dataset) if found is not None else None
        if found is None or row is None or not _concerns(found, row, person):
            raise NotFound(f"You have no application {application_id}.")
        return self._application_view(found, row, person)

    def _application_view(self, application: Application, row: Dataset, person: Person) -> ApplicationView:
        signed = self.store.access.agreement(application.id) if application.agreement_hash else None
        document: Mapping[str, Any] = signed.document() if signed else {}
        turns = self.store.access.turns(application.id)
        waits = application.state is ApplicationState.SUBMITTED
        deciding = waits and person.name == row.policy.owner
        duties = duties_of(self.store, application, today=self.today())
        actions = [str(verb) for verb in rules.allowed_verbs(application, row.policy, person)]
        if person.name in application.people and any(d.state is not DutyState.DONE for d in duties):
            actions.append("report")
        if application.certificate:
            actions.append("certificate")
        return ApplicationView(
            application=application,
            title=row.policy.title,
            owner=row.policy.owner,
            allowed_actions=tuple(actions),
            agreement=signed.body.decode() if signed else "",
            clauses=in_words(document) if "review" in document else (),
            turns=turns,
            changes=differences(turns[-2].wish, turns[-1].wish) if len(turns) > 1 else (),
            due=decision_due(date.fromisoformat(application.submitted_at[:10])) if waits else None,
            duties=duties,
            reports=self.store.duties.reports(application.id),
            free_epsilon=row.policy.guarantee.epsilon(
                uncommitted(self.store, row.policy, but=application.renews)
            )
            if deciding
            else None,
        )

    def _dataset(self, name: str) -> Dataset:
        row = self.store.datasets.get(name)
        if row is None:
            raise NotFound(f"There is no dataset {name!r}.")
        return row


def _concerns(application: Application, row: Dataset, person: Person) -> bool:
    """True for its applicant; for whom it names and for the owner, once it is handed in."""
    if person.name == application.applicant:
        return True
    handed_in = application.state is not ApplicationState.DRAFT
    return handed_in and person.name in (*application.people, row.policy.owner)


def _usual(policy: DatasetPolicy, cost: Loss) -> Counts | None:
    table = next(iter(policy.tables))
    planned = plan(parse(f"SELECT COUNT(*) AS n FROM {table}", policy), policy, target=cost)  # noqa: S608 - no engine reads it
    error = planned.columns[0].error_95
    return None if error is None else Counts(left=0, within=error)
