"""Random people do random things: nobody ever has data without an active agreement that everybody signed.

What is true is worked out a second time, from the log alone and by other code than the flows': who approved, who
signed which agreement, what ended. After every action each grant is tried, and its yes is held against that.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.domain.application import Application, Verb, Wish
from sandbox.domain.audit import Event
from sandbox.domain.errors import CallerError, NotAllowed
from sandbox.domain.permission import Action
from sandbox.domain.privacy_loss import Loss

SEQUENCES = 1000 if os.environ.get("SANDBOX_AUDIT") == "long" else 30
ACTIONS = 14  # in each sequence
LOOKED_AT = 8  # the newest applications; what is older was looked at before
PEOPLE = ("ana", "ben", "olga", "rita")
ENDS = {"grant.revoked", "grant.closed", "grant.renewed", "grant.expired"}


@dataclass
class Told:
    """What the log says of one application."""

    agreement: str = ""
    approved_by: str = ""
    signed: set[str] = field(default_factory=set)
    document: dict[str, Any] = field(default_factory=dict)
    began: bool = False
    ended: bool = False
    gone: set[str] = field(default_factory=set)  # people whose own grant ended

    def hear(self, event: Event) -> None:
        match event.action:
            case "application.approved":
                self.agreement, self.approved_by = str(event.facts["agreement_sha256"]), event.actor
                self.signed = set()
            case "agreement.signed" if event.facts["agreement_sha256"] == self.agreement:
                self.signed.add(event.actor)
            case "grant.began":
                self.began = True
            case "grant.left" | "grant.member_removed":
                self.gone.add(str(event.facts["member"]))
            case _ if event.action in ENDS:
                self.ended = True


class Truth:
    """What the log says, read on from where it was read before."""

    def __init__(self, world: Any) -> None:
        self.world, self.after, self.suspended = world, 0, False
        self.told: dict[int, Told] = {}

    def now(self, today: date) -> dict[tuple[int, str], bool]:
        """(application, person) -> may use the data."""
        while entries := self.world.sandbox.store.log.entries(after=self.after, limit=1000):
            self.after = entries[-1].seq
            for entry in entries:
                self._hear(entry.event)
        return {
            (number, person): self._may(story, person, today)
            for number, story in list(self.told.items())[-LOOKED_AT:]
            if story.agreement
            for person in story.document["people"]["all"]
        }

    def _hear(self, event: Event) -> None:
        kind, _, number = event.object.partition(":")
        if kind == "application":
            story = self.told.setdefault(int(number), Told())
            story.hear(event)
            if event.action == "application.approved":
                agreement = self.world.sandbox.store.access.agreement_by_hash(story.agreement)
                story.document = agreement.document()
        if event.action in ("dataset.suspended", "dataset.resumed"):
            self.suspended = event.action == "dataset.suspended"

    def _may(self, story: Told, person: str, today: date) -> bool:
        starts, ends = (date.fromisoformat(story.document["period"][name]) for name in ("starts", "ends"))
        return (
            story.approved_by == "olga"
            and story.signed == set(story.document["people"]["all"])
            and story.began
            and not story.ended
            and person not in story.gone
            and starts <= today <= ends
            and not self.suspended
        )


def wrongly_open(world: Any, right: dict[tuple[int, str], bool]) -> list[str]:
    """The grants that may be used though the log tells of no right, or may not though it does."""
    wrong = []
    for grant in world.sandbox.store.grants.all():
        if (grant.application, grant.person) not in right and grant.application < min(right, default=(0,))[0]:
            continue  # of long ago
        try:
            world.sandbox.open_notebook.permission(
                world.person(grant.person),
                grant,
                Action.ASK,
                columns={"loans": frozenset({"sex"})},
                cost=Loss(1),
            )
            opened = True
        except NotAllowed as no:
            opened = False
            if no.clause == "feedback":
                continue  # what is owed is not told here
        if opened != right.get((grant.application, grant.person), False):
            wrong.append(f"grant {grant.id} of {grant.person}: {'open' if opened else 'closed'}")
    return wrong


class Play:
    """The actions, each by somebody chosen at random; most are refused, and change nothing."""

    def __init__(self, truth: Truth, clock: list[datetime], chance: random.Random) -> None:
        self.truth, self.world, self.clock, self.chance = truth, truth.world, clock, chance
        self.done: list[str] = []

    def one(self) -> None:
        who = self.chance.choice(PEOPLE)
        person = self.world.person(who)
        made = self._newest()
        number = self.chance.choice(made[-3:]).id if made else 1
        verb = self.chance.choice([*Verb, "apply", "apply", "draft", "renew it", "time", "suspend", "resume"])
        if self.chance.random() < 0.6:  # mostly something that somebody may do
            wanted = self._possible(made)
            if wanted is not None:
                person, number, verb = wanted
        self.done.append(f"{person.name} {verb} {number}")
        try:
            self._do(person, verb, number)
        except CallerError as refused:
            self.done[-1] += f" ({refused.code})"

    def _newest(self) -> tuple[Application, ...]:
        access, found, number = self.world.sandbox.store.access, [], max(1, len(self.truth.told) - 3)
        while (application := access.application(number)) is not None:
            found.append(application)
            number += 1
        return tuple(found)

    def _possible(self, made: tuple[Application, ...]) -> tuple[Any, int, str] | None:
        choices = [
            (person, view.application.id, action)
            for person in map(self.world.person, PEOPLE)
            for a in made[-3:]
            for view in self._seen(person, a.id)
            for action in view.allowed_actions
        ]
        return self.chance.choice(choices) if choices else None

    def _seen(self, person: Any, number: int) -> list[Any]:
        try:
            return [self.world.sandbox.access_views.application(person, number)]
        except CallerError:
            return []

    def _do(self, person: Any, verb: str, number: int) -> None:
        asking, ending = self.world.sandbox.request_access, self.world.sandbox.end_access
        chance, why = self.chance, "Because it is so."
        wish = Wish(
            project=chance.choice(("model", f"housing {len(self.truth.told) // 20}")),
            purpose="Model the default risk of loans.",
            output_plan="Counts by sex.",
            days=chance.choice((5, 20, 60)),
            members=tuple(n for n in ("ana", "ben") if n != person.name and chance.random() < 0.5),
            epsilon=chance.choice(("", "0.1")),
        )
        moves: dict[str, Callable[[], object]] = {
            "apply": lambda: asking.apply(person, dataset="loans", wish=wish),
            "draft": lambda: asking.apply(person, dataset="loans", wish=wish, draft=True),
            "renew it": lambda: asking.apply(person, dataset="loans", wish=wish, renews=number),
            "time": self._time,
            "suspend": lambda: self.world.sandbox.suspend_dataset.suspend(person, "loans", reason=why),
            "resume": lambda: self.world.sandbox.suspend_dataset.resume(person, "loans", reason=why),
            Verb.EDIT: lambda: asking.edit(person, number, wish),
            Verb.SUBMIT: lambda: asking.submit(person, number),
            Verb.WITHDRAW: lambda: asking.withdraw(person, number),
            Verb.APPROVE: lambda: asking.approve(person, number),
            Verb.RETURN: lambda: asking.send_back(person, number, reason=why),
            Verb.REJECT: lambda: asking.reject(person, number, reason=why),
            Verb.SIGN: lambda: asking.sign(person, number),
            Verb.DECLINE: lambda: asking.decline(person, number, reason=why),
            Verb.LEAVE: lambda: ending.leave(person, number),
            Verb.REMOVE_MEMBER: lambda: ending.remove_member(person, number, member="ben", reason=why),
            Verb.REVOKE: lambda: ending.revoke(person, number, reason=why),
            Verb.CLOSE: lambda: ending.close(person, number),
            Verb.EXPIRE: ending.expire,
            "report": lambda: ending.report(person, number, usefulness=3, text="It was of some use to us."),
        }
        moves.get(verb, lambda: None)()

    def _time(self) -> None:
        self.clock[0] += timedelta(days=self.chance.choice((1, 4, 10)))


def test_nobody_has_data_without_an_active_agreement_that_everybody_signed(
    world: Any, clock: list[datetime]
) -> None:
    truth = Truth(world)
    seen: set[bool] = set()
    for number in range(SEQUENCES):
        play = Play(truth, clock, random.Random(number))
        for _ in range(ACTIONS):
            play.one()
            right = truth.now(clock[0].date())
            wrong = wrongly_open(world, right)
            assert not wrong, (number, wrong, play.done)
            seen |= set(right.values())
    assert seen == {True, False}  # it was about something


def test_a_right_that_nobody_gave_is_seen(world: Any, clock: list[datetime]) -> None:
    """The control: a grant that is written into the database, or kept after its end."""
    from sqlalchemy import text

    truth = Truth(world)
    right = truth.now(clock[0].date())
    assert right == {(1, "ana"): True}
    assert wrongly_open(world, right) == []
    world.sandbox.end_access.revoke(world.person("olga"), 1, reason="It ended.")
    right = truth.now(clock[0].date())
    assert wrongly_open(world, right) == []
    with world.sandbox.store.database.engine.begin() as connection:
        connection.execute(text("UPDATE grants SET revoked = false"))
        connection.execute(text("UPDATE applications SET state = 'active'"))
    assert wrongly_open(world, right) == ["grant 1 of ana: open"]
