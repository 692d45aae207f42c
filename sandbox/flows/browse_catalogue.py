"""The catalogue, for everybody, without login. Nothing here was computed from private rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sandbox.domain.catalogue_terms import OpenMode
from sandbox.domain.citation import Citation, cite
from sandbox.domain.errors import BadInput
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.public_view import public_snapshot
from sandbox.domain.schema_change import schema_changes
from sandbox.domain.search import MAX_LIMIT, MAX_OFFSET, Search
from sandbox.domain.site_policy import SitePolicy
from sandbox.flows.open_data import FileFormat, OpenFile, open_files
from sandbox.flows.published import no_such_dataset
from sandbox.store import Dataset, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """A dataset's newest version."""

    policy: DatasetPolicy
    class_name: str  # what its class is called here
    version: int
    first_published_at: str  # ISO 8601, UTC
    published_at: str
    snapshot: str  # the version's public name
    suspended: bool
    files: tuple[OpenFile, ...]  # what anybody may take
    citation: Citation

    @property
    def allowed_actions(self) -> tuple[str, ...]:
        """What anybody may do with it now."""
        if self.suspended:
            return ()
        if self.policy.private:
            return ("apply",)
        modes = self.policy.open_modes
        downloads = ("download",) if OpenMode.DOWNLOAD in modes and self.files else ()
        readable = any(file.form is FileFormat.PARQUET for file in self.files)
        return (*downloads, "read_rows") if OpenMode.INTERFACE in modes and readable else downloads


@dataclass(frozen=True, slots=True, kw_only=True)
class CataloguePage:
    """What a search found.

    Attributes:
        counts: filter -> value -> how many there would be with it.
    """

    entries: tuple[CatalogueEntry, ...]
    total: int
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """One version of a dataset."""

    version: int
    published_at: str
    snapshot: str
    changes: tuple[str, ...]  # of its schema, since the version before; none for the first


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowseCatalogue:
    """The journey's parts."""

    store: Store
    site: SitePolicy
    address: str  # of the portal, without a slash at its end

    def search(self, search: Search, *, hidden: bool = False, closed: bool = True) -> CataloguePage:
        """A page of the datasets that fit.

        Args:
            hidden: with those that are not listed: for the machine's operator.
            closed: with the closed ones.
        """
        found = self.store.catalogue.find(search, hidden=hidden, closed=closed)
        return CataloguePage(
            entries=self._entries(found.names, hidden=hidden), total=found.total, counts=found.counts
        )

    def newest(self, limit: int) -> tuple[CatalogueEntry, ...]:
        """The listed datasets that came last, the newest first."""
        return self._entries(self.store.catalogue.newest(limit), hidden=False)

    def dataset(self, name: str, *, hidden: bool = False) -> CatalogueEntry:
        """One dataset.

        Raises:
            NotFound: never published, or hidden: the words are the same.
        """
        for entry in self._entries((name,), hidden=hidden):
            return entry
        raise no_such_dataset(name)

    def history(self, name: str, *, offset: int = 0, limit: int = 20) -> tuple[VersionEntry, ...]:
        """A dataset's versions, the newest first. What was in a closed one is not told, and so not how it changed."""
        if not 0 <= offset <= MAX_OFFSET or not 1 <= limit <= MAX_LIMIT:
            raise BadInput(
                "There is no such page.",
                where="offset",
                fix=f"Use offset 0 to {MAX_OFFSET}, limit 1 to {MAX_LIMIT}.",
            )
        if self.dataset(name).policy.open_class is OpenClass.CLOSED:
            return ()
        rows = self.store.datasets.history(name, offset=offset, limit=limit + 1)
        before = (*rows[1:], None)
        return tuple(_version(row, earlier) for row, earlier in zip(rows, before, strict=True))[:limit]

    def everything(self) -> Iterator[CatalogueEntry]:
        """Every listed dataset, by name."""
        names = self.store.catalogue.names()
        for start in range(0, len(names), MAX_LIMIT):
            yield from self._entries(names[start : start + MAX_LIMIT], hidden=False)

    def state(self) -> str:
        """Names what the catalogue says now: the same as long as it says the same."""
        return self.store.catalogue.state()

    def page_of(self, name: str) -> str:
        """The address of a dataset's page."""
        return f"{self.address}/datasets/{name}"

    def _entries(self, names: tuple[str, ...], *, hidden: bool) -> tuple[CatalogueEntry, ...]:
        rows = self.store.datasets.several(names)
        first = self.store.datasets.first_published(names)
        return tuple(
            self._entry(row, first[row.policy.name]) for row in rows if hidden or not row.policy.hidden
        )

    def _entry(self, row: Dataset, first_published_at: str) -> CatalogueEntry:
        policy = row.policy
        open_ = policy.open_class is OpenClass.UNCONDITIONAL
        files = dict(row.public_files) if open_ else {}
        return CatalogueEntry(
            policy=policy,
            class_name=self.site.class_names[policy.open_class],
            version=row.version,
            first_published_at=first_published_at,
            published_at=row.published_at,
            snapshot=_snapshot(row),
            suspended=row.suspended,
            files=open_files(files, self.store.vault.size, tuple(policy.tables)),
            citation=cite(
                policy,
                version=row.version,
                published_at=row.published_at,
                site=self.site.name,
                address=self.page_of(policy.name),
            ),
        )


def _version(row: Dataset, before: Dataset | None) -> VersionEntry:
    return VersionEntry(
        version=row.version,
        published_at=row.published_at,
        snapshot=_snapshot(row),
        changes=schema_changes(before.policy, row.policy) if before is not None else (),
    )


def _snapshot(row: Dataset) -> str:
    return public_snapshot(
        row.policy, snapshot=row.snapshot, version=row.version, published_at=row.published_at
    )
