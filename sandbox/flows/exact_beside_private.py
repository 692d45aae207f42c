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

NEWEST = 50


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
        """Of all datasets of an owner, the newest."""
        check_role(owner, Role.OWNER)
        left = self.store.releases.with_finding(CHECK, owner=owner.name, statuses=LEFT, limit=NEWEST)
        findings = self.store.releases.findings_of([release.id for release in left])
        return tuple(
            Beside(release=release, findings=tuple(f for f in findings[release.id] if f.check == CHECK))
            for release in left
        )
