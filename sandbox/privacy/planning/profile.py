"""The contribution profile: how much units contribute, as private histograms that are bought once at publishing.

How a unit has to be bounded depends on how units contribute, which nobody can see without asking the rows. So it is
asked, once, from a declared share of the lineage's budget: histograms over *units*, on public bins, with OpenDP's
noise. A profile is public from then on, and whatever is worked out from it costs nothing.

- ``rows``: units by their number of rows.
- ``peak`` of a key column: units by their rows in the value where they have most.
- ``groups`` of a key column: units by the number of values they are in.
- ``sum`` of a summable column: units by the size of the sum of their clamped values, in steps.
- ``tilt`` of a summable column: by the bins of ``rows``, not how many units there are but the sum of their averages,
  each as its distance from the middle of the column's bounds, in parts of half the range. It says whether units with
  many rows have other values than those with few: what an average would lose if every unit had the same say.

Each unit falls in at most one bin of each histogram (``sensitivity.histogram_squared``), and adds to that of ``tilt``
no more than half the range (``sensitivity.tilt_squared``). ``offer`` decides which histograms at what noise from the
policy alone; ``profiling`` counts and draws; ``choice`` reads the result.

A profile is kept for as long as its lineage lives. One that was bought before there was a ``tilt`` has none, and is
read all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput
from sandbox.domain.policy import DatasetPolicy, Table
from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.mechanisms.noise import Noise, noise_for
from sandbox.privacy.mechanisms.sensitivity import histogram_squared, root_up, tilt_squared
from sandbox.privacy.stored import bounds_in_steps

_LARGEST_SUM = 2**62  # a column whose sums could leave 64 bits has no histogram of them
_SMALLEST_PART = 64  # the first bin of sums ends at this part of the largest value
TILT_PARTS = 1024  # half the range has so many: fine enough for an average, far below the noise
_LARGEST_TILT = 2**52  # beyond, some engines no longer divide exactly
_ROWS_WEIGHT = 2  # every choice rests on the rows per unit: their histogram is paid for as much as two others


class Counted(StrEnum):
    """What a histogram sorts units by."""

    ROWS = "rows"
    PEAK = "peak"
    GROUPS = "groups"
    SUM = "sum"
    TILT = "tilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Units by one measure of what they contribute. Bin i holds those above ``edges[i-1]`` and up to ``edges[i]``.

    Attributes:
        column: a key column, a summable column, or empty for ``rows``.
        edges: rising; the last one bounds every unit.
        units: noisy counts, one for each edge; may be below zero. For ``tilt``, noisy sums in parts of half the
            range, ``TILT_PARTS`` of them for a unit at the end of it.
        scale: σ of the noise in each.
    """

    counted: Counted
    column: str
    edges: tuple[int, ...]
    units: tuple[int, ...]
    scale: float

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in pairwise(self.edges))
        if not self.edges or self.edges[0] < 1 or not rising or len(self.edges) != len(self.units):
            raise BadInput("A histogram's bins do not fit together.", where=f"{self.counted}_{self.column}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What was bought about one table."""

    table: str
    snapshot: str  # the view it was counted on
    nano: int  # what it cost
    histograms: tuple[Histogram, ...]

    def histogram(self, counted: Counted, column: str = "") -> Histogram | None:
        found = (h for h in self.histograms if (h.counted, h.column) == (counted, column))
        return next(found, None)

    @property
    def id(self) -> str:
        """Its name: the hash of all that it says. It says nothing that is not public."""
        return content_hash(profile_document(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One histogram that is to be counted, with its noise.

    For ``sum`` and ``tilt``, values are clamped to ``lower`` … ``upper``.
    """

    counted: Counted
    column: str
    edges: tuple[int, ...]
    noise: Noise
    lower: int = 0
    upper: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A profile before it is bought: which histograms, at what noise, for what price."""

    table: str
    wanted: tuple[Wanted, ...]
    loss: Loss


@lru_cache(maxsize=256)
def ladder(most: int) -> tuple[int, ...]:
    """Public steps 1, 2, 3, 4, 6, 8, 12, 16 … and ``most``: the bins of units by rows.

    >>> ladder(20)
    (1, 2, 3, 4, 6, 8, 12, 16, 20)
    """
    steps, power = {1, most}, 2
    while power < most:
        steps |= {power, min(most, power + power // 2)}
        power *= 2
    return tuple(sorted(steps))


def offer(policy: DatasetPolicy, table_name: str) -> Offer | None:
    """What publishing buys about a table. From the policy alone; None where there is nothing to learn from it.

    The price is the owner's ``profile_percent`` of the cap, split over the tables that buy one and their histograms.

    Raises:
        BadInput: the share is too small to be split.
    """
    table = policy.table(table_name)
    if table is None or policy.unit is None or policy.budget is None or table.max_rows_per_unit == 1:
        return None
    whole = policy.budget.profile.nano // sum(t.max_rows_per_unit > 1 for t in policy.tables.values())
    if whole == 0:
        return None
    shapes = _shapes(table, policy.unit.column)
    share = whole // (len(shapes) - 1 + _ROWS_WEIGHT)
    wanted = tuple(
        Wanted(
            counted=counted,
            column=column,
            edges=edges,
            noise=noise_for(
                accounting=policy.budget.accounting,
                sensitivity=sensitivity_of(counted),
                nano=share * (_ROWS_WEIGHT if counted is Counted.ROWS else 1),
            ),
            lower=lower,
            upper=upper,
        )
        for counted, column, edges, lower, upper in shapes
    )
    return Offer(table=table_name, wanted=wanted, loss=Loss(sum(w.noise.nano for w in wanted)))


def sensitivity_of(counted: Counted) -> float:
    """How far one unit moves such a histogram: the same in L2 and in L1, as it is in one bin at most."""
    return root_up(tilt_squared(parts=TILT_PARTS) if counted is Counted.TILT else histogram_squared())


def filled_in(offered: Offer, noisy: Mapping[tuple[Counted, str], list[int]], *, snapshot: str) -> Profile:
    """The profile of an offer once its counts are drawn."""
    return Profile(
        table=offered.table,
        snapshot=snapshot,
        nano=offered.loss.nano,
        histograms=tuple(
            Histogram(
                counted=w.counted,
                column=w.column,
                edges=w.edges,
                units=tuple(noisy[w.counted, w.column]),
                scale=w.noise.sigma(),
            )
            for w in offered.wanted
        ),
    )


def profile_document(profile: Profile) -> dict[str, Any]:
    """The profile as a value that ``canonical_json`` accepts."""
    return {
        "table": profile.table,
        "snapshot": profile.snapshot,
        "nano": profile.nano,
        "histograms": [
            {
                "counted": str(h.counted),
                "column": h.column,
                "edges": list(h.edges),
                "units": list(h.units),
                "scale": h.scale.hex(),
            }
            for h in profile.histograms
        ],
    }


def profile_from_document(document: Mapping[str, Any]) -> Profile:
    """The reverse of ``profile_document``.

    Raises:
        KeyError, TypeError, ValueError, BadInput: the document has another shape.
    """
    return Profile(
        table=document["table"],
        snapshot=document["snapshot"],
        nano=document["nano"],
        histograms=tuple(
            Histogram(
                counted=Counted(h["counted"]),
                column=h["column"],
                edges=tuple(h["edges"]),
                units=tuple(h["units"]),
                scale=float.fromhex(h["scale"]),
            )
            for h in document["histograms"]
        ),
    )


def _shapes(table: Table, unit_column: str) -> list[tuple[Counted, str, tuple[int, ...], int, int]]:
    """Each histogram's measure, column, edges, and the bounds that its values are clamped to."""
    most = table.max_rows_per_unit
    shapes = [(Counted.ROWS, "", ladder(most), 0, 0)]
    for name, column in table.columns.items():
        if name == unit_column:
            continue
        if column.key_values or column.unlisted_keys:
            values = len(column.key_values) if column.key_values else most
            shapes.append((Counted.PEAK, name, ladder(most), 0, 0))
            shapes.append((Counted.GROUPS, name, ladder(min(most, values)), 0, 0))
        if column.summable:
            lower, upper = bounds_in_steps(column)
            largest = max(abs(lower), abs(upper))
            if table.max_rows * largest <= _LARGEST_SUM:
                shapes.append((Counted.SUM, name, sum_edges(largest, most), lower, upper))
            if 2 * TILT_PARTS * (upper - lower) * most <= _LARGEST_TILT:
                shapes.append((Counted.TILT, name, ladder(most), lower, upper))
    return shapes


@lru_cache(maxsize=256)
def sum_edges(largest: int, most: int) -> tuple[int, ...]:
    """Public steps for the size of a unit's sum: parts of the largest value of a row, and multiples of it.

    >>> sum_edges(100, 3)
    (2, 4, 7, 13, 25, 50, 100, 200, 300)
    """
    parts, part = set(), Fraction(1, _SMALLEST_PART)
    while part < 1:
        parts.add(max(1, -((-largest * part.numerator) // part.denominator)))
        part *= 2
    return tuple(sorted(parts | {largest * step for step in ladder(most)}))
