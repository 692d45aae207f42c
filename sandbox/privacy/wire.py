"""What passes between the platform and the engine's process, as JSON: the one contract of both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.domain.data_key import DataKey
from sandbox.domain.errors import (
    BadInput,
    Conflict,
    NotFound,
    OperatorError,
    PolicyMistake,
    PolicyRefused,
    QuestionRefused,
    SandboxError,
    Tampered,
    TooLarge,
    Unanswered,
)
from sandbox.privacy.publishing.extracting import ExtractReport
from sandbox.privacy.publishing.publish import PublishReport

MAX_REQUEST_BYTES = 8_000_000  # a policy with very long lists of categories


def error_document(error: SandboxError) -> dict[str, Any]:
    """An error with all that its other side needs to raise it again."""
    document: dict[str, Any] = {"code": error.code, "message": error.message, "fix": error.fix}
    for name in ("where", "position", "place"):
        if hasattr(error, name):
            document[name] = getattr(error, name)
    if isinstance(error, PolicyRefused):
        document["mistakes"] = [[m.file, m.line, m.key, m.problem, m.allowed] for m in error.mistakes]
    return document


def error_of(document: Mapping[str, Any]) -> SandboxError:
    """The error that a document says. Whatever is not known is ``Unanswered``: it says the least."""
    message, fix = str(document.get("message", "")), str(document.get("fix", ""))
    match document.get("code"):
        case QuestionRefused.code:
            position = document.get("position")
            return QuestionRefused(message, position=position if isinstance(position, int) else None, fix=fix)
        case BadInput.code:
            return BadInput(message, where=str(document.get("where", "")), fix=fix)
        case NotFound.code:
            return NotFound(message, fix=fix)
        case Conflict.code:
            return Conflict(message, fix=fix)
        case TooLarge.code:
            return TooLarge(message, fix=fix)
        case Tampered.code:
            return Tampered(message, place=str(document.get("place", "")))
        case OperatorError.code:
            return OperatorError(message, fix=fix)
        case PolicyRefused.code:
            return PolicyRefused(tuple(PolicyMistake(*mistake) for mistake in document.get("mistakes", ())))
        case _:
            return Unanswered()


def report_document(report: PublishReport) -> dict[str, Any]:
    return {
        "snapshot": report.snapshot,
        "rows": report.rows,
        "units": report.units,
        "dropped_rows": report.dropped_rows,
        "rows_without_unit": report.rows_without_unit,
        "emptied": dict(report.emptied),
        "warnings": list(report.warnings),
    }


def report_of(document: Mapping[str, Any]) -> PublishReport:
    """The reverse of ``report_document``.

    Raises:
        KeyError, TypeError, ValueError: the document has another shape.
    """
    return PublishReport(
        snapshot=document["snapshot"],
        rows=document["rows"],
        units=document["units"],
        dropped_rows=document["dropped_rows"],
        rows_without_unit=document["rows_without_unit"],
        emptied=dict(document["emptied"]),
        warnings=tuple(document["warnings"]),
    )


def key_document(key: DataKey | None) -> dict[str, Any]:
    return {"key": None if key is None else {"id": key.id, "public": key.public.hex()}}


def key_of(document: Mapping[str, Any]) -> DataKey | None:
    """The reverse of ``key_document``; raises as ``report_of``, and Tampered."""
    found = document["key"]
    return None if found is None else DataKey(found["id"], bytes.fromhex(found["public"]))


def extract_document(report: ExtractReport) -> dict[str, Any]:
    return {"target": report.target, "rows": dict(report.rows), "size_bytes": report.size_bytes}


def extract_of(document: Mapping[str, Any]) -> ExtractReport:
    """The reverse of ``extract_document``; raises as ``report_of``."""
    return ExtractReport(
        target=document["target"],
        rows={str(name): int(n) for name, n in document["rows"].items()},
        size_bytes=int(document["size_bytes"]),
    )
