"""Which change loosens: declared beside each key, and the same for changes, bounds and the second person."""

from __future__ import annotations

import dataclasses
import doctest
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.domain import lookalike, policy_keys
from sandbox.domain.canonical import content_hash
from sandbox.domain.errors import NotAllowed
from sandbox.domain.lookalike import looks
from sandbox.domain.policy import BudgetTerms, Column, ColumnType, DatasetPolicy, Mode, OpenClass, Table
from sandbox.domain.policy_bounds import _BOUNDS, check_bounds, site_mistakes
from sandbox.domain.policy_change import Approval, check_change, differences, loosening, needs_publishing
from sandbox.domain.policy_document import plain, policy_to_document
from sandbox.domain.policy_keys import Effect, Way, effect
from sandbox.domain.site_policy import Bounds, SitePolicy
from tests.store.world import policy

BASE = policy(budget=BudgetTerms(epsilon="4"))


def replaced(of: Any, key: str, value: Any) -> Any:
    """A policy with another value at a dotted key."""
    first, _, rest = key.partition(".")
    if isinstance(of, dict):
        return {**of, first: replaced(of[first], rest, value) if rest else value}
    inner = replaced(getattr(of, first), rest, value) if rest else value
    return dataclasses.replace(of, **{first: inner})


AMOUNT = "tables.loans.columns.amount"
# (key, its new value, what that does)
CHANGES: list[tuple[str, Any, Effect]] = [
    ("title", "Another", Effect.NEUTRAL),
    ("open_class", OpenClass.UNCONDITIONAL, Effect.LOOSENS),
    ("open_class", OpenClass.CLOSED, Effect.TIGHTENS),
    ("owner", "oscar", Effect.LOOSENS),
    ("lineage", "fresh", Effect.LOOSENS),
    ("unit.column", "amount", Effect.LOOSENS),
    ("unit.noun", "company", Effect.NEUTRAL),
    ("unit", None, Effect.LOOSENS),
    ("budget", None, Effect.TIGHTENS),
    ("budget.epsilon", "4.01", Effect.LOOSENS),
    ("budget.epsilon", "4.0", Effect.NEUTRAL),
    ("budget.epsilon", "3", Effect.TIGHTENS),
    ("budget.delta", "1e-5", Effect.LOOSENS),
    ("budget.unlisted_delta", "1e-8", Effect.LOOSENS),
    ("budget.per_question_percent", 26, Effect.LOOSENS),
    ("budget.project_percent", 49, Effect.TIGHTENS),
    ("access.modes", (Mode.QUERY, Mode.ROOM), Effect.LOOSENS),
    ("access.modes", (), Effect.TIGHTENS),
    ("access.max_days", 366, Effect.LOOSENS),
    ("access.feedback_days", 0, Effect.LOOSENS),
    ("access.feedback_days", 14, Effect.TIGHTENS),
    ("budget.member_percent", 50, Effect.TIGHTENS),
    ("access.conditions", ("Be good.",), Effect.TIGHTENS),
    ("release.threshold", 9, Effect.LOOSENS),
    ("release.threshold", 11, Effect.TIGHTENS),
    ("release.reviewers", 1, Effect.LOOSENS),
    ("release.pool", ("rosa", "rita"), Effect.NEUTRAL),
    ("release.pool", ("rita", "ravi"), Effect.LOOSENS),
    ("release.file_types", ("csv", "png"), Effect.LOOSENS),
    ("release.max_bytes", 10, Effect.TIGHTENS),
    (f"{AMOUNT}.description", "Money", Effect.NEUTRAL),
    (f"{AMOUNT}.type", ColumnType.TEXT, Effect.LOOSENS),
    (f"{AMOUNT}.lower", 1, Effect.LOOSENS),
    (f"{AMOUNT}.unlisted_keys", True, Effect.LOOSENS),
    (f"{AMOUNT}.categories", (1, 2), Effect.LOOSENS),
    (f"{AMOUNT}.max_rows_per_unit", 3, Effect.TIGHTENS),
    ("tables.loans.max_rows_per_unit", 2, Effect.LOOSENS),
    ("tables.loans.columns.secret", Column(type=ColumnType.TEXT), Effect.LOOSENS),
    ("tables.more", Table(columns={}, max_rows=1), Effect.LOOSENS),
]


@pytest.mark.parametrize(("key", "value", "does"), CHANGES, ids=lambda v: str(v)[:40])
def test_each_change_does_what_its_key_declares(key: str, value: Any, does: Effect) -> None:
    (change,) = differences(BASE, replaced(BASE, key, value))
    assert (change.key, change.effect) == (key, does)
    assert change.words
    assert not differences(BASE, BASE)


def test_the_opposite_change_does_the_opposite() -> None:
    opposite = {Effect.LOOSENS: Effect.TIGHTENS, Effect.TIGHTENS: Effect.LOOSENS}
    one_way = {
        "owner",
        "lineage",
        "unit.column",
        "budget.unlisted_delta",
        f"{AMOUNT}.type",
        "release.pool",
    }
    for key, value, does in CHANGES:
        if key not in one_way:
            (change,) = differences(replaced(BASE, key, value), BASE)
            assert change.effect is opposite.get(does, does), key


def keys_of(kind: Any, seen: set[Any] | None = None) -> Iterator[tuple[str, dataclasses.Field[Any]]]:
    """Every key of a policy, with the groups in it."""
    seen = seen if seen is not None else set()
    if kind in seen:
        return
    seen.add(kind)
    hints = typing.get_type_hints(kind)
    for key in dataclasses.fields(kind):
        yield f"{kind.__name__}.{key.name}", key
        for inner in (hints[key.name], *typing.get_args(hints[key.name])):
            if dataclasses.is_dataclass(inner):
                yield from keys_of(inner, seen)


def undeclared(kind: Any) -> list[str]:
    return [name for name, key in keys_of(kind) if not isinstance(key.metadata.get("way"), Way)]


@pytest.mark.parametrize("kind", [DatasetPolicy, SitePolicy])
def test_every_key_declares_which_change_loosens(kind: Any) -> None:
    assert undeclared(kind) == []
    assert len(list(keys_of(kind))) > 20


def test_a_key_without_a_direction_is_found_and_loosens_by_every_change() -> None:
    @dataclasses.dataclass(frozen=True)
    class Planted:
        key: int = policy_keys.doc("Forgotten.", default=1)

    assert undeclared(Planted) == ["Planted.key"]
    (field,) = dataclasses.fields(Planted)
    assert policy_keys.way_of(field) is Way.ALWAYS
    assert policy_keys.needs_view(field)


def test_every_key_that_views_are_made_by_says_so() -> None:
    """The engine reads tables, lookups, unit and most of the budget from the view's own policy, and nothing else."""
    asks = {"budget.epsilon", *(f"budget.{of}_percent" for of in ("per_question", "project", "member"))}
    for key, value, _ in CHANGES:
        (change,) = differences(BASE, replaced(BASE, key, value))
        top = key.partition(".")[0]
        by_view = top in ("tables", "lookups", "unit", "budget", "open_class", "lineage") and key not in asks
        assert change.view == (by_view and not key.endswith(".description")), key


def test_order_and_spelling_alone_are_no_difference() -> None:
    columns = BASE.tables["loans"].columns
    turned = replaced(BASE, "tables.loans.columns", dict(reversed(list(columns.items()))))
    assert differences(BASE, turned) == ()


def test_one_and_true_are_not_the_same_value() -> None:
    before, after = (replaced(BASE, f"{AMOUNT}.categories", (value,)) for value in (1, True))
    (change,) = differences(before, after)
    assert change.effect is Effect.LOOSENS


def test_what_is_no_number_loosens() -> None:
    assert effect(Way.LARGER, "8", "viel") is Effect.LOOSENS
    assert effect(Way.LARGER, None, 5) is Effect.TIGHTENS  # none: no limit
    assert effect(Way.SMALLER, 5, None) is Effect.LOOSENS


# the second person


def hashed(of: DatasetPolicy) -> str:
    return content_hash(policy_to_document(of))


LOOSER = replaced(BASE, "budget.epsilon", "5")
YES = Approval(
    proposal=1,
    about="dataset:loans",
    base_hash=hashed(BASE),
    policy_hash=hashed(LOOSER),
    proposed_by="olga",
    approved_by="ada",
)


def check(after: DatasetPolicy, approval: Approval | None) -> None:
    check_change(
        "dataset:loans",
        BASE,
        after,
        base_hash=hashed(BASE),
        policy_hash=hashed(after),
        approval=approval,
    )


def test_what_loosens_holds_with_another_persons_yes_alone() -> None:
    check(LOOSER, YES)  # the control
    check(replaced(BASE, "budget.epsilon", "3"), None)
    for approval in (
        None,
        dataclasses.replace(YES, approved_by="olga"),
        dataclasses.replace(YES, about="dataset:l0ans"),
        dataclasses.replace(YES, base_hash="0" * 64),
        dataclasses.replace(YES, policy_hash="0" * 64),
    ):
        with pytest.raises(NotAllowed) as caught:
            check(LOOSER, approval)
        assert caught.value.clause == "second person"


def test_a_yes_to_one_change_is_none_to_a_larger_one() -> None:
    with pytest.raises(NotAllowed, match="another change"):
        check(replaced(LOOSER, "release.threshold", 5), YES)


def test_which_changes_need_to_be_published() -> None:
    changes = differences(BASE, replaced(LOOSER, f"{AMOUNT}.lower", 0))
    assert [c.key for c in loosening(changes)] == [f"{AMOUNT}.lower", "budget.epsilon"]
    assert [c.key for c in needs_publishing(changes)] == [f"{AMOUNT}.lower"]


# the site's bounds

SITE = SitePolicy(
    bounds=Bounds(
        open_classes=(OpenClass.CONDITIONAL, OpenClass.CLOSED),
        max_epsilon="4",
        max_delta="1e-6",
        max_per_question_percent=25,
        max_project_percent=50,
        modes=(Mode.QUERY,),
        max_days=365,
        min_threshold=10,
        min_reviewers=2,
        file_types=("csv",),
        max_bytes=1_000_000,
    )
)


def test_a_policy_at_the_bounds_keeps_them() -> None:
    assert check_bounds(BASE, SITE) == ()
    assert list(site_mistakes(SITE)) == []


@pytest.mark.parametrize(
    ("key", "value", "bound", "allowed"),
    [
        ("open_class", OpenClass.UNCONDITIONAL, "open_classes", "conditional | closed"),
        ("budget.epsilon", "4.01", "max_epsilon", "at most 4"),
        ("budget.delta", "1e-5", "max_delta", "at most 1e-6"),
        ("budget.per_question_percent", 26, "max_per_question_percent", "at most 25"),
        ("budget.project_percent", 51, "max_project_percent", "at most 50"),
        ("access.modes", (Mode.QUERY, Mode.ROOM), "modes", "query"),
        ("access.max_days", 366, "max_days", "at most 365"),
        ("release.threshold", 9, "min_threshold", "at least 10"),
        ("release.reviewers", 1, "min_reviewers", "at least 2"),
        ("release.file_types", ("csv", "png"), "file_types", "csv"),
        ("release.max_bytes", 1_000_001, "max_bytes", "at most 1000000"),
    ],
)
def test_each_bound_is_held(key: str, value: Any, bound: str, allowed: str) -> None:
    (looser,) = check_bounds(replaced(BASE, key, value), SITE)
    assert (".".join(looser.path), looser.bound, looser.allowed) == (key, ("bounds", bound), allowed)


def test_every_bound_binds_something_and_in_its_keys_own_direction() -> None:
    bound_names = {field.name for field in dataclasses.fields(Bounds)}
    assert bound_names == {name for name, _, _ in _BOUNDS} | {"open_classes"}
    ways = {name: key.metadata["way"] for name, key in keys_of(DatasetPolicy)}
    groups = {"budget": "BudgetTerms", "access": "AccessTerms", "release": "ReleaseTerms"}
    for _, (group, key), way in _BOUNDS:
        assert ways[f"{groups[group]}.{key}"] is way


def test_bounds_that_are_none_bind_nothing_and_what_cannot_be_kept_is_a_mistake() -> None:
    assert check_bounds(BASE, SitePolicy()) == ()
    wrong = Bounds(max_epsilon="0", min_threshold=1, modes=(), max_days=0, max_project_percent=101)
    found = {m.path[-1] for m in site_mistakes(SitePolicy(bounds=wrong))}
    assert found == {"max_epsilon", "min_threshold", "modes", "max_days", "max_project_percent"}


# names


@pytest.mark.parametrize(
    ("one", "other"), [("loans", "l0ans"), ("loans_1", "loansl"), ("loans", "lo_ans"), ("modern", "modem")]
)
def test_names_that_are_taken_for_one_another(one: str, other: str) -> None:
    assert looks(one) == looks(other)


@pytest.mark.parametrize(("one", "other"), [("loans", "loan"), ("flights_2013", "flights_2014"), ("a", "b")])
def test_names_that_are_not(one: str, other: str) -> None:
    assert looks(one) != looks(other)


def test_the_examples_are_so() -> None:
    assert doctest.testmod(policy_keys).failed == doctest.testmod(lookalike).failed == 0
    assert plain(Mode.QUERY) == "query"
