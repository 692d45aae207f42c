"""What a search of the catalogue is: the words of a text, which words a dataset is found by, and what was asked for.

- Case, accents and signs do not matter. A text without blanks (Chinese, Japanese, Korean) is found by any part of it.
- Every word of a search has to be found; a word is also found by its beginning.
- A word in the title weighs more than one in a column's description: the order of what was found follows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sandbox.domain.catalogue_terms import Frequency, OpenMode
from sandbox.domain.errors import BadInput
from sandbox.domain.policy import DatasetPolicy, Domain, OpenClass

MAX_WORD = 64  # characters; longer ones are cut
MAX_WORDS = 2000  # that one dataset is found by
MAX_TEXT = 200  # characters of a search
MAX_TERMS = 10
MAX_OFFSET, MAX_LIMIT = 1_000_000, 200

TITLE, KEYWORD, PROVIDER, COLUMN, TEXT = 16, 8, 4, 2, 1  # what a word weighs by where it stands

_RUN = re.compile(r"[^\W_]+")
# Scripts written without blanks between words: Han with its extensions, kana, hangul.
_UNSPACED = re.compile(
    r"[\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+"
)

E = TypeVar("E", bound=StrEnum)


def words(text: str) -> Iterator[str]:
    """The words of a text, as they are compared.

    >>> list(words("Zürich: credit_amount, ÅNGSTRÖM"))
    ['zurich', 'credit', 'amount', 'angstrom']
    >>> list(words("贷款申请"))  # each two signs that stand together, and the last one
    ['贷款', '款申', '申请', '请']
    """
    parted = unicodedata.normalize("NFKD", text.casefold())
    bare = unicodedata.normalize("NFKC", "".join(c for c in parted if unicodedata.category(c) != "Mn"))
    for run in _RUN.findall(bare):
        at = 0
        for match in _UNSPACED.finditer(run):
            if match.start() > at:
                yield run[at : match.start()][:MAX_WORD]
            signs = match.group()
            yield from (signs[place : place + 2] for place in range(len(signs)))
            at = match.end()
        if at < len(run):
            yield run[at:][:MAX_WORD]


def index_words(policy: DatasetPolicy) -> dict[str, int]:
    """The words a dataset is found by, each with its weight. A closed one is not found by what is in it."""
    weights: dict[str, int] = {}
    for weight, text in _texts(policy):
        for word in set(words(text)):
            weights[word] = weights.get(word, 0) | weight  # once for each kind of place
    heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    return dict(heaviest[:MAX_WORDS])


def _texts(policy: DatasetPolicy) -> Iterator[tuple[int, str]]:
    yield TITLE, f"{policy.title} {policy.name}"
    yield KEYWORD, " ".join((*policy.keywords, policy.domain))
    yield PROVIDER, policy.provider
    yield TEXT, policy.description
    if policy.open_class is OpenClass.CLOSED:
        return
    for name, table in policy.tables.items():
        yield COLUMN, f"{name} {' '.join(table.columns)}"
        yield TEXT, " ".join((table.description, *(column.description for column in table.columns.values())))
    for name, lookup in policy.lookups.items():
        yield COLUMN, f"{name} {' '.join(lookup.by_name)}"
        yield TEXT, lookup.description


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word that is searched for."""

    word: str
    whole: bool  # only the word itself; else also words that begin with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is asked of the catalogue. ``search`` makes it from texts."""

    terms: tuple[Term, ...] = ()
    open_class: OpenClass | None = None
    domain: Domain | None = None
    mode: OpenMode | None = None
    frequency: Frequency | None = None
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the catalogue answers.

    Attributes:
        names: datasets of this page, the best first; by title when no word was searched for.
        total: how many there are on all pages.
        counts: open_class, domain, mode, frequency -> value -> how many there would be with that value.
    """

    names: tuple[str, ...]
    total: int
    counts: Mapping[str, Mapping[str, int]]


def search(
    text: str = "",
    *,
    open_class: str = "",
    domain: str = "",
    mode: str = "",
    frequency: str = "",
    offset: int = 0,
    limit: int = 20,
) -> Search:
    """What somebody asks of the catalogue, checked. An empty text or value narrows nothing.

    Raises:
        BadInput: a value that a filter does not have, a text that is too long, or absurd paging.
    """
    if len(text) > MAX_TEXT:
        raise BadInput(f"The search has {len(text)} characters.", where="q", fix=f"Use at most {MAX_TEXT}.")
    found = tuple(dict.fromkeys(words(text)))
    if len(found) > MAX_TERMS and not _UNSPACED.search(text):
        raise BadInput(f"The search has {len(found)} words.", where="q", fix=f"Use at most {MAX_TERMS}.")
    if text.strip() and not found:
        raise BadInput("The search holds no word.", where="q", fix="Use letters or digits.")
    if not 0 <= offset <= MAX_OFFSET:
        raise BadInput(f"{offset} is no place to begin at.", where="offset", fix=f"Use 0 to {MAX_OFFSET}.")
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"{limit} is no size of a page.", where="limit", fix=f"Use 1 to {MAX_LIMIT}.")
    return Search(
        terms=tuple(Term(word=word, whole=_stands_alone(word)) for word in found[: 2 * MAX_TERMS]),
        open_class=_value(OpenClass, "open_class", open_class),
        domain=_value(Domain, "domain", domain),
        mode=_value(OpenMode, "mode", mode),
        frequency=_value(Frequency, "frequency", frequency),
        offset=offset,
        limit=limit,
    )


def _stands_alone(word: str) -> bool:
    """One Latin letter begins too many words to mean any of them."""
    return len(word) == 1 and not _UNSPACED.match(word)


def _value(kind: type[E], where: str, text: str) -> E | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        known = ", ".join(kind)
        raise BadInput(
            f"{text[:60]!r} is none of its values.", where=where, fix=f"Use one of: {known}."
        ) from None
