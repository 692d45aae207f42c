"""The reviewers' queue over all projects, and what decisions took, cost and agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from sandbox.domain.release import NOT_SAID
from sandbox.flows.review_queue import DatasetTurnaround, Queued
from sandbox.language import marked as _
from sandbox.portal.pages.planted import FLAWS
from sandbox.portal.pages.releases import CAUSES
from sandbox.portal.pages.rendering import render
from sandbox.portal.pages.shown_files import counts
from sandbox.portal.requests import InPerson, System

router = APIRouter(include_in_schema=False)

PER_PAGE = 50
_WORDS = {str(cause): words for cause, words in CAUSES.items()} | {NOT_SAID: _("Not said in one word")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What of the queue is shown; empty: everything."""

    dataset: str = ""
    kind: str = ""
    mine: str = ""  # waits: for my vote; voted: I did
    late: bool = False

    def fits(self, one: Queued) -> bool:
        return (
            (not self.dataset or one.view.release.dataset == self.dataset)
            and (not self.kind or self.kind in one.kinds)
            and (not self.mine or one.voted == (self.mine == "voted"))
            and (not self.late or one.clock.overdue_days > 0)
        )

    @property
    def any(self) -> bool:
        return bool(self.query)

    @property
    def query(self) -> dict[str, str]:
        """As an address says it."""
        said = {
            "dataset": self.dataset,
            "kind": self.kind,
            "mine": self.mine,
            "late": "yes" if self.late else "",
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """How long decisions took, as a bar: shares of the picture's width, in percent."""

    median: float
    slow: float
    due: float


@router.get("/review")
def review(
    request: Request,
    system: System,
    person: InPerson,
    dataset: Annotated[str, Query(max_length=100)] = "",
    kind: Annotated[str, Query(max_length=100)] = "",
    mine: Annotated[str, Query(max_length=10)] = "",
    late: Annotated[str, Query(max_length=5)] = "",
    page: int = 1,
) -> Response:
    """What waits for votes, the longest waiting first; and the figures."""
    filters = Filters(
        dataset=dataset, kind=kind, mine=mine if mine in ("waits", "voted") else "", late=bool(late)
    )
    everything = [*system.review_queue.of(person), *system.review_queue.voted(person)]
    everything.sort(key=lambda one: (one.view.release.waiting_since, one.view.release.id))
    turnaround = system.review_queue.turnaround(person)
    found = [one for one in everything if filters.fits(one)]
    page = min(max(page, 1), max(1, -(-len(found) // PER_PAGE)))
    return render(
        request,
        "review.html",
        queue=[(one, counts(one.view.findings)) for one in found[(page - 1) * PER_PAGE : page * PER_PAGE]],
        page=page,
        more=page * PER_PAGE < len(found),
        waiting=sum(not one.voted for one in everything),
        all=len(everything),
        filters=filters,
        datasets=sorted({(one.view.release.dataset, one.view.title) for one in everything}),
        kinds=sorted({kind for one in everything for kind in one.kinds}),
        turnaround=[(line, took(line)) for line in turnaround],
        causes=causes(turnaround),
        agreement=[line for line in turnaround if line.agreement.items],
        planting=system.review_queue.may_be_planted(everything),
        planted=[line for line in turnaround if line.planted.all.planted],
        own_planted=system.review_queue.own_planted(person),
        flaws=FLAWS,
    )


def took(line: DatasetTurnaround) -> Took | None:
    """The bar of a dataset; None where nothing was decided."""
    f = line.figures
    if f.median_days is None or f.slow_days is None:
        return None
    whole = max(f.slow_days, line.days) * 1.15 or 1
    return Took(
        median=100 * f.median_days / whole, slow=100 * f.slow_days / whole, due=100 * line.days / whole
    )


def causes(lines: Sequence[DatasetTurnaround]) -> list[tuple[str, int, float]]:
    """(words, votes, percent) over all these datasets, the most frequent first."""
    total: dict[str, int] = {}
    for line in lines:
        for cause, n in line.causes.items():
            total[cause] = total.get(cause, 0) + n
    most = sum(total.values())
    ordered = sorted(total.items(), key=lambda one: (-one[1], one[0]))
    return [(_WORDS[cause], n, 100 * n / most) for cause, n in ordered]
