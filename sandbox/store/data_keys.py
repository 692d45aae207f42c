"""Which key the files of a dataset are closed with: public halves alone. The secret ones are the engine's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from sandbox.domain.audit import Event
from sandbox.domain.data_key import DataKey
from sandbox.store.database import Database, stamp
from sandbox.store.log import Log
from sandbox.store.schema import data_keys

_c = data_keys.c


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key, and while when it was in use."""

    dataset: str
    key: DataKey
    made_at: str  # ISO 8601, UTC
    ended_at: str  # empty: it is in use


class DataKeys:
    """The datasets' public keys."""

    def __init__(self, database: Database, log: Log, now: Callable[[], datetime]) -> None:
        self._database, self._log, self._now = database, log, now

    def use(self, dataset: str, key: DataKey, *, event: Event) -> bool:
        """Close new files of a dataset with this key from now on; False when that was so already."""
        with self._database.transaction() as connection:
            in_use = (_c.dataset == dataset) & (_c.ended_at == "")
            current = connection.execute(select(_c.id).where(in_use)).first()
            if current is not None and current.id == key.id:
                return False
            now = stamp(self._now())
            connection.execute(update(data_keys).where(in_use).values(ended_at=now))
            connection.execute(
                insert(data_keys).values(
                    id=key.id, dataset=dataset, public=key.public.hex(), made_at=now, ended_at=""
                )
            )
            self._log.append(connection, event, facts={"key": key.id})
            return True

    def current(self, dataset: str) -> DataKey | None:
        """The key in use, or None.

        Raises:
            Tampered: it was changed in the database.
        """
        query = select(data_keys).where(_c.dataset == dataset, _c.ended_at == "")
        with self._database.reading() as connection:
            row = connection.execute(query).first()
            return None if row is None else DataKey(row.id, bytes.fromhex(row.public))

    def all(self, dataset: str = "") -> tuple[KnownKey, ...]:
        """All keys, or one dataset's, by dataset, the oldest first."""
        query = select(data_keys).order_by(_c.dataset, _c.made_at, _c.id)
        if dataset:
            query = query.where(_c.dataset == dataset)
        with self._database.reading() as connection:
            return tuple(
                KnownKey(
                    dataset=row.dataset,
                    key=DataKey(row.id, bytes.fromhex(row.public)),
                    made_at=row.made_at,
                    ended_at=row.ended_at,
                )
                for row in connection.execute(query)
            )
