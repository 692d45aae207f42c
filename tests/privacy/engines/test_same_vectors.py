"""The claim: whatever is asked, the exact, bounded vectors are the same numbers on every engine, cell by cell.

Each question is planned with bounds of some kind, and its vectors are counted (before any noise) on the same private view
held by DuckDB, by PostgreSQL and by Spark.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import ibis
import pytest

from sandbox.domain.derived import declared
from sandbox.domain.privacy_loss import Loss
from sandbox.privacy.answering.bounded import view_of
from sandbox.privacy.answering.recompute import recompute
from sandbox.privacy.answering.run import count_exactly, count_found
from sandbox.privacy.asking.parse import read
from sandbox.privacy.planning.bounding import Bounding, groups_plan, rows_plan
from sandbox.privacy.planning.plan import Plan, plan
from sandbox.privacy.planning.profile import offer
from sandbox.privacy.publishing.profiling import count_units
from tests.privacy.engines.conftest import ENGINES, Engines
from tests.privacy.engines.world import POLICY, questions
from tests.privacy.made_up import LIMITS

PRICE = Loss(1_000_000_000)
PER_BATCH = 15
ASKED = list(questions(160))
BATCHES = [ASKED[start : start + PER_BATCH] for start in range(0, len(ASKED), PER_BATCH)]


def planned(sql: str, bounding: Bounding | None = None) -> Plan:
    return plan(read(sql, POLICY).question, POLICY, target=PRICE, bounding=bounding)


def some_bounding(ready: Plan, lot: random.Random) -> Bounding | None:
    """The planner's own choice, or one that cuts more."""
    cells, table = ready.most_cells, declared(ready.question.source, POLICY)
    most = table.max_rows_per_unit
    match lot.randrange(2 if any(m.target.by_rows_alone for m in ready.measurements) else 4):
        case 0:
            return None
        case 1:
            return rows_plan(rows_per_unit=min(most, lot.choice([1, 3, 12])), cells=cells)
        case _:
            rows = min(most, lot.choice([2, 5, 12]))
            cuts = {"centred_negative": 9, "sum_negative": 41, "rows": 3, "centred_fine": 2_000_000}
            return groups_plan(
                rows_per_unit=rows,
                cells=cells,
                groups_per_unit=lot.choice([1, 2, 5]),
                rows_per_group=lot.choice([1, 2, 3]),
                cuts=tuple(item for item in cuts.items() if lot.random() < 0.5),
            )


@pytest.mark.parametrize("batch", range(len(BATCHES)))
def test_every_engine_counts_the_same(engines: Engines, batch: int) -> None:
    lot = random.Random(batch)
    for sql in BATCHES[batch]:
        ready = planned(sql, some_bounding(planned(sql), lot))
        # By keys without a list, cells are what there is; by others, what the policy lists.
        count: Callable[..., Any] = count_exactly if ready.threshold is None else count_found
        found = {name: count(ready, view, LIMITS) for name, view in engines.full.items()}
        for name in ENGINES[1:]:
            assert found[name] == found["duckdb"], (name, sql, ready.bounding)


def test_the_comparison_is_about_something(engines: Engines) -> None:
    """The control: most questions have cells with people in them, and views that differ in a cell are told apart."""
    view = engines.full["duckdb"]
    filled = [any(any(v) for v in count_exactly(planned(sql), view, LIMITS).values()) for sql in ASKED[::3]]
    assert sum(filled) > len(filled) * 3 // 4
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


def test_recomputed_tables_are_the_same_also_where_a_sum_leaves_64_bits(engines: Engines) -> None:
    """For checks of outputs: cells are not clamped there."""
    sql = (
        "SELECT sex, SUM(big) AS s, AVG(fine) AS m, STDDEV(fine) AS sd, VARIANCE(negative) AS v, MEDIAN(fine) AS q, "
        "QUANTILE_CONT(big, 0.1) AS low, STDDEV(big) AS wide, COUNT(*) AS n FROM visits GROUP BY sex"
    )
    question = read(sql, POLICY).question
    found = {name: recompute(question, view, LIMITS) for name, view in engines.full.items()}
    assert found["postgresql"] == found["spark"] == found["duckdb"]
    with engines.full["duckdb"].opened(LIMITS) as rows:
        view = view_of(POLICY.tables["visits"], unit_column="patient_id")
        cell = ibis.cases((view["big"] > 0, 9 * 10**17), else_=0)  # as many as the table's largest
        ((size,),) = rows(view.aggregate(n=cell.sum()))
    assert size > 2**63, "the control: such sums there are"


def test_the_histograms_of_a_profile_are_the_same(engines: Engines) -> None:
    offered = offer(POLICY, "visits")
    assert offered is not None
    found = {name: count_units(offered, view, LIMITS) for name, view in engines.full.items()}
    assert found["postgresql"] == found["spark"] == found["duckdb"]
    assert all(any(histogram) for histogram in found["duckdb"].values()), (
        "the control: none of them is nothing"
    )
