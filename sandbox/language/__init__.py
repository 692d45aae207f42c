"""Whose words a reader gets: texts in the reader's language, from gettext catalogues. English is the source.

``gettext("Sign in")`` words one text. ``said("The dataset loans is closed.")`` words a sentence that the program made
with values in it, also one that was stored or came from another process: see ``sentences``.

The language is the context's: a page is answered inside ``spoken(language)``, an e-mail is written inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from sandbox.language.sentences import Sentences

LANGUAGES = {"en": "English", "zh-Hans": "简体中文"}  # tag (BCP 47) -> its own name
SOURCE = "en"
LOCALE = Path(__file__).parent / "locale"

_PARTED = re.compile(
    r"([^.:]+)(?:\.|: )(.+)"
)  # a clause and its part: ``imports.per_day``, ``sign-in: known name``
_current: ContextVar[str] = ContextVar("language", default=SOURCE)


def speaking() -> str:
    """The language of this context, a key of ``LANGUAGES``."""
    return _current.get()


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Inside, every text is in this language; in English when it is none of ours."""
    token = _current.set(language if language in LANGUAGES else SOURCE)
    try:
        yield
    finally:
        _current.reset(token)


def gettext(message: str) -> str:
    """One text in the reader's language; itself where nobody translated it."""
    return _catalogue(speaking()).one(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """The same, by a number."""
    return _catalogue(speaking()).many(singular, plural, n)


def said(text: str) -> str:
    """A sentence, or several, with values in them; unknown ones stay as they are."""
    return _catalogue(speaking()).sentences.said(str(text))


def named(name: str) -> str:
    """What a clause or a field is called: ``open_class`` as ``open class``, ``开放类别``.

    Its texts have a prefix of their own: the clause *review* and the verdict *review* are two words elsewhere.
    """
    plain = str(name).replace("_", " ")
    text = f"named: {plain}"
    worded = gettext(text)
    if worded != text:
        return worded
    parted = _PARTED.fullmatch(plain)
    parts = [f"named: {part}" for part in parted.groups()] if parted is not None else []
    worded_parts = [gettext(part) for part in parts]
    if not parts or any(part == told for part, told in zip(parts, worded_parts, strict=True)):
        return plain  # a name of a file, of a column
    return " · ".join(worded_parts)


def marked(message: str) -> str:
    """The message itself. Marks a text where it stands; it is worded where it is shown."""
    return message


def day(value: date) -> str:
    """``5 March 2024``, ``2024年3月5日``."""
    if speaking() == SOURCE:
        return f"{value.day} {value:%B %Y}"
    return str(format_date(value, format="long", locale=_babel(speaking())))


def moment(value: datetime, *, seconds: bool = False) -> str:
    """``5 Mar 2024, 14:07``, ``2024年3月5日 14:07``."""
    clock = "HH:mm:ss" if seconds else "HH:mm"
    if speaking() == SOURCE:
        return f"{value.day} {value:%b %Y, %H:%M:%S}" if seconds else f"{value.day} {value:%b %Y, %H:%M}"
    return f"{day(value)} {format_datetime(value, clock, locale=_babel(speaking()))}"


def preferred(header: str) -> str:
    """The language that an ``Accept-Language`` header likes best among ours.

    >>> preferred("de, zh-CN;q=0.8, en;q=0.5"), preferred("zh-Hans-CN"), preferred("fr")
    ('zh-Hans', 'zh-Hans', 'en')
    """
    wishes = []
    for place, part in enumerate(header.split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wishes.append((-float(quality or 1), place, tag.strip().lower()))
        except ValueError:
            continue
    for weight, _, tag in sorted(wishes):
        if weight < 0 and tag.split("-")[0] in _BY_FIRST:
            return _BY_FIRST[tag.split("-")[0]]
    return SOURCE


_BY_FIRST = {tag.split("-")[0]: tag for tag in LANGUAGES}


class _Catalogue:
    """The texts of one language."""

    def __init__(self, catalog: Catalog) -> None:
        self._one: dict[str, str] = {}
        self._many: dict[str, tuple[str, ...]] = {}
        for message in catalog:
            if not message.id or message.fuzzy or not message.string:
                continue
            if isinstance(message.id, (list, tuple)):
                forms = tuple(message.string)
                self._many[message.id[0]] = forms
                self._one.setdefault(message.id[0], forms[0])
            else:
                self._one[message.id] = str(message.string)
        self._plural = catalog.plural_expr
        self._n_plurals = catalog.num_plurals
        self.sentences = Sentences(self._one)

    def one(self, message: str) -> str:
        return self._one.get(message, message)

    def many(self, singular: str, plural: str, n: int) -> str:
        forms = self._many.get(singular)
        if not forms:
            return singular if n == 1 else plural
        return forms[0] if self._n_plurals == 1 else forms[int(n != 1)]


@lru_cache
def _catalogue(language: str) -> _Catalogue:
    if language == SOURCE:
        return _Catalogue(Catalog(locale="en"))
    catalog = Catalog(locale=_babel(language))
    for path in sorted((LOCALE / language.replace("-", "_")).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=_babel(language)):
                if message.id:
                    catalog[message.id] = message
    return _Catalogue(catalog)


@lru_cache
def _babel(language: str) -> Locale:
    return Locale.parse(language, sep="-")
