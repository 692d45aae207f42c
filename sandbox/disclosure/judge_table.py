"""A table through all its checks: small cells, what its kind asks for, rows of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.disclosure.columns import columns_of, normal
from sandbox.disclosure.frequency import check_counts
from sandbox.disclosure.kinds.case import Case, as_declared, roles_of, units_column
from sandbox.disclosure.kinds.counts import check_raw_rows
from sandbox.disclosure.kinds.registry import (
    REFUSED_UNDECLARED,
    UNDECLARED,
    check_kinds,
    of_counts,
    of_groups,
)
from sandbox.disclosure.table import MAX_FINDINGS, Table
from sandbox.domain.check_terms import Undeclared
from sandbox.domain.evidence import Evidence
from sandbox.domain.findings import Finding
from sandbox.domain.outputs import Declared
from sandbox.domain.policy import ColumnType, DatasetPolicy, ReleaseTerms, Scalar


def judge_table(
    name: str,
    table: Table,
    *,
    terms: ReleaseTerms,
    policy: DatasetPolicy | None,
    evidence: Evidence | None,
    declared: Declared | None,
) -> list[Finding]:
    """All findings of a table. Which number is believed: the recomputed one, else nobody's.

    Args:
        terms: the limits, at the agreement's stand.
        evidence: the file's question computed again; it says as well what the file is.
        declared: what it is said to be.
    """
    read = columns_of(table, keys=keys_of(policy))
    roles = roles_of(read, declared)
    columns = as_declared(read, roles, declared)
    noun = policy.unit.noun if policy is not None and policy.unit is not None else "unit"
    case = Case(
        name=name,
        columns=columns,
        roles=roles,
        threshold=terms.threshold,
        terms=terms.checks,
        declared=declared,
        evidence=evidence,
        noun=noun,
        units=units_column(columns, declared),
    )
    findings = check_counts(
        name,
        columns,
        threshold=terms.threshold,
        evidence=evidence,
        unit_column=policy.unit_column if policy is not None else "",
        noun=noun,
        terms=terms.checks,
        counts_expected=of_counts(case),
        groups=of_groups(case),
    )
    findings += check_kinds(case)
    findings += check_raw_rows(case, _own_columns(policy))
    if declared is None and evidence is None:
        findings.append(undeclared(name, terms))
    return _few_of_each(findings)


def undeclared(name: str, terms: ReleaseTerms) -> Finding:
    """Nobody said what a file is."""
    if terms.checks.undeclared is Undeclared.REFUSE:
        return REFUSED_UNDECLARED.file(
            name, "Nobody said what this file is; the agreement refuses such files."
        )
    return UNDECLARED.file(name, "Nobody said what this file is: it was judged by what it looks like.")


def keys_of(policy: DatasetPolicy | None) -> Mapping[str, Sequence[Scalar]]:
    """The columns that a table may be grouped by, with their public values."""
    if policy is None:
        return {}
    return {
        name: column.key_values
        for table in policy.tables.values()
        for name, column in table.columns.items()
        if column.key_values
    }


def _own_columns(policy: DatasetPolicy | None) -> frozenset[str]:
    """The dataset's columns of measures: side by side in a file, with nothing counted, they are its rows."""
    if policy is None:
        return frozenset()
    return frozenset(
        normal(name)
        for table in policy.tables.values()
        for name, column in table.columns.items()
        if not column.key_values and column.type is not ColumnType.BOOLEAN
    )


def _few_of_each(findings: Sequence[Finding]) -> list[Finding]:
    """So many of one check as help anybody, and none twice."""
    kept: dict[str, int] = {}
    chosen: dict[Finding, None] = {}
    for finding in findings:
        if finding not in chosen and kept.get(finding.check, 0) < MAX_FINDINGS:
            kept[finding.check] = kept.get(finding.check, 0) + 1
            chosen[finding] = None
    return list(chosen)
