"""The catalogue's index: which datasets a search finds, without reading a policy.

It holds nothing of its own. ``publish`` writes a dataset's entry in its own transaction; ``refresh`` makes those that
are missing, or that an earlier program made. Rules never read it: what a dataset is, its policy says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, delete, func, insert, select, union_all

from sandbox.domain.canonical import content_hash
from sandbox.domain.catalogue_terms import OpenMode
from sandbox.domain.policy import DatasetPolicy, OpenClass
from sandbox.domain.search import Found, Search, Term, index_words
from sandbox.store.database import Database
from sandbox.store.schema import (
    catalogue_entries,
    catalogue_words,
    dataset_reviewers,
    dataset_versions,
    datasets,
)
from sandbox.store.suspensions import suspended_now

FORM = 2  # raise it when an entry or its words come to mean something else

_MODES = {mode: catalogue_entries.c[str(mode)] for mode in OpenMode}
_VALUES = {
    "open_class": catalogue_entries.c.open_class,
    "domain": catalogue_entries.c.domain,
    "frequency": catalogue_entries.c.frequency,
}
_ENTRY = catalogue_entries.c.dataset == datasets.c.name
_AFTER_ALL = "\U0010ffff"  # sorts behind every letter


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDataset:
    """A dataset as public lists speak of it."""

    name: str
    title: str
    owner: str
    open_class: OpenClass
    lineage: str
    suspended: bool

    @property
    def private(self) -> bool:
        return self.open_class is OpenClass.CONDITIONAL


class Catalogue:
    """Finds datasets. Reading only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, search: Search, *, hidden: bool = False, closed: bool = True) -> Found:
        """A page of what fits, and how many there are.

        Args:
            hidden: with those that the catalogue does not list: for the machine's operator.
            closed: with the closed ones.
        """
        hits = _hits(search.terms)
        groups = select(*_VALUES.values(), *_MODES.values(), func.count().label("n"))
        groups = _fitting(groups, hits, hidden, closed).group_by(*_VALUES.values(), *_MODES.values())
        page = _fitting(select(catalogue_entries.c.dataset), hits, hidden, closed).where(*_narrowed(search))
        best_first = [] if hits is None else [hits.c.score.desc()]
        page = page.order_by(*best_first, catalogue_entries.c.title, catalogue_entries.c.dataset)
        page = page.limit(search.limit).offset(search.offset)
        with self._database.reading() as connection:
            counted = [(dict(row._mapping), int(row.n)) for row in connection.execute(groups)]
            names = tuple(row.dataset for row in connection.execute(page))
        return Found(
            names=names,
            total=sum(n for group, n in counted if _fits(group, search)),
            counts=_counts(counted, search),
        )

    def listed(self) -> tuple[ListedDataset, ...]:
        """All that is listed, in order of the titles."""
        with self._database.reading() as connection:
            return _brief(connection, catalogue_entries.c.listed)

    def of_owner(
        self,
        owner: str,
        *,
        but: Collection[str] = (),
        closed: bool = True,
        offset: int = 0,
        limit: int | None = None,
    ) -> tuple[tuple[ListedDataset, ...], int]:
        """A part of an owner's datasets, listed or not, and how many there are; suspended ones first, then by title.

        Args:
            but: leave these out.
            closed: with the closed ones.
        """
        where = (datasets.c.owner == owner) & datasets.c.name.not_in(sorted(but))
        if not closed:
            where &= catalogue_entries.c.open_class != str(OpenClass.CLOSED)
        count = select(func.count()).select_from(datasets).join(catalogue_entries, _ENTRY).where(where)
        first = suspended_now(datasets, datasets.c.name).desc()
        with self._database.reading() as connection:
            found = _brief(connection, where, first, offset=offset, limit=limit)
            return found, int(connection.scalar(count) or 0)

    def names(self) -> tuple[str, ...]:
        """All that is listed, by name."""
        listed = select(catalogue_entries.c.dataset).where(catalogue_entries.c.listed)
        with self._database.reading() as connection:
            return tuple(connection.scalars(listed.order_by(catalogue_entries.c.dataset)))

    def newest(self, limit: int) -> tuple[str, ...]:
        """The listed datasets that came last, the newest first."""
        first = dataset_versions
        query = (
            select(catalogue_entries.c.dataset)
            .join(first, (first.c.dataset == catalogue_entries.c.dataset) & (first.c.version == 1))
            .where(catalogue_entries.c.listed)
            .order_by(first.c.published_at.desc(), catalogue_entries.c.dataset)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def state(self) -> str:
        """Names what the catalogue says now, 64 hex digits: the same as long as nothing listed changes."""
        c = datasets.c
        rows = select(c.name, c.version, suspended_now(datasets, c.name)).join_from(
            datasets, catalogue_entries, catalogue_entries.c.dataset == c.name
        )
        with self._database.reading() as connection:
            found = connection.execute(rows.where(catalogue_entries.c.listed).order_by(datasets.c.name))
            return content_hash([[row.name, row.version, int(row.suspended)] for row in found])


def _brief(
    connection: Connection, where: Any, *first: Any, offset: int = 0, limit: int | None = None
) -> tuple[ListedDataset, ...]:
    entry, c = catalogue_entries.c, datasets.c
    query = select(
        c.name, entry.shown_title, c.owner, entry.open_class, c.lineage, suspended_now(datasets, c.name)
    ).join_from(datasets, catalogue_entries, _ENTRY)
    query = query.where(where).order_by(*first, entry.title, c.name).offset(offset).limit(limit)
    return tuple(
        ListedDataset(
            name=row.name,
            title=row.shown_title,
            owner=row.owner,
            open_class=OpenClass(row.open_class),
            lineage=row.lineage,
            suspended=bool(row.suspended),
        )
        for row in connection.execute(query)
    )


def index(connection: Connection, policy: DatasetPolicy) -> None:
    """Write a dataset's entry, its words and its reviewers, in place of what was there."""
    mine = policy.name
    for table in (catalogue_words, catalogue_entries, dataset_reviewers):
        connection.execute(delete(table).where(table.c.dataset == mine))
    modes = policy.open_modes
    connection.execute(
        insert(catalogue_entries).values(
            dataset=mine,
            form=FORM,
            listed=not policy.hidden,
            title=_sorted_by(policy.title),
            shown_title=policy.title,
            open_class=str(policy.open_class),
            domain=str(policy.domain),
            frequency="" if policy.open_class is OpenClass.CLOSED else str(policy.update_frequency),
            **{str(mode): mode in modes for mode in OpenMode},
        )
    )
    found = [{"word": word, "dataset": mine, "weight": n} for word, n in index_words(policy).items()]
    connection.execute(insert(catalogue_words), found)
    if pool := sorted(set(policy.release.pool)):
        connection.execute(insert(dataset_reviewers), [{"reviewer": name, "dataset": mine} for name in pool])


def not_indexed(connection: Connection) -> tuple[str, ...]:
    """Datasets without an entry of this form, by name."""
    query = (
        select(datasets.c.name)
        .outerjoin(catalogue_entries, catalogue_entries.c.dataset == datasets.c.name)
        .where(catalogue_entries.c.form.is_(None) | (catalogue_entries.c.form != FORM))
    )
    return tuple(connection.scalars(query.order_by(datasets.c.name)))


def _sorted_by(title: str) -> str:
    """How titles are put in order: without case, accents and signs before the first letter; not endless."""
    parted = unicodedata.normalize("NFKD", title.casefold())
    return "".join(c for c in parted if unicodedata.category(c) != "Mn").lstrip(" \"'«“„(")[:200]


def _hits(terms: tuple[Term, ...]) -> Any:
    """SQL for the datasets that every term finds, each with its score; None when nothing is searched for."""
    if not terms:
        return None
    found = union_all(*(_one(term) for term in terms)).subquery()
    each = select(found.c.dataset, func.sum(found.c.score).label("score")).group_by(found.c.dataset)
    return each.having(func.count() == len(terms)).subquery()


def _one(term: Term) -> Select[Any]:
    word, weight = catalogue_words.c.word, catalogue_words.c.weight
    score = case(
        (word == term.word, 2 * weight), else_=weight
    )  # the word itself is worth twice its beginning
    range_ = word == term.word if term.whole else (word >= term.word) & (word < term.word + _AFTER_ALL)
    query = select(catalogue_words.c.dataset, func.max(score).label("score"))
    return query.where(range_).group_by(catalogue_words.c.dataset)


def _fitting(query: Select[Any], hits: Any, hidden: bool, closed: bool) -> Select[Any]:
    if hits is not None:
        query = query.join_from(catalogue_entries, hits, hits.c.dataset == catalogue_entries.c.dataset)
    if not closed:
        query = query.where(catalogue_entries.c.open_class != str(OpenClass.CLOSED))
    return query if hidden else query.where(catalogue_entries.c.listed)


def _narrowed(search: Search) -> Iterator[Any]:
    for name, column in _VALUES.items():
        value = getattr(search, name)
        if value is not None:
            yield column == str(value)
    if search.mode is not None:
        yield _MODES[search.mode]


def _fits(group: Mapping[str, Any], search: Search, *, but: str = "") -> bool:
    values = all(name == but or getattr(search, name) in (None, group[name]) for name in _VALUES)
    return values and (but == "mode" or search.mode is None or bool(group[str(search.mode)]))


def _counts(counted: list[tuple[dict[str, Any], int]], search: Search) -> dict[str, dict[str, int]]:
    """For each filter: how many there would be with each of its values, the other filters as they are."""
    counts: dict[str, dict[str, int]] = {name: {} for name in (*_VALUES, "mode")}
    for group, n in counted:
        for name in _VALUES:
            if _fits(group, search, but=name):
                counts[name][group[name]] = counts[name].get(group[name], 0) + n
        if _fits(group, search, but="mode"):
            for mode in OpenMode:
                if group[str(mode)]:
                    counts["mode"][str(mode)] = counts["mode"].get(str(mode), 0) + n
    return counts
