"""Visits of patients to the hospitals of a region: a few patients come very often."""

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

ROWS, PER_PATIENT, SKEW, MOST = 3_000_000, 6.0, 1.0, 120
WARDS = (
    "cardiology",
    "emergency",
    "geriatrics",
    "intensive",
    "internal",
    "maternity",
    "neurology",
    "oncology",
    "orthopaedics",
    "paediatrics",
    "psychiatry",
    "surgery",
)
CHAPTERS = (
    "blood",
    "circulatory",
    "digestive",
    "endocrine",
    "genitourinary",
    "infections",
    "injury",
    "mental",
    "musculoskeletal",
    "neoplasms",
    "nervous",
    "other",
    "pregnancy",
    "respiratory",
    "skin",
)
FIRST, LAST = "2022-01-01", "2024-12-31"
COST_MOST, STAY_MOST = 20_000, 60
_CITIES = 240
# For each ward: how likely each chapter is, how long a stay, what a day costs.
_STAY = np.array([5, 1.2, 9, 6, 5, 3.5, 5.5, 6, 5, 2.5, 14, 4.5])
_DAILY = np.array([620, 480, 350, 1900, 390, 520, 540, 760, 610, 420, 310, 830])


def make(path: Path, *, rows: int = ROWS) -> Path:
    """Write the raw table; an existing one is kept."""
    if path.exists():
        return path
    lot = np.random.default_rng(11)
    of_patient = sizes(lot, rows=rows, per_unit=PER_PATIENT, skew=SKEW, most=MOST)
    patients = len(of_patient)
    patient = np.repeat(np.arange(patients), of_patient)
    # Those who come often are older.
    age = np.clip(lot.normal(34 + 9 * np.log(of_patient + 1), 21, patients), 0, 100).astype(np.int64)
    sex = (lot.random(patients) < 0.46).astype(np.int64)
    city = np.minimum((lot.pareto(0.8, patients) * 5).astype(np.int64), _CITIES - 1)
    band = np.minimum(age // 20, 4)
    usual = one_of(lot, WARDS, _ward_odds(), band * 2 + sex)
    total = len(patient)
    ward = np.where(
        lot.random(total) < 0.55, usual[patient], one_of(lot, WARDS, _ward_odds(), (band * 2 + sex)[patient])
    )
    chapter = one_of(lot, CHAPTERS, _chapter_odds(), ward)
    stay = np.minimum(lot.gamma(1.4, _STAY[ward] / 1.4), STAY_MOST).astype(np.int64)
    cents = np.clip(
        100 * (stay + 0.6) * _DAILY[ward] * lot.lognormal(0, 0.45, total), 2_000, 100 * COST_MOST
    ).astype(np.int64)
    season = _day_of(lot, total)
    risk = 0.05 + 0.0012 * age[patient] + 0.06 * (ward == WARDS.index("geriatrics")) + 0.02 * (stay > 7)
    return written(
        path,
        {
            "patient_id": patient,
            "age": age[patient],
            "sex": texts(sex[patient], ("female", "male")),
            "ward": texts(ward, WARDS),
            "chapter": texts(chapter, CHAPTERS),
            "cost": cents / 100.0,
            "stay_days": stay,
            "admitted": days(season, FIRST),
            "city": texts(city[patient], tuple(f"town {n:03d}" for n in range(_CITIES))),
            "readmitted": (lot.random(total) < risk).astype(np.int64),
        },
        lot,
    )


def _ward_odds() -> np.ndarray:
    """By age band and sex."""
    odds = np.tile(np.array([8, 22, 3, 3, 18, 4, 6, 7, 9, 4, 4, 12.0]), (10, 1))
    odds[0:2, 9] += 60  # children
    odds[0:2, 5] = 0.2
    odds[2:6:2, 5] += 22  # women of 20 to 59
    odds[1::2, 5] = 0.1
    odds[6:, 2] += 14  # old people
    odds[6:, 0] += 9
    return odds


def _chapter_odds() -> np.ndarray:
    """By ward: all chapters a little, its own much."""
    odds = np.ones((len(WARDS), len(CHAPTERS)))
    own = {
        "cardiology": {"circulatory": 60},
        "emergency": {"injury": 20, "respiratory": 8, "digestive": 7, "infections": 6},
        "geriatrics": {"circulatory": 14, "nervous": 8, "musculoskeletal": 7, "injury": 6},
        "intensive": {"respiratory": 14, "circulatory": 12, "infections": 8},
        "internal": {"digestive": 14, "endocrine": 12, "respiratory": 12, "genitourinary": 7, "blood": 4},
        "maternity": {"pregnancy": 120},
        "neurology": {"nervous": 45, "circulatory": 12},
        "oncology": {"neoplasms": 90},
        "orthopaedics": {"musculoskeletal": 34, "injury": 22},
        "paediatrics": {"respiratory": 22, "infections": 14, "skin": 5},
        "psychiatry": {"mental": 110},
        "surgery": {"digestive": 16, "injury": 11, "neoplasms": 9, "genitourinary": 8},
    }
    for ward, chapters in own.items():
        for chapter, more in chapters.items():
            odds[WARDS.index(ward), CHAPTERS.index(chapter)] += more
    return odds


def _day_of(lot: np.random.Generator, rows: int) -> np.ndarray:
    """Days since the first one: more in winter, fewer on weekends, a little more each year."""
    whole = int((np.datetime64(LAST) - np.datetime64(FIRST)).astype(int)) + 1
    day = np.arange(whole)
    odds = 1 + 0.18 * np.cos(2 * np.pi * day / 365.25) + 0.00012 * day
    odds = odds * np.where((day + 6) % 7 < 2, 0.62, 1.0)  # 1 January 2022 was a Saturday
    return lot.choice(whole, size=rows, p=odds / odds.sum())


def policy() -> DatasetPolicy:
    """What the owner declares."""
    return DatasetPolicy(
        name="health",
        title="Visits",
        open_class=OpenClass.CONDITIONAL,
        provider="made up",
        source="made up",
        licence="CC0",
        owner="nobody",
        unit=Unit(column="patient_id", noun="patient"),
        budget=BudgetTerms(epsilon="1", delta="1e-6", unlisted_delta="1e-7", per_question_percent=100),
        tables={
            "visits": Table(
                max_rows=6_000_000,
                max_rows_per_unit=MOST,
                columns={
                    "patient_id": Column(type=ColumnType.INTEGER),
                    "age": Column(type=ColumnType.INTEGER, lower=0, upper=100, measured_in="years"),
                    "sex": Column(type=ColumnType.TEXT, categories=("female", "male")),
                    "ward": Column(type=ColumnType.TEXT, categories=WARDS),
                    "chapter": Column(type=ColumnType.TEXT, categories=CHAPTERS),
                    "cost": Column(type=ColumnType.DECIMAL, resolution="0.01", lower=0, upper=COST_MOST),
                    "stay_days": Column(type=ColumnType.INTEGER, lower=0, upper=STAY_MOST),
                    "admitted": Column(type=ColumnType.DATE, earliest=FIRST, latest=LAST),
                    "city": Column(type=ColumnType.TEXT, unlisted_keys=True),
                    "readmitted": Column(type=ColumnType.INTEGER, categories=(0, 1), lower=0, upper=1),
                },
            )
        },
    )
