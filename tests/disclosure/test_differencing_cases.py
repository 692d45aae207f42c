"""Every isolating combination is found with the right size; no harmless one is."""

from __future__ import annotations

import pytest

from tests.disclosure.differencing_cases import HARMLESS, ISOLATING
from tests.disclosure.differencing_world import Request, compared


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
