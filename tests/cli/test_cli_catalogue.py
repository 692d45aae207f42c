"""``sandbox dataset``: publishing, the catalogue at the terminal, and its export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sandbox.cli.commands import app

STOPS = """\
name: stops
title: Bus stops [of] the town
open_class: unconditional
domain: transport
provider: a town
source: a town
licence: CC0
update_frequency: weekly
keywords: [buses]
owner: olga
tables:
  stops:
    max_rows: 1000
    columns:
      name: {type: text, description: What people call it.}
      riders: {type: integer, lower: 0, upper: 100, measured_in: people}
"""
SPIES = """\
name: spies
title: Spies
open_class: closed
listed: false
provider: a ministry
source: a ministry
licence: none
owner: olga
"""


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with an open dataset, and one that is hidden."""
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "site.yaml").write_text("name: Test\nclass_names: {unconditional: public}\n")
    (policies / "stops.yaml").write_text(STOPS)
    (policies / "spies.yaml").write_text(SPIES)
    (tmp_path / "stops.csv").write_text("name,riders\nMain street,12\n")
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SANDBOX_POLICIES", str(policies))
    monkeypatch.setenv("COLUMNS", "100")
    assert run("publish", str(policies / "stops.yaml"), str(tmp_path / "stops.csv")).exit_code == 0
    assert run("publish", str(policies / "spies.yaml")).exit_code == 0
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["dataset", *words])


def test_publishing_tells_the_class_by_its_name_here(installation: Path) -> None:
    told = run("publish", str(installation / "policies/stops.yaml"), str(installation / "stops.csv")).output
    assert "stops (public)" in told
    assert "no new version" in told


def test_the_list_shows_the_operator_what_is_hidden_and_says_so() -> None:
    told = run("list").output
    assert "Bus stops [of] the town" in told
    assert "closed, hidden" in told


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("--search", "bus"), True),
        (("--search", "spy"), False),
        (("--class", "unconditional", "--domain", "transport"), True),
        (("--mode", "sandbox"), False),
        (("--frequency", "weekly"), True),
        (("--offset", "5"), False),
    ],
)
def test_the_list_is_narrowed(words: tuple[str, ...], shown: bool) -> None:
    assert ("Bus stops" in run("list", *words).output) is shown


def test_a_list_that_goes_on_says_how() -> None:
    assert "1 to 1 of 2; go on with --offset 1" in run("list", "--limit", "1").output


def test_a_dataset_is_shown_with_terms_schema_versions_and_citation() -> None:
    told = run("show", "stops").output
    for words in (
        "Bus stops [of] the town",
        "(public)",
        "keywords: buses",
        "0 to 100 people",
        "csv, 27 bytes",
    ):
        assert words in told, words
    assert "cite as: a town (" in told
    assert "(closed, hidden)" in run("show", "spies").output
    assert run("show", "dragons").exception is not None


def test_the_export_holds_what_everybody_may_know(installation: Path) -> None:
    file = installation / "catalogue.jsonld"
    assert "1 dataset" in run("export-dcat", str(file)).output
    graph = json.loads(file.read_text())
    assert "spies" not in file.read_text()
    assert json.loads(run("export-dcat").output) == graph
    one = json.loads(run("export-dcat", "--dataset", "stops").output)
    assert one["@graph"][0] == graph["@graph"][1]
    assert run("export-dcat", "--dataset", "spies").exception is not None
