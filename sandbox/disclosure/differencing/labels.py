"""What a table without a question says of its own populations: bands, lists and totals in its labels."""

from __future__ import annotations

import re
from fractions import Fraction

from sandbox.disclosure.cells import plain, read_number
from sandbox.disclosure.columns import is_total, normal
from sandbox.domain.population import EVERYBODY, Among, Between, Population, Value

_BAND = re.compile(r"(\d{1,9})\s*(?:-|–|to|\.\.)\s*(\d{1,9})")
_FROM = re.compile(r"(\d{1,9})\s*(?:\+|and over|or more|and above)|(?:>=|≥|from |at least )\s*(\d{1,9})")
_BELOW = re.compile(r"(?:<|under |below )\s*(\d{1,9})")
_TO = re.compile(r"(?:<=|≤|up to |at most )\s*(\d{1,9})")
_SHARE = re.compile(r"(^|_)(pct|percent|percentage|share|rate|proportion|prop)($|_)")


def population_of_label(column: str, cell: str) -> Population:
    """The rows that a label stands for; everybody where it is a total.

    >>> population_of_label("age", "18-24")
    Between(column='age', low=Fraction(18, 1), high=Fraction(24, 1))
    """
    text = plain(cell).casefold()
    if is_total(cell):
        return EVERYBODY
    if match := _BAND.fullmatch(text):
        return Between(column, Fraction(match[1]), Fraction(match[2]))
    if match := _FROM.fullmatch(text):
        return Between(column, low=Fraction(match[1] or match[2]))
    if match := _BELOW.fullmatch(text):
        return Between(column, high=Fraction(match[1]) - 1)
    if match := _TO.fullmatch(text):
        return Between(column, high=Fraction(match[1]))
    return Among(column, frozenset({label_value(text)}))


def label_value(text: str) -> Value:
    """A label as populations have values: a number where it is one."""
    number = read_number(text)
    return Fraction(number.value) if number is not None and not number.percent else text


def event_of(name: str) -> str | None:
    """What a column of shares is about, in one word; None where its name says nothing of shares.

    >>> event_of("Percent smokers"), event_of("smokers_pct"), event_of("smokers")
    ('smokers', 'smokers', None)
    """
    text = normal(name)
    if not _SHARE.search(text):
        return None
    return "_".join(p for p in _SHARE.sub(" ", text).replace("_", " ").split() if p != "of")
