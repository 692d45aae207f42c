"""Pages for a reader of Chinese: what the program says by a name or a short word is worded too."""

from __future__ import annotations

import pytest

from sandbox.domain.release import Decision
from sandbox.language import said, spoken
from sandbox.portal.pages import rendering
from sandbox.portal.pages.policy_words import changed, meaning
from tests.portal.example_world import SMALL_CELL_TABLE, World
from tests.portal.markup import text_of
from tests.portal.society_world import furnished


def _read(world: World, who: str, path: str) -> str:
    door = world.browser(who)
    door.headers["Accept-Language"] = "zh-CN"
    page = door.get(path)
    assert page.status_code == 200
    return text_of(page.text)


def test_a_findings_source_and_the_reviewers_are_worded(world: World) -> None:
    released = world.submitted(world.granted())
    world.voted(released, ("rita", Decision.APPROVE, ""), ("ravi", Decision.APPROVE, ""))
    stopped = world.submitted(world.granted("ben", project="Two"), files=(("h.csv", SMALL_CELL_TABLE),))
    page = _read(world, "ben", f"/releases/{stopped.id}")
    assert "（Griffiths 等，2019），频数表" in page
    assert "frequency tables" not in page
    assert "审核员 1" in _read(world, "ana", f"/releases/{released.id}")


def test_clauses_are_worded_where_they_decide(world: World) -> None:
    application = world.granted().application
    page = _read(world, "ana", f"/applications/{application}")
    assert "开放类别" in page
    assert "职责分离" in page
    assert "separation" not in page
    assert "separation of duties" in text_of(world.browser("ana").get(f"/applications/{application}").text)


def test_a_refusal_names_its_clause_in_words(world: World) -> None:
    door = world.browser("ana")
    door.headers["Accept-Language"] = "zh-CN"
    page = text_of(door.get("/people").text)
    assert page.startswith("不允许 ·")  # the window's title as well
    assert "依据：角色" in page


def test_policies_say_what_a_key_means_and_which_dataset(world: World) -> None:
    world.proposed()
    page = _read(world, "olga", "/policies")
    assert "Loan applications" in page
    assert "谱系整个存续期" in page
    english = text_of(world.browser("olga").get("/policies").text)
    assert "The lineage's cap for its whole life, at delta; a decimal in quotes" in english
    assert "Loan applications 策略的变更 1" in _read(world, "olga", "/notices")


def test_a_keys_meaning_is_the_manuals() -> None:
    assert meaning("tables.applications.max_rows", site=False).endswith(".")
    assert meaning("tables.applications", site=False) == ""  # a name that the owner gave
    assert meaning("no.such.key", site=True) == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nothing → 5", "无 → 5"),
        ("adds 'csv'; drops 'png'", "增加 'csv'; 去掉 'png'"),
        ("is taken away", "移除"),
        ("'in another order' → '9'", "'in another order' → '9'"),  # somebody's own words
    ],
)
def test_a_change_is_worded(words: str, told: str) -> None:
    with spoken("zh-Hans"):
        assert changed(words) == told
    assert changed(words) == words


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("'never' has to be a whole number", "'never' 须为整数"),
        (
            "item 2, 'x' is not one of its values; did you mean 'y'?",
            "item 2, 'x' 不是其可取的值；是否想写 'y'？",
        ),
        ("is not a key here; did you mean 'name'?", "此处没有这个键；是否想写 'name'？"),
        ("is a percentage", "须为百分数"),
        ("1 to 100", "1 至 100"),
        ("whole number", "整数"),
    ],
)
def test_what_is_wrong_with_a_key_of_a_policy_is_worded(problem: str, told: str) -> None:
    with spoken("zh-Hans"):
        assert said(problem) == told
    assert said(problem) == problem


def test_lists_name_datasets_by_their_titles(world: World) -> None:
    furnished(world)
    for who, path in (
        ("ana", "/notices"),
        ("ana", "/imports/new"),
        ("olga", "/breaches"),
        ("", "/transparency"),
    ):
        page = _read(world, who, path)
        assert "Loan applications" in page, path
        assert " loans" not in page, path
    assert "人员 " in _read(world, "", "/breaches")  # a pseudonym
    assert "行；不同的单位" in _read(world, "olga", "/owner")


def test_a_page_is_in_the_language_of_who_reads_it_whoever_came_first(world: World) -> None:
    rendering._environment.cache.clear()  # as after a start: a template is made for the first reader
    world.submitted(world.granted())
    assert "人工审核" in _read(world, "rita", "/review")
    page = text_of(world.browser("rita").get("/review").text).partition("Language")[0]
    assert not [sign for sign in page if "\u4e00" <= sign <= "\u9fff"]
    assert "review" in page
