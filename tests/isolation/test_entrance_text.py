"""Text and tables at the entrance: what a person can read comes in, and what they should look at is said."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from sandbox.disclosure.file_type import recognise
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.import_terms import ImportTerms
from sandbox.isolation.entrance.found import Refused, fine
from sandbox.isolation.entrance.judge import Beside, Entrance
from sandbox.isolation.entrance.scan import clamav
from sandbox.isolation.entrance.target import Target

ENTRANCE = Entrance(
    terms=ImportTerms(),
    target=Target(),
    scan=lambda name, data: fine(name, "malware", "Nothing."),
    recognise=recognise,
)


def judged(name: str, data: bytes, beside: Beside | None = None) -> list[Finding]:
    return [f for f in ENTRANCE.judge([(name, data)], beside or Beside()) if f.check != "malware"]


def failed(name: str, data: bytes) -> list[str]:
    return [f.check for f in judged(name, data) if f.verdict is Verdict.FAIL]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("study.py", b"#!/usr/bin/env python\nprint('hello')\n"),
        ("study.R", b"x <- 1\n"),
        ("notes.md", "Städte und Länder – gemessen.\n".encode()),
        ("terms.json", b'{"a": 1}'),
        ("regions.tsv", b"region\tgrowth\nnorth\t0.1\n"),
        ("bom.csv", b"\xef\xbb\xbfregion,growth\nnorth,0.1\n"),
    ],
)
def test_plain_text_comes_in(name: str, data: bytes) -> None:
    assert failed(name, data) == []


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x7fELF\x02\x01\x01\0", "an executable"),
        (b"PK\x03\x04\x14\0\0\0", "a zip archive"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"PAR1\0\0PAR1", "a Parquet file"),
        (b"\x89PNG\r\n\x1a\n\0", "a PNG image"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
        (b"a,b\n1,2\n\0hidden", "binary"),
    ],
)
def test_anything_else_under_the_name_of_a_table_is_refused(data: bytes, word: str) -> None:
    (finding,) = (f for f in judged("table.csv", data) if f.verdict is Verdict.FAIL)
    assert finding.check == "content"
    assert word in finding.reason


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\u2066", "\x1b", "\x08", "\U000e0041"])
def test_what_a_reader_would_not_see_is_refused(character: str) -> None:
    code = f"admin = False  # {character} if admin\n".encode()
    assert failed("study.py", code) == ["content"]
    assert failed("study.py", code.replace(character.encode(), b"")) == []


@pytest.mark.parametrize(
    "name", ["run.sh", "page.html", "a.exe", "lib.so", "t.pkl", "t.parquet", "plain", "a.pth"]
)
def test_a_type_that_is_not_listed_is_refused(name: str) -> None:
    assert failed(name, b"text\n") == ["type"]


@pytest.mark.parametrize(
    "name", ["../t.csv", "a/b.csv", ".hidden.csv", "t\n.csv", "t..csv", "<b>.csv", "\u202et.csv", ""]
)
def test_a_hostile_name_is_refused(name: str) -> None:
    assert failed(name, b"a\n1\n") == ["name"]


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "ghp_" + "a" * 36,
        "postgresql://ana:geheim@db.example/loans",
        "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0NSJ9" + ".c2lnbmF0dXJlLW9mLWl0",
    ],
)
def test_a_forgotten_key_is_refused_and_not_repeated(secret: str) -> None:
    text = f"first line\nkey = {secret}\n"
    (finding,) = (f for f in judged("study.py", text.encode()) if f.verdict is Verdict.FAIL)
    assert finding.place == "line 2"
    assert secret not in finding.reason + finding.fix
    assert failed("study.py", b"first line\nkey = read()\n") == []


def test_doubts_are_for_a_person() -> None:
    text = "password = 'hunter22'\n" + "blob = '" + "QUJD" * 600 + "'\n"
    assert [f.check for f in judged("study.py", text.encode())] == ["secrets", "encoded"]
    cells = {"cells": [{"outputs": [1]}, {"outputs": []}]}
    (outputs,) = judged("study.ipynb", json.dumps(cells).encode())
    assert outputs.check == "outputs"
    assert failed("study.ipynb", b"{}") == ["content"]
    assert failed("t.json", b"{" * 100_000) == ["content"]


# --- by which rows get names


def linkage(data: str, beside: Beside | None = None) -> list[str]:
    found = judged("table.csv", data.encode(), beside)
    return [f.reason for f in found if f.verdict is Verdict.REVIEW]


def rows(values: list[str], column: str = "code") -> str:
    return f"{column},group\n" + "".join(f"{v},north\n" for v in values)


def test_a_table_of_groups_says_nothing() -> None:
    (found,) = judged("regions.csv", b"region,rate\nnorth,0.25\nsouth,0.5\n")
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize(
    "column", ["email", "ApplicantID", "date_of_birth dob", "Post-Code zip", "last name", "IBAN"]
)
def test_a_column_that_is_named_like_an_identifier_is_shown(column: str) -> None:
    assert "named like an identifier" in linkage(rows(["a", "b"], column))[0]
    assert linkage(rows(["a", "b"], "region")) == []


def test_columns_are_known_by_their_values_too() -> None:
    assert "e-mail" in linkage(rows([f"p{n}@example.org" for n in range(5)], "contact"))[0]
    assert "another value" in linkage(rows([f"x{n}" for n in range(40)], "code"))[0]
    assert linkage(rows([f"{n}.5" for n in range(40)], "amount")) == []
    assert linkage(rows(["a", "b"] * 20, "code")) == []


def test_columns_that_the_data_have_too_are_shown() -> None:
    beside = Beside(columns=frozenset({"sex", "age", "firm"}), unit="firm")
    said = " ".join(linkage("sex,Age,firm\nf,3,a\n", beside))
    assert "sex, Age, firm" in said
    assert "says whose a row is" in said
    assert linkage("region,rate\nnorth,0.1\n", beside) == []


@pytest.mark.parametrize("data", [b'a,b\n"open', b'"', b"\n", b"a," * 3000 + b"\n"])
def test_what_is_no_table_is_refused(data: bytes) -> None:
    assert failed("table.csv", data) != [] or judged("table.csv", data)[0].verdict is Verdict.PASS


# --- the scanner


def scanner(folder: Path, script: str) -> str:
    program = folder / "clamdscan"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_a_machine_without_a_scanner_says_so(tmp_path: Path) -> None:
    finding = clamav(str(tmp_path / "none"))("t.csv", b"a")
    assert finding.verdict is Verdict.REVIEW
    assert "Not scanned" in finding.reason


def test_what_the_scanner_finds_is_refused(tmp_path: Path) -> None:
    found = scanner(tmp_path, 'grep -q EICAR && { echo "stream: Eicar-Test FOUND"; exit 1; }; exit 0')
    with pytest.raises(Refused, match="Eicar-Test"):
        clamav(found)("t.csv", b"EICAR")
    assert clamav(found)("t.csv", b"harmless").verdict is Verdict.PASS


@pytest.mark.parametrize("script", ["cat >/dev/null; exit 2", "exec sleep 30"])
def test_a_scanner_that_does_not_answer_is_said_too(tmp_path: Path, script: str) -> None:
    finding = clamav(scanner(tmp_path, script), timeout_s=0.2)("t.csv", b"a")
    assert finding.verdict is Verdict.REVIEW
    assert "did not answer" in finding.reason


def test_the_scripts_of_these_tests_are_programs(tmp_path: Path) -> None:
    assert os.stat(scanner(tmp_path, "exit 0")).st_mode & stat.S_IXUSR


@pytest.mark.parametrize(
    "piece",
    [
        "a-",
        "eyJ-",
        "A" * 1999 + " ",
        "\\x41" * 399 + " ",
        "password=",
        "-----BEGIN A ",
        "a://",
        "ghp_a",
        "+1 ",
        "b@c.",
    ],
)
def test_no_text_makes_a_pattern_take_for_ever(piece: str) -> None:
    """A quarter of a megabyte of what a pattern almost matches: in square time, this would not end within the test's time."""
    data = (piece * (2**18 // len(piece))).encode()
    judged("study.py", data)
    judged("table.csv", b"a,b\n" + data)
