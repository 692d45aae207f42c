"""The limits that the checks hold outputs against: keys of a dataset's policy, and clauses of an agreement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from sandbox.domain.policy_keys import Way
from sandbox.domain.policy_keys import doc as _doc

# What a file may be, by its content. Each has a reader and a writer of ours; nothing else ever leaves.
FILE_TYPES = ("csv", "json", "md", "parquet", "png", "txt", "ipynb")


class Undeclared(StrEnum):
    """What becomes of a file that nobody said what it is."""

    REVIEW = "review"  # a person judges
    REFUSE = "refuse"  # it fails


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckTerms:
    """The limits of the checks, beside ``threshold``."""

    largest_percent: int = _doc(
        "The most of a total that one unit may hold (1-100, percent).", Way.LARGER, default=50
    )
    two_largest_percent: int = _doc("The same for the two largest (percent).", Way.LARGER, default=67)
    nk_percent: int = _doc(
        "Of the absolute values, the most that the two largest may hold (percent).", Way.LARGER, default=90
    )
    p_percent: int = _doc(
        "All but the two largest hold at least this much of the largest, or the second could work the largest out "
        "(percent).",
        Way.SMALLER,
        default=10,
    )
    group_percent: int = _doc(
        "The most of a row or column that one cell may hold (percent).", Way.LARGER, default=90
    )
    residual_df: int = _doc("The fewest residual degrees of freedom of a model.", Way.SMALLER, default=10)
    parameters_percent: int = _doc(
        "The most parameters of a model for each hundred observations.", Way.LARGER, default=33
    )
    attack_auc_percent: int = _doc(
        "The most that an attack may succeed in telling a model's training rows from others: the area under its curve "
        "(50-100, percent; 50 is guessing).",
        Way.LARGER,
        default=65,
    )
    undeclared: Undeclared = _doc(
        "A file without a declaration and without the question behind it.",
        Way.EARLIER,
        default=Undeclared.REVIEW,
    )


def terms_document(terms: CheckTerms) -> dict[str, Any]:
    """The limits as an agreement holds them: whole numbers and text."""
    return {name: str(v) if isinstance(v, Undeclared) else v for name, v in asdict(terms).items()}


def terms_from_document(document: Mapping[str, Any]) -> CheckTerms:
    """The reverse. A limit that the agreement does not name has its default: it was signed before there was one."""
    known = {f.name: document[f.name] for f in fields(CheckTerms) if f.name in document}
    if "undeclared" in known:
        known["undeclared"] = Undeclared(known["undeclared"])
    return CheckTerms(**known)


def check_terms_mistakes(terms: CheckTerms) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(keys from ``release``, what is wrong, what is allowed)."""
    for key in (
        "largest_percent",
        "two_largest_percent",
        "nk_percent",
        "p_percent",
        "group_percent",
        "parameters_percent",
    ):
        if not 1 <= getattr(terms, key) <= 100:
            yield ("checks", key), "is a percentage", "1 to 100"
    if terms.two_largest_percent < terms.largest_percent:
        yield (
            ("checks", "two_largest_percent"),
            "two hold no less than one",
            f"{terms.largest_percent} or more",
        )
    if not 50 <= terms.attack_auc_percent <= 100:
        yield ("checks", "attack_auc_percent"), "an attacker who guesses comes to 50", "50 to 100"
    if terms.residual_df < 1:
        yield ("checks", "residual_df"), "a model without freedom is its rows", "1 or more"


def file_type_mistakes(types: tuple[str, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """(keys, what is wrong, what is allowed) of file types that nothing could read."""
    for place, name in enumerate(types):
        if name not in FILE_TYPES:
            yield (
                ("file_types", place),
                f"there is no reader for {name!r}, so none could leave",
                " | ".join(FILE_TYPES),
            )
