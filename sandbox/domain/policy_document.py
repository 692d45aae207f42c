"""A policy as a plain document, and back: what is stored, hashed, and sent to the engine's process.

- Documents hold text, whole numbers, booleans, lists and objects with text keys, as ``canonical_json`` wants.
- Every field is written, defaults too: a later change of a default changes nothing that was published.
- Reading accepts exactly the declared fields and types. A document with a mistake is refused, never guessed.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast

from sandbox.domain.errors import BadInput
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.site_policy import SitePolicy

T = TypeVar("T")


def policy_to_document(policy: DatasetPolicy | SitePolicy) -> dict[str, Any]:
    """The policy as a value that ``canonical_json`` accepts."""
    return cast(dict[str, Any], plain(policy))


def policy_from_document(document: Mapping[str, Any]) -> DatasetPolicy:
    """The policy that a document says.

    Raises:
        BadInput: a missing, unknown or mistyped field; ``where`` is its dotted place.
    """
    return cast(DatasetPolicy, _value(document, DatasetPolicy, "policy"))


def site_from_document(document: Mapping[str, Any]) -> SitePolicy:
    """The site's policy that a document says. Raises as ``policy_from_document``."""
    return cast(SitePolicy, _value(document, SitePolicy, "site"))


def plain(value: Any) -> Any:
    """A policy, or any part of one, as documents hold it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


def _value(value: Any, wanted: Any, where: str) -> Any:
    """``value`` read as the type ``wanted``, which is one of the shapes that a policy's fields have."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return _one_of(value, arguments, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise _mistake(value, "a list", where)
        return tuple(_value(item, arguments[0], f"{where}.{i}") for i, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        items = _object(value, where).items()
        return {name: _value(item, arguments[1], f"{where}.{name}") for name, item in items}
    if dataclasses.is_dataclass(wanted):
        return _record(_object(value, where), cast(type[Any], wanted), where)
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        if value not in [str(member) for member in wanted]:
            raise _mistake(value, " | ".join(wanted), where)
        return wanted(value)
    if type(value) is not wanted:  # exact: True is not a whole number here
        raise _mistake(value, wanted.__name__, where)
    return value


def _one_of(value: Any, wanted: tuple[Any, ...], where: str) -> Any:
    if value is None and types.NoneType in wanted:
        return None
    options = [option for option in wanted if option is not types.NoneType]
    if len(options) == 1:
        return _value(value, options[0], where)
    if type(value) not in options:
        raise _mistake(value, " | ".join(option.__name__ for option in options), where)
    return value


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise _mistake(value, "an object", where)
    return value


def _record(value: Mapping[str, Any], wanted: type[T], where: str) -> T:
    hints = _types_of(cast(Any, wanted))
    fields = {f.name: f for f in dataclasses.fields(cast(Any, wanted))}
    for name in value:
        if name not in fields:
            place = f"{where}.{name}"
            raise BadInput(f"A policy document has no field {name!r}.", where=place, fix="Remove it.")
    for name, field in fields.items():
        has_default = (
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        )
        if name not in value and not has_default:
            raise BadInput(f"The policy document lacks {name!r}.", where=f"{where}.{name}", fix="Add it.")
    return wanted(**{name: _value(item, hints[name], f"{where}.{name}") for name, item in value.items()})


@cache
def _types_of(wanted: type[Any]) -> Mapping[str, Any]:
    """The declared types; they are texts until somebody asks, and reading those takes long."""
    return typing.get_type_hints(wanted)


def _mistake(value: Any, wanted: str, where: str) -> BadInput:
    return BadInput(f"{where} is {value!r}.", where=where, fix=f"Write {wanted}.")
