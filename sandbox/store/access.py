"""Applications, the agreements they lead to, and the grants that come of those."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sandbox.domain.access import Application, ApplicationState, Grant, Step
from sandbox.domain.audit import Event
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import Conflict, NotFound, Tampered
from sandbox.domain.policy import Mode
from sandbox.store.database import Database, number_of, stamp
from sandbox.store.log import Log
from sandbox.store.schema import agreements, applications, grants


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
        project: str,
        purpose: str,
        legal_basis: str,
        mode: Mode,
        days: int,
        output_plan: str,
        event: Event,
    ) -> Application:
        """Keep an application, submitted."""
        now = stamp(self._now())
        with self._database.transaction() as connection:
            made = connection.execute(
                insert(applications).values(
                    dataset=dataset,
                    applicant=applicant,
                    project=project,
                    purpose=purpose,
                    legal_basis=legal_basis,
                    mode=mode,
                    days=days,
                    output_plan=output_plan,
                    state=ApplicationState.SUBMITTED,
                    submitted_at=now,
                    changed_at=now,
                )
            )
            number = number_of(made)
            self._log.append(connection, event, facts={"application": number}, id=number)
            return _application(connection, number)

    def move_application(
        self,
        application: Application,
        row: Step,
        *,
        event: Event,
        agreement: bytes = b"",
        agreement_hash: str = "",
        signature: bytes = b"",
    ) -> Application:
        """Take a step of the application's state machine. Revoking ends its grant in the same transaction.

        Args:
            agreement: the canonical document, when the step writes one; with its SHA-256 and signature.

        Raises:
            Conflict: the application is no longer in the state the step starts from.
        """
        with self._database.transaction() as connection:
            if agreement:
                if sha256_hex(agreement) != agreement_hash:
                    raise Tampered(
                        "The hash is not that of the agreement.", place=f"application {application.id}"
                    )
                self._move(connection, application.id, row, agreement_hash=agreement_hash)
                connection.execute(
                    insert(agreements).values(
                        application_id=application.id,
                        sha256=agreement_hash,
                        body=agreement,
                        signature=signature,
                        written_at=stamp(self._now()),
                    )
                )
            else:
                self._move(connection, application.id, row)
            if row.end is ApplicationState.REVOKED:
                connection.execute(
                    update(grants).where(grants.c.application_id == application.id).values(revoked=True)
                )
            self._log.append(connection, event)
            return _application(connection, application.id)

    def sign_application(
        self, application: Application, row: Step, *, starts: date, ends: date, event: Event
    ) -> Grant:
        """Take the step by which the applicant accepts; the grant comes of it in the same transaction.

        Raises:
            Conflict: the application, or its agreement, is not the one that was read.
        """
        with self._database.transaction() as connection:
            now = _application(connection, application.id)
            if now.agreement_hash != application.agreement_hash or not now.agreement_hash:
                raise Conflict(
                    f"The agreement of application {application.id} changed.", fix="Read it again."
                )
            self._move(connection, application.id, row)
            made = connection.execute(
                insert(grants).values(
                    application_id=now.id,
                    person=now.applicant,
                    dataset=now.dataset,
                    project=now.project,
                    purpose=now.purpose,
                    mode=now.mode,
                    starts=starts.isoformat(),
                    ends=ends.isoformat(),
                    agreement_hash=now.agreement_hash,
                    revoked=False,
                )
            )
            number = number_of(made)
            self._log.append(connection, event, facts={"grant": number})
            return _grant(connection.execute(select(grants).where(grants.c.id == number)).one())

    def application(self, application_id: int) -> Application | None:
        """The application, or None."""
        found = self._applications(applications.c.id == application_id)
        return found[0] if found else None

    def applications(self, *, applicant: str = "", dataset: str = "") -> tuple[Application, ...]:
        """All, or one person's, or one dataset's; in order."""
        where = []
        if applicant:
            where.append(applications.c.applicant == applicant)
        if dataset:
            where.append(applications.c.dataset == dataset)
        return self._applications(*where)

    # agreements

    def agreement(self, application_id: int) -> SignedAgreement:
        """The agreement of an approved application.

        Raises:
            NotFound: none was written.
            Tampered: it is not the one that was signed.
        """
        return self._agreement(agreements.c.application_id == application_id)

    def agreement_by_hash(self, sha256: str) -> SignedAgreement:
        """As ``agreement``, by the hash that grants carry."""
        return self._agreement(agreements.c.sha256 == sha256)

    # grants

    def grant(self, grant_id: int) -> Grant | None:
        """The grant, or None."""
        found = self._grants(grants.c.id == grant_id)
        return found[0] if found else None

    def grants(self) -> tuple[Grant, ...]:
        """All, in order."""
        return self._grants()

    def grants_of(self, person: str) -> tuple[Grant, ...]:
        """A person's grants, also past and revoked ones."""
        return self._grants(grants.c.person == person)

    def grants_on(self, dataset: str) -> tuple[Grant, ...]:
        """A dataset's grants, also past and revoked ones."""
        return self._grants(grants.c.dataset == dataset)

    def projects(self) -> tuple[str, ...]:
        """The names of all projects that anybody applied for, refused ones too."""
        with self._database.reading() as connection:
            return tuple(connection.execute(select(applications.c.project).distinct()).scalars())

    def members_of(self, project: str) -> tuple[str, ...]:
        """Everybody who had a grant in the project, or has asked for one and was not refused.

        Also past ones: who worked on a project does not review what leaves it.
        """
        with self._database.reading() as connection:
            granted = select(grants.c.person).where(grants.c.project == project)
            asked = select(applications.c.applicant).where(
                applications.c.project == project, applications.c.state != ApplicationState.REJECTED
            )
            return tuple(sorted(connection.execute(granted.union(asked)).scalars()))

    def _move(self, connection: Connection, application_id: int, row: Step, **more: Any) -> None:
        moved = connection.execute(
            update(applications)
            .where(applications.c.id == application_id, applications.c.state == row.start)
            .values(state=row.end, changed_at=stamp(self._now()), **more)
        )
        if moved.rowcount != 1:
            now = _application(connection, application_id)
            raise Conflict(
                f"Application {application_id} is {now.state}, no longer {row.start}.",
                fix="Look at it again.",
            )

    def _applications(self, *where: Any) -> tuple[Application, ...]:
        with self._database.reading() as connection:
            rows = connection.execute(select(applications).where(*where).order_by(applications.c.id))
            return tuple(_application_of(row) for row in rows)

    def _grants(self, *where: Any) -> tuple[Grant, ...]:
        with self._database.reading() as connection:
            return tuple(
                _grant(row) for row in connection.execute(select(grants).where(*where).order_by(grants.c.id))
            )

    def _agreement(self, where: Any) -> SignedAgreement:
        with self._database.reading() as connection:
            row = connection.execute(select(agreements).where(where)).first()
        if row is None:
            raise NotFound("There is no such agreement.")
        if sha256_hex(bytes(row.body)) != row.sha256:
            raise Tampered(
                f"The agreement of application {row.application_id} was changed.",
                place=f"application {row.application_id}",
            )
        return SignedAgreement(body=bytes(row.body), signature=bytes(row.signature), sha256=row.sha256)


def _application(connection: Connection, application_id: int) -> Application:
    row = connection.execute(select(applications).where(applications.c.id == application_id)).first()
    if row is None:
        raise NotFound(f"There is no application {application_id}.")
    return _application_of(row)


def _application_of(row: Row[Any]) -> Application:
    return Application(
        id=row.id,
        dataset=row.dataset,
        applicant=row.applicant,
        project=row.project,
        purpose=row.purpose,
        legal_basis=row.legal_basis,
        mode=Mode(row.mode),
        days=row.days,
        output_plan=row.output_plan,
        state=ApplicationState(row.state),
        agreement_hash=row.agreement_hash,
    )


def _grant(row: Row[Any]) -> Grant:
    return Grant(
        id=row.id,
        person=row.person,
        dataset=row.dataset,
        project=row.project,
        purpose=row.purpose,
        mode=Mode(row.mode),
        starts=date.fromisoformat(row.starts),
        ends=date.fromisoformat(row.ends),
        agreement_hash=row.agreement_hash,
        revoked=bool(row.revoked),
    )
