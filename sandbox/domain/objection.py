"""An objection or a report of an error: who moves it, what it stops, and what ends that.

- Anybody may hand one in, without an account. A rights-holder's (privacy, trade secret) suspends at once.
- So that nobody can stop a dataset for ever, only a few a day suspend by themselves; the others are looked at first.
- The owner or an administrator decides, with a reason that the objector reads. Who objected may take it back.
- What an objection suspended is resumed by its decision alone, and by nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sandbox.domain.deadlines import decision_due
from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.evidence_file import EvidenceFile
from sandbox.domain.people import Person, Role
from sandbox.domain.plain_text import plain_text
from sandbox.domain.policy import ColumnType, DatasetPolicy
from sandbox.domain.site_policy import ObjectionTerms
from sandbox.domain.suspension import Suspension

_TEXT = (20, 4000)  # characters
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,30}")
_LONGEST_LINE = 200


class Kind(StrEnum):
    ERROR = "error"
    PRIVACY = "privacy"
    TRADE_SECRET = "trade_secret"  # noqa: S105 - a kind, not a password
    OTHER = "other"


OF_RIGHTS = frozenset({Kind.PRIVACY, Kind.TRADE_SECRET})  # a rights-holder's: they suspend


class Scope(StrEnum):
    DATASET = "dataset"
    COLUMN = "column"
    UNIT = "unit"  # the rows of one person, firm …


class State(StrEnum):
    RECEIVED = "received"
    UNDER_REVIEW = "under_review"
    UPHELD_WITHDRAWN = "upheld_withdrawn"  # it is right; the data stay suspended
    CORRECTED_RESUMED = "corrected_resumed"  # the data were processed again, and are used again
    DISMISSED = "dismissed"
    DISMISSED_AS_ABUSE = "dismissed_as_abuse"
    WITHDRAWN_BY_OBJECTOR = "withdrawn_by_objector"


class Actor(StrEnum):
    DECIDER = "decider"  # the dataset's owner, or an administrator
    OBJECTOR = "objector"  # who knows the tracking word


class Verb(StrEnum):
    LOOK = "look"
    SUSPEND = "suspend"
    UPHOLD = "uphold"
    CORRECT = "correct"
    WITHHOLD = "withhold"
    DISMISS = "dismiss"
    DISMISS_AS_ABUSE = "dismiss_as_abuse"
    WITHDRAW = "withdraw"


class Effect(StrEnum):
    """What a step does to the suspension that belongs to the objection."""

    NONE = "none"
    BEGINS = "begins"  # unless it is in force
    ENDS = "ends"
    ENDS_AT_ONCE = "ends_at_once"  # ends what the objection itself began; not what the owner did about it


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the objection's state machine."""

    start: State
    verb: Verb
    end: State
    actor: Actor
    event: str  # written on the log
    effect: Effect


def _steps() -> tuple[Step, ...]:
    s, v, e = State, Verb, Effect
    by, who = Actor.DECIDER, Actor.OBJECTOR
    review, upheld = s.UNDER_REVIEW, s.UPHELD_WITHDRAWN
    taken_back = s.WITHDRAWN_BY_OBJECTOR
    return (
        Step(s.RECEIVED, v.LOOK, review, by, "objection.looked_at", e.NONE),
        Step(s.RECEIVED, v.WITHDRAW, taken_back, who, "objection.withdrawn", e.ENDS_AT_ONCE),
        Step(review, v.SUSPEND, review, by, "objection.suspended", e.BEGINS),
        Step(review, v.UPHOLD, upheld, by, "objection.upheld", e.BEGINS),
        Step(review, v.CORRECT, s.CORRECTED_RESUMED, by, "objection.corrected", e.ENDS),
        Step(review, v.WITHHOLD, s.CORRECTED_RESUMED, by, "objection.unit_withheld", e.ENDS),
        Step(review, v.DISMISS, s.DISMISSED, by, "objection.dismissed", e.ENDS),
        Step(review, v.DISMISS_AS_ABUSE, s.DISMISSED_AS_ABUSE, by, "objection.dismissed_as_abuse", e.ENDS),
        Step(review, v.WITHDRAW, taken_back, who, "objection.withdrawn", e.ENDS_AT_ONCE),
        Step(upheld, v.CORRECT, s.CORRECTED_RESUMED, by, "objection.corrected", e.ENDS),
        Step(upheld, v.WITHHOLD, s.CORRECTED_RESUMED, by, "objection.unit_withheld", e.ENDS),
    )


STEPS = _steps()
OPEN = frozenset({State.RECEIVED, State.UNDER_REVIEW})  # waits for a decision
NEEDS_ANSWER = frozenset({row.verb for row in STEPS if row.actor is Actor.DECIDER} - {Verb.LOOK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One objection. Who handed it in is kept apart from it: see ``ObjectorContact``.

    Attributes:
        table, column: of scope column.
        unit_file: of scope unit: the file in which the engine finds whom it is about; empty once it is forgotten.
        at_once: it suspended when it came.
        named: handed in from an account.
        data_version: of the dataset, when it came.
        answer: the newest reason, for the objector.
        version: counts changes; a change has to name the version it saw.
    """

    id: int
    dataset: str
    kind: Kind
    scope: Scope
    text: str
    table: str = ""
    column: str = ""
    unit_file: str = ""
    state: State = State.RECEIVED
    version: int = 1
    at_once: bool = False
    named: bool = False
    data_version: int = 1
    evidence: tuple[EvidenceFile, ...] = ()
    received_at: str = ""  # ISO 8601, UTC
    changed_at: str = ""  # likewise
    decided_by: str = ""
    answer: str = ""

    @property
    def due(self) -> date | None:
        """The last day for a decision; None when nothing waits for one."""
        return decision_due(date.fromisoformat(self.received_at[:10])) if self.state in OPEN else None

    @property
    def place(self) -> str:
        """What it is about, in words."""
        if self.scope is Scope.UNIT:
            return f"the rows of one, in {self.dataset}"
        return f"{self.dataset}.{self.table}.{self.column}" if self.column else self.dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectorContact:
    """Who handed it in. For the owner and administrators alone.

    Attributes:
        person: the account it was handed in from; empty without one.
    """

    name: str = ""
    contact: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lately:
    """What came before an objection.

    Attributes:
        at_once: those that suspended this dataset at once within a day.
        abuse: one about this dataset was dismissed as abuse within ``abuse_days``.
        own_abuse: one of this very account was, about any dataset.
    """

    at_once: int
    abuse: bool
    own_abuse: bool


def suspends_at_once(kind: Kind, *, named: bool, lately: Lately, terms: ObjectionTerms) -> bool:
    """Whether an objection suspends when it comes, before anybody looked at it."""
    if kind not in OF_RIGHTS or lately.at_once >= terms.at_once_per_day:
        return False
    return not lately.own_abuse if named else not lately.abuse


def check_objection(
    policy: DatasetPolicy,
    *,
    scope: Scope,
    text: str,
    table: str = "",
    column: str = "",
    unit: str = "",
    contact: ObjectorContact,
) -> str:
    """The words of an objection as they are kept; raises unless somebody can object to this.

    Args:
        unit: whom it is about, as the data name them.
    """
    kept = plain_text(text, where="text", least=_TEXT[0], most=_TEXT[1], lines=True)
    for name, line in (("name", contact.name), ("contact", contact.contact), ("unit", unit)):
        plain_text(line, where=name, least=0, most=_LONGEST_LINE)
    if scope is Scope.COLUMN:
        if not table and not column:
            raise BadInput(
                "It is not said which column it is about.", where="column", fix="Choose one of the list."
            )
        check_column(policy, table, column)
    elif table or column:
        raise BadInput(
            "A column is named, but not objected to.", where="scope", fix="Choose the scope column."
        )
    if scope is Scope.UNIT:
        if not policy.private or policy.unit is None:
            raise BadInput(
                f"{policy.name} names no units.", where="scope", fix="Object to the dataset or to a column."
            )
        if not unit.strip():
            raise BadInput(
                f"It is not said which {policy.unit.noun} it is about.",
                where="unit",
                fix=f"Write the value of {policy.unit.column}; only the machine that makes the data reads it.",
            )
        if unit_type(policy) is ColumnType.INTEGER and not _WHOLE_NUMBER.fullmatch(unit.strip()):
            raise BadInput(
                f"{policy.unit.column} is a whole number.",
                where="unit",
                fix="Write it in digits. If you do not know it, object to all of the data.",
            )
    elif unit:
        raise BadInput("A unit is named, but not objected to.", where="scope", fix="Choose the scope unit.")
    return kept


def unit_type(policy: DatasetPolicy) -> ColumnType | None:
    """What values of the column that names the units look like; None where nothing does."""
    for table in policy.tables.values():
        if policy.private and policy.unit_column in table.columns:
            return table.columns[policy.unit_column].type
    return None


def check_column(policy: DatasetPolicy, table: str, column: str) -> None:
    """Raise unless a single column of a dataset can be suspended."""
    declared = policy.table(table)
    if declared is None or column not in declared.columns:
        names = ", ".join(f"{t}.{c}" for t, of in policy.tables.items() for c in of.columns)
        raise BadInput(
            f"{policy.name} has no column {table}.{column}.", where="column", fix=f"Its columns: {names}."
        )
    if column == policy.unit_column:
        raise BadInput(
            f"{table}.{column} names the units: every question needs it.",
            where="column",
            fix="Take the whole dataset.",
        )


def check_column_alone(policy: DatasetPolicy, table: str, column: str) -> None:
    """Raise unless a column can be stopped while the others go on."""
    check_column(policy, table, column)
    if not policy.private:
        raise BadInput(
            f"{policy.name} is handed out as whole files.", where="column", fix="Suspend the whole dataset."
        )


def suspension_of(objection: Objection, policy: DatasetPolicy, *, made_by: str) -> Suspension:
    """What an objection suspends, in words that tell everybody no more than its kind.

    Of what is handed out as whole files, a column stops all.
    """
    alone = policy.private
    return Suspension(
        dataset=objection.dataset,
        table=objection.table if alone else "",
        column=objection.column if alone else "",
        reason=f"Somebody objected: {objection.kind.replace('_', ' ')}.",
        objection=objection.id,
        made_by=made_by,
    )


def decides(policy: DatasetPolicy, person: Person) -> bool:
    """Whether a person decides about objections to a dataset, and about its suspension."""
    return person.has(Role.ADMINISTRATOR) or (person.has(Role.OWNER) and person.name == policy.owner)


def allowed_verbs(objection: Objection, policy: DatasetPolicy, person: Person | None) -> tuple[Verb, ...]:
    """What may be done with it now.

    Args:
        person: None for the objector, who came with the tracking word.
    """
    actor = _actor(policy, person)
    rows = (row for row in STEPS if row.start is objection.state and row.actor is actor)
    return tuple(row.verb for row in rows if _fits(objection, row.verb))


def step(objection: Objection, verb: str, policy: DatasetPolicy, person: Person | None) -> Step:
    """The row that applies, or an error that says why none does.

    Raises:
        Conflict: its state, or its scope, has no such verb.
        NotAllowed: the verb belongs to somebody else.
    """
    rows = [row for row in STEPS if row.start is objection.state and row.verb == verb]
    if not rows or not _fits(objection, rows[0].verb):
        raise Conflict(
            f"Objection {objection.id} is {objection.state.replace('_', ' ')} and about "
            f"{objection.scope}; it cannot be changed by {str(verb)[:40]!r}.",
            fix="Look at it again.",
        )
    if rows[0].actor is not _actor(policy, person):
        raise NotAllowed(
            f"Only the {rows[0].actor} may {rows[0].verb.replace('_', ' ')} objection {objection.id}.",
            clause="separation of duties",
        )
    return rows[0]


def check_answer(verb: str, answer: str) -> str:
    """The reason without blanks around it. All but a first look need one: the objector reads it.

    Raises:
        BadInput: none, or too long a one.
    """
    least = 10 if verb in NEEDS_ANSWER else 0
    return plain_text(answer, where="reason", least=least, most=2000, lines=True)


def check_corrected(objection: Objection, version: int) -> None:
    """Raise unless the dataset has a newer version than the one that was objected to."""
    if version <= objection.data_version:
        raise Conflict(
            f"{objection.dataset} is as it was when objection {objection.id} came (version {version}).",
            fix="Publish the corrected data first; then say so here.",
        )


def check_by_hand(suspension: Suspension, state: State | None) -> None:
    """Raise unless a suspension may be ended by hand.

    Args:
        state: of the objection that it comes from; None where it comes from none.
    """
    if state in OPEN or state is State.UPHELD_WITHDRAWN:
        raise NotAllowed(
            f"{suspension.place} is suspended by objection {suspension.objection}, which is "
            f"{str(state).replace('_', ' ')}.",
            clause="objection",
            fix=f"Decide objection {suspension.objection}; its decision resumes the data.",
        )


def _actor(policy: DatasetPolicy, person: Person | None) -> Actor | None:
    if person is None:
        return Actor.OBJECTOR
    return Actor.DECIDER if decides(policy, person) else None


def _fits(objection: Objection, verb: Verb) -> bool:
    """What was objected to says how it is corrected: a unit is withheld, all else is published anew by its owner."""
    if verb is Verb.WITHHOLD:
        return objection.scope is Scope.UNIT
    return verb is not Verb.CORRECT or objection.scope is not Scope.UNIT
