"""A policy's text is changed key by key, and nothing else of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.errors import PolicyRefused
from sandbox.store.policy_text import at, edited, tree_in

TEXT = """\
# About loans.
name: loans  # for life
budget:
  epsilon: "8"
tables:
  loans:
    columns:
      sex: {type: text, categories: [female, male]}
"""


def test_comments_quotes_and_untouched_keys_stay() -> None:
    after = edited(TEXT, {("budget", "delta"): "1e-6"})
    assert after.startswith("# About loans.\nname: loans  # for life\n")
    assert 'epsilon: "8"' in after
    assert at(tree_in(after), ("budget", "delta")) == "1e-6"


def test_a_key_is_taken_out_and_a_group_without_keys_with_it() -> None:
    after = edited(TEXT, {("budget", "epsilon"): None, ("access", "max_days"): None})
    assert "budget" not in after
    assert "access" not in after
    assert at(tree_in(after), ("tables", "loans", "columns", "sex", "type")) == "text"


@pytest.mark.parametrize(
    "value", ["8", "1e-6", "true", "2013-01-01", "null", "- x", "a: b", "#", "yes", "~", "0x10"]
)
def test_a_text_stays_a_text(value: str) -> None:
    assert at(tree_in(edited(TEXT, {("title",): value})), ("title",)) == value


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60))
def test_whatever_is_written_is_read_back(value: str) -> None:
    assert at(tree_in(edited(TEXT, {("title",): value})), ("title",)) == value


@pytest.mark.parametrize("text", ["a: [", "- a list\n", "a: 1\na: 2\n", "[" * 300])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(PolicyRefused):
        edited(text, {("title",): "x"})
