"""Texts in the reader's language, and the catalogues that they stand in."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from datetime import date, datetime
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from sandbox import language
from sandbox.language import LANGUAGES, LOCALE, preferred, spoken
from sandbox.language.sentences import Sentences
from sandbox.portal.pages import rendering

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def _texts() -> ModuleType:
    spec = importlib.util.spec_from_file_location("texts", ROOT / "scripts" / "texts.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["texts"] = module
    spec.loader.exec_module(module)
    return module


SENTENCES = Sentences(
    {
        "The dataset {1} is {2}.": "数据集 {1} {2}。",
        "It is {1}.": "它是 {1}。",
        "Apply for a grant.": "请申请授权。",
        "{1} has no table {2}.": "{1} 没有表 {2}。",
        "{1} rows": "{1} 行",
        "closed": "不开放",
        "The dataset {1} is suspended since {2}.": "数据集 {1} 自 {2} 起暂停。",
        "From {1} to {2}.": "{2} 之前，{1} 之后。",
    }
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The dataset loans is closed.", "数据集 loans 不开放。"),  # a value that is a word of ours
        (
            "The dataset loans is suspended since 5 May.",
            "数据集 loans 自 5 May 起暂停。",
        ),  # the closer of two
        ("The dataset is is is closed.", "数据集 is is closed。"),
        ("loans has no table x. Apply for a grant.", "loans 没有表 x。请申请授权。"),
        ("The dataset loans is closed. What nobody knows.", "数据集 loans 不开放。What nobody knows."),
        ("From a to b.", "b 之前，a 之后。"),
        ("12 rows", "12 行"),
        ("What nobody knows.", "What nobody knows."),
        ("", ""),
        ("The dataset {1} is {2}.", "数据集 {1} {2}。"),  # places in a value are text
    ],
)
def test_a_sentence_is_found_again_with_its_values(text: str, told: str) -> None:
    assert SENTENCES.said(text) == told


def test_a_value_that_looks_like_a_place_is_not_filled_in() -> None:
    assert SENTENCES.said("loans{2} has no table {1}.") == "loans{2} 没有表 {1}。"


def test_a_hostile_text_takes_no_longer_than_its_length() -> None:
    """Twice the text, about twice the steps: counted by what is looked for, not by a clock."""
    many = Sentences({" ".join(f"{{{n}}} a" for n in range(1, 9)) + ".": "x"})
    assert many.said("a " * 1_900 + "b.") == "a " * 1_900 + "b."  # a backtracking search would not come back


def test_a_text_longer_than_any_sentence_stays() -> None:
    assert SENTENCES.said("The dataset " + "x" * 5_000 + " is closed.").startswith("The dataset")


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("en-GB,zh;q=0.9", "en"),
        ("de;q=1, zh;q=0.1", "zh-Hans"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=x", "en"),
        (",".join(["de"] * 1_000), "en"),
    ],
)
def test_the_browsers_wish(header: str, tag: str) -> None:
    assert preferred(header) == tag


def test_days_and_moments() -> None:
    when = datetime(2024, 3, 5, 14, 7, 9)  # noqa: DTZ001 - shown as it is
    assert language.day(date(2024, 3, 5)) == "5 March 2024"
    assert language.moment(when) == "5 Mar 2024, 14:07"
    with spoken("zh-Hans"):
        assert language.day(date(2024, 3, 5)) == "2024年3月5日"
        assert language.moment(when, seconds=True) == "2024年3月5日 14:07:09"


def test_a_clause_and_a_verdict_of_one_name_are_two_words() -> None:
    assert language.named("open_class") == "open class"
    with spoken("zh-Hans"):
        assert language.named("open_class") == "开放类别"
        assert language.named("review") != language.gettext("review")
        assert language.named("what_nobody_named") == "what nobody named"


def test_a_sentence_that_ends_in_capitals_or_goes_on_in_another_is_gathered() -> None:
    with spoken("zh-Hans"):
        assert language.said("Write TRUE or FALSE.") == "请写 TRUE 或 FALSE。"
        assert (
            language.said("Request 3 is on hold. Write TRUE or FALSE.")
            == "输出请求 3 已搁置。请写 TRUE 或 FALSE。"
        )
        assert (
            language.said("a.csv fails a check (small_count): why") == "a.csv 未通过检查（small_count）：why"
        )


def test_a_percent_sign_between_the_words_of_a_page_is_found() -> None:
    """Pages are rendered with it doubled, and so is the text in the catalogue."""
    page = rendering._environment.from_string(
        "{% trans %}Bars are the noisy values, lines their 95 % intervals.{% endtrans %}"
    )
    with spoken("zh-Hans"):
        assert page.render() == "条形是加噪后的数值，线段是其 95 % 区间。"
    assert page.render() == "Bars are the noisy values, lines their 95 % intervals."


def test_an_unknown_language_is_english() -> None:
    with spoken("xx"):
        assert language.speaking() == "en"
        assert language.gettext("Sign in") == "Sign in"


@functools.cache
def _fresh(tag: str) -> Catalog:
    return _texts().fresh(tag)


OTHERS = [tag.replace("-", "_") for tag in LANGUAGES if tag != language.SOURCE]


@pytest.mark.parametrize("tag", OTHERS)
def test_the_catalogue_has_the_texts_of_the_source(tag: str) -> None:
    """The way to mend it: python scripts/texts.py"""
    texts = _texts()
    with (LOCALE / tag / texts.FILE).open("rb") as file:
        kept = {message.id for message in read_po(file) if message.id}
    now = {message.id for message in _fresh(tag) if message.id}
    assert kept == now


@pytest.mark.parametrize("tag", OTHERS)
def test_every_text_is_translated(tag: str) -> None:
    assert _texts().missing(_fresh(tag)) == []


@pytest.mark.parametrize("tag", OTHERS)
def test_a_translation_has_the_places_of_its_text(tag: str) -> None:
    place = re.compile(r"\{\w+\}|%\([a-z_]+\)s|%s|%d")
    for message in _fresh(tag):
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        if message.id and all(forms):
            wanted = set(place.findall(ids[-1]))
            assert all(set(place.findall(form)) == wanted for form in forms), message.id
