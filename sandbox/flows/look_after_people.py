"""Looking after people: accounts, roles, second factors and training, by administrators, and never one's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.audit import Event
from sandbox.domain.errors import Conflict, NotAllowed, NotFound
from sandbox.domain.people import Person, Role, check_new_name, check_role
from sandbox.domain.people_policy import Method
from sandbox.domain.second_factor import FactorState, must_enrol
from sandbox.domain.separation import check_not_own, check_together, not_together
from sandbox.domain.site_policy import SitePolicy
from sandbox.domain.training import Standing, TrainingRecord, check_record, standing
from sandbox.store import Account, Store

PER_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """One person, as administrators see them."""

    account: Account
    factor: FactorState
    must_enrol: bool
    training: tuple[Standing, ...]
    not_together: tuple[tuple[Role, Role], ...]  # held, though the site's policy keeps them apart
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Some of those who fit."""

    people: tuple[PersonView, ...]
    total: int  # who fit, on all pages
    page: int  # from 1
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A course that somebody needs, and that ends soon."""

    person: str
    course: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAfterPeople:
    """The journey's parts."""

    store: Store
    site: SitePolicy
    today: Callable[[], date]

    # looking

    def people(self, actor: Person) -> tuple[PersonView, ...]:
        """Everybody, by name."""
        check_role(actor, Role.ADMINISTRATOR)
        return self._views(actor, self.store.people.accounts(), names=None)

    def page(self, actor: Person, words: str = "", *, role: Role | None = None, page: int = 1) -> PeoplePage:
        """Those whose name has these words in it and who have this role, 50 at a time.

        Args:
            page: from 1; a page beyond the last is the last.
        """
        check_role(actor, Role.ADMINISTRATOR)
        _, total = self.store.people.search(words, role=role, limit=0)
        last = max(1, -(-total // PER_PAGE))
        page = min(max(page, 1), last)
        accounts, total = self.store.people.search(
            words, role=role, offset=(page - 1) * PER_PAGE, limit=PER_PAGE
        )
        views = self._views(actor, accounts, names=[account.person.name for account in accounts])
        return PeoplePage(people=views, total=total, page=page, last=last)

    def person(self, actor: Person, name: str) -> PersonView:
        """One person."""
        check_role(actor, Role.ADMINISTRATOR)
        account = self.store.people.account(name)
        if account is None:
            raise NotFound(f"There is no person {name!r}.")
        (view,) = self._views(actor, (account,), names=(name,))
        return view

    def reminders(self, actor: Person) -> tuple[Reminder, ...]:
        """Needed courses of active people that end within the policy's ``remind_days``, soonest first."""
        check_role(actor, Role.ADMINISTRATOR)
        today, taken = self.today(), _by_person(self.store.training.records())
        due = [
            Reminder(person=person.name, course=course)
            for person in self.store.people.all()
            if person.active and person.name in taken
            for course in standing(person, taken[person.name], self.site.training, today)
            if course.needed and course.ends_soon
        ]
        return tuple(sorted(due, key=lambda r: (r.course.until or date.max, r.person)))

    # changing

    def add(self, actor: Person, name: str, roles: Collection[Role], *, password: str | None) -> Person:
        """A new account.

        Args:
            password: None for somebody who signs in through a provider.
        """
        check_role(actor, Role.ADMINISTRATOR)
        check_new_name(name)
        check_together(roles, self.site.separation)
        return self.store.people.add(
            Person(name=name, roles=frozenset(roles)),
            password=password,
            event=Event(actor.name, "person.added", f"person:{name}", {"roles": _words(roles)}),
        )

    def set_roles(self, actor: Person, name: str, roles: Collection[Role]) -> Person:
        """Give somebody else exactly these roles."""
        self._check(actor, name, "roles")
        check_together(roles, self.site.separation)
        return self.store.people.set_roles(
            name,
            roles,
            event=Event(actor.name, "person.roles_set", f"person:{name}", {"roles": _words(roles)}),
        )

    def set_password(self, actor: Person, name: str, password: str) -> None:
        """A new password for somebody else, and an end to a lock after wrong tries."""
        self._check(actor, name, "password this way")
        self.store.people.set_password(
            name, password, event=Event(actor.name, "person.password_set", f"person:{name}")
        )

    def deactivate(self, actor: Person, name: str) -> None:
        """Close an account: sign-in, tokens and notebooks refuse from now on. Nothing is deleted."""
        self._set_active(actor, name, False)

    def activate(self, actor: Person, name: str) -> None:
        """Open it again, as it was."""
        self._set_active(actor, name, True)

    def begin_second_factor(self, actor: Person, name: str) -> str:
        """Enrol somebody who is beside the operator. Returns the secret for their app."""
        self._check_local(actor, name)
        return self.store.second_factors.begin(
            name, event=Event(actor.name, "person.second_factor_begun", f"person:{name}")
        )

    def confirm_second_factor(self, actor: Person, name: str, *, code: str) -> tuple[str, ...]:
        """Their app's first code. Returns the recovery codes, told once."""
        self._check_local(actor, name)
        return self.store.second_factors.confirm(
            name, code, event=Event(actor.name, "person.second_factor_set", f"person:{name}")
        )

    def reset_second_factor(self, actor: Person, name: str) -> None:
        """For somebody else who lost the device and the recovery codes."""
        self._check(actor, name, "second factor this way")
        self.store.second_factors.reset(
            name, event=Event(actor.name, "person.second_factor_reset", f"person:{name}")
        )

    def release_identity(self, actor: Person, name: str) -> None:
        """For somebody else with a new account at the provider: it is bound at the next sign-in."""
        self._check(actor, name, "identity")
        self.store.identities.release(name, event=Event(actor.name, "person.unbound", f"person:{name}"))

    def record_training(self, actor: Person, name: str, course: str, *, until: date) -> None:
        """Somebody else took a course."""
        self._check(actor, name, "training")
        check_record(course, until, self.site.training, self.today())
        self.store.training.add(
            name,
            course,
            until=until,
            by=actor.name,
            event=Event(
                actor.name,
                "training.recorded",
                f"person:{name}",
                {"course": course, "until": until.isoformat()},
            ),
        )

    def _set_active(self, actor: Person, name: str, active: bool) -> None:
        self._check(actor, name, "account")
        person = self.store.people.get(name)
        if person is not None and person.active is active:
            raise Conflict(f"The account of {name} is {'open' if active else 'closed'} already.")
        done = "person.activated" if active else "person.deactivated"
        self.store.people.set_active(name, active, event=Event(actor.name, done, f"person:{name}"))

    def _check_local(self, actor: Person, name: str) -> None:
        self._check(actor, name, "second factor this way")
        if self.site.sign_in.method is not Method.LOCAL:
            raise NotAllowed(
                "People sign in through a provider, whose second factor counts.", clause="sign_in.method"
            )

    def _check(self, actor: Person, name: str, what: str) -> None:
        check_role(actor, Role.ADMINISTRATOR)
        check_not_own(actor, name, what)

    def _views(
        self, actor: Person, accounts: Iterable[Account], *, names: Collection[str] | None
    ) -> tuple[PersonView, ...]:
        """What is beside the accounts is read for all of them at once; ``names`` is None for everybody."""
        factors = self.store.second_factors.states(names)
        taken = _by_person(self.store.training.records(people=names))
        return tuple(
            self._view(
                actor,
                account,
                taken.get(account.person.name, ()),
                factors.get(account.person.name, FactorState()),
            )
            for account in accounts
        )

    def _view(
        self, actor: Person, account: Account, records: Iterable[TrainingRecord], factor: FactorState
    ) -> PersonView:
        person = account.person
        return PersonView(
            account=account,
            factor=factor,
            must_enrol=must_enrol(person, self.site.sign_in, enrolled=factor.enrolled),
            training=standing(person, records, self.site.training, self.today()),
            not_together=not_together(person.roles, self.site.separation),
            allowed_actions=self._actions(actor, person, factor),
        )

    def _actions(self, actor: Person, person: Person, factor: FactorState) -> tuple[str, ...]:
        if actor.name == person.name or not actor.has(Role.ADMINISTRATOR):
            return ()
        actions = ["set_roles", "deactivate" if person.active else "activate"]
        if self.site.sign_in.method is Method.LOCAL and factor.enrolled:
            actions.append("reset_second_factor")
        if self.site.training.courses:
            actions.append("record_training")
        return tuple(actions)


def _words(roles: Iterable[Role]) -> list[str]:
    return sorted(str(role) for role in roles)


def _by_person(records: Iterable[TrainingRecord]) -> dict[str, list[TrainingRecord]]:
    found: dict[str, list[TrainingRecord]] = {}
    for record in records:
        found.setdefault(record.person, []).append(record)
    return found
