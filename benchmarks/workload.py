"""The questions: as they are asked here, and the same of plain DuckDB, without any privacy."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.table import FREE_KEYS, KEYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question of the workload.

    Attributes:
        private: as this project is asked.
        plain: as DuckDB is asked, of the raw file ``{raw}``; the key first, then the same values.
        keyed: the answer has a key column.
        groups: the groups plan can serve it.
        cells: rows of the answer.
        key: the name of the key column.
        listed: all keys have a row; otherwise only those that many units share, and one that is not shown counts as 0.
    """

    name: str
    title: str
    private: str
    plain: str
    values: tuple[str, ...]
    keyed: bool = True
    groups: bool = True
    cells: int = len(KEYS)
    key: str = "key"
    listed: bool = True


WORKLOAD = (
    Asked(
        name="Q1",
        title="COUNT",
        private="SELECT COUNT(*) AS n FROM events",
        plain="SELECT count(*) FROM '{raw}'",
        values=("n",),
        keyed=False,
        groups=False,
        cells=1,
    ),
    Asked(
        name="Q2",
        title="COUNT by 16 keys",
        private="SELECT key, COUNT(*) AS n FROM events GROUP BY key",
        plain="SELECT key, count(*) FROM '{raw}' GROUP BY key",
        values=("n",),
    ),
    Asked(
        name="Q3",
        title="SUM and AVG by 16 keys",
        private="SELECT key, SUM(value) AS s, AVG(amount) AS a FROM events GROUP BY key",
        plain="SELECT key, sum(value), avg(amount) FROM '{raw}' GROUP BY key",
        values=("s", "a"),
    ),
    Asked(
        name="Q4",
        title="COUNT by 500 unlisted keys",
        private="SELECT free_key, COUNT(*) AS n FROM events GROUP BY free_key",
        plain="SELECT free_key, count(*) FROM '{raw}' GROUP BY free_key",
        values=("n",),
        cells=FREE_KEYS,
        key="free_key",
        listed=False,
    ),
    Asked(
        name="Q5",
        title="COUNT DISTINCT units by 16 keys",
        private="SELECT key, COUNT(DISTINCT unit) AS u FROM events GROUP BY key",
        plain="SELECT key, count(DISTINCT unit) FROM '{raw}' GROUP BY key",
        values=("u",),
    ),
    Asked(
        name="Q6",
        title="MEDIAN by 16 keys",
        private="SELECT key, MEDIAN(value) AS m FROM events GROUP BY key",
        plain="SELECT key, median(value) FROM '{raw}' GROUP BY key",
        values=("m",),
        groups=False,  # a tree of counts is bounded by rows
    ),
)
