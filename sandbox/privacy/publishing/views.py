"""Private views on disk: one folder per snapshot, written once, never changed.

    <views>/<dataset>/<snapshot>/view.parquet    rows with ``_unit``, ``_rank`` and the declared columns
    <views>/<dataset>/<snapshot>/by-<key>.parquet   what units give to its values (``contributions``); by- for no key
    <views>/<dataset>/<snapshot>/manifest.json   the policy it was published under, and its hashes

The snapshot's name is public, and is therefore a keyed hash: a plain one would let anybody who guesses a table check
the guess. The key stands in the manifest, which never leaves this folder.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.policy import DatasetPolicy, Table
from sandbox.domain.policy_document import policy_from_document, policy_to_document
from sandbox.privacy.engines.duck import connection_to, rows_of
from sandbox.privacy.engines.holding import EngineLimits, Holder, Rows, Warehouse

_FORMAT = "sandbox-view-v1"
_SNAPSHOT = re.compile(r"[0-9a-f]{64}")
_DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One published table: as it stands on disk, or where a warehouse holds it."""

    policy: DatasetPolicy
    table_name: str
    snapshot: str
    parquet: Path  # not there for a view that is held elsewhere
    held: Holder | None = None
    contributions: Mapping[str, Path] = field(default_factory=dict)  # by key column; empty for no key

    @contextmanager
    def opened(self, limits: EngineLimits, *, contributions: str | None = None) -> Iterator[Rows]:
        """What runs our expressions over the view, until the time is up.

        Args:
            contributions: the key column whose contributions are read as well; one that this view has.
        """
        if self.held is not None:
            with self.held.opened(limits) as rows:
                yield rows
        else:
            by_key = None if contributions is None else self.contributions[contributions]
            with connection_to(self.parquet, limits, contributions=by_key) as connection:
                yield lambda expression: rows_of(connection, expression)

    @property
    def table(self) -> Table:
        return self.policy.tables[self.table_name]

    @property
    def unit_column(self) -> str:
        return self.policy.unit.column if self.policy.unit else ""


def keep(folder: Path, *, policy: DatasetPolicy, table_name: str, key: bytes, into: Path) -> str:
    """Give the finished ``folder`` (``view.parquet`` and contributions) its name under ``into``, at once and durably.

    Returns:
        The snapshot, 64 hex digits. The same bytes, policy and key give the same one, and are kept once.
    """
    document = policy_to_document(policy)
    file_hash = _sha256(folder / "view.parquet")
    contributions = {path.stem.removeprefix("by-"): _sha256(path) for path in folder.glob("by-*.parquet")}
    manifest = {
        "format": _FORMAT,
        "table": table_name,
        "policy": document,
        "view_sha256": file_hash,
        "contributions_sha256": contributions,
        "key": key.hex(),
    }
    snapshot = name_of(manifest, key)
    (folder / "manifest.json").write_bytes(canonical_json(manifest))
    for name in ("manifest.json", "view.parquet", *map(_by_key, contributions)):
        (folder / name).chmod(0o600)
        _flush(folder / name)
    _flush(folder)
    target = into / snapshot
    if target.exists():
        shutil.rmtree(folder)
    else:
        os.rename(folder, target)
        _flush(into)
    return snapshot


def held_manifest(
    *, policy: DatasetPolicy, table_name: str, key: bytes, held_by: str, fingerprint: str
) -> dict[str, object]:
    """The manifest of a view whose rows a warehouse holds."""
    return {
        "format": _FORMAT,
        "table": table_name,
        "policy": policy_to_document(policy),
        "held_by": held_by,
        "fingerprint": fingerprint,
        "key": key.hex(),
    }


def keep_manifest(manifest: Mapping[str, object], snapshot: str, *, into: Path) -> None:
    """Write the manifest of a held view, at once and durably."""
    into.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".publishing-", dir=into))
    try:
        (work / "manifest.json").write_bytes(canonical_json(dict(manifest)))
        (work / "manifest.json").chmod(0o600)
        _flush(work / "manifest.json")
        _flush(work)
        if not (into / snapshot).exists():
            os.rename(work, into / snapshot)
            _flush(into)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def folder_of(views: Path, dataset: str) -> Path:
    """Where a dataset's views are.

    Raises:
        BadInput: a name that none can have.
    """
    if not _DATASET.fullmatch(dataset):
        raise BadInput("This names no dataset.", where="dataset", fix="Use a-z, 0-9 and _.")
    return views / dataset


def check_snapshot(snapshot: str) -> None:
    """Raise unless this could name a snapshot: 64 hex digits, and so no path.

    Raises:
        BadInput: it cannot.
    """
    if not _SNAPSHOT.fullmatch(snapshot):
        raise BadInput("This names no snapshot.", where="snapshot", fix="Take the one from the catalogue.")


def find(views: Path, *, dataset: str, snapshot: str, warehouse: Warehouse | None = None) -> View:
    """The view of a snapshot, checked against its name.

    Args:
        warehouse: where the rows of views that are not on disk are.

    Raises:
        BadInput: a name that none can have.
        NotFound: there is none.
        Tampered: its manifest or its rows are not those that were published.
    """
    check_snapshot(snapshot)
    folder = folder_of(views, dataset) / snapshot
    place = f"{dataset}/{snapshot}"
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        unchanged = hmac.compare_digest(name_of(manifest, bytes.fromhex(manifest["key"])), snapshot)
    except FileNotFoundError:
        raise NotFound(
            f"There is no snapshot {snapshot[:12]}… of {dataset}.", fix="Publish it again."
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise Tampered("A view's manifest cannot be read.", place=place) from None
    if not unchanged:
        raise Tampered("A view's manifest was changed.", place=place)
    if "held_by" in manifest:
        return _held(manifest, snapshot, folder, warehouse)
    view = View(
        policy=policy_from_document(manifest["policy"]),
        table_name=manifest["table"],
        snapshot=snapshot,
        parquet=folder / "view.parquet",
        contributions={key: folder / _by_key(key) for key in manifest.get("contributions_sha256", {})},
    )
    hashes = {view.parquet: manifest["view_sha256"]}
    hashes |= {path: manifest["contributions_sha256"][key] for key, path in view.contributions.items()}
    try:
        unchanged = all(_sha256(path) == known for path, known in hashes.items())
    except OSError:
        unchanged = False
    if not unchanged:
        raise Tampered("A view's rows were changed.", place=place)
    return view


def _by_key(key: str) -> str:
    return f"by-{key}.parquet"


def _held(manifest: dict[str, Any], snapshot: str, folder: Path, warehouse: Warehouse | None) -> View:
    from sandbox.privacy.publishing.in_place import fingerprint_of  # it keeps its manifests by this module

    if warehouse is None or warehouse.kind != manifest["held_by"]:
        raise NotFound(
            f"The rows of snapshot {snapshot[:12]}… are in {manifest['held_by']}.",
            fix="Open it with that warehouse.",
        )
    view = View(
        policy=policy_from_document(manifest["policy"]),
        table_name=manifest["table"],
        snapshot=snapshot,
        parquet=folder / "view.parquet",
        held=warehouse.holder(snapshot),
    )
    try:
        found = fingerprint_of(
            warehouse.holder(snapshot),
            view.table,
            unit_column=view.unit_column,
            key=bytes.fromhex(manifest["key"]),
            words=warehouse.words,
        )
    except Exception:
        # Whatever the database says may quote a row.
        raise NotFound("The rows of this snapshot cannot be read.", fix="Look at the warehouse.") from None
    if found != manifest["fingerprint"]:
        raise Tampered("A view's rows were changed.", place=f"{view.policy.name}/{snapshot}")
    return view


def name_of(manifest: Mapping[str, object], key: bytes) -> str:
    """The public name of what a manifest says."""
    return hmac.new(key, canonical_json(dict(manifest)), hashlib.sha256).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
