"""The way to ``allows``: the facts of the moment are gathered here, for every guard, and each no goes on the log.

>>> permit = permission(ana, grant, Action.ASK, columns={"loans": frozenset({"age"})}, cost=Loss(7))  # doctest: +SKIP
>>> permit.facts                                                                                     # doctest: +SKIP
{'clause': 'budget', 'agreement_sha256': '6f…'}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.agreement import check_agreed, release_terms
from sandbox.domain.application import Application, ApplicationState
from sandbox.domain.audit import Event
from sandbox.domain.duties import Duty, blocking, duties
from sandbox.domain.earlier_form import is_present
from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.people import Person, Role
from sandbox.domain.permission import EARLIER_FORM, Action, Decision, Facts, allows
from sandbox.domain.policy import OpenClass, ReleaseTerms
from sandbox.store import Store

CLOSED = Decision(
    False, "account", "This account is closed.", "An administrator of the installation can open it again."
)
NO_ROLE = Decision(
    False,
    "role",
    "Only researchers use conditional data.",
    "Ask an administrator for the role if your work needs it.",
)
_OTHERS = (Action.REVIEW, Action.RELEASE)  # done under somebody else's grant
_BOUND = (ApplicationState.ACTIVE, ApplicationState.EXPIRED, ApplicationState.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """A yes, and the agreement that gave it."""

    decision: Decision
    agreement: Mapping[str, Any]
    sha256: str

    @property
    def facts(self) -> dict[str, str]:
        """What an event says of it."""
        return {"clause": self.decision.clause, "agreement_sha256": self.sha256}

    @property
    def columns(self) -> frozenset[str]:
        """Those that the agreement opens, of all its tables together."""
        return frozenset(c for columns in self.agreement["data"]["tables"].values() for c in columns)

    @property
    def terms(self) -> ReleaseTerms:
        """What may leave: a policy changed since then neither loosens nor tightens it."""
        return release_terms(self.agreement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Asks the agreement behind a grant.

    Args:
        untrained: the courses that a person lacks for an action.
        decide: ``allows``; a test puts another in its place, to see that a no stops every guard.
    """

    store: Store
    today: Callable[[], date]
    untrained: Callable[[str, Action], tuple[str, ...]] = lambda person, action: ()
    decide: Callable[[Mapping[str, Any], str, Facts], Decision] = allows

    def __call__(self, person: Person | None, grant: Grant, action: Action, **wanted: Any) -> Permit:
        """The agreement's yes.

        Args:
            person: who acts: the grant's holder, or who reviews; None for the platform, which lets files out.
            wanted: the facts of this action; see ``Facts``.

        Raises:
            NotAllowed: the agreement's no, with its clause; it is on the log.
            Tampered: the agreement is not the one that the platform signed.
        """
        if person is not None and not person.active:
            self._refuse(person.name, grant, action, CLOSED)
        if person is not None and action not in _OTHERS and not person.has(Role.RESEARCHER):
            self._refuse(person.name, grant, action, NO_ROLE)
        document = self._signed(grant)
        decision = self.decide(document, action, self._facts(person, grant, action, wanted))
        if not decision:
            self._refuse(person.name if person else "system:release", grant, action, decision)
        return Permit(decision=decision, agreement=document, sha256=grant.agreement_hash)

    def agreement(self, grant: Grant, action: Action) -> Mapping[str, Any]:
        """What was agreed, as the platform signed it: to read an action's terms from. It permits nothing.

        Raises:
            NotAllowed: it is in an earlier form, which has no such terms; it is on the log.
            Tampered: the agreement is not the one that the platform signed, or not this grant's.
        """
        document = self._signed(grant)
        if not is_present(document):
            self._refuse(grant.person, grant, action, EARLIER_FORM)
        return document

    def _signed(self, grant: Grant) -> Mapping[str, Any]:
        signed = self.store.access.agreement_by_hash(grant.agreement_hash)
        self.store.signer.check(signed.signature, signed.body)
        document = signed.document()
        check_agreed(document, grant)
        return document

    def _refuse(self, actor: str, grant: Grant, action: Action, decision: Decision) -> None:
        self.store.log.record(
            Event(
                actor,
                "access.denied",
                f"grant:{grant.id}",
                {
                    "action": str(action),
                    "clause": decision.clause,
                    "agreement_sha256": grant.agreement_hash,
                },
            )
        )
        raise NotAllowed(
            decision.reason or "The agreement does not permit this.", clause=decision.clause, fix=decision.fix
        )

    def _facts(
        self,
        person: Person | None,
        grant: Grant,
        action: Action,
        wanted: Mapping[str, Any],
    ) -> Facts:
        application = self.store.access.application(grant.application)
        if application is None:
            raise NotFound(f"There is no application {grant.application}.")
        # A reviewer, and the platform, act on somebody else's grant; for all else who acts has to hold it.
        name = person.name if person is not None else ""
        holder = name if action not in _OTHERS else grant.person
        return Facts(
            today=self.today(),
            person=holder,
            reviewer=name if action is Action.REVIEW else "",
            grant=grant,
            state=application.state,
            signed=frozenset(application.signed),
            open_class=self._open_class(grant.dataset),
            suspensions=self.store.suspensions.of(grant.dataset),
            untrained=self.untrained(name, action) if name else (),
            duty=self._duty(application),
            **wanted,
        )

    def _open_class(self, dataset: str) -> OpenClass:
        row = self.store.datasets.get(dataset)
        return row.policy.open_class if row is not None else OpenClass.CLOSED

    def _duty(self, application: Application) -> Duty | None:
        """The report that blocks, of this application or an earlier one of the same project."""
        return _blocking(self.store, application.project, today=self.today())


def owed(store: Store, person: str, *, today: date) -> Duty | None:
    """The report that keeps a person from applying: of a project that they worked in."""
    projects = {grant.project for grant in store.grants.of_person(person)}
    found = (_blocking(store, project, today=today) for project in sorted(projects))
    return next((duty for duty in found if duty is not None), None)


def _blocking(store: Store, project: str, *, today: date) -> Duty | None:
    for application in store.access.applications(project=project, states=_BOUND):
        found = blocking(duties_of(store, application, today=today))
        if found is not None:
            return found
    return None


def duties_of(store: Store, application: Application, *, today: date) -> tuple[Duty, ...]:
    """The reports that an application's people owe; none where no agreement asks for one."""
    if application.state not in _BOUND or not application.agreement_hash:
        return ()
    document = store.access.agreement_by_hash(application.agreement_hash).document()
    if not is_present(document):
        return ()
    closed = application.state is ApplicationState.CLOSED
    return duties(
        document,
        given=[report.due for report in store.duties.reports(application.id)],
        today=today,
        ended=date.fromisoformat(application.changed_at[:10]) if closed else None,
    )
