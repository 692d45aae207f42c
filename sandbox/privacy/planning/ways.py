"""The same question, measured in different ways: each has its own best bounds, and the best of them is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.domain.privacy_loss import Accounting
from sandbox.domain.question import MeasureKind, Question
from sandbox.privacy.planning.crowd import Crowd, crowd_of
from sandbox.privacy.planning.measurements import Recipe, Target, What
from sandbox.privacy.planning.profile import Profile

_USUAL_CELLS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a choice is made for."""

    question: Question
    cells: int
    recipes: tuple[Recipe, ...]
    targets: tuple[Target, ...]
    nano: int  # of all targets together
    accounting: Accounting
    profile: Profile
    shown_by: str = ""  # the target by which unlisted keys are shown

    def target(self, name: str) -> Target:
        return next(t for t in self.targets if t.name == name)

    @property
    def usual_cells(self) -> int:
        """In how many cells the rows are, for weighing errors: nobody knows how many unlisted keys there are."""
        return min(self.cells, _USUAL_CELLS) if self.shown_by else self.cells

    @property
    def payable(self) -> bool:
        """True when there is something of the price for each target."""
        return self.nano >= len(self.targets)

    @property
    def crowd(self) -> Crowd:
        columns = {t.column for t in self.targets if t.column}
        # A key that is worked out from a column has cells of its own, which the profile does not know.
        keys = [key.column if getattr(key, "form", None) is None else "" for key in self.question.keys]
        return crowd_of(self.profile, tuple(keys), tuple(sorted(columns)))


def uncentred(setting: Setting) -> Setting:
    """The same question with sums that stand behind averages measured as they are, not from the middle.

    A centred value is at most half as large. But where values are far below their bound, a unit's sum can be cut much
    lower than a centred one, which is large for every unit.
    """
    plain = {MeasureKind.SUM, MeasureKind.AVG}
    kept = {name for recipe in setting.recipes if recipe.measure.kind not in plain for name in recipe.targets}
    moved = {t.name for t in setting.targets if t.what is What.CENTRED} - kept
    return replace(
        setting,
        targets=tuple(replace(t, middle=0) if t.name in moved else t for t in setting.targets),
        recipes=tuple(replace(r, middle=0) if r.total in moved else r for r in setting.recipes),
    )


def apart(setting: Setting) -> Setting:
    """The same question with a sum measured apart from the average of the same column.

    One measurement more, and less of the price for each. But an average bears a tight bound, which lets each unit
    speak with a few rows, where a sum loses what is left out.
    """
    recipes, added = [], {}
    for recipe in setting.recipes:
        target = setting.target(recipe.total)
        if recipe.measure.kind is MeasureKind.SUM and target.what is What.CENTRED:
            target = replace(target, what=What.SUM, middle=0)
            added[target.name] = target
            recipe = replace(recipe, total=target.name, count="", middle=0)
        recipes.append(recipe)
    used = {name for recipe in recipes for name in recipe.targets}
    used.add(setting.shown_by)
    targets = (*(t for t in setting.targets if t.name in used), *added.values())
    return replace(setting, recipes=tuple(recipes), targets=targets)
