"""Folds: sixteen lasting parts of a dataset's units, by which training and test rows can be told apart afterwards.

A unit's fold is the first digit of its pseudonym, the same in every extract of the dataset; all other digits differ
from extract to extract. Which fold a unit is in depends on a secret and on nothing that it holds.
"""

from __future__ import annotations

import hashlib
import hmac

from sandbox.privacy.answering.relations import UNIT
from sandbox.privacy.engines.duck import quoted


def fold_key(salt: bytes, dataset: str) -> str:
    """What a dataset's folds come from."""
    return hmac.new(salt, f"folds of {dataset}".encode(), hashlib.sha256).hexdigest()


def fold_of(key: str, unit: int) -> str:
    """A unit's fold: one of the sixteen digits."""
    return hashlib.sha256(f"{key}:{unit}".encode()).hexdigest()[0]


def fold_sql(key: str) -> str:
    """The same as an expression of DuckDB's."""
    return f"left(sha256({quoted(key)} || ':' || CAST({UNIT} AS VARCHAR)), 1)"


def place_of(key: str, unit: int) -> str:
    """Where a unit stands among others, in an order that says nothing."""
    return hashlib.sha256(f"{key}:place:{unit}".encode()).hexdigest()
