"""What stored answers spare of a new one: all of it, or a part of its price.

- The same question at this price, or at a better one, is served as it is.
- What follows from the noisy cells of a stored answer, and is as exact as the price would buy, costs nothing.
- The same question at a lower price is refined: only the difference is charged.

Stored answers are those to anybody about the same version: what left is public, and is found by everybody alike.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.access import Grant
from sandbox.domain.answer import shown
from sandbox.domain.audit import Event
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import QuestionRefused
from sandbox.domain.people import Person
from sandbox.domain.question import Question
from sandbox.flows.published import Published
from sandbox.privacy.answering import deriving
from sandbox.privacy.answering.deriving import Derivation, Source, best_derivation
from sandbox.privacy.answering.measured import Measured, measured_of
from sandbox.privacy.answering.reuse import Refinement, Wanted, refinement
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.planning.remembered import Remembered
from sandbox.store.ledger import Ledger, question_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A stored answer, as its bytes."""

    id: int
    body: bytes
    cached: bool

    def document(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Spared:
    """What stored answers spare: ``served`` and ``derived`` all of it, ``refined`` a part of the price."""

    served: bool = False
    derived: Derivation | None = None
    refined: Refinement | None = None

    @property
    def free(self) -> bool:
        return self.served or self.derived is not None


@dataclass(frozen=True, slots=True)
class ReuseAnswers:
    """The journey's parts.

    Args:
        questions: stored questions that were read before.
    """

    ledger: Ledger
    questions: Remembered[Question | None]

    def spared(self, dataset: Published, wanted: Wanted, *, free: bool = False) -> Spared:
        """What stored answers spare.

        Args:
            free: take what follows, however exact it is.
        """
        worth = wanted.planned.loss
        if worth.atto_delta:
            return Spared()
        kept = self.ledger.kept(
            dataset=dataset.policy.name, snapshot=dataset.snapshot, policy_hash=dataset.policy_hash
        )
        name = question_hash(wanted.canonical, wanted.bounds)
        same = sorted((k for k in kept if k.question_hash == name), key=lambda k: (-k.price.nano, k.id))
        if same and same[0].price.nano >= worth.nano:
            return Spared(served=True)
        sources = (
            Source(number=k.id, question=question, measured=functools.partial(self._measured, k.id))
            for k in reversed(kept)
            if (question := self._question(dataset, k.canonical)) is not None
        )
        derivation = best_derivation(wanted, sources, anyhow=free)
        if derivation is not None:
            return Spared(derived=derivation)
        measured = self._measured(same[0].id) if same else None
        return Spared(refined=None if measured is None else refinement(wanted, measured))

    def derived(
        self,
        person: Person,
        grant: Grant,
        dataset: Published,
        wanted: Wanted,
        found: Derivation,
        idempotency_key: str,
        permitted: Mapping[str, str],
    ) -> Answered:
        """Keep a derived answer, which costs nothing, and give it.

        Args:
            permitted: what permits it, for the log.
        """
        kept = self.ledger.keep_derived(
            grant=grant,
            lineage=dataset.policy.budget_lineage,
            snapshot=dataset.snapshot,
            policy_hash=dataset.policy_hash,
            canonical=wanted.canonical,
            bounds=wanted.bounds,
            idempotency_key=idempotency_key,
            answer=deriving.derived(wanted, found),
            event=Event(
                actor=person.name,
                action="question.derived",
                object=f"dataset:{dataset.policy.name}",
                facts={
                    "grant": grant.id,
                    "question_sha256": sha256_hex(wanted.canonical.encode()),
                    **permitted,
                },
            ),
        )
        assert kept.answer is not None  # noqa: S101 - what is derived is answered
        body = deriving.as_asked(wanted, found, shown(kept.answer))
        return Answered(id=kept.question_id, body=body, cached=True)

    def _question(self, dataset: Published, canonical: str) -> Question | None:
        """A stored question, read again; None where this version of the program reads it no more."""

        def make() -> Question | None:
            try:
                return parse(canonical, dataset.policy)
            except QuestionRefused:
                return None

        return self.questions.get((dataset.policy_hash, canonical), make)

    def _measured(self, question_id: int) -> Measured | None:
        return measured_of(self.ledger.answer(question_id))
