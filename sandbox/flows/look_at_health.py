"""How every part of an installation is, for administrators: good, worth a look, or down, and what to do about it.

What speaks to other processes is handed in; nothing here waits longer than the slowest of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from sandbox.domain.errors import NotFound, SandboxError, Tampered
from sandbox.domain.job import JobState
from sandbox.domain.people import Person, Role, check_role
from sandbox.flows.record_attacks import RecordAttacks
from sandbox.isolation.image_list import BuiltImage
from sandbox.store import Store

GIB = 2**30
LITTLE_ROOM_BYTES, NO_ROOM_BYTES = 5 * GIB, GIB
MANY_WAITING = 20  # jobs
SENT_WITHIN = timedelta(
    minutes=20
)  # the process that sends looks every few seconds; a pause is 15 minutes at most
GIVEN_UP_LATELY = timedelta(days=7)
HEAD_IS_LATE = timedelta(days=2)  # one is kept every day
ATTACKED_LONG_AGO = timedelta(days=30)


class Condition(StrEnum):
    """How a part is."""

    OK = "ok"
    LOOK = "look"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartHealth:
    """One part.

    Attributes:
        group: what it stands under.
        fix: what to do; empty when nothing is to be done.
    """

    group: str
    name: str
    condition: Condition
    state: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtHealth:
    """The journey's parts.

    Attributes:
        probes: process -> whether it answers; each ends by itself within seconds.
        images: those that the last build made.
    """

    store: Store
    attacks: RecordAttacks
    home: Path
    probes: Mapping[str, Callable[[], bool]]
    images: Callable[[], Sequence[BuiltImage]]
    now: Callable[[], datetime]

    def __call__(self, person: Person) -> tuple[PartHealth, ...]:
        """Every part, group by group."""
        check_role(person, Role.ADMINISTRATOR)
        return (
            *self._processes(),
            self._database(),
            self._room(),
            *self._log(),
            self._jobs(),
            self._outbox(),
            self._attacked(),
            *self._images(),
        )

    def _processes(self) -> Iterator[PartHealth]:
        with ThreadPoolExecutor(max_workers=max(1, len(self.probes))) as pool:
            asked = {name: pool.submit(probe) for name, probe in self.probes.items()}
        for name, answer in asked.items():
            up, log = answer.exception() is None and answer.result(), f"{name}.log"
            yield PartHealth(
                group="processes",
                name=name,
                condition=Condition.OK if up else Condition.DOWN,
                state="It answers." if up else "It does not answer.",
                fix="" if up else f"Read {log} in the folder of logs, then run: sandbox up.",
            )

    def _database(self) -> PartHealth:
        try:
            entries = self.store.log.head().seq
        except Tampered as broken:
            return _part("storage", "database", Condition.DOWN, broken.message, broken.fix)
        return _part("storage", "database", Condition.OK, f"It answers; the log has {entries} entries.")

    def _room(self) -> PartHealth:
        free = shutil.disk_usage(self.home).free
        state = f"{free // GIB} GiB are free."
        if free >= LITTLE_ROOM_BYTES:
            return _part("storage", "disk", Condition.OK, state)
        condition = Condition.LOOK if free >= NO_ROOM_BYTES else Condition.DOWN
        return _part("storage", "disk", condition, state, "Free some space: images and views need 5 GiB.")

    def _log(self) -> Iterator[PartHealth]:
        stop = "Stop the system, keep a copy of it as it is, and run: sandbox audit verify."
        try:
            end = self.store.log.check_end()
        except Tampered as broken:
            yield _part("log", "anchor", Condition.DOWN, broken.message, stop)
        else:
            behind = end.head.seq - end.anchored.seq
            if behind:
                fix = "Check the rights and the disk of the folder named anchor in the home."
                yield _part("log", "anchor", Condition.LOOK, f"It is {behind} entries behind.", fix)
            else:
                yield _part("log", "anchor", Condition.OK, f"It is at entry {end.head.seq}, the newest.")
        try:
            head = self.store.log_tree.heads.newest()
        except Tampered as broken:
            yield _part("log", "signed heads", Condition.DOWN, broken.message, stop)
            return
        if head is None:
            keep = "Keep the first one: sandbox audit head."
            yield _part("log", "signed heads", Condition.LOOK, "None was kept yet.", keep)
        elif self.now() - datetime.fromisoformat(head.at) > HEAD_IS_LATE:
            state = f"The newest is of {head.at[:10]}; one is due every day."
            yield _part(
                "log", "signed heads", Condition.LOOK, state, "Read portal.log in the folder of logs."
            )
        else:
            state = f"The newest is of {head.at[:10]}, over {head.size} entries."
            yield _part("log", "signed heads", Condition.OK, state)

    def _jobs(self) -> PartHealth:
        counts = self.store.jobs.counts()
        waiting, running = counts.get(JobState.QUEUED, 0), counts.get(JobState.RUNNING, 0)
        state = f"{waiting} wait, {running} run."
        if waiting <= MANY_WAITING:
            return _part("queues", "jobs", Condition.OK, state)
        fix = "See that the worker runs, and whether long jobs hold the others up."
        return _part("queues", "jobs", Condition.LOOK, state, fix)

    def _outbox(self) -> PartHealth:
        """What is to leave the portal: e-mails and calls of the webhook."""
        unsent = self.store.outbox.unsent(late=SENT_WITHIN, lately=GIVEN_UP_LATELY)
        name, since = "notices to send", f"{unsent.since[:16].replace('T', ' ')} UTC"
        if unsent.failing:
            state = (
                f"{unsent.waiting} wait; {unsent.failing} could not be sent yet, the oldest is of {since}."
            )
            fix = "Read why: sandbox notices outbox. See whether the server takes a trial: sandbox notices test."
            return _part("queues", name, Condition.LOOK, state, fix)
        if unsent.late:
            state = f"{unsent.waiting} wait; {unsent.late} were never tried, the oldest is of {since}."
            return _part("queues", name, Condition.LOOK, state, "See that the process post runs: sandbox up.")
        if unsent.given_up:
            days = GIVEN_UP_LATELY.days
            state = f"{unsent.waiting} wait; {unsent.given_up} were given up within the last {days} days."
            fix = "Read why: sandbox notices outbox. Once it is mended, send them: sandbox notices outbox --again."
            return _part("queues", name, Condition.LOOK, state, fix)
        return _part("queues", name, Condition.OK, f"{unsent.waiting} wait.")

    def _attacked(self) -> PartHealth:
        again = "Attack it again: sandbox doctor --attack."
        name = "last attack on ourselves"
        try:
            report = self.attacks.last()
        except NotFound as never:
            return _part("isolation", name, Condition.LOOK, never.message, never.fix)
        except SandboxError as broken:
            return _part("isolation", name, Condition.DOWN, broken.message, again)
        day, attacks = report.at[:10], len(report.rows)
        if not report.good:
            state = f"On {day} not all of {attacks} attacks were refused."
            fix = "Read report.md in the folder named attacks in the home; close notebooks and jobs until it is mended."
            return _part("isolation", name, Condition.DOWN, state, fix)
        if self.now() - datetime.fromisoformat(report.at) > ATTACKED_LONG_AGO:
            return _part("isolation", name, Condition.LOOK, f"The last one was on {day}.", again)
        return _part("isolation", name, Condition.OK, f"On {day} all of {attacks} attacks were refused.")

    def _images(self) -> Iterator[PartHealth]:
        found = self.images()
        if not found:
            fix = "Build the images: make images."
            yield _part("isolation", "images", Condition.LOOK, "This machine has no list of images.", fix)
        for image in found:
            state = f"{image.tag}, {image.digest[:19]}…"
            yield _part("isolation", f"image {image.role}", Condition.OK, state)


def _part(group: str, name: str, condition: Condition, state: str, fix: str = "") -> PartHealth:
    return PartHealth(group=group, name=name, condition=condition, state=state, fix=fix)
