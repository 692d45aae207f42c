"""The limits of the checks: as an owner declares them, as an agreement holds them."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from sandbox.domain.agreement import release_terms
from sandbox.domain.canonical import canonical_json
from sandbox.domain.check_terms import (
    FILE_TYPES,
    CheckTerms,
    Undeclared,
    check_terms_mistakes,
    file_type_mistakes,
    terms_document,
    terms_from_document,
)
from sandbox.domain.outputs import OutputKind, Statistic, statistic_named

OTHER = CheckTerms(largest_percent=40, residual_df=20, undeclared=Undeclared.REFUSE)


def test_limits_survive_their_way_through_an_agreement() -> None:
    document = terms_document(OTHER)
    assert canonical_json(document)
    assert terms_from_document(document) == OTHER


def test_an_agreement_signed_before_there_were_limits_has_the_defaults() -> None:
    signed = {
        "review": {"threshold_units": 12, "reviewers": 2},
        "outputs": {"file_types": ["csv"], "max_bytes": 1000},
    }
    assert release_terms(signed).checks == CheckTerms()
    assert release_terms(signed).threshold == 12
    signed["review"]["checks"] = terms_document(OTHER)  # type: ignore[index]
    assert release_terms(signed).checks == OTHER


def test_the_defaults_are_no_mistake_and_each_wrong_limit_is_one() -> None:
    assert list(check_terms_mistakes(CheckTerms())) == []
    percents = [f.name for f in fields(CheckTerms) if f.name.endswith("_percent")]
    for name in percents:
        for wrong in (0, 101):
            found = [path for path, *_ in check_terms_mistakes(replace(CheckTerms(), **{name: wrong}))]
            assert ("checks", name) in found
    assert list(check_terms_mistakes(replace(CheckTerms(), residual_df=0)))
    assert list(check_terms_mistakes(replace(CheckTerms(), two_largest_percent=40)))


def test_a_file_type_that_has_no_reader_is_a_mistake() -> None:
    assert list(file_type_mistakes(FILE_TYPES)) == []
    ((path, problem, allowed),) = file_type_mistakes(("csv", "xlsx"))
    assert path == ("file_types", 1)
    assert "xlsx" in problem
    assert "parquet" in allowed


@pytest.mark.parametrize("statistic", Statistic)
def test_every_statistic_can_be_declared(statistic: Statistic) -> None:
    found = statistic_named(statistic)
    assert found is not None
    assert found[0] is statistic


def test_every_kind_that_the_notebook_knows_is_one() -> None:
    from sandbox.client.declare import KINDS

    assert set(KINDS) == set(OutputKind) - {OutputKind.UNKNOWN}
