"""How the numbers of a column were rounded, and what a reader can conclude from one of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sandbox.disclosure.cells import Number
from sandbox.domain.evidence import Exact

MIDPOINT_SIX = Decimal("6.5")  # no step of its own: 6, and numbers that stand in the middle
# With what is left over of each number; of several that fit, the first.
STEPS = (
    (Decimal(100), 100, 0),
    (Decimal(50), 50, 0),
    (Decimal(10), 10, 0),
    (Decimal(6), 6, 0),
    (Decimal(5), 5, 0),
    (MIDPOINT_SIX, 6, 3),
    (Decimal(3), 3, 0),
)
FEWEST = 4  # numbers that all happen to be multiples of 5: 1 in 625 tables


def rounding_of(numbers: Sequence[Number], exact: Sequence[Exact] = ()) -> Decimal:
    """The step that a column of counts was rounded to; 0 where its numbers are taken as exact.

    Args:
        numbers: those shown.
        exact: beside each, the recomputed number, where there is one: then nothing is guessed.

    Returns:
        A step, or ``MIDPOINT_SIX``.
    """
    values = [n.value for n in numbers if n.value]
    if not values or not all(n.whole for n in numbers):
        return Decimal(0)
    told = [Decimal(str(e)) for e in exact if e is not None]
    if len(told) == len(numbers):
        if all(n.value == e for n, e in zip(numbers, told, strict=True)):
            return Decimal(0)
    elif len(values) < FEWEST:
        return Decimal(0)
    fitting = (step for step, base, rest in STEPS if all(value % base == rest for value in values))
    return next(fitting, Decimal(0))


def concluded(number: Number, step: Decimal) -> tuple[Decimal, Decimal]:
    """The least and the most that a count can be.

    Source of midpoint 6: OpenSAFELY documentation: ceil(x / 6) * 6 - 3, and 0 stays 0.
    """
    value = number.value
    if step == MIDPOINT_SIX:
        return (value - 2, value + 3) if value else (value, value)
    half = step // 2  # whole numbers: 5 comes of 3 to 7, 10 of 5 to 15 (either way of rounding a half)
    return max(Decimal(0), value - half), value + half


def share(number: Number) -> tuple[Decimal, Decimal, Decimal]:
    """A share shown as a number: itself as 0 to 1, the least and the most it can be before it was rounded."""
    scale = Decimal(100) if number.percent else Decimal(1)
    half = Decimal(1).scaleb(-max(number.decimals, 0)) / 2
    low, high = ((number.value + end) / scale for end in (-half, half))
    return number.value / scale, max(Decimal(0), low), min(Decimal(1), high)
