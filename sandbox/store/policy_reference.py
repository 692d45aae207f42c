"""The manual of policy files, made from the domain's dataclasses: each key, type, default and meaning.

``python -m sandbox.store.policy_reference > policies/README.md`` writes it; a test says when that file is stale.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from sandbox.domain.outputs import Declarations
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_keys import Way, needs_view, way_of
from sandbox.domain.site_policy import SitePolicy

_NAMES = {int: "whole number", str: "text", bool: "true or false", types.NoneType: "nothing"}


def keys_at(kind: type[Any], place: Sequence[str | int]) -> list[str]:
    """The keys that a group has, in their order; none where the place is no group with declared keys."""
    declared = _declared(kind, place)
    return [f.name for f in dataclasses.fields(declared)] if dataclasses.is_dataclass(declared) else []


def values_at(kind: type[Any], place: Sequence[str | int]) -> str:
    """What a place accepts, in words: ``query | job | room``, ``whole number``."""
    declared = _declared(kind, place)
    if dataclasses.is_dataclass(declared):
        return "the keys " + ", ".join(keys_at(kind, place))
    return _words(declared) if declared is not None else ""


def meaning_at(kind: type[Any], place: Sequence[str | int]) -> str:
    """What the key at a place is for; empty where a name stands that somebody gave, or nothing is declared."""
    group = _declared(kind, place[:-1]) if place else None
    if not dataclasses.is_dataclass(group):
        return ""
    return next((str(f.metadata["doc"]) for f in dataclasses.fields(group) if f.name == place[-1]), "")


def json_schema(
    of: type[DatasetPolicy] | type[SitePolicy] | type[Declarations] = DatasetPolicy,
) -> dict[str, Any]:
    """JSON Schema (2020-12) of a policy file or of outputs.yaml, for editors that complete and check while typing."""
    schema: dict[str, Any] = TypeAdapter(of).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    groups = {of.__name__: schema, **schema.get("$defs", {})}
    for kind in _groups(of):
        group = groups[kind.__name__]
        group["additionalProperties"] = False
        for f in dataclasses.fields(kind):
            group["properties"][f.name]["description"] = f.metadata["doc"]
    return schema


def _groups(kind: Any) -> Iterator[Any]:
    """The groups of keys that a type is made of, itself first if it is one."""
    if dataclasses.is_dataclass(kind):
        yield kind
        for hint in typing.get_type_hints(kind).values():
            yield from _groups(hint)
    for argument in typing.get_args(kind):
        yield from _groups(argument)


SCHEMAS: dict[str, type[DatasetPolicy] | type[SitePolicy] | type[Declarations]] = {
    "site": SitePolicy,
    "dataset": DatasetPolicy,
    "outputs": Declarations,
}


def json_schema_text(kind: str) -> str:
    """A schema of ``SCHEMAS``, as the file ``policies/schema/KIND.json`` holds it."""
    return json.dumps(json_schema(SCHEMAS[kind]), indent=2, ensure_ascii=False) + "\n"


def reference_markdown() -> str:
    """The manual, as the file ``policies/README.md`` holds it."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Policy files"
    yield ""
    yield "Made from the program itself by `python -m sandbox.store.policy_reference`; edit the texts there."
    yield ""
    yield "`site.yaml` holds what is true for the whole installation; `datasets/NAME.yaml` is what an owner declares"
    yield "about one dataset. `sandbox policy check` names every mistake with its line. Numbers are whole; an amount"
    yield "with a decimal point is text in quotes (`'0.01'`), so that it means the same everywhere."
    yield ""
    yield "A change that *loosens* needs a second person, see [Change a policy](../docs/how-to/change-a-policy.md);"
    yield "the opposite change tightens. Private views are made by the keys marked †: after a change of one, the"
    yield "dataset has to be published again. For editors: `schema/site.json` and `schema/dataset.json`."
    yield ""
    yield "## `datasets/NAME.yaml`"
    yield from _group(DatasetPolicy, ())
    yield ""
    yield "## `site.yaml`"
    yield from _group(SitePolicy, ())


def _group(kind: type[Any], place: tuple[str, ...]) -> Iterator[str]:
    """A table of the group's keys, then the groups within it."""
    yield ""
    if place:
        summary = (kind.__doc__ or "").splitlines()[0]
        yield f"### `{'.'.join(place)}`"
        yield ""
        yield summary
        yield ""
    yield "| key | value | default | loosened by | meaning |"
    yield "|---|---|---|---|---|"
    hints = typing.get_type_hints(kind)
    inner: list[tuple[type[Any], tuple[str, ...]]] = []
    for f in dataclasses.fields(kind):
        declared = hints[f.name]
        group, each = _group_of(declared)
        value = _words(declared)
        if group is not None:
            value = {"NAME": "one group for each name", "N": "list of groups", "": "group"}[each]
            inner.append((group, (*place, f.name, *((each,) if each else ()))))
        cells = (f"`{f.name}`", value.replace("|", "\\|"), _default(f), _loosened(f), f.metadata["doc"])
        yield f"| {' | '.join(cells)} |"
    for group, there in inner:
        yield from _group(group, there)


def _loosened(f: dataclasses.Field[Any]) -> str:
    way = way_of(f)
    return ("–" if way is Way.NEVER else str(way)) + (" †" if needs_view(f) else "")


def _default(f: dataclasses.Field[Any]) -> str:
    if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
        return "**required**"
    value = f.default if f.default is not dataclasses.MISSING else None
    if value is None or value == "" or dataclasses.is_dataclass(value):
        return "–"
    if isinstance(value, tuple):
        return f"`[{', '.join(str(v) for v in value)}]`"
    return f"`{value}`" if not isinstance(value, str) or isinstance(value, StrEnum) else f"`'{value}'`"


def _group_of(declared: Any) -> tuple[type[Any] | None, str]:
    """The dataclass that a field holds, if any, and what it holds several by: a NAME, a place N, or nothing."""
    declared = _without_none(declared)
    if dataclasses.is_dataclass(declared):
        return typing.cast(type[Any], declared), ""
    if _is_mapping(declared) and dataclasses.is_dataclass(typing.get_args(declared)[1]):
        return typing.get_args(declared)[1], "NAME"
    if typing.get_origin(declared) is tuple and dataclasses.is_dataclass(typing.get_args(declared)[0]):
        return typing.get_args(declared)[0], "N"
    return None, ""


def _declared(kind: Any, place: Sequence[str | int]) -> Any:
    """The type declared for a place; None where nothing is."""
    for step in place:
        kind = _without_none(kind)
        if dataclasses.is_dataclass(kind):
            kind = typing.get_type_hints(kind).get(str(step))
        elif _is_mapping(kind):
            kind = typing.get_args(kind)[1]
        elif typing.get_origin(kind) is tuple:
            kind = typing.get_args(kind)[0]
        else:
            return None
    return _without_none(kind)


def _words(declared: Any) -> str:
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if isinstance(declared, type) and issubclass(declared, StrEnum):
        return " | ".join(declared)
    if origin in (types.UnionType, typing.Union):
        return ", ".join(_words(a) for a in arguments if a is not types.NoneType)
    if origin is tuple:
        return f"list of: {_words(arguments[0])}"
    if _is_mapping(declared):
        each = typing.get_args(declared)[1]
        return "a name for each group" if dataclasses.is_dataclass(each) else f"{_words(each)} for each name"
    return _NAMES.get(declared, str(declared))


def _without_none(declared: Any) -> Any:
    left = [a for a in typing.get_args(declared) if a is not types.NoneType]
    is_union = typing.get_origin(declared) in (types.UnionType, typing.Union)
    return left[0] if is_union and len(left) == 1 else declared


def _is_mapping(declared: Any) -> bool:
    origin = typing.get_origin(declared)
    return isinstance(origin, type) and issubclass(origin, Mapping)


if __name__ == "__main__":
    sys.stdout.write(reference_markdown())
