"""Every isolating combination is found with the right size; no harmless one is."""

from __future__ import annotations

import pytest

from sandbox.disclosure.differencing.check import compare
from sandbox.disclosure.differencing.earlier import Listed
from sandbox.disclosure.differencing.words import findings_of
from sandbox.domain.findings import Verdict
from sandbox.domain.output_cell import EarlierCell
from tests.disclosure.differencing_cases import HARMLESS, ISOLATING, total
from tests.disclosure.differencing_world import STEPS, Request, cells, compared


@pytest.mark.parametrize(("case", "requests", "low", "high"), ISOLATING, ids=[c[0] for c in ISOLATING])
def test_it_is_found(case: str, requests: list[Request], low: int, high: int) -> None:
    found = compared(requests)
    assert (low, high) in [(one.low, one.high) for one in found.isolated], found


@pytest.mark.parametrize(("case", "requests"), HARMLESS, ids=[c[0] for c in HARMLESS])
def test_it_is_left_alone(case: str, requests: list[Request]) -> None:
    found = compared(requests)
    assert found.isolated == (), found
    assert (found.unsettled, found.contradicting) == (0, ())


def test_there_are_enough_of_both() -> None:
    assert len(ISOLATING) >= 40
    assert len(HARMLESS) >= 40


@pytest.mark.parametrize(("sealed", "told"), [(False, True), (True, False)])
def test_a_number_of_a_job_that_has_not_left_is_not_named_to_its_sender(sealed: bool, told: bool) -> None:
    (theirs,) = cells(total("age >= 18", 123))
    earlier = EarlierCell(cell=theirs, release=7, project="ours", pending=True, sealed=sealed)
    found = compare(cells(total("age >= 19", 121)), Listed([earlier]), threshold=10, steps=STEPS)
    (finding,) = findings_of(found, file="t.csv", project="ours", noun="person", threshold=10)
    assert ("123" in finding.reason) is told
    assert finding.from_rows is not told
    assert "123" in finding.detail
    assert finding.verdict is (Verdict.FAIL if told else Verdict.REVIEW)
