"""Which of two versions is later, by the rules of the ecosystem that they belong to."""

from __future__ import annotations

import re
from functools import cmp_to_key
from typing import Any

from packaging.version import InvalidVersion, Version

_SEMVER = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")


def order(kind: str, version: str) -> Any:
    """A key that sorts versions of one kind (deb, pypi, npm).

    >>> order("deb", "1.0~rc1-1") < order("deb", "1.0-1") < order("deb", "1:0.9-1")
    True
    >>> order("pypi", "2.0rc1") < order("pypi", "2.0") and order("npm", "1.9.0") < order("npm", "1.10.0")
    True

    Raises:
        ValueError: no version of that kind.
    """
    if kind == "deb":
        return cmp_to_key(compare_debian)(version)
    if kind == "pypi":
        try:
            return Version(version)
        except InvalidVersion as error:
            raise ValueError(str(error)) from error
    return _semver(version)


def compare_debian(one: str, other: str) -> int:
    """Negative, zero or positive. Source: deb-version(7), sections 'epoch' and 'Sorting algorithm'."""
    for mine, theirs in zip(_parts(one), _parts(other), strict=True):
        if found := _compare(mine, theirs):
            return found
    return 0


def _parts(version: str) -> tuple[str, str, str]:
    """Epoch, upstream version, revision."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, dash, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if dash else (epoch, rest, "0")


def _compare(one: str, other: str) -> int:
    while one or other:
        mine, one = _split(one, r"\D*")
        theirs, other = _split(other, r"\D*")
        weights = [[*map(_weight, text), 0] for text in (mine, theirs)]
        if weights[0] != weights[1]:
            return -1 if weights[0] < weights[1] else 1
        number, one = _split(one, r"\d*")
        their_number, other = _split(other, r"\d*")
        if int(number or 0) != int(their_number or 0):
            return int(number or 0) - int(their_number or 0)
    return 0


def _split(text: str, pattern: str) -> tuple[str, str]:
    found = re.match(pattern, text)
    end = found.end() if found else 0
    return text[:end], text[end:]


def _weight(character: str) -> int:
    """A tilde before the end of a part, the end before letters, letters before all else."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


def _semver(version: str) -> tuple[Any, ...]:
    """Source: Semantic Versioning 2.0.0, section 11."""
    found = _SEMVER.fullmatch(version)
    if found is None:
        raise ValueError(f"{version!r} is no semantic version")
    numbers = tuple(int(n or 0) for n in found.groups()[:3])
    before = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in (found.group(4) or "").split(".")
    )
    return (numbers, found.group(4) is None, before)
