"""What a search is made of: words, weights, and what may be asked."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain import catalogue_terms, search
from sandbox.domain.catalogue_terms import Frequency, OpenMode
from sandbox.domain.errors import BadInput
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Domain, OpenClass, Table
from sandbox.domain.search import MAX_WORD, MAX_WORDS, Term, index_words, words


def of(**more: object) -> DatasetPolicy:
    values: dict[str, object] = {
        "name": "loans",
        "title": "Loans",
        "open_class": OpenClass.UNCONDITIONAL,
        "provider": "A bank",
        "source": "A bank",
        "licence": "CC0",
        "owner": "olga",
    }
    return DatasetPolicy(**{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("module", [search, catalogue_terms])
def test_the_examples_hold(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@given(st.text())
def test_words_of_any_text_are_short_and_hold_no_blank(text: str) -> None:
    found = list(words(text))
    assert all(0 < len(word) <= MAX_WORD for word in found)
    assert all("_" not in word and " " not in word for word in found)


@given(st.text(max_size=200))
def test_a_dataset_is_found_by_every_word_of_its_title(title: str) -> None:
    found = index_words(of(title=title))
    assert set(words(title)) <= set(found)


def test_a_word_weighs_by_where_it_stands_once_for_each_place() -> None:
    column = Column(type=ColumnType.INTEGER, description="rate rate")
    policy = of(
        title="rate",
        keywords=("interest", "rate"),
        description="interest interest",
        tables={"t": Table(max_rows=1, columns={"interest_rate": column})},
    )
    found = index_words(policy)
    assert found["rate"] == search.TITLE | search.KEYWORD | search.COLUMN | search.TEXT
    assert found["interest"] == search.KEYWORD | search.COLUMN | search.TEXT
    assert found["bank"] == search.PROVIDER


def test_a_policy_with_very_many_words_keeps_the_heaviest() -> None:
    found = index_words(of(description=" ".join(f"w{n}" for n in range(10_000)), keywords=("kept",)))
    assert len(found) == MAX_WORDS
    assert "kept" in found
    assert "loans" in found


def test_of_a_closed_dataset_only_what_everybody_reads_is_indexed() -> None:
    tables = {"cells": Table(max_rows=1, columns={"inmate": Column(type=ColumnType.TEXT)})}
    assert "inmate" in index_words(of(tables=tables))
    assert "inmate" not in index_words(of(tables=tables, open_class=OpenClass.CLOSED))


def test_what_is_asked_is_read_from_texts() -> None:
    asked = search.search(
        "Fair  credit fair x", open_class="closed", domain="transport", mode="download", frequency="daily"
    )
    assert asked.terms == (
        Term(word="fair", whole=False),
        Term(word="credit", whole=False),
        Term(word="x", whole=True),
    )
    assert (asked.open_class, asked.domain) == (OpenClass.CLOSED, Domain.TRANSPORT)
    assert (asked.mode, asked.frequency) == (OpenMode.DOWNLOAD, Frequency.DAILY)
    assert search.search("   ").terms == ()


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"open_class": "open"}, "open_class"),
        ({"domain": "Transport"}, "domain"),
        ({"mode": "email"}, "mode"),
        ({"frequency": "hourlyy"}, "frequency"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**18}, "offset"),
        ({"limit": 0}, "limit"),
        ({"limit": 100_000}, "limit"),
        ({"text": "x" * 201}, "q"),
        ({"text": " ".join(f"w{n}" for n in range(11))}, "q"),
        ({"text": "%%% --"}, "q"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(asked: dict[str, object], where: str) -> None:
    with pytest.raises(BadInput) as refused:
        search.search(**asked)  # type: ignore[arg-type]
    assert refused.value.where == where
    assert refused.value.fix


def test_every_frequency_has_its_european_name_and_no_two_the_same() -> None:
    codes = [frequency.eu_code for frequency in Frequency]
    assert len(set(codes)) == len(codes)
