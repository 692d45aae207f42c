"""People, held against the log: their roles, whether their account is open, second factors and courses.

Passwords and the secrets of second factors are not on the log; who can write to the database can put others in their
place. That is found where the person cannot sign in any more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import Tampered
from sandbox.store import Store


@dataclass(slots=True)
class ToldPeople:
    """What the log says, by name."""

    roles: dict[str, Fact] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    enrolled: set[str] = field(default_factory=set)
    courses: dict[str, Counter[tuple[Fact, Fact]]] = field(default_factory=lambda: defaultdict(Counter))

    def hear(self, event: Event) -> None:
        name, facts = event.object.partition(":")[2], event.facts
        match event.action:
            case "person.added" | "person.roles_set":
                self.roles[name] = facts.get("roles", [])
            case "person.deactivated":
                self.closed.add(name)
            case "person.activated":
                self.closed.discard(name)
            case "person.second_factor_set":
                self.enrolled.add(name)
            case "person.second_factor_reset":
                self.enrolled.discard(name)
            case "training.recorded":
                self.courses[name][facts.get("course", ""), facts.get("until", "")] += 1


def check_people(store: Store, told: ToldPeople) -> int:
    """Hold the tables against what was told.

    Returns:
        The number of people.

    Raises:
        Tampered: names the person who is not who the log says.
    """
    courses: dict[str, Counter[tuple[Fact, Fact]]] = defaultdict(Counter)
    for record in store.training.records():
        courses[record.person][record.course, record.until.isoformat()] += 1
    people = store.people.all()
    for person in people:
        name = person.name
        for what, same in (
            ("roles", told.roles.get(name) == sorted(person.roles)),
            ("whether the account is open", person.active is (name not in told.closed)),
            ("second factor", store.second_factors.state(name).enrolled is (name in told.enrolled)),
            ("courses", courses[name] == told.courses[name]),
        ):
            if not same:
                raise _differs(name, what)
    for gone in sorted(set(told.roles) - {person.name for person in people}):
        raise _differs(gone, "whether there is such a person")
    return len(people)


def _differs(name: str, what: str) -> Tampered:
    return Tampered(f"Of person {name}, the database and the log differ in {what}.", place=f"person {name}")
