"""What a policy file may not say: the rules that no type can hold, for one file.

``check`` finds every mistake with the keys that lead to it; ``store.policy_files`` adds file and line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from sandbox.domain.check_terms import check_terms_mistakes, file_type_mistakes
from sandbox.domain.notice_terms import notice_mistakes
from sandbox.domain.people import NAME as USER_NAME
from sandbox.domain.people_policy import separation_mistakes, sign_in_mistakes, training_mistakes
from sandbox.domain.policy import (
    LARGEST,
    MAX_LOOKUP_ROWS,
    OPEN_MODES,
    BudgetTerms,
    Column,
    ColumnType,
    DatasetPolicy,
    Lookup,
    LookupColumn,
    OpenClass,
    Scalar,
    Table,
)
from sandbox.domain.site_policy import RoomLimits, SitePolicy

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LONGEST = 63  # characters of a name, also on engines that cut longer ones
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}")
_PAGE = re.compile(r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~:/?#@!$&()*+,;=%-]{0,1000})?")
_UNSEEN = frozenset(
    {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
)  # controls, formats such as right-to-left overrides …
_JOINERS = "\n\u200c\u200d"  # line ends, and two that Persian and Indian scripts are written with
MAX_LINE = 1000  # characters
MAX_KEYWORDS = 50
MAX_NOTES = 50


@dataclass(frozen=True, slots=True)
class Mistake:
    """A rule broken within one file."""

    path: tuple[str | int, ...]  # keys from the top, and places in lists
    problem: str
    allowed: str = ""


def check(policy: DatasetPolicy) -> tuple[Mistake, ...]:
    """All rules that no type can say. An empty answer means that the policy can be published."""
    return tuple(_mistakes(policy))


def check_site(site: SitePolicy) -> tuple[Mistake, ...]:
    """The same for the site's policy."""
    found = (
        *_room_mistakes(site.room),
        *sign_in_mistakes(site.sign_in),
        *separation_mistakes(site.separation),
        *notice_mistakes(site.notices),
        *training_mistakes(site.training),
    )
    return tuple(Mistake(path, problem, allowed) for path, problem, allowed in found)


def _room_mistakes(room: RoomLimits) -> Iterator[tuple[tuple[str, ...], str, str]]:
    for key in ("display_rows", "display_bytes", "session_rows", "session_bytes", "page_bytes"):
        if not 0 <= getattr(room, key) <= 10**12:
            yield ("room", key), "is a number of rows or bytes", "0 to 1000000000000"
    for session, day in (("session_rows", "display_rows"), ("session_bytes", "display_bytes")):
        if getattr(room, session) > getattr(room, day):
            yield ("room", session), f"is more than a day's {day}", f"at most {getattr(room, day)}"


def _mistakes(p: DatasetPolicy) -> Iterator[Mistake]:
    for key, name in (("name", p.name), ("lineage", p.budget_lineage)):
        if not _COLUMN.fullmatch(name) and (key == "name" or p.lineage):
            yield Mistake((key,), f"{name!r} is not a name", "a-z, 0-9 and _, starting with a letter")
    for path, name in ((("owner",), p.owner), *((("release", "pool"), name) for name in p.release.pool)):
        if not USER_NAME.fullmatch(name):
            yield Mistake(path, f"{name!r} is not a user name", "2 to 32 of a-z, 0-9 and _")
    if not p.tables and p.open_class is not OpenClass.CLOSED:
        yield Mistake(("tables",), "a dataset needs at least one table")
    for name in p.tables:
        if not _COLUMN.fullmatch(name):
            yield Mistake(("tables", name), f"{name!r} is not a table name", "a-z, 0-9 and _")
    for name, table in p.tables.items():
        yield from _table_mistakes(p, name, table)
    for name, lookup in p.lookups.items():
        yield from _lookup_mistakes(p, name, lookup)
    if p.private:
        yield from _private_mistakes(p)
    yield from _catalogue_mistakes(p)


def _catalogue_mistakes(p: DatasetPolicy) -> Iterator[Mistake]:
    if not p.listed and p.open_class is not OpenClass.CLOSED:
        yield Mistake(("listed",), f"a dataset that is {p.open_class} cannot be hidden", "true")
    possible = OPEN_MODES[p.open_class]
    for place, mode in enumerate(p.opened_by):
        if mode not in possible:
            problem = f"a dataset that is {p.open_class} is not opened by {mode}"
            yield Mistake(("opened_by", place), problem, " | ".join(possible) or "nothing")
    for key in ("title", "provider", "source", "licence"):
        yield from _line_mistakes((key,), getattr(p, key))
    for key, most in (("keywords", MAX_KEYWORDS), ("quality", MAX_NOTES), ("statistics", MAX_NOTES)):
        lines = getattr(p, key)
        if len(lines) > most:
            yield Mistake((key,), f"there are {len(lines)}", f"at most {most}")
        for place, line in enumerate(lines):
            yield from _line_mistakes((key, place), line)
    if p.contact is not None:
        yield from _line_mistakes(("contact", "name"), p.contact.name)
        if p.contact.email and not _EMAIL.fullmatch(p.contact.email):
            yield Mistake(("contact", "email"), f"{p.contact.email!r} is no address", "name@example.org")
        if p.contact.url and not _PAGE.fullmatch(p.contact.url):
            yield Mistake(("contact", "url"), f"{p.contact.url!r} is no page", "https://…, without blanks")


def _line_mistakes(here: tuple[str | int, ...], text: str) -> Iterator[Mistake]:
    """A line that everybody reads: not empty, not endless, and nothing in it that cannot be seen."""
    if not text.strip():
        yield Mistake(here, "is empty", "a text, or leave the key out")
    elif len(text) > MAX_LINE:
        yield Mistake(here, f"has {len(text)} characters", f"at most {MAX_LINE}")
    elif any(unicodedata.category(sign) in _UNSEEN for sign in text if sign not in _JOINERS):
        yield Mistake(here, "holds characters that cannot be seen", "characters that can be seen")


def _table_mistakes(p: DatasetPolicy, name: str, table: Table) -> Iterator[Mistake]:
    here = ("tables", name)
    if not table.columns:
        yield Mistake((*here, "columns"), "a table needs at least one column")
    for key in ("max_rows", "max_rows_per_unit"):
        if getattr(table, key) < 1:
            yield Mistake((*here, key), "has to be at least 1", "1, 2, 3 …")
    for column_name, column in table.columns.items():
        there = (*here, "columns", column_name)
        if not _COLUMN.fullmatch(column_name):
            yield Mistake(there, f"{column_name!r} is not a column name", "a-z, 0-9 and _")
        if (column.lower is None) != (column.upper is None):
            yield Mistake(there, "has one of lower and upper, but needs both or none")
        elif column.lower is not None and column.upper is not None and column.lower >= column.upper:
            yield Mistake((*there, "upper"), f"{column.upper} is not above lower ({column.lower})")
        yield from _day_mistakes(there, column)
        if column.type is ColumnType.DECIMAL and not _is_step(column.resolution):
            yield Mistake(
                (*there, "resolution"), f"{column.resolution!r} is not a step", "1, 0.1, 0.01 … 0.000001"
            )
        if len(set(column.categories)) != len(column.categories):
            yield Mistake((*there, "categories"), "a value is listed twice")
        if any(not _fits(value, column.type) for value in column.categories):
            yield Mistake((*there, "categories"), f"a listed value is not of type {column.type}")
        if column.max_rows_per_unit is not None and column.max_rows_per_unit < 1:
            yield Mistake((*there, "max_rows_per_unit"), "has to be at least 1", "1, 2, 3 …")
        if column.max_rows_per_unit is not None and not (column.key_values or column.unlisted_keys):
            yield Mistake((*there, "max_rows_per_unit"), "is for columns with categories or unlisted_keys")
        if column.unlisted_keys:
            yield from _unlisted_mistakes(there, column, p.budget)
    if p.private and p.unit is not None:
        named = table.columns.get(p.unit.column)
        if named is None:
            yield Mistake((*here, "columns"), f"the unit column {p.unit.column!r} is not among them")
        elif named.key_values or named.unlisted_keys:
            there = (*here, "columns", p.unit.column)
            yield Mistake(there, "names the units, and so can be no key", "no categories, no unlisted_keys")


def _unlisted_mistakes(
    there: tuple[str, ...], column: Column, budget: BudgetTerms | None
) -> Iterator[Mistake]:
    if column.type not in (ColumnType.TEXT, ColumnType.INTEGER):
        yield Mistake((*there, "unlisted_keys"), "is for text and integer columns")
    elif column.key_values:
        yield Mistake((*there, "unlisted_keys"), "is for columns without categories")
    elif budget is not None and not number(budget.unlisted_delta):
        yield Mistake((*there, "unlisted_keys"), "needs a part of delta to spend", "budget.unlisted_delta")


def _lookup_mistakes(p: DatasetPolicy, name: str, lookup: Lookup) -> Iterator[Mistake]:
    here = ("lookups", name)
    if not _COLUMN.fullmatch(name):
        yield Mistake(here, f"{name!r} is not a name", "a-z, 0-9 and _")
    if name in p.tables:
        yield Mistake(here, f"there is a table {name!r} too", "another name")
    key = lookup.by_name.get(lookup.key)
    if key is None:
        yield Mistake((*here, "key"), f"{lookup.key!r} is not among the columns", ", ".join(lookup.by_name))
    elif key.type not in (ColumnType.TEXT, ColumnType.INTEGER):
        yield Mistake((*here, "key"), f"rows cannot be found by a {key.type}", "a text or an integer column")
    if len(lookup.by_name) != len(lookup.columns):
        yield Mistake((*here, "columns"), "two columns have one name", "each name once")
    for place, column in enumerate(lookup.columns):
        there = (*here, "columns", place)
        called = f"{name}_{column.name}"
        if not _COLUMN.fullmatch(column.name) or len(called) > _LONGEST:
            yield Mistake(
                there, f"{column.name!r} is not a column name", f"a-z, 0-9 and _, short beside {name}"
            )
        if any(called in table.columns for table in p.tables.values()):
            yield Mistake(there, f"a table has a column {called}: that is what this one is called")
        if column.type is ColumnType.DECIMAL and not _is_step(column.resolution):
            yield Mistake((*there, "resolution"), f"{column.resolution!r} is not a step", "1, 0.1 … 0.000001")
    if not 1 <= len(lookup.rows) <= MAX_LOOKUP_ROWS:
        yield Mistake((*here, "rows"), f"there are {len(lookup.rows)}", f"1 to {MAX_LOOKUP_ROWS}")
    yield from _row_mistakes((*here, "rows"), lookup)


def _row_mistakes(here: tuple[str, ...], lookup: Lookup) -> Iterator[Mistake]:
    """A row is told by its number; the first mistake of a kind is enough."""
    seen: set[Scalar] = set()
    names = [column.name for column in lookup.columns]
    for number, row in enumerate(lookup.rows, start=1):
        there: tuple[str | int, ...] = (*here, number - 1)
        if len(row) != len(names):
            yield Mistake(there, f"row {number} has {len(row)} cells", f"{len(names)}: {', '.join(names)}")
            return
        for column, cell in zip(lookup.columns, row, strict=True):
            if not _is_cell(cell, column):
                wanted = f"{column.type}, as {column.name} is declared"
                yield Mistake(there, f"row {number}: {cell!r} is not a {column.name}", wanted)
                return
        if lookup.key in names:
            found = row[names.index(lookup.key)]
            if found in seen:
                yield Mistake(there, f"row {number}: {found!r} stands there twice", "each key once")
                return
            seen.add(found)


def _is_cell(cell: Scalar, column: LookupColumn) -> bool:
    """Whether a lookup's cell is of its column's type, and on its grid."""
    if not _fits(cell, column.type):
        return False
    if column.type is ColumnType.DATE:
        return _day(str(cell)) is not None
    if column.type is ColumnType.DECIMAL:
        if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", str(cell)):
            return False
        return (
            not _is_step(column.resolution)
            or (Fraction(str(cell)) / Fraction(column.resolution)).denominator == 1
        )
    return not isinstance(cell, int) or abs(cell) <= LARGEST


def _day_mistakes(there: tuple[str, ...], column: Column) -> Iterator[Mistake]:
    days = {key: _day(text) for key in ("earliest", "latest") if (text := getattr(column, key)) is not None}
    if not days:
        return
    for key, day in days.items():
        if column.type is not ColumnType.DATE:
            yield Mistake((*there, key), "is for date columns")
        elif day is None:
            yield Mistake(
                (*there, key), f"{getattr(column, key)!r} is not a day", "'0002-01-01' to '9998-12-31'"
            )
    if len(days) == 1:
        yield Mistake(there, "has one of earliest and latest, but needs both or none")
    elif (first := days["earliest"]) and (last := days["latest"]) and first > last:
        yield Mistake((*there, "latest"), f"{column.latest} is before earliest ({column.earliest})")


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None
    return day if day is not None and 2 <= day.year <= 9998 else None


def _private_mistakes(p: DatasetPolicy) -> Iterator[Mistake]:
    if p.unit is None:
        yield Mistake(
            ("unit",), "a conditional dataset has to say whose privacy is protected", "column and noun"
        )
    if p.budget is None:
        yield Mistake(("budget",), "a conditional dataset needs a budget", "epsilon and delta")
    else:
        yield from _budget_mistakes(p.budget)
    if p.release.threshold < 3:
        yield Mistake(("release", "threshold"), f"{p.release.threshold} protects nobody", "3 or more")
    for path, problem, allowed in (
        *check_terms_mistakes(p.release.checks),
        *file_type_mistakes(p.release.file_types),
    ):
        yield Mistake(("release", *path), problem, allowed)
    if not 1 <= p.release.review_days <= 60:
        yield Mistake(("release", "review_days"), "is a number of working days", "1 to 60")
    if not 0 <= p.release.sample_percent <= 100:
        yield Mistake(("release", "sample_percent"), "is a percentage", "0 to 100")
    if p.release.reviewers < 1:
        yield Mistake(("release", "reviewers"), "nothing leaves without a reviewer", "1 or more")
    for key in ("feedback_days", "feedback_every_days", "feedback_grace_days"):
        if not 0 <= getattr(p.access, key) <= 3650:
            yield Mistake(("access", key), "is a number of days", "0 to 3650")
    if len(set(p.release.pool)) < p.release.reviewers:
        yield Mistake(
            ("release", "pool"), f"has {len(set(p.release.pool))} people for {p.release.reviewers} votes"
        )


def _budget_mistakes(budget: BudgetTerms) -> Iterator[Mistake]:
    epsilon, delta = number(budget.epsilon), number(budget.delta)
    if epsilon is None or not 0.01 <= epsilon <= 100:
        yield Mistake(("budget", "epsilon"), f"{budget.epsilon!r} is not a budget", "'0.01' to '100'")
    if delta is None or not 1e-15 <= delta <= 1e-3:
        yield Mistake(("budget", "delta"), f"{budget.delta!r} is not a delta", "'1e-15' to '1e-3'")
    unlisted = number(budget.unlisted_delta)
    if (
        unlisted is None
        or (unlisted and not unlisted >= 1e-15)
        or unlisted > (delta or 0) / 2
        or unlisted < 0
    ):
        allowed = "'0', or '1e-15' to half of delta"
        yield Mistake(
            ("budget", "unlisted_delta"), f"{budget.unlisted_delta!r} is not a part of delta", allowed
        )
    for key in ("per_question_percent", "project_percent", "member_percent", "day_percent"):
        if not 1 <= getattr(budget, key) <= 100:
            yield Mistake(("budget", key), "is a percentage", "1 to 100")
    if not 1 <= budget.promise_percent <= 1000:
        yield Mistake(("budget", "promise_percent"), "is a percentage", "1 to 1000")
    if not 0 <= budget.profile_percent <= 25:
        yield Mistake(("budget", "profile_percent"), "is a small share, in percent", "0 to 25")
    if not 0 <= budget.base_percent <= 50:
        yield Mistake(("budget", "base_percent"), "is a share, in percent", "0 to 50")


def number(text: str) -> float | None:
    """A policy's amount, which is text; None where it is no finite number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None


def _is_step(text: str) -> bool:
    return bool(re.fullmatch(r"1|0\.0{0,5}1", text))


def _fits(value: Scalar, type_: ColumnType) -> bool:
    if type_ is ColumnType.BOOLEAN:
        return isinstance(value, bool)
    if type_ is ColumnType.INTEGER:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)
