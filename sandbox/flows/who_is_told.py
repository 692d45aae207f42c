"""Of an entry of the log: whom its notices go to, and the few values that they may speak of.

It reads what there is when the notice is written, a moment after the event: who has voted or signed meanwhile is not
asked to. Nobody is told of what they may not look at; names of reviewers are whom a notice is for, never what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from sandbox.domain import import_request, proposal
from sandbox.domain.audit import Entry, Fact
from sandbox.domain.notice_rule import VALUES, Whom
from sandbox.domain.people import Person, Role
from sandbox.domain.release import may_review
from sandbox.flows.reviewers import reviewers_left
from sandbox.store import Store

_NOBODY: tuple[str, ...] = ()
_FROM_FACTS = ("due", "ends", "days", "course", "until", "channel")


@dataclass(frozen=True, slots=True)
class Found:
    """What an entry is about.

    Attributes:
        people: by how the table calls them.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[Whom, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoIsTold:
    """The journey's parts."""

    store: Store
    today: Callable[[], date]

    def __call__(self, entry: Entry, everybody: Mapping[str, Person]) -> Found:
        """Whom it may be told to, and with which values.

        Args:
            everybody: all people by name: several entries are worked out at a time.
        """
        kind, _, name = entry.event.object.partition(":")
        number = int(name) if name.isdecimal() else 0
        match kind:
            case "application":
                found = self._application(number, entry)
            case "grant":
                found = self._grant(number)
            case "release":
                found = self._release(number, entry)
            case "import":
                found = self._import(number, everybody)
            case "job":
                found = self._job(number)
            case "objection":
                found = self._objection(number)
            case "proposal":
                found = self._proposal(number, everybody)
            case "breach":
                found = self._breach(number)
            case "demand":
                found = self._demand(number)
            case "result":
                found = self._result(number)
            case "dataset":
                found = Found({"dataset": name}, self._around(name))
            case "person":
                found = Found({}, {Whom.THEMSELF: (name,)})
            case _:
                found = Found()
        told = {k: str(v) for k, v in entry.event.facts.items() if k in _FROM_FACTS and _plain(v)}
        values = {**told, **found.values, **({"number": str(number)} if number else {})}
        everywhere = {
            Whom.ADMINISTRATORS: _with(everybody, Role.ADMINISTRATOR),
            Whom.AUDITORS: _with(everybody, Role.AUDITOR),
        }
        return Found({k: v for k, v in values.items() if k in VALUES}, {**found.people, **everywhere})

    def _around(self, dataset: str) -> dict[Whom, tuple[str, ...]]:
        row = self.store.datasets.get(dataset)
        today = self.today()
        using = {g.person for g in self.store.grants.all(dataset=dataset) if g.holds_on(today)}
        return {
            Whom.OWNER: (row.policy.owner,) if row is not None else _NOBODY,
            Whom.USERS: tuple(sorted(using)),
        }

    def _owner(self, dataset: str) -> tuple[str, ...]:
        row = self.store.datasets.get(dataset)
        return (row.policy.owner,) if row is not None else _NOBODY

    def _application(self, number: int, entry: Entry) -> Found:
        application = self.store.access.application(number)
        if application is None:
            return Found()
        handed_in = bool(application.submitted_at)  # of a draft, nobody but its writer knows
        return Found(
            {"dataset": application.dataset, "project": application.project},
            {
                Whom.APPLICANT: (application.applicant,),
                Whom.MEMBERS: application.people,
                Whom.UNSIGNED: application.unsigned,
                Whom.MEMBER: (str(entry.event.facts.get("member", "")),),
                Whom.OWNER: self._owner(application.dataset) if handed_in else _NOBODY,
            },
        )

    def _grant(self, number: int) -> Found:
        grant = self.store.grants.get(number)
        if grant is None:
            return Found()
        return Found(
            {"dataset": grant.dataset, "project": grant.project},
            {Whom.MEMBER: (grant.person,), Whom.OWNER: self._owner(grant.dataset)},
        )

    def _release(self, number: int, entry: Entry) -> Found:
        release = self.store.releases.get(number)
        row = self.store.datasets.get(release.dataset) if release is not None else None
        if release is None or row is None:
            return Found()
        pool = row.policy.release.pool
        members = self.store.access.members_of(release.project)
        left = reviewers_left(self.store, release, pool)
        came = bool(release.waiting_since)  # a request that a check stopped is nothing to reviewers
        may = tuple(n for n in pool if may_review(n, release, pool=pool, project_members=members))
        missing = entry.event.facts.get("votes_missing", 0)
        short = isinstance(missing, int) and len(left) < missing
        theirs = {release.requester, *members}
        owner = tuple(name for name in self._owner(release.dataset) if name not in theirs)
        return Found(
            {"dataset": release.dataset},
            {
                Whom.REQUESTER: (release.requester,),
                Whom.REVIEWERS: may if came else _NOBODY,
                Whom.REVIEWERS_LEFT: left,
                Whom.VOTERS: tuple(vote.reviewer for vote in release.votes if vote.reviewer in may),
                Whom.OWNER_SHORT: owner if short else _NOBODY,
            },
        )

    def _import(self, number: int, everybody: Mapping[str, Person]) -> Found:
        request = self.store.imports.get(number)
        if request is None:
            return Found()
        owner, members = self._owner(request.dataset), self.store.access.members_of(request.project)
        deciders = tuple(
            person.name
            for person in everybody.values()
            if import_request.ImportVerb.LET_IN
            in import_request.allowed_verbs(request, person, owner=owner[0] if owner else "", members=members)
        )
        return Found(
            {"dataset": request.dataset}, {Whom.REQUESTER: (request.requester,), Whom.DECIDERS: deciders}
        )

    def _job(self, number: int) -> Found:
        job = self.store.jobs.get(number)
        return Found({"dataset": job.dataset}, {Whom.REQUESTER: (job.person,)}) if job else Found()

    def _objection(self, number: int) -> Found:
        objection = self.store.objections.get(number)
        if objection is None:
            return Found()
        person = self.store.objections.contact(number).person
        return Found(
            {"dataset": objection.dataset},
            {Whom.OWNER: self._owner(objection.dataset), Whom.OBJECTOR: (person,)},
        )

    def _proposal(self, number: int, everybody: Mapping[str, Person]) -> Found:
        waiting = self.store.policies.proposal(number)
        if waiting is None:
            return Found()
        owner = self._owner(waiting.name) if waiting.about.startswith("dataset:") else _NOBODY
        deciders = tuple(
            person.name
            for person in everybody.values()
            if "approve" in proposal.allowed_verbs(waiting, person, owner=owner[0] if owner else "")
        )
        return Found(
            {"about": waiting.name}, {Whom.DECIDERS: deciders, Whom.PROPOSER: (waiting.proposed_by,)}
        )

    def _breach(self, number: int) -> Found:
        breach = self.store.breaches.get(number)
        if breach is None:
            return Found()
        members = tuple(
            sorted(
                {
                    g.person
                    for g in self.store.grants.all(dataset=breach.dataset)
                    if g.project == breach.project
                }
            )
        )
        about = (breach.person,) if breach.person else members
        return Found(
            {"dataset": breach.dataset, "project": breach.project},
            {Whom.MEMBER: about, Whom.OWNER: self._owner(breach.dataset)},
        )

    def _demand(self, number: int) -> Found:
        demand = self.store.demands.get(number)
        return Found({}, {Whom.REQUESTER: (demand.asker,)}) if demand else Found()

    def _result(self, number: int) -> Found:
        result = self.store.results.get(number)
        if result is None:
            return Found()
        return Found(
            {"dataset": result.dataset},
            {Whom.REQUESTER: (result.reporter,), Whom.OWNER: self._owner(result.dataset)},
        )


def _plain(value: Fact) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _with(everybody: Mapping[str, Person], role: Role) -> tuple[str, ...]:
    return tuple(name for name, person in everybody.items() if person.has(role))
