"""``SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS(epsilon = 0.5, …)``: the price and bounds that stand in the text.

The clause is taken out of the words before the parser sees them; blanks take its place, so that positions stay.

Source of the form: the documentation of BigQuery's differential privacy clause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sandbox.domain.errors import BadInput, QuestionRefused
from sandbox.domain.limits import Limits
from sandbox.domain.price import Price, price_of

_NUMBER = re.compile(r"([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")
_QUOTED = re.compile(r"'([^']*)'")
_FIX = (
    "Write OPTIONS(epsilon = 0.5, delta = 1e-6, max_groups_contributed = 3), with budget = '1%' or "
    "accuracy = '±50 at 95%' instead of epsilon, or leave the clause out."
)
_NUMBERS = ("epsilon", "delta", "max_groups_contributed")
_TEXTS = ("budget", "accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the text itself says about its price and bounds; None where it says nothing."""

    epsilon: Decimal | None = None
    delta: Decimal | None = None
    max_groups_contributed: int | None = None
    budget: str | None = None
    accuracy: str | None = None

    @property
    def price(self) -> Price | None:
        """The price that the text says.

        Raises:
            BadInput: it says two, or one that cannot be read.
        """
        epsilon = None if self.epsilon is None else float(self.epsilon)
        return price_of(epsilon=epsilon, budget=self.budget, accuracy=self.accuracy)


NO_OPTIONS = Options()


def agreed_price(options: Options, said: Price | None, *, otherwise: Price | None = None) -> Price:
    """The price of a question, from its text or from its caller, or ``otherwise`` where neither says it.

    Raises:
        BadInput: neither says it, or they differ.
    """
    written = options.price
    found = written or said or otherwise
    if found is None:
        raise BadInput(
            "The question has no price.",
            where="epsilon",
            fix="Say epsilon=0.5, budget='1%' or accuracy='±50 at 95%', for instance.",
        )
    if written is not None and said is not None and written != said:
        where = said.text.partition("=")[0]
        raise BadInput(
            f"The question says {written.text}, and its caller {said.text}.",
            where=where,
            fix="Say it once, or the same twice.",
        )
    return found


def check_options(options: Options, *, delta: float) -> None:
    """Raise unless the text leaves δ to the policy or names the policy's own."""
    if options.delta is not None and float(options.delta) != delta:
        raise BadInput(
            f"The policy states epsilon at delta={delta:g}.",
            where="delta",
            fix=f"Write delta = {delta:g}, or nothing.",
        )


def agreed_limits(options: Options, limits: Limits) -> Limits:
    """What the asker wants to count at most of one unit, from the text or from the caller.

    Raises:
        BadInput: they differ.
    """
    written, given = options.max_groups_contributed, limits.max_groups
    if written is not None and given is not None and written != given:
        raise BadInput(
            f"The question says max_groups_contributed={written}, and its caller {given}.",
            where="max_groups",
            fix="Say it once, or the same twice.",
        )
    return replace(limits, max_groups=written) if written is not None else limits


def take_options(sql: str, words: Sequence[Any]) -> tuple[str, Options]:
    """The text without the clause, and what the clause says."""
    texts = [word.text.upper() for word in words]
    for at in range(len(words) - 2):
        if texts[at : at + 3] == ["SELECT", "WITH", "DIFFERENTIAL_PRIVACY"]:
            break
    else:
        return sql, NO_OPTIONS
    start, end, options = words[at + 1].start, words[at + 2].end, NO_OPTIONS
    if texts[at + 3 : at + 4] == ["OPTIONS"]:
        close = next((i for i in range(at + 4, len(words)) if sql[words[i].start] == ")"), None)
        if texts[at + 4 : at + 5] != ["("] or close is None:
            raise QuestionRefused("These options cannot be read.", position=words[at + 3].start, fix=_FIX)
        options = _read(sql, words[at + 5 : close])
        end = words[close].end
    return sql[:start] + re.sub(r"[^\n]", " ", sql[start : end + 1]) + sql[end + 1 :], options


def _read(sql: str, words: Sequence[Any]) -> Options:
    said: dict[str, str] = {}
    if not words:
        return NO_OPTIONS
    text = sql[words[0].start : words[-1].end + 1]
    for item in _items(text):
        name, equals, value = (part.strip() for part in item.partition("="))
        name = name.lower()
        quoted = _QUOTED.fullmatch(value) if name in _TEXTS else None
        readable = quoted is not None or (name in _NUMBERS and _NUMBER.fullmatch(value) is not None)
        if not equals or not readable or name in said:
            raise QuestionRefused("These options cannot be read.", position=words[0].start, fix=_FIX)
        said[name] = value if quoted is None else quoted.group(1)
    groups = said.get("max_groups_contributed")
    if groups is not None and (not groups.isdecimal() or len(groups) > 9 or int(groups) < 1):
        raise QuestionRefused(
            "max_groups_contributed is a whole number from 1.", position=words[0].start, fix=_FIX
        )
    return Options(
        epsilon=Decimal(said["epsilon"]) if "epsilon" in said else None,
        delta=Decimal(said["delta"]) if "delta" in said else None,
        max_groups_contributed=int(groups) if groups is not None else None,
        budget=said.get("budget"),
        accuracy=said.get("accuracy"),
    )


def _items(text: str) -> list[str]:
    """The parts between commas that stand outside of quotes."""
    items, quoted = [""], False
    for character in text:
        quoted ^= character == "'"
        if character == "," and not quoted:
            items.append("")
        else:
            items[-1] += character
    return items
