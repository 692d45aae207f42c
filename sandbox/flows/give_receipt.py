"""A receipt for an answer that leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.domain import receipt
from sandbox.domain.errors import NotFound
from sandbox.domain.receipt import Receipt
from sandbox.flows.reuse_answers import Answered
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveReceipt:
    """The journey's parts."""

    store: Store

    def __call__(self, answered: Answered) -> dict[str, Any]:
        """The signed receipt of an answer, for the one it is given to.

        Raises:
            NotFound: the ledger has no such question.
        """
        line = self.store.ledger.line(answered.id)
        kept = line if line is None or line.same_as is None else self.store.ledger.line(line.same_as)
        if line is None or kept is None:
            raise NotFound(f"There is no question {answered.id}.")
        answer = answered.document()
        made = Receipt(
            dataset=line.dataset,
            question=line.canonical,
            snapshot=line.snapshot,
            price=receipt.price_of_answer(answer),
            charged_nano=line.cost.nano,
            answer_sha256=receipt.answer_hash(answer),
            kept_sha256=kept.answer_sha256,
            asked_at=line.asked_at,
            ledger=line.id,
            log=self.store.log_entries.answered(kept.id),
        )
        return receipt.signed(made, self.store.signer.sign)
