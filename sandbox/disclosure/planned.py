"""The bytes of a planned table, written from the question alone: nothing in them is anybody's choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox.disclosure.rebuild import rebuild_csv
from sandbox.disclosure.reproduce import key_text
from sandbox.disclosure.table import Table
from sandbox.domain.evidence import Evidence
from sandbox.domain.policy import Scalar


def planned_csv(evidence: Evidence, select: Sequence[str], *, order: Mapping[str, Sequence[Scalar]]) -> bytes:
    """The table as CSV, as it leaves.

    Args:
        evidence: the question computed again.
        select: its columns, in the order in which it names them.
        order: the public values of columns, in the order that rows stand in.
    """
    rows = []
    for row in evidence.rows:
        cells = dict(zip(evidence.keys, map(key_text, row.key), strict=True))
        cells |= {name: "" if value is None else str(value) for name, value in row.values.items()}
        rows.append(tuple(cells.get(name, "") for name in select))
    return rebuild_csv(Table(tuple(select), tuple(rows)), order=order)
