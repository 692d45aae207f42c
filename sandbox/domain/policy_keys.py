"""What is declared beside every key of a policy: its meaning, which change of it opens more, and what it needs.

``Way`` is the key's direction, ``effect`` reads a change by it: one definition of *looser* for the comparison of two
policies, for the site's bounds and for the second person. A key without a direction loosens by every change, so that
one which somebody forgot opens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any


class Way(StrEnum):
    """Which change of a key loosens; the opposite change tightens."""

    NEVER = "never"  # words for people, sizes of machines: every change is neutral
    ALWAYS = "every change"
    LARGER = "a larger value"  # nothing: no limit
    SMALLER = "a smaller value"  # nothing: no limit
    LARGER_OR_0 = "a larger value, or 0"  # 0: never
    EARLIER = "an earlier one of its values"
    MORE = "more of them"  # nothing: all are allowed
    FEWER = "fewer of them"
    GIVEN = "being given"  # another value is neutral
    TAKEN = "being taken away"  # another value is neutral


class Effect(StrEnum):
    TIGHTENS = "tightens"
    NEUTRAL = "neutral"
    LOOSENS = "loosens"


def doc(text: str, way: Way | None = None, *, view: bool = False, **more: Any) -> Any:
    """A key of a policy.

    Args:
        text: what it means, for the manual.
        way: which change of it loosens.
        view: private views are made by it: a change needs that the dataset is published again.
        more: the default, as ``dataclasses.field`` takes it.
    """
    declared: dict[str, Any] = {"doc": text} if way is None else {"doc": text, "way": way, "view": view}
    return field(metadata=declared, **more)


def way_of(key: Field[Any]) -> Way:
    way: Way = key.metadata.get("way", Way.ALWAYS)
    return way


def needs_view(key: Field[Any]) -> bool:
    needed: bool = key.metadata.get("view", True)
    return needed


def effect(way: Way, before: Any, after: Any) -> Effect:
    """What a change does.

    >>> effect(Way.SMALLER, 10, 5), effect(Way.LARGER, "8", "8.0"), effect(Way.MORE, ("csv",), None)
    (<Effect.LOOSENS: 'loosens'>, <Effect.NEUTRAL: 'neutral'>, <Effect.LOOSENS: 'loosens'>)
    """
    if way is Way.NEVER or repr(before) == repr(after):  # 1 is not True
        return Effect.NEUTRAL
    match way:
        case Way.LARGER | Way.SMALLER:
            return _by_size(before, after, larger_loosens=way is Way.LARGER)
        case Way.LARGER_OR_0:
            return _by_size(before or None, after or None, larger_loosens=True)
        case Way.EARLIER:
            order = type(before).__members__.values()
            first = next(value for value in order if value in (before, after))
            return Effect.LOOSENS if first == after else Effect.TIGHTENS
        case Way.MORE | Way.FEWER:
            return _by_members(before, after, more_loosens=way is Way.MORE)
        case Way.GIVEN | Way.TAKEN:
            if before is not None and after is not None:
                return Effect.NEUTRAL
            return Effect.LOOSENS if (before is None) == (way is Way.GIVEN) else Effect.TIGHTENS
    return Effect.LOOSENS


def _by_size(before: Any, after: Any, *, larger_loosens: bool) -> Effect:
    if before is None or after is None:
        return Effect.LOOSENS if after is None else Effect.TIGHTENS
    try:
        was, now = Decimal(before), Decimal(after)
    except InvalidOperation:
        return Effect.LOOSENS
    if was == now:
        return Effect.NEUTRAL
    return Effect.LOOSENS if (now > was) == larger_loosens else Effect.TIGHTENS


def _by_members(before: Any, after: Any, *, more_loosens: bool) -> Effect:
    if before is None or after is None:
        return Effect.LOOSENS if after is None else Effect.TIGHTENS
    was, now = ((set(v) if isinstance(v, Mapping) else set(map(_kept, v))) for v in (before, after))
    loosening, tightening = (now - was, was - now) if more_loosens else (was - now, now - was)
    if loosening:
        return Effect.LOOSENS
    return Effect.TIGHTENS if tightening else Effect.NEUTRAL


def _kept(member: Any) -> Any:
    """A list's member, apart from others that Python holds equal: 1 and True."""
    return (type(member), member)
