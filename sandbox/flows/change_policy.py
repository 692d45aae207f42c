"""A policy file changes what is published: by itself where it only tightens, by a second person where it loosens.

diff -> apply: nothing loosens -> it holds at once
            \\-> something loosens -> a proposal -> another person approves -> it holds, or waits to be published
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.audit import Event
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import BadInput, Conflict, NotAllowed, NotFound
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_bounds import check_bounds
from sandbox.domain.policy_change import Change, differences, loosening, needs_publishing
from sandbox.domain.policy_document import policy_from_document, policy_to_document, site_from_document
from sandbox.domain.proposal import (
    ACCOUNT_CHANGED,
    SITE,
    WAITING,
    Proposal,
    approval_of,
    check_account,
    check_proved,
    step,
)
from sandbox.domain.site_policy import SitePolicy
from sandbox.flows.policy_rights import check_may_publish
from sandbox.flows.policy_version import make_version, settle_proposals
from sandbox.store import Dataset, SiteVersion, Store
from sandbox.store.policy_files import Site, read_dataset_policy, read_site

_REASON_CHARACTERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A file beside what holds.

    Attributes:
        about: ``dataset:NAME`` or ``site``.
        version: the one that holds; 0 where nothing is published yet.
    """

    about: str
    version: int
    base_hash: str
    policy: DatasetPolicy | SitePolicy
    policy_hash: str
    changes: tuple[Change, ...]

    @property
    def loosens(self) -> tuple[Change, ...]:
        return loosening(self.changes)

    @property
    def publishing(self) -> tuple[Change, ...]:
        """Changes that hold only once the dataset is published again."""
        return needs_publishing(self.changes) if self.about != SITE else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of a file.

    Attributes:
        version: the one that holds now.
        proposal: what waits for a second person instead.
    """

    comparison: Comparison
    version: int
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePolicy:
    """The journey's parts."""

    store: Store
    site: Callable[[], Site]  # in force now

    def compare(self, file: Path) -> Comparison:
        """A file beside what holds.

        Raises:
            PolicyRefused: the file's mistakes.
        """
        if file.name == "site.yaml":
            return self._compared(SITE, self.store.policies.site(), read_site(file).policy)
        return self.compare_policy(read_dataset_policy(file, self.site()))

    def compare_policy(self, policy: DatasetPolicy) -> Comparison:
        """A dataset's policy beside the one that holds."""
        return self._compared(f"dataset:{policy.name}", self.store.datasets.get(policy.name), policy)

    def holds(self, name: str) -> DatasetPolicy | SitePolicy:
        """The policy of a dataset, or of the ``site``, that holds now.

        Raises:
            NotFound: nothing of this name is published.
        """
        held = self._held(SITE if name == SITE else f"dataset:{name}")
        if held is None:
            raise NotFound(f"Nothing holds for {name!r}.", fix="List datasets: sandbox dataset list.")
        return held.policy

    def apply(self, person: Person, file: Path, *, reason: str = "") -> Applied:
        """Let a file hold, or propose it.

        Raises:
            PolicyRefused: the file's mistakes.
            NotFound: the dataset was never published.
            NotAllowed: it is another owner's.
            Conflict: private views have to be made by it; or it changes what is for life.
        """
        compared = self.compare(file)
        self._check_may_change(person, compared)
        with self.store.transaction():
            compared = self._again(compared)
            if not compared.changes:
                return Applied(comparison=compared, version=compared.version)
            if compared.loosens:
                waiting = self._propose(person, compared, _checked(reason))
                return Applied(comparison=compared, version=compared.version, proposal=waiting)
            if compared.publishing:
                raise Conflict(
                    f"Private views are made by {_keys(compared.publishing)}.",
                    fix=f"Publish it again: sandbox dataset publish {file} TABLE=FILE.",
                )
            return Applied(comparison=compared, version=self._make(person, compared.policy))

    def approve(self, person: Person, number: int, *, comment: str = "") -> Proposal:
        """The second person says yes: it holds, or waits to be published.

        Raises:
            NotFound: there is no such proposal.
            NotAllowed: this person may not, or the site's bounds forbid it by now.
            Conflict: it waits no more, or what it changes holds no more.
            Tampered: it is not the one that was proposed.
        """
        self.void_stale(person, number)
        with self.store.transaction():
            proposal, owner = self._proved(number)
            row = step(proposal, "approve", person, owner=owner)
            self._check_account(person, proposal)
            policy = self._policy(proposal)
            current = self._compared(proposal.about, self._held(proposal.about), policy)
            if current.base_hash != proposal.base_hash:
                raise Conflict(f"What proposal {number} changes holds no more.", fix="Propose it again.")
            facts = {"policy_sha256": proposal.policy_hash, "proposal_sha256": proposal.sha256}
            proposal = self.store.policies.move(
                proposal,
                row,
                comment=_checked(comment),
                event=Event(person.name, row.event, proposal.object, facts),
            )
            if not current.publishing:
                self._make(person, policy, proposal)
        return self._get(number)

    def reject(self, person: Person, number: int, *, comment: str = "") -> Proposal:
        """No; also the proposer's own, and also of what is approved and waits to be published."""
        with self.store.transaction():
            proposal, owner = self._proved(number)
            row = step(proposal, "reject", person, owner=owner)
            comment = _checked(comment)
            event = Event(person.name, row.event, proposal.object, {"comment": comment})
            return self.store.policies.move(proposal, row, comment=comment, event=event)

    def void_stale(self, person: Person, number: int) -> None:
        """End a proposal whose policy was changed past it, as by another program that made a version.

        Raises:
            NotFound: there is no such proposal.
        """
        proposal = self._get(number)
        held = self._held(proposal.about)
        if proposal.state in WAITING and held is not None and held.policy_hash != proposal.base_hash:
            event = Event(person.name, "policy.voided", "proposal:new", {"policy_sha256": held.policy_hash})
            self.store.policies.void_others(proposal.about, policy_hash=held.policy_hash, event=event)

    # the parts

    def _compared(
        self, about: str, held: Dataset | SiteVersion | None, policy: DatasetPolicy | SitePolicy
    ) -> Comparison:
        changes: tuple[Change, ...] = ()
        if held is not None:
            changes = differences(held.policy, policy)  # type: ignore[type-var] # both of one kind
        return Comparison(
            about=about,
            version=held.version if held is not None else 0,
            base_hash=held.policy_hash if held is not None else "",
            policy=policy,
            policy_hash=content_hash(policy_to_document(policy)),
            changes=changes,
        )

    def _again(self, compared: Comparison) -> Comparison:
        """The same inside the transaction that acts on it."""
        return self._compared(compared.about, self._held(compared.about), compared.policy)

    def _check_may_change(self, person: Person, compared: Comparison) -> None:
        if isinstance(compared.policy, SitePolicy):
            check_role(person, Role.ADMINISTRATOR)
            return
        if not compared.version:
            raise NotFound(
                f"{compared.policy.name} was never published.",
                fix="Publish it with its data: sandbox dataset publish FILE TABLE=FILE.",
            )
        check_may_publish(self.store, person, compared.policy)

    def _propose(self, person: Person, compared: Comparison, reason: str) -> Proposal:
        for waiting in self.store.policies.proposals(compared.about, states=WAITING):
            if (waiting.base_hash, waiting.policy_hash) == (compared.base_hash, compared.policy_hash):
                return waiting
        return self.store.policies.propose(
            about=compared.about,
            base_hash=compared.base_hash,
            policy=policy_to_document(compared.policy),
            difference=compared.changes,
            reason=reason,
            event=Event(
                person.name,
                "policy.proposed",
                "proposal:new",
                {"loosens": [change.key for change in compared.loosens]},
            ),
        )

    def _make(
        self, person: Person, policy: DatasetPolicy | SitePolicy, proposal: Proposal | None = None
    ) -> int:
        if isinstance(policy, DatasetPolicy):
            held = self._held(f"dataset:{policy.name}")
            assert isinstance(held, Dataset)  # noqa: S101 - a change of nothing is no change
            made = make_version(
                self.store,
                person,
                policy,
                snapshot=held.snapshot,
                public_files=held.public_files,
                report=held.report,
                action="policy.applied",
            )
            return made.version
        site = self.store.policies.site()
        approval = approval_of(proposal, self.store.log.proved(proposal.object)) if proposal else None
        version = self.store.policies.publish_site(
            policy,
            base_hash=site.policy_hash if site is not None else "",
            approval=approval,
            event=Event(person.name, "policy.applied", SITE, {"proposal": proposal.id} if proposal else {}),
        )
        settle_proposals(self.store, person, SITE, policy_hash=version.policy_hash, carried_out=proposal)
        return version.version

    def _proved(self, number: int) -> tuple[Proposal, str]:
        """A proposal that the log bears out, and the owner of what it is about."""
        proposal = self._get(number)
        check_proved(proposal, self.store.log.proved(proposal.object))
        held = self._held(proposal.about)
        return proposal, held.policy.owner if isinstance(held, Dataset) else ""

    def _policy(self, proposal: Proposal) -> DatasetPolicy | SitePolicy:
        """The policy of a proposal, held against the site's bounds as they are now."""
        if proposal.about == SITE:
            return site_from_document(proposal.policy)
        policy, site = policy_from_document(proposal.policy), self.site()
        for looser in check_bounds(policy, site.policy):
            raise NotAllowed(
                f"{'.'.join(looser.path)}: {looser.problem}; {looser.allowed} ({site.place(looser.bound)}).",
                clause="site bounds",
                fix="Propose a policy that keeps the site's bounds.",
            )
        return policy

    def _check_account(self, person: Person, proposal: Proposal) -> None:
        first = self.store.log.entries(object=proposal.object, limit=1)[0]
        about = f"person:{person.name}"
        for action in sorted(ACCOUNT_CHANGED):
            check_account(person, self.store.log.entries(after=first.seq, action=action, object=about))

    def _held(self, about: str) -> Dataset | SiteVersion | None:
        if about == SITE:
            return self.store.policies.site()
        return self.store.datasets.get(about.removeprefix("dataset:"))

    def _get(self, number: int) -> Proposal:
        proposal = self.store.policies.proposal(number)
        if proposal is None:
            raise NotFound(f"There is no proposal {number}.", fix="List them: sandbox policy proposals.")
        return proposal


def _checked(text: str) -> str:
    text = text.strip()
    if len(text) > _REASON_CHARACTERS:
        raise BadInput(
            f"The text is longer than {_REASON_CHARACTERS} characters.", where="reason", fix="Shorten it."
        )
    return text


def _keys(changes: tuple[Change, ...]) -> str:
    return ", ".join(change.key for change in changes[:5]) + (" …" if len(changes) > 5 else "")
