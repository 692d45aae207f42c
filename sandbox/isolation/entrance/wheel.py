"""A Python package as a wheel, read and never run.

- Its name outside is its name inside, and every file is the one that its RECORD hashes.
- Nothing in it runs by itself when Python starts.
- Only what Python imports is installed: no scripts, no data files elsewhere.
Source: PEP 427 and PyPA, Binary distribution format.
"""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from math import prod

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from sandbox.isolation.entrance.archive import Archive, open_archive
from sandbox.isolation.entrance.found import Refused

_UNCHECKED = ("RECORD.jws", "RECORD.p7s")  # signatures that stand in no RECORD
_START_UP = frozenset({"sitecustomize", "usercustomize"})  # Python imports these by itself
_NATIVE_ENDS = (".so", ".pyd", ".dll", ".dylib", ".a", ".exe")
_NATIVE_STARTS = (b"\x7fELF", b"MZ\x90", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"!<arch>")
_TAGS = 1000  # that a name or a line may stand for; real ones stand for a dozen
_INFO_BYTES = 4 * 2**20  # of each file that a wheel says something about itself in
_GONE = "Bring in the wheel as its makers published it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel whose own words were held against what it holds.

    Attributes:
        installed: what Python will see: path -> bytes.
        left_out: paths that are not installed: scripts, headers, data files.
        needs: what it depends on.
        entry_points: ``group: name = target``, of groups other than commands: programs load these by themselves.
    """

    name: str  # canonical
    version: Version
    tags: frozenset[Tag]
    requires_python: SpecifierSet
    needs: tuple[Requirement, ...]
    installed: Mapping[str, bytes]
    left_out: tuple[str, ...]
    entry_points: tuple[str, ...]
    summary: str
    licence: str

    @property
    def top_level(self) -> tuple[str, ...]:
        """The modules and packages that it brings."""
        first = {path.split("/")[0] for path in self.installed}
        return tuple(sorted({n.split(".")[0] for n in first if not n.endswith(".dist-info")}))

    @property
    def native(self) -> tuple[str, ...]:
        """Files of machine code."""
        return tuple(
            path
            for path, content in self.installed.items()
            if path.endswith(_NATIVE_ENDS) or ".so." in path or content.startswith(_NATIVE_STARTS)
        )

    @property
    def compiled(self) -> tuple[str, ...]:
        """Python code that nobody can read."""
        return tuple(path for path in self.installed if path.endswith((".pyc", ".pyo")))


def read_wheel(file_name: str, data: bytes, *, max_bytes: int) -> Wheel:
    """A wheel, proved.

    Args:
        max_bytes: that it may have, unpacked.

    Raises:
        Refused: it lies about itself, or brings what no package may bring in.
    """
    name, version, tags = _outer_name(file_name)
    archive = open_archive(data, max_bytes=max_bytes)
    info = _info_folder(archive, name, version)
    _check_record(archive, info)
    metadata = _message(archive, f"{info}/METADATA")
    inside = (canonicalize_name(metadata.get("Name", "")), metadata.get("Version", ""))
    if inside[0] != name or not _same_version(inside[1], version):
        raise Refused(
            "wheel_name",
            f"It is called {name} {version} outside, and {inside[0][:60]} {inside[1][:30]} inside.",
            _GONE,
        )
    _check_format(_message(archive, f"{info}/WHEEL"), tags)
    installed, left_out = _placed(archive, info)
    _check_start_up(installed)
    return Wheel(
        name=name,
        version=version,
        tags=tags,
        requires_python=_requires_python(metadata),
        needs=tuple(_needs(metadata)),
        installed=installed,
        left_out=left_out,
        entry_points=tuple(_entry_points(archive, info)),
        summary=metadata.get("Summary", "")[:300],
        licence=(metadata.get("License-Expression") or metadata.get("License") or "")[:100],
    )


def _outer_name(file_name: str) -> tuple[str, Version, frozenset[Tag]]:
    try:
        _check_tags(file_name.removesuffix(".whl"))
        name, version, _, tags = parse_wheel_filename(file_name)
    except (InvalidWheelFilename, InvalidVersion) as wrong:
        raise Refused("wheel_name", f"{file_name} is not named as a wheel is: {wrong}.", _GONE) from None
    return str(name), version, tags


def _info_folder(archive: Archive, name: str, version: Version) -> str:
    folders = {path.split("/")[0] for path in archive.files if path.split("/")[0].endswith(".dist-info")}
    if len(folders) != 1:
        raise Refused("wheel", f"It has {len(folders)} dist-info folders instead of one.", _GONE)
    (folder,) = folders
    inner, _, number = folder.removesuffix(".dist-info").rpartition("-")
    if canonicalize_name(inner) != name or not _same_version(number, version):
        raise Refused(
            "wheel_name", f"It is called {name} {version} outside, and {folder[:100]} inside.", _GONE
        )
    return folder


def _check_record(archive: Archive, info: str) -> None:
    """Every file is listed with its SHA-256 and size, and nothing else is."""
    listed: dict[str, tuple[str, str]] = {}
    try:
        rows = list(csv.reader(io.StringIO(_text(archive, f"{info}/RECORD")), strict=True))
    except csv.Error:
        raise Refused("record", "Its RECORD cannot be read.", _GONE) from None
    for row in rows:
        if len(row) != 3 or row[0] in listed:
            raise Refused("record", "Its RECORD has lines that are none, or the same one twice.", _GONE)
        listed[row[0]] = (row[1], row[2])
    own = f"{info}/RECORD"
    missing = sorted(listed.keys() - archive.files.keys())
    unlisted = sorted(
        archive.files.keys() - listed.keys() - {own, *(f"{info}/{name}" for name in _UNCHECKED)}
    )
    for paths, what in ((missing, "is in its RECORD and not in it"), (unlisted, "is not in its RECORD")):
        if paths:
            raise Refused("record", f"{paths[0]} {what}.", _GONE, place=paths[0])
    for path, (digest, size) in listed.items():
        if path == own:
            continue
        content = archive.files[path]
        if digest != f"sha256={record_hash(content)}" or (size and size != str(len(content))):
            raise Refused("record", f"{path} is not the file that its RECORD names.", _GONE, place=path)


def record_hash(content: bytes) -> str:
    """A SHA-256 as a RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _check_format(wheel: Message, tags: frozenset[Tag]) -> None:
    version = wheel.get("Wheel-Version", "")
    if not version.startswith("1."):
        raise Refused("wheel", f"Its format is {version[:20] or 'unknown'}; 1.x is known here.", _GONE)
    inside: set[Tag] = set()
    for line in wheel.get_all("Tag", []):
        _check_tags(line)
        if line.count("-") != 2 or len(inside) > _TAGS:
            raise Refused("wheel", "Its own tags cannot be read.", _GONE)
        inside |= parse_tag(line)
    if inside != set(tags):
        raise Refused("wheel_name", "Its name says other platforms than it says inside.", _GONE)


def _check_tags(written: str) -> None:
    """Each tag stands for all combinations of its parts: few letters can stand for millions."""
    if prod(part.count(".") + 1 for part in written.split("-")[-3:]) > _TAGS:
        raise Refused("wheel", "Its tags stand for too many platforms.", _GONE)


def _placed(archive: Archive, info: str) -> tuple[dict[str, bytes], tuple[str, ...]]:
    data_folder = f"{info.removesuffix('.dist-info')}.data"
    installed: dict[str, bytes] = {}
    left_out = []
    for path, content in archive.files.items():
        place = path
        parts = path.split("/")
        if parts[0].endswith(".data"):
            if parts[0] != data_folder or len(parts) < 3:
                raise Refused("wheel", f"{path} lies where nothing belongs.", _GONE, place=path)
            if parts[1] not in ("purelib", "platlib"):
                left_out.append(path)
                continue
            place = "/".join(parts[2:])
        if place in installed:
            raise Refused("path", f"{place} is there twice.", _GONE, place=place)
        installed[place] = content
    return installed, tuple(left_out)


def _check_start_up(installed: Mapping[str, bytes]) -> None:
    """Nothing that Python would run unasked."""
    for path in installed:
        first = path.split("/")[0].split(".")[0]
        if path.lower().endswith(".pth") or first.lower() in _START_UP:
            raise Refused(
                "start_up",
                f"{path} would run by itself whenever Python starts.",
                "A package that needs this cannot come in.",
                place=path,
            )


def _requires_python(metadata: Message) -> SpecifierSet:
    try:
        return SpecifierSet(metadata.get("Requires-Python", ""))
    except InvalidSpecifier:
        raise Refused("wheel", "It cannot be read which Python it needs.", _GONE) from None


def _needs(metadata: Message) -> Iterator[Requirement]:
    for line in metadata.get_all("Requires-Dist", []):
        try:
            yield Requirement(line)
        except InvalidRequirement:
            raise Refused("wheel", f"It cannot be read what it needs: {line[:100]!r}.", _GONE) from None


def _entry_points(archive: Archive, info: str) -> Iterator[str]:
    path = f"{info}/entry_points.txt"
    if path not in archive.files:
        return
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign] # names keep their letters
    try:
        parser.read_string(_text(archive, path))
    except configparser.Error:
        raise Refused("wheel", "Its entry points cannot be read.", _GONE) from None
    for group in parser.sections():
        if group not in ("console_scripts", "gui_scripts"):
            yield from (f"{group}: {name} = {target}" for name, target in parser.items(group))


def _message(archive: Archive, path: str) -> Message:
    return Parser().parsestr(_text(archive, path), headersonly=True)


def _text(archive: Archive, path: str) -> str:
    name = path.rpartition("/")[2]
    content = archive.files.get(path)
    if content is None:
        raise Refused("wheel", f"It has no {name}.", _GONE)
    if len(content) > _INFO_BYTES:
        raise Refused("wheel", f"Its {name} has {len(content):,} bytes.", _GONE)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("wheel", f"Its {name} is no text.", _GONE) from None


def _same_version(written: str, version: Version) -> bool:
    try:
        return (
            Version(written.replace("_", "+", 1) if "+" not in written and "_" in written else written)
            == version
        )
    except InvalidVersion:
        return False
