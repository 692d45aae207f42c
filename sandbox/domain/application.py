"""An application: what is asked for, who moves it, and how it became what it is.

- It is decided by the dataset's owner, never by an applicant.
- It can go back and forth; each turn is kept whole, and what changed between two turns is shown.
- Everybody it names signs the agreement for themselves; only then does the grant begin.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from sandbox.domain.errors import BadInput, Conflict, NotAllowed
from sandbox.domain.people import NAME, Person, Role, check_role
from sandbox.domain.plain_text import HIDDEN, length
from sandbox.domain.policy import DatasetPolicy, Mode, OpenClass

MAX_MEMBERS = 50
_LONGEST = 4000  # characters of a text
_FEWEST = {"project": 3, "purpose": 20, "legal_basis": 0, "organisation": 0, "output_plan": 10}


class ApplicationState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"  # the owner, or a member, asks for changes
    APPROVED = "approved"  # the agreement is written; everybody it names has to sign
    ACTIVE = "active"
    EXPIRED = "expired"
    RENEWED = "renewed"  # another application goes on with it
    CLOSED = "closed"  # with a certificate
    REVOKED = "revoked"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Actor(StrEnum):
    APPLICANT = "applicant"  # who leads it
    MEMBER = "member"  # whom it names, the applicant too
    OWNER = "owner"
    PLATFORM = "platform"


class Verb(StrEnum):
    EDIT = "edit"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    SIGN = "sign"
    DECLINE = "decline"
    BEGIN = "begin"
    LEAVE = "leave"
    REMOVE_MEMBER = "remove_member"
    REVOKE = "revoke"
    CLOSE = "close"
    EXPIRE = "expire"
    RENEW = "renew"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the application's state machine."""

    start: ApplicationState
    verb: Verb
    end: ApplicationState
    actor: Actor
    event: str  # written on the log

    @property
    def clause(self) -> str:
        """The rule, or the clause of the agreement, by which it is done; the log names it too."""
        return _CLAUSES.get(self.verb, "separation of duties")


def _steps() -> tuple[Step, ...]:
    s, v, a = ApplicationState, Verb, Actor
    return (
        Step(s.DRAFT, v.EDIT, s.DRAFT, a.APPLICANT, "application.edited"),
        Step(s.DRAFT, v.SUBMIT, s.SUBMITTED, a.APPLICANT, "application.submitted"),
        Step(s.DRAFT, v.WITHDRAW, s.WITHDRAWN, a.APPLICANT, "application.withdrawn"),
        Step(s.SUBMITTED, v.APPROVE, s.APPROVED, a.OWNER, "application.approved"),
        Step(s.SUBMITTED, v.RETURN, s.RETURNED, a.OWNER, "application.returned"),
        Step(s.SUBMITTED, v.REJECT, s.REJECTED, a.OWNER, "application.rejected"),
        Step(s.SUBMITTED, v.WITHDRAW, s.WITHDRAWN, a.APPLICANT, "application.withdrawn"),
        Step(s.RETURNED, v.EDIT, s.RETURNED, a.APPLICANT, "application.edited"),
        Step(s.RETURNED, v.SUBMIT, s.SUBMITTED, a.APPLICANT, "application.submitted"),
        Step(s.RETURNED, v.WITHDRAW, s.WITHDRAWN, a.APPLICANT, "application.withdrawn"),
        Step(s.APPROVED, v.SIGN, s.APPROVED, a.MEMBER, "agreement.signed"),
        Step(s.APPROVED, v.DECLINE, s.RETURNED, a.MEMBER, "agreement.declined"),
        Step(s.APPROVED, v.BEGIN, s.ACTIVE, a.PLATFORM, "grant.began"),
        Step(s.APPROVED, v.REJECT, s.REJECTED, a.OWNER, "application.rejected"),
        Step(s.APPROVED, v.WITHDRAW, s.WITHDRAWN, a.APPLICANT, "application.withdrawn"),
        Step(s.ACTIVE, v.LEAVE, s.ACTIVE, a.MEMBER, "grant.left"),
        Step(s.ACTIVE, v.REMOVE_MEMBER, s.ACTIVE, a.OWNER, "grant.member_removed"),
        Step(s.ACTIVE, v.REVOKE, s.REVOKED, a.OWNER, "grant.revoked"),
        Step(s.ACTIVE, v.CLOSE, s.CLOSED, a.APPLICANT, "grant.closed"),
        Step(s.ACTIVE, v.EXPIRE, s.EXPIRED, a.PLATFORM, "grant.expired"),
        Step(s.ACTIVE, v.RENEW, s.RENEWED, a.PLATFORM, "grant.renewed"),
        Step(s.EXPIRED, v.RENEW, s.RENEWED, a.PLATFORM, "grant.renewed"),
        Step(s.EXPIRED, v.CLOSE, s.CLOSED, a.APPLICANT, "grant.closed"),
    )


STEPS = _steps()
_CLAUSES: dict[Verb, str] = {
    Verb.SUBMIT: "open_class",
    **dict.fromkeys((Verb.SIGN, Verb.DECLINE, Verb.BEGIN, Verb.LEAVE, Verb.REMOVE_MEMBER), "people"),
    **dict.fromkeys((Verb.CLOSE, Verb.EXPIRE, Verb.RENEW), "period"),
    Verb.REVOKE: "breach",  # the owner names the one that was broken
}
# No use of data comes of these; what is over stays over.
ENDED = frozenset(
    {
        ApplicationState.REJECTED,
        ApplicationState.WITHDRAWN,
        ApplicationState.EXPIRED,
        ApplicationState.RENEWED,
        ApplicationState.CLOSED,
        ApplicationState.REVOKED,
    }
)
WAITING = frozenset(
    {
        ApplicationState.DRAFT,
        ApplicationState.SUBMITTED,
        ApplicationState.RETURNED,
        ApplicationState.APPROVED,
    }
)
NEEDS_REASON = frozenset({Verb.RETURN, Verb.REJECT, Verb.DECLINE, Verb.REVOKE, Verb.REMOVE_MEMBER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for; one turn of an application.

    Attributes:
        members: everybody else who will use the data, by user name, sorted.
        tables: the columns that are needed, by table; empty: all of them.
        epsilon: the budget wanted, a decimal such as ``0.5``; empty: what the owner can give.
    """

    project: str
    purpose: str
    output_plan: str
    mode: Mode = Mode.QUERY
    days: int = 90
    organisation: str = ""
    legal_basis: str = ""
    members: tuple[str, ...] = ()
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    epsilon: str = ""

    def document(self) -> dict[str, Any]:
        """As plain values, which ``canonical_json`` writes."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            **plain,
            "mode": str(self.mode),
            "members": list(self.members),
            "tables": {table: list(columns) for table, columns in self.tables.items()},
        }


def wish_from(document: Mapping[str, Any]) -> Wish:
    """The wish that a stored document says."""
    return Wish(
        **{
            **document,
            "mode": Mode(document["mode"]),
            "members": tuple(document["members"]),
            "tables": {table: tuple(columns) for table, columns in document["tables"].items()},
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A wish as it was handed in, and what came back."""

    number: int  # from 1
    wish: Wish
    written_at: str  # ISO 8601, UTC
    answer: str = ""  # why it was returned or rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What a person asks for, in its newest turn.

    Attributes:
        signed: who has signed the agreement so far.
        renews: the application whose grants this one continues; 0 for none.
        version: counts changes; a change has to name the version it saw.
        certificate: SHA-256 of the certificate in the vault, once closed.
    """

    id: int
    dataset: str
    applicant: str
    wish: Wish
    state: ApplicationState = ApplicationState.SUBMITTED
    turn: int = 1
    version: int = 1
    renews: int = 0
    agreement_hash: str = ""  # once approved
    signed: tuple[str, ...] = ()
    submitted_at: str = ""  # ISO 8601, UTC; of the newest turn; empty until it is handed in
    changed_at: str = ""  # likewise
    certificate: str = ""

    @property
    def project(self) -> str:
        return self.wish.project

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody it names, the applicant first."""
        return (self.applicant, *self.wish.members)

    @property
    def unsigned(self) -> tuple[str, ...]:
        """Who still has to sign."""
        return tuple(name for name in self.people if name not in self.signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs between two turns, as people read it."""

    name: str
    before: str
    after: str


def differences(before: Wish, after: Wish) -> tuple[Change, ...]:
    """What was changed from one turn to the next, field by field."""
    pairs = zip(before.document().items(), after.document().values(), strict=True)
    return tuple(
        Change(name=name, before=_written(was), after=_written(now))
        for (name, was), now in pairs
        if was != now
    )


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{table}: {', '.join(columns)}" for table, columns in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def check_wish(policy: DatasetPolicy, person: Person, wish: Wish, *, complete: bool = True) -> None:
    """Raise unless this person may ask for this of the dataset.

    Args:
        wish: its project as ``project_name`` returned it.
        complete: texts are long enough to decide by; False while it is being written.
    """
    check_role(person, Role.RESEARCHER)
    if policy.open_class is OpenClass.UNCONDITIONAL:
        raise BadInput(
            f"{policy.name} is open to all.", where="dataset", fix="Download it; no application is needed."
        )
    if policy.open_class is OpenClass.CLOSED:
        raise NotAllowed(f"{policy.name} is closed.", clause="open_class", fix="")
    if wish.mode not in policy.access.modes:
        allowed = ", ".join(policy.access.modes)
        raise BadInput(
            f"{policy.name} is not opened in mode {wish.mode}.", where="mode", fix=f"Choose from: {allowed}."
        )
    if not 1 <= wish.days <= policy.access.max_days:
        raise BadInput(
            f"{wish.days} days is outside 1 to {policy.access.max_days}.",
            where="days",
            fix="Ask for a shorter period.",
        )
    for name, least in _FEWEST.items():
        check_text(name, getattr(wish, name), least if complete else 0)
    _check_members(person, wish.members)
    _check_tables(policy, wish.tables)
    if wish.epsilon:
        epsilon_of(wish.epsilon)


def unfinished(wish: Wish) -> tuple[BadInput, ...]:
    """What a wish still lacks before it can be handed in, text by text."""
    found = []
    for name, least in _FEWEST.items():
        try:
            check_text(name, getattr(wish, name), least)
        except BadInput as lacking:
            found.append(lacking)
    return tuple(found)


def check_text(name: str, text: str, least: int = 0) -> None:
    """Raise unless a text that people write can be read as it stands, and is long enough.

    Args:
        name: of its field.
        least: characters.
    """
    said = f"The {name.replace('_', ' ')}"
    if any(unicodedata.category(c) in HIDDEN for c in text if c not in "\n\r\t"):
        raise BadInput(
            f"{said} holds invisible characters.", where=name, fix="Type it again, in plain words."
        )
    if length(text) < least:
        raise BadInput(
            f"{said} is too short ({len(text.strip())} characters)."
            if text.strip()
            else f"{said} is missing.",
            where=name,
            fix=f"Write at least {least} characters: the owner decides by it.",
        )
    if len(text) > _LONGEST:
        raise BadInput(f"{said} is longer than {_LONGEST} characters.", where=name, fix="Shorten it.")


def _check_members(person: Person, members: tuple[str, ...]) -> None:
    if len(members) > MAX_MEMBERS:
        raise BadInput(
            f"There are {len(members)} members.", where="members", fix=f"Name {MAX_MEMBERS} at most."
        )
    for name in members:
        if not NAME.fullmatch(name):
            raise BadInput(f"{name!r} is no user name.", where="members", fix="Write them as they sign in.")
    if len(set(members)) != len(members) or person.name in members:
        raise BadInput("A member is named twice.", where="members", fix="You are a member yourself.")


def _check_tables(policy: DatasetPolicy, tables: Mapping[str, tuple[str, ...]]) -> None:
    for name, columns in tables.items():
        table = policy.table(name)
        if table is None:
            raise BadInput(
                f"{policy.name} has no table {name!r}.",
                where="tables",
                fix=f"Its tables: {', '.join(policy.tables)}.",
            )
        unknown = [column for column in columns if column not in table.columns]
        if unknown:
            raise BadInput(
                f"{name} has no column {unknown[0]!r}.",
                where=f"tables.{name}",
                fix=f"Its columns: {', '.join(table.columns)}.",
            )
        if len(set(columns)) != len(columns):
            raise BadInput(f"A column of {name} is named twice.", where=f"tables.{name}", fix="Name it once.")
        if not columns:
            raise BadInput(
                f"No column of {name} is named.", where=f"tables.{name}", fix="Name some, or leave it out."
            )


def epsilon_of(text: str) -> float:
    """A wanted budget as a number.

    Raises:
        BadInput: not a decimal above nothing.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or not 0 < value <= 100:
        raise BadInput(f"{text[:40]!r} is no budget.", where="epsilon", fix="Write a decimal such as 0.5.")
    return float(value)


def allowed_verbs(application: Application, policy: DatasetPolicy, person: Person) -> tuple[Verb, ...]:
    """The verbs that this person may use on the application now."""
    found = []
    for row in STEPS:
        if row.start is application.state and _plays(row.actor, application, policy, person):
            if row.verb is Verb.SIGN and person.name in application.signed:
                continue
            if row.verb is Verb.REMOVE_MEMBER and not application.wish.members:
                continue
            found.append(row.verb)
    return tuple(found)


def step(application: Application, verb: str, policy: DatasetPolicy, person: Person) -> Step:
    """The row that applies, or an error that says why none does.

    Raises:
        Conflict: the application's state has no such verb.
        NotAllowed: the verb belongs to somebody else.
    """
    rows = [s for s in STEPS if s.start is application.state and s.verb == verb]
    if not rows:
        raise Conflict(
            f"Application {application.id} is {application.state}; it cannot be changed by '{verb}'.",
            fix="Look at it again.",
        )
    row = rows[0]
    if not _plays(row.actor, application, policy, person):
        who = {Actor.OWNER: policy.owner, Actor.APPLICANT: application.applicant}.get(
            row.actor, "its members"
        )
        raise NotAllowed(
            f"Only {who} ({row.actor}) may {row.verb.replace('_', ' ')} application {application.id}.",
            clause="separation of duties",
        )
    if row.verb is Verb.SIGN and person.name in application.signed:
        raise Conflict(f"You have signed application {application.id}.", fix="Wait for the others.")
    return row


def platform_step(application: Application, verb: Verb) -> Step:
    """The row for what the platform itself does, as ``step``."""
    for row in STEPS:
        if row.start is application.state and row.verb is verb and row.actor is Actor.PLATFORM:
            return row
    raise Conflict(f"Application {application.id} is {application.state}; it cannot {verb}.")


def _plays(actor: Actor, application: Application, policy: DatasetPolicy, person: Person) -> bool:
    match actor:
        case Actor.OWNER:
            # Nobody decides about what they are to use themselves.
            return (
                person.name == policy.owner
                and person.has(Role.OWNER)
                and person.name not in application.people
            )
        case Actor.APPLICANT:
            return person.name == application.applicant
        case Actor.MEMBER:
            return person.name in application.people
        case Actor.PLATFORM:
            return False


def check_reason(verb: str, reason: str) -> str:
    """The reason without blanks around it; some verbs may not be used without one.

    Raises:
        BadInput: none, or too long a one.
    """
    reason = reason.strip()
    check_text("reason", reason)
    if verb in NEEDS_REASON and length(reason) < 5:
        raise BadInput(
            "A reason is missing.",
            where="reason",
            fix="Write what the other side should know (5 characters or more).",
        )
    if len(reason) > 500:
        raise BadInput("The reason is longer than 500 characters.", where="reason", fix="Shorten it.")
    return reason


def same_application(one: Application, others: Iterable[Application]) -> Application | None:
    """Another application of the same person for the same thing that waits for somebody: it was sent twice."""
    for other in others:
        if (
            other.id != one.id
            and (other.dataset, other.applicant, other.wish) == (one.dataset, one.applicant, one.wish)
            and other.state in WAITING
        ):
            return other
    return None
