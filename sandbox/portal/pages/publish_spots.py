"""Where the form of a policy has a key that a mistake names: its step, its field, what the form calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.language import marked as _
from sandbox.portal.pages.publish_fields import Field, Kind, fields_of
from sandbox.store.drafts import Draft


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the form has a key.

    Attributes:
        about: whose field it is, where there are many of one label: a table's or a column's name.
    """

    step: str
    field: str
    label: str
    about: str = ""


def spots(
    keys: Sequence[str], tree: Mapping[str, Any], draft: Draft, people: Sequence[str]
) -> Mapping[str, Spot]:
    """Where the form has these keys of a policy, by key; a key is found by its field or by one around it."""
    known = {
        field.name: _spot(step, field)
        for step in ("about", "columns", "terms")
        for field in fields_of(step, tree, draft, people).all()
    }
    found = {}
    for key in keys:
        parts = key.split(".")
        around = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        spot = next((known[name] for name in around if name in known), None)
        if spot is not None:
            found[key] = spot
    return found


def _spot(step: str, field: Field) -> Spot:
    if field.kind is Kind.PUBLISH:
        return Spot(step, field.name, _("Column"), field.place[-1])
    return Spot(step, field.name, field.label, field.place[-2] if field.place[0] == "tables" else "")
