"""Agreements in the first form: they permit nothing any more, and are read for what they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.domain.errors import Conflict

FORMAT = "sandbox-agreement-v2"
NO_MORE = "The agreement was written by an earlier version, whose clauses are not evaluated any more."


def is_present(document: Mapping[str, Any]) -> bool:
    """False for an agreement in an earlier form."""
    return bool(document["format"] == FORMAT)


def check_present(document: Mapping[str, Any]) -> None:
    """Raise unless people can still sign the agreement.

    Raises:
        Conflict: nothing would come of it.
    """
    if not is_present(document):
        raise Conflict(NO_MORE, fix="Decline it; submitted again, it is approved in the present form.")


def people_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Everybody it names. The first form names one person."""
    people = document.get("people")
    return (document["person"],) if people is None else tuple(people["all"])


def period_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Its first and last day, ISO 8601. The first form names them by themselves."""
    period = document.get("period", document)
    return {name: period[name] for name in ("starts", "ends")}


def source_of(document: Mapping[str, Any]) -> str:
    """What every result has to name."""
    return str(document["source"] if is_present(document) else document["source_to_name"])
