"""Data are closed where they lie: anybody of the platform closes a file, the engine alone opens it.

Replacing a key: the engine makes a new one and closes every file again -> the platform closes with the new one from
now on -> the engine closes what came meanwhile, and destroys the old one. Broken off anywhere, all files open as
before, and the same call does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.domain.audit import Event, Fact
from sandbox.domain.data_key import DataKey
from sandbox.domain.errors import BadInput, NotAllowed, OperatorError
from sandbox.domain.people import Person, Role
from sandbox.flows.published import decided_by
from sandbox.privacy.engine import Engine
from sandbox.store import KnownKey, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """A dataset's new key, and the ids of those that are no more."""

    key: DataKey
    retired: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseData:
    """The journey's parts."""

    store: Store
    engine: Engine

    def key_for(self, dataset: str, *, actor: str) -> DataKey | None:
        """What new files of a dataset are closed with; None for an engine that leaves them open.

        Raises:
            Conflict: its data were destroyed.
        """
        key = self.engine.data_key(dataset=dataset)
        if key is not None:
            self.store.data_keys.use(
                dataset, key, event=Event(actor, "data_key.in_use", f"dataset:{dataset}")
            )
        return key

    def known_key(self, dataset: str) -> DataKey | None:
        """The same without asking the engine, where the key is known: who objects need not wait for it."""
        return self.store.data_keys.current(dataset) or self.key_for(dataset, actor="system:keys")

    def learn(self) -> None:
        """Note the keys of datasets that were published before there were any. Not raised: a stopped engine."""
        for row in self.store.datasets.all():
            known_before = self.store.data_keys.current(row.policy.name) is not None
            if row.policy.private and not known_before and not self.store.destructions.get(row.policy.name):
                try:
                    self.key_for(row.policy.name, actor="system:keys")
                except OperatorError:
                    return

    def rotate(self, person: Person, dataset: str) -> Rotated:
        """Replace a dataset's key, and destroy the old one.

        Raises:
            NotAllowed: neither its owner nor an administrator.
            BadInput: it has no data that are kept closed.
            OperatorError: the engine stopped; do it again.
        """
        policy = decided_by(self.store, person, dataset)
        if not policy.private:
            raise BadInput(
                f"{dataset} has no data that are kept closed.",
                where="dataset",
                fix="Only those of conditional datasets are.",
            )
        self.key_for(dataset, actor=person.name)  # says so where the data were destroyed
        key = self.engine.rotate_key(dataset=dataset)
        about = f"dataset:{dataset}"
        self.store.data_keys.use(dataset, key, event=Event(person.name, "data_key.in_use", about))
        retired = self.engine.retire_keys(dataset=dataset)
        facts: dict[str, Fact] = {"key": key.id, "retired": list(retired)}
        self.store.log.record(Event(person.name, "data_key.retired", about, facts))
        return Rotated(key=key, retired=retired)

    def renew_master(self, person: Person) -> int:
        """Wrap all keys for a new master key; returns how many.

        Raises:
            NotAllowed: not an administrator.
        """
        if not person.has(Role.ADMINISTRATOR):
            raise NotAllowed("Only an administrator may renew the master key.", clause="role")
        count = self.engine.renew_master()
        self.store.log.record(Event(person.name, "master_key.renewed", "keys", {"keys": count}))
        return count

    def keys(self, person: Person) -> tuple[KnownKey, ...]:
        """All keys there are and were, those in use and those that ended.

        Raises:
            NotAllowed: not an administrator.
        """
        if not person.has(Role.ADMINISTRATOR):
            raise NotAllowed("Only an administrator sees all keys.", clause="role")
        return self.store.data_keys.all()
