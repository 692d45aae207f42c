"""The rows that a job or a room reads: made by the engine for a time, in memory, and taken away afterwards.

Whether somebody may have them is asked by whoever starts the job or the room (``Action.RUN_JOB``, ``SHOW_ROWS``), with
``columns_open`` as the columns. Here it is seen to that an extract holds these and no other, also when a column is
suspended while it is made.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.domain.access import Grant
from sandbox.domain.audit import Event, Fact
from sandbox.domain.errors import NotAllowed
from sandbox.domain.job import RowFiles
from sandbox.domain.permission import Action
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.suspension import touching
from sandbox.flows.buy_base import base_for
from sandbox.flows.permission import Permission
from sandbox.flows.published import published
from sandbox.privacy.base.made_up import made_up_rows, rows_of_sample
from sandbox.privacy.base.sample import sample
from sandbox.privacy.engine import Engine
from sandbox.privacy.publishing.extracting import check_target, write_sample
from sandbox.store import Store

MAX_BYTES = 4 * 1024**3
SAMPLE_ROWS = 1_000

Columns = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracts:
    """The journey's parts.

    Args:
        extracts_dir: the folder of extracts, which the engine writes.
    """

    store: Store
    engine: Engine
    permission: Permission
    extracts_dir: Path

    def columns_open(self, grant: Grant) -> Columns:
        """The columns that the agreement opens, that the dataset still has, and that nothing suspends; by table.

        Empty when the whole dataset is suspended.

        Raises:
            NotAllowed: the agreement is in an earlier form.
        """
        agreed = self.permission.agreement(grant, Action.RUN_JOB)["data"]["tables"]
        tables = published(self.store, grant.dataset).policy.tables
        suspensions = self.store.suspensions.of(grant.dataset)
        found: dict[str, frozenset[str]] = {}
        for table, columns in agreed.items():
            kept = frozenset(
                column
                for column in columns
                if table in tables
                and column in tables[table].columns
                and touching(suspensions, {table: frozenset({column})}) is None
            )
            if kept:
                found[table] = kept
        return found

    def make(
        self,
        grant: Grant,
        *,
        target: str,
        tables: Columns | None = None,
        max_bytes: int = MAX_BYTES,
        form: RowFiles = RowFiles.PARQUET,
    ) -> Path:
        """Have the rows written; returns the folder, to be bound read-only into a container.

        Args:
            target: the folder's name, such as ``job-7``.
            tables: the columns by table; all that are open when not given.
            form: how the rows lie in it.

        Raises:
            NotAllowed: a column that the agreement does not open, or that is suspended, also meanwhile.
            Conflict: there is such a folder.
            TooLarge, OperatorError: see ``Engine.extract``; nothing is left behind.
        """
        wanted = self.columns_open(grant) if tables is None else tables
        self._check_open(grant, wanted)
        found = published(self.store, grant.dataset)
        self.engine.extract(
            dataset=grant.dataset,
            snapshot=found.snapshot,
            tables=_in_order(wanted, found.policy),
            target=target,
            max_bytes=max_bytes,
            form=form,
        )
        try:
            self._check_open(grant, wanted)
            facts: dict[str, Fact] = {
                "target": target,
                "snapshot": found.snapshot,
                "columns": [
                    f"{table}.{column}"
                    for table, columns in sorted(wanted.items())
                    for column in sorted(columns)
                ],
            }
            self.store.log.record(Event("system:extracts", "extract.made", f"grant:{grant.id}", facts))
        except BaseException:
            self.remove(target)
            raise
        return self.extracts_dir / target

    def make_sample(
        self,
        grant: Grant,
        *,
        target: str,
        rows: int = SAMPLE_ROWS,
        form: RowFiles = RowFiles.PARQUET,
    ) -> Path:
        """The same folder with made-up rows, from the base that was bought, else from the schema alone.

        No raw row is touched. Raises as ``make``.
        """
        wanted = self.columns_open(grant)
        self._check_open(grant, wanted)
        found = published(self.store, grant.dataset)
        base = base_for(self.store, found)
        if base is not None:
            made_up = rows_of_sample(sample(base, found.policy, rows), found.policy, base.table)
        else:
            made_up = made_up_rows(found.policy, rows)
        write_sample(
            found.policy,
            {table: made_up[table] for table in wanted},
            _in_order(wanted, found.policy),
            out=self.extracts_dir,
            target=target,
            max_bytes=MAX_BYTES,
            form=form,
        )
        return self.extracts_dir / target

    def holds(self, target: str) -> Columns:
        """The columns that an extract holds, by table; empty when it is gone."""
        check_target(target)
        try:
            described = json.loads((self.extracts_dir / target / "schema.json").read_bytes())
            return {
                name: frozenset(column["name"] for column in table["columns"] if not column.get("pseudonym"))
                for name, table in described["tables"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def remove(self, target: str) -> None:
        """Take an extract away; nothing happens when it is gone."""
        check_target(target)
        for name in (target, f"{target}.part"):
            shutil.rmtree(self.extracts_dir / name, ignore_errors=True)

    def remove_of(self, dataset: str) -> None:
        """Take all extracts of a dataset away."""
        for folder in self._folders():
            if not folder.suffix and _dataset_of(folder) in (dataset, ""):
                self.remove(folder.name)

    def sweep(self, prefix: str, keep: Collection[str] = ()) -> tuple[str, ...]:
        """Take away what a crash left; to be called by who makes those with this prefix, while it makes none.

        Args:
            keep: the targets that are in use.

        Returns:
            The names of what was taken away.
        """
        gone = []
        for folder in self._folders():
            if folder.name.startswith(prefix) and folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)
                gone.append(folder.name)
        return tuple(gone)

    def _folders(self) -> list[Path]:
        if not self.extracts_dir.is_dir():
            return []
        return sorted(path for path in self.extracts_dir.iterdir() if path.is_dir() and not path.is_symlink())

    def _check_open(self, grant: Grant, wanted: Columns) -> None:
        open_now = self.columns_open(grant)
        if not wanted:
            raise NotAllowed(
                f"No column of {grant.dataset} is open now.", clause="data", fix="See what is suspended."
            )
        for table, columns in sorted(wanted.items()):
            outside = sorted(columns - open_now.get(table, frozenset()))
            if outside or not columns:
                raise NotAllowed(
                    f"{table}.{outside[0] if outside else '…'} is not open under this agreement now.",
                    clause="data",
                    fix="Leave it out.",
                )


def _in_order(wanted: Columns, policy: DatasetPolicy) -> dict[str, list[str]]:
    """The tables and columns as their owner ordered them."""
    return {
        name: [column for column in table.columns if column in wanted[name]]
        for name, table in policy.tables.items()
        if name in wanted
    }


def _dataset_of(folder: Path) -> str:
    """The dataset that an extract is of; empty when that cannot be read."""
    try:
        return str(json.loads((folder / "schema.json").read_bytes())["dataset"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
