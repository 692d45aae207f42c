"""The numbers of requests: kept as they are, found by what they are about, and reckoned with while they may matter."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from sandbox.domain.access import Grant
from sandbox.domain.output_cell import Counted, OutputCell, labels_text
from sandbox.domain.population import EVERYBODY, Among, Between, every, population_text
from sandbox.domain.release import Release, Verb, transition
from sandbox.store import Store
from tests.store.world import did

NORTH = population_text(every([Among("region", frozenset({"north"})), Between("age", low=Fraction(18))]))
CELL = OutputCell(
    file="t.csv",
    row=0,
    column="n",
    source="loans",
    snapshot="s1",
    population=NORTH,
    counted=Counted.UNITS,
    value=Decimal("12.50"),
    low=Decimal(10),
    high=Decimal(15),
    dims=(("region", "North"),),
    step=Decimal(5),
    units=12,
)
SUPPRESSED = replace(CELL, row=1, value=None, low=Decimal(0), high=None, units=None)
SHARE = replace(
    CELL,
    row=2,
    counted=Counted.SHARE_OF_UNITS,
    value=Decimal("0.5"),
    low=Decimal("0.45"),
    high=Decimal("0.55"),
    base=population_text(EVERYBODY),
)
SUM = replace(CELL, row=3, counted=Counted.SUM, of="amount")
MARGIN = replace(CELL, row=-1, source="", population=population_text(EVERYBODY), dims=(), margin=True)
CELLS = (CELL, SUPPRESSED, SHARE, SUM, MARGIN)


@pytest.fixture
def kept(store: Store, grant: Grant) -> Release:
    return store.releases.create(
        grant=grant,
        context="numbers",
        files=(),
        findings=(),
        reviewers_needed=1,
        event=did("release.staged", "release:new"),
        lineage="loans",
        cells=CELLS,
    )


def moved(store: Store, release: Release, *verbs: Verb) -> Release:
    for verb in verbs:
        row = transition(release.status, verb)
        release = store.releases.move(
            replace(release, crate_sha256="c" * 64), row, event=did(row.event, f"release:{release.id}")
        )
    return release


def briefs(store: Store, **more: object) -> list[int]:
    found = store.output_cells.briefs(
        "loans",
        source="loans",
        snapshot="s1",
        counted=[Counted.UNITS],
        **more,  # type: ignore[arg-type]
    )
    return [b.position for b in found]


def test_they_come_back_as_they_were(store: Store, kept: Release) -> None:
    assert store.output_cells.of_release(kept.id) == CELLS
    found = store.output_cells.at([(kept.id, 1), (kept.id, 3)])
    assert [(e.cell, e.release, e.project) for e in found] == [
        (SUPPRESSED, kept.id, kept.project),
        (SUM, kept.id, kept.project),
    ]


def test_briefs_are_of_one_space(store: Store, kept: Release) -> None:
    first, second = store.output_cells.briefs("loans", source="loans", snapshot="s1", counted=[Counted.UNITS])
    assert (first.low, first.high, first.columns) == (10.0, 15.0, "age\nregion")
    assert second.high == float("inf")
    assert store.output_cells.briefs("loans", source="loans", snapshot="s2", counted=[Counted.UNITS]) == []
    assert store.output_cells.briefs("other", source="loans", snapshot="s1", counted=[Counted.UNITS]) == []


def test_of_sums_the_units_behind_are_told(store: Store, kept: Release) -> None:
    (found,) = store.output_cells.briefs(
        "loans", source="loans", snapshot="s1", counted=[Counted.SUM, Counted.MEAN], of="amount"
    )
    assert (found.low, found.high) == (12, 12)


def test_they_are_found_by_population_and_by_labels(store: Store, kept: Release) -> None:
    cells = store.output_cells
    assert {e.cell.row for e in cells.of_populations("loans", "loans", [NORTH])} == {0, 1, 2, 3}
    assert {e.cell.row for e in cells.of_labels("loans", [labels_text(CELL)], unasked=False)} == {0, 1, 2, 3}
    assert [e.cell for e in cells.of_labels("loans", ["[]"], unasked=True)] == [MARGIN]
    assert cells.of_labels("loans", [labels_text(CELL)], unasked=True) == []
    shares = cells.shares("loans", source="loans", snapshot="s1", counted=Counted.SHARE_OF_UNITS)
    assert [e.cell for e in shares] == [SHARE]


def test_they_matter_while_they_may_leave_and_for_ever_once_they_left(store: Store, kept: Release) -> None:
    assert briefs(store) == [0, 1]
    assert briefs(store, but=kept.id) == []
    assert briefs(store, left_only=True) == []
    submitted = moved(store, kept, Verb.PASS_CHECKS)
    assert store.output_cells.at([(kept.id, 0)])[0].pending
    assert briefs(store) == [0, 1]
    moved(store, submitted, Verb.WITHDRAW)
    assert briefs(store) == []


def test_what_was_blocked_never_leaves(store: Store, kept: Release) -> None:
    moved(store, kept, Verb.BLOCK)
    assert briefs(store) == []
