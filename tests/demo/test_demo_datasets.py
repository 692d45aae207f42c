"""The raw files of the tour, and the policies that describe them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.demo import datasets
from sandbox.demo.datasets import RECIPES, prepare
from sandbox.domain.errors import OperatorError
from sandbox.domain.policy import ColumnType, DatasetPolicy, OpenClass
from sandbox.domain.policy_rules import check
from sandbox.store.policy_files import read_dataset_policy, read_site_policy

POLICIES = Path(__file__).parents[2] / "policies"
NAMES = [recipe.dataset for recipe in RECIPES]
ROWS = {
    "german_credit": 1000,
    "health_insurance": 20_190,
    "flights_2013": 336_776,
    "restaurant_inspections": 27_178,
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Path]]:
    return prepare(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="session")
def policies() -> Mapping[str, DatasetPolicy]:
    return {name: read_dataset_policy(POLICIES / "datasets" / f"{name}.yaml") for name in NAMES}


def test_every_dataset_has_a_policy_without_mistakes(policies: Mapping[str, DatasetPolicy]) -> None:
    assert {p.stem for p in (POLICIES / "datasets").glob("*.yaml")} == set(NAMES)
    for policy in policies.values():
        assert check(policy) == ()
        assert all((policy.description, policy.provider, policy.source, policy.licence))
        assert all(
            column.description for table in policy.tables.values() for column in table.columns.values()
        )
    assert read_site_policy(POLICIES / "site.yaml").name


def test_they_show_what_the_tour_needs(policies: Mapping[str, DatasetPolicy]) -> None:
    assert {str(p.domain) for p in policies.values()} == {
        "inclusive finance", "healthcare", "transport", "culture and tourism",
    }  # fmt: skip
    assert sorted(p.open_class for p in policies.values()).count(OpenClass.UNCONDITIONAL) == 1
    assert max(t.max_rows_per_unit for p in policies.values() for t in p.tables.values()) > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_raw_file_holds_what_its_policy_declares(
    name: str, prepared: Mapping[str, Mapping[str, Path]], policies: Mapping[str, DatasetPolicy]
) -> None:
    policy = policies[name]
    assert set(prepared[name]) == set(policy.tables)
    for table, file in prepared[name].items():
        columns = policy.tables[table].columns
        listed = {
            c: {str(v) for v in column.categories} for c, column in columns.items() if column.categories
        }
        seen: dict[str, set[str]] = {c: set() for c in listed}
        rows = 0
        with file.open(newline="") as opened:
            reader = csv.DictReader(opened)
            assert set(reader.fieldnames or ()) == set(columns)
            for row in reader:
                rows += 1
                for column in listed:
                    seen[column].add(row[column])
        assert rows == ROWS[name] <= policy.tables[table].max_rows
        assert {c: values - listed[c] for c, values in seen.items() if values - listed[c]} == {}


def test_what_is_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "RECIPES", RECIPES[:1])
    told: list[str] = []
    file = prepare(tmp_path, progress=told.append)["german_credit"]["loans"]
    assert told == ["german_credit: making the raw file", "german_credit: 1,000 rows"]
    before = file.stat()
    prepare(tmp_path, progress=told.append)
    assert len(told) == 2
    assert file.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"package": "no_such_package_here"}, "not installed"),
        ({"package": "json"}, "has no german_credit.csv"),
        ({"columns": {"x": lambda row: row["missing"]}}, "no column"),
    ],
)
def test_a_source_that_is_not_as_it_should_be_is_named_and_nothing_is_left(
    change: dict[str, object], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(RECIPES[0], **change)  # type: ignore[arg-type]
    monkeypatch.setattr(datasets, "RECIPES", (broken,))
    with pytest.raises(OperatorError, match=words) as caught:
        prepare(tmp_path)
    assert caught.value.fix
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_an_imputed_flag_is_left_empty() -> None:
    flag = datasets._flag("x")
    assert [flag({"x": v}) for v in ("1", "0", "1.0", "0.144", "NA")] == ["true", "false", "true", "", ""]


def test_bounds_of_private_columns_are_round_numbers(policies: Mapping[str, DatasetPolicy]) -> None:
    for policy in policies.values():
        for table in policy.tables.values() if policy.private else ():
            for column in table.columns.values():
                if column.type is ColumnType.DECIMAL or (column.upper or 0) > 100:
                    assert column.lower is not None
                    assert column.upper is not None
                    assert column.lower % 10 == 0
                    assert column.upper % 5 == 0
