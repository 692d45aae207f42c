"""A policy file as a value: what an owner declares about a dataset, all of it public.

Nothing here was computed from rows. The same declaration drives the catalogue, the planner's bounds, the budget,
the checks on outputs and the review. Files are read and mistakes located by ``store.policy_files``; the rules on
a single file's content are in ``policy_rules``.

Each field's ``doc`` is the reference text: ``policies/README.md`` is made from it. Beside it stands which change of the
key loosens (``Way``), and whether private views are made by it (``view``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from sandbox.domain.catalogue_terms import Contact, Frequency, OpenMode
from sandbox.domain.check_terms import CheckTerms
from sandbox.domain.errors import BadInput
from sandbox.domain.fast_lane import FastLane
from sandbox.domain.policy_keys import Way
from sandbox.domain.policy_keys import doc as _doc
from sandbox.domain.privacy_loss import ATTO, Accounting, Guarantee, Loss

MAX_LOOKUP_ROWS = 1000  # each row is compared with all of them


class OpenClass(StrEnum):
    """The three classes of Shanghai's rules for opening public data (2019), article 11."""

    UNCONDITIONAL = "unconditional"  # anyone may preview and download, without login
    CONDITIONAL = "conditional"  # application, agreement, grant
    CLOSED = "closed"  # listed or hidden, never opened


# What a class may be opened by; private rows leave the sandbox in no other way.
OPEN_MODES: Mapping[OpenClass, tuple[OpenMode, ...]] = {
    OpenClass.UNCONDITIONAL: (OpenMode.DOWNLOAD, OpenMode.INTERFACE),
    OpenClass.CONDITIONAL: (OpenMode.SANDBOX,),
    OpenClass.CLOSED: (),
}


class Domain(StrEnum):
    FINANCE = "inclusive finance"
    HEALTHCARE = "healthcare"
    TRANSPORT = "transport"
    CULTURE = "culture and tourism"
    AGRICULTURE = "agriculture"
    EDUCATION = "education"
    ENERGY = "energy"
    ENVIRONMENT = "environment"
    GOVERNMENT = "government"
    JUSTICE = "justice and safety"
    POPULATION = "population and society"
    SCIENCE = "science and technology"
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

    type: ColumnType = _doc(
        "What its cells are. A cell that does not fit becomes empty when publishing.", Way.ALWAYS, view=True
    )
    description: str = _doc("One line for the catalogue.", Way.NEVER, default="")
    lower: int | None = _doc(
        "Smallest value (whole number). Needed for SUM and AVG; smaller cells count as it.",
        Way.GIVEN,
        view=True,
        default=None,
    )
    upper: int | None = _doc(
        "Largest value (whole number). Needed for SUM and AVG; larger cells count as it.",
        Way.GIVEN,
        view=True,
        default=None,
    )
    earliest: str | None = _doc(
        "For date: the first day ('2013-01-01'). Needed to group by DATE_TRUNC or by year; days before its month, "
        "quarter or year are then in no group.",
        Way.GIVEN,
        view=True,
        default=None,
    )
    latest: str | None = _doc("For date: the last day, likewise.", Way.GIVEN, view=True, default=None)
    resolution: str = _doc(
        "For decimal: the step that cells are rounded to, such as '0.01'.",
        Way.SMALLER,
        view=True,
        default="1",
    )
    measured_in: str = _doc("Unit of measure, such as 'DM' or 'minutes'.", Way.NEVER, view=True, default="")
    categories: tuple[Scalar, ...] = _doc(
        "The public list of values. A column with it (or a boolean) can be a GROUP BY key; each listed value "
        "is answered, also when it is empty.",
        Way.MORE,
        view=True,
        default=(),
    )
    unlisted_keys: bool = _doc(
        "It may be a GROUP BY key without a public list of its values: a value is shown where the noisy number of its "
        "units is above a threshold. That spends delta: see ``unlisted_delta``. For text and integer.",
        Way.LARGER,
        view=True,
        default=False,
    )
    max_rows_per_unit: int | None = _doc(
        "For a GROUP BY key: a unit counts with at most this many rows in each value of it; what goes beyond is cut. "
        "Grouped answers get less noise for it. Empty: only the table's bound holds.",
        Way.LARGER,
        view=True,
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
        "The columns by name. Columns of the file not named here are not published.", Way.MORE, view=True
    )
    description: str = _doc("One line for the catalogue.", Way.NEVER, default="")
    max_rows: int = _doc(
        "A loose public bound on the number of rows; longer files are refused.", Way.NEVER, view=True
    )
    max_rows_per_unit: int = _doc(
        "A unit's rows beyond this many (chosen at random) are left out when publishing; counted for the owner.",
        Way.LARGER,
        view=True,
        default=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupColumn:
    """One column of a lookup."""

    name: str = _doc("Its name: a-z, 0-9 and _.", Way.ALWAYS, view=True)
    type: ColumnType = _doc(
        "What its cells are. A date is text ('2013-01-01'), and so is a decimal ('0.25').",
        Way.ALWAYS,
        view=True,
    )
    description: str = _doc("One line for the catalogue.", Way.NEVER, view=True, default="")
    resolution: str = _doc(
        "For decimal: the step of its cells, such as '0.01'.", Way.ALWAYS, view=True, default="1"
    )
    measured_in: str = _doc("Unit of measure, such as 'DM' or 'minutes'.", Way.NEVER, view=True, default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """One small public table that questions may join: names of codes, groups of places, rates. It is public in full."""

    key: str = _doc(
        "The column (text or integer) that rows are found by: each value stands in one row.",
        Way.ALWAYS,
        view=True,
    )
    columns: tuple[LookupColumn, ...] = _doc(
        "The columns, in the order of a row's cells.", Way.ALWAYS, view=True
    )
    rows: tuple[tuple[Scalar, ...], ...] = _doc(
        "The rows, each a list of one cell for each column; at most 1000.", Way.ALWAYS, view=True
    )
    description: str = _doc("One line for the catalogue.", Way.NEVER, default="")

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

    column: str = _doc("The column that names the unit, in every table.", Way.ALWAYS, view=True)
    noun: str = _doc("What a unit is, in the singular: 'patient', 'firm'.", Way.NEVER, view=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetTerms:
    """What all answers together may cost."""

    epsilon: str = _doc(
        "The lineage's cap for its whole life, at ``delta``; a decimal in quotes, such as '8'.", Way.LARGER
    )
    delta: str = _doc(
        "The probability at which epsilon is stated, such as '1e-6'.", Way.LARGER, view=True, default="1e-6"
    )
    accounting: Accounting = _doc(
        "How losses add up, for the lineage's whole life. zcdp: Gaussian noise, rho adds; best for many answers. "
        "pure: Laplace noise, epsilon adds; best for fewer than about ten.",
        Way.ALWAYS,
        view=True,
        default=Accounting.ZCDP,
    )
    unlisted_delta: str = _doc(
        "The part of ``delta`` that all answers by keys without a public list (``unlisted_keys``) may spend together, "
        "such as '5e-7'; each takes a thousandth of it. '0': there are no such answers.",
        Way.ALWAYS,
        view=True,
        default="0",
    )
    per_question_percent: int = _doc(
        "The most that one question may take of the cap (1-100, percent).", Way.LARGER, default=25
    )
    project_percent: int = _doc("One project's quota of the cap (1-100, percent).", Way.LARGER, default=50)
    member_percent: int = _doc(
        "The most that one member of a project may take of what its agreement gives (1-100, percent).",
        Way.LARGER,
        default=100,
    )
    day_percent: int = _doc(
        "The most that a project may take in one day (UTC) of what its agreement gives (1-100, percent).",
        Way.LARGER,
        default=100,
    )
    promise_percent: int = _doc(
        "How much of the cap agreements may promise together (1-1000, percent). 100: each project finds what it was "
        "promised, whatever the others ask. More: projects compete for what is left.",
        Way.LARGER,
        default=100,
    )
    profile_percent: int = _doc(
        "What publishing spends of the cap, once, to learn how much units contribute (0-25, percent): answers about "
        "tables with many rows per unit are bounded by it. 0: it is not bought.",
        Way.NEVER,
        view=True,
        default=5,
    )
    base_percent: int = _doc(
        "What a base release costs of the cap, once, when the owner buys one (0-50, percent): counts over all columns "
        "and pairs of columns, from which counts are then answered free, and synthetic rows. 0: none can be bought.",
        Way.NEVER,
        view=True,
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

    modes: tuple[Mode, ...] = _doc("The modes an application may ask for.", Way.MORE, default=(Mode.QUERY,))
    max_days: int = _doc("The longest grant, in days.", Way.LARGER, default=365)
    conditions: tuple[str, ...] = _doc(
        "What an applicant promises, in plain words; part of the agreement.", Way.FEWER, default=()
    )
    feedback_days: int = _doc(
        "So many days after the end of a grant its people have said what came of it (days). 0: nobody has to.",
        Way.LARGER_OR_0,
        default=30,
    )
    feedback_every_days: int = _doc(
        "While it runs they report this often too (days). 0: never.", Way.LARGER_OR_0, default=0
    )
    feedback_grace_days: int = _doc(
        "So many days after a report was due, what is open is refused and nothing new is granted (days).",
        Way.LARGER,
        default=14,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseTerms:
    """What may leave, and who says so."""

    threshold: int = _doc("The fewest distinct units behind any cell that leaves.", Way.SMALLER, default=10)
    reviewers: int = _doc("How many votes a release needs.", Way.SMALLER, default=2)
    pool: tuple[str, ...] = _doc(
        "User names of those who may review releases of this dataset.", Way.MORE, default=()
    )
    file_types: tuple[str, ...] = _doc(
        "File types that may leave, found by content: csv, json, md, parquet, png, txt, ipynb.",
        Way.MORE,
        default=("csv",),
    )
    max_bytes: int = _doc("The largest file that may leave, in bytes.", Way.LARGER, default=1_000_000)
    review_days: int = _doc(
        "A request is decided within so many working days; then reviewers are reminded (1-60).",
        Way.NEVER,
        default=5,
    )
    fast_lane: FastLane = _doc(
        "What leaves without a vote. answers: outputs that consist wholly of private answers, for people who read no "
        "raw rows. planned: these, and for people who read raw rows tables that the signed plan names with their "
        "question, when the platform writes the same bytes and every check passes. none: nothing.",
        Way.EARLIER,
        default=FastLane.NONE,
    )
    sample_percent: int = _doc(
        "Of what could take the fast lane, the share that reviewers look at all the same (0-100, percent).",
        Way.SMALLER,
        default=10,
    )
    checks: CheckTerms = _doc("The limits of the checks.", Way.NEVER, default=CheckTerms())


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPolicy:
    """Everything an owner declares about one dataset."""

    name: str = _doc("The dataset's name in questions and addresses: a-z, 0-9 and _.", Way.ALWAYS, view=True)
    title: str = _doc("Its name for people.", Way.NEVER)
    open_class: OpenClass = _doc("Who may use it.", Way.EARLIER, view=True)
    domain: Domain = _doc("The field it belongs to.", Way.NEVER, default=Domain.OTHER)
    description: str = _doc("A paragraph for the catalogue.", Way.NEVER, default="")
    provider: str = _doc("Who provides it.", Way.NEVER)
    source: str = _doc("Where it came from, to be named in every result.", Way.NEVER)
    licence: str = _doc("Under what terms.", Way.NEVER)
    update_frequency: Frequency = _doc("How often a new version comes.", Way.NEVER, default=Frequency.NEVER)
    keywords: tuple[str, ...] = _doc("What people may search for.", Way.NEVER, default=())
    contact: Contact | None = _doc("Whom to ask.", Way.NEVER, default=None)
    quality: tuple[str, ...] = _doc(
        "What a user has to know of gaps, errors and changes; a sentence each.", Way.NEVER, default=()
    )
    statistics: tuple[str, ...] = _doc(
        "What the owner makes public of its size and content, such as 'about 1,000 applicants'. Nothing of this kind "
        "is computed from rows.",
        Way.MORE,
        default=(),
    )
    listed: bool = _doc(
        "Whether the catalogue says that it exists. Only a closed dataset can be hidden.",
        Way.LARGER,  # true
        default=True,
    )
    opened_by: tuple[OpenMode, ...] = _doc(
        "How it is opened. Default: download and interface when unconditional, sandbox when conditional.",
        Way.ALWAYS,
        default=(),
    )
    owner: str = _doc("User name of the person who decides.", Way.ALWAYS)
    lineage: str = _doc(
        "The budget's name. Versions, copies and derivations of the same people share one. Default: the name.",
        Way.ALWAYS,
        view=True,
        default="",
    )
    unit: Unit | None = _doc(
        "Whose privacy is protected. Needed unless unconditional or closed.",
        Way.TAKEN,
        view=True,
        default=None,
    )
    tables: Mapping[str, Table] = _doc("The tables by name.", Way.MORE, view=True, default_factory=dict)
    lookups: Mapping[str, Lookup] = _doc(
        "Small public tables that questions may join, by name.", Way.MORE, view=True, default_factory=dict
    )
    budget: BudgetTerms | None = _doc(
        "Needed unless unconditional or closed.", Way.GIVEN, view=True, default=None
    )
    access: AccessTerms = _doc("Who may apply for what.", Way.NEVER, default=AccessTerms())
    release: ReleaseTerms = _doc("What may leave.", Way.NEVER, default=ReleaseTerms())

    @property
    def budget_lineage(self) -> str:
        return self.lineage or self.name

    @property
    def private(self) -> bool:
        return self.open_class is OpenClass.CONDITIONAL

    @property
    def hidden(self) -> bool:
        """Nobody is told that it exists."""
        return self.open_class is OpenClass.CLOSED and not self.listed

    @property
    def open_modes(self) -> tuple[OpenMode, ...]:
        """How it is opened now."""
        return self.opened_by or OPEN_MODES[self.open_class]

    @property
    def guarantee(self) -> Guarantee:
        """How its losses are read.

        Raises:
            BadInput: it has no budget, so that it answers no questions.
        """
        if self.budget is None:
            raise BadInput(f"{self.name} has no budget, so that it answers no questions.", where="budget")
        return self.budget.guarantee

    @property
    def unit_column(self) -> str:
        """The column that names the units; empty where there are none."""
        return self.unit.column if self.unit is not None else ""

    def table(self, name: str) -> Table | None:
        return self.tables.get(name)
