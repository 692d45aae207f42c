"""The manifests by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox.cli.commands import app
from sandbox.domain.errors import BadInput
from sandbox.settings import CHECKOUT
from sandbox.store.policy_files import read_site_policy

GIVEN = [
    *("--public-url", "https://data.example.org"),
    *("--registry", "registry.example.org/sandbox"),
    *("--api-server", "10.0.0.1/32"),
]


def test_manifests_are_written_with_the_sizes_of_the_sites_policy(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    done = CliRunner().invoke(app, ["deploy", "kubernetes", str(folder), *GIVEN])
    assert done.exit_code == 0, done.output
    assert "kustomization.yaml" in done.output
    assert "--runtime-class" in done.output
    site = read_site_policy(CHECKOUT / "policies/site.yaml")
    assert f"{site.notebook.memory_mib}Mi" in (folder / "23-limits.yaml").read_text()
    assert (folder / "nodes/seccomp-amd64.json").is_file()


def test_what_was_chosen_is_not_asked_for_again(tmp_path: Path) -> None:
    chosen = ["--runtime-class", "gvisor", "--seccomp-profile", "sandbox/own.json"]
    done = CliRunner().invoke(app, ["deploy", "kubernetes", str(tmp_path / "cluster"), *GIVEN, *chosen])
    assert done.exit_code == 0, done.output
    assert "name gVisor" not in done.output
    assert "runtimeClassName" not in (tmp_path / "cluster/40-system.yaml").read_text()  # of notebooks only


def test_nothing_is_written_when_something_cannot_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    open_world = ["--database", "0.0.0.0/0"]
    done = CliRunner().invoke(app, ["deploy", "kubernetes", str(folder), *GIVEN, *open_world])
    assert isinstance(done.exception, BadInput)
    assert not folder.exists()


@pytest.mark.parametrize("missing", ["--public-url", "--registry", "--api-server"])
def test_what_has_no_good_default_is_asked_for(tmp_path: Path, missing: str) -> None:
    at = GIVEN.index(missing)
    done = CliRunner().invoke(
        app, ["deploy", "kubernetes", str(tmp_path / "x"), *GIVEN[:at], *GIVEN[at + 2 :]]
    )
    assert done.exit_code == 2
