"""What people see of how policies change: proposals with what they may do about them, and files beside what holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sandbox.domain.errors import NotFound, PolicyRefused, SandboxError
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.policy_bounds import check_bounds
from sandbox.domain.policy_keys import Effect
from sandbox.domain.proposal import SITE, WAITING, Proposal, ProposalState, allowed_verbs, may_see
from sandbox.flows.change_policy import ChangePolicy
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal, as one person sees it.

    Attributes:
        publishing: keys by which private views have to be made anew before it holds.
    """

    proposal: Proposal
    owner: str  # of the dataset; empty for the site
    publishing: tuple[str, ...]
    allowed_actions: tuple[str, ...]

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What loosens comes first, then what tightens."""
        order = [Effect.LOOSENS, Effect.TIGHTENS, Effect.NEUTRAL]
        return sorted(self.proposal.difference, key=lambda change: order.index(Effect(change["effect"])))

    @property
    def waits(self) -> bool:
        return self.proposal.state in WAITING


@dataclass(frozen=True, slots=True)
class Note:
    """One thing about the policies that an operator should know."""

    about: str
    good: bool
    state: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyViews:
    """Reading only."""

    store: Store
    change: ChangePolicy
    today: Callable[[], date]

    def proposals(self, person: Person) -> tuple[ProposalView, ...]:
        """Those that the person may see, the newest first."""
        check_role(person, Role.OWNER, Role.ADMINISTRATOR, Role.AUDITOR)
        views = (self._view(person, proposal) for proposal in reversed(self.store.policies.proposals()))
        return tuple(view for view in views if may_see(view.proposal, person, owner=view.owner))

    def proposal(self, person: Person, number: int) -> ProposalView:
        """One of them.

        Raises:
            NotFound: there is none of this number that the person may see.
        """
        found = self.store.policies.proposal(number)
        view = self._view(person, found) if found is not None else None
        if view is None or not may_see(view.proposal, person, owner=view.owner):
            raise NotFound(f"There is no proposal {number}.")
        return view

    def standing(self, folder: Path) -> Iterator[Note]:
        """What is published beside the policies' folder: removed and changed files, what waits, what is looser than the
        site."""
        yield self.site(folder / "site.yaml")
        for row in self.store.datasets.all():
            yield from self._dataset(row.policy.name, folder / "datasets" / f"{row.policy.name}.yaml")

    def site(self, file: Path) -> Note:
        """The site's policy in force beside its file."""
        held = self.store.policies.site()
        version = f"version {held.version} is in force" if held is not None else "none is in force yet"
        try:
            compared = self.change.compare(file)
        except SandboxError:
            return Note(SITE, False, f"{version}; site.yaml cannot be read", "sandbox policy check")
        if compared.loosens:
            keys = ", ".join(change.key for change in compared.loosens)
            return Note(
                SITE, False, f"{version}; site.yaml loosens {keys}, without effect", self._next(SITE, file)
            )
        return Note(SITE, True, version)

    def _dataset(self, name: str, file: Path) -> Iterator[Note]:
        about = f"dataset:{name}"
        if not file.is_file():
            live = sum(grant.holds_on(self.today()) for grant in self.store.grants.all(dataset=name))
            yield Note(
                name,
                False,
                f"has no file {file.name}; what is published holds, with {live} live grants",
                f"Put the file back: sandbox policy show {name} > {file}",
            )
            return
        row = self.store.datasets.get(name)
        site = self.change.site()
        if row is not None and (looser := check_bounds(row.policy, site.policy)):
            keys = ", ".join(".".join(found.path) for found in looser)
            yield Note(
                name,
                False,
                f"as published is looser than the site: {keys}",
                "Tighten its file, and apply it.",
            )
        try:
            compared = self.change.compare(file)
        except PolicyRefused as refused:
            yield Note(name, False, f"its file has {len(refused.mistakes)} mistakes", "sandbox policy check")
            return
        if compared.changes:
            loosen = sum(change.effect is Effect.LOOSENS for change in compared.changes)
            yield Note(
                name,
                False,
                f"its file differs from version {compared.version} in {len(compared.changes)} keys"
                + (f", {loosen} of them loosen" if loosen else ""),
                self._next(about, file),
            )
        else:
            yield Note(name, True, f"version {compared.version} is as its file says")

    def _next(self, about: str, file: Path) -> str:
        for waiting in self.store.policies.proposals(about, states=WAITING):
            if waiting.state is ProposalState.APPROVED:
                return f"Proposal {waiting.id} is approved: publish it."
            return f"Proposal {waiting.id} waits: sandbox policy approve {waiting.id} --as NAME"
        return f"sandbox policy diff {file}, then apply"

    def _view(self, person: Person, proposal: Proposal) -> ProposalView:
        row = self.store.datasets.get(proposal.name) if proposal.about != SITE else None
        owner = row.policy.owner if row is not None else ""
        return ProposalView(
            proposal=proposal,
            owner=owner,
            publishing=tuple(change["key"] for change in proposal.difference if change["view"])
            if row is not None and proposal.state in WAITING
            else (),
            allowed_actions=allowed_verbs(proposal, person, owner=owner),
        )
