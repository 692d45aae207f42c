"""What is in an image, which of it has known faults, and which version is later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.errors import BadInput, OperatorError
from sandbox.isolation.advisories import Fault, faults, read_advisories
from sandbox.isolation.packages import Package, packages_file, read_packages
from sandbox.isolation.versions import compare_debian, order

LISTED: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "components": [
        {
            "name": "libssl3",
            "version": "3.0.15-1~deb12u1",
            "purl": "pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64",
            "licenses": [{"license": {"name": "Apache-2.0"}}, {"license": {"id": "MIT"}}],
            "properties": [
                {"name": "sandbox:source", "value": "openssl"},
                {"name": "sandbox:source-version", "value": "3.0.15-1~deb12u1"},
            ],
        },
        {
            "name": "jinja2",
            "version": "3.1.5",
            "purl": "pkg:pypi/jinja2@3.1.5",
            "licenses": [{"expression": "BSD-3-Clause"}],
        },
        {"name": "@codemirror/view", "version": "6.1.0", "purl": "pkg:npm/@codemirror/view@6.1.0"},
    ],
}
OPENSSL = Package("deb", "libssl3", "3.0.15-1~deb12u1", "Apache-2.0, MIT", "openssl", "3.0.15-1~deb12u1")
JINJA = Package("pypi", "jinja2", "3.1.5", "BSD-3-Clause", "jinja2", "3.1.5")
EDITOR = Package("npm", "@codemirror/view", "6.1.0", "", "@codemirror/view", "6.1.0")
ALL = (OPENSSL, EDITOR, JINJA)


def written(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text)
    return folder


def test_a_list_is_read_with_licences_and_source_packages(tmp_path: Path) -> None:
    file = packages_file(tmp_path / "images.json", "notebook")
    file.parent.mkdir()
    file.write_text(json.dumps(LISTED))
    assert read_packages(file) == ALL


@pytest.mark.parametrize(
    "text", [None, "{", "[]", '{"bomFormat": "SPDX", "components": []}', '{"components": 1}']
)
def test_a_list_that_is_missing_or_damaged_says_what_to_do(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "gate.cdx.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(OperatorError, match="make images"):
        read_packages(file)


# versions


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("1.0~rc1-1", "1.0-1"),
        ("1.0", "1.0-1"),
        ("1.0-1", "1.0-1+deb12u1"),
        ("1.0-1~deb12u1", "1.0-1"),
        ("1.9-1", "1.10-1"),
        ("2.0-1", "1:0.1-1"),
        ("1.0a-1", "1.0+b-1"),
        ("5.36.0-7+deb12u1", "5.36.0-7+deb12u2"),
        ("0.19.0-1", "0.19.0-1+b3"),
        ("1.2.3-4-5", "1.2.3-4-6"),
    ],
)
def test_debians_versions_sort_as_dpkg_sorts_them(earlier: str, later: str) -> None:
    assert compare_debian(earlier, later) < 0 < compare_debian(later, earlier)
    assert compare_debian(earlier, earlier) == 0


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("1.0.0-alpha.1", "1.0.0-alpha.beta"),
        ("1.0.0-rc.9", "1.0.0-rc.10"),
        ("1.0.0-rc.1", "1.0.0"),
        ("1.9.9", "1.10"),
    ],
)
def test_npms_versions_sort_as_semver_says(earlier: str, later: str) -> None:
    assert order("npm", earlier) < order("npm", later)


@pytest.mark.parametrize("kind", ["pypi", "npm"])
def test_what_is_no_version_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="one"):
        order(kind, "one, perhaps")


# advisories


def advisory(package: str, ecosystem: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    kind = "SEMVER" if ecosystem == "npm" else "ECOSYSTEM"
    affected = {
        "package": {"name": package, "ecosystem": ecosystem},
        "ranges": [{"type": kind, "events": list(events)}] if events else [],
        "versions": more.pop("versions", []),
    }
    return {"id": "X-1", "summary": "A fault", "affected": [affected], **more}


FROM_START = {"introduced": "0"}


@pytest.mark.parametrize(
    ("given", "touched", "fixed_in"),
    [
        (
            advisory("openssl", "Debian:12", FROM_START, {"fixed": "3.0.16-1~deb12u1"}),
            OPENSSL,
            "3.0.16-1~deb12u1",
        ),
        (advisory("openssl", "Debian:12", FROM_START, {"fixed": "3.0.15-1~deb12u1"}), None, ""),
        (advisory("openssl", "Debian:12", FROM_START), OPENSSL, ""),
        (advisory("openssl", "Debian:11", FROM_START), None, ""),
        (advisory("libssl3", "Debian:12", FROM_START), None, ""),  # advisories name source packages
        (advisory("Jinja2", "PyPI", FROM_START, {"fixed": "3.1.6"}), JINJA, "3.1.6"),
        (advisory("jinja2", "PyPI", FROM_START, {"fixed": "3.1.4"}), None, ""),
        (advisory("jinja2", "PyPI", {"introduced": "3.2"}, {"fixed": "3.3"}), None, ""),
        (advisory("jinja2", "PyPI", FROM_START, {"last_affected": "3.1.5"}), JINJA, ""),
        (advisory("jinja2", "PyPI", FROM_START, {"last_affected": "3.1.4"}), None, ""),
        (
            advisory("jinja2", "PyPI", FROM_START, {"fixed": "2.0"}, {"introduced": "3.0"}, {"fixed": "3.2"}),
            JINJA,
            "3.2",
        ),
        (advisory("jinja2", "PyPI", versions=["3.1.5"]), JINJA, ""),
        (advisory("jinja2", "PyPI", versions=["3.1.50"]), None, ""),
        (
            advisory("jinja2", "PyPI", FROM_START, {"fixed": "who knows"}),
            JINJA,
            "",
        ),  # when in doubt, it is told
        (advisory("@codemirror/view", "npm", FROM_START, {"fixed": "6.10.0"}), EDITOR, "6.10.0"),
        (advisory("jinja2", "PyPI", FROM_START, withdrawn="2026-01-01T00:00:00Z"), None, ""),
    ],
)
def test_a_fault_is_found_in_the_versions_that_have_it(
    given: dict[str, Any], touched: Package | None, fixed_in: str
) -> None:
    expected = () if touched is None else (Fault(touched, "X-1", (), "A fault", fixed_in),)
    assert faults(ALL, [given]) == expected


def test_one_fault_is_told_once(tmp_path: Path) -> None:
    given = advisory("jinja2", "PyPI", FROM_START, versions=["3.1.5"], aliases=["CVE-2026-1"])
    (tmp_path / "below").mkdir()
    written(tmp_path, one=given)
    written(tmp_path / "below", two=given)
    (found,) = faults(ALL, read_advisories(tmp_path))
    assert found.aliases == ("CVE-2026-1",)


@pytest.mark.parametrize("content", ["{", "[]", '{"summary": "no name"}', '{"id": "X", "affected": {}}'])
def test_a_file_that_is_no_advisory_is_named_and_not_passed_over(tmp_path: Path, content: str) -> None:
    written(tmp_path, good=advisory("jinja2", "PyPI", FROM_START), wrong=content)
    with pytest.raises(BadInput, match=r"wrong\.json is no advisory"):
        list(read_advisories(tmp_path))


def test_an_empty_folder_is_not_a_clean_bill(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadInput, match="holds no advisories"):
            list(read_advisories(folder))
