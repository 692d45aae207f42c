"""The demand list: somebody asks that data be opened, others say that they want it too, an owner answers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from sandbox.domain import demands as rules
from sandbox.domain.audit import Event
from sandbox.domain.demands import Demand, DemandState, Verb
from sandbox.domain.errors import Conflict, NotFound, NotSignedIn, TooOften
from sandbox.domain.paging import check_page
from sandbox.domain.people import Person, Role
from sandbox.domain.site_policy import SocietyTerms
from sandbox.flows.listed import Listed
from sandbox.flows.visitors import Visitor, Visitors
from sandbox.store import Store

VISITOR = "system:visitor"  # the log's word for all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandView:
    """A demand for the one who asks."""

    demand: Demand
    opened_title: str  # of the dataset it was opened as; empty when there is none to see
    also: tuple[int, ...]  # demands that were merged with it
    voted: bool
    contact: str  # for administrators who look at this one; else empty
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandViews:
    """A part of the list for the one who asks."""

    demands: tuple[DemandView, ...]
    total: int
    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandData:
    """The journey's parts."""

    store: Store
    listed: Listed
    visitors: Visitors
    terms: SocietyTerms
    today: Callable[[], date]

    def ask(
        self, who: Person | Visitor, *, title: str, data: str, holder: str, purpose: str, contact: str = ""
    ) -> Demand:
        """Put a wish on the list.

        Raises:
            BadInput: names the field.
            TooOften: enough for today.
            Conflict: somebody asked in the same words.
        """
        wish = rules.wish(title=title, data=data, holder=holder, purpose=purpose)
        reach = rules.contact(contact)
        with self.store.transaction():
            self._check_often(who)
            return self.store.demands.add(
                wish,
                asker=who.name if isinstance(who, Person) else "",
                contact=reach,
                event=Event(_actor(who), "demand.asked", "demand:new"),
            )

    def vote(self, who: Person | Visitor, demand_id: int) -> Demand:
        """Say that one wants it too.

        Raises:
            TooOften: enough for today.
            Conflict: this person, or somebody at this address today, has voted for it.
        """
        with self.store.transaction():
            demand = self._shown(demand_id)
            rules.check_vote(demand)
            if isinstance(who, Visitor):
                self.visitors.take(
                    who,
                    "vote",
                    about=str(demand_id),
                    each=self.terms.votes_per_day,
                    all=self.terms.all_votes_per_day,
                )
            return self.store.demands.vote(
                demand_id,
                person=who.name if isinstance(who, Person) else "",
                event=Event(_actor(who), "demand.voted", f"demand:{demand_id}"),
            )

    def answer(
        self,
        person: Person,
        demand_id: int,
        verb: Verb,
        *,
        version: int,
        text: str = "",
        dataset: str = "",
        into: int | None = None,
    ) -> Demand:
        """Answer: it is planned, opened as a dataset, refused for a reason, or merged with another.

        Args:
            version: of the demand as the person saw it.

        Raises:
            Conflict: somebody else answered meanwhile.
        """
        demand = self._any(demand_id)
        row = rules.step(demand, verb, person)
        if version != demand.version:
            raise Conflict(
                f"Demand {demand_id} was answered meanwhile: it is {demand.state}.", fix="Look at it again."
            )
        public = self.listed.all().get(dataset)
        target = self.store.demands.get(into) if into is not None else None
        said = rules.check_answer(
            verb, text, demand=demand, person=person, owner=public.owner if public else "", into=target
        )
        facts: dict[str, str | int] = {}
        if verb is Verb.OPEN:
            facts["dataset"] = dataset
        if verb is Verb.MERGE and target is not None:
            facts["into"] = target.id
        return self.store.demands.answer(
            demand,
            row,
            text=said,
            opened_as=dataset if verb is Verb.OPEN else "",
            merged_into=target.id if verb is Verb.MERGE and target is not None else None,
            event=Event(person.name, row.event, f"demand:{demand_id}", facts),
        )

    def hide(self, person: Person, demand_id: int, *, reason: str) -> Demand:
        """Take spam off the list. It stays in the database, with the reason."""
        rules.check_hiding(person)
        why = rules.hiding_reason(reason)
        event = Event(person.name, "demand.hidden", f"demand:{demand_id}", {"reason": why})
        return self.store.demands.set_hidden(demand_id, why, event=event)

    def show(self, person: Person, demand_id: int) -> Demand:
        """Put a hidden demand back on the list."""
        rules.check_hiding(person)
        event = Event(person.name, "demand.shown", f"demand:{demand_id}")
        return self.store.demands.set_hidden(demand_id, "", event=event)

    # looking

    def page(
        self,
        person: Person | None,
        *,
        offset: int = 0,
        limit: int = 20,
        states: Collection[DemandState] = (),
        newest: bool = False,
        hidden: bool = False,
    ) -> DemandViews:
        """A part of the list; hidden demands are for administrators."""
        check_page(offset, limit)
        if hidden:
            if person is None:
                raise NotSignedIn("You are not signed in.", fix="Sign in as an administrator.")
            rules.check_hiding(person)
        found = self.store.demands.page(
            offset=offset, limit=limit, states=states, newest=newest, hidden=hidden
        )
        return DemandViews(
            demands=self._views(found.demands, person), total=found.total, offset=offset, limit=limit
        )

    def view(self, person: Person | None, demand_id: int) -> DemandView:
        """One demand; a hidden one is not there, but for administrators."""
        demand = self._any(demand_id)
        if demand.hidden and not (person is not None and person.has(Role.ADMINISTRATOR)):
            raise NotFound(f"There is no demand {demand_id}.")
        (view,) = self._views((demand,), person)
        administrator = person is not None and person.has(Role.ADMINISTRATOR)
        return replace(view, contact=self.store.demands.contact(demand_id)) if administrator else view

    def _views(self, found: tuple[Demand, ...], person: Person | None) -> tuple[DemandView, ...]:
        listed, numbers = self.listed.all(), [d.id for d in found]
        also = self.store.demands.merged_with(numbers)
        voted = self.store.demands.voted(person.name, numbers) if person is not None else frozenset()
        return tuple(
            DemandView(
                demand=d,
                opened_title=listed[d.opened_as].title if d.opened_as in listed else "",
                also=also.get(d.id, ()),
                voted=d.id in voted,
                contact="",
                allowed_actions=rules.allowed_actions(d, person, voted=d.id in voted),
            )
            for d in found
        )

    def _check_often(self, who: Person | Visitor) -> None:
        terms, morning = self.terms, datetime.combine(self.today(), time(), UTC)
        if isinstance(who, Person):
            # Whoever asks for much has an account that answers for it; at least one a day stays.
            limit = max(terms.demands_per_day, 1)
            if self.store.demands.asked_since(morning, person=who.name) >= limit:
                raise TooOften(
                    f"That is more than {limit} a day from one person.",
                    clause="one person a day",
                    fix="Come back tomorrow.",
                )
            return
        # Counted in the database too: a restart of the portal forgets the visitors, and not what they filled.
        if self.store.demands.asked_since(morning, visitors=True) >= terms.all_demands_per_day:
            raise TooOften(
                f"That is more than {terms.all_demands_per_day} a day from all visitors together.",
                clause="all visitors a day",
                fix="Come back tomorrow, or sign in if you have an account.",
            )
        self.visitors.take(who, "ask", about="", each=terms.demands_per_day, all=terms.all_demands_per_day)

    def _shown(self, demand_id: int) -> Demand:
        demand = self._any(demand_id)
        if demand.hidden:
            raise NotFound(f"There is no demand {demand_id}.")
        return demand

    def _any(self, demand_id: int) -> Demand:
        demand = self.store.demands.get(demand_id)
        if demand is None:
            raise NotFound(f"There is no demand {demand_id}.")
        return demand


def _actor(who: Person | Visitor) -> str:
    return who.name if isinstance(who, Person) else VISITOR
