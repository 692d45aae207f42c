"""The manual of the checks is made from the rules, and each rule says what a person needs."""

from __future__ import annotations

from pathlib import Path

from sandbox.disclosure import reference
from sandbox.domain.findings import Verdict
from sandbox.domain.outputs import OutputKind

ROOT = Path(__file__).resolve().parents[2]


def test_the_checks_page_is_fresh() -> None:
    page = (ROOT / "docs/reference/checks.md").read_text()
    assert page == reference.page(), (
        "stale: python -m sandbox.disclosure.reference > docs/reference/checks.md"
    )


def test_every_rule_says_what_it_finds_where_it_comes_from_and_what_mends_it() -> None:
    rules = [rule for own in reference.rules().values() for rule in own]
    assert len(rules) > 60
    for rule in rules:
        assert rule.says, rule.name
        assert rule.source, rule.name
        assert rule.fix or rule.verdict is Verdict.PASS, rule.name


def test_what_all_releases_say_together_is_among_the_rules() -> None:
    names = {rule.name for rule in reference.rules()["differencing.rules"]}
    assert names == {"differencing", "contradiction", "differencing_unsettled"}


def test_every_kind_has_its_checks() -> None:
    assert set(reference.KINDS) == set(OutputKind)
