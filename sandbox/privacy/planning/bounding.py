"""How much of one unit a question looks at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.errors import BadInput


class BoundingPlan(StrEnum):
    ROWS = "rows"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounding:
    """What one unit may contribute at most.

    ``rows``: the unit's rows with rank below ``rows_per_unit``, a plain filter.
    ``groups``: the same rows; their aggregate within each cell of the answer is cut to what ``rows_per_group`` rows
    could give, or to what ``cuts`` says; and only ``groups_per_unit`` cells are kept, those whose first row has the
    lowest rank.

    The rank was drawn at random within each unit when the table was published. It depends on no other unit, so that
    adding a unit changes nothing about what is kept of the others.

    Attributes:
        rows_per_unit: at least 1; the view holds no more than the policy's ``max_rows_per_unit``.
        groups_per_unit: at least 1; cells of the answer.
        rows_per_group: at least 1.
        cuts: for ``groups``: by a target's name, the most that a unit adds to one cell of it, in the target's steps.
    """

    plan: BoundingPlan
    rows_per_unit: int
    groups_per_unit: int
    rows_per_group: int
    cuts: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if any(cut < 1 for _, cut in self.cuts):
            raise BadInput("a cut has to be at least 1.", where="cuts", fix="Use 1, 2, 3 …")
        for name in ("rows_per_unit", "groups_per_unit", "rows_per_group"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} has to be at least 1.", where=name, fix="Use 1, 2, 3 …")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundingLoss:
    """What a bounding is expected to take away, from the profile.

    Attributes:
        percent: of the total; of the aggregate that loses most (0-100).
        over_noise: True when that is more, for some aggregate, than the noise is.
        moves: True where only averages and the like are asked, which rows that are left out do not take from but move;
            of a quantile, in ranks.
    """

    percent: float
    over_noise: bool
    moves: bool = False

    @property
    def text(self) -> str:
        """The same as a sentence."""
        about = f"about {self.percent:.2g} %"
        if self.moves:
            return (
                f"Leaving out rows of those with many is estimated to move the values by {about}."
                if self.percent
                else "The bounds move the values next to nothing."
            )
        if not self.percent:
            return "The bounds leave out next to nothing."
        return f"The bounds leave out {about} of the total, or less."


def rows_plan(*, rows_per_unit: int, cells: int) -> Bounding:
    """Keep a unit's first rows, wherever in the answer they fall."""
    return Bounding(
        plan=BoundingPlan.ROWS,
        rows_per_unit=rows_per_unit,
        groups_per_unit=min(rows_per_unit, cells),
        rows_per_group=rows_per_unit,
    )


def groups_plan(
    *,
    rows_per_unit: int,
    cells: int,
    groups_per_unit: int,
    rows_per_group: int,
    cuts: tuple[tuple[str, int], ...] = (),
) -> Bounding:
    """Cut what a unit gives to each cell, and in how many cells it counts."""
    return Bounding(
        plan=BoundingPlan.GROUPS,
        rows_per_unit=rows_per_unit,
        groups_per_unit=min(groups_per_unit, rows_per_unit, cells),
        rows_per_group=min(rows_per_group, rows_per_unit),
        cuts=cuts,
    )
