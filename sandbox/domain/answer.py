"""An answer as a value and as the bytes that are stored, and sent again to whoever asks the same.

Stored bytes have one more member at their end, which is not sent: what was measured
(``sandbox.privacy.answering.measured``).

Numbers are noisy: a count may be below zero, and a total need not equal the sum of its parts. Both are left
as they are, because repairing them would bend averages of many answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.domain.policy import Scalar

Number = int | float
_FORM = b'{"form":'
_MEASURED = b',"measured":' + _FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerColumn:
    """One column of an answer, key or measure, in the asked order.

    Attributes:
        kind: ``key``, ``count``, ``sum``, ``avg``, or ``derived`` for what was reckoned from others.
        error_95: the noise is within ± this in 95 of 100 cells; None for keys and where it differs by cell.
        measured_in: the unit of measure, in words.
    """

    name: str
    kind: str
    error_95: Number | None
    measured_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """A noisy value with its 95 % interval; all None where the noise leaves nothing to say."""

    value: Number | None
    low: Number | None
    high: Number | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What the answer cost: exact, and as people read it.

    Attributes:
        nano: billionths of ρ under ``zcdp``, of ε under ``pure``.
        atto_delta: what showing unlisted keys spent, in 1e-18.
        epsilon: what that guarantees at ``delta``.
    """

    accounting: str
    nano: int
    atto_delta: int
    epsilon: float
    delta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundingUsed:
    """How much one unit could change the answer at most."""

    plan: str  # ``rows`` or ``groups``
    rows_per_unit: int
    groups_per_unit: int | None  # None where a unit may be in all
    text: str
    estimated_loss_percent: float | None = None  # of the total, from the profile; None where none was bought


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything that leaves for one question."""

    question: str  # canonical SQL
    dataset: str
    snapshot: str
    columns: tuple[AnswerColumn, ...]
    rows: tuple[Mapping[str, Scalar | Estimated], ...]
    price: Price
    bounding: BoundingUsed
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The answer as a JSON value."""
        return {
            "question": self.question,
            "dataset": self.dataset,
            "snapshot": self.snapshot,
            "columns": [
                {"name": c.name, "kind": c.kind, "error_95": c.error_95, "measured_in": c.measured_in}
                for c in self.columns
            ],
            "rows": [{name: _cell(value) for name, value in row.items()} for row in self.rows],
            "price": {
                "accounting": self.price.accounting,
                "nano": self.price.nano,
                "atto_delta": self.price.atto_delta,
                "epsilon": self.price.epsilon,
                "delta": self.price.delta,
            },
            "bounding": {
                "plan": self.bounding.plan,
                "rows_per_unit": self.bounding.rows_per_unit,
                "groups_per_unit": self.bounding.groups_per_unit,
                "text": self.bounding.text,
                "estimated_loss_percent": self.bounding.estimated_loss_percent,
            },
            "notes": list(self.notes),
        }


def to_bytes(answer: Answer) -> bytes:
    """The answer as UTF-8 JSON without spaces."""
    return document_to_bytes(answer.document())


def document_to_bytes(document: Mapping[str, Any]) -> bytes:
    """An answer's JSON value as UTF-8 without spaces."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def document_of(data: bytes) -> dict[str, Any]:
    """The JSON value of stored answer bytes.

    Raises:
        ValueError: the bytes are no answer.
    """
    document = json.loads(data)
    if not isinstance(document, dict) or "rows" not in document or "columns" not in document:
        raise ValueError("these bytes are no answer")
    return document


def stored(answer: bytes, measured: bytes) -> bytes:
    """An answer's bytes as they are kept: with what was measured as its last member.

    Args:
        measured: a JSON object whose first member is ``form``.
    """
    return answer[:-1] + _MEASURED.removesuffix(_FORM) + measured + b"}"


def shown(data: bytes) -> bytes:
    """What people see of stored bytes. (Within a text of JSON, quotes are escaped: the mark stands nowhere else.)"""
    before, mark, _ = data.rpartition(_MEASURED)
    return before + b"}" if mark else data


def measured_part(data: bytes) -> bytes | None:
    """What was measured, as JSON; None where it was not kept."""
    _, mark, after = data.rpartition(_MEASURED)
    return _FORM + after[:-1] if mark else None


def _cell(value: Scalar | Estimated) -> Any:
    if isinstance(value, Estimated):
        return {"value": value.value, "low": value.low, "high": value.high}
    return value
