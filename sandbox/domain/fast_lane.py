"""The way out without a vote: outputs that consist wholly of private answers, where the agreement lets them leave so.

- Whoever reads raw rows takes no fast lane: which of an answer's rows and digits they show could say something of rows.
- A share is looked at all the same. Which one depends on the answers and a secret of the installation: nobody can tell
  before, and sending the same answers again, in other files, leads to the same draw.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from sandbox.domain.canonical import canonical_json
from sandbox.domain.findings import Finding, Verdict

PRIVATE_ANSWER = "private_answer"  # the check that recognises one


class FastLane(StrEnum):
    """What may leave without a vote; an earlier one is looser."""

    ANSWERS = "answers"
    NONE = "none"


def wholly_answers(names: Collection[str], findings: Sequence[Finding]) -> bool:
    """Whether every output was recognised as a private answer, and no check has anything else to say.

    Args:
        names: of the outputs; a declaration beside them is none.
    """
    recognised = {f.file for f in findings if f.check == PRIVATE_ANSWER and f.verdict is Verdict.PASS}
    return bool(names) and recognised == set(names) and all(f.verdict is Verdict.PASS for f in findings)


def sampled(secret: bytes, *, project: str, answers: Mapping[str, int], percent: int) -> bool:
    """Whether people look at it all the same.

    Args:
        secret: the installation's own.
        answers: the question that each output is the answer to.
        percent: of all such requests (0-100, percent).
    """
    drawn_by = canonical_json({"project": project, "questions": sorted(set(answers.values()))})
    draw = int.from_bytes(hmac.digest(secret, b"fast lane\n" + drawn_by, hashlib.sha256)[:8], "big")
    return draw * 100 < percent << 64
