"""What a row of the table of notices says (the rows are in ``notices``), a notice, and a message that carries some."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.audit import Fact
from sandbox.domain.notice_choices import Channel, Sending


class Topic(StrEnum):
    """What a notice is about; all that the outside is told of its kind."""

    ACCESS = "access"
    DUTY = "duty"
    REVIEW = "review"
    OUTPUT = "output"
    IMPORT = "import"
    JOB = "job"
    DATA = "data"
    OBJECTION = "objection"
    POLICY = "policy"
    USE = "use"
    ACCOUNT = "account"
    SOCIETY = "society"


class Urgency(StrEnum):
    NOW = "now"  # something stopped, or must not wait
    SOON = "soon"  # somebody has to do something in the next days
    NOTE = "note"  # good to know


class Whom(StrEnum):
    """Who is told, as it stands when the notice is written."""

    APPLICANT = "applicant"
    MEMBERS = "members"  # everybody of the application, or of the project
    UNSIGNED = "unsigned"  # members whose signature is missing
    MEMBER = "member"  # the one that the event names
    OWNER = "owner"  # of the data
    USERS = "users"  # everybody with a grant on the data that holds
    REQUESTER = "requester"
    REVIEWERS = "reviewers"  # who may review it, whether or not they have voted
    REVIEWERS_LEFT = "reviewers left"  # who may still vote
    VOTERS = "voters"  # who voted in this turn
    OWNER_SHORT = "owner short of reviewers"  # the owner, when too few are left to decide
    DECIDERS = "deciders"  # who may say yes or no to it, and did not ask for it
    PROPOSER = "proposer"
    OBJECTOR = "objector"  # by their account; visitors have none
    THEMSELF = "themself"  # whom the account is of: told also of what they did
    ADMINISTRATORS = "administrators"
    AUDITORS = "auditors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table.

    Attributes:
        kind: the rule's own name; notices are kept by it.
        event: the log's action.
        subject: a constant line; the only words that leave the portal.
        text: for the portal; ``{name}`` stands for a value of ``VALUES``.
        link: a page's path; ``{number}`` is the object's.
        when: facts that the event has to have.
        inside: shown in the portal alone.
    """

    kind: str
    event: str
    whom: tuple[Whom, ...]
    topic: Topic
    urgency: Urgency
    subject: str
    text: str
    link: str
    when: Mapping[str, Fact]
    inside: bool = False


# What a notice may hold; nothing else of an event or an object is taken over.
VALUES = frozenset(
    {"number", "dataset", "project", "due", "ends", "days", "course", "until", "about", "channel"}
)


def marked(text: str) -> str:
    """Marks a text, which is worded where it is shown; ``scripts/texts.py`` gathers them."""
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one person is told of one entry of the log.

    Attributes:
        id: 0 before it is kept.
        seq: the entry's number.
        values: what its text speaks of, by the names of ``VALUES``.
        link: a page's path below the portal's.
        at: the minute of the event, ISO 8601, UTC.
        read_at: empty: not yet.
    """

    id: int = 0
    seq: int
    person: str
    kind: str
    topic: Topic
    urgency: Urgency
    values: Mapping[str, str]
    link: str
    at: str
    read_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that is to leave the portal, or has.

    Attributes:
        key: the same at every try: who gets it twice knows it again.
        notices: the numbers of those that it tells of; none: it brings the code that confirms an address.
        digest: several together, once a day.
        attempts: how often it was tried.
        failure: why the newest try failed, in constant words.
    """

    id: int
    key: str
    person: str
    channel: Channel
    notices: tuple[int, ...]
    digest: bool
    state: Sending
    made_at: str
    due_at: str
    attempts: int = 0
    ended_at: str = ""
    failure: str = ""
