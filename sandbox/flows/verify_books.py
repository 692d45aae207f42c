"""The tables beside the log: does the database say what the log says was done?

Log entries are chained and signed; the other tables are not, and whoever can write to the database can change them.
What counts is therefore written twice, once as a row and once on the log, and held together here: policies, budgets,
charges, answers, applications, agreements, signatures, grants, blocks, reports, releases, planted outputs, people,
objections, suspensions. The vault's files are hashed again as well, and the log is held against every head that was
kept of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.domain.agreement import check_agreed
from sandbox.domain.audit import Entry, Event
from sandbox.domain.budget import ChargeState
from sandbox.domain.errors import Tampered
from sandbox.domain.objection import STEPS, State
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.release import Status
from sandbox.domain.release_record import ToldRelease, difference
from sandbox.flows.verify_access import ToldAccess, check_access
from sandbox.flows.verify_people import ToldPeople, check_people
from sandbox.flows.verify_planted import ToldPlanted, check_planted
from sandbox.flows.verify_policies import POLICY_ACTIONS, check_policies
from sandbox.store import Store

_PAGE = 1000
_TRIES = 3  # while the system is busy
_OBJECTED = {row.event: row.end for row in STEPS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What was held against the log."""

    entries: int
    datasets: int
    questions: int
    grants: int
    releases: int
    files: int
    policies: int  # changes of policies that were proposed
    people: int
    planted: int  # outputs with a known flaw
    heads: int  # of the log, that were kept


@dataclass(slots=True)
class _Told:
    """What the log says, by the number or name of what it is about."""

    published: dict[str, tuple[object, object]] = field(default_factory=dict)  # dataset: (policy, snapshot)
    caps: dict[str, object] = field(default_factory=dict)  # lineage: nanos
    charged: dict[object, object] = field(default_factory=dict)  # question: nanos
    answered: dict[str, object] = field(default_factory=dict)  # question: SHA-256
    agreed: dict[str, object] = field(default_factory=dict)  # application: SHA-256
    signed: set[tuple[str, str]] = field(default_factory=set)  # (application, person)
    granted: dict[object, str] = field(default_factory=dict)  # grant: application
    revoked: set[str] = field(default_factory=set)  # applications whose grants all ended
    ended: set[object] = field(default_factory=set)  # single grants
    releases: dict[str, ToldRelease] = field(default_factory=dict)
    suspended: dict[object, tuple[str, object]] = field(default_factory=dict)  # (dataset, column) in force
    objected: dict[str, State] = field(default_factory=dict)  # objection
    policies: list[Entry] = field(default_factory=list)  # how policies changed
    access: ToldAccess = field(default_factory=ToldAccess)
    people: ToldPeople = field(default_factory=ToldPeople)
    planted: ToldPlanted = field(default_factory=ToldPlanted)

    def hear(self, event: Event) -> None:
        number, facts = event.object.partition(":")[2], event.facts
        match event.action:
            case "dataset.published" | "policy.applied":  # of datasets; the site's has no name
                self.published[number] = (facts.get("policy_sha256"), facts.get("snapshot"))
            case "question.reserved" | "question.reused":
                self.charged[facts.get("question")] = _nanos(facts, "nano")
            case "question.derived":
                self.charged[facts.get("question")] = _nanos(facts, "nano")
                self.answered[str(facts.get("question"))] = facts.get("answer_sha256")
            case "question.answered":
                self.answered[number] = facts.get("answer_sha256")
            case "application.approved":
                self.agreed[number] = facts.get("agreement_sha256")
            case "agreement.signed":
                self.signed.add((number, event.actor))
                if "grant" in facts:  # as the first entries tell it
                    self.granted[facts.get("grant")] = number
            case "grant.began":
                self.granted |= dict.fromkeys(_numbers(facts, "grants"), number)
            case "grant.left" | "grant.member_removed":
                self.ended.add(facts.get("grant"))
            case "grant.revoked" | "grant.closed" | "grant.renewed":
                self.revoked.add(number)
            case action if action.startswith("release."):
                self.releases.setdefault(number, ToldRelease()).hear(event)
            case "dataset.suspended":
                self.suspended[facts.get("suspension")] = (number, facts.get("column", ""))
            case "dataset.resumed":
                self.suspended.pop(facts.get("suspension"), None)
            case "objection.received":
                self.objected[number] = State.RECEIVED
            case action if action in _OBJECTED:
                self.objected[number] = _OBJECTED[action]
        if (cap := _nanos(facts, "cap_nano")) is not None:
            self.caps[number] = cap


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyBooks:
    """The journey's parts."""

    store: Store

    def __call__(self, person: Person) -> Books:
        """Walk the log, then hold everything else against it.

        Raises:
            Tampered: names the first thing that is not what the log says.
        """
        check_role(person, Role.AUDITOR, Role.ADMINISTRATOR)
        for _ in range(_TRIES):
            head = self.store.log.head()
            try:
                return self._compare()
            except Tampered:
                # Log and tables are read one after the other; what was done in between is in one of them only.
                if self.store.log.head() == head:
                    raise
        return self._compare()

    def _compare(self) -> Books:
        entries = self.store.log.verify()
        told = _Told()
        for entry in self._entries():
            told.hear(entry.event)
            told.access.hear(entry.event)
            told.people.hear(entry.event)
            told.planted.hear(entry)
            if entry.event.action.startswith(POLICY_ACTIONS):
                told.policies.append(entry)
        self.store.ledger.check_sums()
        check_access(self.store, told.access)
        self._objections(told)
        return Books(
            entries=entries,
            datasets=self._datasets(told),
            questions=self._questions(told),
            grants=self._grants(told),
            releases=self._releases(told),
            files=self.store.vault.verify(),
            policies=check_policies(self.store, told.policies),
            people=check_people(self.store, told.people),
            planted=check_planted(self.store, told.planted),
            heads=self.store.log_tree.verify(),
        )

    def _entries(self) -> Iterator[Entry]:
        after = 0
        while page := self.store.log.entries(after=after, limit=_PAGE):
            yield from page
            after = page[-1].seq

    def _datasets(self, told: _Told) -> int:
        rows = self.store.datasets.all()
        for row in rows:
            name = row.policy.name
            if told.published.get(name) != (row.policy_hash, row.snapshot):
                raise _differs(f"dataset {name}", "its policy or version")
            if row.policy.private:
                cap = self.store.ledger.accounts(row.policy.budget_lineage, "")[0].cap
                if told.caps.get(row.policy.budget_lineage) != cap.nano:
                    raise _differs(f"lineage {row.policy.budget_lineage}", "its budget")
        return len(rows)

    def _questions(self, told: _Told) -> int:
        lines = self.store.ledger.lines()
        for line in lines:
            if told.charged.get(line.id) != line.cost.nano:
                raise _differs(f"question {line.id}", "its charge")
            if line.state is ChargeState.RELEASED:
                self.store.ledger.answer(line.id)  # raises Tampered when its bytes changed
                if line.same_as is None and told.answered.get(str(line.id)) != line.answer_sha256:
                    raise _differs(f"question {line.id}", "its answer")
        gone = {n for n in told.charged if n is not None} - {line.id for line in lines}
        if gone:
            raise _differs(f"question {min(map(str, gone))}", "that it was asked: its row is gone")
        return len(lines)

    def _grants(self, told: _Told) -> int:
        grants = self.store.grants.all()
        for grant in grants:
            agreed = self.store.access.agreement_by_hash(grant.agreement_hash)
            self.store.signer.check(agreed.signature, agreed.body)
            check_agreed(agreed.document(), grant)
            application = told.granted.get(grant.id)
            if application is None or told.agreed.get(application) != grant.agreement_hash:
                raise _differs(f"grant {grant.id}", "its agreement")
            if (application, grant.person) not in told.signed:
                raise _differs(f"grant {grant.id}", "who signed for it")
            if grant.revoked != (application in told.revoked or grant.id in told.ended):
                raise _differs(f"grant {grant.id}", "whether it was revoked")
        return len(grants)

    def _objections(self, told: _Told) -> None:
        for objection in self.store.objections.all():
            if told.objected.get(str(objection.id)) is not objection.state:
                raise _differs(f"objection {objection.id}", "how it was decided")
        in_force: dict[object, tuple[str, object]] = {
            s.id: (s.dataset, f"{s.table}.{s.column}" if s.column else "")
            for s in self.store.suspensions.all()
            if not s.ended
        }
        for number in in_force.keys() | told.suspended.keys():
            if in_force.get(number) != told.suspended.get(number):
                raise _differs(f"suspension {number}", "whether it is in force")

    def _releases(self, told: _Told) -> int:
        releases = self.store.releases.in_status(tuple(Status))
        for release in releases:
            wrong = difference(release, told.releases.get(str(release.id), ToldRelease()))
            if wrong:
                raise _differs(f"release {release.id}", wrong)
        return len(releases)


def _numbers(facts: Mapping[str, Any], name: str) -> tuple[int, ...]:
    return tuple(facts.get(name, ()))


def _nanos(facts: Mapping[str, Any], name: str) -> object:
    """A loss in the log; the first entries call it by its old name, and a log is never written again."""
    return facts.get(name, facts.get(f"{name}_rho"))


def _differs(place: str, what: str) -> Tampered:
    return Tampered(f"Of {place}, the database and the log differ in {what}.", place=place)
