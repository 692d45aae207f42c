"""For an owner: which released numbers are exact where private answers give the same with noise.

There the noise protects nothing any more, and what it cost of the budget bought nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.disclosure.differencing.covered import CHECK
from sandbox.domain.findings import Finding
from sandbox.domain.output_cell import LEFT
from sandbox.domain.people import Person, Role, check_role
from sandbox.domain.release import Release
from sandbox.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A released output with exact numbers beside private answers."""

    release: Release
    findings: tuple[Finding, ...]  # one for each of its files that has such numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactBesidePrivate:
    """The journey's parts."""

    store: Store

    def of_owner(self, owner: Person) -> tuple[Beside, ...]:
        """Of all datasets of an owner, newest first."""
        check_role(owner, Role.OWNER)
        left = self.store.releases.in_status(LEFT)
        datasets = self.store.datasets.several(sorted({release.dataset for release in left}))
        owned = {d.policy.name for d in datasets if d.policy.owner == owner.name}
        found = []
        for release in reversed(left):
            findings = self.store.releases.findings(release.id) if release.dataset in owned else ()
            told = tuple(f for f in findings if f.check == CHECK)
            if told:
                found.append(Beside(release=release, findings=told))
        return tuple(found)
