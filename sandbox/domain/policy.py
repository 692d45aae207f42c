"""A policy file as a value: what an owner declares about a dataset, all of it public.

Nothing here was computed from rows. The same declaration drives the catalogue, the planner's bounds, the budget,
the checks on outputs and the review. Files are read and mistakes located by ``store.policy_files``; the rules on
a single file's content are here, as ``check``.

Each field's ``doc`` is the reference text: ``policies/README.md`` is made from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from sandbox.domain.errors import BadInput
from sandbox.domain.privacy_loss import ATTO, Accounting, Guarantee, Loss

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LONGEST = 63  # characters of a name, also on engines that cut longer ones
MAX_LOOKUP_ROWS = 1000  # each row is compared with all of them


def _doc(text: str, **more: Any) -> Any:
    return field(metadata={"doc": text}, **more)


class OpenClass(StrEnum):
    """The three classes of Shanghai's rules for opening public data (2019), article 11."""

    UNCONDITIONAL = "unconditional"  # anyone may preview and download, without login
    CONDITIONAL = "conditional"  # application, agreement, grant
    CLOSED = "closed"  # listed, never opened


class Domain(StrEnum):
    FINANCE = "inclusive finance"
    HEALTHCARE = "healthcare"
    TRANSPORT = "transport"
    CULTURE = "culture and tourism"
    OTHER = "other"


class Mode(StrEnum):
    """How a grant opens a dataset."""

    QUERY = "query"  # questions only; no raw row in the container
    JOB = "job"  # sent code runs beside the raw data; outputs leave by review
    ROOM = "room"  # raw rows readable in the container; outputs leave by review


class ColumnType(StrEnum):
    INTEGER = "integer"
    DECIMAL = "decimal"  # kept as whole multiples of ``resolution``
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"


Scalar = int | str | bool
UNLISTED_ANSWERS = 1000  # so many answers by unlisted keys share the delta that is set aside for them
# No cell is more of its column's steps in size (publishing empties it): a literal just outside compares as it should.
LARGEST = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    type: ColumnType = _doc("What its cells are. A cell that does not fit becomes empty when publishing.")
    description: str = _doc("One line for the catalogue.", default="")
    lower: int | None = _doc(
        "Smallest value (whole number). Needed for SUM and AVG; smaller cells count as it.", default=None
    )
    upper: int | None = _doc(
        "Largest value (whole number). Needed for SUM and AVG; larger cells count as it.", default=None
    )
    earliest: str | None = _doc(
        "For date: the first day ('2013-01-01'). Needed to group by DATE_TRUNC or by year; days before its month, "
        "quarter or year are then in no group.",
        default=None,
    )
    latest: str | None = _doc("For date: the last day, likewise.", default=None)
    resolution: str = _doc("For decimal: the step that cells are rounded to, such as '0.01'.", default="1")
    measured_in: str = _doc("Unit of measure, such as 'DM' or 'minutes'.", default="")
    categories: tuple[Scalar, ...] = _doc(
        "The public list of values. A column with it (or a boolean) can be a GROUP BY key; each listed value "
        "is answered, also when it is empty.",
        default=(),
    )
    unlisted_keys: bool = _doc(
        "It may be a GROUP BY key without a public list of its values: a value is shown where the noisy number of its "
        "units is above a threshold. That spends delta: see ``unlisted_delta``. For text and integer.",
        default=False,
    )
    max_rows_per_unit: int | None = _doc(
        "For a GROUP BY key: a unit counts with at most this many rows in each value of it; what goes beyond is cut. "
        "Grouped answers get less noise for it. Empty: only the table's bound holds.",
        default=None,
    )

    @property
    def key_values(self) -> tuple[Scalar, ...]:
        """The public values it can be grouped by; empty when it cannot."""
        return (False, True) if self.type is ColumnType.BOOLEAN else self.categories

    @property
    def steps(self) -> int:
        """How many steps make 1: 100 for a resolution of 0.01."""
        return int(1 / Fraction(self.resolution)) if self.type is ColumnType.DECIMAL else 1

    @property
    def summable(self) -> bool:
        return (
            self.type in (ColumnType.INTEGER, ColumnType.DECIMAL)
            and self.lower is not None
            and self.upper is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table. All tables of a dataset carry the unit column."""

    columns: Mapping[str, Column] = _doc(
        "The columns by name. Columns of the file not named here are not published."
    )
    description: str = _doc("One line for the catalogue.", default="")
    max_rows: int = _doc("A loose public bound on the number of rows; longer files are refused.")
    max_rows_per_unit: int = _doc(
        "A unit's rows beyond this many (chosen at random) are left out when publishing; counted for the owner.",
        default=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupColumn:
    """One column of a lookup."""

    name: str = _doc("Its name: a-z, 0-9 and _.")
    type: ColumnType = _doc(
        "What its cells are. A date is text ('2013-01-01'), and so is a decimal ('0.25')."
    )
    description: str = _doc("One line for the catalogue.", default="")
    resolution: str = _doc("For decimal: the step of its cells, such as '0.01'.", default="1")
    measured_in: str = _doc("Unit of measure, such as 'DM' or 'minutes'.", default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One small public table that questions may join: names of codes, groups of places, rates. It is public in full."""

    key: str = _doc("The column (text or integer) that rows are found by: each value stands in one row.")
    columns: tuple[LookupColumn, ...] = _doc("The columns, in the order of a row's cells.")
    rows: tuple[tuple[Scalar, ...], ...] = _doc(
        "The rows, each a list of one cell for each column; at most 1000."
    )
    description: str = _doc("One line for the catalogue.", default="")

    @property
    def by_name(self) -> Mapping[str, LookupColumn]:
        return {column.name: column for column in self.columns}

    def cells(self, name: str) -> tuple[Scalar, ...]:
        """The cells of one column, row by row."""
        place = [column.name for column in self.columns].index(name)
        return tuple(row[place] for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Whose privacy is protected."""

    column: str = _doc("The column that names the unit, in every table.")
    noun: str = _doc("What a unit is, in the singular: 'patient', 'firm'.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetTerms:
    """What all answers together may cost."""

    epsilon: str = _doc(
        "The lineage's cap for its whole life, at ``delta``; a decimal in quotes, such as '8'."
    )
    delta: str = _doc("The probability at which epsilon is stated, such as '1e-6'.", default="1e-6")
    accounting: Accounting = _doc(
        "How losses add up, for the lineage's whole life. zcdp: Gaussian noise, rho adds; best for many answers. "
        "pure: Laplace noise, epsilon adds; best for fewer than about ten.",
        default=Accounting.ZCDP,
    )
    unlisted_delta: str = _doc(
        "The part of ``delta`` that all answers by keys without a public list (``unlisted_keys``) may spend together, "
        "such as '5e-7'; each takes a thousandth of it. '0': there are no such answers.",
        default="0",
    )
    per_question_percent: int = _doc(
        "The most that one question may take of the cap (1-100, percent).", default=25
    )
    project_percent: int = _doc("One project's quota of the cap (1-100, percent).", default=50)
    profile_percent: int = _doc(
        "What publishing spends of the cap, once, to learn how much units contribute (0-25, percent): answers about "
        "tables with many rows per unit are bounded by it. 0: it is not bought.",
        default=5,
    )
    base_percent: int = _doc(
        "What a base release costs of the cap, once, when the owner buys one (0-50, percent): counts over all columns "
        "and pairs of columns, from which counts are then answered free, and synthetic rows. 0: none can be bought.",
        default=0,
    )

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee(float(self.delta), self.accounting)

    @property
    def cap(self) -> Loss:
        # Both parts together keep the promise of epsilon at delta.
        whole, part = Decimal(self.delta), Decimal(self.unlisted_delta)
        nano = Guarantee(float(whole - part), self.accounting).loss(float(self.epsilon)).nano
        return Loss(nano, int(part * ATTO))

    @property
    def per_question(self) -> Loss:
        return self._part(self.per_question_percent)

    @property
    def per_project(self) -> Loss:
        return self._part(self.project_percent)

    @property
    def profile(self) -> Loss:
        return Loss(self._part(self.profile_percent).nano)

    @property
    def unlisted(self) -> Loss:
        """What one answer by unlisted keys spends of delta."""
        return Loss(0, self.cap.atto_delta // UNLISTED_ANSWERS)

    def _part(self, percent: int) -> Loss:
        cap = self.cap
        return Loss(cap.nano * percent // 100, cap.atto_delta * percent // 100)

    @property
    def base(self) -> Loss:
        return Loss(self._part(self.base_percent).nano)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTerms:
    """Who may apply for what."""

    modes: tuple[Mode, ...] = _doc("The modes an application may ask for.", default=(Mode.QUERY,))
    max_days: int = _doc("The longest grant, in days.", default=365)
    conditions: tuple[str, ...] = _doc(
        "What an applicant promises, in plain words; part of the agreement.", default=()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTerms:
    """What may leave, and who says so."""

    threshold: int = _doc("The fewest distinct units behind any cell that leaves.", default=10)
    reviewers: int = _doc("How many votes a release needs.", default=2)
    pool: tuple[str, ...] = _doc("User names of those who may review releases of this dataset.", default=())
    file_types: tuple[str, ...] = _doc("File types that may leave, found by content.", default=("csv",))
    max_bytes: int = _doc("The largest file that may leave, in bytes.", default=1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPolicy:
    """Everything an owner declares about one dataset."""

    name: str = _doc("The dataset's name in questions and addresses: a-z, 0-9 and _.")
    title: str = _doc("Its name for people.")
    open_class: OpenClass = _doc("Who may use it.")
    domain: Domain = _doc("The field it belongs to.", default=Domain.OTHER)
    description: str = _doc("A paragraph for the catalogue.", default="")
    provider: str = _doc("Who provides it.")
    source: str = _doc("Where it came from, to be named in every result.")
    licence: str = _doc("Under what terms.")
    update_frequency: str = _doc("How often a new version comes.", default="never")
    owner: str = _doc("User name of the person who decides.")
    lineage: str = _doc(
        "The budget's name. Versions, copies and derivations of the same people share one. Default: the name.",
        default="",
    )
    unit: Unit | None = _doc(
        "Whose privacy is protected. Needed unless unconditional or closed.", default=None
    )
    tables: Mapping[str, Table] = _doc("The tables by name.", default_factory=dict)
    lookups: Mapping[str, Lookup] = _doc(
        "Small public tables that questions may join, by name.", default_factory=dict
    )
    budget: BudgetTerms | None = _doc("Needed unless unconditional or closed.", default=None)
    access: AccessTerms = _doc("Who may apply for what.", default=AccessTerms())
    release: ReleaseTerms = _doc("What may leave.", default=ReleaseTerms())

    @property
    def budget_lineage(self) -> str:
        return self.lineage or self.name

    @property
    def private(self) -> bool:
        return self.open_class is OpenClass.CONDITIONAL

    @property
    def guarantee(self) -> Guarantee:
        """How its losses are read.

        Raises:
            BadInput: it has no budget, so that it answers no questions.
        """
        if self.budget is None:
            raise BadInput(f"{self.name} has no budget, so that it answers no questions.", where="budget")
        return self.budget.guarantee

    def table(self, name: str) -> Table | None:
        return self.tables.get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookLimits:
    """The size of a locked container."""

    memory_mib: int = _doc("Memory, and no swap beyond it, in MiB.", default=1024)
    cpus: int = _doc("Processor time, in whole processors.", default=1)
    processes: int = _doc("Processes and threads.", default=256)
    open_files: int = _doc("Open files per process.", default=4096)
    home_mib: int = _doc("The home folder, in memory, in MiB.", default=128)
    tmp_mib: int = _doc("The folder for temporary files, in memory, in MiB.", default=64)
    idle_minutes: int = _doc("A notebook idle for this long is stopped.", default=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits:
    """What an answer may take."""

    tick_ms: int = _doc(
        "Answers leave after 1, 2, 4, 8 … times this many milliseconds, so that time says less.", default=100
    )
    timeout_s: int = _doc("A question running longer fails, and stays charged, in seconds.", default=30)
    engine_memory_mib: int = _doc("Memory of the process that reads raw data, in MiB.", default=2048)


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePolicy:
    """What holds for the whole installation."""

    name: str = _doc("The installation's name, on every page.", default="Secure Data Sandbox")
    notebook: NotebookLimits = _doc("The size of a locked container.", default=NotebookLimits())
    answers: AnswerLimits = _doc("What an answer may take.", default=AnswerLimits())


@dataclass(frozen=True, slots=True)
class Mistake:
    """A rule broken within one file."""

    path: tuple[str | int, ...]  # keys from the top, and places in lists
    problem: str
    allowed: str = ""


def check(policy: DatasetPolicy) -> tuple[Mistake, ...]:
    """All rules that no type can say. An empty answer means that the policy can be published."""
    return tuple(_mistakes(policy))


def _mistakes(p: DatasetPolicy) -> Iterator[Mistake]:
    if not _COLUMN.fullmatch(p.name):
        yield Mistake(("name",), f"{p.name!r} is not a name", "a-z, 0-9 and _, starting with a letter")
    if not p.tables and p.open_class is not OpenClass.CLOSED:
        yield Mistake(("tables",), "a dataset needs at least one table")
    for name in p.tables:
        if not _COLUMN.fullmatch(name):
            yield Mistake(("tables", name), f"{name!r} is not a table name", "a-z, 0-9 and _")
    for name, table in p.tables.items():
        yield from _table_mistakes(p, name, table)
    for name, lookup in p.lookups.items():
        yield from _lookup_mistakes(p, name, lookup)
    if p.private:
        yield from _private_mistakes(p)


def _table_mistakes(p: DatasetPolicy, name: str, table: Table) -> Iterator[Mistake]:
    here = ("tables", name)
    if not table.columns:
        yield Mistake((*here, "columns"), "a table needs at least one column")
    for key in ("max_rows", "max_rows_per_unit"):
        if getattr(table, key) < 1:
            yield Mistake((*here, key), "has to be at least 1", "1, 2, 3 …")
    for column_name, column in table.columns.items():
        there = (*here, "columns", column_name)
        if not _COLUMN.fullmatch(column_name):
            yield Mistake(there, f"{column_name!r} is not a column name", "a-z, 0-9 and _")
        if (column.lower is None) != (column.upper is None):
            yield Mistake(there, "has one of lower and upper, but needs both or none")
        elif column.lower is not None and column.upper is not None and column.lower >= column.upper:
            yield Mistake((*there, "upper"), f"{column.upper} is not above lower ({column.lower})")
        yield from _day_mistakes(there, column)
        if column.type is ColumnType.DECIMAL and not _is_step(column.resolution):
            yield Mistake(
                (*there, "resolution"), f"{column.resolution!r} is not a step", "1, 0.1, 0.01 … 0.000001"
            )
        if len(set(column.categories)) != len(column.categories):
            yield Mistake((*there, "categories"), "a value is listed twice")
        if any(not _fits(value, column.type) for value in column.categories):
            yield Mistake((*there, "categories"), f"a listed value is not of type {column.type}")
        if column.max_rows_per_unit is not None and column.max_rows_per_unit < 1:
            yield Mistake((*there, "max_rows_per_unit"), "has to be at least 1", "1, 2, 3 …")
        if column.max_rows_per_unit is not None and not (column.key_values or column.unlisted_keys):
            yield Mistake((*there, "max_rows_per_unit"), "is for columns with categories or unlisted_keys")
        if column.unlisted_keys:
            yield from _unlisted_mistakes(there, column, p.budget)
    if p.private and p.unit is not None and p.unit.column not in table.columns:
        yield Mistake((*here, "columns"), f"the unit column {p.unit.column!r} is not among them")


def _unlisted_mistakes(
    there: tuple[str, ...], column: Column, budget: BudgetTerms | None
) -> Iterator[Mistake]:
    if column.type not in (ColumnType.TEXT, ColumnType.INTEGER):
        yield Mistake((*there, "unlisted_keys"), "is for text and integer columns")
    elif column.key_values:
        yield Mistake((*there, "unlisted_keys"), "is for columns without categories")
    elif budget is not None and not _number(budget.unlisted_delta):
        yield Mistake((*there, "unlisted_keys"), "needs a part of delta to spend", "budget.unlisted_delta")


def _lookup_mistakes(p: DatasetPolicy, name: str, lookup: Lookup) -> Iterator[Mistake]:
    here = ("lookups", name)
    if not _COLUMN.fullmatch(name):
        yield Mistake(here, f"{name!r} is not a name", "a-z, 0-9 and _")
    if name in p.tables:
        yield Mistake(here, f"there is a table {name!r} too", "another name")
    key = lookup.by_name.get(lookup.key)
    if key is None:
        yield Mistake((*here, "key"), f"{lookup.key!r} is not among the columns", ", ".join(lookup.by_name))
    elif key.type not in (ColumnType.TEXT, ColumnType.INTEGER):
        yield Mistake((*here, "key"), f"rows cannot be found by a {key.type}", "a text or an integer column")
    if len(lookup.by_name) != len(lookup.columns):
        yield Mistake((*here, "columns"), "two columns have one name", "each name once")
    for place, column in enumerate(lookup.columns):
        there = (*here, "columns", place)
        called = f"{name}_{column.name}"
        if not _COLUMN.fullmatch(column.name) or len(called) > _LONGEST:
            yield Mistake(
                there, f"{column.name!r} is not a column name", f"a-z, 0-9 and _, short beside {name}"
            )
        if any(called in table.columns for table in p.tables.values()):
            yield Mistake(there, f"a table has a column {called}: that is what this one is called")
        if column.type is ColumnType.DECIMAL and not _is_step(column.resolution):
            yield Mistake((*there, "resolution"), f"{column.resolution!r} is not a step", "1, 0.1 … 0.000001")
    if not 1 <= len(lookup.rows) <= MAX_LOOKUP_ROWS:
        yield Mistake((*here, "rows"), f"there are {len(lookup.rows)}", f"1 to {MAX_LOOKUP_ROWS}")
    yield from _row_mistakes((*here, "rows"), lookup)


def _row_mistakes(here: tuple[str, ...], lookup: Lookup) -> Iterator[Mistake]:
    """A row is told by its number; the first mistake of a kind is enough."""
    seen: set[Scalar] = set()
    names = [column.name for column in lookup.columns]
    for number, row in enumerate(lookup.rows, start=1):
        there: tuple[str | int, ...] = (*here, number - 1)
        if len(row) != len(names):
            yield Mistake(there, f"row {number} has {len(row)} cells", f"{len(names)}: {', '.join(names)}")
            return
        for column, cell in zip(lookup.columns, row, strict=True):
            if not _is_cell(cell, column):
                wanted = f"{column.type}, as {column.name} is declared"
                yield Mistake(there, f"row {number}: {cell!r} is not a {column.name}", wanted)
                return
        if lookup.key in names:
            found = row[names.index(lookup.key)]
            if found in seen:
                yield Mistake(there, f"row {number}: {found!r} stands there twice", "each key once")
                return
            seen.add(found)


def _is_cell(cell: Scalar, column: LookupColumn) -> bool:
    """Whether a lookup's cell is of its column's type, and on its grid."""
    if not _fits(cell, column.type):
        return False
    if column.type is ColumnType.DATE:
        return _day(str(cell)) is not None
    if column.type is ColumnType.DECIMAL:
        if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", str(cell)):
            return False
        return (
            not _is_step(column.resolution)
            or (Fraction(str(cell)) / Fraction(column.resolution)).denominator == 1
        )
    return not isinstance(cell, int) or abs(cell) <= LARGEST


def _day_mistakes(there: tuple[str, ...], column: Column) -> Iterator[Mistake]:
    days = {key: _day(text) for key in ("earliest", "latest") if (text := getattr(column, key)) is not None}
    if not days:
        return
    for key, day in days.items():
        if column.type is not ColumnType.DATE:
            yield Mistake((*there, key), "is for date columns")
        elif day is None:
            yield Mistake(
                (*there, key), f"{getattr(column, key)!r} is not a day", "'0002-01-01' to '9998-12-31'"
            )
    if len(days) == 1:
        yield Mistake(there, "has one of earliest and latest, but needs both or none")
    elif (first := days["earliest"]) and (last := days["latest"]) and first > last:
        yield Mistake((*there, "latest"), f"{column.latest} is before earliest ({column.earliest})")


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None
    return day if day is not None and 2 <= day.year <= 9998 else None


def _private_mistakes(p: DatasetPolicy) -> Iterator[Mistake]:
    if p.unit is None:
        yield Mistake(
            ("unit",), "a conditional dataset has to say whose privacy is protected", "column and noun"
        )
    if p.budget is None:
        yield Mistake(("budget",), "a conditional dataset needs a budget", "epsilon and delta")
    else:
        yield from _budget_mistakes(p.budget)
    if p.release.threshold < 3:
        yield Mistake(("release", "threshold"), f"{p.release.threshold} protects nobody", "3 or more")
    if p.release.reviewers < 1:
        yield Mistake(("release", "reviewers"), "nothing leaves without a reviewer", "1 or more")
    if len(set(p.release.pool)) < p.release.reviewers:
        yield Mistake(
            ("release", "pool"), f"has {len(set(p.release.pool))} people for {p.release.reviewers} votes"
        )


def _budget_mistakes(budget: BudgetTerms) -> Iterator[Mistake]:
    epsilon, delta = _number(budget.epsilon), _number(budget.delta)
    if epsilon is None or not 0.01 <= epsilon <= 100:
        yield Mistake(("budget", "epsilon"), f"{budget.epsilon!r} is not a budget", "'0.01' to '100'")
    if delta is None or not 1e-15 <= delta <= 1e-3:
        yield Mistake(("budget", "delta"), f"{budget.delta!r} is not a delta", "'1e-15' to '1e-3'")
    unlisted = _number(budget.unlisted_delta)
    if (
        unlisted is None
        or (unlisted and not unlisted >= 1e-15)
        or unlisted > (delta or 0) / 2
        or unlisted < 0
    ):
        allowed = "'0', or '1e-15' to half of delta"
        yield Mistake(
            ("budget", "unlisted_delta"), f"{budget.unlisted_delta!r} is not a part of delta", allowed
        )
    for key in ("per_question_percent", "project_percent"):
        if not 1 <= getattr(budget, key) <= 100:
            yield Mistake(("budget", key), "is a percentage", "1 to 100")
    if not 0 <= budget.profile_percent <= 25:
        yield Mistake(("budget", "profile_percent"), "is a small share, in percent", "0 to 25")
    if not 0 <= budget.base_percent <= 50:
        yield Mistake(("budget", "base_percent"), "is a share, in percent", "0 to 50")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None


def _is_step(text: str) -> bool:
    return bool(re.fullmatch(r"1|0\.0{0,5}1", text))


def _fits(value: Scalar, type_: ColumnType) -> bool:
    if type_ is ColumnType.BOOLEAN:
        return isinstance(value, bool)
    if type_ is ColumnType.INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)
