"""The values that a plan is made of."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.canonical import sha256_hex
from sandbox.domain.policy import Scalar, Table
from sandbox.domain.predicate import Predicate, written
from sandbox.domain.privacy_loss import Accounting, Guarantee, Loss
from sandbox.domain.question import Measure, Question
from sandbox.privacy.mechanisms import sensitivity
from sandbox.privacy.mechanisms.noise import Noise
from sandbox.privacy.mechanisms.quantiles import Shape, shape_for
from sandbox.privacy.mechanisms.threshold import Threshold
from sandbox.privacy.planning.bounding import Bounding, BoundingLoss

_LONGEST_LABEL = 50  # characters


class What(StrEnum):
    """What one measurement adds up over the rows of a cell."""

    ROWS = "rows"  # 1
    UNITS = "units"  # 1 for each distinct unit
    VALUES = "values"  # 1 for each distinct value of the column
    FILLED = "filled"  # 1 where the column is not empty
    SUM = "sum"  # the clamped value
    CENTRED = "centred"  # the clamped value less the middle of its bounds
    SQUARES = "squares"  # the square of that, in whole multiples of ``quantum``
    PRODUCTS = "products"  # that times the same of another column, each in whole multiples of its ``quantum``
    TREE = "tree"  # 1 in each node of a tree of bins that holds the clamped value (``quantiles``)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One vector to measure. Values are clamped to ``lower`` … ``upper``, then ``middle`` is taken off (in steps).

    Attributes:
        times: of PRODUCTS: the other factor.
        where: which rows count, of those that pass the question's WHERE; None for all.
        listed: of VALUES: how many values the column can have; 0 where that is not declared.
    """

    what: What
    column: str = ""
    lower: int = 0
    upper: int = 0
    middle: int = 0
    quantum: int = 1
    times: Target | None = None
    where: Predicate | None = None
    listed: int = 0

    @property
    def name(self) -> str:
        """One for each target of a question. ``#`` stands in no column's name."""
        name = f"{self.what}_{self.column}" if self.column else str(self.what)
        if self.times is not None:
            name += f"#{self.times.column}"
        return name if self.where is None else f"{name}##{sha256_hex(written(self.where).encode())}"

    @property
    def label(self) -> str:
        """The name as a column of a query: some engines cut names after 63 bytes."""
        if len(self.name) <= _LONGEST_LABEL:
            return self.name
        return f"{self.what}_{sha256_hex(self.name.encode())[:32]}"

    @property
    def half(self) -> int:
        """The largest distance of a value from the middle, in whole multiples of ``quantum``."""
        return -(-max(abs(self.lower - self.middle), abs(self.upper - self.middle)) // self.quantum)

    @property
    def magnitude(self) -> int:
        """The largest size of what one row adds, in steps; for squares and products, in those of ``quantum``."""
        if self.what is What.PRODUCTS and self.times is not None:
            return self.half * self.times.half
        return self.half**2 if self.what is What.SQUARES else self.half

    @property
    def unit(self) -> int:
        """What 1 of a measured number stands for, in steps of its columns: of squares and products, more than 1."""
        return self.quantum * (self.times.quantum if self.times is not None else self.quantum)

    @property
    def by_rows_alone(self) -> bool:
        """True for what only the ``rows`` plan bounds."""
        return self.what in (What.TREE, What.VALUES)

    @property
    def shape(self) -> Shape:
        """Of a tree."""
        return shape_for(self.lower, self.upper)

    @property
    def per_cell(self) -> int:
        """How many numbers are measured for each cell of the answer."""
        return self.shape.nodes if self.what is What.TREE else 1

    def cut(self, bounding: Bounding) -> int:
        """The most that one unit adds to one cell under a ``groups`` plan, in the target's steps."""
        whole = bounding.rows_per_group * (1 if self.what in (What.ROWS, What.FILLED) else self.magnitude)
        cut = dict(bounding.cuts).get(self.name, whole)
        return cut if self.what is What.SUM else min(cut, whole)

    def sensitivity(self, bounding: Bounding, accounting: Accounting) -> float:
        """How far one unit moves the vector at most: in L2 for Gaussian noise, in L1 for Laplace noise."""
        if accounting is Accounting.PURE:
            return sensitivity.whole_up(self.absolute_sensitivity(bounding))
        return sensitivity.root_up(self.squared_sensitivity(bounding))

    def absolute_sensitivity(self, bounding: Bounding) -> int:
        """In L1."""
        match self.what:
            case What.UNITS:
                return sensitivity.units_absolute(bounding)
            case What.ROWS | What.FILLED:
                return sensitivity.sum_absolute(bounding, magnitude=1)
            case What.VALUES:
                return sensitivity.values_absolute(bounding, listed=self.listed)
            case What.TREE:
                return sensitivity.tree_absolute(bounding, levels=self.shape.levels)
            case What.SUM | What.CENTRED | What.SQUARES | What.PRODUCTS:
                cut = self.cut(bounding)
                return sensitivity.sum_absolute(bounding, magnitude=self.magnitude, cut=cut) if cut else 0

    def squared_sensitivity(self, bounding: Bounding) -> int:
        """The square of it in L2."""
        match self.what:
            case What.UNITS:
                return sensitivity.units_squared(bounding)
            case What.ROWS | What.FILLED:
                return sensitivity.rows_squared(bounding)
            case What.VALUES:
                return sensitivity.values_squared(bounding, listed=self.listed)
            case What.TREE:
                return sensitivity.tree_squared(bounding, levels=self.shape.levels)
            case What.SUM | What.CENTRED | What.SQUARES | What.PRODUCTS:
                cut = self.cut(bounding)
                return sensitivity.sum_squared(bounding, magnitude=self.magnitude, cut=cut) if cut else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A target with its noise.

    Attributes:
        threshold: of the units by which unlisted keys are shown; the noise is then its own.
    """

    target: Target
    noise: Noise
    threshold: Threshold | None = None

    @property
    def loss(self) -> Loss:
        return self.threshold.loss if self.threshold is not None else Loss(self.noise.nano)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How an aggregate is worked out: the names of its targets.

    A count or a sum is its ``total``; with ``count`` too, a sum is total + middle · count, an average
    total / count + middle. A variance has ``squares`` besides. A covariance has ``count``, both columns' ``total``
    and ``products``; a correlation both columns' ``squares`` too. A quantile's ``total`` is a tree.
    """

    measure: Measure
    total: str
    count: str = ""
    middle: int = 0
    squares: str = ""
    other_total: str = ""
    other_squares: str = ""
    products: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of all that it is worked out from."""
        names = (self.total, self.count, self.squares, self.other_total, self.other_squares, self.products)
        return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEstimate:
    """What to expect of one aggregate before anything is spent.

    Attributes:
        sd: standard deviation of the noise, in the column's unit; None for an average, whose noise depends on how
            many rows it is over.
        error_95: the noise stays within ± this in 95 of 100 cells; None likewise.
        text: the same in words.
    """

    name: str
    kind: str
    sd: float | None
    error_95: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A question, ready to be run against a private view, and its price."""

    question: Question
    table: Table
    unit_noun: str
    bounding: Bounding
    measurements: tuple[Measurement, ...]
    recipes: tuple[Recipe, ...]
    loss: Loss
    guarantee: Guarantee
    columns: tuple[ColumnEstimate, ...]
    text: str  # one sentence: how a unit is bounded, and by how much
    bounding_loss: BoundingLoss | None = None  # estimated; None where no profile was bought

    def target(self, name: str) -> Target:
        """The target of that name."""
        return next(m.target for m in self.measurements if m.target.name == name)

    def noise(self, target: str) -> Noise:
        """The noise of a target by its name."""
        return next(m.noise for m in self.measurements if m.target.name == target)

    @property
    def threshold(self) -> Threshold | None:
        """What unlisted keys are shown by; None where all keys are listed."""
        return next((m.threshold for m in self.measurements if m.threshold is not None), None)

    @property
    def cells(self) -> tuple[tuple[Scalar, ...], ...]:
        """The cells of the answer, which only listed keys have before it is asked."""
        return cells_of(self.question, self.table)

    @property
    def most_cells(self) -> int:
        """How many cells a row of the table could fall in, as far as the policy knows."""
        return most_cells(self.question, self.table)


def most_cells(question: Question, table: Table) -> int:
    """How many cells an answer can have; where a key is not listed, as many as there may be rows."""
    if any(not key.listed(table) for key in question.keys):
        return table.max_rows
    return math.prod(key.how_many(table) for key in question.keys)


def cells_of(question: Question, table: Table) -> tuple[tuple[Scalar, ...], ...]:
    """Every combination of the keys' values, in the order of the answer; one empty one without keys."""
    return tuple(itertools.product(*(key.values(table) for key in question.keys)))
