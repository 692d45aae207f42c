"""The checks on the corpus of real tables: what is unsafe is found, what is safe is let be."""

from __future__ import annotations

import pytest

from benchmarks.disclosure.corpus import Output, corpus
from benchmarks.disclosure.ours import Judge, Verdicts


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Output, Verdicts]]:
    judge = Judge(tmp_path_factory.mktemp("corpus"))
    outputs = corpus(judge.sources["german_credit"], judge.sources["health_insurance"])
    return [(output, judge.verdicts(output)) for output in outputs]


def test_the_figures_of_the_corpus_hold(judged: list[tuple[Output, Verdicts]]) -> None:
    unsafe = [v for o, v in judged if not o.safe]
    safe = [v for o, v in judged if o.safe]
    assert len(judged) >= 200
    assert min(len(unsafe), len(safe)) >= 100
    assert sum(v.flagged for v in unsafe) >= 0.99 * len(unsafe)
    assert sum(v.flagged for v in safe) <= 0.05 * len(safe)


def test_a_forged_table_is_not_reproduced(judged: list[tuple[Output, Verdicts]]) -> None:
    forged = [v for o, v in judged if o.family == "forged"]
    assert len(forged) > 20
    assert all("not_reproduced" in v.checks for v in forged)
