"""Bases on the engine's disk: one for each snapshot at most, named by its content, written once.

    <views>/.bases/<id>.json          the base; its id is the hash of what it says
    <views>/.bases/of-<snapshot>      the id of the snapshot's own base

As with profiles (``publishing.profiles``), the second file makes a base a single release: whoever asks for a
snapshot's base again gets the same one.
"""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, Tampered
from sandbox.privacy.base.release import BaseRelease, base_document, base_from_document
from sandbox.privacy.publishing.profiles import write_once
from sandbox.privacy.publishing.views import check_snapshot

_FOLDER = ".bases"


def keep_base(views: Path, base: BaseRelease) -> BaseRelease:
    """Keep a fresh base, unless its snapshot has one: then that one. Whatever is given back is on the disk."""
    folder = views / _FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = base.id
    write_once(folder / f"{name}.json", canonical_json(base_document(base)), folder)
    write_once(folder / f"of-{base.snapshot}", name.encode(), folder)
    kept = base_of(views, snapshot=base.snapshot)
    if kept is None:  # it was written just now
        raise Tampered("A base is gone.", place=_FOLDER)
    return kept


def base_of(views: Path, *, snapshot: str) -> BaseRelease | None:
    """The base of a snapshot, or None when it was never drawn.

    Raises:
        Tampered: it is not what its id says.
    """
    check_snapshot(snapshot)
    path = views / _FOLDER / f"of-{snapshot}"
    if not path.exists():
        return None
    name = path.read_text()
    try:
        check_snapshot(name)  # the same 64 digits
        base = base_from_document(json.loads((views / _FOLDER / f"{name}.json").read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, IndexError, BadInput):
        raise Tampered("A base cannot be read.", place=snapshot) from None
    if base.id != name or base.snapshot != snapshot:
        raise Tampered("A base was changed.", place=name)
    return base
