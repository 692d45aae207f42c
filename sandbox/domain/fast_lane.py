"""The way out without a vote, where the agreement opens it: for private answers, and for outputs as they were planned.

- Whoever reads raw rows takes no fast lane with answers: which of an answer's rows and digits they show could say
  something of rows.
- Whoever may only ask takes none with planned outputs: that one leaves would be a free exact answer.
- Of a planned output nothing is its sender's choice: name and question stand in the signed plan, its bytes are those
  that the platform writes itself, the words beside it are always the same, and every check passes.
- A share is looked at all the same. Which one depends on the answers and a secret of the installation: nobody can tell
  before, and sending the same answers again, in other files, leads to the same draw.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from sandbox.domain.canonical import canonical_json
from sandbox.domain.findings import Finding, Verdict

PRIVATE_ANSWER = "private_answer"  # the check that recognises one
REPRODUCED = "reproduced"  # the check that computed a table again


class FastLane(StrEnum):
    """What may leave without a vote; an earlier one is looser."""

    PLANNED = "planned"  # these, and answers
    ANSWERS = "answers"
    NONE = "none"


AS_PLANNED = "These are outputs as they were planned."  # the context of a request for the lane
_PLANNED = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9_-]{0,60}\.csv)\s*:\s*(SELECT\s.+?)\s*;?\s*", re.IGNORECASE)


def planned_outputs(plan: str) -> dict[str, str]:
    """The files that a signed plan names with the question behind each, one a line; all else in it is for people.

    >>> planned_outputs("Counts for the report.\\nby_sex.csv: SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex")
    {'by_sex.csv': 'SELECT sex, COUNT(*) AS n FROM loans GROUP BY sex'}
    """
    found: dict[str, str] = {}
    for line in plan.splitlines():
        if (match := _PLANNED.fullmatch(line)) is not None and match[1] not in found:
            found[match[1]] = match[2]
    return found


def all_passed(names: Collection[str], findings: Sequence[Finding]) -> bool:
    """Whether every output was computed again and found to be so, and no check has anything else to say."""
    held = {f.file for f in findings if f.check == REPRODUCED and f.verdict is Verdict.PASS}
    return bool(names) and held == set(names) and all(f.verdict is Verdict.PASS for f in findings)


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
        answers: the question that each output is the answer to, or another number that stands for it.
        percent: of all such requests (0-100, percent).
    """
    drawn_by = canonical_json({"project": project, "questions": sorted(set(answers.values()))})
    draw = int.from_bytes(hmac.digest(secret, b"fast lane\n" + drawn_by, hashlib.sha256)[:8], "big")
    return draw * 100 < percent << 64
