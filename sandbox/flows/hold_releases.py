"""Requests that wait because of a suspension or of their owner, and outputs that are called back.

A suspension holds what is under way, in its own transaction; its end lets go of just that, each request where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.domain import release_hold as rules
from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import NotAllowed, NotFound
from sandbox.domain.people import Person
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.release import OUT, Release, Status, Verb, transition
from sandbox.domain.suspension import Suspension, touching
from sandbox.flows.columns_behind import columns_behind
from sandbox.flows.later_releases import later_releases
from sandbox.store import Store

SUSPENDING = "system:suspension"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleases:
    """The journey's parts."""

    store: Store

    def hold_one(self, release: Release) -> Release:
        """The request as it stands under the suspensions in force; within the caller's transaction."""
        suspensions = self.store.suspensions.of(release.dataset)
        if not suspensions:
            return release
        policy = self._policy(release.dataset)
        found = rules.to_hold(release, columns_behind(release, policy), suspensions)
        return self._hold(release, found) if found is not None else release

    def hold_all(self, dataset: str) -> tuple[Release, ...]:
        """Hold every live request that a suspension in force touches; within the caller's transaction."""
        policy, suspensions = self._policy(dataset), self.store.suspensions.of(dataset)
        held = []
        for release in self.store.releases.of_dataset(dataset):
            found = rules.to_hold(release, columns_behind(release, policy), suspensions)
            if found is not None:
                held.append(self._hold(release, found))
        return tuple(held)

    def resume_all(self, dataset: str) -> tuple[Release, ...]:
        """Let go of what no suspension in force touches any more; within the caller's transaction."""
        policy, suspensions = self._policy(dataset), self.store.suspensions.of(dataset)
        return tuple(
            self._move(release, Verb.RESUME, SUSPENDING, {"to": str(release.held_from)})
            for release in self.store.releases.of_dataset(dataset)
            if rules.to_resume(release, columns_behind(release, policy), suspensions)
        )

    def depending(self, suspension: Suspension) -> tuple[Release, ...]:
        """What has left and is made of what a suspension holds: to be looked at, and called back."""
        policy = self._policy(suspension.dataset)
        return tuple(
            release
            for release in self.store.releases.of_dataset(suspension.dataset)
            if release.status in OUT | {Status.RECALLED}
            and touching((suspension,), columns_behind(release, policy)) is not None
        )

    # the owner's own

    def hold(self, person: Person, release_id: int, *, reason: str) -> Release:
        """The owner holds a single request by hand."""
        release, owner, _ = self._release(person, release_id)
        rules.owner_step(release, Verb.HOLD, person, owner=owner, reason=reason)
        held = replace(release, held_by=person.name, reason=reason.strip())
        return self._move(held, Verb.HOLD, person.name, {"reason": reason.strip()})

    def let_go(self, person: Person, release_id: int) -> Release:
        """The owner lets go of what they held.

        Raises:
            NotAllowed: a suspension holds it.
        """
        release, owner, _ = self._release(person, release_id)
        rules.owner_step(release, Verb.RESUME, person, owner=owner, reason="")
        policy = self._policy(release.dataset)
        with self.store.transaction():
            found = touching(self.store.suspensions.of(release.dataset), columns_behind(release, policy))
            if found is not None:
                raise NotAllowed(
                    f"{found.place} is suspended.", clause="suspension", fix="Resume the data first."
                )
            return self._move(release, Verb.RESUME, person.name, {"to": str(release.held_from)})

    def recall(self, person: Person, release_id: int, *, reason: str) -> Release:
        """The owner calls a released output back: its crate is not handed out any more, and says why."""
        release, owner, lineage = self._release(person, release_id)
        rules.owner_step(release, Verb.RECALL, person, owner=owner, reason=reason)
        objections = sorted({s.objection for s in self.store.suspensions.of(release.dataset)} - {0})
        facts: dict[str, Fact] = {
            "reason": reason.strip(),
            "dataset": release.dataset,
            "lineage": lineage,
            "crate_sha256": release.crate_sha256,
            "objections": objections,
            "later": [one.id for one in later_releases(self.store, release)],
        }
        return self._move(replace(release, reason=reason.strip()), Verb.RECALL, person.name, facts)

    def _hold(self, release: Release, suspension: Suspension) -> Release:
        held = replace(release, held_by="", reason=f"{suspension.place} is suspended.")
        return self._move(held, Verb.HOLD, SUSPENDING, {"suspension": suspension.id})

    def _move(self, release: Release, verb: Verb, actor: str, facts: Mapping[str, Fact]) -> Release:
        row = transition(release.status, verb, held_from=release.held_from)
        event = Event(actor, row.event, f"release:{release.id}", facts)
        return self.store.releases.move(release, row, event=event)

    def _policy(self, dataset: str) -> DatasetPolicy:
        """Also of one that the catalogue does not list any more."""
        row = self.store.datasets.get(dataset)
        if row is None:
            raise NotFound(f"There is no dataset {dataset!r}.")
        return row.policy

    def _release(self, person: Person, release_id: int) -> tuple[Release, str, str]:
        """The release, the owner of its data, and their lineage."""
        release = self.store.releases.get(release_id)
        policy = self._policy(release.dataset) if release is not None else None
        if release is None or policy is None or person.name != policy.owner:
            raise NotFound(f"You own no data of request {release_id}.")
        return release, policy.owner, policy.budget_lineage
