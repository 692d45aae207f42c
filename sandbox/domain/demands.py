"""The demand list: what people ask to be opened, how many want it, and what the owners answered.

- Anyone may ask and vote, also without an account. Votes of accounts and of visitors are counted apart.
- Owners and administrators answer; nobody answers a demand of their own.
- Spam is hidden by an administrator, with a reason; nothing is deleted.
- How to reach the one who asked is for administrators' eyes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.plain_text import plain_text


class DemandState(StrEnum):
    ASKED = "asked"
    PLANNED = "planned"
    OPENED = "opened"
    REFUSED = "refused"
    MERGED = "merged"


class Verb(StrEnum):
    """What an owner or administrator may answer."""

    PLAN = "plan"
    OPEN = "open"
    REFUSE = "refuse"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the demand's state machine."""

    start: DemandState
    verb: Verb
    end: DemandState
    event: str


STEPS: tuple[Step, ...] = (
    Step(DemandState.ASKED, Verb.PLAN, DemandState.PLANNED, "demand.planned"),
    Step(DemandState.ASKED, Verb.OPEN, DemandState.OPENED, "demand.opened"),
    Step(DemandState.ASKED, Verb.REFUSE, DemandState.REFUSED, "demand.refused"),
    Step(DemandState.ASKED, Verb.MERGE, DemandState.MERGED, "demand.merged"),
    Step(DemandState.PLANNED, Verb.OPEN, DemandState.OPENED, "demand.opened"),
    Step(DemandState.PLANNED, Verb.REFUSE, DemandState.REFUSED, "demand.refused"),
    Step(DemandState.PLANNED, Verb.MERGE, DemandState.MERGED, "demand.merged"),
    Step(DemandState.REFUSED, Verb.PLAN, DemandState.PLANNED, "demand.planned"),
    Step(DemandState.REFUSED, Verb.OPEN, DemandState.OPENED, "demand.opened"),
)
VOTED_IN = (DemandState.ASKED, DemandState.PLANNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for, as it was written."""

    title: str
    data: str  # what data
    holder: str  # who holds them; empty when the one who asks does not know
    purpose: str  # what for

    @property
    def sha256(self) -> str:
        """The same wish, written the same way, has the same hash."""
        texts = (self.title, self.data, self.holder, self.purpose)
        return content_hash([" ".join(text.casefold().split()) for text in texts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A wish on the list."""

    id: int
    wish: Wish
    asker: str  # a person's name; empty for a visitor
    state: DemandState
    version: int  # counts answers; an answer has to name the version it saw
    answer: str  # empty before one is given
    opened_as: str  # the dataset it was opened as
    merged_into: int | None
    hidden: str  # the reason; empty when it is shown
    votes: int  # of signed-in people, one each
    visitor_votes: int
    asked_at: str  # ISO 8601, UTC
    changed_at: str


def wish(*, title: str, data: str, holder: str, purpose: str) -> Wish:
    """The wish in plain text.

    Raises:
        BadInput: names the field.
    """
    return Wish(
        title=plain_text(title, where="title", least=5, most=120),
        data=plain_text(data, where="data", least=10, most=2000, lines=True),
        holder=plain_text(holder, where="holder", least=0, most=200),
        purpose=plain_text(purpose, where="purpose", least=10, most=2000, lines=True),
    )


def contact(text: str) -> str:
    """How to reach the one who asks, if they want to be reached."""
    return plain_text(text, where="contact", least=0, most=200)


def check_vote(demand: Demand) -> None:
    """Raise unless the demand still takes votes."""
    if demand.hidden:
        raise NotFound(f"There is no demand {demand.id}.")
    if demand.state not in VOTED_IN:
        raise Conflict(f"Demand {demand.id} is {demand.state}: it takes no more votes.")


def step(demand: Demand, verb: Verb, person: Person) -> Step:
    """The row that applies.

    Raises:
        NotAllowed: this person does not answer this demand.
        Conflict: its state has no such verb.
    """
    _check_answers(demand, person)
    for row in STEPS:
        if row.start is demand.state and row.verb is verb:
            return row
    raise Conflict(f"Demand {demand.id} is {demand.state}; it cannot be changed by '{verb}'.")


def check_hiding(person: Person) -> None:
    """Raise unless this person may hide what is on a public list."""
    check_role(person, Role.ADMINISTRATOR)


def check_answer(
    verb: Verb, text: str, *, demand: Demand, person: Person, owner: str = "", into: Demand | None = None
) -> str:
    """The answer in plain text, when it fits the verb.

    Args:
        owner: of the dataset that it was opened as; empty when no such dataset is public.
        into: the demand that it is merged with.
    """
    if verb is Verb.OPEN:
        if not owner:
            raise BadInput("No public dataset is named.", where="dataset", fix="Name one of the catalogue.")
        if owner != person.name and not person.has(Role.ADMINISTRATOR):
            raise NotAllowed("Only the dataset's owner says that it is the answer.", clause="dataset owner")
    if verb is Verb.MERGE and (
        into is None or into.id == demand.id or into.hidden or into.state is DemandState.MERGED
    ):
        raise BadInput(
            "It cannot be merged with that one.",
            where="into",
            fix="Name another demand that stands by itself.",
        )
    least = 10 if verb is Verb.REFUSE else 0
    return plain_text(text, where="answer", least=least, most=2000, lines=True)


def hiding_reason(text: str) -> str:
    """Why something is taken off a public list."""
    return plain_text(text, where="reason", least=5, most=500)


def allowed_actions(demand: Demand, person: Person | None, *, voted: bool = False) -> tuple[str, ...]:
    """What the one who asks may do with the demand now."""
    actions: list[str] = []
    if demand.state in VOTED_IN and not demand.hidden and not voted:
        actions.append("vote")
    if person is not None:
        try:
            _check_answers(demand, person)
        except (NotAllowed, NotFound):
            pass
        else:
            actions += [str(row.verb) for row in STEPS if row.start is demand.state]
        if person.has(Role.ADMINISTRATOR):
            actions.append("show" if demand.hidden else "hide")
    return tuple(actions)


def _check_answers(demand: Demand, person: Person) -> None:
    check_role(person, Role.OWNER, Role.ADMINISTRATOR)
    if demand.hidden:
        raise NotFound(f"Demand {demand.id} is hidden.")
    if demand.asker == person.name:
        raise NotAllowed("Nobody answers their own demand.", clause="separation of duties")
