"""Planting a request with a known flaw, and telling so when its reviewers have decided. The rules: ``planted``.

Between the two nothing of it is in any view but those of its two people; what stands on the log names no request.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.domain import planted as rule
from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import Conflict, NotAllowed, NotFound
from sandbox.domain.people import Person, Role, check_active, check_role
from sandbox.domain.planted import Flaw, Planted, ReviewTerms
from sandbox.domain.release import Release, Status, Verb, outcome, transition
from sandbox.domain.release_record import told_of
from sandbox.flows.reviewers import reviewers_left
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedView:
    """A planted output, for those who may know of it.

    Attributes:
        dataset, status: of its request.
    """

    planted: Planted
    dataset: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantOutput:
    """The journey's parts.

    Args:
        secret: makes the words by which senders agree.
    """

    store: Store
    terms: ReviewTerms
    secret: bytes

    def word(self, person: Person, release_id: int) -> str:
        """What the sender of a request tells the administrator who is to plant it.

        Raises:
            NotAllowed: nothing may be planted here.
            NotFound: it is not this person's.
            Conflict: it does not wait for reviewers.
        """
        check_active(person)
        rule.check_allowed(self.terms)
        release = self.store.releases.get(release_id)
        if release is None or release.requester != person.name:
            raise NotFound(f"You have no request {release_id}.")
        # How far its review has come is not told to its sender: votes are not looked at here.
        unvoted = replace(release, votes=(), early=(), status=_as_if_unvoted(release.status))
        rule.check_plantable(unvoted, by_job=self._by_job(release))
        return rule.planting_word(self.secret, release)

    def plant(
        self, person: Person, release_id: int, *, word: str, flaw: Flaw, file: str, place: str, words: str
    ) -> Planted:
        """Declare that a waiting request has a known flaw, and is never to leave.

        Args:
            word: by which its sender agrees.
            file, place: where the flaw is; empty: in all files together.
            words: what it is, for reviewers to read afterwards.

        Raises:
            NotAllowed: nothing may be planted here; this person reviews or sent it; the word is wrong.
            Conflict: somebody voted, it does not wait, or it is planted already.
        """
        check_role(person, Role.ADMINISTRATOR)
        rule.check_allowed(self.terms)
        with self.store.transaction():
            # Votes wait for this transaction: none comes in between what is read here and what is written.
            release = self.store.releases.get(release_id)
            row = self.store.datasets.get(release.dataset) if release is not None else None
            if release is None or row is None:
                raise NotFound(f"There is no request {release_id}.")
            rule.check_may_plant(release, person, pool=row.policy.release.pool)
            if not rule.same_word(rule.planting_word(self.secret, release), word):
                raise NotAllowed(
                    "That is not the word of its sender.",
                    clause="the sender agrees",
                    fix="Ask who sent it: they find it under 'Planted outputs'.",
                )
            rule.check_plantable(release, by_job=self._by_job(release))
            left = reviewers_left(self.store, release, row.policy.release.pool)
            rule.check_hidden([one for one in self.store.people.all() if one.name in left])
            statement = rule.statement_of(
                release, planted_by=person.name, flaw=flaw, file=file, place=place, words=words
            )
            salt = secrets.token_hex(32)
            made = Planted(
                release=release.id,
                statement=statement,
                salt=salt,
                commitment=rule.commitment(statement, salt),
                planted_by=person.name,
            )
            event = Event(person.name, rule.PLANTED, "review", {"commitment": made.commitment})
            return self.store.planted_outputs.add(made, event=event)

    def listed(self, person: Person) -> tuple[PlantedView, ...]:
        """What this person sent or planted; what is decided, for administrators and auditors. Newest first."""
        check_active(person)
        found = {p.release: p for p in self.store.planted_outputs.known_to(person.name)}
        if person.has(Role.ADMINISTRATOR) or person.has(Role.AUDITOR):
            found |= {p.release: p for p in self.store.planted_outputs.decided()}
        views = []
        for number in sorted(found, reverse=True):
            release = self.store.releases.get(number)
            if release is not None:
                views.append(
                    PlantedView(planted=found[number], dataset=release.dataset, status=release.status)
                )
        return tuple(views)

    def _by_job(self, release: Release) -> bool:
        return self.store.jobs.of_release(release.id) is not None


def unveil(store: Store, release: Release, planted: Planted) -> Release:
    """The votes are in: what was planted is told, and ends. Within the caller's transaction.

    Args:
        release: with all its votes.
    """
    decision = outcome(release.votes, release.reviewers_needed)
    told = told_of(store.log.entries(object=f"release:{release.id}", limit=10_000))
    found = rule.outcome_of(
        decision, release.votes, planted_by=planted.planted_by, held=rule.HELD in told.steps
    )
    row = transition(release.status, Verb.UNVEIL)
    decided = replace(planted, outcome=found, decision=decision)
    event = Event("system:review", row.event, f"release:{release.id}", _facts(decided))
    return store.releases.unveil(release, row, planted=decided, event=event)


def check_leaves(store: Store, release: Release) -> None:
    """The last step's own look, whatever came before: raise for what was planted, or may have been.

    Raises:
        NotAllowed: it was planted.
        Conflict: of what was planted, something is missing in the database.
    """
    if store.planted_outputs.of(release.id) is not None:
        raise NotAllowed(f"Request {release.id} was planted: it never leaves.", clause="planted")
    if not store.planted_outputs.all_there():
        raise Conflict(
            "The log tells of a planted output that the database has not.",
            fix="Run 'sandbox audit verify': nothing leaves before it holds.",
        )


def _facts(planted: Planted) -> Mapping[str, Fact]:
    return {
        "statement": planted.statement,
        "salt": planted.salt,
        "commitment": planted.commitment,
        "entry": planted.entry,
        "decision": str(planted.decision),
        "outcome": str(planted.outcome),
    }


def _as_if_unvoted(status: Status) -> Status:
    return Status.SUBMITTED if status is Status.PARTIALLY_REVIEWED else status
