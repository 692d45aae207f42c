"""The operator's commands about images, on lists that the test wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sandbox.cli import doctor, images
from sandbox.cli.commands import app
from sandbox.domain.errors import OperatorError
from sandbox.isolation.containers import Containers
from sandbox.isolation.engines import Finding
from sandbox.settings import Settings
from tests.isolation.test_packages import FROM_START, LISTED, advisory

DIGESTS = {role: f"sha256:{number:064x}" for number, role in enumerate(("gate", "engine", "notebook"), 1)}


class Engine:
    """Has the images with these digests."""

    def __init__(self, *there: str) -> None:
        self.there, self.client = there, self

    def has_image(self, image: str) -> bool:
        return image in self.there

    def close(self) -> None: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "images.json"
    named = {role: {"tag": f"sandbox-{role}:1", "digest": digest} for role, digest in DIGESTS.items()}
    file.write_text(json.dumps({"base": {"tag": "sandbox-base:1", "digest": "sha256:0"}, **named}))
    (tmp_path / "sbom").mkdir()
    (tmp_path / "sbom" / "notebook.cdx.json").write_text(json.dumps(LISTED))
    monkeypatch.setattr(Settings, "images_file", property(lambda self: file))
    has(monkeypatch, *DIGESTS.values())
    return tmp_path


def has(patch: pytest.MonkeyPatch, *digests: str) -> None:
    patch.setattr(Containers, "of_this_host", staticmethod(lambda: Engine(*digests)))


def run(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "220"}).invoke(app, ["images", *words])


def test_the_list_shows_what_is_started(folder: Path) -> None:
    done = run("list")
    assert done.exit_code == 0
    assert all(digest in done.output for digest in DIGESTS.values())
    assert "sandbox-base" not in done.output
    assert "3" in done.output


def test_an_image_that_is_gone_is_said_and_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has(monkeypatch, DIGESTS["gate"], DIGESTS["engine"])
    done = run("list")
    assert done.exit_code == 1
    assert "does not have it" in done.output


def test_packages_are_shown_with_licences_and_handed_on_as_they_are(folder: Path) -> None:
    assert "BSD-3-Clause" in run("packages", "notebook").output
    assert json.loads(run("packages", "notebook", "--json").output) == LISTED
    assert "make images" in str(run("packages", "gate").exception)


def test_faults_end_with_1_and_none_with_0(folder: Path, tmp_path: Path) -> None:
    known = tmp_path / "advisories"
    known.mkdir()
    (known / "one.json").write_text(json.dumps(advisory("jinja2", "PyPI", FROM_START, {"fixed": "3.1.6"})))
    done = run("faults", "--advisories", str(known))
    assert done.exit_code == 1
    assert all(word in done.output for word in ("jinja2", "3.1.5", "X-1", "3.1.6", "notebook"))
    (known / "one.json").write_text(json.dumps(advisory("jinja2", "PyPI", FROM_START, {"fixed": "3.0"})))
    done = run("faults", "--advisories", str(known))
    assert (done.exit_code, "0 faults" in done.output) == (0, True)
    assert "holds no advisories" in str(run("faults", "--advisories", str(tmp_path / "nowhere")).exception)


def test_an_image_is_built_by_the_checkouts_own_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, told = tmp_path / "build.py", tmp_path / "told"
    monkeypatch.setattr(images, "BUILDER", script)
    missing = run("build", "r")
    assert isinstance(missing.exception, OperatorError)  # as in a container of docker-compose.yml
    script.write_text(f"import sys\nopen({str(told)!r}, 'w').write(' '.join(sys.argv[1:]))\nsys.exit(3)\n")
    assert run("build", "r").exit_code == 3
    assert told.read_text() == "--only r"


@pytest.mark.parametrize("built", [False, True])
def test_the_examination_says_that_r_is_missing_and_finds_nothing_wrong_in_that(
    folder: Path, monkeypatch: pytest.MonkeyPatch, built: bool
) -> None:
    if built:
        file = folder / "images.json"
        r = {"r": {"tag": "sandbox-r:1", "digest": f"sha256:{9:064x}"}}
        file.write_text(json.dumps({**json.loads(file.read_text()), **r}))
        has(monkeypatch, *DIGESTS.values(), r["r"]["digest"])
    monkeypatch.setattr(doctor, "facts", lambda client: None)
    monkeypatch.setattr(doctor, "findings", lambda found, remapped_to: ())
    monkeypatch.setattr(doctor, "starts_ours", lambda *_, image: Finding(True, "starts", ""))
    found = {one.name: one for one in doctor.examine(Settings())}
    assert found["image r"].good
    assert ("sandbox images build r" in found["image r"].fix) is not built
    assert ("not built" in found["image r"].state) is not built
