"""A zip file opened with suspicion: everything it says about itself is held against what is there, within limits.

Read whole in memory, never to a disk: names are looked at as names, and nothing is ever written under them here.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.isolation.entrance.found import Refused

MAX_ENTRIES = 20_000
MAX_RATIO = 100  # unpacked to packed, of all entries together; wheels have about 4
_PATH_CHARACTERS = 240
_BAD_PART = re.compile(r"[\x00-\x1f\x7f\\:*?\"<>|]")
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_END_BYTES = 22  # of the record that ends a zip file without a comment
_GONE = "Bring in a wheel as a package index or 'pip wheel' makes it."


@dataclass(frozen=True, slots=True)
class Archive:
    """Its regular files: path -> bytes."""

    files: Mapping[str, bytes]
    executable: frozenset[str] = field(default=frozenset())  # paths with an execute bit


def open_archive(data: bytes, *, max_bytes: int) -> Archive:
    """Every file of a zip archive.

    Args:
        max_bytes: that all of it may have, unpacked.

    Raises:
        Refused: it is not a zip file and nothing else, or holds something that no package needs.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = packed.infolist()
            _check_whole(data, packed, entries)
            _check_sizes(data, entries, max_bytes)
            seen: set[str] = set()
            files: dict[str, bytes] = {}
            for entry in entries:
                path = _check_entry(entry, seen)
                if path:
                    files[path] = _bytes(packed, entry)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as broken:
        raise Refused("zip", f"It is no sound zip file ({type(broken).__name__}).", _GONE) from None
    _check_folders(files)
    modes = {e.filename for e in entries if (e.external_attr >> 16) & 0o111}
    return Archive(files, frozenset(modes & files.keys()))


def _check_whole(data: bytes, packed: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> None:
    """A zip file from its first byte to its last: readers that look elsewhere would see another file."""
    if not entries:
        raise Refused("zip", "The zip file is empty.", _GONE)
    if len(entries) > MAX_ENTRIES:
        raise Refused("zip_bomb", f"It has {len(entries):,} entries; at most {MAX_ENTRIES:,} come in.", _GONE)
    end = data.rfind(b"PK\x05\x06")
    if (
        not data.startswith(b"PK\x03\x04")
        or min(e.header_offset for e in entries) != 0
        or packed.comment
        or end != len(data) - _END_BYTES
    ):
        raise Refused("polyglot", "Something stands before, behind or beside the zip file.", _GONE)


def _check_sizes(data: bytes, entries: list[zipfile.ZipInfo], max_bytes: int) -> None:
    """By what it declares; ``_bytes`` then holds every entry to its word."""
    declared = sum(e.file_size for e in entries)
    if declared > max_bytes:
        raise Refused(
            "zip_bomb",
            f"It says that it holds {declared:,} bytes unpacked; {max_bytes:,} may come in.",
            "Bring in less.",
        )
    if declared > MAX_RATIO * len(data):
        raise Refused("zip_bomb", f"It unpacks to {declared // len(data)} times its size.", _GONE)
    if sum(e.compress_size for e in entries) > len(data):
        raise Refused("zip_bomb", "Its entries overlap: one piece of it is unpacked many times.", _GONE)


def _check_entry(entry: zipfile.ZipInfo, seen: set[str]) -> str:
    """The path of a regular file; empty for a folder."""
    path = entry.filename
    if entry.orig_filename != path or not _is_safe(path):
        raise Refused("path", f"An entry is named {entry.orig_filename[:100]!r}.", _GONE)
    if path.lower() in seen:
        raise Refused("path", f"{path} is there twice, or again in other letters.", _GONE)
    seen.add(path.lower())
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if entry.flag_bits & 0x1:
        raise Refused("zip", f"{path} is encrypted.", _GONE)
    if entry.compress_type not in _PACKED:
        raise Refused("zip", f"{path} is packed in a way that wheels do not use.", _GONE)
    if path.endswith("/"):
        if kind not in (0, stat.S_IFDIR) or entry.file_size:
            raise Refused("zip", f"{path} is no folder.", _GONE)
        return ""
    if kind not in (0, stat.S_IFREG):
        what = "a link" if kind == stat.S_IFLNK else "no regular file"
        raise Refused("link", f"{path} is {what}.", _GONE)
    return path


def _is_safe(path: str) -> bool:
    parts = path.removesuffix("/").split("/")
    return (
        0 < len(path) <= _PATH_CHARACTERS
        and path.isprintable()
        and not any(p in ("", ".", "..") or _BAD_PART.search(p) or p != p.strip() for p in parts)
    )


def _bytes(packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with packed.open(entry) as file:
        content = file.read(entry.file_size + 1)  # its checksum is compared at its end
    if len(content) != entry.file_size:
        raise Refused("zip_bomb", f"{entry.filename} is not as long as it says.", _GONE)
    return content


def _check_folders(files: Mapping[str, bytes]) -> None:
    """No path is a file and a folder at once."""
    folders = {"/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)}
    both = folders & files.keys()
    if both:
        raise Refused("path", f"{min(both)} is a file and a folder at once.", _GONE)
