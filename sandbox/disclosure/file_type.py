"""What a file is, by its bytes. A name proves nothing.

Only what has a reader and a writer here passes: tables as CSV, JSON or Parquet, pictures as PNG, plain texts and
notebooks. All else fails with the kind it was recognised as, so that a person can mend it.
"""

from __future__ import annotations

import json
import pickletools
import re
import unicodedata
from collections.abc import Collection

from sandbox.disclosure.sources import OUTPUT_TYPES
from sandbox.domain.check_terms import FILE_TYPES
from sandbox.domain.errors import BadInput
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.release import check_file_name

CHECK = "file_type"

# (offset, bytes, what it is). Source: the formats' own specifications; file(1) lists the same signatures.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (0, b"]\x00\x00", "an lzma archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (0, b"\x04\x22\x4d\x18", "an lz4 archive"),
    (0, b"\x1f\x9d", "a compress archive"),
    (0, b"Rar!", "a rar archive"),
    (0, b"LZIP", "an lzip archive"),
    (0, b"MSCF", "a cabinet archive"),
    (0, b"!<arch>", "an ar archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"II*\x00", "a TIFF image"),
    (0, b"MM\x00*", "a TIFF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"\xd0\xcf\x11\xe0", "an old Office document"),
    (0, b"\x7fELF", "an executable"),
    (0, b"MZ", "an executable"),
    (0, b"\xca\xfe\xba\xbe", "an executable"),
    (0, b"\xcf\xfa\xed\xfe", "an executable"),
    (0, b"\x00asm", "an executable"),
    (0, b"#!", "a script"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"ARROW1", "an Arrow file"),
    (0, b"FEA1", "a Feather file"),
    (0, b"ORC", "an ORC file"),
    (0, b"Obj\x01", "an Avro file"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"SQLite format 3", "a SQLite database"),
    (8, b"DUCK", "a DuckDB database"),
    (0, b"RDX", "an R data file"),
    (0, b"<stata_dta>", "a Stata file"),
    (0, b"$FL2", "an SPSS file"),
)

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")  # UTF-16 and UTF-32 byte order marks
_MARKUP = re.compile(rb"\s*(?:<[!?a-z/]|\(\s*<[!?a-z])", re.IGNORECASE)
# Characters that a person does not see, in which anything can be hidden: controls, formats (zero width,
# right-to-left, tags), private use, unassigned, lone surrogates, odd line ends.
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_LINE_CHARACTERS = frozenset("\t\n\r")


def check_file_type(name: str, data: bytes, *, allowed: Collection[str], max_bytes: int) -> list[Finding]:
    """Judge a file by name, size and content.

    Args:
        name: the bare file name.
        allowed: the types that may leave, such as ``("csv",)``.
        max_bytes: the largest file that may leave.

    Returns:
        Nothing when it may be read on; else one failing finding for the first reason that holds.
    """
    reason, fix = _wrong(name, data, allowed=allowed, max_bytes=max_bytes)
    if not reason:
        return []
    return [wrong_type(name, reason, fix)]


def wrong_type(name: str, reason: str, fix: str) -> Finding:
    """The finding on a file that cannot be read as what it should be."""
    return Finding(file=name, check=CHECK, verdict=Verdict.FAIL, reason=reason, fix=fix, source=OUTPUT_TYPES)


def _wrong(name: str, data: bytes, *, allowed: Collection[str], max_bytes: int) -> tuple[str, str]:
    """The first reason against the file and its fix; two empty texts when there is none."""
    types = ", ".join(sorted(allowed)) or "none"
    try:
        check_file_name(name)
    except BadInput as error:
        return error.message, error.fix
    if not data:
        return "The file is empty.", "Write the table into it and submit again."
    if len(data) > max_bytes:
        return (
            f"The file has {len(data):,} bytes; at most {max_bytes:,} may leave.",
            "Send a smaller table: aggregates are small, rows of people are not.",
        )
    kind = recognise(data)
    end = ending(name)
    if kind and (kind != _CONTENTS.get(end) or end not in allowed):
        return f"The content is {kind}; only {types} may leave.", _FIXES.get(
            kind, f"Write the result as {types}."
        )
    if end not in allowed:
        return f"A file ending in '.{end}' may not leave; only {types}.", f"Rename or write it as {types}."
    if end not in FILE_TYPES:
        return f"There is no check for '.{end}' files, so none may leave.", "Write the result as csv."
    if not kind and end in _CONTENTS:
        return f"The content is no {end}.", f"Write it as {end}, or give it the name of what it is."
    return ("", "") if end in _BINARY else _wrong_text(data)


def ending(name: str) -> str:
    """What a name says the file is.

    >>> ending("Table.CSV"), ending("table")
    ('csv', '')
    """
    return name.rsplit(".", 1)[-1].lower() if "." in name else ""


# What the bytes have to be under a name; texts (csv, md, txt) have no mark of their own.
_CONTENTS = {"json": "JSON", "ipynb": "JSON", "parquet": "a Parquet file", "png": "a PNG image"}
_BINARY = frozenset({"parquet", "png"})
_FIXES = {
    "an Excel or Office document": "Save each table as CSV: an Excel file can hold hidden sheets, formulas and "
    "earlier values that nobody sees.",
    "an old Office document": "Save each table as CSV: an Excel file can hold hidden sheets, formulas and earlier "
    "values that nobody sees.",
    "a Python pickle": "Write the numbers as csv or json: a pickle is a program that runs when it is opened.",
    "HTML, SVG or XML": "Write tables as csv and pictures as png: markup can run in a reader's browser.",
}


def recognise(data: bytes) -> str:
    """What the bytes are, as words; empty for anything that could be plain text."""
    if data[:2] == b"PK" and data[2:4] in (b"\x03\x04", b"\x05\x06", b"\x07\x08"):
        return "an Excel or Office document" if b"[Content_Types].xml" in data[:4096] else "a zip archive"
    for offset, signature, kind in _SIGNATURES:
        if data[offset : offset + len(signature)] == signature and (
            not signature.isalnum() or len(signature) > 3 or not _is_text(data)
        ):
            return kind
    if data[:2] == b"BM" and len(data) > 6 and int.from_bytes(data[2:6], "little") == len(data):
        return "a BMP image"
    if data[:2] in _WIDE_MARKS:
        return "text in UTF-16 or UTF-32"
    if _is_pickle(data):
        return "a Python pickle"
    if _MARKUP.match(data.removeprefix(b"\xef\xbb\xbf")):
        return "HTML, SVG or XML"
    if _is_json(data):
        return "JSON"
    return "binary data" if b"\x00" in data else ""


def _is_text(data: bytes) -> bool:
    """Tells a table whose header begins with MZ or ORC from the formats that begin so: those hold binary."""
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _is_pickle(data: bytes) -> bool:
    """True when it parses as pickle instructions to their end. ``pickletools`` reads them and runs none."""
    if data[:1] == b"\x80" and len(data) > 1 and data[1] <= 5:
        return True
    try:
        for _ in pickletools.genops(data):
            pass
    except Exception:  # any failure to parse means it is no pickle; the parser raises many kinds
        return False
    return True


def _is_json(data: bytes) -> bool:
    if data.lstrip()[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _wrong_text(data: bytes) -> tuple[str, str]:
    try:
        text = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return (
            f"Line {line} is not UTF-8 text (byte {error.start}).",
            "Write it with encoding='utf-8'.",
        )
    character = invisible_in(text.removeprefix("\ufeff"))
    if character:
        line = text[: text.index(character)].count("\n") + 1
        return (
            f"Line {line} holds the invisible character U+{ord(character):04X}, which can hide data.",
            "Remove it; plain letters, digits and signs can leave.",
        )
    if not text.strip():
        return "The file holds only blanks.", "Write the table into it and submit again."
    return "", ""


def invisible_in(text: str) -> str:
    """The first character that nobody sees, but for line ends and tabs; empty when there is none."""
    if text.isascii() and text.isprintable():
        return ""
    for character in set(text) - _LINE_CHARACTERS:
        if unicodedata.category(character) in _INVISIBLE:
            return character
    return ""
