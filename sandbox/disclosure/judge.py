"""The one door: an output file in, its findings and the bytes that may leave out."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.disclosure.file_type import check_file_type
from sandbox.disclosure.frequency import check_frequency_table
from sandbox.disclosure.private_answer import PrivateAnswer, check_private_answer
from sandbox.disclosure.rebuild import rebuild_csv
from sandbox.disclosure.table import Table, check_cells, read_table
from sandbox.domain.evidence import Evidence
from sandbox.domain.findings import Finding
from sandbox.domain.policy import DatasetPolicy, ReleaseTerms, Scalar


@dataclass(frozen=True, slots=True)
class Judged:
    """What the checks made of a file.

    Attributes:
        findings: everything found; the worst verdict decides.
        table: as read; None when it could not be read.
        rebuilt: the bytes that reviewers see and that leave; empty when nothing may.
    """

    findings: tuple[Finding, ...]
    table: Table | None = None
    rebuilt: bytes = b""


def judge(
    name: str,
    data: bytes,
    *,
    terms: ReleaseTerms,
    policy: DatasetPolicy | None = None,
    evidence: Evidence | None = None,
    private: PrivateAnswer | None = None,
) -> Judged:
    """Judge one output file. Pure: the same arguments always give the same verdict and the same bytes.

    Args:
        name: a bare file name.
        data: the staged bytes.
        terms: threshold, file types and size, at the agreement's stand.
        policy: says which columns are keys and which names the unit; without it every whole number is a count.
        evidence: the file's question computed again on the raw rows; None when no question was given.
        private: the stored private answer to the same question, where there is one. A file with nothing but its
            numbers is protected by their noise: neither threshold nor evidence is asked of it.
    """
    findings = check_file_type(name, data, allowed=terms.file_types, max_bytes=terms.max_bytes)
    if findings:
        return Judged(tuple(findings))
    table, findings = read_table(name, data)
    if table is None:
        return Judged(tuple(findings))
    findings = check_cells(name, table)
    noise = check_private_answer(name, table, private) if private is not None else None
    if noise is not None:
        findings.append(noise)
    else:
        findings += check_frequency_table(
            name,
            table,
            threshold=terms.threshold,
            evidence=evidence,
            keys=_keys(policy),
            unit_column=policy.unit.column if policy and policy.unit else "",
            noun=policy.unit.noun if policy and policy.unit else "unit",
        )
    return Judged(tuple(findings), table, rebuild_csv(table))


def _keys(policy: DatasetPolicy | None) -> dict[str, tuple[Scalar, ...]]:
    if policy is None:
        return {}
    return {
        name: column.key_values
        for table in policy.tables.values()
        for name, column in table.columns.items()
        if column.key_values
    }
