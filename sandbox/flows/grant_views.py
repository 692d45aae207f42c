"""Grants and budgets as their holders see them, and what may be asked for. Reading only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sandbox.domain.access import Grant
from sandbox.domain.agreement import allowances, budget_of
from sandbox.domain.application import ApplicationState
from sandbox.domain.budget import Account, Allowance
from sandbox.domain.earlier_form import is_present
from sandbox.domain.errors import BadInput, NotFound
from sandbox.domain.people import Person
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.price import USUAL_EPSILON
from sandbox.domain.privacy_loss import Guarantee, Loss
from sandbox.flows.commitments import day_began, left_under
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.plan import plan
from sandbox.privacy.planning.remembered import Remembered
from sandbox.store import Charge, Dataset, Store

_POINTS = 60  # of a picture of what was spent
_STEPS = (0.5, 1.0, 2.0, 4.0)  # budgets that an applicant compares


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
    cap: Loss  # of the agreement
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
class Spent:
    """What the agreement's questions cost together, up to one of them."""

    at: str  # ISO 8601, UTC
    epsilon: float
    percent: float  # of what the agreement gives, 0-100: this adds up, which epsilon does not


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantView:
    """A grant for its holder.

    Attributes:
        state: of the application that it comes of.
        holds: it can be used now.
        over: its time is past, or somebody ended it; what is suspended is not over.
        history: all that its project asked, the newest first; once it is over, what its holder asked.
        spending: how the agreement's budget was spent, in order; of many questions, some.
    """

    grant: Grant
    title: str
    state: ApplicationState
    holds: bool
    over: bool
    suspended: bool
    budget: BudgetView
    history: tuple[Question, ...]
    spending: tuple[Spent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What an applicant may ask for, beside what the policy says.

    Attributes:
        epsilon: the most that one project can be given.
        worth: what budgets buy: (epsilon, the counts that it pays), from small to large.
    """

    policy: DatasetPolicy
    epsilon: float
    worth: tuple[tuple[float, Counts], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantViews:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]
    usual: Remembered[Counts | None]  # a policy's plainest question at the usual price

    def grants(self, person: Person) -> tuple[GrantView, ...]:
        """The person's own, also past ones."""
        return tuple(self._grant_view(g) for g in self.store.grants.of_person(person.name))

    def grant(self, person: Person, grant_id: int) -> GrantView:
        for grant in self.store.grants.of_person(person.name):
            if grant.id == grant_id:
                return self._grant_view(grant)
        raise NotFound(f"You have no grant {grant_id}.")

    def current(self, person: Person, dataset: str) -> tuple[Grant, ...]:
        """Those of the person's grants on a dataset that have not ended."""
        mine = self.store.grants.of_person(person.name)
        return tuple(g for g in mine if g.dataset == dataset and g.holds_on(self.today()))

    def budget(self, grant: Grant) -> BudgetView:
        return self._budget(grant, self._dataset(grant.dataset))

    def _grant_view(self, grant: Grant) -> GrantView:
        row = self._dataset(grant.dataset)
        guarantee = row.policy.guarantee
        application = self.store.access.application(grant.application)
        state = application.state if application is not None else ApplicationState.REVOKED
        charges = self.store.ledger.history(project=grant.project, lineage=row.policy.budget_lineage)
        shared = {g.id for g in self.store.grants.under(grant.application)}
        over = not grant.holds_on(self.today()) or state is not ApplicationState.ACTIVE
        over = over or not is_present(self.store.access.agreement_by_hash(grant.agreement_hash).document())
        budget = self._budget(grant, row)
        return GrantView(
            grant=grant,
            title=row.policy.title,
            state=state,
            holds=not over and not row.suspended and row.policy.open_class is not OpenClass.CLOSED,
            over=over,
            suspended=row.suspended,
            budget=budget,
            history=tuple(
                Question(
                    id=charge.id,
                    sql=charge.canonical,
                    state=str(charge.state),
                    epsilon=guarantee.epsilon(charge.cost),
                    asked_at=charge.asked_at,
                    person=charge.person,
                )
                for charge in charges
                if not over or charge.person == grant.person
            ),
            spending=_spending([c for c in reversed(charges) if c.grant_id in shared], guarantee, budget),
        )

    def _budget(self, grant: Grant, row: Dataset) -> BudgetView:
        policy = row.policy
        lineage, project = self.store.ledger.accounts(policy.budget_lineage, grant.project)
        guarantee = policy.guarantee
        document = self.store.access.agreement_by_hash(grant.agreement_hash).document()
        cap = Loss(0)
        given: tuple[Allowance, ...] = ()
        if is_present(document):
            cap = budget_of(document)
            given = allowances(document, person=grant.person, day_began=day_began(self.today()))
        left = left_under(self.store, policy, grant, given) if given else Loss(0)
        shares = {
            "member" if one.person else "day": guarantee.epsilon(self._left_of(one)) for one in given[1:]
        }
        return BudgetView(
            dataset=grant.dataset,
            project=grant.project,
            cap=cap,
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
        usual = self.usual.get(row.policy_hash, lambda: plainest(row.policy, cost))
        return usual and Counts(left=left.nano // cost.nano, within=usual.within)

    # asking for access

    def offer(self, dataset: str) -> Offer:
        """What a project may ask for of a conditional dataset.

        Raises:
            BadInput: nothing is asked for of this one.
        """
        row = self._dataset(dataset)
        terms, guarantee = row.policy.budget, row.policy.guarantee
        if terms is None:
            raise BadInput(f"{dataset} has no budget.", where="dataset", fix="It is not applied for.")
        most = guarantee.epsilon(Loss(terms.per_project.nano))
        steps = [*(e for e in _STEPS if e < 0.9 * most), most]
        worth = ((e, self._counts(row, guarantee.loss(e))) for e in steps)
        return Offer(
            policy=row.policy,
            epsilon=most,
            worth=tuple((e, counts) for e, counts in worth if counts is not None),
        )

    def worth(self, dataset: str, epsilon: float) -> Counts | None:
        """What a budget buys: counts of all rows, each at the usual price."""
        row = self._dataset(dataset)
        return self._counts(row, row.policy.guarantee.loss(epsilon))

    def _dataset(self, name: str) -> Dataset:
        row = self.store.datasets.get(name)
        if row is None:
            raise NotFound(f"There is no dataset {name!r}.")
        return row


def _spending(charges: Sequence[Charge], guarantee: Guarantee, budget: BudgetView) -> tuple[Spent, ...]:
    """How the budget went, charge by charge; of many, every so many, and the last one."""
    every = -(-len(charges) // _POINTS) or 1
    nano = atto_delta = 0
    found = []
    for number, charge in enumerate(charges, start=1):
        nano, atto_delta = nano + charge.cost.nano, atto_delta + charge.cost.atto_delta
        if number % every == 0 or number == len(charges):
            percent = 100.0 * nano / budget.cap.nano if budget.cap.nano else 100.0
            epsilon = guarantee.epsilon(Loss(nano, atto_delta))
            found.append(Spent(at=charge.asked_at, epsilon=epsilon, percent=percent))
    return tuple(found)


def plainest(policy: DatasetPolicy, cost: Loss) -> Counts | None:
    """How exact a count of all rows is at a price; None where that cannot be said."""
    table = next(iter(policy.tables))
    planned = plan(parse(f"SELECT COUNT(*) AS n FROM {table}", policy), policy, target=cost)  # noqa: S608 - no engine reads it
    error = planned.columns[0].error_95
    return None if error is None else Counts(left=0, within=error)
