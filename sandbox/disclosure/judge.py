"""The one door: an output file in, its findings and the bytes that may leave out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sandbox.disclosure.bits import bits_of_bytes, bits_of_table
from sandbox.disclosure.file_type import check_file_type, ending
from sandbox.disclosure.json_table import write_json_table
from sandbox.disclosure.judge_picture import judge_picture
from sandbox.disclosure.judge_table import judge_table, keys_of
from sandbox.disclosure.kinds.registry import FOR_A_PERSON, KINDS
from sandbox.disclosure.notebook import check_notebook, read_notebook, write_notebook
from sandbox.disclosure.parquet_table import write_parquet_table
from sandbox.disclosure.private_answer import PrivateAnswer, check_private_answer
from sandbox.disclosure.readers import READERS
from sandbox.disclosure.rebuild import rebuild_table, sorted_rows, write_csv
from sandbox.disclosure.table import Table, check_cells
from sandbox.disclosure.writing import check_text, rebuild_text
from sandbox.domain.evidence import Evidence
from sandbox.domain.findings import Finding
from sandbox.domain.outputs import Declared, OutputKind
from sandbox.domain.policy import DatasetPolicy, ReleaseTerms


@dataclass(frozen=True, slots=True)
class Judged:
    """What the checks made of a file.

    Attributes:
        findings: everything found; the worst verdict decides.
        table: as read; None when it is no table, or could not be read.
        rebuilt: the bytes that reviewers see and that leave; empty when nothing may.
        shown: a table's cells as they leave, as CSV, in the file's own order, so that findings point at them; or the
            rebuilt text. Empty for pictures.
        bits_leaving: the most that the rebuilt bytes can tell.
        evidence: what a table was held against; private.
    """

    findings: tuple[Finding, ...]
    table: Table | None = None
    rebuilt: bytes = b""
    shown: bytes = b""
    bits_leaving: int = 0
    evidence: Evidence | None = None


def judge(
    name: str,
    data: bytes,
    *,
    terms: ReleaseTerms,
    policy: DatasetPolicy | None = None,
    evidence: Evidence | None = None,
    private: PrivateAnswer | None = None,
    declared: Declared | None = None,
    beside: Collection[str] = (),
    behind: Table | None = None,
) -> Judged:
    """Judge one output file. Pure: the same arguments always give the same verdict and the same bytes.

    Args:
        name: a bare file name.
        data: the staged bytes.
        terms: threshold, limits, file types and size, at the agreement's stand.
        policy: says which columns are keys and which names the unit; without it every whole number is a count.
        evidence: the file's question computed again on the raw rows; None when no question was given.
        private: the stored private answer to the same question, where there is one. A file with nothing but its
            numbers is protected by their noise: neither threshold nor evidence is asked of it.
        declared: what the file is said to be, by the declaration beside it.
        beside: the names of the other files of the request.
        behind: of a plot that we are to draw, its table as it leaves (``table_behind``).
    """
    findings = check_file_type(name, data, allowed=terms.file_types, max_bytes=terms.max_bytes)
    if findings:
        return Judged(tuple(findings))
    kind = ending(name)
    unit_column = policy.unit_column if policy is not None else ""
    if kind == "png":
        found, picture, bits = judge_picture(
            name, data, terms=terms, declared=declared, beside=beside, behind=behind
        )
        return Judged(tuple(found), rebuilt=picture, bits_leaving=bits)
    if kind == "ipynb":
        return _notebook(name, data, unit_column)
    if kind in ("md", "txt"):
        return _text(name, data, unit_column)
    table, findings = READERS[kind](name, data)
    if table is None:
        return Judged(tuple(findings))
    findings = check_cells(name, table)
    noise = check_private_answer(name, table, private) if private is not None else None
    if noise is not None:
        findings.append(noise)
    else:
        findings += judge_table(name, table, terms=terms, policy=policy, evidence=evidence, declared=declared)
    keys = keys_of(policy)
    shown = rebuild_table(table)
    rebuilt = sorted_rows(shown, order=keys)
    return Judged(
        tuple(findings),
        table,
        rebuilt=_written(kind, rebuilt),
        shown=write_csv(shown),
        bits_leaving=bits_of_table(rebuilt, keys=keys),
        evidence=evidence,
    )


def _written(kind: str, rebuilt: Table) -> bytes:
    if kind == "json":
        return write_json_table(rebuilt)
    return write_parquet_table(rebuilt) if kind == "parquet" else write_csv(rebuilt)


def _text(name: str, data: bytes, unit_column: str) -> Judged:
    text = rebuild_text(data.decode("utf-8").removeprefix("\ufeff"))
    findings = check_text(name, text, unit_column=unit_column)
    findings.append(FOR_A_PERSON.file(name, KINDS[OutputKind.TEXT].person))
    rebuilt = text.encode()
    return Judged(tuple(findings), rebuilt=rebuilt, shown=rebuilt, bits_leaving=bits_of_bytes(rebuilt))


def _notebook(name: str, data: bytes, unit_column: str) -> Judged:
    cells, findings = read_notebook(name, data)
    if cells is None:
        return Judged(tuple(findings))
    findings += check_notebook(name, cells, unit_column=unit_column)
    findings.append(FOR_A_PERSON.file(name, KINDS[OutputKind.TEXT].person))
    shown = "\n\n".join(f"[{at}] {kind}\n{source}" for at, (kind, source) in enumerate(cells, start=1))
    rebuilt = write_notebook(cells)
    return Judged(
        tuple(findings), rebuilt=rebuilt, shown=shown.encode() + b"\n", bits_leaving=bits_of_bytes(rebuilt)
    )
