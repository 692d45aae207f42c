"""What an output is made of: the columns behind the questions of its files."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.policy import DatasetPolicy
from sandbox.domain.question import columns_by_table
from sandbox.domain.release import Release
from sandbox.privacy.asking.parse import parse


def columns_behind(release: Release, policy: DatasetPolicy) -> Mapping[str, frozenset[str]] | None:
    """The columns behind a release, by table.

    Returns:
        None where one of its files names no question, or one that is not read any more: it may be made of anything.
    """
    found: dict[str, frozenset[str]] = {}
    for file in release.files:
        if not file.sql:
            return None
        try:
            question = parse(file.sql, policy)
        except QuestionRefused:
            return None
        for table, columns in columns_by_table(question, unit=policy.unit_column).items():
            found[table] = found.get(table, frozenset()) | columns
    return found
