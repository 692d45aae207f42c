"""My account: what is known of me, my second factor, my password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain.audit import Event
from sandbox.domain.errors import BadInput, NotAllowed
from sandbox.domain.passwords import check_new
from sandbox.domain.people import Person
from sandbox.domain.people_policy import Method
from sandbox.domain.second_factor import FactorState, check_enrolled, must_enrol, needs_code
from sandbox.domain.site_policy import SitePolicy
from sandbox.domain.training import Standing, standing
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """A person's own account."""

    person: Person
    local: bool  # password and code are ours; else a provider's
    factor: FactorState
    code_needed: bool  # by a role
    must_enrol: bool
    training: tuple[Standing, ...]
    allowed_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MyAccount:
    """The journey's parts."""

    store: Store
    site: SitePolicy
    today: Callable[[], date]

    @property
    def local(self) -> bool:
        return self.site.sign_in.method is Method.LOCAL

    def view(self, person: Person) -> AccountView:
        """What is known of this person."""
        factor = self.store.second_factors.state(person.name)
        actions = ("change_password", "replace_code" if factor.enrolled else "set_up_code")
        return AccountView(
            person=person,
            local=self.local,
            factor=factor,
            code_needed=needs_code(person.roles, self.site.sign_in),
            must_enrol=must_enrol(person, self.site.sign_in, enrolled=factor.enrolled),
            training=standing(
                person, self.store.training.records(person.name), self.site.training, self.today()
            ),
            allowed_actions=actions if self.local else (),
        )

    def check_enrolled(self, person: Person) -> None:
        """Raise when this person needs a second factor first."""
        if needs_code(person.roles, self.site.sign_in):
            enrolled = self.store.second_factors.state(person.name).enrolled
            check_enrolled(person, self.site.sign_in, enrolled=enrolled)

    def begin_second_factor(self, person: Person, *, password: str, code: str = "") -> str:
        """Start enrolling, or replacing a device.

        Args:
            password, code: once more: a session that was left open enrols nobody's device. The code only of those
                who have one already; a recovery code will do.

        Returns:
            The secret for the app.

        Raises:
            NotSignedIn: password or code is wrong; counted as at the door.
        """
        self._check_local()
        self._confirm(person, password, code)
        return self.store.second_factors.begin(
            person.name, event=Event(person.name, "person.second_factor_begun", f"person:{person.name}")
        )

    def pending_second_factor(self, person: Person) -> str:
        """The secret that was begun, for typing the code once more; empty when none was."""
        return self.store.second_factors.pending(person.name)

    def confirm_second_factor(self, person: Person, *, code: str) -> tuple[str, ...]:
        """The app's first code.

        Returns:
            The recovery codes, told once.
        """
        self._check_local()
        return self.store.second_factors.confirm(
            person.name,
            code,
            event=Event(person.name, "person.second_factor_set", f"person:{person.name}"),
        )

    def change_password(self, person: Person, *, password: str, code: str = "", new: str, again: str) -> None:
        """A new password, for somebody who knows the old one.

        Raises:
            BadInput: the two new ones differ, or it cannot be one.
            NotSignedIn: password or code is wrong; counted as at the door.
        """
        self._check_local()
        if new != again:
            raise BadInput("The two new passwords differ.", where="new password", fix="Type it twice alike.")
        if new == password:
            raise BadInput("That is the old password.", where="new password", fix="Choose another.")
        check_new(new)
        self._confirm(person, password, code)
        self.store.people.set_password(
            person.name, new, event=Event(person.name, "person.password_changed", f"person:{person.name}")
        )

    def _confirm(self, person: Person, password: str, code: str) -> None:
        # In a transaction of its own: a wrong try has to be counted, whatever becomes of the rest.
        event = Event(person.name, "person.confirmed", f"person:{person.name}")
        self.store.people.confirm(person.name, password, code=code, event=event)

    def _check_local(self) -> None:
        if not self.local:
            raise NotAllowed(
                "Your sign-in belongs to a provider.",
                clause="sign_in.method",
                fix="Change password and code there.",
            )
