"""From asking to being allowed: a person applies, the owner decides, the person signs, the grant begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sandbox.domain import access
from sandbox.domain.access import Application, Grant
from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import Conflict, NotFound, Tampered
from sandbox.domain.people import Person
from sandbox.domain.policy import Mode
from sandbox.flows.published import Published, published
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAccess:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]

    def apply(
        self,
        person: Person,
        *,
        dataset: str,
        project: str,
        purpose: str,
        legal_basis: str,
        mode: Mode,
        days: int,
        output_plan: str,
    ) -> Application:
        """Hand in an application.

        Raises:
            Conflict: the project's name is another's, written differently: it would have a quota of its own.
        """
        policy = published(self.store, dataset).policy
        project = access.project_name(project)
        access.check_application(
            policy,
            person,
            project=project,
            purpose=purpose,
            mode=mode,
            days=days,
            output_plan=output_plan,
            legal_basis=legal_basis,
        )
        self._check_spelling(person, project)
        return self.store.access.add_application(
            dataset=dataset,
            applicant=person.name,
            project=project,
            purpose=purpose.strip(),
            legal_basis=legal_basis.strip(),
            mode=mode,
            days=days,
            output_plan=output_plan.strip(),
            event=Event(person.name, "application.submitted", f"dataset:{dataset}", {"project": project}),
        )

    def approve(self, person: Person, application_id: int) -> Application:
        """The owner says yes: the agreement is written, hashed and signed by the platform."""
        application, dataset = self._application(application_id)
        row = access.step(application, "approve", dataset.policy, person)
        document = access.agreement(
            application, dataset.policy, policy_hash=dataset.policy_hash, starts=self.today()
        )
        body = canonical_json(document)
        digest = access.agreement_hash(document)
        return self.store.access.move_application(
            application,
            row,
            agreement=body,
            agreement_hash=digest,
            signature=self.store.signer.sign(body),
            event=Event(
                person.name, row.event, f"application:{application.id}", {"agreement_sha256": digest}
            ),
        )

    def reject(self, person: Person, application_id: int, *, reason: str) -> Application:
        """The owner says no, with a reason."""
        application, dataset = self._application(application_id)
        row = access.step(application, "reject", dataset.policy, person)
        return self.store.access.move_application(
            application,
            row,
            event=Event(person.name, row.event, f"application:{application.id}", {"reason": reason[:500]}),
        )

    def sign(self, person: Person, application_id: int) -> Grant:
        """The applicant accepts the agreement; the grant begins."""
        application, dataset = self._application(application_id)
        row = access.step(application, "sign", dataset.policy, person)
        document = self.store.access.agreement(application.id)
        self.store.signer.check(document.signature, document.body)
        if access.agreement_hash(document.document()) != application.agreement_hash:
            raise Tampered(
                "The agreement is not the one that was approved.", place=f"application {application.id}"
            )
        terms = document.document()
        return self.store.access.sign_application(
            application,
            row,
            starts=date.fromisoformat(terms["starts"]),
            ends=date.fromisoformat(terms["ends"]),
            event=Event(
                person.name,
                row.event,
                f"application:{application.id}",
                {"agreement_sha256": application.agreement_hash},
            ),
        )

    def revoke(self, person: Person, application_id: int, *, reason: str) -> Application:
        """The owner ends a grant."""
        application, dataset = self._application(application_id)
        row = access.step(application, "revoke", dataset.policy, person)
        return self.store.access.move_application(
            application,
            row,
            event=Event(person.name, row.event, f"application:{application.id}", {"reason": reason[:500]}),
        )

    def _check_spelling(self, person: Person, project: str) -> None:
        for name in self.store.access.projects():
            if name != project and access.same_project(name, project):
                # Other people's projects are not told by name.
                mine = person.name in self.store.access.members_of(name)
                raise Conflict(
                    f"There is a project {name!r}." if mine else "There is a project of nearly this name.",
                    fix="Write its name the same way." if mine else "Choose another name.",
                )

    def _application(self, application_id: int) -> tuple[Application, Published]:
        application = self.store.access.application(application_id)
        if application is None:
            raise NotFound(f"There is no application {application_id}.")
        return application, published(self.store, application.dataset)
