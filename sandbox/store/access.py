"""Applications turn by turn, the agreements they lead to, who signed them, and the grants that come of those."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from sandbox.domain.access import Grant
from sandbox.domain.application import Application, ApplicationState, Step, Turn, Verb, Wish, wish_from
from sandbox.domain.audit import Event, Fact
from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import Conflict, NotFound, Tampered
from sandbox.store.database import Database, number_of, parts, stamp
from sandbox.store.grants import grant_of
from sandbox.store.log import Log
from sandbox.store.schema import agreements, application_turns, applications, datasets, grants, signatures


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAgreement:
    """An agreement as it was signed by the platform."""

    body: bytes  # the canonical document
    signature: bytes
    sha256: str

    def document(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value


class Access:
    """Who has asked for what, and who may use what."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    # applications

    def add_application(
        self,
        *,
        dataset: str,
        applicant: str,
        wish: Wish,
        event: Event,
        state: ApplicationState = ApplicationState.SUBMITTED,
        renews: int = 0,
    ) -> Application:
        """Keep an application, as a draft or handed in."""
        now = stamp(self._now())
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(applications).values(
                    dataset=dataset,
                    applicant=applicant,
                    project=wish.project,
                    state=state,
                    turn=1,
                    version=1,
                    renews=renews or None,
                    submitted_at="" if state is ApplicationState.DRAFT else now,
                    changed_at=now,
                )
            )
            number = number_of(made)
            self._write_turn(connection, number, 1, wish)
            facts: dict[str, Fact] = {"application": number, "wish_sha256": _named(wish)}
            self._log.append(connection, event, facts=facts, id=number)
            return _application(connection, number)

    def edit_application(
        self, application: Application, row: Step, wish: Wish, *, event: Event
    ) -> Application:
        """Write down another wish. A turn that was answered stays as it was; the next one begins."""
        with self._database.transaction() as connection:
            turn = self._turns(connection, application.id)[-1]
            number = turn.number + 1 if turn.answer else turn.number
            self._move(connection, application, row, project=wish.project, turn=number)
            if turn.answer:
                self._write_turn(connection, application.id, number, wish)
            else:
                connection.execute(
                    update(application_turns)
                    .where(*_turn(application.id, number))
                    .values(wish=_written(wish), written_at=stamp(self._now()))
                )
            self._log.append(connection, event, facts={"turn": number, "wish_sha256": _named(wish)})
            return _application(connection, application.id)

    def move_application(
        self, application: Application, row: Step, *, event: Event, answer: str = "", certificate: str = ""
    ) -> Application:
        """Take a step of the application's state machine. What ends it ends its grants in the same transaction.

        Args:
            answer: the owner's, or a member's, to the newest turn.
            certificate: SHA-256 of the certificate that closes it, in the vault.

        Raises:
            Conflict: somebody else changed the application since it was read.
        """
        more: dict[str, Any] = {}
        if row.verb is Verb.SUBMIT:
            more["submitted_at"] = stamp(self._now())
        if certificate:
            more["certificate_sha256"] = certificate
        with self._database.transaction() as connection:
            self._move(connection, application, row, **more)
            if answer:
                connection.execute(
                    update(application_turns)
                    .where(*_turn(application.id, application.turn))
                    .values(answer=answer)
                )
            if row.end in (ApplicationState.REVOKED, ApplicationState.CLOSED, ApplicationState.RENEWED):
                self._end_grants(connection, application.id)
            self._log.append(connection, event)
            return _application(connection, application.id)

    def approve_application(
        self,
        application: Application,
        row: Step,
        *,
        agreement: bytes,
        agreement_hash: str,
        signature: bytes,
        event: Event,
    ) -> Application:
        """Take the step that writes the agreement.

        Args:
            agreement: the canonical document, with its SHA-256 and the platform's signature.
        """
        if sha256_hex(agreement) != agreement_hash:
            raise Tampered("The hash is not that of the agreement.", place=f"application {application.id}")
        with self._database.transaction() as connection:
            self._move(connection, application, row, agreement_hash=agreement_hash)
            known = select(agreements.c.sha256).where(agreements.c.sha256 == agreement_hash)
            if connection.execute(known).first() is None:  # the same words can be agreed about again
                connection.execute(
                    insert(agreements).values(
                        application_id=application.id,
                        sha256=agreement_hash,
                        body=agreement,
                        signature=signature,
                        written_at=stamp(self._now()),
                    )
                )
            self._log.append(connection, event)
            return _application(connection, application.id)

    def sign_application(
        self, application: Application, row: Step, person: str, *, event: Event
    ) -> Application:
        """Keep that a person accepts the agreement.

        Raises:
            Conflict: the application, or its agreement, is not the one that was read.
        """
        with self._database.transaction() as connection:
            self._move(connection, application, row)
            connection.execute(
                insert(signatures).values(
                    application_id=application.id,
                    person=person,
                    agreement_hash=application.agreement_hash,
                    signed_at=stamp(self._now()),
                )
            )
            self._log.append(connection, event)
            return _application(connection, application.id)

    def begin_grants(
        self, application: Application, row: Step, *, starts: date, ends: date, event: Event
    ) -> tuple[Grant, ...]:
        """Everybody has signed: each gets a grant. What it renews ends in the same transaction.

        Raises:
            Conflict: somebody has not signed, or the application is not the one that was read.
        """
        with self._database.transaction() as connection:
            now = _application(connection, application.id)
            if now.unsigned or not now.agreement_hash or now.agreement_hash != application.agreement_hash:
                raise Conflict(f"Application {application.id} changed.", fix="Read it again.")
            self._move(connection, application, row)
            numbers = []
            for person in now.people:
                made = connection.execute(
                    insert(grants).values(
                        application_id=now.id,
                        person=person,
                        dataset=now.dataset,
                        project=now.project,
                        purpose=now.wish.purpose,
                        mode=now.wish.mode,
                        starts=starts.isoformat(),
                        ends=ends.isoformat(),
                        agreement_hash=now.agreement_hash,
                        revoked=False,
                    )
                )
                numbers.append(number_of(made))
            self._log.append(connection, event, facts={"grants": numbers})
            return tuple(
                grant_of(r)
                for r in connection.execute(
                    select(grants).where(grants.c.id.in_(numbers)).order_by(grants.c.id)
                )
            )

    def end_grant(self, application: Application, row: Step, person: str, *, event: Event) -> Grant:
        """Take one person's grant back; the others' go on.

        Raises:
            Conflict: the application changed, or the person has no grant that could end.
        """
        here = (grants.c.application_id == application.id, grants.c.person == person)
        with self._database.transaction() as connection:
            self._move(connection, application, row)
            ended = connection.execute(
                update(grants).where(*here, grants.c.revoked.is_(False)).values(revoked=True)
            )
            if ended.rowcount != 1:
                raise Conflict(f"{person} holds no grant of application {application.id} any more.")
            found = connection.execute(select(grants).where(*here)).one()
            self._log.append(connection, event, facts={"grant": found.id})
            return grant_of(found)

    def application(self, application_id: int) -> Application | None:
        """The application, or None."""
        found = self._applications(applications.c.id == application_id)
        return found[0] if found else None

    def applications(
        self,
        *,
        applicant: str = "",
        dataset: str = "",
        project: str = "",
        states: Sequence[ApplicationState] = (),
    ) -> tuple[Application, ...]:
        """All, or one person's, one dataset's, one project's, or those in some states; in order."""
        where = []
        if project:
            where.append(applications.c.project == project)
        if applicant:
            where.append(applications.c.applicant == applicant)
        if dataset:
            where.append(applications.c.dataset == dataset)
        if states:
            where.append(applications.c.state.in_(states))
        return self._applications(*where)

    def on_data_of(
        self,
        owner: str,
        states: Collection[ApplicationState],
        *,
        offset: int = 0,
        limit: int | None = None,
        oldest_first: bool = False,
    ) -> tuple[Application, ...]:
        """Those in one of these states on an owner's data, the newest first."""
        number = applications.c.id
        query = (
            select(number)
            .join(datasets, datasets.c.name == applications.c.dataset)
            .where(datasets.c.owner == owner, applications.c.state.in_(sorted(states)))
            .order_by(number if oldest_first else number.desc())
        )
        with self._database.reading() as connection:
            wanted = list(connection.scalars(query.limit(limit).offset(offset)))
            rows = connection.execute(_whole().where(number.in_(wanted)).order_by(number)).all()
            found = _applications_of(connection, rows)
        return found if oldest_first else found[::-1]

    def count_on_data_of(self, owner: str) -> dict[ApplicationState, int]:
        """How many there are on an owner's data in each state; states without any are not there."""
        query = (
            select(applications.c.state, func.count())
            .join(datasets, datasets.c.name == applications.c.dataset)
            .where(datasets.c.owner == owner)
            .group_by(applications.c.state)
        )
        with self._database.reading() as connection:
            return {ApplicationState(state): n for state, n in connection.execute(query)}

    def concerning(self, person: str) -> tuple[Application, ...]:
        """Those that may concern somebody: theirs, on data of theirs, or with their name in what is asked for."""
        named = application_turns.c.wish.contains(canonical_json(person).decode(), autoescape=True)
        owned = applications.c.dataset.in_(select(datasets.c.name).where(datasets.c.owner == person))
        return self._applications(or_(applications.c.applicant == person, owned, named))

    def turns(self, application_id: int) -> tuple[Turn, ...]:
        """All turns of an application, the newest last."""
        with self._database.reading() as connection:
            return self._turns(connection, application_id)

    # agreements

    def agreement(self, application_id: int) -> SignedAgreement:
        """The agreement of an approved application.

        Raises:
            NotFound: none was written.
            Tampered: it is not the one that was signed.
        """
        application = self.application(application_id)
        if application is None or not application.agreement_hash:
            raise NotFound("There is no such agreement.")
        return self.agreement_by_hash(application.agreement_hash)

    def agreement_by_hash(self, sha256: str) -> SignedAgreement:
        """As ``agreement``, by the hash that grants carry."""
        with self._database.reading() as connection:
            row = connection.execute(select(agreements).where(agreements.c.sha256 == sha256)).first()
        if row is None:
            raise NotFound("There is no such agreement.")
        if sha256_hex(bytes(row.body)) != row.sha256:
            raise Tampered(
                f"The agreement of application {row.application_id} was changed.",
                place=f"application {row.application_id}",
            )
        return SignedAgreement(body=bytes(row.body), signature=bytes(row.signature), sha256=row.sha256)

    # projects

    def organisations(self, numbers: Collection[int]) -> dict[int, str]:
        """Application -> the organisation for which it was made, where one was named."""
        wanted = sorted(numbers)
        query = _whole().with_only_columns(applications.c.id, application_turns.c.wish)
        found: dict[int, str] = {}
        with self._database.reading() as connection:
            for some in parts(wanted):
                rows = connection.execute(query.where(applications.c.id.in_(some)))
                found |= {row.id: wish_from(json.loads(row.wish)).organisation for row in rows}
        return {number: name for number, name in found.items() if name}

    def projects(self) -> tuple[str, ...]:
        """The names of all projects that anybody applied for, refused ones too."""
        with self._database.reading() as connection:
            return tuple(connection.execute(select(applications.c.project).distinct()).scalars())

    def members_of(self, project: str) -> tuple[str, ...]:
        """Everybody who had a grant in the project, signed for one, or has asked for one and was not refused.

        Also past ones: who worked on a project does not review what leaves it. Who is merely named by somebody else is
        not among them: a reviewer could be kept away by naming them.
        """
        return self.members_of_several([project])[project]

    def members_of_several(self, projects: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The same for each of these projects."""
        named = sorted(projects)
        project = applications.c.project
        granted = select(grants.c.project, grants.c.person).where(grants.c.project.in_(named))
        signed = (
            select(project, signatures.c.person)
            .join(applications, applications.c.id == signatures.c.application_id)
            .where(project.in_(named))
        )
        asked = select(project, applications.c.applicant).where(
            project.in_(named), applications.c.state != ApplicationState.REJECTED
        )
        found: dict[str, list[str]] = {name: [] for name in named}
        with self._database.reading() as connection:
            for of, person in connection.execute(granted.union(signed, asked)):
                found[of].append(person)
        return {name: tuple(sorted(people)) for name, people in found.items()}

    def _move(self, connection: Connection, application: Application, row: Step, **more: Any) -> None:
        """One UPDATE that holds its own condition: of two people at once, one is told that the other was faster."""
        moved = connection.execute(
            update(applications)
            .where(
                applications.c.id == application.id,
                applications.c.state == row.start,
                applications.c.version == application.version,
            )
            .values(state=row.end, changed_at=stamp(self._now()), version=application.version + 1, **more)
        )
        if moved.rowcount != 1:
            now = _application(connection, application.id)
            raise Conflict(
                f"Application {application.id} was changed by somebody else; it is {now.state} now.",
                fix="Look at it again.",
            )

    def _end_grants(self, connection: Connection, application_id: int) -> None:
        connection.execute(
            update(grants).where(grants.c.application_id == application_id).values(revoked=True)
        )

    def _write_turn(self, connection: Connection, application_id: int, number: int, wish: Wish) -> None:
        connection.execute(
            insert(application_turns).values(
                application_id=application_id,
                turn=number,
                wish=_written(wish),
                written_at=stamp(self._now()),
            )
        )

    def _turns(self, connection: Connection, application_id: int) -> tuple[Turn, ...]:
        query = select(application_turns).where(application_turns.c.application_id == application_id)
        return tuple(
            Turn(
                number=row.turn,
                wish=wish_from(json.loads(row.wish)),
                written_at=row.written_at,
                answer=row.answer,
            )
            for row in connection.execute(query.order_by(application_turns.c.turn))
        )

    def _applications(self, *where: Any) -> tuple[Application, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(_whole().where(*where).order_by(applications.c.id)).all()
            return _applications_of(connection, rows)


def _turn(application_id: int, number: int) -> tuple[Any, Any]:
    return (application_turns.c.application_id == application_id, application_turns.c.turn == number)


def _written(wish: Wish) -> str:
    return canonical_json(wish.document()).decode()


def _named(wish: Wish) -> str:
    """Its SHA-256, for the log."""
    return sha256_hex(_written(wish).encode())


def _whole() -> Any:
    """Applications, each with what it asks for in its newest turn."""
    return select(applications, application_turns.c.wish).join(
        application_turns,
        (application_turns.c.application_id == applications.c.id)
        & (application_turns.c.turn == applications.c.turn),
    )


def _application(connection: Connection, application_id: int) -> Application:
    row = connection.execute(_whole().where(applications.c.id == application_id)).first()
    if row is None:
        raise NotFound(f"There is no application {application_id}.")
    return _applications_of(connection, [row])[0]


def _applications_of(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Application, ...]:
    """The applications of these rows, with who signed their present agreements: read at once for many."""
    signed: dict[tuple[int, str], list[str]] = defaultdict(list)
    for some in parts([row.id for row in rows if row.agreement_hash]):
        query = select(signatures).where(signatures.c.application_id.in_(some))
        for one in connection.execute(query.order_by(signatures.c.signed_at, signatures.c.person)):
            signed[one.application_id, one.agreement_hash].append(one.person)
    return tuple(_application_of(row, signed.get((row.id, row.agreement_hash), ())) for row in rows)


def _application_of(row: Row[Any], signed: Sequence[str]) -> Application:
    return Application(
        id=row.id,
        dataset=row.dataset,
        applicant=row.applicant,
        wish=wish_from(json.loads(row.wish)),
        state=ApplicationState(row.state),
        turn=row.turn,
        version=row.version,
        renews=row.renews or 0,
        agreement_hash=row.agreement_hash,
        signed=tuple(signed),
        submitted_at=row.submitted_at,
        changed_at=row.changed_at,
        certificate=row.certificate_sha256,
    )
