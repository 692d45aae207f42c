"""A question's text → its answer from the base, as bytes: what is stored, and what is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.domain.answer import Estimated, to_bytes
from sandbox.domain.policy import DatasetPolicy
from sandbox.privacy.answering.finishing import finished
from sandbox.privacy.asking.parse import Asked
from sandbox.privacy.base.answer import answer_from
from sandbox.privacy.base.release import BaseRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """An answer that cost nothing.

    Attributes:
        body: the answer of the question itself: what is stored.
        shown: the same with HAVING, ORDER BY, LIMIT and arithmetic.
        measured: False where a value has no interval, as it is only modelled.
    """

    body: bytes
    shown: bytes
    measured: bool

    @property
    def document(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.shown)
        return value


def free_answer(base: BaseRelease, asked: Asked, policy: DatasetPolicy) -> Free:
    """The answer of a question that was read.

    Raises:
        NotInBase: the base cannot say.
    """
    answer = answer_from(base, asked.question, policy)
    body = to_bytes(answer)
    shown = finished(body, asked.finish, None, question=asked.question) if asked.finish else body
    cells = [value for row in answer.rows for value in row.values() if isinstance(value, Estimated)]
    return Free(body=body, shown=shown, measured=all(cell.low is not None for cell in cells))
