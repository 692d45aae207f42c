"""Private views on disk: one folder per snapshot, written once, never changed.

    <views>/<dataset>/<snapshot>/view.parquet    rows with ``_unit``, ``_rank`` and the declared columns
    <views>/<dataset>/<snapshot>/by-<key>.parquet   what units give to its values (``contributions``); by- for no key
    <views>/<dataset>/<snapshot>/manifest.json   the policy it was published under, and its hashes

Of a dataset with several tables, each table has a folder of these files, named as it is; the manifest is one for all.

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
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox.domain.canonical import canonical_json, content_hash
from sandbox.domain.errors import BadInput, NotFound, Tampered
from sandbox.domain.policy import DatasetPolicy, Table
from sandbox.domain.policy_document import policy_from_document, policy_to_document
from sandbox.privacy.at_rest.files import AS_THEY_ARE, Files
from sandbox.privacy.engines.duck import connection_to, rows_of
from sandbox.privacy.engines.holding import VIEW, EngineLimits, Holder, Rows, Warehouse
from sandbox.privacy.publishing.fingerprint import fingerprint_of

_FORMAT, _FORMAT_OF_TABLES = "sandbox-view-v1", "sandbox-view-v2"
_SNAPSHOT = re.compile(r"[0-9a-f]{64}")
_DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One published table: as it stands on disk, or where a warehouse holds it.

    Attributes:
        tables: of a snapshot of several tables: each by its name. ``of`` takes those that a question is about.
        beside: of a view that ``of`` made: the other tables that are read as well.
        files: how its files are opened.
    """

    policy: DatasetPolicy
    table_name: str
    snapshot: str
    parquet: Path  # not there for a view that is held elsewhere
    held: Holder | None = None
    contributions: Mapping[str, Path] = field(default_factory=dict)  # by key column; empty for no key
    tables: Mapping[str, View] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)
    files: Files = AS_THEY_ARE

    def of(self, names: Set[str]) -> View | None:
        """The view of these tables alone; None where the snapshot has not all of them."""
        if not self.tables:
            return self if names == {self.table_name} else None
        if not names or not names <= set(self.tables):
            return None
        first, *others = (self.tables[name] for name in sorted(names))
        return replace(
            first, beside={view.table_name: view.parquet for view in others}, snapshot=self.snapshot
        )

    def name_of(self, table: str) -> str:
        """What an open table is called in the engine."""
        return VIEW if table == self.table_name else f"{VIEW}_{table}"

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
            beside = {self.name_of(table): path for table, path in self.beside.items()}
            with connection_to(
                self.parquet, limits, contributions=by_key, beside=beside, files=self.files
            ) as connection:
                yield lambda expression: rows_of(connection, expression)

    @property
    def table(self) -> Table:
        return self.policy.tables[self.table_name]

    @property
    def unit_column(self) -> str:
        return self.policy.unit.column if self.policy.unit else ""


def keep(
    folder: Path,
    *,
    policy: DatasetPolicy,
    table_name: str,
    key: bytes,
    into: Path,
    withheld: str = "",
    files: Files = AS_THEY_ARE,
) -> str:
    """Give the finished ``folder`` (``view.parquet`` and contributions) its name under ``into``, at once and durably.

    Args:
        withheld: the mark of the units that were left out; empty for none.
        files: how they were made, and the manifest is.

    Returns:
        The snapshot, 64 hex digits. The same bytes, policy, key and mark give the same one, and are kept once.
    """
    manifest: dict[str, object] = {
        "format": _FORMAT,
        "table": table_name,
        "policy": policy_to_document(policy),
        "key": key.hex(),
        **_hashes(folder, files),
        **({"withheld": withheld} if withheld else {}),
    }
    return _keep(folder, manifest, key=key, into=into, files=files)


def keep_tables(
    folder: Path,
    *,
    policy: DatasetPolicy,
    tables: Sequence[str],
    key: bytes,
    into: Path,
    withheld: str = "",
    files: Files = AS_THEY_ARE,
) -> str:
    """The same for several tables, each finished in a folder of its own."""
    hashes = {name: _hashes(folder / name, files) for name in tables}
    for name in tables:
        (folder / name).chmod(0o700)
        _flush(folder / name)
    manifest = {
        "format": _FORMAT_OF_TABLES,
        "tables": hashes,
        "policy": policy_to_document(policy),
        "key": key.hex(),
        **({"withheld": withheld} if withheld else {}),
    }
    return _keep(folder, manifest, key=key, into=into, files=files)


def _hashes(folder: Path, files: Files) -> dict[str, object]:
    """What a manifest says of one table's files, which are on the disk now."""
    contributions = {path.stem.removeprefix("by-"): path for path in folder.glob("by-*.parquet")}
    for path in (folder / "view.parquet", *contributions.values()):
        path.chmod(0o600)
        _flush(path)
    return {
        "view_sha256": _sha256(folder / "view.parquet", files),
        "contributions_sha256": {key: _sha256(path, files) for key, path in contributions.items()},
    }


def _keep(
    folder: Path, manifest: Mapping[str, object], *, key: bytes, into: Path, files: Files = AS_THEY_ARE
) -> str:
    snapshot = name_of(manifest, key)
    with files.create(folder / "manifest.json") as file:
        file.write(canonical_json(dict(manifest)))
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


def find(
    views: Path,
    *,
    dataset: str,
    snapshot: str,
    warehouse: Warehouse | None = None,
    files: Files = AS_THEY_ARE,
) -> View:
    """The view of a snapshot, or of one of its tables, checked against its name.

    Args:
        snapshot: its name, or ``table_snapshot`` of one of its tables.
        warehouse: where the rows of views that are not on disk are.
        files: how the dataset's files are opened.

    Raises:
        BadInput: a name that none can have.
        NotFound: there is none.
        Tampered: its manifest or its rows are not those that were published.
    """
    check_snapshot(snapshot)
    folder = folder_of(views, dataset) / snapshot
    place = f"{dataset}/{snapshot}"
    if not folder.exists() and (whole := _with_table(views, dataset, snapshot)) is not None:
        found = find(views, dataset=dataset, snapshot=whole[0], files=files)
        return replace(found.tables[whole[1]], snapshot=snapshot)
    try:
        with files.open(folder / "manifest.json") as file:
            manifest = json.loads(file.read())
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
    policy = policy_from_document(manifest["policy"])
    if manifest["format"] == _FORMAT_OF_TABLES:
        tables = {
            name: _table(policy, name, snapshot, folder / name, hashes, place, files)
            for name, hashes in sorted(manifest["tables"].items())
        }
        return replace(next(iter(tables.values())), tables=tables)
    return _table(policy, manifest["table"], snapshot, folder, manifest, place, files)


def table_snapshot(policy: DatasetPolicy, snapshot: str, table: str) -> str:
    """The name of one table's view: the snapshot's own where it has one table."""
    return snapshot if len(policy.tables) == 1 else content_hash([snapshot, table])


def _with_table(views: Path, dataset: str, name: str) -> tuple[str, str] | None:
    """The snapshot and the table that ``table_snapshot`` gave this name."""
    for folder in sorted(folder_of(views, dataset).glob("*/manifest.json")):
        snapshot = folder.parent.name
        for table in sorted(path.parent.name for path in folder.parent.glob("*/view.parquet")):
            if content_hash([snapshot, table]) == name:
                return snapshot, table
    return None


def _table(
    policy: DatasetPolicy,
    name: str,
    snapshot: str,
    folder: Path,
    manifest: Mapping[str, Any],
    place: str,
    files: Files,
) -> View:
    """One table's files, checked against what a manifest says of them."""
    view = View(
        policy=policy,
        table_name=name,
        snapshot=snapshot,
        parquet=folder / "view.parquet",
        contributions={key: folder / _by_key(key) for key in manifest.get("contributions_sha256", {})},
        files=files,
    )
    hashes = {view.parquet: manifest["view_sha256"]}
    hashes |= {path: manifest["contributions_sha256"][key] for key, path in view.contributions.items()}
    try:
        unchanged = all(_sha256(path, files) == known for path, known in hashes.items())
    except OSError:
        unchanged = False
    if not unchanged:
        raise Tampered("A view's rows were changed.", place=place)
    return view


def _by_key(key: str) -> str:
    return f"by-{key}.parquet"


def _held(manifest: dict[str, Any], snapshot: str, folder: Path, warehouse: Warehouse | None) -> View:
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


def _sha256(path: Path, files: Files) -> str:
    digest = hashlib.sha256()
    with files.open(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
