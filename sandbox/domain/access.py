"""From asking to being allowed: application, agreement, grant.

- An application is decided by the dataset's owner, never by the applicant.
- The agreement is one canonical document, hashed and signed by the platform, accepted by the applicant.
- A grant is (person, dataset, purpose, period); it comes only from an accepted agreement and ends with its period.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, Tampered
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy, Mode, OpenClass, ReleaseTerms
from sandbox.domain.privacy_loss import Loss


class ApplicationState(StrEnum):
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    ACTIVE = "active"
    REVOKED = "revoked"


class Actor(StrEnum):
    APPLICANT = "applicant"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the application's state machine."""

    start: ApplicationState
    verb: str
    end: ApplicationState
    actor: Actor
    event: str


STEPS: tuple[Step, ...] = (
    Step(
        ApplicationState.SUBMITTED, "approve", ApplicationState.APPROVED, Actor.OWNER, "application.approved"
    ),
    Step(
        ApplicationState.SUBMITTED, "reject", ApplicationState.REJECTED, Actor.OWNER, "application.rejected"
    ),
    Step(ApplicationState.APPROVED, "sign", ApplicationState.ACTIVE, Actor.APPLICANT, "agreement.signed"),
    Step(ApplicationState.APPROVED, "reject", ApplicationState.REJECTED, Actor.OWNER, "application.rejected"),
    Step(ApplicationState.ACTIVE, "revoke", ApplicationState.REVOKED, Actor.OWNER, "grant.revoked"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What a person asks for."""

    id: int
    dataset: str
    applicant: str
    project: str
    purpose: str
    legal_basis: str
    mode: Mode
    days: int
    output_plan: str
    state: ApplicationState = ApplicationState.SUBMITTED
    agreement_hash: str = ""  # once approved


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A person's right to use a dataset for a purpose within a period."""

    id: int
    person: str
    dataset: str
    project: str
    purpose: str
    mode: Mode
    starts: date
    ends: date  # the last day it holds
    agreement_hash: str
    revoked: bool = False

    @property
    def server_name(self) -> str:
        """The name of the grant's own notebook server."""
        return f"grant-{self.id}"

    def holds_on(self, today: date) -> bool:
        return not self.revoked and self.starts <= today <= self.ends


_PROJECT = re.compile(r"\w(?:[\w .,:()&'+/-]*[\w.)])?")
_PROJECT_CHARACTERS = 80
# Scripts with letters that look alike; one name uses one of them.
_LOOKALIKES = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})
# Controls, marks of direction, halves of characters, unassigned ones, odd line ends.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def project_name(text: str) -> str:
    """A project's name as it is kept: one spelling of each character, single blanks.

    A project has a quota, and keeps its members from reviewing it: a name that only looks like another one's would be
    a project of its own.

    >>> project_name("  Fair\u00a0 credit ")
    'Fair credit'

    Raises:
        BadInput: other characters than letters, digits and simple signs; or letters of scripts that look alike.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not _PROJECT.fullmatch(name) or len(name) > _PROJECT_CHARACTERS:
        raise BadInput(
            "The project's name is not a plain name.",
            where="project",
            fix=f"Use letters, digits, blanks and . , : ( ) & ' + / - _, at most {_PROJECT_CHARACTERS} characters.",
        )
    scripts = {unicodedata.name(c, "").partition(" ")[0] for c in name if c.isalpha()} & _LOOKALIKES
    if len(scripts) > 1:
        raise BadInput(
            "The project's name mixes scripts whose letters look alike.",
            where="project",
            fix="Write it in one script.",
        )
    return name


def same_project(one: str, other: str) -> bool:
    """True when a reader would take two names for one: they differ in case, blanks or signs only.

    >>> same_project("SME credit-model", "sme_credit_model")
    True
    """
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in folded if c.isalnum())


def check_application(
    policy: DatasetPolicy,
    person: Person,
    *,
    project: str,
    purpose: str,
    mode: Mode,
    days: int,
    output_plan: str,
    legal_basis: str = "",
) -> None:
    """Raise unless this person may hand in this application.

    Args:
        project: as ``project_name`` returned it.
    """
    check_role(person, Role.RESEARCHER)
    if policy.open_class is OpenClass.UNCONDITIONAL:
        raise BadInput(
            f"{policy.name} is open to all.", where="dataset", fix="Download it; no application is needed."
        )
    if policy.open_class is OpenClass.CLOSED:
        raise NotAllowed(f"{policy.name} is closed.", clause="open_class", fix="")
    if mode not in policy.access.modes:
        allowed = ", ".join(policy.access.modes)
        raise BadInput(
            f"{policy.name} is not opened in mode {mode}.", where="mode", fix=f"Choose from: {allowed}."
        )
    if not 1 <= days <= policy.access.max_days:
        raise BadInput(
            f"{days} days is outside 1 to {policy.access.max_days}.",
            where="days",
            fix="Ask for a shorter period.",
        )
    for name, text, least in (
        ("project", project, 3),
        ("purpose", purpose, 20),
        ("legal_basis", legal_basis, 0),
        ("output_plan", output_plan, 10),
    ):
        if any(unicodedata.category(c) in _HIDDEN for c in text if c not in "\n\r\t"):
            raise BadInput(
                f"{name.replace('_', ' ')} holds invisible characters.",
                where=name,
                fix="Type it again, in plain words.",
            )
        if len(text.strip()) < least:
            raise BadInput(
                f"{name.replace('_', ' ')} is too short ({len(text.strip())} characters).",
                where=name,
                fix=f"Write at least {least} characters: the owner decides by it.",
            )
        if len(text) > 4000:
            raise BadInput(f"{name} is longer than 4000 characters.", where=name, fix="Shorten it.")


def allowed_verbs(application: Application, policy: DatasetPolicy, person: Person) -> tuple[str, ...]:
    """The verbs that this person may use on the application now."""
    return tuple(
        s.verb for s in STEPS if s.start == application.state and _plays(s.actor, application, policy, person)
    )


def step(application: Application, verb: str, policy: DatasetPolicy, person: Person) -> Step:
    """The row that applies, or an error that says why none does.

    Raises:
        Conflict: the application's state has no such verb.
        NotAllowed: the verb belongs to somebody else.
    """
    rows = [s for s in STEPS if s.start == application.state and s.verb == verb]
    if not rows:
        raise Conflict(
            f"Application {application.id} is {application.state}; it cannot be changed by '{verb}'."
        )
    row = rows[0]
    if not _plays(row.actor, application, policy, person):
        who = policy.owner if row.actor is Actor.OWNER else application.applicant
        raise NotAllowed(
            f"Only {who} ({row.actor}) may {verb} application {application.id}.",
            clause="separation of duties",
        )
    return row


def _plays(actor: Actor, application: Application, policy: DatasetPolicy, person: Person) -> bool:
    if actor is Actor.OWNER:
        return person.name == policy.owner and person.has(Role.OWNER) and person.name != application.applicant
    return person.name == application.applicant


def agreement(
    application: Application, policy: DatasetPolicy, *, policy_hash: str, starts: date
) -> dict[str, Any]:
    """The agreement: one document of text and whole numbers that every guard reads.

    Returns:
        A value that ``canonical_json`` writes and ``content_hash`` names.
    """
    if policy.budget is None:  # check() refuses such a policy
        raise BadInput(f"{policy.name} has no budget.", where="budget")
    ends = starts + timedelta(days=application.days - 1)
    return {
        "format": "sandbox-agreement-v1",
        "application": application.id,
        "person": application.applicant,
        "project": application.project,
        "dataset": policy.name,
        "lineage": policy.budget_lineage,
        "policy_sha256": policy_hash,
        "purpose": application.purpose,
        "legal_basis": application.legal_basis,
        "mode": str(application.mode),
        "starts": starts.isoformat(),
        "ends": ends.isoformat(),
        "tables": sorted(policy.tables),
        "budget": {
            "accounting": str(policy.budget.accounting),
            "project_nano": policy.budget.per_project.nano,
            "project_atto_delta": policy.budget.per_project.atto_delta,
            "per_question_nano": policy.budget.per_question.nano,
            "per_question_atto_delta": policy.budget.per_question.atto_delta,
            "delta": policy.budget.delta,
        },
        "release": {
            "threshold_units": policy.release.threshold,
            "reviewers": policy.release.reviewers,
            "file_types": sorted(policy.release.file_types),
            "max_bytes": policy.release.max_bytes,
        },
        "output_plan": application.output_plan,
        "conditions": list(policy.access.conditions),
        "source_to_name": policy.source,
    }


def agreement_hash(document: dict[str, Any]) -> str:
    return content_hash(document)


def release_terms(document: dict[str, Any]) -> ReleaseTerms:
    """The release terms that a signed agreement holds.

    Who reviews is not among them: requesters read the agreement, and never learn their reviewers' names.
    """
    agreed = document["release"]
    return ReleaseTerms(
        threshold=agreed["threshold_units"],
        reviewers=agreed["reviewers"],
        file_types=tuple(agreed["file_types"]),
        max_bytes=agreed["max_bytes"],
    )


def agreed_per_question(document: dict[str, Any]) -> Loss:
    """The most that one question may cost, as it was signed: a policy changed since then changes nothing about it."""
    budget = document["budget"]
    nano = budget.get("per_question_nano", budget.get("per_question_nano_rho"))  # its name in the first ones
    return Loss(int(nano), int(budget.get("per_question_atto_delta", 0)))


def check_agreed(document: dict[str, Any], grant: Grant) -> None:
    """Raise unless an agreement, whose signature holds, is the one that this grant comes from.

    Raises:
        Tampered: the grant says something else than what was signed.
    """
    signed = {
        "person": grant.person,
        "project": grant.project,
        "dataset": grant.dataset,
        "mode": str(grant.mode),
        "starts": grant.starts.isoformat(),
        "ends": grant.ends.isoformat(),
    }
    wrong = [name for name, value in signed.items() if document.get(name) != value]
    if wrong or agreement_hash(document) != grant.agreement_hash:
        raise Tampered(
            f"Grant {grant.id} is not what its agreement says ({', '.join(wrong) or 'another agreement'}).",
            place=f"grant {grant.id}",
        )


def check_not_revoked(grant: Grant) -> None:
    """Raise when the owner took the grant back: nothing leaves under it any more."""
    if grant.revoked:
        raise NotAllowed(f"Grant {grant.id} was revoked.", clause="revocation", fix="Ask the owner why.")


def check_use(grant: Grant, person: Person, *, dataset: str, today: date) -> None:
    """Raise unless the grant lets this person use the dataset today. The one gate for all uses."""
    if grant.person != person.name:
        raise NotAllowed("This grant belongs to somebody else.", clause="person")
    if grant.dataset != dataset:
        raise NotAllowed(f"This grant is for {grant.dataset}, not {dataset}.", clause="dataset")
    check_not_revoked(grant)
    if today < grant.starts:
        raise NotAllowed(f"Grant {grant.id} starts on {grant.starts}.", clause="period")
    if today > grant.ends:
        raise NotAllowed(
            f"Grant {grant.id} ended on {grant.ends}.", clause="period", fix="Apply for a new one."
        )
