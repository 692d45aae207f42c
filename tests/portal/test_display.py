"""What a reader chose to see: language and colours."""

from __future__ import annotations

import pytest

from tests.portal.example_world import World


def test_a_page_speaks_the_browsers_language(world: World) -> None:
    assert '<html lang="en"' in world.browser().get("/").text
    page = world.browser().get("/", headers={"Accept-Language": "zh-CN"}).text
    assert '<html lang="zh-Hans"' in page


def test_a_choice_is_kept_and_leads_back(world: World) -> None:
    browser = world.browser("ana")
    answer = browser.send("/display", language="zh-Hans", theme="dark", back="/services/portal/grants")
    assert (answer.status_code, answer.headers["location"]) == (303, "/services/portal/grants")
    page = browser.get("/grants", headers={"Accept-Language": "en"}).text
    assert '<html lang="zh-Hans" data-theme="dark">' in page


def test_a_visitor_chooses_too(world: World) -> None:
    browser = world.browser()
    assert browser.send("/display", language="zh-Hans").status_code == 303
    assert '<html lang="zh-Hans" data-theme="auto">' in browser.get("/").text


@pytest.mark.parametrize("value", ["xx", "", "zh-Hans; Domain=evil", "../../etc", "en\r\nSet-Cookie: a=b"])
def test_only_what_there_is_can_be_chosen(world: World, value: str) -> None:
    browser = world.browser()
    answer = browser.send("/display", language=value, theme=value)
    assert "set-cookie" not in answer.headers
    assert '<html lang="en" data-theme="auto">' in browser.get("/").text


@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "/services/portal//evil", "x"])
def test_it_leads_nowhere_else(world: World, back: str) -> None:
    answer = world.browser().send("/display", language="en", back=back)
    assert answer.headers["location"] == "/services/portal/"


def test_a_form_of_another_site_chooses_nothing(world: World) -> None:
    for token in ({}, {"form_token": "0" * 64}):
        answer = world.browser("ana").post("/display", data={"language": "zh-Hans", **token})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_programs_are_answered_in_english(world: World) -> None:
    answer = world.program("ana").get("/releases/999", headers={"Accept-Language": "zh-CN"})
    assert answer.json()["error"]["message"].isascii()
