"""Open data leaves: whole files, and pages of rows. For anybody, without login; as long as it is not suspended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sandbox.domain.catalogue_terms import OpenMode
from sandbox.domain.errors import Busy, NotAllowed, NotFound
from sandbox.domain.open_rows import RowsWanted, rows_wanted
from sandbox.domain.policy import OpenClass, Table
from sandbox.flows.published import Published, in_use
from sandbox.privacy.publishing.open_files import OpenRows, read_open_rows
from sandbox.store import Store

AT_ONCE, PATIENCE_S = 4, 2.0  # so many readers of rows, and how long the next one waits for a place


class FileFormat(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        return "text/csv" if self is FileFormat.CSV else "application/vnd.apache.parquet"


def file_key(table: str, form: FileFormat) -> str:
    """A file's name among a dataset's public files. No table's name has a point in it."""
    return table if form is FileFormat.CSV else f"{table}.{form}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A file that anybody may take."""

    table: str
    form: FileFormat
    sha256: str
    size_bytes: int


def open_files(
    files: dict[str, str], size: Callable[[str], int], tables: Sequence[str]
) -> tuple[OpenFile, ...]:
    """A dataset's files, in the order of its tables.

    Args:
        files: as they are published: key -> SHA-256.
        size: of a file, in bytes.
    """
    return tuple(
        OpenFile(table=table, form=form, sha256=files[key], size_bytes=size(files[key]))
        for table in tables
        for form in FileFormat
        if (key := file_key(table, form)) in files
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a table's rows, and what it is a page of."""

    table: Table
    wanted: RowsWanted
    found: OpenRows


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOpenData:
    """The journey's parts."""

    store: Store
    places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AT_ONCE))

    def file(self, name: str, table: str, form: FileFormat) -> OpenFile:
        """What can be downloaded, without its bytes.

        Raises:
            NotFound: no such dataset, table or file.
            NotAllowed: not open to all, not by download, or suspended.
        """
        dataset = self._open(name, OpenMode.DOWNLOAD)
        self._table(dataset, table)
        for file in open_files(dataset.files, self.store.vault.size, [table]):
            if file.form is form:
                return file
        raise NotFound(
            f"{name} has no {form} file of {table}: it was published by an earlier version of this program.",
            fix="Take the CSV file, or ask its owner to publish it again.",
        )

    def path(self, file: OpenFile) -> Path:
        """Where its bytes lie, after hashing them again."""
        return self.store.vault.checked_path(file.sha256)

    def rows(
        self,
        name: str,
        table: str,
        *,
        columns: str = "",
        filters: Sequence[str] = (),
        offset: int = 0,
        limit: int = 100,
    ) -> Page:
        """A page of rows.

        Raises:
            BadInput: an unknown column, a filter that cannot be read, absurd paging.
            Busy: too many are reading at this moment.
            NotFound, NotAllowed: as ``file``, for the interface.
        """
        dataset = self._open(name, OpenMode.INTERFACE)
        declared = self._table(dataset, table)
        wanted = rows_wanted(declared, columns=columns, filters=filters, offset=offset, limit=limit)
        key = file_key(table, FileFormat.PARQUET)
        if key not in dataset.files:
            raise NotFound(
                f"The rows of {table} cannot be read: it was published by an earlier version of this program.",
                fix="Download the CSV file, or ask its owner to publish it again.",
            )
        with self._place():
            found = read_open_rows(self.store.vault.checked_path(dataset.files[key]), wanted)
        return Page(table=declared, wanted=wanted, found=found)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self.places.acquire(timeout=PATIENCE_S):
            raise Busy("Too many are reading rows at this moment.", fix="Try again in a few seconds.")
        try:
            yield
        finally:
            self.places.release()

    def _open(self, name: str, mode: OpenMode) -> Published:
        dataset = in_use(self.store, name, columns=None)
        policy = dataset.policy
        if policy.open_class is not OpenClass.UNCONDITIONAL:
            raise NotAllowed(
                f"{name} is {policy.open_class}; it cannot be downloaded.",
                clause="open_class",
                fix="Apply for a grant in the catalogue." if policy.private else "",
            )
        if mode not in policy.open_modes:
            raise NotAllowed(
                f"{name} is not opened by {mode}.",
                clause="opened_by",
                fix=f"It is opened by {' and '.join(policy.open_modes)}.",
            )
        return dataset

    @staticmethod
    def _table(dataset: Published, table: str) -> Table:
        found = dataset.policy.table(table)
        if found is None:
            raise NotFound(
                f"{dataset.policy.name} has no table {table!r}.",
                fix="Its tables: " + ", ".join(dataset.policy.tables) + ".",
            )
        return found
