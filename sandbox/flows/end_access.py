"""How a grant ends: its time is over, its people leave or close it, the owner takes it back. What they owe afterwards.

Whatever ends a grant ends its notebooks in the same breath; the next question finds the agreement's no.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.domain import application as rules
from sandbox.domain.access import Block, Grant
from sandbox.domain.application import Application, ApplicationState, Step, Verb
from sandbox.domain.audit import Event
from sandbox.domain.canonical import canonical_json
from sandbox.domain.duties import Duty, DutyState
from sandbox.domain.earlier_form import people_of, period_of
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound
from sandbox.domain.papers import seal
from sandbox.domain.people import Person
from sandbox.domain.release import OVER
from sandbox.flows.permission import duties_of
from sandbox.flows.published import Published, known
from sandbox.store import Report, Store

CERTIFICATE = "sandbox-certificate-v1"
_BLOCK_DAYS = (1, 3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAccess:
    """The journey's parts.

    Args:
        stop: ends the notebooks of grants that hold no more.
    """

    store: Store
    today: Callable[[], date]
    stop: Callable[[Sequence[Grant]], object] = lambda grants: None

    def leave(self, person: Person, application_id: int) -> Grant:
        """One member gives their own grant back; the others go on."""
        application, dataset = self._application(application_id)
        row = rules.step(application, Verb.LEAVE, dataset.policy, person)
        return self._end_one(person, application, row, person.name, reason="")

    def remove_member(self, person: Person, application_id: int, *, member: str, reason: str) -> Grant:
        """The owner takes one member's grant back; the others go on."""
        application, dataset = self._application(application_id)
        row = rules.step(application, Verb.REMOVE_MEMBER, dataset.policy, person)
        if member not in application.people:
            raise NotFound(f"{member} is no member of application {application.id}.")
        return self._end_one(
            person, application, row, member, reason=rules.check_reason(Verb.REMOVE_MEMBER, reason)
        )

    def revoke(
        self, person: Person, application_id: int, *, reason: str, clause: str = "breach", block_days: int = 0
    ) -> Application:
        """The owner takes all grants of an application back.

        Args:
            clause: the clause that was broken.
            block_days: for so many days its people may not apply for this lineage's data; 0: they may.
        """
        application, dataset = self._application(application_id)
        row = rules.step(application, Verb.REVOKE, dataset.policy, person)
        reason = rules.check_reason(Verb.REVOKE, reason)
        rules.check_text("clause", clause)
        if block_days and not _BLOCK_DAYS[0] <= block_days <= _BLOCK_DAYS[1]:
            raise BadInput(
                f"{block_days} days is no time to block.",
                where="block_days",
                fix=f"Choose {_BLOCK_DAYS[0]} to {_BLOCK_DAYS[1]}, or 0 for none.",
            )
        with self.store.transaction():
            moved = self.store.access.move_application(
                application,
                row,
                event=_event(person, row, application, reason=reason, clause=clause[:100]),
            )
            if block_days:
                for name in application.people:
                    self._block(person, name, dataset, clause[:100], reason, block_days)
        self.stop(self.store.grants.under(application.id))
        return moved

    def lift(self, person: Person, block_id: int, *, lineage: str) -> Block:
        """The owner of a lineage's data lets a blocked person apply again before the block's last day."""
        if not any(
            d.policy.owner == person.name and d.policy.budget_lineage == lineage
            for d in self.store.datasets.all()
        ):
            raise NotAllowed("Only the owner of the data lifts a block.", clause="separation of duties")
        if block_id not in {block.id for block in self.store.duties.blocks_on(lineage)}:
            raise NotFound(f"There is no block {block_id} on {lineage}.")
        return self.store.duties.lift(block_id, event=Event(person.name, "block.lifted", f"block:{block_id}"))

    def close(self, person: Person, application_id: int) -> Application:
        """The applicant says that the work is done: grants end, and a certificate says what was used.

        Raises:
            Conflict: outputs are still on their way out.
        """
        application, dataset = self._application(application_id)
        row = rules.step(application, Verb.CLOSE, dataset.policy, person)
        grants = self.store.grants.under(application.id)
        waiting = [
            r.id for grant in grants for r in self.store.releases.of_grant(grant.id) if r.status not in OVER
        ]
        if waiting:
            raise Conflict(
                f"Outputs are on their way out: {', '.join(map(str, waiting))}.",
                fix="Wait for the reviewers, or withdraw them.",
            )
        certificate = self._certificate(application, grants)
        kept = self.store.vault.put(certificate)
        moved = self.store.access.move_application(
            application,
            row,
            certificate=kept.sha256,
            event=_event(person, row, application, certificate_sha256=kept.sha256),
        )
        self.stop(grants)
        return moved

    def certificate(self, person: Person, application_id: int) -> bytes:
        """The certificate of a closed application with its signature, JSON, for its people and the owner."""
        application, dataset = self._application(application_id)
        if person.name not in (*application.people, dataset.policy.owner) or not application.certificate:
            raise NotFound(f"There is no certificate of application {application_id}.")
        return self.store.vault.get(application.certificate)

    def expire(self) -> tuple[int, ...]:
        """Note down what has come to its end. Whether it may be used is not decided by this, but by the day itself.

        Returns:
            The numbers of the applications.
        """
        ended = []
        for application in self.store.access.applications(states=(ApplicationState.ACTIVE,)):
            grants = self.store.grants.under(application.id)
            if grants and max(grant.ends for grant in grants) < self.today():
                row = rules.platform_step(application, Verb.EXPIRE)
                event = Event(
                    "system:access", row.event, f"application:{application.id}", {"clause": row.clause}
                )
                try:
                    self.store.access.move_application(application, row, event=event)
                except Conflict:
                    continue  # somebody ended it in this moment
                self.stop(grants)
                ended.append(application.id)
        return tuple(ended)

    # what is owed

    def duties(self, application: Application) -> tuple[Duty, ...]:
        """The reports that an application's people owe, done ones too."""
        return duties_of(self.store, application, today=self.today())

    def report(self, person: Person, application_id: int, *, usefulness: int, text: str) -> Report:
        """Say what came of the data. It counts for the first report that is open.

        Raises:
            Conflict: no report is open.
        """
        application, _ = self._application(application_id)
        if person.name not in application.people:
            raise NotFound(f"You have no application {application_id}.")
        text = text.strip()
        rules.check_text("text", text)
        if not 1 <= usefulness <= 5:
            raise BadInput("Usefulness is 1 (of no use) to 5 (very useful).", where="usefulness")
        if not 20 <= len(text) <= 4000:
            raise BadInput(
                f"The report has {len(text)} characters.",
                where="text",
                fix="Write 20 to 4000: what was found, where it appeared, what was wrong with the data.",
            )
        due = next((duty for duty in self.duties(application) if duty.state is not DutyState.DONE), None)
        if due is None:
            raise Conflict("No report is open under this agreement.")
        return self.store.duties.report(
            application=application.id,
            due=due.due,
            person=person.name,
            usefulness=usefulness,
            text=text,
            event=Event(
                person.name,
                "feedback.given",
                f"application:{application.id}",
                {"clause": "feedback", "due": due.due.isoformat(), "usefulness": usefulness},
            ),
        )

    def remind(self) -> tuple[Duty, ...]:
        """Put what is due soon, overdue or blocking on the log, once for each state of each report."""
        found = []
        for application in self.store.access.applications():
            for duty in self.duties(application):
                if duty.state in (DutyState.AHEAD, DutyState.DONE):
                    continue
                said = Event(
                    "system:access",
                    "duty.reminded",
                    f"application:{application.id}",
                    {"due": duty.due.isoformat(), "state": str(duty.state)},
                )
                told = self.store.log.entries(action=said.action, object=said.object, limit=1000)
                if all(entry.event.facts != said.facts for entry in told):
                    self.store.log.record(said)
                    found.append(duty)
        return tuple(found)

    def _end_one(
        self, person: Person, application: Application, row: Step, member: str, *, reason: str
    ) -> Grant:
        grant = self.store.access.end_grant(
            application,
            row,
            member,
            event=_event(person, row, application, member=member, **({"reason": reason} if reason else {})),
        )
        self.stop((grant,))
        return grant

    def _block(
        self, person: Person, name: str, dataset: Published, clause: str, reason: str, days: int
    ) -> None:
        until = self.today() + timedelta(days=days)
        self.store.duties.block(
            person=name,
            lineage=dataset.policy.budget_lineage,
            clause=clause,
            reason=reason,
            until=until,
            by=person.name,
            event=Event(
                person.name,
                "person.blocked",
                f"person:{name}",
                {
                    "lineage": dataset.policy.budget_lineage,
                    "until": until.isoformat(),
                    "clause": clause,
                },
            ),
        )

    def _certificate(self, application: Application, grants: Sequence[Grant]) -> bytes:
        """What was used under the agreement, signed by the platform."""
        document = self.store.access.agreement(application.id).document()
        spent = self.store.ledger.spent_under(application.id)
        released = [r for grant in grants for r in self.store.releases.of_grant(grant.id) if r.crate_sha256]
        head = self.store.log_tree.known_head()
        body = {
            "format": CERTIFICATE,
            "application": application.id,
            "agreement_sha256": application.agreement_hash,
            "project": application.project,
            "dataset": application.dataset,
            "people": list(people_of(document)),
            "period": period_of(document),
            "closed_on": self.today().isoformat(),
            "spent_nano": spent.nano,
            "spent_atto_delta": spent.atto_delta,
            "accounting": document["budget"]["accounting"],
            "releases": [{"release": r.id, "crate_sha256": r.crate_sha256} for r in released],
            "kept": "No raw row left the platform. Notebooks' folders lay in memory and are gone.",
            "log": {"seq": head.size, "hash": head.root},
        }
        return seal("certificate", body, self.store.signer.sign(canonical_json(body)))

    def _application(self, application_id: int) -> tuple[Application, Published]:
        application = self.store.access.application(application_id)
        if application is None:
            raise NotFound(f"There is no application {application_id}.")
        return application, known(self.store, application.dataset)


def _event(person: Person, row: Step, application: Application, **facts: str) -> Event:
    return Event(person.name, row.event, f"application:{application.id}", {"clause": row.clause, **facts})
