"""Attacks on the checks' arithmetic: numbers that exact arithmetic cannot hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.disclosure.judge import judge
from sandbox.domain.findings import Verdict, worst
from sandbox.domain.policy import ReleaseTerms

TERMS = ReleaseTerms(threshold=10)


@pytest.mark.parametrize(
    "cell", ["1e99", "1" * 30 + ".5", "1e40", "-1e99", "1e-99", "9" * 19, "1e18", "１e99"]
)
def test_a_number_of_no_known_size_is_a_finding_and_no_crash(cell: str) -> None:
    judged = judge("t.csv", f"a,b,n\nx,u,{cell}\nx,v,50\n".encode(), terms=TERMS)
    assert worst(judged.findings) is Verdict.FAIL
    assert judged.findings[0].place == "line 2"
    assert judged.rebuilt == b""


@pytest.mark.parametrize(
    "cell", ["0e99", "9" * 18, "1e17", "0.000001", "-0.0", "1e-29", "0.333333333333333314829616256247"]
)
def test_numbers_of_any_usual_size_are_read(cell: str) -> None:
    judged = judge("t.csv", f"a,m,n\nx,{cell},50\ny,20,60\n".encode(), terms=TERMS)
    assert judged.table is not None
    assert judged.rebuilt


@given(
    st.lists(
        st.from_regex(r"-?[0-9]{0,40}(\.[0-9]{0,40})?(e[+-]?[0-9]{1,2})?%?", fullmatch=True),
        min_size=3,
        max_size=3,
    )
)
def test_no_number_makes_the_checks_fail(cells: list[str]) -> None:
    rows = "\n".join(f"{key},{cell},50" for key, cell in zip("xyz", cells, strict=True))
    judge("t.csv", f"a,b,total\n{rows}\n".encode(), terms=TERMS)
