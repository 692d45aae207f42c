"""What an entry of the log says in words."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from sandbox.domain.log_sight import BLINDED, OF_OWNED, OWN, SEALED
from sandbox.language import spoken
from sandbox.portal.pages.log_words import ACTIONS, KINDS, about, done
from tests.portal.example_world import World
from tests.portal.markup import text_of

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("domain", "flows", "store", "isolation", "cli")
_ACTION = re.compile(r"([a-z_]+)\.([a-z_]+)")
# What looks like an action and is a key of a policy, or a file.
KEYS = re.compile(
    r"access\.(conditions|modes|max_days)|budget\.(accounting|delta|epsilon|per_\w+|project_percent|unlisted_delta)"
    r"|release\.(pool|reviewers|threshold)|job\.json|log\.txt|notebook\.(in|lock)|policy\.yaml|site\.yaml|draft\.json"
)


def _texts_of_the_source() -> set[str]:
    found = set()
    for room in ROOMS:
        for path in sorted((ROOT / "sandbox" / room).glob("**/*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return found


def _actions_of_the_source() -> set[str]:
    kinds = {action.partition(".")[0] for action in ACTIONS}
    return {
        text
        for text in _texts_of_the_source()
        if (match := _ACTION.fullmatch(text)) and match[1] in kinds and not KEYS.fullmatch(text)
    }


def test_every_action_that_the_source_names_has_words() -> None:
    found = _actions_of_the_source() | OWN | OF_OWNED | BLINDED | SEALED
    assert {"question.answered", "ledger.recovered", "site.adopted", "review.planted"} <= found
    assert found - set(ACTIONS) == set()


def _events_of_the_source() -> list[ast.Call]:
    return [
        node
        for path in sorted((ROOT / "sandbox").glob("**/*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Event" and len(node.args) > 2
    ]


def test_every_event_that_is_written_out_has_words_and_a_kind() -> None:
    events = _events_of_the_source()
    assert len(events) > 80
    for call in events:
        action, about_ = call.args[1], call.args[2]
        if isinstance(action, ast.Constant):
            assert action.value in ACTIONS
        thing = about_.values[0] if isinstance(about_, ast.JoinedStr) else about_
        if isinstance(thing, ast.Constant):
            assert str(thing.value).partition(":")[0] in KINDS, ast.unparse(call)


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ("dataset:loans", "dataset loans"),
        ("lineage:loans", "budget loans"),
        ("application:3", "application 3"),
        ("ledger", "privacy ledger"),
        ("dataset:a:b", "dataset a:b"),
        ("something:new", "something:new"),
        ("", ""),
    ],
)
def test_what_an_entry_is_about(thing: str, words: str) -> None:
    assert about(thing) == words


def test_an_action_without_words_stays_as_it_is() -> None:
    assert done("x.done") == "x.done"
    assert done("release.voted") == "voted on the output"
    with spoken("zh-Hans"):
        assert done("application.submitted") == "提交了申请"
        assert about("dataset:loans") == "数据集 loans"


def test_the_log_and_an_application_say_it_in_words_beside_the_name(world: World) -> None:
    application = world.granted().application
    log = text_of(world.browser("august").get("/log").text)
    assert "handed in the application application.submitted" in log
    assert f"application.submitted application {application} " in log
    assert "signed the agreement" in text_of(world.browser("ana").get(f"/applications/{application}").text)
    entry = world.sandbox.store.log.entries(action="grant.began", limit=1)[0]
    assert "began the access grant.began" in text_of(world.browser("august").get(f"/log/{entry.seq}").text)
