"""From asking to being allowed: a person applies, the owner decides, everybody named signs, the grants begin.

What ends them is told in ``end_access``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sandbox.domain import agreement as agreements
from sandbox.domain import application as rules
from sandbox.domain.access import Grant
from sandbox.domain.application import Application, ApplicationState, Step, Verb, Wish
from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json
from sandbox.domain.earlier_form import check_present
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound, Tampered
from sandbox.domain.people import Person, Role
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.privacy_loss import Loss
from sandbox.domain.projects import project_name, same_project
from sandbox.domain.standing import RENEWABLE, check_read, check_seen, may_renew
from sandbox.flows.commitments import uncommitted
from sandbox.flows.permission import owed
from sandbox.flows.published import Published, in_use, known
from sandbox.store import Store

_TRIES = 5  # when several people sign in one moment


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAccess:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]
    stop: Callable[[Sequence[Grant]], object] = lambda grants: None  # ends the notebooks of what is renewed

    def apply(
        self, person: Person, *, dataset: str, wish: Wish, draft: bool = False, renews: int = 0
    ) -> Application:
        """Hand in an application, or keep a draft of it.

        Args:
            renews: the person's own application, active or expired, that this one is to continue.

        Raises:
            Conflict: the project's name is another's, written differently (it would have a quota of its own), or the
                same application is under way.
        """
        policy = in_use(self.store, dataset).policy
        wish = self._checked(policy, person, wish, complete=not draft)
        if renews:
            self._check_renews(person, dataset, wish, renews)
        self._check_once(person, dataset, wish)
        state = ApplicationState.DRAFT if draft else ApplicationState.SUBMITTED
        return self.store.access.add_application(
            dataset=dataset,
            applicant=person.name,
            wish=wish,
            state=state,
            renews=renews,
            event=Event(
                person.name,
                "application.drafted" if draft else "application.submitted",
                "application:new",
                {
                    "clause": "open_class",
                    "dataset": dataset,
                    "project": wish.project,
                    **({"renews": renews} if renews else {}),
                },
            ),
        )

    def edit(
        self, person: Person, application_id: int, wish: Wish, *, version: int | None = None
    ) -> Application:
        """Change a draft, or an application that came back.

        Args:
            version: here and below: the one that the person saw; another one is a ``Conflict``.
        """
        application, dataset = self._application(application_id, version)
        row = rules.step(application, Verb.EDIT, dataset.policy, person)
        if application.renews:
            self._check_same_project(application.renews, application.project, wish)
        wish = self._checked(dataset.policy, person, wish, complete=False)  # it is submitted by itself
        return self.store.access.edit_application(
            application, row, wish, event=_event(person, row, application)
        )

    def submit(self, person: Person, application_id: int, *, version: int | None = None) -> Application:
        """Hand in a draft, or what was mended."""
        application, dataset = self._application(application_id, version)
        row = rules.step(application, Verb.SUBMIT, dataset.policy, person)
        self._checked(in_use(self.store, application.dataset).policy, person, application.wish)
        newest = self.store.access.turns(application.id)[-1]
        if newest.answer:
            raise Conflict(
                f"Application {application.id} is as it was when it came back.",
                fix="Change what was asked for, then submit it.",
            )
        return self._move(person, application, row)

    def withdraw(self, person: Person, application_id: int, *, version: int | None = None) -> Application:
        """The applicant takes it back."""
        application, dataset = self._application(application_id, version)
        row = rules.step(application, Verb.WITHDRAW, dataset.policy, person)
        return self._move(person, application, row)

    def approve(
        self,
        person: Person,
        application_id: int,
        *,
        conditions: Sequence[str] = (),
        epsilon: str = "",
        days: int | None = None,
        version: int | None = None,
    ) -> Application:
        """The owner says yes: the agreement is written, hashed and signed by the platform.

        Args:
            conditions: what the owner asks for beyond the policy.
            epsilon, days: less than was asked for.

        Raises:
            BadInput: more than was asked for, or than is there.
        """
        with self.store.transaction():  # nobody else promises of the same budget in between
            application, dataset = self._application(application_id, version)
            row = rules.step(application, Verb.APPROVE, dataset.policy, person)
            self._check_blocks(application.people, dataset.policy)
            wish = application.wish
            if days is not None and not 1 <= days <= wish.days:
                raise BadInput(
                    f"{wish.days} days were asked for.", where="days", fix="Give as many, or fewer."
                )
            agreed = replace(application, wish=replace(wish, days=wish.days if days is None else days))
            self._check_still(agreed, dataset.policy)
            document = agreements.agreement(
                agreed,
                dataset.policy,
                policy_hash=dataset.policy_hash,
                starts=self.today(),
                budget=self._budget(application, dataset.policy, epsilon),
                conditions=agreements.check_conditions(conditions),
            )
            body, digest = canonical_json(document), agreements.agreement_hash(document)
            return self.store.access.approve_application(
                application,
                row,
                agreement=body,
                agreement_hash=digest,
                signature=self.store.signer.sign(body),
                event=_event(person, row, application, agreement_sha256=digest),
            )

    def send_back(
        self, person: Person, application_id: int, *, reason: str, version: int | None = None
    ) -> Application:
        """The owner asks for changes."""
        return self._answered(person, application_id, Verb.RETURN, reason, version)

    def reject(
        self, person: Person, application_id: int, *, reason: str, version: int | None = None
    ) -> Application:
        """The owner says no, with a reason."""
        return self._answered(person, application_id, Verb.REJECT, reason, version)

    def decline(self, person: Person, application_id: int, *, reason: str) -> Application:
        """Somebody named in the agreement does not accept it: it goes back to the applicant."""
        return self._answered(person, application_id, Verb.DECLINE, reason)

    def sign(self, person: Person, application_id: int, *, agreement_hash: str = "") -> Grant | None:
        """Accept the agreement for oneself. With the last signature the grants begin.

        Args:
            agreement_hash: of the agreement that the person has read.

        Returns:
            The person's own grant; None while others have to sign.

        Raises:
            Conflict: the agreement is not signed in time, or changed.
            NotAllowed: the person lacks the role, or may not use these data any more.
        """
        for attempt in range(_TRIES):
            application, dataset = self._application(application_id)
            row = rules.step(application, Verb.SIGN, dataset.policy, person)
            check_read(application, agreement_hash)
            try:
                with self.store.transaction():
                    grant = self._signed(person, application, row, dataset)
            except Conflict:
                # Somebody else signed in this moment, which takes nothing away; all else is said by the next look.
                if attempt == _TRIES - 1:
                    raise
                continue
            if grant is not None and application.renews:
                # After the transaction: the hub writes to the same log when a notebook ends.
                self.stop(self.store.grants.under(application.renews))
            return grant
        raise AssertionError  # the loop returns or raises

    def _signed(
        self, person: Person, application: Application, row: Step, dataset: Published
    ) -> Grant | None:
        if not person.has(Role.RESEARCHER):
            raise NotAllowed("Only researchers use conditional data.", clause="role")
        if dataset.policy.open_class is OpenClass.CLOSED:
            raise NotAllowed(f"{dataset.policy.name} is closed.", clause="open_class", fix="Ask its owner.")
        self._check_blocks(application.people, dataset.policy)  # also of who signed before
        document = self._agreement(application)
        check_present(document)
        if self.today() > date.fromisoformat(document["period"]["ends"]):
            raise Conflict("The agreement's period is over.", fix="Ask the owner to approve it anew.")
        application = self.store.access.sign_application(
            application,
            row,
            person.name,
            event=_event(person, row, application, agreement_sha256=application.agreement_hash),
        )
        if application.unsigned:
            return None
        begin = rules.platform_step(application, Verb.BEGIN)
        period = document["period"]
        grants = self.store.access.begin_grants(
            application,
            begin,
            starts=date.fromisoformat(period["starts"]),
            ends=date.fromisoformat(period["ends"]),
            event=Event(
                "system:access",
                begin.event,
                f"application:{application.id}",
                {"clause": begin.clause, "agreement_sha256": application.agreement_hash},
            ),
        )
        if application.renews:
            self._renewed(application)
        return next(grant for grant in grants if grant.person == person.name)

    def _renewed(self, application: Application) -> None:
        """What is renewed ends where the new grants begin."""
        earlier = self.store.access.application(application.renews)
        if earlier is None or earlier.state not in RENEWABLE:
            return  # it was closed or revoked in the meantime
        row = rules.platform_step(earlier, Verb.RENEW)
        self.store.access.move_application(
            earlier,
            row,
            event=Event(
                "system:access",
                row.event,
                f"application:{earlier.id}",
                {"clause": row.clause, "renewed_by": application.id},
            ),
        )

    def _agreement(self, application: Application) -> dict[str, Any]:
        signed = self.store.access.agreement(application.id)
        self.store.signer.check(signed.signature, signed.body)
        document = signed.document()
        if agreements.agreement_hash(document) != application.agreement_hash:
            raise Tampered(
                "The agreement is not the one that was approved.", place=f"application {application.id}"
            )
        return document

    def _answered(
        self, person: Person, application_id: int, verb: Verb, reason: str, version: int | None = None
    ) -> Application:
        application, dataset = self._application(application_id, version)
        row = rules.step(application, verb, dataset.policy, person)
        reason = rules.check_reason(verb, reason)
        return self.store.access.move_application(
            application, row, answer=reason, event=_event(person, row, application, reason=reason)
        )

    def _move(self, person: Person, application: Application, row: Step) -> Application:
        return self.store.access.move_application(application, row, event=_event(person, row, application))

    def _checked(self, policy: DatasetPolicy, person: Person, wish: Wish, *, complete: bool = True) -> Wish:
        """The wish in its one spelling; raises unless this person may ask for it."""
        wish = replace(
            wish,
            project=project_name(wish.project),
            purpose=wish.purpose.strip(),
            legal_basis=wish.legal_basis.strip(),
            organisation=wish.organisation.strip(),
            output_plan=wish.output_plan.strip(),
            members=tuple(sorted(wish.members)),
        )
        rules.check_wish(policy, person, wish, complete=complete)
        self._check_spelling(person, wish.project)
        self._check_members(wish.members)
        self._check_blocks((person.name,), policy)
        self._check_nameable(wish.members, policy)
        duty = owed(self.store, person.name, today=self.today())
        if duty is not None:
            raise NotAllowed(
                f"A report on the use of data was due on {duty.due} (application {duty.application}).",
                clause="feedback",
                fix="Give it under 'My data', then apply.",
            )
        return wish

    def _check_members(self, members: Sequence[str]) -> None:
        for name in members:
            member = self.store.people.get(name)
            if member is None or not member.has(Role.RESEARCHER):
                raise BadInput(
                    f"There is no researcher {name}.",
                    where="members",
                    fix="Everybody who uses the data has an account with the role researcher.",
                )

    def _check_blocks(self, people: Sequence[str], policy: DatasetPolicy) -> None:
        for name in people:
            for block in self.store.duties.blocks_of(name):
                if block.lineage == policy.budget_lineage and block.holds_on(self.today()):
                    raise NotAllowed(
                        f"{name} may not use {policy.name} until {block.until}.",
                        clause=block.clause,
                        fix="Ask the owner to lift the block.",
                    )

    def _check_nameable(self, members: Sequence[str], policy: DatasetPolicy) -> None:
        """As ``_check_blocks``, in words that do not tell whoever names somebody what that person has broken."""
        for name in members:
            try:
                self._check_blocks((name,), policy)
            except NotAllowed:
                raise NotAllowed(
                    f"{name} cannot be named for {policy.name} now.",
                    clause="people",
                    fix="Leave them out; they see the reason under 'My data'.",
                ) from None

    def _check_spelling(self, person: Person, project: str) -> None:
        for name in self.store.access.projects():
            if name != project and same_project(name, project):
                # Other people's projects are not told by name.
                mine = person.name in self.store.access.members_of(name)
                raise Conflict(
                    f"There is a project {name!r}." if mine else "There is a project of nearly this name.",
                    fix="Write its name the same way." if mine else "Choose another name.",
                )

    def _check_once(self, person: Person, dataset: str, wish: Wish) -> None:
        asked = Application(id=0, dataset=dataset, applicant=person.name, wish=wish)
        before = rules.same_application(
            asked, self.store.access.applications(applicant=person.name, dataset=dataset)
        )
        if before is not None:
            raise Conflict(
                f"You have handed this in already: application {before.id} is {before.state}.",
                fix="Wait for its decision, or change it.",
            )

    def _check_renews(self, person: Person, dataset: str, wish: Wish, renews: int) -> None:
        earlier = self.store.access.application(renews)
        if earlier is None or earlier.dataset != dataset or not may_renew(earlier, person):
            raise BadInput(
                f"You have no application {renews} for {dataset} that could be renewed.",
                where="renews",
                fix="Renew one of yours that is active or expired, or apply anew.",
            )
        self._check_same_project(renews, earlier.project, wish)

    def _check_same_project(self, renews: int, project: str, wish: Wish) -> None:
        if project_name(wish.project) != project:
            raise BadInput(
                f"Application {renews} belongs to the project {project!r}.",
                where="project",
                fix="Renew it under the same project, or apply anew.",
            )

    def _check_still(self, application: Application, policy: DatasetPolicy) -> None:
        """Raise unless it could be asked for now: the policy may be tighter since, roles may be gone."""
        self._check_members(application.people)
        applicant = self.store.people.get(application.applicant)
        assert applicant is not None  # noqa: S101 - it was just looked up
        rules.check_wish(policy, applicant, application.wish)

    def _budget(self, application: Application, policy: DatasetPolicy, epsilon: str) -> Loss:
        """What was asked for, or less if the owner says so; never what others were promised."""
        terms, guarantee = policy.budget, policy.guarantee
        assert terms is not None  # noqa: S101 - ``guarantee`` refused it
        quota = terms.per_project
        free = uncommitted(self.store, policy, but=application.renews)
        asked = application.wish.epsilon
        text = epsilon or asked
        if not text:
            budget = Loss(min(quota.nano, free.nano), quota.atto_delta)
        else:
            value = rules.epsilon_of(text)
            if epsilon and asked and value > rules.epsilon_of(asked):
                raise BadInput(f"ε={asked} was asked for.", where="epsilon", fix="Give as much, or less.")
            budget = Loss(guarantee.loss(value).nano, quota.atto_delta)
        most = Loss(min(quota.nano, free.nano), quota.atto_delta)
        if budget.nano <= 0 or not budget.fits_in(most):
            raise BadInput(
                f"{policy.name} can give a project ε={guarantee.epsilon(most):.3g}: its quota is "
                f"ε={guarantee.epsilon(quota):.3g}, and ε={guarantee.epsilon(free):.3g} of the budget is neither spent "
                "nor promised.",
                where="epsilon",
                fix="Give less, end an agreement that is not used, or raise the budget.",
            )
        return budget

    def _application(self, application_id: int, version: int | None = None) -> tuple[Application, Published]:
        application = self.store.access.application(application_id)
        if application is None:
            raise NotFound(f"There is no application {application_id}.")
        check_seen(application, version)
        return application, known(self.store, application.dataset)


def _event(person: Person, row: Step, application: Application, **facts: str) -> Event:
    return Event(person.name, row.event, f"application:{application.id}", {"clause": row.clause, **facts})
