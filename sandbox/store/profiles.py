"""Contribution profiles, and base releases: charged once for a snapshot, kept for good.

- ``reserve`` charges the lineage, before a row is read, in one transaction with the profile's row and its entry in the
  log. Nothing is given back, whatever happens then.
- A snapshot has one row at most: to publish the same file again charges nothing, and finds the same profile.
- Bases are kept in the same way, in a table of their own.

Order of calls: reserve -> release. A reserved one that was not released may be asked of the engine again: it draws
a snapshot's profile once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.budget import check_affordable
from sandbox.domain.canonical import canonical_json, content_hash
from sandbox.domain.errors import Conflict, OverBudget, Tampered
from sandbox.domain.privacy_loss import Guarantee, Loss
from sandbox.store.accounts import accounts_on, take_from_lineage
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import bases, profiles


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtProfile:
    """A profile as it was bought.

    Attributes:
        id: the hash of the document.
        document: what was released; empty while it is only reserved.
    """

    id: str
    dataset: str
    snapshot: str
    document: Mapping[str, Any]


class Profiles:
    """What is known of how units contribute; or, with their table, the base releases.

    Args:
        kept: the table that they are kept in.
    """

    def __init__(
        self, database: Database, log: Log, now: Callable[[], datetime], kept: Table = profiles
    ) -> None:
        self._database, self._log, self._now = database, log, now
        self._kept = kept

    def reserve(
        self,
        *,
        lineage: str,
        dataset: str,
        table: str,
        snapshot: str,
        cost: Loss,
        guarantee: Guarantee,
        event: Event,
    ) -> bool:
        """Charge a snapshot's profile durably, unless it was charged before.

        Args:
            guarantee: how people read the budget; for the error's words only.

        Returns:
            True when it was charged now.

        Raises:
            OverBudget: the lineage has less left.
        """
        with self._database.transaction() as connection:
            found = connection.execute(
                select(self._kept.c.id).where(self._kept.c.snapshot == snapshot)
            ).first()
            if found is not None:
                return False
            # For its words; the charge itself is decided by the UPDATE's own condition.
            whole, _ = accounts_on(connection, lineage, "")
            check_affordable(cost, (whole,), per_question=cost, guarantee=guarantee)
            if not take_from_lineage(connection, lineage, cost):
                raise OverBudget("The budget was spent in this moment.", fix="Declare a smaller share.")
            connection.execute(
                insert(self._kept).values(
                    lineage=lineage,
                    dataset=dataset,
                    table=table,
                    snapshot=snapshot,
                    charged_nano=cost.nano,
                    charged_atto_delta=cost.atto_delta,
                    reserved_at=stamp(self._now()),
                )
            )
            self._log.append(
                connection, event, facts={"lineage": lineage, "nano": cost.nano, "snapshot": snapshot}
            )
        return True

    def release(self, snapshot: str, document: Mapping[str, Any], *, event: Event) -> BoughtProfile:
        """Keep a reserved profile. The same one again changes nothing.

        Raises:
            Conflict: it was never reserved, or another one was kept.
        """
        name = content_hash(dict(document))
        with self._database.transaction() as connection:
            kept = connection.execute(
                update(self._kept)
                .where(self._kept.c.snapshot == snapshot, self._kept.c.released_at == "")
                .values(
                    document=canonical_json(dict(document)).decode(),
                    sha256=name,
                    released_at=stamp(self._now()),
                )
            )
            if kept.rowcount == 1:
                fact = "base_sha256" if self._kept is bases else "profile_sha256"
                self._log.append(connection, event, facts={fact: name})
            found = connection.execute(select(self._kept).where(self._kept.c.snapshot == snapshot)).first()
            if found is None or found.sha256 != name:
                raise Conflict("This is not the one that was paid for.", fix="Tell the operator.")
            return _bought(found)

    def latest(self, lineage: str, table: str) -> BoughtProfile | None:
        """The newest profile that was bought of a lineage's table, released or only reserved.

        Raises:
            Tampered: it was changed in the database.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                select(self._kept)
                .where(self._kept.c.lineage == lineage, self._kept.c.table == table)
                .order_by(self._kept.c.id.desc())
                .limit(1)
            ).first()
        return _bought(row) if row is not None else None

    def released(self, lineage: str, table: str) -> BoughtProfile | None:
        """The newest one that may be planned by: released, and so public."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(self._kept)
                .where(
                    self._kept.c.lineage == lineage,
                    self._kept.c.table == table,
                    self._kept.c.released_at != "",
                )
                .order_by(self._kept.c.id.desc())
                .limit(1)
            ).first()
        return _bought(row) if row is not None else None


def _bought(row: Any) -> BoughtProfile:
    document = json.loads(row.document) if row.document else {}
    if document and content_hash(document) != row.sha256:
        raise Tampered("What was bought was changed in the database.", place=f"snapshot {row.snapshot}")
    return BoughtProfile(id=row.sha256, dataset=row.dataset, snapshot=row.snapshot, document=document)
