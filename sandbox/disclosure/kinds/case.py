"""What a check looks at: the columns of a table, what their numbers are, and the limits that hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from sandbox.disclosure.cells import Number
from sandbox.disclosure.columns import COUNT_NAMES, EXTREME, Column, Kind, is_total, normal
from sandbox.domain.check_terms import CheckTerms
from sandbox.domain.evidence import Evidence
from sandbox.domain.outputs import Declared, Statistic, statistic_named

# By a column's plain name. The first that fits holds; what no name tells is told by the declaration alone.
_NAMES: tuple[tuple[str, Statistic], ...] = (
    (r"(at_?risk|n_?risk)", Statistic.AT_RISK),
    (r"(events?|deaths?|failures?|censored|censorings?)", Statistic.EVENTS),
    (r"(survival|surv|survivor)(_?(prob|probability|function))?", Statistic.SURVIVAL),
    (r"(resid|residuals?|fitted|predicted|leverage|cooks?_?d(istance)?|pred)", Statistic.EACH_ROW),
    (r"(gini|hhi|herfindahl)", Statistic.CONCENTRATION),
    (r"(or|rr|hr|odds_?ratio|risk_?ratio|relative_?risk|hazard_?ratio)", Statistic.RATIO),
    (r"(coef|coefs?|coefficient|estimate|beta)", Statistic.COEFFICIENT),
    (r"(std_?err(or)?|se|ci_?(low|lower|high|upper)|lower_?ci|upper_?ci|0_025|0_975)", Statistic.ERROR),
    (r"(p_?values?|p|p_t|p_z|t|z|t_?stat(istic)?|z_?stat|chi2?|f_?stat|statistic)", Statistic.TEST),
    (r"(corr|correlation|pearson|spearman|kendall|rho|loading)", Statistic.CORRELATION),
    (r"(sd|std|stdev|std_?dev|stddev|var|variance|skew|skewness|kurtosis)", Statistic.SPREAD),
    (r"(median|q[123]|p\d{1,2}|\d{1,2}|quantile|percentile|decile|iqr)", Statistic.QUANTILE),
    (r"(pct|percent|percentage|share|rate|proportion|prop)", Statistic.SHARE),
    (r"(mean|avg|average)", Statistic.MEAN),
    (r"(sum|total)", Statistic.SUM),
)
_WHOLE = tuple((re.compile(pattern), statistic) for pattern, statistic in _NAMES)
_PARTS = tuple(
    (re.compile(rf"(^|_){pattern}($|_)"), statistic)
    for pattern, statistic in _NAMES
    if statistic in (Statistic.SPREAD, Statistic.SHARE, Statistic.MEAN, Statistic.RATIO, Statistic.SUM)
    or statistic in (Statistic.CONCENTRATION, Statistic.EACH_ROW, Statistic.AT_RISK)
)
_MEDIAN = re.compile(r"(^|_)(median|p\d{1,2}|q[123]|quantile|percentile)($|_)")
_AXES = re.compile(r"(time|step|bin|day|week|month|quarter|year|age)s?")
# What the rows of a table about the whole are named by; any other key makes groups of units.
_TERMS = re.compile(
    r"(|index|unnamed_?:?_?0|terms?|variables?|coefficients?|statistics?|measures?|parameters?|name|column)"
)
_UNITS_NAMES = ("n", "units", "count", "n_units", "nobs", "n_obs", "size", "obs", "observations", "people")


@dataclass(frozen=True, slots=True)
class Role:
    """What a column's numbers are.

    Attributes:
        share: of a quantile, between 0 and 1.
        declared: the declaration says so; else its name does.
    """

    statistic: Statistic
    share: Decimal | None = None
    declared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A table to judge.

    Attributes:
        name: the file's name.
        columns: as read.
        roles: what the numbers of a column are, by its name; columns without one are not in it.
        threshold: the fewest distinct units.
        terms: the other limits.
        declared: what the file is said to be; None when nobody said.
        evidence: the table computed again; None when no question was given.
        noun: what a unit is called.
        units: the column that says how many units are behind each row (``units_column``).
    """

    name: str
    columns: tuple[Column, ...]
    roles: dict[str, Role]
    threshold: int
    terms: CheckTerms
    declared: Declared | None = None
    evidence: Evidence | None = None
    noun: str = "unit"
    units: Column | None = None

    @property
    def rows(self) -> int:
        return len(self.columns[0].cells) if self.columns else 0

    def of(self, *statistics: Statistic) -> Iterator[Column]:
        """The columns with numbers of such a kind."""
        for column in self.columns:
            role = self.roles.get(column.name)
            if role is not None and role.statistic in statistics and column.kind is not Kind.KEY:
                yield column

    @property
    def counts(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if c.kind is Kind.COUNT)

    def units_at(self, row: int) -> Decimal | None:
        """How many units the file says are behind a row; None where it says nothing."""
        column = self.units
        if column is not None:
            number = column.numbers[row]
            return number.value if number is not None else None
        declared = self.declared.n if self.declared is not None else None
        return Decimal(declared) if declared is not None else None

    @property
    def says_units(self) -> bool:
        """Whether it is said how many units are behind each row.

        A number for the whole (``n``) says it where every row is about the whole: one row, or a row for each term.
        """
        if self.units is not None:
            return True
        groups = [c for c in self.columns if c.kind is Kind.KEY and not _TERMS.fullmatch(normal(c.name))]
        return self.declared is not None and self.declared.n is not None and (self.rows <= 1 or not groups)

    @property
    def whole_n(self) -> Decimal | None:
        """How many units are behind the whole file: the least of what is declared and what it tells itself."""
        told = self.figure("n", "nobs", "no_observations", "observations", "no. observations")
        if self.declared is not None and self.declared.n is not None:
            return min(Decimal(self.declared.n), told) if told is not None else Decimal(self.declared.n)
        if told is not None:
            return told
        column = self.units
        known = [n.value for n in column.numbers if n is not None] if column is not None else []
        return max(known, default=None)

    @property
    def whole_df(self) -> Decimal | None:
        """Residual degrees of freedom: the least of what is declared and what the file tells itself."""
        told = self.figure("df", "df_resid", "df_residuals", "residual_df")
        if self.declared is not None and self.declared.df is not None:
            return min(Decimal(self.declared.df), told) if told is not None else Decimal(self.declared.df)
        return told

    def figure(self, *names: str) -> Decimal | None:
        """A number about the whole: in a row that is named so, or in a column with one and the same number."""
        wanted = {normal(n) for n in names}
        first = self.columns[0] if self.columns else None
        for row in range(self.rows) if first is not None else ():
            if first is not None and normal(first.cells[row]) in wanted:
                for column in self.columns[1:]:
                    number = column.numbers[row]
                    if number is not None:
                        return number.value
        for column in self.columns:
            known = {n.value for n in column.numbers if n is not None}
            if normal(column.name) in wanted and len(known) == 1:
                return known.pop()
        return None

    def is_total_row(self, row: int) -> bool:
        return any(c.kind is Kind.KEY and is_total(c.cells[row]) for c in self.columns)


def units_column(columns: Sequence[Column], declared: Declared | None) -> Column | None:
    """The column that counts the units behind each row: as declared, else by its name."""
    by_name = {normal(c.name): c for c in columns if c.kind is Kind.COUNT}
    named = normal(declared.units) if declared is not None else ""
    return next((by_name[name] for name in (named, *_UNITS_NAMES) if name in by_name), None)


def numbers_of(column: Column) -> Iterator[tuple[int, Number]]:
    """(row, number) of the cells that hold one."""
    for row, number in enumerate(column.numbers):
        if number is not None:
            yield row, number


def recomputed(case: Case, column: Column) -> bool:
    """Whether the platform computed a column's numbers again."""
    return case.evidence is not None and normal(column.name) in {normal(m) for m in case.evidence.kinds}


def roles_of(columns: Sequence[Column], declared: Declared | None) -> dict[str, Role]:
    """What the numbers of each column are: as declared, else by name.

    A name that says *extreme* holds whatever is declared: a declaration takes no check away.
    """
    said = {normal(name): text for name, text in declared.statistics.items()} if declared else {}
    roles = {}
    for column in columns:
        name = normal(column.name)
        named = statistic_named(said[name]) if name in said else None
        if EXTREME.search(name) and column.kind is not Kind.KEY:
            roles[column.name] = Role(Statistic.EXTREME, declared=named is not None)
        elif named is not None:
            roles[column.name] = Role(named[0], _share(named[1]) or share_in(name), declared=True)
        elif column.kind is not Kind.KEY and (by_name := _by_name(name, column)) is not None:
            roles[column.name] = Role(by_name, share_in(name))
    return roles


def _by_name(name: str, column: Column) -> Statistic | None:
    for pattern, statistic in _WHOLE:
        if pattern.fullmatch(name):
            return statistic
    if _MEDIAN.search(name):
        return Statistic.QUANTILE
    for pattern, statistic in _PARTS:
        if pattern.search(name) and not (statistic is Statistic.SUM and column.kind is Kind.COUNT):
            return statistic
    if any(n is not None and n.percent for n in column.numbers):
        return Statistic.SHARE
    return Statistic.COUNT if column.kind is Kind.COUNT else None


def share_in(name: str) -> Decimal | None:
    """The share of a quantile by its column's name.

    >>> share_in("median_age"), share_in("p95"), share_in("q1"), share_in("25"), share_in("mean")
    (Decimal('0.5'), Decimal('0.95'), Decimal('0.25'), Decimal('0.25'), None)
    """
    if re.search(r"(^|_)median($|_)", name):
        return Decimal("0.5")
    if quarter := re.search(r"(?:^|_)q([123])(?:$|_)", name):
        return Decimal(int(quarter[1])) / 4
    if percent := re.search(r"(?:^|_)p?(\d{1,2})(?:$|_|th)", name):
        return Decimal(int(percent[1])) / 100
    return None


def _share(text: str) -> Decimal | None:
    try:
        share = Decimal(text) if text else None
    except ArithmeticError:
        return None
    return share if share is not None and 0 < share < 1 else None


def as_declared(
    columns: Sequence[Column], roles: dict[str, Role], declared: Declared | None
) -> tuple[Column, ...]:
    """The columns as they are to be checked, once it is known what the file is said to be.

    - A column of whole numbers is taken for a key where it is declared as one and no name speaks against it; it is
      ``guessed``, because nothing in it is checked then.
    - A column of whole numbers that are means, sums or coefficients is no column of counts.
    - The column that counts units is one, whatever its name is.
    """
    if declared is None:
        return tuple(columns)
    dims = {normal(name) for name in declared.dims}
    return tuple(_column_as_declared(c, roles.get(c.name), dims, normal(declared.units)) for c in columns)


def _column_as_declared(column: Column, role: Role | None, dims: set[str], units: str) -> Column:
    name = normal(column.name)
    if name == units and column.kind is Kind.NUMBER:
        return replace(column, kind=Kind.COUNT)
    if column.kind is not Kind.COUNT or COUNT_NAMES.search(name):
        return column
    if name in dims:
        return replace(column, kind=Kind.KEY, guessed=not _is_axis(column))
    if role is not None and role.statistic not in COUNTED and _can_be(column, role.statistic):
        return replace(column, kind=Kind.NUMBER)
    return column


COUNTED = frozenset({Statistic.COUNT, Statistic.AT_RISK, Statistic.EVENTS})


def _is_axis(column: Column) -> bool:
    """Values in even steps (days, bands, steps of a curve), many or under a name for such: counts do not go so."""
    values = [n.value for n in column.numbers if n is not None]
    steps = {b - a for a, b in pairwise(values) if b != a}
    least = 2 if _AXES.fullmatch(normal(column.name)) else 4
    return (
        len(values) == len(column.cells) and len(set(values)) >= least and len({abs(s) for s in steps}) <= 2
    )


def _can_be(column: Column, statistic: Statistic) -> bool:
    """Whether whole numbers can be what they are said to be: a p-value of 3 is a count with another name."""
    values = [n.value for n in column.numbers if n is not None]
    if statistic in (Statistic.CORRELATION, Statistic.SURVIVAL, Statistic.CONCENTRATION):
        return all(-1 <= v <= 1 for v in values)
    return True
