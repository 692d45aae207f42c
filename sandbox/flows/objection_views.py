"""Objections and suspensions as each person may see them. Reading only."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain import objection as rules
from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.objection import OPEN, Objection, ObjectorContact, Scope, State, Verb
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.release import Release
from sandbox.domain.release_hold import owner_verbs
from sandbox.domain.suspension import Suspension
from sandbox.flows.hold_releases import HoldReleases
from sandbox.store import Dataset, Store

PAGE = 20  # datasets
DECIDED = 25  # the newest objections that are decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Depending:
    """A released output that is made of what is objected to."""

    release: Release
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionView:
    """An objection for who decides it.

    Attributes:
        suspension: in force because of it.
        others: the numbers of further open ones about the same dataset.
        corrected: a newer version of the data was published since it came.
    """

    objection: Objection
    title: str
    owner: str
    contact: ObjectorContact
    suspension: Suspension | None
    depending: tuple[Depending, ...]
    others: tuple[int, ...]
    corrected: bool
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedData:
    """A dataset for who may suspend it, and what suspends it now."""

    policy: DatasetPolicy
    suspensions: tuple[Suspension, ...]
    by_hand: tuple[Suspension, ...]  # those that may be ended by hand
    destroyed: bool  # its data are no more


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedView:
    """An objection for who handed it in."""

    objection: Objection
    title: str
    suspended: bool
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionViews:
    """The journey's parts."""

    store: Store
    holds: HoldReleases

    def objections(self, person: Person, *, decided: int | None = DECIDED) -> tuple[ObjectionView, ...]:
        """What this person decides: all that wait, by their deadline; then the newest that are decided.

        Args:
            decided: how many of those; None: all.
        """
        check_role(person, Role.OWNER, Role.ADMINISTRATOR)
        everything = self.store.objections.all()
        named = sorted({objection.dataset for objection in everything})
        rows = {row.policy.name: row for row in self.store.datasets.several(named)}
        mine = [o for o in everything if rules.decides(rows[o.dataset].policy, person)]
        waiting = [o for o in mine if o.state in OPEN]
        ended = [o for o in reversed(mine) if o.state not in OPEN]
        return tuple(self._view(o, rows[o.dataset], person) for o in (*waiting, *ended[:decided]))

    def waiting(self, person: Person) -> int:
        """How many wait for this person's decision."""
        check_role(person, Role.OWNER, Role.ADMINISTRATOR)
        found = self.store.objections.all(states=tuple(OPEN))
        named = sorted({objection.dataset for objection in found})
        policies = {row.policy.name: row.policy for row in self.store.datasets.several(named)}
        return sum(rules.decides(policies[objection.dataset], person) for objection in found)

    def objection(self, person: Person, objection_id: int) -> ObjectionView:
        """One, for who decides it."""
        objection = self.store.objections.get(objection_id)
        row = self.store.datasets.get(objection.dataset) if objection is not None else None
        if objection is None or row is None or not rules.decides(row.policy, person):
            raise NotFound(f"There is no objection {objection_id} that you decide.")
        return self._view(objection, row, person)

    def decided_data(
        self, person: Person, *, named: str = "", page: int = 1
    ) -> tuple[tuple[DecidedData, ...], int]:
        """A page of the person's own datasets by title, and how many there are; those that are suspended come first.

        Administrators may suspend any: they see all that is suspended, and the one that they name.
        """
        check_role(person, Role.OWNER, Role.ADMINISTRATOR)
        start, stop = (page - 1) * PAGE, page * PAGE
        beginning = self.store.datasets.several(sorted({*self.store.suspensions.datasets(), named} - {""}))
        first = sorted(
            (row for row in beginning if self._may_suspend(row, person)),
            key=lambda row: (row.policy.name != named, row.policy.title),
        )
        shown, total = first[start:stop], len(first)
        if person.has(Role.OWNER):
            rest, more = self.store.catalogue.of_owner(
                person.name,
                but=[row.policy.name for row in first],
                closed=False,
                offset=max(0, start - len(first)),
                limit=PAGE - len(shown),
            )
            shown = [*shown, *self.store.datasets.several([one.name for one in rest])]
            total += more
        return tuple(self._decided(row) for row in shown if self._may_suspend(row, person)), total

    @staticmethod
    def _may_suspend(row: Dataset, person: Person) -> bool:
        return rules.decides(row.policy, person) and row.policy.open_class is not OpenClass.CLOSED

    def _decided(self, row: Dataset) -> DecidedData:
        held = self.store.suspensions.of(row.policy.name)
        gone = self.store.destructions.get(row.policy.name) is not None
        return DecidedData(
            policy=row.policy,
            suspensions=held,
            by_hand=() if gone else tuple(s for s in held if self._by_hand(s)),
            destroyed=gone,
        )

    def tracked(self, objection: Objection) -> TrackedView:
        """The objection of somebody who came with number and word."""
        row = self._row(objection.dataset)
        return TrackedView(
            objection=objection,
            title=row.policy.title,
            suspended=bool(self.store.suspensions.by_objection(objection.id)),
            allowed_actions=tuple(rules.allowed_verbs(objection, row.policy, None)),
        )

    def to_object_to(self, name: str) -> DatasetPolicy:
        """The dataset that somebody may object to; see ``ObjectToData``."""
        row = self.store.datasets.get(name)
        if row is None or row.policy.open_class is OpenClass.CLOSED:
            raise NotFound(f"No data called {name[:64]!r} are used here.", fix="See the catalogue.")
        return row.policy

    def suspensions(self, name: str) -> tuple[Suspension, ...]:
        """What is suspended of a dataset, for everybody."""
        return self.store.suspensions.of(name)

    def _view(self, objection: Objection, row: Dataset, person: Person) -> ObjectionView:
        in_force = self.store.suspensions.by_objection(objection.id)
        would = rules.suspension_of(objection, row.policy, made_by=row.policy.owner)
        others = self.store.objections.all(dataset=objection.dataset, states=tuple(OPEN))
        decided = objection.state in (State.DISMISSED, State.DISMISSED_AS_ABUSE, State.WITHDRAWN_BY_OBJECTOR)
        return ObjectionView(
            objection=objection,
            title=row.policy.title,
            owner=row.policy.owner,
            contact=self.store.objections.contact(objection.id),
            suspension=in_force[0] if in_force else None,
            depending=()
            if decided
            else tuple(
                Depending(
                    release=release,
                    allowed_actions=tuple(owner_verbs(release, person, owner=row.policy.owner)),
                )
                for release in self.holds.depending(would)
            ),
            others=tuple(o.id for o in others if o.id != objection.id),
            corrected=row.version > objection.data_version and objection.scope is not Scope.UNIT,
            allowed_actions=tuple(
                verb
                for verb in rules.allowed_verbs(objection, row.policy, person)
                if verb is not Verb.SUSPEND or not in_force
            ),
        )

    def _by_hand(self, suspension: Suspension) -> bool:
        objection = self.store.objections.get(suspension.objection) if suspension.objection else None
        try:
            rules.check_by_hand(suspension, objection.state if objection is not None else None)
        except NotAllowed:
            return False
        return True

    def _row(self, name: str) -> Dataset:
        row = self.store.datasets.get(name)
        if row is None:
            raise NotFound(f"There is no dataset {name!r}.")
        return row
