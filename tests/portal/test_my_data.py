"""My data: what to do next first, how things stand at a glance, the budget's picture with its table."""

from __future__ import annotations

import re
from datetime import timedelta

from tests.portal.example_world import SMALL_CELL_TABLE, World
from tests.portal.markup import dangers, text_of


def test_somebody_with_a_new_grant_is_led_to_the_first_question(world: World) -> None:
    grant = world.granted()
    page = world.browser("ana").get("/grants").text
    assert "Nothing was asked of Loan applications in Fair credit yet." in page
    assert page.count(f'href="/services/portal/ask/{grant.id}"') == 2  # what to do next, and the grant itself
    world.sandbox.answer_question.ask(
        world.person("ana"), grant, sql="SELECT COUNT(*) AS n FROM applications", epsilon=0.1
    )
    after = world.browser("ana").get("/grants").text
    assert "Nothing was asked" not in after
    assert after.count(f'href="/services/portal/ask/{grant.id}"') == 1


def test_an_output_that_a_check_stopped_is_something_to_do(world: World) -> None:
    grant = world.granted()
    world.submitted(grant)
    stopped = world.submitted(grant, files=(("small.csv", SMALL_CELL_TABLE),))
    words = text_of(world.browser("ana").get("/grants").text)
    assert f"A check stopped your output {stopped.id} (Loan applications)." in words
    assert "1 grant in force 0 jobs under way 1 output under review 0 outputs that are out" in words
    assert f"output {stopped.id}" not in text_of(world.browser("ben").get("/grants").text)


def test_the_days_that_are_left_and_the_next_report_are_told(world: World) -> None:
    world.granted(days=20)
    ana = world.browser("ana")
    words = text_of(ana.get("/grants").text)
    assert "19 days left" in words
    assert re.search(r"Next report due \d+ [A-Z][a-z]+ 2025 ahead", words)
    world.clock.now += timedelta(days=19)
    assert "last day" in text_of(ana.get("/grants").text)


def test_the_picture_has_its_table(world: World) -> None:
    grant = world.granted(epsilon="2")
    for amount in (100, 200):
        sql = f"SELECT COUNT(*) AS n FROM applications WHERE amount > {amount}"
        world.sandbox.answer_question.ask(world.person("ana"), grant, sql=sql, epsilon=0.5)
    page = world.browser("ana").get("/grants").text
    (view,) = world.sandbox.access_views.grants(world.person("ana"))
    for spent in view.spending:
        assert f'<td class="figure">{spent.percent:.1f} %</td>' in page
    assert dangers(page) == []


def test_nobody_without_a_grant_sees_empty_numbers(world: World) -> None:
    page = text_of(world.browser("ben").get("/grants").text)
    assert "jobs under way" not in page
    assert "You have no grant in force." in page
