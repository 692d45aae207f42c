"""What each person sees of the log, and the proofs that go with it. Reading only.

Heads and what proves that one begins with another are for anybody: they hold hashes, and tell of no entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.domain.audit import Entry, Event
from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, NotAllowed, NotFound
from sandbox.domain.log_sight import Sight, sight_of
from sandbox.domain.people import Person
from sandbox.domain.tree_head import ConsistencyProof, EntryProof, TreeHead
from sandbox.flows.blinding import Blinding
from sandbox.store import Sought, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedEntry:
    """An entry with the head that it is proved under."""

    proof: EntryProof
    head: TreeHead


@dataclass(frozen=True, slots=True, kw_only=True)
class LogViews:
    """The journey's parts."""

    store: Store

    def page(
        self, person: Person, *, before: int | None = None, limit: int = 100, action: str = ""
    ) -> tuple[Entry, ...]:
        """The entries that this person may see, newest first."""
        if not 1 <= limit <= 500:
            raise BadInput("limit is 1 to 500.", where="limit")
        blind = Blinding(self.store, person)
        found = self.store.log_entries.of(
            self._sight(person), Sought(action=action), before=before, limit=limit
        )
        return tuple(blind(entry) for entry in found)

    def prove(self, person: Person, seq: int) -> ProvedEntry:
        """One entry, proved under the newest kept head.

        Raises:
            NotFound: no such entry, or not this person's to see, or younger than the head.
        """
        if not 0 < seq < 2**63 or not self.store.log_entries.sees(self._sight(person), seq):
            raise NotFound(f"You see no entry {seq} of the log.")
        head = self.head()
        for proof in self.store.log_tree.prove((seq,), head):
            if _hidden(proof, Blinding(self.store, person)):
                raise NotAllowed(
                    f"Entry {seq} says who reviewed, which you do not learn; a proof would show it.",
                    clause="blinded review",
                )
            return ProvedEntry(proof=proof, head=head)
        raise NotFound(f"There is no entry {seq}.")

    def export(self, person: Person, *, whole: bool = False) -> Iterator[bytes]:
        """All that this person may see, as JSON Lines: the newest kept head, then each entry with its proof.

        Args:
            whole: with who reviewed, for the operator, who has the database.
        """
        head = self.head()
        sight = self._sight(person)
        numbers = self.store.log_entries.numbers(sight, up_to=head.size)
        return self._lines(head, numbers, None if whole else Blinding(self.store, person))

    def head(self) -> TreeHead:
        """The newest kept head.

        Raises:
            NotFound: none was kept yet.
        """
        head = self.store.log_tree.heads.newest()
        if head is None:
            raise NotFound(
                "No head of the log was kept yet.", fix="The operator keeps one with 'sandbox audit head'."
            )
        return head

    def consistency(self, old_size: int, new_size: int | None) -> ConsistencyProof:
        """That a kept head's log goes on as another's; the newest when ``new_size`` is left out."""
        return self.store.log_tree.consistency(old_size, self.head().size if new_size is None else new_size)

    def _lines(self, head: TreeHead, numbers: tuple[int, ...], blind: Blinding | None) -> Iterator[bytes]:
        yield canonical_json(head.document()) + b"\n"
        for proof in self.store.log_tree.prove(numbers, head):
            if blind is None or not _hidden(proof, blind):
                yield canonical_json(proof.document()) + b"\n"

    def _sight(self, person: Person) -> Sight:
        owned = self.store.datasets.owned_by(person.name)
        return sight_of(person, owned=owned)


def _hidden(proof: EntryProof, blind: Blinding) -> bool:
    """Whether the entry holds what this reader must not know."""
    facts = json.loads(proof.facts)
    entry = Entry(proof.seq, proof.at, Event(proof.actor, proof.action, proof.object, facts), "", "")
    return blind(entry) != entry
