"""Which images a build makes: what every installation needs, and what somebody asked for."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from sandbox.settings import CHECKOUT

ALWAYS = {"base", "gate", "engine", "notebook"}


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, on a machine where every image is there already."""
    spec = importlib.util.spec_from_file_location("build_images", CHECKOUT / "images" / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "build_images", module)  # dataclasses look there
    spec.loader.exec_module(module)
    built: list[str] = []
    monkeypatch.setattr(module, "RESULT", tmp_path / "images.json")
    monkeypatch.setattr(module, "existing_tags", set)
    monkeypatch.setattr(module, "choose_base", lambda known: "python:3.11-slim-bookworm")
    monkeypatch.setattr(module, "docker_build", lambda image, tag, **_: built.append(image.role))
    monkeypatch.setattr(module, "built", built, raising=False)
    return module


def test_the_image_of_jobs_in_r_is_made_when_it_is_asked_for(build: ModuleType) -> None:
    assert set(build.build_images()) == ALWAYS
    assert set(build.build_images(only=["r"])) == {"base", "r"}
    assert build.built == ["base", "gate", "engine", "notebook", "base", "r"]


def test_and_kept_up_to_date_from_then_on(build: ModuleType) -> None:
    build.RESULT.write_text(json.dumps({"r": {"tag": "sandbox-r:old", "digest": "sha256:0"}}))
    assert set(build.build_images()) == {*ALWAYS, "r"}
    assert set(build.build_images(only=["gate"])) == {"base", "gate"}


def test_what_a_job_is_run_by_is_an_input_of_both_images(build: ModuleType) -> None:
    """A changed runner makes both anew: neither runs an older one."""
    (r,) = build.ON_DEMAND
    notebook = next(image for image in build.CHILDREN if image.role == "notebook")
    for image in (r, notebook):
        assert CHECKOUT / "images" / "run_job.py" in image.files()
    assert r.tag(parent="a") != r.tag(parent="b")  # so does a changed base


def test_a_role_that_there_is_not_is_named(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["build.py", "--only", "julia"])
    with pytest.raises(SystemExit):
        build.main()
