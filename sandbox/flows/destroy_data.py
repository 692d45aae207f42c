"""The data of a dataset are destroyed, for ever, and the platform signs that they are.

noted, and everything under way stopped, in one transaction -> notebooks and extracts end -> the engine destroys the
keys and removes the files -> certificate. What breaks off goes on at the next start; nothing uses the data meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.audit import Entry, Event
from sandbox.domain.destruction import Destruction, certificate, check_destroyable, check_not_destroyed
from sandbox.domain.errors import NotFound, OperatorError
from sandbox.domain.people import Person
from sandbox.domain.plain_text import plain_text
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.suspension import Suspension
from sandbox.flows.extracts import Extracts
from sandbox.flows.published import decided_by, published
from sandbox.flows.suspend_dataset import SuspendDataset
from sandbox.privacy.engine import Engine
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class DestroyData:
    """The journey's parts."""

    store: Store
    engine: Engine
    suspending: SuspendDataset
    extracts: Extracts

    def __call__(self, person: Person, dataset: str, *, typed: str, reason: str) -> Destruction:
        """Destroy a dataset's data.

        Args:
            typed: the dataset's name once more, as the person wrote it.
            reason: in words that everybody may read.

        Raises:
            NotAllowed: neither its owner nor an administrator.
            BadInput: another name was typed, or the dataset keeps no closed data.
            Conflict: they were destroyed before.
            OperatorError: the engine does not answer. Once begun, it is finished at the next start.
        """
        check_destroyable(decided_by(self.store, person, dataset), typed=typed)
        reason = plain_text(reason, where="reason", least=5, most=500)
        begun = self.store.destructions.get(dataset)
        if begun is not None and not begun.finished:
            return self._finish(dataset)
        if begun is None and self.engine.data_key(dataset=dataset) is None:
            raise OperatorError("The engine keeps files as they are.", fix="Start it with a folder of keys.")
        about = f"dataset:{dataset}"
        with self.store.transaction():
            self.store.destructions.begin(
                dataset,
                reason=reason,
                asked_by=person.name,
                event=Event(person.name, "dataset.destruction_begun", about, {"reason": reason}),
            )
            suspension = self._suspend(person, dataset, reason)
        self.suspending.stop_notebooks(suspension)
        return self._finish(dataset)

    def go_on(self) -> tuple[Destruction, ...]:
        """Finish what was broken off; returns what was. Not raised: a stopped engine."""
        finished = []
        for destruction in self.store.destructions.unfinished():
            try:
                finished.append(self._finish(destruction.dataset))
            except OperatorError:
                break
        return tuple(finished)

    def asked_about(self, person: Person, dataset: str) -> DatasetPolicy:
        """The dataset that somebody may destroy the data of.

        Raises:
            NotAllowed, BadInput: as when it is done.
            Conflict: they were destroyed.
        """
        policy = decided_by(self.store, person, dataset)
        check_destroyable(policy, typed=dataset)
        check_not_destroyed(self.store.destructions.get(dataset))
        return policy

    def of(self, dataset: str) -> Destruction | None:
        """The destruction of a dataset's data, begun or done; None where they are there."""
        return self.store.destructions.get(dataset)

    def certificate(self, dataset: str) -> Mapping[str, Any]:
        """The certificate, for everybody who sees the dataset: what was destroyed, and the platform's signature.

        Raises:
            NotFound: no such dataset, or its data are there.
        """
        published(self.store, dataset)
        found = self.store.destructions.get(dataset)
        if found is None or not found.finished:
            raise NotFound(f"The data of {dataset} were not destroyed.")
        return {
            "certificate": found.certificate,
            "signature": found.signature,
            "public_key": self.store.signer.public_pem.decode(),
        }

    def _suspend(self, person: Person, dataset: str, reason: str) -> Suspension:
        made = Suspension(dataset=dataset, reason=f"Its data were destroyed: {reason}", made_by=person.name)
        for held in self.store.suspensions.of(dataset):
            if held.whole and not held.objection:
                self.suspending.end(held, actor=person.name, reason=made.reason)
        return self.suspending.begin(made, actor=person.name)

    def _finish(self, dataset: str) -> Destruction:
        self.extracts.remove_of(dataset)
        keys = self.engine.destroy(dataset=dataset)
        snapshots = [version.snapshot for version in self.store.datasets.versions(dataset)]

        def certified(destruction: Destruction, entry: Entry) -> dict[str, Any]:
            return certificate(destruction, keys=keys, snapshots=snapshots, entry=entry)

        event = Event("system:keys", "dataset.destroyed", f"dataset:{dataset}", {"keys": list(keys)})
        done = self.store.destructions.finish(dataset, certified=certified, event=event)
        self.extracts.remove_of(dataset)  # one that was being made meanwhile
        return done
