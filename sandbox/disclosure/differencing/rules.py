"""Numbers that single out a few units together: of one request, and of all releases and requests of the data."""

from __future__ import annotations

from dataclasses import replace

from sandbox.disclosure.mark import Rule
from sandbox.disclosure.sources import SECONDARY
from sandbox.domain.findings import Verdict

ISOLATED = Rule(
    "differencing",
    Verdict.FAIL,
    "Leave the number out, merge groups so that both releases count the same people, or round all counts to 10.",
    SECONDARY,
    says="A number that, solved together with others that left or are in review, leaves a group of at least one unit "
    "and fewer than the threshold. It is told as from rows where one of them is another project's.",
    limits=("threshold",),
)
MAY_ISOLATE = replace(
    ISOLATED,
    verdict=Verdict.REVIEW,
    says="The same, where one of the numbers may still be withdrawn, or was counted at another time.",
)
GUESSED = replace(
    MAY_ISOLATE,
    fix="Give the question (sql) that made each table: then it is known whom it counts.",
    says="The same, where whom a number counts is known by its labels alone.",
)
CONTRADICTION = Rule(
    "contradiction",
    Verdict.REVIEW,
    "See whether a filter is missing from a question; until then nothing can be said about differences.",
    SECONDARY,
    says="Numbers that cannot all be true of the people whom they are said to count.",
)
UNSETTLED = Rule(
    "differencing_unsettled",
    Verdict.REVIEW,
    "Nothing to mend: by twos and threes all were compared.",
    SECONDARY,
    says="More earlier numbers than can be solved together: a person looks at those that were compared by twos and "
    "threes alone.",
)
