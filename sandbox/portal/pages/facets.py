"""The filters of the catalogue's page: each value is a link, with how many datasets it would leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sandbox.domain.catalogue_terms import ClassNames, Frequency, OpenMode
from sandbox.domain.policy import Domain, OpenClass
from sandbox.domain.search import Search
from sandbox.language import marked as _

_LABELS = {
    "open_class": _("Openness"),
    "domain": _("Field"),
    "mode": _("Opened by"),
    "frequency": _("Updates"),
}
_VALUES = {"open_class": OpenClass, "domain": Domain, "mode": OpenMode, "frequency": Frequency}


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a filter.

    Attributes:
        link: the query that chooses it, or lets it go when it is chosen; empty when that is nothing.
    """

    label: str
    count: int
    chosen: bool
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One filter, with the values that leave something."""

    name: str
    label: str
    chosen: str  # empty: none
    values: tuple[Value, ...]


def chosen_values(search: Search, text: str) -> dict[str, str]:
    """The parameters that make this search again, without its page."""
    values = {"q": text, **{name: getattr(search, name) or "" for name in _LABELS}}
    return {name: str(value) for name, value in values.items() if value}


def facets(
    counts: Mapping[str, Mapping[str, int]], chosen: Mapping[str, str], class_names: ClassNames
) -> tuple[Facet, ...]:
    """Every filter.

    Args:
        counts: filter -> value -> how many there would be.
        chosen: as ``chosen_values`` says.
    """
    return tuple(
        Facet(
            name=name,
            label=label,
            chosen=chosen.get(name, ""),
            values=tuple(
                Value(
                    label=class_names[value] if name == "open_class" else str(value),
                    count=counts[name].get(value, 0),
                    chosen=chosen.get(name) == value,
                    link=_link(chosen, name, value),
                )
                for value in _VALUES[name]
                if counts[name].get(value) or chosen.get(name) == value
            ),
        )
        for name, label in _LABELS.items()
    )


def _link(chosen: Mapping[str, str], name: str, value: str) -> str:
    others = {key: kept for key, kept in chosen.items() if key != name}
    query = urlencode(others if chosen.get(name) == value else {**others, name: str(value)})
    return f"?{query}" if query else ""
