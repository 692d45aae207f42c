"""What changed between two policies, key by key, and what it takes for a change to hold.

- Each change tightens, loosens or is neutral, as its key declares (``policy_keys``).
- A change that loosens holds only when a second person approved exactly it: from this policy to that one.
- A change of a key that private views are made by holds only with views that were made by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.domain.canonical import canonical_json
from sandbox.domain.errors import NotAllowed
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.policy_document import plain
from sandbox.domain.policy_keys import Effect, Way, effect, needs_view, way_of
from sandbox.domain.policy_rules import number
from sandbox.domain.site_policy import SitePolicy

P = TypeVar("P", DatasetPolicy, SitePolicy)

_SHOWN = 60  # characters of a value in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key that has another value.

    Attributes:
        key: dotted, such as ``budget.epsilon``.
        before, after: as documents hold them; None also where the key was, or is, not there.
        words: the change in words, such as ``8 → 12``.
        view: private views are made by this key.
    """

    key: str
    effect: Effect
    before: Any
    after: Any
    words: str
    view: bool

    def document(self) -> dict[str, Any]:
        """The change as a value that ``canonical_json`` accepts."""
        return {**dataclasses.asdict(self), "effect": str(self.effect)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A second person's yes to one change, as the log proves it."""

    proposal: int
    about: str  # ``dataset:NAME`` or ``site``
    base_hash: str  # of the policy that is changed
    policy_hash: str  # of the policy that holds afterwards
    proposed_by: str
    approved_by: str


def differences(before: P, after: P) -> tuple[Change, ...]:
    """Every key with another value, in the order of the declaration."""
    return tuple(_differences(before, after, ()))


def loosening(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Those that need a second person."""
    return tuple(change for change in changes if change.effect is Effect.LOOSENS)


def needs_publishing(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Those that need the dataset to be published again."""
    return tuple(change for change in changes if change.view)


def check_change(
    about: str,
    before: P,
    after: P,
    *,
    base_hash: str,
    policy_hash: str,
    approval: Approval | None = None,
) -> None:
    """Raise unless the policy may take the other one's place.

    Args:
        base_hash, policy_hash: ``content_hash`` of both documents.

    Raises:
        NotAllowed: it loosens, and nobody else approved this very change.
    """
    looser = loosening(differences(before, after))
    if not looser:
        return
    keys = ", ".join(change.key for change in looser[:5]) + (" …" if len(looser) > 5 else "")
    if approval is None:
        raise NotAllowed(
            f"This loosens {keys}: a second person has to approve it.",
            clause="second person",
            fix="Propose it with 'sandbox policy apply FILE'; an owner or administrator who did not propose it "
            "then approves it.",
        )
    if (approval.about, approval.base_hash, approval.policy_hash) != (about, base_hash, policy_hash):
        raise NotAllowed(
            f"This loosens {keys}; what was approved is another change (proposal {approval.proposal}).",
            clause="second person",
            fix="Propose this change, and have it approved.",
        )
    check_two(approval)


def check_two(approval: Approval) -> None:
    """Raise when one person both proposed and approved."""
    if approval.approved_by == approval.proposed_by:
        raise NotAllowed(
            f"{approval.proposed_by} proposed it and cannot be the one who approves it.",
            clause="second person",
            fix="Ask another owner or administrator.",
        )


def _differences(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[Change]:
    for key in dataclasses.fields(before):
        was, now = getattr(before, key.name), getattr(after, key.name)
        if canonical_json(plain(was)) == canonical_json(plain(now)):
            continue
        here, way, view = (*path, key.name), way_of(key), needs_view(key)
        if dataclasses.is_dataclass(was) and dataclasses.is_dataclass(now):
            yield from _differences(was, now, here)
        elif isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _of_groups(was, now, here, way, view)
        else:
            yield _change(here, way, was, now, _words(was, now), view)


def _of_groups(
    before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...], way: Way, view: bool
) -> Iterator[Change]:
    """A group of each name: those that came and went by the group's own way, the others key by key."""
    for name in [*before, *(n for n in after if n not in before)]:
        here = (*path, name)
        if name in before and name in after:
            yield from _differences(before[name], after[name], here)
        else:
            had = {name: before[name]} if name in before else {}
            has = {name: after[name]} if name in after else {}
            words = "is added" if has else "is taken away"
            yield Change(
                key=".".join(here),
                effect=effect(way, had, has),
                before=plain(before.get(name)),
                after=plain(after.get(name)),
                words=words,
                view=view,
            )


def _change(path: tuple[str, ...], way: Way, was: Any, now: Any, words: str, view: bool) -> Change:
    return Change(
        key=".".join(path),
        effect=effect(way, was, now),
        before=plain(was),
        after=plain(now),
        words=words,
        view=view,
    )


def _words(was: Any, now: Any) -> str:
    if isinstance(was, tuple) and isinstance(now, tuple):
        had, has = [_shown(v) for v in was], [_shown(v) for v in now]
        came, gone = [v for v in has if v not in had], [v for v in had if v not in has]
        said = [f"adds {', '.join(came)}"] * bool(came) + [f"drops {', '.join(gone)}"] * bool(gone)
        return "; ".join(said) or "in another order"
    return f"{_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if dataclasses.is_dataclass(value):
        return "a group of keys"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if isinstance(value, int) or number(str(value)) is not None else repr(str(value))
    if isinstance(value, tuple):
        text = f"[{', '.join(_shown(v) for v in value)}]"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
