"""Budget accounts: what a lineage holds, and each project's quota within it.

- An account is opened once and lives as long as its lineage: a new version or a copy of a dataset finds it spent.
- Publishing can lower a cap, never raise it; raising is a call of its own, with its own entry in the log.
- ``spent`` only grows, by an UPDATE that carries its own condition (``take``).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.budget import Account
from sandbox.domain.errors import BadInput, Conflict, NotFound, Tampered
from sandbox.domain.policy_change import Approval, check_two
from sandbox.domain.privacy_loss import Accounting, Loss
from sandbox.store.database import Database
from sandbox.store.log import Log
from sandbox.store.schema import bases, grants, lineage_accounts, profiles, project_accounts, questions

_LARGEST = 2**62  # sums of two stay within the databases' 64 bits


class Accounts:
    """The accounts half of the ledger."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database, self._log = database, log

    def open_account(
        self,
        lineage: str,
        *,
        cap: Loss,
        project_cap: Loss,
        event: Event,
        accounting: Accounting = Accounting.ZCDP,
    ) -> Account:
        """Open a lineage's account, or find it open. A lower cap is taken over; what is spent stays spent.

        Args:
            project_cap: the quota each project has on this lineage.
            accounting: what its losses are of. Nanos of one read as nanos of the other would be new budget.

        Raises:
            Conflict: a cap would rise, or the accounting would change.
        """
        _check_caps(cap, project_cap)
        with self._database.transaction() as connection:
            row = connection.execute(
                select(lineage_accounts).where(lineage_accounts.c.lineage == lineage)
            ).first()
            if row is None:
                connection.execute(
                    insert(lineage_accounts).values(
                        lineage=lineage, accounting=str(accounting), **_caps(cap, project_cap)
                    )
                )
                self._log.append(connection, event)
                return _lineage(connection, lineage)
            if row.accounting != accounting:
                raise Conflict(
                    f"The lineage {lineage} counts in {row.accounting}, for its whole life.",
                    fix=f"Write accounting: {row.accounting}.",
                )
            if not cap.fits_in(_loss(row, "cap")) or not project_cap.fits_in(_loss(row, "project_cap")):
                raise Conflict(
                    f"The budget of lineage {lineage} would rise.",
                    fix="Keep its epsilon, delta and percentages; raising a budget needs a second person: "
                    "'sandbox policy apply FILE'.",
                )
            if (cap, project_cap) != (_loss(row, "cap"), _loss(row, "project_cap")):
                self._set_caps(connection, lineage, cap, project_cap)
                self._log.append(connection, event)
            return _lineage(connection, lineage)

    def raise_cap(
        self, lineage: str, *, cap: Loss, project_cap: Loss, approval: Approval, event: Event
    ) -> Account:
        """Set a lineage's cap and its projects' quota to new values, also higher ones. What is spent stays spent.

        Args:
            approval: the second person's.

        Raises:
            NotAllowed: one person both proposed and approved it.
        """
        check_two(approval)
        _check_caps(cap, project_cap)
        with self._database.transaction() as connection:
            before = _lineage(connection, lineage)
            self._set_caps(connection, lineage, cap, project_cap)
            self._log.append(
                connection,
                event,
                facts={
                    "cap_nano_was": before.cap.nano,
                    "cap_nano": cap.nano,
                    "proposal": approval.proposal,
                },
            )
            return _lineage(connection, lineage)

    def accounts(self, lineage: str, project: str) -> tuple[Account, Account]:
        """The lineage's account and the project's on it. A project that has asked nothing yet has its whole quota.

        Raises:
            NotFound: the lineage has no account.
        """
        with self._database.reading() as connection:
            return accounts_on(connection, lineage, project)

    def spent_under(self, application: int, *, person: str = "", since: str = "") -> Loss:
        """What the questions under one application's grants were charged.

        Args:
            person: only this member's.
            since: only those asked from this time on; ISO 8601, UTC.
        """
        with self._database.reading() as connection:
            return spent_under(connection, application, person=person, since=since)

    def check_sums(self) -> int:
        """Hold every account against its questions.

        Returns:
            The number of lineages.

        Raises:
            Tampered: an account's ``spent`` is not the sum of what its questions, profiles and bases were charged.
        """
        with self._database.reading() as connection:
            for table, keys in ((lineage_accounts, ("lineage",)), (project_accounts, ("lineage", "project"))):
                for row in connection.execute(select(table)):
                    charged = connection.execute(
                        select(
                            func.coalesce(func.sum(questions.c.charged_nano), 0),
                            func.coalesce(func.sum(questions.c.charged_atto_delta), 0),
                        ).where(*(questions.c[key] == getattr(row, key) for key in keys))
                    ).one()
                    rho, delta = int(charged[0]), int(charged[1])
                    if table is lineage_accounts:
                        for bought in (profiles, bases):
                            spent = connection.execute(
                                select(
                                    func.coalesce(func.sum(bought.c.charged_nano), 0),
                                    func.coalesce(func.sum(bought.c.charged_atto_delta), 0),
                                ).where(bought.c.lineage == row.lineage)
                            ).one()
                            rho, delta = rho + int(spent[0]), delta + int(spent[1])
                    if (rho, delta) != (row.spent_nano, row.spent_atto_delta):
                        name = " / ".join(getattr(row, key) for key in keys)
                        raise Tampered(
                            f"The account {name} says {row.spent_nano} nanos spent; "
                            f"its questions, profiles and bases were charged {rho}.",
                            place=f"account {name}",
                        )
            return int(connection.execute(select(func.count()).select_from(lineage_accounts)).scalar_one())

    def _set_caps(self, connection: Connection, lineage: str, cap: Loss, project_cap: Loss) -> None:
        values = _caps(cap, project_cap)
        connection.execute(
            update(lineage_accounts).where(lineage_accounts.c.lineage == lineage).values(**values)
        )
        connection.execute(
            update(project_accounts)
            .where(project_accounts.c.lineage == lineage)
            .values(cap_nano=project_cap.nano, cap_atto_delta=project_cap.atto_delta)
        )


def accounts_on(connection: Connection, lineage: str, project: str) -> tuple[Account, Account]:
    """As ``Accounts.accounts``, inside a transaction."""
    whole = connection.execute(select(lineage_accounts).where(lineage_accounts.c.lineage == lineage)).first()
    if whole is None:
        raise NotFound(f"The lineage {lineage!r} has no budget.", fix="Publish a dataset of it first.")
    part = connection.execute(
        select(project_accounts).where(
            project_accounts.c.lineage == lineage, project_accounts.c.project == project
        )
    ).first()
    name = f"the quota of project {project}"
    return (
        Account(f"the budget of {lineage}", _loss(whole, "cap"), _loss(whole, "spent")),
        Account(name, _loss(whole, "project_cap"), Loss(0))
        if part is None
        else Account(name, _loss(part, "cap"), _loss(part, "spent")),
    )


def spent_under(connection: Connection, application: int, *, person: str = "", since: str = "") -> Loss:
    """As ``Accounts.spent_under``, inside a transaction."""
    where = [grants.c.application_id == application]
    if person:
        where.append(questions.c.person == person)
    if since:
        where.append(questions.c.asked_at >= since)
    nano, atto_delta = connection.execute(
        select(
            func.coalesce(func.sum(questions.c.charged_nano), 0),
            func.coalesce(func.sum(questions.c.charged_atto_delta), 0),
        )
        .join(grants, grants.c.id == questions.c.grant_id)
        .where(*where)
    ).one()
    return Loss(int(nano), int(atto_delta))


def take(connection: Connection, lineage: str, project: str, cost: Loss) -> bool:
    """Take the cost from both accounts, each by one UPDATE that holds its own condition.

    Returns:
        False when either is short; the caller's transaction must then be rolled back.
    """
    quota = connection.execute(select(lineage_accounts).where(lineage_accounts.c.lineage == lineage)).one()
    here = (project_accounts.c.lineage == lineage, project_accounts.c.project == project)
    if connection.execute(select(project_accounts.c.project).where(*here)).first() is None:
        connection.execute(
            insert(project_accounts).values(
                lineage=lineage,
                project=project,
                cap_nano=quota.project_cap_nano,
                cap_atto_delta=quota.project_cap_atto_delta,
            )
        )
    return _take(connection, lineage_accounts, (lineage_accounts.c.lineage == lineage,), cost) and _take(
        connection, project_accounts, here, cost
    )


def take_from_lineage(connection: Connection, lineage: str, cost: Loss) -> bool:
    """Take a cost that belongs to no project from the lineage alone; False when it is short."""
    return _take(connection, lineage_accounts, (lineage_accounts.c.lineage == lineage,), cost)


def _take(connection: Connection, table: Table, here: tuple[Any, ...], cost: Loss) -> bool:
    c = table.c
    taken = connection.execute(
        update(table)
        .where(
            *here,
            c.spent_nano + cost.nano <= c.cap_nano,
            c.spent_atto_delta + cost.atto_delta <= c.cap_atto_delta,
        )
        .values(
            spent_nano=c.spent_nano + cost.nano,
            spent_atto_delta=c.spent_atto_delta + cost.atto_delta,
        )
    )
    return taken.rowcount == 1


def _lineage(connection: Connection, lineage: str) -> Account:
    return accounts_on(connection, lineage, "")[0]


def _loss(row: Any, part: str) -> Loss:
    return Loss(getattr(row, f"{part}_nano"), getattr(row, f"{part}_atto_delta"))


def _caps(cap: Loss, project_cap: Loss) -> dict[str, int]:
    return {
        "cap_nano": cap.nano,
        "cap_atto_delta": cap.atto_delta,
        "project_cap_nano": project_cap.nano,
        "project_cap_atto_delta": project_cap.atto_delta,
    }


def _check_caps(*caps: Loss) -> None:
    if any(max(cap.nano, cap.atto_delta) > _LARGEST for cap in caps):
        raise BadInput("A budget is larger than can be kept.", where="budget", fix="Use a smaller epsilon.")
