"""What a file is, by its bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.disclosure.file_type import check_file_type, recognise
from sandbox.domain.findings import Finding, Verdict

TABLE = b"sex,n\nf,120\nm,130\n"


def check(
    name: str, data: bytes, *, allowed: tuple[str, ...] = ("csv",), max_bytes: int = 100_000
) -> list[Finding]:
    return check_file_type(name, data, allowed=allowed, max_bytes=max_bytes)


def zipped(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("table.csv")
        info.size = len(TABLE)
        archive.addfile(info, io.BytesIO(TABLE))
    return out.getvalue()


# Content that is not a plain table, under a name that says it is one.
HOSTILE = {
    "zip": (zipped(a=TABLE), "zip archive"),
    "empty zip": (zipped(), "zip archive"),
    "excel": (zipped(**{"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<w/>"}), "Excel"),
    "gzip": (gzip.compress(TABLE), "gzip"),
    "bzip2": (bz2.compress(TABLE), "bzip2"),
    "xz": (lzma.compress(TABLE), "xz"),
    "tar": (tarred(), "tar"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "7z"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00", "zstd"),
    "rar": (b"Rar!\x1a\x07\x01\x00", "rar"),
    "pickle 5": (pickle.dumps({"a": 1}, protocol=5), "pickle"),
    "pickle 2": (pickle.dumps({"a": 1}, protocol=2), "pickle"),
    "pickle 0, which is text": (pickle.dumps(["row", "row"], protocol=0), "pickle"),
    "pickle 0 that runs a command": (b"cos\nsystem\n(S'id'\ntR.", "pickle"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(20), "PNG"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "JPEG"),
    "gif": (b"GIF89a", "GIF"),
    "elf": (b"\x7fELF\x02\x01\x01", "executable"),
    "windows executable": (b"MZ\x90\x00\x03", "executable"),
    "script": (b"#!/bin/sh\nid\n", "script"),
    "html": (b"<!DOCTYPE html><table></table>", "HTML"),
    "html after blanks": (b"\n\n  <script>alert(1)</script>", "HTML"),
    "html after a byte order mark": (b"\xef\xbb\xbf<html>", "HTML"),
    "svg": (b'<svg xmlns="x" onload="x()"/>', "SVG"),
    "pdf": (b"%PDF-1.7\n", "PDF"),
    "old office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
    "parquet": (b"PAR1\x15\x04", "Parquet"),
    "numpy": (b"\x93NUMPY\x01\x00", "NumPy"),
    "sqlite": (b"SQLite format 3\x00", "SQLite"),
    "notebook": (json.dumps({"cells": [], "nbformat": 4}).encode(), "JSON"),
    "json rows": (b'[{"age": 31}, {"age": 57}]', "JSON"),
    "utf-16": ("sex,n\nf,120\n".encode("utf-16"), "UTF-16"),
    "nul byte": (b"sex,n\nf,12\x000\n", "binary"),
    "not utf-8": (b"name,n\nM\xfcnchen,120\n", "not UTF-8"),
    "zero width": ("sex,n\nf\u200b,120\n".encode(), "invisible"),
    "right to left": ("sex,n\nf\u202e,120\n".encode(), "invisible"),
    "tag characters": ("sex,n\nf\U000e0041,120\n".encode(), "invisible"),
    "escape sequence": (b"sex,n\nf\x1b[31m,120\n", "invisible"),
    "private use": ("sex,n\nf\ue000,120\n".encode(), "invisible"),
    "empty": (b"", "empty"),
    "blanks": (b"  \n \n", "blanks"),
}


@pytest.mark.parametrize("content", HOSTILE)
def test_content_that_is_no_plain_table_fails_with_its_kind_and_a_fix(content: str) -> None:
    data, word = HOSTILE[content]
    (finding,) = check("table.csv", data)
    assert finding.verdict is Verdict.FAIL
    assert word.lower() in finding.reason.lower()
    assert finding.fix


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        b"\xef\xbb\xbf" + TABLE,
        TABLE.replace(b"\n", b"\r\n"),
        "città,n\nMünchen,120\n北京,130\n".encode(),
        b"MZ,ORCHARD\nBZh,120\n",
        b'"<5",n\nx,120\n',
        b"N,mean\n120,3.5\n",
    ],
)
def test_a_plain_table_passes(data: bytes) -> None:
    assert check("table.csv", data) == []


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("table.txt", ("csv",)),
        ("table.csv.exe", ("csv",)),
        ("table", ("csv",)),
        ("../table.csv", ("csv",)),
        ("a/table.csv", ("csv",)),
        (".csv", ("csv",)),
        ("table\n.csv", ("csv",)),
        ("table.dat", ("csv", "dat")),  # allowed by policy, but no check knows it: fail closed
        ("table.csv", ()),
    ],
)
def test_a_wrong_name_fails_though_the_content_is_a_table(name: str, allowed: tuple[str, ...]) -> None:
    (finding,) = check(name, TABLE, allowed=allowed)
    assert finding.verdict is Verdict.FAIL


def test_the_size_is_held_to_the_byte() -> None:
    assert check("table.csv", TABLE, max_bytes=len(TABLE)) == []
    (finding,) = check("table.csv", TABLE, max_bytes=len(TABLE) - 1)
    assert "at most" in finding.reason


def test_the_line_of_a_broken_character_is_named() -> None:
    (finding,) = check("table.csv", b"name,n\nok,120\nM\xfcnchen,120\n")
    assert "Line 3" in finding.reason


@given(st.binary(max_size=200))
def test_any_bytes_are_judged_without_an_error(data: bytes) -> None:
    assert all(f.verdict is Verdict.FAIL for f in check("table.csv", data))


@given(st.recursive(st.integers() | st.text() | st.none(), st.lists, max_leaves=5), st.integers(0, 5))
def test_every_pickle_is_recognised(value: object, protocol: int) -> None:
    assert recognise(pickle.dumps(value, protocol=protocol))
