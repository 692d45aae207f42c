"""Our verdicts on the corpus: by the judge itself, with evidence by the engine itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd

from benchmarks.disclosure.corpus import Output, Source
from sandbox.demo.datasets import prepare
from sandbox.disclosure.judge import judge
from sandbox.disclosure.judge_table import keys_of
from sandbox.disclosure.reference import rules
from sandbox.disclosure.together import check_together
from sandbox.domain.check_terms import FILE_TYPES
from sandbox.domain.evidence import Evidence
from sandbox.domain.findings import Finding, Verdict
from sandbox.domain.policy import ColumnType, DatasetPolicy, ReleaseTerms
from sandbox.domain.question import canonical_sql
from sandbox.privacy.asking.parse import parse
from sandbox.privacy.engine import LocalEngine
from sandbox.store.policy_files import read_dataset_policy

ROOT = Path(__file__).resolve().parents[2]
TERMS = ReleaseTerms(threshold=10, file_types=FILE_TYPES, max_bytes=4_000_000)
_STANDING = {(r.name, r.from_rows) for own in rules().values() for r in own if r.standing}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was found in one output, apart from what every output of its kind is told."""

    findings: tuple[Finding, ...]

    @property
    def flagged(self) -> bool:
        return bool(self.findings)

    @property
    def checks(self) -> frozenset[str]:
        return frozenset(f.check for f in self.findings)


class Judge:
    """Published demo datasets, and the judge.

    Args:
        folder: where raw files and views are kept between runs.
    """

    def __init__(self, folder: Path) -> None:
        raw = prepare(folder / "raw")
        self._engine = LocalEngine(folder / "views")
        self.policies: dict[str, DatasetPolicy] = {}
        self._snapshots: dict[str, str] = {}
        self.sources: dict[str, Source] = {}
        self._known: dict[tuple[str, str], Evidence] = {}
        for dataset in ("german_credit", "health_insurance"):
            policy = read_dataset_policy(ROOT / "policies" / "datasets" / f"{dataset}.yaml")
            (table, file), *_ = raw[dataset].items()
            self.policies[dataset] = policy
            report = self._engine.publish(policy=policy, table=table, file=str(file))
            self._snapshots[dataset] = report.snapshot
            self.sources[dataset] = _source(policy, table, file)

    def verdicts(self, output: Output) -> Verdicts:
        """All files of an output through all checks; those of the first and of what they say together."""
        policy = self.policies[output.dataset]
        found: list[Finding] = []
        tables = {}
        names = {name for name, _ in output.files}
        for name, content in output.files:
            evidence = self._evidence(output, policy) if output.sql and name == output.files[0][0] else None
            judged = judge(
                name,
                content,
                terms=TERMS,
                policy=policy,
                evidence=evidence,
                declared=output.declared.get(name),
                beside=names - {name},
            )
            found += judged.findings
            if judged.table is not None:
                tables[name] = judged.table
        found += check_together(tables, threshold=TERMS.threshold, keys=keys_of(policy))
        return Verdicts(tuple(f for f in found if f.verdict is not Verdict.PASS and not _standing(f)))

    def _evidence(self, output: Output, policy: DatasetPolicy) -> Evidence:
        key = (output.dataset, output.sql)
        if key not in self._known:
            sql = canonical_sql(parse(output.sql, policy))
            self._known[key] = self._engine.evidence(
                dataset=output.dataset, snapshot=self._snapshots[output.dataset], sql=sql
            )
        return self._known[key]


def _standing(finding: Finding) -> bool:
    return (finding.check, finding.from_rows) in _STANDING


def _source(policy: DatasetPolicy, table: str, file: Path) -> Source:
    """The raw rows as they are published: a value that is not listed is empty."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    declared = policy.tables[table].columns
    rows = rows[[c for c in rows.columns if c in declared]]
    keys = []
    for name, column in declared.items():
        if column.key_values:
            listed = [str(v).lower() if isinstance(v, bool) else str(v) for v in column.key_values]
            rows[name] = pd.Categorical(rows[name].where(rows[name].isin(listed)), categories=listed)
            keys.append(name)
        elif column.type in (ColumnType.INTEGER, ColumnType.DECIMAL) and name != policy.unit_column:
            # As they are published: in whole steps.
            step = Decimal(column.resolution)
            rows[name] = pd.to_numeric(rows[name].map(lambda cell, step=step: _published(cell, step)))
    most = policy.tables[table].max_rows_per_unit
    if rows.groupby(policy.unit_column).size().max() > most:
        rows = rows.groupby(policy.unit_column).head(most)
    return Source(dataset=policy.name, table=table, unit=policy.unit_column, rows=rows, keys=_few(keys, rows))


def _published(cell: str, step: Decimal) -> float:
    try:
        return float(Decimal(cell).quantize(step, rounding=ROUND_HALF_UP))
    except ArithmeticError:
        return float("nan")


def _few(keys: Sequence[str], rows: pd.DataFrame) -> tuple[str, ...]:
    """The columns to group by, those with few values first, so that pairs of them have large and small cells."""
    return tuple(sorted(keys, key=lambda k: (rows[k].nunique(), k)))
