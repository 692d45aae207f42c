"""The display budget: what counts, that it ends, and that nothing gives it anew."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sandbox.domain.site_policy import RoomLimits
from sandbox.isolation.gate_display import (
    LINE,
    PICTURE_ROWS,
    Amount,
    DisplayBudget,
    rows_of_bundle,
    rows_of_file,
    rows_of_message,
)
from tests.isolation.gate_messages import message, printing, result

LIMITS = RoomLimits(display_rows=100, display_bytes=1600, session_rows=50, session_bytes=800, page_bytes=160)
DAY = date(2026, 3, 2)


def a_budget(
    folder: Path, *, session: str = "a" * 64, day: date = DAY, limits: RoomLimits = LIMITS
) -> DisplayBudget:
    return DisplayBudget(limits, folder / "_shown" / "x.json", session=session, today=lambda: day)


def rows(number: int) -> Amount:
    return Amount(rows=number, bytes=number)


def fill(budget: DisplayBudget) -> int:
    """How many rows it still shows, one by one."""
    shown = 0
    while budget.take(rows(1)):
        shown += 1
    return shown


def test_a_session_ends_and_a_day_ends(tmp_path: Path) -> None:
    first = a_budget(tmp_path)
    assert fill(first) == 50
    first.close()
    budget = a_budget(tmp_path, session="b" * 64)
    assert budget.total.rows == 50
    assert fill(budget) == 50
    assert fill(a_budget(tmp_path, session="c" * 64)) == 0  # the day's are used up


def test_bytes_end_it_too(tmp_path: Path) -> None:
    budget = a_budget(tmp_path)
    assert budget.take(Amount(rows=1, bytes=800))
    assert not budget.take(Amount(rows=1, bytes=1))


def test_what_is_too_much_is_not_counted(tmp_path: Path) -> None:
    budget = a_budget(tmp_path)
    assert not budget.take(rows(51))
    assert budget.take(rows(50))


def test_a_gate_that_was_killed_gives_nothing_anew(tmp_path: Path) -> None:
    """No ``close``: only what was written ahead is known, which is at least what was shown."""
    first = a_budget(tmp_path)
    for shown in range(1, 31):
        assert first.take(rows(1))
        again = a_budget(tmp_path)
        assert again.total.rows >= shown
        assert again.total.session_rows >= shown
    assert fill(a_budget(tmp_path)) <= 20


def test_a_gate_that_was_stopped_takes_nothing_away(tmp_path: Path) -> None:
    first = a_budget(tmp_path)
    assert first.take(rows(30))
    first.close()
    assert fill(a_budget(tmp_path)) == 20


def test_a_new_day_has_a_new_budget_and_a_clock_put_back_has_none(tmp_path: Path) -> None:
    days = iter([DAY] * 3 + [date(2026, 3, 1)] * 2 + [date(2026, 3, 3)] * 60)
    limits = RoomLimits(display_rows=10, display_bytes=999, session_rows=10, session_bytes=999, page_bytes=9)
    budget = DisplayBudget(limits, tmp_path / "x.json", session="a" * 64, today=lambda: next(days))
    assert budget.take(rows(10))
    assert not budget.take(rows(1))  # the day before: no
    assert not budget.take(rows(1))  # the session's are used up on the next day too
    assert budget.total.day in ("2026-03-02", "2026-03-03")
    assert a_budget(tmp_path, session="b" * 64, day=date(2026, 3, 3)).take(rows(10))


@pytest.mark.parametrize("damage", ["", "[]", '{"day": "2026-03-02"}', '{"a": 1}'])
def test_totals_that_cannot_be_read_mean_that_all_was_used(tmp_path: Path, damage: str) -> None:
    assert a_budget(tmp_path).take(rows(1))
    (tmp_path / "_shown" / "x.json").write_text(damage)
    budget = a_budget(tmp_path)
    assert not budget.take(rows(1))
    assert not budget.take_page(1)


def test_pages_are_counted_for_themselves(tmp_path: Path) -> None:
    budget = a_budget(tmp_path)
    assert budget.take_page(160)
    assert not budget.take_page(1)
    assert budget.take(rows(1))


def test_what_was_shown_costs_nothing_again(tmp_path: Path) -> None:
    budget = a_budget(tmp_path)
    for _ in range(100):
        assert budget.take_body(b"x" * 100, None)
        assert budget.take_body(b"y" * 500, 3)
    assert (budget.total.page_bytes, budget.total.bytes, budget.total.rows) == (100, 500, 3)
    assert not budget.take_body(b"z" * 100, None)


def test_the_file_says_what_was_shown_and_not_what(tmp_path: Path) -> None:
    budget = a_budget(tmp_path)
    assert budget.take_body(b"secret", 1)
    budget.close()
    kept = (tmp_path / "_shown" / "x.json").read_text()
    assert "secret" not in kept
    assert json.loads(kept)["rows"] == 1


TABLE = "<table>" + "<tr><td>1</td></tr>" * 7 + "</table>"


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        (printing("a\nb\n\nc"), 3),
        (printing("x" * (3 * LINE)), 3),
        (printing(" "), 1),
        (result({"text/plain": "a\nb", "text/html": TABLE}), 7),
        (result({"text/html": "a<br>b<BR/>c"}), 2),
        (result({"text/html": "a\nb\nc"}), 3),
        (result({"text/plain": "<Figure>", "image/png": "AAAA"}), PICTURE_ROWS),
        (result({"application/json": [1, 2, 3]}), 5),
        (message("error", {"ename": "E", "evalue": "1,2", "traceback": ["a\nb", "c"]}), 5),
        (message("complete_reply", {"status": "ok", "matches": ["a", "b", "c"]}, channel="shell"), 3),
        (message("input_request", {"prompt": "a row"}, channel="stdin"), 1),
        (message("execute_reply", {"status": "ok"}, channel="shell"), 0),
    ],
)
def test_rows_of_a_message(shown: dict[str, Any], number: int) -> None:
    assert rows_of_message({**shown, "msg_type": shown["header"]["msg_type"]}) == number


def test_rows_of_files() -> None:
    assert rows_of_file({"type": "file", "content": "a,b\n1,2"}) == 2
    assert rows_of_file({"type": "directory", "content": [{"name": "1,2"}, {"name": "3,4"}]}) == 2
    output = {"output_type": "execute_result", "data": {"text/html": TABLE, "text/plain": ["a\n", "b"]}}
    cell = {"source": ["x = 1\n", "x"], "outputs": [output, {"output_type": "stream", "text": ["1\n", "2"]}]}
    assert rows_of_file({"type": "notebook", "content": {"cells": [cell, "nonsense"]}}) >= 2 + 7 + 2
    assert rows_of_file({"type": "notebook", "content": None}) == 0
    assert rows_of_bundle("nonsense") == 0
