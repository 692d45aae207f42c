"""The documents say what is so: generated pages are fresh, links lead somewhere, commands and addresses exist."""

from __future__ import annotations

import doctest
import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image
from starlette.routing import Route

import sandbox.cli.reference as cli_reference
import sandbox.cli.release_reference as release_reference
import sandbox.deploy.reference as cluster_reference
import sandbox.isolation.packages_reference as packages_reference
import sandbox.isolation.probe.reference as attacks_reference
import sandbox.isolation.reference as gate_reference
from sandbox.cli.commands import app
from sandbox.portal.api import PARTS
from tests import documents
from tests.documents import PAGES, ROOT, blocks, links, typed

API_ROW = re.compile(r"^\| `(GET|POST|PUT|DELETE|PATCH) (/[^`]*)` \|", re.MULTILINE)
COMMANDS = {path[1:]: function for path, function in cli_reference.commands(app, ("sandbox",))}


def test_the_command_lines_page_is_fresh() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text()
    assert page == cli_reference.reference(), "stale: python -m sandbox.cli.reference > docs/reference/cli.md"


def test_the_gates_page_is_fresh() -> None:
    page = (ROOT / "docs/explanation/gate.md").read_text()
    assert page == gate_reference.page(), (
        "stale: python -m sandbox.isolation.reference > docs/explanation/gate.md"
    )


def test_the_page_of_attacks_is_fresh() -> None:
    page = (ROOT / "docs/reference/attacks.md").read_text()
    assert page == attacks_reference.page(), (
        "stale: python -m sandbox.isolation.probe.reference > docs/reference/attacks.md"
    )


def test_the_packages_page_is_fresh_and_knows_every_licence() -> None:
    page = (ROOT / "docs/reference/packages.md").read_text()
    assert page == packages_reference.page(), (
        "stale: python -m sandbox.isolation.packages_reference > docs/reference/packages.md"
    )
    assert packages_reference.UNKNOWN not in page, (
        "run in the notebook image: python -m sandbox.isolation.packages_reference licences"
    )
    assert set(packages_reference.r_asked_for()) <= set(json.loads(packages_reference.R_LIST.read_text())), (
        "build it, then: python -m sandbox.isolation.packages_reference r > requirements/r.packages.json"
    )


def test_the_page_of_a_releases_states_is_fresh() -> None:
    page = (ROOT / "docs/explanation/release-states.md").read_text()
    assert page == release_reference.page(), (
        "stale: python -m sandbox.cli.release_reference > docs/explanation/release-states.md"
    )


def test_the_clusters_page_is_fresh() -> None:
    page = (ROOT / "docs/reference/kubernetes.md").read_text()
    assert page == cluster_reference.page(), (
        "stale: python -m sandbox.deploy.reference > docs/reference/kubernetes.md"
    )


def test_the_command_lines_page_has_every_command_and_no_hidden_one() -> None:
    page = cli_reference.reference()
    for words in ("up", "ask", "dataset publish", "audit verify", "release verify"):
        assert f"\n## sandbox {words}\n" in page
    assert "sandbox serve" not in page
    assert "sandbox user add NAME --role ROLE... [--password PASSWORD]" in page
    assert "| `--json` | switch |" in page


def test_every_address_of_the_api_is_listed_and_no_other() -> None:
    page = set(API_ROW.findall((ROOT / "docs/reference/api.md").read_text()))
    program = {
        (method, route.path)
        for part in PARTS
        for route in part.routes
        if isinstance(route, Route) and route.include_in_schema
        for method in (route.methods or ())
        if method != "HEAD"
    }
    assert page == program


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [target for target in links(page.read_text()) if not (page.parent / target).exists()] == []


def test_a_link_to_nowhere_would_be_found(tmp_path: Path) -> None:
    assert [target for target in links("[a](nowhere.md)") if not (tmp_path / target).exists()] == [
        "nowhere.md"
    ]


def test_every_picture_is_shown_somewhere_and_is_light() -> None:
    shown = {(page.parent / target).resolve() for page in PAGES for target in links(page.read_text())}
    pictures = set((ROOT / "docs/images").glob("*.png"))
    assert pictures
    assert pictures <= shown
    for picture in pictures:
        assert picture.stat().st_size < 200_000, picture.name
        with Image.open(picture) as opened:
            assert opened.width <= 1280, picture.name


def wrong_with(command: str) -> str:
    """Why a command of a document could not be typed; empty when it could."""
    words = shlex.split(command)
    match words:
        case ["make", target]:
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            return "" if target in targets else "no such target"
        case ["python", "-m", module, *_]:
            return "" if importlib.util.find_spec(module) else "no such module"
        case ["python", script, *_] if script.endswith(".py"):
            return "" if (ROOT / script).is_file() else "no such script"
        case ["source", _]:
            return ""
        case ["sandbox", *rest]:
            path = next((tuple(rest[:n]) for n in (2, 1) if tuple(rest[:n]) in COMMANDS), None)
            if path is None:
                return "no such command"
            known = cli_reference._section(("sandbox", *path), COMMANDS[path])
            unknown = [word for word in rest if word.startswith("--") and f"`{word}`" not in known]
            return f"no option {unknown[0]}" if unknown else ""
    return "not a command that readers are asked to type"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_can_be_typed(page: Path) -> None:
    assert {c: wrong_with(c) for c in typed(page.read_text()) if wrong_with(c)} == {}


@pytest.mark.parametrize(
    "command", ["make tea", "sandbox fly", "sandbox demo --fast", "python -m sandbox.nothing", "rm -rf /"]
)
def test_a_command_that_is_not_there_would_be_found(command: str) -> None:
    assert wrong_with(command)


def test_the_tutorial_shows_the_tours_own_steps() -> None:
    tour = (ROOT / "sandbox/demo/tour.py").read_text()
    steps = re.findall(r'tour\.step\("([^"]+)"\)', tour)
    shown = re.findall(r"^ ?\d+  (\S.*)$", (ROOT / "docs/tutorials/tour.md").read_text(), re.MULTILINE)
    assert [s for s in shown if not re.match(r"\d\d:\d\d", s)] == steps


def test_the_example_without_a_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = blocks((ROOT / "docs/explanation/private-answers.md").read_text(), "python")
    monkeypatch.chdir(tmp_path)
    for folder in ("policies", "sandbox"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    exec(compile(example, "private-answers.md", "exec"), {})
    assert capsys.readouterr().out.count("'n': {'value':") == 2


def test_the_readers_of_documents_read_as_their_examples_say() -> None:
    assert doctest.testmod(documents).failed == 0
