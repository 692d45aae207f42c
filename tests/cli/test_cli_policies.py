"""``sandbox policy``, as it is typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sandbox.cli import app
from sandbox.cli.doctor import _policies
from sandbox.domain.audit import Event
from sandbox.domain.errors import NotAllowed, NotSignedIn, SandboxError
from sandbox.domain.people import Person, Role
from sandbox.settings import CHECKOUT, Settings
from sandbox.store.policy_files import read_dataset_policy
from sandbox.wiring import Sandbox, build
from tests.flows.conftest import POLICY, FakeEngine

BROKEN = sorted((CHECKOUT / "tests" / "policies_broken").glob("*.yaml"))
EXPECTED = re.compile(r"^# expect: (\d+) \| (.*?) \| (.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The real command over all broken files at once, on a site that forbids one mode."""
    policies = tmp_path_factory.mktemp("policies")
    site = (CHECKOUT / "policies" / "site.yaml").read_text()
    assert "modes: [query, job, room]" in site
    (policies / "site.yaml").write_text(site.replace("modes: [query, job, room]", "modes: [query, job]"))
    return subprocess.run(
        [sys.executable, "-m", "sandbox", "policy", "check", *map(str, BROKEN)],
        cwd=CHECKOUT,
        env=os.environ | {"SANDBOX_POLICIES": str(policies), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_are_enough_broken_files_and_the_command_ends_with_2(
    checked: subprocess.CompletedProcess[str],
) -> None:
    assert len(BROKEN) >= 20
    assert checked.returncode == 2
    assert "Traceback" not in checked.stderr
    assert checked.stdout == ""


@pytest.mark.parametrize("file", BROKEN, ids=lambda f: f.stem)
def test_every_mistake_is_named_with_its_line_and_nothing_else_is(
    file: Path, checked: subprocess.CompletedProcess[str]
) -> None:
    said = [line for line in checked.stderr.splitlines() if line.startswith(f"{file}:")]
    expected = EXPECTED.findall(file.read_text())
    assert expected
    for line, key, part in expected:
        found = [s for s in said if s.startswith(f"{file}:{line}: {key}: ") and part in s]
        assert len(found) == 1, (line, key, part, said)
    assert len(said) == len(expected)


def test_a_good_file_is_said_to_be_good() -> None:
    """The control of the two above."""
    done = CliRunner().invoke(app, ["policy", "check", str(CHECKOUT / "policies" / "site.yaml")])
    assert (done.exit_code, done.output.startswith("✓")) == (0, True)


@pytest.mark.parametrize("kind", ["site", "dataset", "outputs"])
def test_the_schemas_for_editors_are_fresh(kind: str) -> None:
    committed = (CHECKOUT / "policies" / "schema" / f"{kind}.json").read_text()
    done = CliRunner().invoke(app, ["policy", "schema", kind])
    assert committed == done.stdout, f"stale: sandbox policy schema {kind} > policies/schema/{kind}.json"
    schema = json.loads(committed)
    assert schema["additionalProperties"] is False
    assert {"bounds", "budget", "files"} & set(schema["properties"])


def test_every_policy_names_its_schema_and_the_schema_is_there() -> None:
    for file in [CHECKOUT / "policies" / "site.yaml", *(CHECKOUT / "policies" / "datasets").glob("*.yaml")]:
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text())
        assert named, file
        assert (file.parent / named[1]).is_file()


# an installation


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    policies = tmp_path / "policies"
    (policies / "datasets").mkdir(parents=True)
    (policies / "site.yaml").write_text("name: Test\nbounds:\n  max_epsilon: '20'\n")
    (policies / "datasets" / "loans.yaml").write_text(POLICY)
    settings = Settings(home=tmp_path / "home", policies=policies)
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "140")
    return settings


@pytest.fixture
def house(settings: Settings) -> Sandbox:
    """Loans are published; olga owns them, ada is an administrator."""
    sandbox = build(settings, engine=FakeEngine())
    for name, role in (("olga", Role.OWNER), ("ada", Role.ADMINISTRATOR)):
        sandbox.store.people.add(
            Person(name, frozenset({role})),
            password=f"the password of {name}",
            event=Event("t", "person.added", f"person:{name}"),
        )
    raw = settings.home / "loans.csv"
    raw.write_text("id,sex,amount\n1,female,10\n")
    sandbox.publish_dataset(
        Person("olga", frozenset({Role.OWNER})),
        policy_file=settings.policies / "datasets" / "loans.yaml",
        files={"loans": raw},
    )
    return sandbox


@pytest.fixture
def run() -> Callable[..., Result]:
    def typed(*arguments: str, keys: str = "") -> Result:
        return CliRunner().invoke(app, ["policy", *arguments], input=keys)

    return typed


def failed(result: Result) -> SandboxError:
    assert isinstance(result.exception, SandboxError)
    return result.exception


def edit(settings: Settings, before: str, after: str) -> str:
    file = settings.policies / "datasets" / "loans.yaml"
    file.write_text(file.read_text().replace(before, after))
    return str(file)


def test_from_a_changed_file_to_what_holds(
    settings: Settings, house: Sandbox, run: Callable[..., Result]
) -> None:
    assert "✓" in run("check").output
    file = edit(settings, "epsilon: '4'", "epsilon: '6'")
    edit(settings, "release: {", "release: {threshold: 20, ")
    shown = run("diff", file).output
    assert re.search(r"▲ loosens +budget\.epsilon +4 → 6", shown)
    assert re.search(r"▼ tightens +release\.threshold +10 → 20", shown)
    (document,) = json.loads(run("diff", file, "--json").output)
    assert (document["second_person"], document["publishing"]) == (["budget.epsilon"], [])
    assert "proposal 1 waits" in run("apply", file, "--reason", "More questions.").output.lower()
    assert "differs from version 1 in 2 keys" in run("check").output
    assert re.search(r"1 +loans +open +operator", run("proposals").output)
    assert "“More questions.”" in run("proposals", "1").output
    done = run("approve", "1", "--as", "olga", keys="the password of olga\n")
    assert "approved, and holds" in done.output
    assert "the password" not in done.output
    assert "Nothing waits" in run("proposals").output
    (told,) = json.loads(run("proposals", "--all", "--json").output)
    assert (told["state"], told["decided_by"], told["allowed_actions"]) == ("applied", "olga", [])
    assert "version 2 is as it says" in run("diff", file).output
    assert house.store.log.entries(actor="olga", action="person.signed_in")


def test_who_proposed_cannot_approve_and_who_cannot_sign_in_neither(
    settings: Settings, house: Sandbox, run: Callable[..., Result]
) -> None:
    file = edit(settings, "epsilon: '4'", "epsilon: '6'")
    run("apply", file, "--as", "olga", keys="the password of olga\n")
    refused = failed(run("approve", "1", "--as", "olga", keys="the password of olga\n"))
    assert isinstance(refused, NotAllowed)
    assert refused.clause == "second person"
    assert isinstance(failed(run("approve", "1", "--as", "ada", keys="a guess\n")), NotSignedIn)
    assert isinstance(failed(run("approve", "1", "--as", "operator", keys="a guess\n")), NotSignedIn)
    assert run("approve", "1").exit_code == 2  # --as is not optional
    assert run("reject", "1", "--comment", "No.", "--as", "ada", keys="the password of ada\n").exit_code == 0
    row = house.store.datasets.get("loans")
    assert row is not None
    assert row.version == 1


def test_a_removed_file_is_told_and_can_be_written_again(
    settings: Settings, house: Sandbox, run: Callable[..., Result]
) -> None:
    file = settings.policies / "datasets" / "loans.yaml"
    before = read_dataset_policy(file)
    file.unlink()
    done = run("check")
    assert (done.exit_code, "loans has no file loans.yaml; what is published holds" in done.output) == (
        0,
        True,
    )
    (about,) = [found for found in _policies(settings) if found.name == "policy of loans"]
    assert not about.good
    file.write_text(run("show", "loans").stdout)
    assert read_dataset_policy(file) == before
    assert all(found.good for found in _policies(settings))


def test_a_file_that_speaks_for_another_dataset_is_a_mistake(
    settings: Settings, run: Callable[..., Result]
) -> None:
    (settings.policies / "datasets" / "copy.yaml").write_text(POLICY)
    done = run("check")
    assert done.exit_code == 2
    assert re.search(r"copy\.yaml:1: name: 'loans' stands in the file of 'copy'", done.stderr)


def test_checking_makes_no_installation(settings: Settings, run: Callable[..., Result]) -> None:
    assert run("check").exit_code == 0
    assert not settings.home.exists()
    assert list(_policies(settings)) == []


def test_a_looser_site_is_told_and_waits(
    settings: Settings, house: Sandbox, run: Callable[..., Result]
) -> None:
    file = settings.policies / "site.yaml"
    file.write_text("name: Test\nbounds:\n  max_epsilon: '30'\n")
    (about,) = [found for found in _policies(settings) if found.name == "policy of site"]
    assert "loosens bounds.max_epsilon, without effect" in about.state
    assert "waits for a second person" in run("apply", str(file)).output
    assert "holds" in run("approve", "1", "--as", "ada", keys="the password of ada\n").output
    (about,) = [found for found in _policies(settings) if found.name == "policy of site"]
    assert about.good


def test_what_is_not_there_is_said_plainly(house: Sandbox, run: Callable[..., Result]) -> None:
    for arguments in (("show", "nothing"), ("schema", "x"), ("proposals", "7"), ("reject", "7")):
        assert failed(run(*arguments)).fix or failed(run(*arguments)).message
