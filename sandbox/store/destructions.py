"""Datasets whose data were destroyed, each with its certificate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from sandbox.domain.audit import Entry, Event
from sandbox.domain.canonical import canonical_json
from sandbox.domain.destruction import Destruction, check_not_destroyed, signed_bytes
from sandbox.domain.errors import NotFound
from sandbox.store.database import Database, stamp
from sandbox.store.keys import Signer
from sandbox.store.log import Log
from sandbox.store.schema import data_keys, destructions

_c = destructions.c


class Destructions:
    """What is destroyed, and what is under way."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime], signer: Signer) -> None:
        self._database, self._log, self._now, self._signer = database, log, now, signer

    def begin(self, dataset: str, *, reason: str, asked_by: str, event: Event) -> Destruction:
        """Note, before anything is destroyed, that it will be.

        Raises:
            Conflict: it was begun before.
        """
        with self._database.transaction() as connection:
            row = connection.execute(select(destructions).where(_c.dataset == dataset)).first()
            check_not_destroyed(_destruction(row) if row is not None else None)
            connection.execute(
                insert(destructions).values(
                    dataset=dataset, reason=reason, asked_by=asked_by, asked_at=stamp(self._now())
                )
            )
            self._log.append(connection, event)
            row = connection.execute(select(destructions).where(_c.dataset == dataset)).one()
            return _destruction(row)

    def finish(
        self, dataset: str, *, certified: Callable[[Destruction, Entry], dict[str, Any]], event: Event
    ) -> Destruction:
        """Note that nothing opens any more, and sign the certificate; a second time changes nothing.

        Args:
            certified: makes the certificate; told the entry of the log that says so.

        Raises:
            NotFound: it was never begun.
        """
        with self._database.transaction() as connection:
            row = connection.execute(select(destructions).where(_c.dataset == dataset)).first()
            if row is None:
                raise NotFound(f"The destruction of the data of {dataset} was not begun.")
            if row.finished_at:
                return _destruction(row)
            entry = self._log.append(connection, event)
            document = certified(_destruction(row), entry)
            signature = self._signer.sign(signed_bytes(document)).hex()
            connection.execute(
                update(destructions)
                .where(_c.dataset == dataset)
                .values(
                    finished_at=entry.at,
                    certificate=canonical_json(document).decode(),
                    signature=signature,
                )
            )
            ended = update(data_keys).where(data_keys.c.dataset == dataset, data_keys.c.ended_at == "")
            connection.execute(ended.values(ended_at=entry.at))
            row = connection.execute(select(destructions).where(_c.dataset == dataset)).one()
            return _destruction(row)

    def get(self, dataset: str) -> Destruction | None:
        """The dataset's, or None."""
        with self._database.reading() as connection:
            row = connection.execute(select(destructions).where(_c.dataset == dataset)).first()
            return _destruction(row) if row is not None else None

    def unfinished(self) -> tuple[Destruction, ...]:
        """Those that were begun, and broken off."""
        with self._database.reading() as connection:
            rows = connection.execute(select(destructions).where(_c.finished_at == "").order_by(_c.dataset))
            return tuple(_destruction(row) for row in rows)


def _destruction(row: Row[Any]) -> Destruction:
    return Destruction(
        dataset=row.dataset,
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        finished_at=row.finished_at,
        certificate=row.certificate,
        signature=row.signature,
    )
