"""Loans of small firms: a few firms roll over many."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.workloads.drawing import days, one_of, sizes, texts, written
from sandbox.domain.policy import (
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    OpenClass,
    Table,
    Unit,
)

ROWS, PER_FIRM, SKEW, MOST = 1_800_000, 5.0, 0.95, 80
SECTORS = (
    "agriculture",
    "construction",
    "education",
    "food",
    "health",
    "hospitality",
    "manufacturing",
    "media",
    "retail",
    "services",
    "software",
    "transport",
)
REGIONS = ("centre", "coast", "delta", "hills", "islands", "north", "south", "west")
SIZES = ("medium", "micro", "small")
FIRST, LAST = "2019-01-01", "2024-12-31"
AMOUNT_MOST, RATE_MOST, TERM_MOST, LATE_MOST = 500_000, 20, 120, 365
_RISK = np.array([0.5, 0.9, -0.4, 0.2, -0.7, 1.1, 0, 0.1, 0.4, -0.2, -0.3, 0.6])


def make(path: Path, *, rows: int = ROWS) -> Path:
    """Write the raw table; an existing one is kept."""
    if path.exists():
        return path
    lot = np.random.default_rng(12)
    of_firm = sizes(lot, rows=rows, per_unit=PER_FIRM, skew=SKEW, most=MOST)
    firms = len(of_firm)
    firm = np.repeat(np.arange(firms), of_firm)
    region = one_of(lot, REGIONS, np.array([[25, 22, 10, 6, 3, 12, 13, 9.0]]), np.zeros(firms, dtype=int))
    sector = one_of(lot, SECTORS, _sector_odds(), region)
    size = one_of(lot, SIZES, np.array([[1, 8, 4], [2, 4, 5.0]]), (of_firm > 8).astype(int))
    total = len(firm)
    large = np.array([95_000, 9_000, 32_000])[size[firm]]
    amount = np.clip(large * lot.lognormal(-0.3, 0.8, total), 500, AMOUNT_MOST).astype(np.int64)
    amount = np.where(lot.random(total) < 0.7, amount // 500 * 500, amount)  # people like round sums
    term = lot.choice(
        [6, 12, 18, 24, 36, 48, 60, 84, 120], total, p=[8, 26, 9, 20, 17, 8, 7, 3, 2] / np.float64(100)
    )
    opened = _day_of(lot, total)
    crisis = np.exp(-(((opened - 500) / 170.0) ** 2))  # of 2020
    own = lot.normal(0, 0.5, firms)
    score = (
        -3.3
        + _RISK[sector[firm]]
        + own[firm]
        + 0.35 * (size[firm] == 1)
        + 0.9 * crisis
        + 0.1 * (region[firm] == 4)
    )
    defaulted = lot.random(total) < 1 / (1 + np.exp(-score))
    late = np.where(
        defaulted,
        lot.gamma(3, 50, total) + 60,
        np.where(lot.random(total) < 0.16, lot.exponential(14, total), 0),
    )
    rate = np.clip(
        4.4 + 0.8 * (score + 3.3) + 1.3 * (size[firm] == 1) + lot.normal(0, 0.9, total), 0.5, RATE_MOST
    )
    return written(
        path,
        {
            "firm_id": firm,
            "sector": texts(sector[firm], SECTORS),
            "region": texts(region[firm], REGIONS),
            "size_class": texts(size[firm], SIZES),
            "amount": amount,
            "rate": np.rint(100 * rate) / 100,
            "term_months": term.astype(np.int64),
            "opened": days(opened, FIRST),
            "defaulted": defaulted.astype(np.int64),
            "days_past_due": np.minimum(late, LATE_MOST).astype(np.int64),
        },
        lot,
    )


def _sector_odds() -> np.ndarray:
    """By region."""
    odds = np.tile(np.array([6, 12, 2, 7, 4, 10, 14, 3, 20, 12, 5, 8.0]), (len(REGIONS), 1))
    odds[3:5, 0] += 14  # hills and islands: agriculture
    odds[1, 5] += 12  # coast: hospitality
    odds[5, 6] += 14  # north: manufacturing
    odds[0, 10] += 8  # centre: software
    return odds


def _day_of(lot: np.random.Generator, rows: int) -> np.ndarray:
    """Days since the first one: growing, with a dip and a rush in 2020, more at the ends of quarters."""
    whole = int((np.datetime64(LAST) - np.datetime64(FIRST)).astype(int)) + 1
    day = np.arange(whole)
    odds = (
        1
        + 0.0003 * day
        - 0.5 * np.exp(-(((day - 470) / 40.0) ** 2))
        + 0.7 * np.exp(-(((day - 580) / 60.0) ** 2))
    )
    odds = odds * (1 + 0.2 * (day % 91 > 76))
    return lot.choice(whole, size=rows, p=odds / odds.sum())


def policy() -> DatasetPolicy:
    """What the owner declares."""
    return DatasetPolicy(
        name="credit",
        title="Loans",
        open_class=OpenClass.CONDITIONAL,
        provider="made up",
        source="made up",
        licence="CC0",
        owner="nobody",
        unit=Unit(column="firm_id", noun="firm"),
        budget=BudgetTerms(epsilon="1", delta="1e-6", per_question_percent=100),
        tables={
            "loans": Table(
                max_rows=4_000_000,
                max_rows_per_unit=MOST,
                columns={
                    "firm_id": Column(type=ColumnType.INTEGER),
                    "sector": Column(type=ColumnType.TEXT, categories=SECTORS),
                    "region": Column(type=ColumnType.TEXT, categories=REGIONS),
                    "size_class": Column(type=ColumnType.TEXT, categories=SIZES),
                    "amount": Column(type=ColumnType.INTEGER, lower=0, upper=AMOUNT_MOST),
                    "rate": Column(type=ColumnType.DECIMAL, resolution="0.01", lower=0, upper=RATE_MOST),
                    "term_months": Column(type=ColumnType.INTEGER, lower=0, upper=TERM_MOST),
                    "opened": Column(type=ColumnType.DATE, earliest=FIRST, latest=LAST),
                    "defaulted": Column(type=ColumnType.INTEGER, categories=(0, 1), lower=0, upper=1),
                    "days_past_due": Column(type=ColumnType.INTEGER, lower=0, upper=LATE_MOST),
                },
            )
        },
    )
