"""Training: who needs which course, until when it counts, and what is refused without it.

A course is recorded with the last day on which it counts. Records are only added; the newest of a course is the one
that holds, so that a mistake, or a course taken back, is mended by another record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sandbox.domain.errors import BadInput
from sandbox.domain.people import Person
from sandbox.domain.people_policy import Activity, Course, TrainingTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """One entry: this person took this course."""

    number: int  # counts up; a later record of the same course replaces an earlier one
    person: str
    course: str
    until: date  # the last day on which it counts
    recorded_at: str
    recorded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A course that a person needs and does not have today."""

    course: str
    title: str
    before: tuple[Activity, ...]
    ended: date | None  # None: never taken

    @property
    def words(self) -> str:
        """As a refusal names it."""
        return f"{self.title} (never taken)" if self.ended is None else f"{self.title} (ended {self.ended})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a person stands with one course."""

    course: str
    title: str
    until: date | None  # None: never taken
    needed: bool
    before: tuple[Activity, ...]  # what is refused without it
    holds: bool
    ends_soon: bool

    @property
    def stops(self) -> bool:
        """Something is refused today for want of it."""
        return self.needed and bool(self.before) and not self.holds


def missing_training(
    person: Person, records: Iterable[TrainingRecord], terms: TrainingTerms, today: date
) -> tuple[Missing, ...]:
    """The courses that this person's roles need and that do not count today, by name.

    Args:
        records: this person's; those of others are not looked at.
    """
    newest = _newest(person, records)
    return tuple(
        Missing(course=name, title=course.title, before=course.before, ended=_until(newest, name))
        for name, course in sorted(terms.courses.items())
        if _needs(person, course) and not _holds(newest, name, today)
    )


def standing(
    person: Person, records: Iterable[TrainingRecord], terms: TrainingTerms, today: date
) -> tuple[Standing, ...]:
    """Every course that the person needs or ever took, by name."""
    newest = _newest(person, records)
    names = {name for name, course in terms.courses.items() if _needs(person, course)} | newest.keys()
    return tuple(_standing(person, newest, terms, name, today) for name in sorted(names))


def check_record(course: str, until: date, terms: TrainingTerms, today: date) -> None:
    """Raise unless such a record can be made.

    Raises:
        BadInput: no such course, or a day in another age.
    """
    if course not in terms.courses:
        known = ", ".join(sorted(terms.courses)) or "none; add one to site.yaml"
        raise BadInput(f"There is no course {course!r}.", where="course", fix=f"Courses: {known}.")
    if not today - timedelta(days=3660) <= until <= today + timedelta(days=3660):
        raise BadInput(f"{until} is not within ten years.", where="until", fix="Write YYYY-MM-DD.")


def _standing(
    person: Person, newest: dict[str, TrainingRecord], terms: TrainingTerms, name: str, today: date
) -> Standing:
    course, until = terms.courses.get(name), _until(newest, name)
    holds = _holds(newest, name, today)
    return Standing(
        course=name,
        title=course.title if course else name,
        until=until,
        needed=course is not None and _needs(person, course),
        before=course.before if course else (),
        holds=holds,
        ends_soon=holds and until is not None and until <= today + timedelta(days=terms.remind_days),
    )


def _needs(person: Person, course: Course) -> bool:
    return not person.roles.isdisjoint(course.roles)


def _newest(person: Person, records: Iterable[TrainingRecord]) -> dict[str, TrainingRecord]:
    return {r.course: r for r in sorted(_of(person, records), key=lambda r: r.number)}


def _of(person: Person, records: Iterable[TrainingRecord]) -> Iterator[TrainingRecord]:
    return (r for r in records if r.person == person.name)


def _until(newest: dict[str, TrainingRecord], name: str) -> date | None:
    return newest[name].until if name in newest else None


def _holds(newest: dict[str, TrainingRecord], name: str, today: date) -> bool:
    until = _until(newest, name)
    return until is not None and today <= until
