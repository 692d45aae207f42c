"""The datasets that everybody may know of, in a few words each: what the public lists say about them.

A policy is read once for each version of it, however often the lists are looked at.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from sandbox.domain.policy import OpenClass
from sandbox.flows.published import no_such_dataset
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDataset:
    """A dataset as public lists speak of it."""

    name: str
    title: str
    owner: str
    open_class: OpenClass
    lineage: str
    suspended: bool
    hidden: bool = False  # its owner says nothing of it

    @property
    def private(self) -> bool:
        return self.open_class is OpenClass.CONDITIONAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The journey's parts."""

    store: Store
    _read: dict[tuple[str, int], ListedDataset] = field(default_factory=dict, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def all(self) -> dict[str, ListedDataset]:
        """All of them by name, in order of their titles."""
        with self._lock:
            found = [
                self._one(state.name, state.version, state.suspended)
                for state in self.store.datasets.states()
            ]
        shown = (dataset for dataset in found if not dataset.hidden)
        return {dataset.name: dataset for dataset in sorted(shown, key=lambda d: (d.title, d.name))}

    def get(self, name: str) -> ListedDataset:
        """One of them.

        Raises:
            NotFound: none of this name.
        """
        row = self.store.datasets.get(name)
        if row is None or row.policy.hidden:
            raise no_such_dataset(name)
        with self._lock:
            return self._one(name, row.version, row.suspended)

    def _one(self, name: str, version: int, suspended: bool) -> ListedDataset:
        known = self._read.get((name, version))
        if known is None:
            row = self.store.datasets.get(name)
            if row is None:
                raise no_such_dataset(name)
            known = self._read[(name, version)] = ListedDataset(
                name=name,
                title=row.policy.title,
                owner=row.policy.owner,
                open_class=row.policy.open_class,
                lineage=row.policy.budget_lineage,
                suspended=suspended,
                hidden=row.policy.hidden,
            )
        return replace(known, suspended=suspended)
