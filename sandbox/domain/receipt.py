"""A receipt: the platform's signature under a private answer, so that it is recognised anywhere.

- It signs question, version of the data, price, the answer's hash, and where ledger and log tell of it.
- It names nobody. An answer without its receipt, or with another's, is not recognised.
- Numbers are signed as they were sent: an answer's hash is that of its document without blanks.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.answer import document_to_bytes
from sandbox.domain.canonical import canonical_json, sha256_hex
from sandbox.domain.errors import BadInput, Tampered

FORMAT = "sandbox-receipt-v1"
_MEMBERS = frozenset(
    {
        "format",
        "dataset",
        "question",
        "snapshot",
        "price",
        "charged_nano",
        "answer_sha256",
        "kept_sha256",
        "asked_at",
        "ledger",
        "log",
    }
)
Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], None]  # takes (signature, message), raises Tampered


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is signed.

    Attributes:
        question: canonical SQL.
        price: ``nano`` of its ``accounting``, and ``atto_delta``: what the answer is worth.
        charged_nano: what this call took; 0 when an earlier answer served, or what was measured before.
        kept_sha256: of the bytes in the ledger, as the log has it.
        asked_at: ISO 8601, UTC.
        ledger: the question's number.
        log: the entry that holds ``kept_sha256``.
    """

    dataset: str
    question: str
    snapshot: str
    price: Mapping[str, str | int]
    charged_nano: int
    answer_sha256: str
    kept_sha256: str
    asked_at: str
    ledger: int
    log: int

    def document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "dataset": self.dataset,
            "question": self.question,
            "snapshot": self.snapshot,
            "price": dict(self.price),
            "charged_nano": self.charged_nano,
            "answer_sha256": self.answer_sha256,
            "kept_sha256": self.kept_sha256,
            "asked_at": self.asked_at,
            "ledger": self.ledger,
            "log": self.log,
        }

    def lines(self) -> tuple[str, ...]:
        """What it proves, for people."""
        worth = self.price.get("nano", 0)
        return (
            f"asked of {self.dataset} on {self.asked_at}: {self.question}",
            f"on version {self.snapshot}",
            f"worth {worth} nano ({self.price.get('accounting', 'zcdp')}), {self.charged_nano} of it charged now",
            f"question {self.ledger} of the ledger; its answer's hash is entry {self.log} of the log",
        )


def answer_hash(answer: Mapping[str, Any]) -> str:
    """SHA-256 of an answer's document, 64 hex digits."""
    return sha256_hex(document_to_bytes(answer))


def price_of_answer(answer: Mapping[str, Any]) -> dict[str, str | int]:
    """The part of an answer's price that is text and whole numbers."""
    price = answer.get("price") or {}
    return {name: price[name] for name in ("accounting", "nano", "atto_delta") if name in price}


def signed(receipt: Receipt, sign: Sign) -> dict[str, Any]:
    """The receipt as it is sent: its members, and an Ed25519 ``signature`` in Base64."""
    document = receipt.document()
    return {**document, "signature": base64.b64encode(sign(_message(document))).decode()}


def check_receipt(answer: object, receipt: object, verify: Verify) -> Receipt:
    """Check an answer against its receipt. Offline: the platform's public key is all that is needed.

    Args:
        answer: its document.
        receipt: as ``signed`` made it.

    Raises:
        BadInput: one of the two is none.
        Tampered: the signature does not hold, or the answer is another one.
    """
    if not isinstance(answer, Mapping) or "rows" not in answer:
        raise BadInput("There is no answer in it.", where="answer", fix="Save it with 'answer.save(path)'.")
    found = check_signed(receipt, verify)
    try:
        digest = answer_hash(answer)
    except (ValueError, TypeError, RecursionError) as broken:
        raise Tampered("The answer cannot be read.", place="answer") from broken
    if digest != found.answer_sha256:
        raise Tampered("The answer is not the one that the receipt was given for.", place="answer")
    return found


def check_signed(receipt: object, verify: Verify) -> Receipt:
    """Check a receipt alone; see ``check_receipt``."""
    if not isinstance(receipt, Mapping) or receipt.get("format") != FORMAT:
        raise BadInput("There is no receipt in it.", where="receipt", fix="Save it with 'answer.save(path)'.")
    members = {name: value for name, value in receipt.items() if name != "signature"}
    if set(members) != _MEMBERS:
        raise Tampered("The receipt has more or less in it than was signed.", place="receipt")
    try:
        signature = base64.b64decode(str(receipt.get("signature", "")), validate=True)
        message = _message(members)
    except (binascii.Error, ValueError, TypeError) as broken:
        raise Tampered("The receipt cannot be read.", place="receipt") from broken
    verify(signature, message)
    return Receipt(**{name: value for name, value in members.items() if name != "format"})


def _message(members: Mapping[str, Any]) -> bytes:
    # The prefix keeps a signature made for one purpose from being used for another.
    return FORMAT.encode() + b"\n" + canonical_json(dict(members))
