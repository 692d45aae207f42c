"""The data dictionary: every column of a dataset, one line each, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from sandbox.domain.policy import DatasetPolicy, OpenClass

HEAD = (
    "table",
    "column",
    "type",
    "description",
    "measured_in",
    "lower",
    "upper",
    "earliest",
    "latest",
    "resolution",
    "values",
    "is_unit",
    "kind",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula


def dictionary_csv(policy: DatasetPolicy) -> str:
    """The whole file. Of a closed dataset there is only the head.

    Texts that a spreadsheet would run get an apostrophe before them; numbers are numbers.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    if policy.open_class is not OpenClass.CLOSED:
        writer.writerows(_lines(policy))
    return out.getvalue()


def _lines(policy: DatasetPolicy) -> Iterator[tuple[object, ...]]:
    unit = policy.unit.column if policy.unit else ""
    for table, content in policy.tables.items():
        for name, column in content.columns.items():
            yield (
                table,
                name,
                column.type,
                _safe(column.description),
                _safe(column.measured_in),
                column.lower,
                column.upper,
                _safe(column.earliest or ""),
                _safe(column.latest or ""),
                column.resolution if column.resolution != "1" else "",
                _safe("; ".join(_word(value) for value in column.key_values)),
                "yes" if name == unit else "no",
                "column",
            )
    for table, lookup in policy.lookups.items():
        for field in lookup.columns:
            described = (table, field.name, field.type, _safe(field.description), _safe(field.measured_in))
            step = field.resolution if field.resolution != "1" else ""
            yield (*described, None, None, "", "", step, "", "no", "lookup")


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
