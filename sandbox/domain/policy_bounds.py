"""The site's bounds: a dataset may only tighten what the site says.

What is *looser* than a bound follows from the key's own direction (``policy_keys``), as it does for a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_keys import Effect, Way, effect
from sandbox.domain.policy_rules import Mistake, number
from sandbox.domain.site_policy import Bounds, SitePolicy


@dataclass(frozen=True, slots=True)
class Looser:
    """A key of a dataset that is looser than a key of the site allows."""

    path: tuple[str, ...]  # of the dataset
    bound: tuple[str, ...]  # of the site
    problem: str
    allowed: str


_BOUNDS: tuple[tuple[str, tuple[str, ...], Way], ...] = (
    ("max_epsilon", ("budget", "epsilon"), Way.LARGER),
    ("max_delta", ("budget", "delta"), Way.LARGER),
    ("max_per_question_percent", ("budget", "per_question_percent"), Way.LARGER),
    ("max_project_percent", ("budget", "project_percent"), Way.LARGER),
    ("modes", ("access", "modes"), Way.MORE),
    ("max_days", ("access", "max_days"), Way.LARGER),
    ("min_threshold", ("release", "threshold"), Way.SMALLER),
    ("min_reviewers", ("release", "reviewers"), Way.SMALLER),
    ("file_types", ("release", "file_types"), Way.MORE),
    ("max_bytes", ("release", "max_bytes"), Way.LARGER),
)


def check_bounds(policy: DatasetPolicy, site: SitePolicy) -> tuple[Looser, ...]:
    """All keys by which a dataset's policy goes further than the site's.

    Budget, access and release bind conditional datasets; others have no use for them.
    """
    return tuple(_looser(policy, site.bounds))


def _looser(policy: DatasetPolicy, bounds: Bounds) -> Iterator[Looser]:
    if policy.open_class not in bounds.open_classes:
        allowed = " | ".join(bounds.open_classes)
        yield Looser(
            ("open_class",),
            ("bounds", "open_classes"),
            f"{str(policy.open_class)!r} is not a class that the site opens data by",
            allowed,
        )
    if not policy.private:
        return
    for name, path, way in _BOUNDS:
        bound, value = getattr(bounds, name), _at(policy, path)
        if value is not None and effect(way, bound, value) is Effect.LOOSENS:
            yield Looser(path, ("bounds", name), _problem(way, bound, value), _allowed(way, bound))


def _at(policy: DatasetPolicy, path: tuple[str, ...]) -> Any:
    value: Any = policy
    for step in path:
        value = getattr(value, step) if value is not None else None
    return value


def _problem(way: Way, bound: Any, value: Any) -> str:
    if way is Way.MORE:
        more = ", ".join(str(v) for v in value if v not in bound)
        return f"{more}: looser than the site allows"
    return f"{value} is looser than the site allows"


def _allowed(way: Way, bound: Any) -> str:
    if way is Way.MORE:
        return ", ".join(bound) or "none of them"
    return f"at most {bound}" if way is Way.LARGER else f"at least {bound}"


def site_mistakes(site: SitePolicy) -> Iterator[Mistake]:
    """The bounds of a site that no dataset could keep, or that bound nothing."""
    bounds = site.bounds
    for key, least, most, allowed in (
        ("max_epsilon", 0.01, 100.0, "'0.01' to '100'"),
        ("max_delta", 1e-15, 1e-3, "'1e-15' to '1e-3'"),
    ):
        value = number(getattr(bounds, key))
        if value is None or not least <= value <= most:
            yield Mistake(("bounds", key), f"{getattr(bounds, key)!r} is out of range", allowed)
    for key in ("max_per_question_percent", "max_project_percent"):
        if not 1 <= getattr(bounds, key) <= 100:
            yield Mistake(("bounds", key), "is a percentage", "1 to 100")
    for key, fewest in (("min_threshold", 3), ("min_reviewers", 1), ("max_days", 1), ("max_bytes", 1)):
        bound = getattr(bounds, key)
        if bound is not None and bound < fewest:
            yield Mistake(("bounds", key), f"{bound} is too small", f"{fewest} or more")
    for key in ("open_classes", "modes"):
        if not getattr(bounds, key):
            yield Mistake(("bounds", key), "is empty: no dataset could be opened", "one or more of them")
