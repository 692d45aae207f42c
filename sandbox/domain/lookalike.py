"""Names that a reader takes for one another: a budget, or a dataset, must not hide behind one."""

from __future__ import annotations

from collections.abc import Iterable

_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_SINGLE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "2": "z", "8": "b", "_": None})


def looks(name: str) -> str:
    """What a name (a-z, 0-9, _) looks like: equal for names that are easily taken for one another.

    >>> looks("loans_1") == looks("loansi"), looks("loans") == looks("l0ans"), looks("loans") == looks("flights")
    (True, True, False)
    """
    for pair, single in _PAIRS:
        name = name.replace(pair, single)
    return name.translate(_SINGLE)


def lookalike(name: str, others: Iterable[str]) -> str | None:
    """The first of the others that the name looks like and is not; None where it stands apart."""
    return next((other for other in others if other != name and looks(other) == looks(name)), None)
