"""Profiles on the engine's disk: one for each snapshot at most, named by its content, written once.

    <views>/.profiles/<id>.json          the profile; its id is the hash of what it says
    <views>/.profiles/of-<snapshot>      the id of the snapshot's own profile

The second file is what makes a profile a single release: whoever asks for a snapshot's profile again gets the same
one, and so learns nothing that was not paid for.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.privacy.planning.profile import Profile, profile_document, profile_from_document
from sandbox.privacy.publishing.views import check_snapshot

_FOLDER = ".profiles"


def keep_profile(views: Path, profile: Profile) -> Profile:
    """Keep a fresh profile, unless its snapshot has one: then that one.

    Whatever is given back is on the disk: a profile that could be lost after it was seen could be drawn twice.
    """
    folder = views / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = profile.id
    write_once(folder / f"{name}.json", canonical_json(profile_document(profile)), folder)
    write_once(folder / f"of-{profile.snapshot}", name.encode(), folder)
    kept = profile_of(views, snapshot=profile.snapshot)
    if kept is None:  # it was written just now
        raise Tampered("A profile is gone.", place=_FOLDER)
    return kept


def profile_of(views: Path, *, snapshot: str) -> Profile | None:
    """The profile of a snapshot, or None when it was never drawn."""
    check_snapshot(snapshot)
    path = views / _FOLDER / f"of-{snapshot}"
    return find_profile(views, path.read_text()) if path.exists() else None


def find_profile(views: Path, name: str) -> Profile:
    """A profile by its id.

    Raises:
        BadInput: an id that none can have.
        NotFound: there is none.
        Tampered: it is not what its id says.
    """
    check_snapshot(name)  # the same 64 digits
    try:
        profile = profile_from_document(json.loads((views / _FOLDER / f"{name}.json").read_bytes()))
    except FileNotFoundError:
        raise NotFound("There is no such profile.", fix="Publish the dataset again.") from None
    except (OSError, ValueError, KeyError, TypeError, BadInput):
        raise Tampered("A profile cannot be read.", place=name) from None
    if profile.id != name:
        raise Tampered("A profile was changed.", place=name)
    return profile


def write_once(path: Path, data: bytes, folder: Path) -> None:
    """Write a file durably, at once, and only if there is none."""
    half = folder / f".half-{secrets.token_hex(8)}"
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(half, path)
    except FileExistsError:
        pass
    finally:
        half.unlink()
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
