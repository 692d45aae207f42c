"""The datasets that everybody may know of, in a few words each: what the public lists say about them.

The list is put together once for each change, however often it is looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sandbox.flows.published import no_such_dataset
from sandbox.store import Store
from sandbox.store.catalogue import ListedDataset


@dataclass(slots=True)
class _Kept:
    """The list as it was put together last."""

    generation: tuple[int, ...] = ()
    all: Mapping[str, ListedDataset] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The journey's parts."""

    store: Store
    _kept: _Kept = field(default_factory=_Kept, compare=False, repr=False)

    def all(self) -> Mapping[str, ListedDataset]:
        """All of them by name, in order of their titles."""
        generation = (
            self.store.datasets.generation()
        )  # before the list: a change in between is seen next time
        with self._kept.lock:
            if self._kept.generation != generation:
                self._kept.all = MappingProxyType({one.name: one for one in self.store.catalogue.listed()})
                self._kept.generation = generation
            return self._kept.all

    def get(self, name: str) -> ListedDataset:
        """One of them.

        Raises:
            NotFound: none of this name.
        """
        found = self.all().get(name)
        if found is None:
            raise no_such_dataset(name)
        return found
