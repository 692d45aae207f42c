"""The claim: whatever is asked, the exact, bounded vectors are the same numbers on every engine, cell by cell.

Each question is planned with bounds of some kind, and its vectors are counted (before any noise) on the same private view
held by DuckDB, by PostgreSQL and by Spark.
"""

from __future__ import annotations

import random

import pytest

from sandbox.domain.privacy_loss import Loss
from sandbox.domain.question import Question
from sandbox.privacy.answering.run import count_exactly
from sandbox.privacy.asking.parse import read
from sandbox.privacy.planning.bounding import Bounding, groups_plan, rows_plan
from sandbox.privacy.planning.plan import Plan, plan
from sandbox.privacy.planning.profile import offer
from sandbox.privacy.planning.recipes import recipes_of
from sandbox.privacy.publishing.profiling import count_units
from tests.privacy.engines.conftest import ENGINES, Engines
from tests.privacy.engines.world import POLICY, questions
from tests.privacy.made_up import LIMITS

PRICE = Loss(1_000_000_000)
PER_BATCH = 15
ASKED = list(questions(160))
BATCHES = [ASKED[start : start + PER_BATCH] for start in range(0, len(ASKED), PER_BATCH)]
TABLE = POLICY.tables["visits"]


def planned(sql: str, bounding: Bounding | None = None) -> Plan:
    return plan(read(sql, POLICY).question, POLICY, target=PRICE, bounding=bounding)


def some_bounding(question: Question, lot: random.Random) -> Bounding | None:
    """The planner's own choice, or one that cuts more."""
    cells = 1
    for key in question.keys:
        cells *= key.how_many(TABLE)
    by_rows = any(t.by_rows_alone for t in recipes_of(question, TABLE, unlisted=False)[1])
    if cells == 0:  # keys without a public list
        return None
    match lot.randrange(2 if by_rows else 4):
        case 0:
            return None
        case 1:
            return rows_plan(rows_per_unit=lot.choice([1, 3, 12]), cells=cells)
        case _:
            rows = lot.choice([2, 5, 12])
            most = {"centred_negative": 9, "sum_negative": 41, "rows": 3, "centred_fine": 2_000_000}
            return groups_plan(
                rows_per_unit=rows,
                cells=cells,
                groups_per_unit=lot.choice([1, 2, 5]),
                rows_per_group=lot.choice([1, 2, 3]),
                cuts=tuple(item for item in most.items() if lot.random() < 0.5),
            )


@pytest.mark.parametrize("batch", range(len(BATCHES)))
def test_every_engine_counts_the_same(engines: Engines, batch: int) -> None:
    lot = random.Random(batch)
    for sql in BATCHES[batch]:
        ready = planned(sql, some_bounding(read(sql, POLICY).question, lot))
        found = {name: count_exactly(ready, view, LIMITS) for name, view in engines.full.items()}
        for name in ENGINES[1:]:
            assert found[name] == found["duckdb"], (name, sql, ready.bounding)


def test_the_comparison_is_about_something(engines: Engines) -> None:
    """The control: most questions have cells with people in them, and views that differ in a cell are told apart."""
    view = engines.full["duckdb"]
    filled = [any(any(v) for v in count_exactly(planned(sql), view, LIMITS).values()) for sql in ASKED]
    assert sum(filled) > len(ASKED) * 3 // 4
    for name in ENGINES:
        one = count_exactly(planned("SELECT SUM(negative) AS s FROM visits"), engines.full[name], LIMITS)
        other = count_exactly(
            planned("SELECT SUM(negative) AS s FROM visits WHERE negative < -2"), engines.full[name], LIMITS
        )
        assert one != other


def test_an_empty_table_is_the_same_nothing(engines: Engines) -> None:
    for sql in ASKED[:30]:
        ready = planned(sql)
        found = [count_exactly(ready, view, LIMITS) for view in engines.empty.values()]
        assert found[0] == found[1] == found[2]
        assert not any(any(vector) for vector in found[0].values())


def test_the_histograms_of_a_profile_are_the_same(engines: Engines) -> None:
    offered = offer(POLICY, "visits")
    assert offered is not None
    found = {name: count_units(offered, view, LIMITS) for name, view in engines.full.items()}
    assert found["postgresql"] == found["spark"] == found["duckdb"]
    assert sum(map(sum, found["duckdb"].values())) > 0
