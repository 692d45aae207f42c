"""Declarations that would make a check weaker. Each has a twin that shows what is found without the trick."""

from __future__ import annotations

import pytest

from sandbox.domain.outputs import OutputKind as K
from tests.disclosure.test_kinds import failed, found, said

MEANS = "sex,mean_amount\nf,120.5\nm,130.25\n"


def test_one_number_of_units_for_all_groups_is_believed_of_none() -> None:
    assert "counts_missing" in failed(MEANS, said(K.MAGNITUDE, n=5000))
    assert "counts_missing" in failed(MEANS, said(K.ASSOCIATION, n=5000))
    medians = "region,median_amount\na,120.5\nb,130.25\n"
    assert "counts_missing" in failed(medians, said(K.QUANTILE, n=5000))
    whole = "variable,mean\namount,120.5\nage,40.25\n"
    assert "counts_missing" not in failed(whole, said(K.MAGNITUDE, n=5000))  # the control


def test_a_declared_n_does_not_outbid_the_files_own() -> None:
    table = "term,coef,std_err\nconst,1.5,0.1\nage,0.5,0.2\nnobs,6,\ndf,4,\n"
    assert "residual_freedom" in failed(table, said(K.REGRESSION, n=5000, df=4998))
    honest = table.replace("nobs,6", "nobs,5000").replace("df,4", "df,4998")
    assert "residual_freedom" not in failed(honest, said(K.REGRESSION, n=5000, df=4998))  # the control


@pytest.mark.parametrize("kind", [K.PLOT, K.TEXT, K.EXTREME, K.SURVIVAL, K.MODEL, K.CONCENTRATION])
def test_a_total_that_gives_a_hidden_count_away_is_found_under_every_kind(kind: K) -> None:
    hiding = "sex,cases\nfemale,<10\nmale,50\ntotal,53\n"
    honest = failed(hiding, said(K.FREQUENCY))
    assert honest  # the control: it is found where the table is said to be what it is
    assert honest <= failed(hiding, said(kind))


def test_a_table_said_to_be_a_picture_is_asked_for_its_counts() -> None:
    bare = "sex,score\nf,1.5\nm,2.5\n"
    asked = {"no_count", "no_count_beside"}
    assert asked <= {f.check for f in found(bare, said(K.FREQUENCY))}  # the control
    assert asked <= {f.check for f in found(bare, said(K.PLOT))}
