"""Anybody objects, or reports an error: no account, one form, at once.

Looked at in this order, so that nothing of it is kept when one says no: the words, the evidence, how often it came
from there. Then, in one transaction: the objection, its suspension, the requests that it holds, the log. What it gives
back is a number that everybody may know and a tracking word that only the objector has.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hmac import compare_digest

from sandbox.domain import objection as rules
from sandbox.domain.audit import Event
from sandbox.domain.canonical import sha256_hex
from sandbox.domain.errors import NotFound, TooOften
from sandbox.domain.evidence_file import EvidenceFile, kinds_of
from sandbox.domain.objection import (
    Kind,
    Lately,
    Objection,
    ObjectorContact,
    Scope,
    State,
    Verb,
)
from sandbox.domain.people import Person
from sandbox.domain.policy import ObjectionTerms, OpenClass
from sandbox.domain.suspension import PUBLIC, Suspension
from sandbox.flows.suspend_dataset import SuspendDataset
from sandbox.flows.visitors import MAX_ADDRESSES, Visitor, Visitors
from sandbox.flows.withheld_units import WithheldUnits
from sandbox.store import Dataset, Store

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letter that is read as another
_WORD = (5, 5)  # groups of letters: 124 bits
_MIB = 2**20
_NUMBERS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody writes.

    Attributes:
        unit: whom it is about, as the data name them; kept for the engine alone.
        name, contact: who writes; both may be left out.
    """

    dataset: str
    kind: Kind
    text: str
    scope: Scope = Scope.DATASET
    table: str = ""
    column: str = ""
    unit: str = ""
    name: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """What the objector gets, once."""

    objection: Objection
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectToData:
    """The journey's parts."""

    store: Store
    terms: ObjectionTerms
    suspending: SuspendDataset
    units: WithheldUnits
    visitors: Visitors
    now: Callable[[], datetime]

    def receive(self, who: Person | Visitor, wish: Wish, *, evidence: Sequence[bytes] = ()) -> Acknowledged:
        """Take an objection or a report.

        Args:
            who: a person by their account, or a visitor by their address.
            evidence: the contents of files; their names are not kept.

        Raises:
            NotFound: no dataset of that name is used here. Closed and hidden ones get the same words.
            BadInput, TooLarge: nothing was kept.
            TooOften: from this address, or about this dataset.
        """
        row = self._dataset(wish.dataset)
        contact = ObjectorContact(
            name=wish.name.strip(),
            contact=wish.contact.strip(),
            person=who.name if isinstance(who, Person) else "",
        )
        text = rules.check_objection(
            row.policy,
            scope=wish.scope,
            text=wish.text,
            table=wish.table,
            column=wish.column,
            unit=wish.unit,
            contact=contact,
        )
        wish = replace(wish, text=text)
        kinds = kinds_of(evidence, max_files=self.terms.max_files, max_bytes=self.terms.max_file_mib * _MIB)
        self._check_often(who, wish.dataset)
        files = []
        for content, kind in zip(evidence, kinds, strict=True):
            kept = self.store.vault.put(content)
            files.append(EvidenceFile(sha256=kept.sha256, kind=kind, size_bytes=kept.size_bytes))
        word = tracking_word()
        unit_file = self.units.keep(wish.dataset, wish.unit) if wish.scope is Scope.UNIT else ""
        try:
            with self.store.transaction():
                objection, suspension = self._kept(row, wish, contact, tuple(files), unit_file, word)
        except BaseException:
            self.units.forget(unit_file)
            raise
        if suspension is not None:
            self.suspending.stop_notebooks(suspension)
        return Acknowledged(objection=objection, word=word)

    def track(self, number: int, word: str) -> Objection:
        """How it stands, for whoever has number and word.

        Raises:
            NotFound: no such number, or not its word; the same words, after the same work.
        """
        known = self.store.objections.secret_sha256(number) if 0 < number < _NUMBERS else ""
        right = compare_digest(_hash(word), known or _hash("nothing"))
        objection = self.store.objections.get(number) if known and right else None
        if objection is None:
            raise NotFound(
                "There is no objection with this number and this word.",
                fix="Copy both from the page that acknowledged it.",
            )
        return objection

    def withdraw(self, number: int, word: str) -> Objection:
        """Take it back. What it suspended by itself goes on; what the owner suspended over it does not."""
        objection = self.track(number, word)
        row = self.store.datasets.get(objection.dataset)
        if row is None:
            raise NotFound(f"There is no dataset {objection.dataset!r}.")
        step = rules.step(objection, Verb.WITHDRAW, row.policy, None)
        event = Event(PUBLIC, step.event, f"objection:{objection.id}", {"dataset": objection.dataset})
        with self.store.transaction():
            moved = self.store.objections.move(objection, step, event=event, forget_unit=True)
            for suspension in self.store.suspensions.by_objection(objection.id):
                if suspension.made_by == PUBLIC:
                    self.suspending.end(suspension, actor=PUBLIC, reason="The objection was taken back.")
        self.units.forget(objection.unit_file)
        self.suspending.let_out()
        return moved

    def _kept(
        self,
        row: Dataset,
        wish: Wish,
        contact: ObjectorContact,
        files: tuple[EvidenceFile, ...],
        unit_file: str,
        word: str,
    ) -> tuple[Objection, Suspension | None]:
        at_once = rules.suspends_at_once(
            wish.kind,
            named=bool(contact.person),
            lately=self._lately(wish.dataset, contact.person),
            terms=self.terms,
        )
        made = Objection(
            id=0,
            dataset=wish.dataset,
            kind=wish.kind,
            scope=wish.scope,
            text=wish.text,
            table=wish.table,
            column=wish.column,
            unit_file=unit_file,
            at_once=at_once,
            named=bool(contact.person),
            data_version=row.version,
            evidence=files,
        )
        event = Event(
            PUBLIC,  # the log has readers too, and who it was is kept apart
            "objection.received",
            "objection:new",
            {
                "dataset": wish.dataset,
                "kind": str(wish.kind),
                "scope": str(wish.scope),
                "at_once": int(at_once),
                "evidence_sha256": [file.sha256 for file in files],
            },
        )
        objection = self.store.objections.add(made, contact=contact, secret_sha256=_hash(word), event=event)
        if not at_once:
            return objection, None
        suspension = rules.suspension_of(objection, row.policy, made_by=PUBLIC)
        return objection, self.suspending.begin(suspension, actor=PUBLIC)

    def _lately(self, dataset: str, person: str) -> Lately:
        count, now = self.store.objections.count, self.now()
        day = (now - timedelta(days=1)).isoformat(timespec="microseconds")
        abuse = (now - timedelta(days=self.terms.abuse_days)).isoformat(timespec="microseconds")
        bad = State.DISMISSED_AS_ABUSE
        return Lately(
            at_once=count(since=day, dataset=dataset, at_once=True),
            abuse=count(since=abuse, dataset=dataset, state=bad) > 0,
            own_abuse=bool(person) and count(since=abuse, person=person, state=bad) > 0,
        )

    def _check_often(self, who: Person | Visitor, dataset: str) -> None:
        day = (self.now() - timedelta(days=1)).isoformat(timespec="microseconds")
        count, each = self.store.objections.count, self.terms.per_address_per_day
        if isinstance(who, Visitor):
            self.visitors.take(who, "object", about="", each=each, all=MAX_ADDRESSES)
        elif count(since=day, person=who.name) >= each:
            raise TooOften(
                f"That is more than {each} a day from one account.",
                clause="one account a day",
                fix="Come back tomorrow.",
            )
        if count(since=day, dataset=dataset) >= self.terms.per_dataset_per_day:
            raise TooOften(
                f"Very many wrote about {dataset} within a day.",
                clause="one dataset a day",
                fix="Its owner looks at them. Write tomorrow, or to the provider of the data.",
            )

    def _dataset(self, name: str) -> Dataset:
        row = self.store.datasets.get(name)
        if row is None or row.policy.open_class is OpenClass.CLOSED:
            raise NotFound(
                f"No data called {name[:64]!r} are used here.",
                fix="The catalogue names those that are. Closed data are used by nobody: write to who holds them.",
            )
        return row


def tracking_word() -> str:
    """A new one, to be read out and typed: ``k3xqa-…``."""
    groups, letters = _WORD
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(letters)) for _ in range(groups))


def _hash(word: str) -> str:
    plain = "".join(word.lower().split()).replace("-", "")
    return sha256_hex(b"sandbox-tracking-word\n" + plain.encode("utf-8", "replace"))
