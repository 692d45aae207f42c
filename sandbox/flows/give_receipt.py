"""A receipt for an answer that leaves, and for each answer behind a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain import receipt
from sandbox.domain.access import Grant
from sandbox.domain.answer import document_of, shown
from sandbox.domain.budget import ChargeState
from sandbox.domain.errors import NotFound
from sandbox.domain.receipt import Receipt
from sandbox.domain.release import Release
from sandbox.flows.reuse_answers import Answered
from sandbox.store import Charge, Store


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
        if line is None:
            raise NotFound(f"There is no question {answered.id}.")
        return self._signed(line, answered.document())

    def behind(self, release: Release, grant: Grant) -> tuple[dict[str, Any], ...]:
        """Receipts of the private answers whose questions stand behind a release's files, in the ledger's order.

        Only the requester's own answers count: what others asked is not told by a crate.
        """
        asked = {file.sql for file in release.files if file.sql}
        if not asked:
            return ()
        return tuple(
            self._signed(line, document_of(shown(self.store.ledger.answer(line.id))))
            for line in self.store.ledger.lines_of(grant.id)
            if line.state is ChargeState.RELEASED and line.canonical in asked
        )

    def _signed(self, line: Charge, answer: Mapping[str, Any]) -> dict[str, Any]:
        kept = line if line.same_as is None else self.store.ledger.line(line.same_as)
        made = Receipt(
            dataset=line.dataset,
            question=line.canonical,
            snapshot=line.snapshot,
            price=receipt.price_of_answer(answer),
            charged_nano=line.cost.nano,
            answer_sha256=receipt.answer_hash(answer),
            kept_sha256=kept.answer_sha256 if kept is not None else "",
            asked_at=line.asked_at,
            ledger=line.id,
            log=self.store.log_entries.answered(kept.id if kept is not None else line.id),
        )
        return receipt.signed(made, self.store.signer.sign)
