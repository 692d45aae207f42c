"""What was spent of a budget, as the points of a small picture. Drawn by the template; no script, no style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.flows.grant_views import Spent

WIDTH, HEIGHT = 600.0, 120.0  # of the plot, in the picture's own units


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A line that rises with each question, in the picture's units; y grows downwards.

    Attributes:
        line: the points of a polyline.
        area: the same, closed along the foot.
    """

    line: str
    area: str
    first_at: str
    last_at: str


def spending(spent: Sequence[Spent]) -> Steps | None:
    """The budget's use, question by question; None where nothing was asked yet. The upper edge is all of it.

    Shares and not ε, which does not add up: two questions of ε = 1 cost less than ε = 2 together.

    >>> steps = [Spent(at="2026-01-05", epsilon=1.0, percent=25), Spent(at="2026-01-06", epsilon=1.4, percent=50)]
    >>> spending(steps).line
    '0,120 0,90 300,90 300,60 600,60'
    """
    if not spent:
        return None
    each = WIDTH / len(spent)
    points, level = [(0.0, HEIGHT)], HEIGHT
    for number, one in enumerate(spent):
        left, level = number * each, HEIGHT * (1 - min(one.percent, 100) / 100)
        points += [(left, level), (left + each, level)]
    line = " ".join(f"{x:g},{y:g}" for x, y in _rounded(points))
    return Steps(
        line=line,
        area=f"{line} {WIDTH:g},{HEIGHT:g}",
        first_at=spent[0].at,
        last_at=spent[-1].at,
    )


def _rounded(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    return [(round(x, 1), round(y, 1)) for x, y in points]
