"""The public project register: who was allowed what, for what, until when, and how much they asked.

Only what was approved and signed, on datasets that everybody may know of. People are counted; they are named only where
the site's policy says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from sandbox.domain.access import Grant
from sandbox.domain.errors import NotFound
from sandbox.domain.paging import check_page
from sandbox.domain.site_policy import SocietyTerms
from sandbox.flows.listed import Listed
from sandbox.store import Store
from sandbox.store.catalogue import ListedDataset
from sandbox.store.figures import Spent
from sandbox.store.grants import ProjectSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLine:
    """A project on a dataset."""

    project: str
    dataset: str
    title: str  # of the dataset
    organisations: tuple[str, ...]  # those that applicants gave
    purposes: tuple[str, ...]
    modes: tuple[str, ...]
    people: int
    names: tuple[str, ...]  # empty unless policy names people
    starts: date
    ends: date
    state: str  # active | suspended | ahead | ended | revoked
    spent_percent: float  # of the project's quota, 0 to 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLines:
    """A part of the register."""

    projects: tuple[ProjectLine, ...]
    total: int
    offset: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRegister:
    """The journey's parts."""

    store: Store
    listed: Listed
    terms: SocietyTerms
    today: Callable[[], date]

    def page(self, *, offset: int = 0, limit: int = 50, dataset: str = "", state: str = "") -> ProjectLines:
        """A part of the register, the newest first."""
        check_page(offset, limit)
        listed = self._listed(dataset)
        found = [span for span in self._spans(listed, dataset) if state in ("", _state(span, listed))]
        return ProjectLines(
            projects=self._lines(found[offset : offset + limit], listed),
            total=len(found),
            offset=offset,
            limit=limit,
        )

    def all(self, *, dataset: str = "") -> tuple[ProjectLine, ...]:
        """The whole register, or what it says of one dataset; the newest first."""
        listed = self._listed(dataset)
        return self._lines(self._spans(listed, dataset), listed)

    def _spans(self, listed: Mapping[str, ListedDataset], dataset: str) -> list[ProjectSpan]:
        """What there is on listed datasets, the newest first."""
        found = self.store.grants.project_spans(self.today(), dataset=dataset)
        return sorted(
            (span for span in found if span.dataset in listed),
            key=lambda span: (span.starts, span.project, span.dataset),
            reverse=True,
        )

    def _lines(
        self, spans: Sequence[ProjectSpan], listed: Mapping[str, ListedDataset]
    ) -> tuple[ProjectLine, ...]:
        together: dict[tuple[str, str], list[Grant]] = defaultdict(list)
        for grant in self.store.grants.of_projects({span.project for span in spans}):
            together[grant.project, grant.dataset].append(grant)
        shown = [(span, together[span.project, span.dataset]) for span in spans]
        numbers = {grant.application for _, grants in shown for grant in grants}
        organisations = self.store.access.organisations(numbers)
        spent = self.store.figures.projects()
        return tuple(
            self._line(grants, listed[span.dataset], spent, organisations, _state(span, listed))
            for span, grants in shown
        )

    def _listed(self, dataset: str) -> Mapping[str, ListedDataset]:
        if not dataset:
            return self.listed.all()
        with suppress(NotFound):
            return {dataset: self.listed.get(dataset)}
        return {}

    def _line(
        self,
        grants: list[Grant],
        of: ListedDataset,
        spent: dict[tuple[str, str], Spent],
        organisations: dict[int, str],
        state: str,
    ) -> ProjectLine:
        first = grants[0]
        used = spent.get((of.lineage, first.project))
        people = sorted({g.person for g in grants})
        return ProjectLine(
            project=first.project,
            dataset=first.dataset,
            title=of.title,
            organisations=tuple(
                dict.fromkeys(o for g in grants if (o := organisations.get(g.application, "")))
            ),
            purposes=tuple(dict.fromkeys(g.purpose for g in grants)),
            modes=tuple(sorted({str(g.mode) for g in grants})),
            people=len(people),
            names=tuple(people) if self.terms.name_members else (),
            starts=min(g.starts for g in grants),
            ends=max(g.ends for g in grants),
            state=state,
            spent_percent=round(used.percent, 1) if used is not None else 0.0,
        )


def _state(span: ProjectSpan, listed: Mapping[str, ListedDataset]) -> str:
    if span.holds:
        return "suspended" if listed[span.dataset].suspended else "active"
    if span.revoked:
        return "revoked"
    return "ahead" if span.ahead else "ended"
