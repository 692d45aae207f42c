"""A raw table that stays in its database → a private view beside it: the rules of ``publish``, in any engine's words.

What differs from publishing a file:

- Statements are made once, here, with ``Words`` for what engines say differently.
- A table has no first and second row. A row's lot is drawn from a salted hash of its unit, its own cells, and a number
  that tells rows with the same cells apart: of nothing that belongs to another unit. So the same table, policy and
  salt give the same view, on every engine.
- The view has no file whose hash could name it. Its fingerprint is worked out where it lies: the number of rows and
  two sums, over all rows, of 60 bits of a keyed hash of unit, rank and cells. Without the key nobody can look for
  another table with the same sums; a mistake is found all the same.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.domain.errors import BadInput, SandboxError
from sandbox.domain.policy import Column, DatasetPolicy, Table
from sandbox.privacy.answering.bounded import RANK, UNIT
from sandbox.privacy.engines.holding import Bench, EngineLimits, Warehouse, Words
from sandbox.privacy.publishing import views
from sandbox.privacy.publishing.fingerprint import fingerprint, fingerprint_sql
from sandbox.privacy.publishing.portable_cells import content, is_missing, reading, storing, unit_expression
from sandbox.privacy.publishing.publish import PUBLISH_LIMITS, PublishReport, declared_table, warnings_about


def prepare(
    warehouse: Warehouse,
    source: str,
    policy: DatasetPolicy,
    table: str,
    out: Path,
    *,
    salt: bytes,
    limits: EngineLimits = PUBLISH_LIMITS,
) -> PublishReport:
    """Make the private view of one table where it lies.

    Args:
        source: the raw table's name in its database, with or without a schema.
        out: the dataset's folder of manifests, by which the engine finds the view again.
        salt: at least 16 secret random bytes. The same salt, table and policy give the same snapshot.

    Raises:
        BadInput: a table that is not there, lacks a declared column, or is longer than ``max_rows``.
    """
    declared, unit = declared_table(policy, table, salt)
    columns = {name: column for name, column in declared.columns.items() if name != unit}
    key = hmac.new(salt, b"snapshot", hashlib.sha256).digest()
    with _quietly(warehouse, source), warehouse.preparing(limits) as bench:
        steps = _Steps(bench=bench, words=warehouse.words, table=declared, columns=columns, salt=salt)
        found = steps.own_names(source, [unit, *columns])
        steps.read(source, found, unit=unit)
        report = steps.report()
        manifest = views.held_manifest(
            policy=policy,
            table_name=table,
            key=key,
            held_by=warehouse.kind,
            fingerprint=fingerprint(bench.fetch(fingerprint_sql("kept", warehouse.words, columns, key))),
        )
        snapshot = views.name_of(manifest, key)
        bench.keep(snapshot, f"SELECT * FROM kept ORDER BY {RANK}, {UNIT}", steps.kept_columns)  # noqa: S608 - constants
    views.keep_manifest(manifest, snapshot, into=out)
    return replace(report, snapshot=snapshot)


@contextmanager
def _quietly(warehouse: Warehouse, source: str) -> Iterator[None]:
    """Errors of a database may quote rows, and end in a log: only their kind is passed on."""
    try:
        yield
    except SandboxError:
        raise
    except Exception as error:
        raise BadInput(
            f"{warehouse.kind} could not make the view of {source}: {type(error).__name__}.",
            where=source,
            fix="The database's own log says why.",
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """From raw rows to ranked ones, each step a working table."""

    bench: Bench
    words: Words
    table: Table
    columns: dict[str, Column]
    salt: bytes

    def own_names(self, source: str, wanted: list[str]) -> dict[str, str]:
        """The raw table's own name for each wanted column; upper and lower case are the same."""
        existing = self.bench.columns(source)
        by_lower: dict[str, list[str]] = {}
        for name in existing:
            by_lower.setdefault(name.lower(), []).append(name)
        for name in wanted:
            if len(by_lower.get(name, ())) != 1:
                raise BadInput(
                    f"{source} has {'two columns' if name in by_lower else 'no column'} {name!r}.",
                    where=name,
                    fix=f"Its columns: {', '.join(existing)}.",
                )
        return {name: by_lower[name][0] for name in wanted}

    def read(self, source: str, found: dict[str, str], *, unit: str) -> None:
        """Make ``typed``, ``ranked`` and ``kept``."""
        words, bench = self.words, self.bench
        raw = bench.table(source)
        ((total,),) = bench.fetch(f"SELECT count(*) FROM {raw}")  # noqa: S608 - a quoted name
        if total > self.table.max_rows:
            raise BadInput(
                f"{source} has {total} rows; the policy says at most {self.table.max_rows}.",
                where="max_rows",
                fix="Raise max_rows, or publish fewer rows.",
            )
        texts = ", ".join(
            f"{words.as_text(words.name(own))} AS {words.name(name)}" for name, own in found.items()
        )
        cells = {name: words.name(name) for name in self.columns}
        read = [f"{unit_expression(words, words.name(unit))} AS _name"]
        read += [f"{reading(words, cells[n], c)} AS {cells[n]}" for n, c in self.columns.items()]
        read += [f"{is_missing(words, cells[n])} AS {flag}" for n, flag in self._flags.items()]
        stored = [f"{storing(words, cells[n], c)} AS {cells[n]}" for n, c in self.columns.items()]
        bench.make(
            "typed",
            f"SELECT {', '.join(['_name', *stored, *self._flags.values()])} "  # noqa: S608 - names of the policy, quoted
            f"FROM (SELECT {', '.join(read)} FROM (SELECT {texts} FROM {raw}) AS texts) AS cells",
        )
        self._rank()

    def _rank(self) -> None:
        words, bench = self.words, self.bench
        unit_lot, row_lot = (
            words.literal(hmac.new(self.salt, what, hashlib.sha256).hexdigest())
            for what in (b"units", b"rows")
        )
        names = ", ".join(words.name(name) for name in self.columns)
        cells = f", {names}" if names else ""
        lot = f"{words.sha256(f'{unit_lot} || _name')}{words.binary}"
        bench.make(
            "units",
            f"SELECT _name, row_number() OVER (ORDER BY {lot}) - 1 AS {UNIT} "  # noqa: S608 - as above
            "FROM (SELECT DISTINCT _name FROM typed WHERE _name IS NOT NULL) AS named",
        )
        numbered = (
            f"SELECT *, row_number() OVER (PARTITION BY _name, _content ORDER BY _content) AS _copy "  # noqa: S608 - as above
            f"FROM (SELECT _name{cells}, {content(words, self.columns)} AS _content FROM typed "
            "WHERE _name IS NOT NULL) AS written"
        )
        length = f"CAST(char_length(_name) AS {words.text})"
        lot = words.sha256(
            f"{row_lot} || {length} || ':' || _name || _content || ':' || CAST(_copy AS {words.text})"
        )
        # By the hash, and where two are equal by what was hashed: the same on every engine, whatever comes.
        bench.make(
            "ranked",
            f"SELECT {UNIT}, row_number() OVER (PARTITION BY {UNIT} ORDER BY {lot}{words.binary}) - 1 AS {RANK}{cells} "  # noqa: S608 - as above
            f"FROM ({numbered}) AS numbered JOIN units USING (_name)",
        )
        bench.make("kept", f"SELECT * FROM ranked WHERE {RANK} < {self.table.max_rows_per_unit}")  # noqa: S608 - as above

    def report(self) -> PublishReport:
        """What became of the table, for its owner."""
        total = self._whole("SELECT count(*) FROM typed")
        rows, with_unit = self._whole("SELECT count(*) FROM kept"), self._whole("SELECT count(*) FROM ranked")
        emptied = {}
        if self.columns:
            lost = ", ".join(
                f"sum(CASE WHEN NOT {flag} AND {self.words.name(name)} IS NULL THEN 1 ELSE 0 END)"
                for name, flag in self._flags.items()
            )
            (counts,) = self.bench.fetch(f"SELECT {lost} FROM typed")  # noqa: S608 - as above
            emptied = {name: int(count or 0) for name, count in zip(self.columns, counts, strict=True)}
        report = PublishReport(
            snapshot="",
            rows=rows,
            units=self._whole("SELECT count(*) FROM units"),
            dropped_rows=with_unit - rows,
            rows_without_unit=total - with_unit,
            emptied=emptied,
            warnings=(),
        )
        said = warnings_about(self._whole, self.words.name, self.table, self.columns, report)
        return replace(report, warnings=tuple(said))

    @property
    def kept_columns(self) -> dict[str, str]:
        """Names and types of the view's columns."""
        types = {name: self.words.type(column.type) for name, column in self.columns.items()}
        return {UNIT: "INTEGER" if self.table.max_rows <= 2**31 else "BIGINT", RANK: "INTEGER", **types}

    @property
    def _flags(self) -> dict[str, str]:
        return {name: f"_missing_{place}" for place, name in enumerate(self.columns)}

    def _whole(self, sql: str) -> int:
        ((number,),) = self.bench.fetch(sql)
        return int(number)
