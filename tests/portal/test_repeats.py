"""A form that comes again leads where it led."""

from __future__ import annotations

import re
import threading
import time

import pytest

from sandbox.portal.repeats import KEPT_S, MOST, Repeats
from tests.portal.example_world import World
from tests.portal.markup import text_of
from tests.portal.test_portal_objections import FORM, word_in


def test_the_same_key_is_made_once_and_an_error_is_not_kept() -> None:
    repeats, made = Repeats(), []

    def make() -> int:
        made.append(1)
        if len(made) == 1:
            raise ValueError("no")
        return len(made)

    with pytest.raises(ValueError, match="no"):
        repeats.once("a", make)
    assert [repeats.once("a", make) for _ in range(3)] == [2, 2, 2]
    assert repeats.once("b", make) == 3


def test_it_is_forgotten_after_a_while_and_there_are_not_too_many() -> None:
    now = [0.0]
    repeats = Repeats(clock=lambda: now[0])
    assert repeats.once("a", lambda: 1) == 1
    now[0] = KEPT_S + 1
    assert repeats.once("a", lambda: 2) == 2
    for n in range(MOST + 50):
        repeats.once(f"k{n}", lambda: 0)
    assert len(repeats._found) <= MOST


def test_two_clicks_at_once_are_one() -> None:
    repeats, made = Repeats(), []

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    clicks = [threading.Thread(target=repeats.once, args=("a", make)) for _ in range(4)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert made == [1]


def _filled(world: World, **more: str) -> dict[str, str]:
    page = world.browser().get("/object?dataset=loans").text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    assert len(fields["once"]) > 10
    return {**fields, **FORM, **more}


def test_an_objection_whose_page_is_loaded_anew_is_one(world: World) -> None:
    data = _filled(world)
    first, again = (world.browser().post("/object", data=data) for _ in range(2))
    assert word_in(first.text) == word_in(again.text)
    assert len(world.sandbox.store.objections.all()) == 1
    world.browser().post("/object", data=_filled(world))  # the control: another page, another objection
    assert len(world.sandbox.store.objections.all()) == 2


def test_what_was_taken_back_is_not_acknowledged_again(world: World) -> None:
    data = _filled(world)
    word = word_in(world.browser().post("/object", data=data).text)
    assert world.sandbox.store.suspensions.of("loans")
    world.sandbox.object_to_data.withdraw(1, word)
    page = text_of(world.browser().post("/object", data=data).text)
    assert "It was received" not in page
    assert "withdrawn by objector" in page
    assert len(world.sandbox.store.objections.all()) == 1
    assert not world.sandbox.store.suspensions.of("loans")


def test_a_full_memory_forgets_the_oldest_and_never_what_is_asked_for() -> None:
    repeats = Repeats()
    assert repeats.once("first", lambda: 1) == 1
    for n in range(MOST - 1):
        repeats.once(f"k{n}", lambda: 0)
    assert repeats.once("first", lambda: 2) == 1
    repeats.once("one more", lambda: 0)
    assert repeats.once("first", lambda: 3) == 3


def test_after_the_way_back_what_was_changed_is_sent_as_another(world: World) -> None:
    data = _filled(world)
    world.browser().post("/object", data=data)
    world.browser().post("/object", data={**data, "text": data["text"] + " And something else."})
    assert len(world.sandbox.store.objections.all()) == 2


def test_a_key_of_another_page_shows_nobody_the_word(world: World) -> None:
    word = word_in(world.browser().post("/object", data=_filled(world)).text)
    answer = world.browser().post("/object", data=_filled(world, once=""))
    assert word not in answer.text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"scope": "unit", "unit": "abc"}, "applicant_id is a whole number"),
        ({"scope": "column"}, "It is not said which column it is about."),
    ],
)
def test_a_mistake_is_named_and_nothing_is_kept(world: World, more: dict[str, str], said: str) -> None:
    answer = world.browser().post("/object", data=_filled(world, **more))
    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert world.sandbox.store.objections.all() == ()
    kept = world.browser().post("/object", data=_filled(world, scope="unit", unit="17"))  # the control
    assert kept.status_code == 200


def test_files_have_to_be_chosen_again_and_the_form_says_so(world: World) -> None:
    files = [("evidence", ("a.txt", b"the letter", "text/plain"))]
    answer = world.browser().post("/object", data=_filled(world, text="short"), files=files)
    assert "Choose your file again" in answer.text
    assert "Choose your file again" not in world.browser().post("/object", data=_filled(world, text="s")).text
