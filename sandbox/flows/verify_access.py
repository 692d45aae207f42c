"""Applications, signatures, blocks and reports, held against the log.

A state that was written back, a signature that nobody gave, a block that is over early: each would be access, and none
of them leaves a trace but here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.domain.application import STEPS, Application, ApplicationState
from sandbox.domain.audit import Event, Fact
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import Tampered
from sandbox.store import Store

_ENDS = {row.event: row.end for row in STEPS if row.end is not row.start} | {
    "application.drafted": ApplicationState.DRAFT
}


@dataclass(slots=True)
class ToldAccess:
    """What the log says, by the number of what it is about."""

    applicants: dict[str, str] = field(default_factory=dict)
    states: dict[str, ApplicationState] = field(default_factory=dict)
    wishes: dict[str, Fact] = field(default_factory=dict)  # SHA-256; the first entries do not tell it
    agreed: dict[str, Fact] = field(default_factory=dict)  # SHA-256
    signed: set[tuple[str, str, Fact]] = field(default_factory=set)  # (application, person, SHA-256)
    blocks: dict[Fact, tuple[Fact, ...]] = field(default_factory=dict)  # (person, lineage, until, clause)
    lifted: set[str] = field(default_factory=set)
    reports: set[tuple[Fact, ...]] = field(default_factory=set)  # (application, due, person, usefulness)

    def hear(self, event: Event) -> None:
        about, facts, action = event.object.partition(":")[2], event.facts, event.action
        number = str(facts.get("application", about))  # in the first entries it is a fact
        if action in _ENDS:
            self.applicants.setdefault(number, event.actor)
            self.states[number] = _ENDS[action]
        if "wish_sha256" in facts:
            self.wishes[number] = facts["wish_sha256"]
        match action:
            case "application.approved":
                self.agreed[number] = facts.get("agreement_sha256", "")
            case "agreement.signed":
                self.signed.add((number, event.actor, facts.get("agreement_sha256", "")))
                if "grant" in facts:  # as the first entries tell that it began
                    self.states[number] = ApplicationState.ACTIVE
            case "person.blocked":
                known = (facts.get(name, "") for name in ("lineage", "until", "clause"))
                self.blocks[facts.get("block", 0)] = (about, *known)
            case "block.lifted":
                self.lifted.add(about)
            case "feedback.given":
                self.reports.add((about, facts.get("due", ""), event.actor, facts.get("usefulness", 0)))


def check_access(store: Store, told: ToldAccess) -> None:
    """Hold the tables against what was told.

    Raises:
        Tampered: names the application or block that is not what the log says.
    """
    applications = store.access.applications()
    for application in applications:
        _check_application(application, told)
    _check_gone("application", set(told.states) - {str(a.id) for a in applications})
    blocks = store.duties.blocks()
    for block in blocks:
        known = (block.person, block.lineage, block.until.isoformat(), block.clause)
        if told.blocks.get(block.id) != known or block.lifted != (str(block.id) in told.lifted):
            raise _differs(f"block {block.id}", "whom it keeps from what, and until when")
    _check_gone("block", {str(n) for n in told.blocks} - {str(block.id) for block in blocks})
    reports = {
        (str(r.application), r.due.isoformat(), r.person, r.usefulness)
        for a in applications
        for r in store.duties.reports(a.id)
    }
    for number, *_ in sorted(reports ^ told.reports, key=str):
        raise _differs(f"application {number}", "what was reported")


def _check_application(application: Application, told: ToldAccess) -> None:
    number, place = str(application.id), f"application {application.id}"
    if told.applicants.get(number) != application.applicant:
        raise _differs(place, "who applied")
    if told.states.get(number) is not application.state:
        raise _differs(place, "its state")
    if told.wishes.get(number, wish := content_hash(application.wish.document())) != wish:
        raise _differs(place, "what is asked for")
    if told.agreed.get(number, "") != application.agreement_hash:
        raise _differs(place, "its agreement")
    signed = {p for n, p, sha256 in told.signed if (n, sha256) == (number, application.agreement_hash)}
    if signed != set(application.signed):
        raise _differs(place, "who signed its agreement")


def _check_gone(what: str, numbers: set[str]) -> None:
    if numbers:
        raise _differs(f"{what} {min(numbers)}", "whether it is there")


def _differs(place: str, what: str) -> Tampered:
    return Tampered(f"Of {place}, the database and the log differ in {what}.", place=place)
